#include "api/rules_guide.h"

#include "base/buf.h"
#include "base/limits.h"
#include "base/require.h"
#include "value/json.h"

constexpr size_t GUIDE_BYTES_MAX = 4 * MIB;

static const char guide_text[] = {
#embed "../../lua/guide.md"
};

#define LIMIT(name) \
    { \
        S(#name), (int64_t)name \
    }

/** The numbers that the guide names, `{RULE_FUEL_MAX}`. */
static const struct {
    str name;
    int64_t value;
} limits[] = {
    LIMIT(RULE_SOURCE_BYTES_MAX),  LIMIT(RULES_OF_TENANT_MAX),    LIMIT(RULE_FUEL_MAX),
    LIMIT(RULE_CHAIN_FUEL_MAX),    LIMIT(RULE_BYTES_MAX),         LIMIT(RULE_CPU_MS_MAX),
    LIMIT(RULE_CHAIN_CPU_MS_MAX),  LIMIT(RULE_DEPTH_MAX),         LIMIT(RULE_WRITES_MAX),
    LIMIT(RULE_READS_MAX),         LIMIT(RULE_FIND_MAX),          LIMIT(RULE_EFFECTS_MAX),
    LIMIT(RULE_MAILS_MAX),         LIMIT(RULE_LOG_LINES_MAX),     LIMIT(RULE_LOG_LINE_BYTES_MAX),
    LIMIT(RULE_MESSAGE_BYTES_MAX), LIMIT(RULE_SHARE_MS_A_MINUTE), LIMIT(RULE_OVERRUNS_MAX),
    LIMIT(RULE_TESTS_MAX),         LIMIT(RULE_VERSIONS_MAX),
};
constexpr size_t limit_count = sizeof limits / sizeof limits[0];

/** The guide with its numbers. What stands in braces and is no limit stays. */
static void put_guide(struct buf *out)
{
    str rest = {guide_text, sizeof guide_text};
    while (rest.len > 0) {
        size_t brace = str_find_byte(rest, '{');
        buf_put(out, str_first(rest, brace));
        rest = str_from(rest, brace);
        size_t at = 0;
        for (; at < limit_count; at++) {
            str behind = str_from(rest, 1);
            str name = limits[at].name;
            if (str_starts(behind, name) && behind.len > name.len && behind.at[name.len] == '}')
                break;
        }
        if (at < limit_count) {
            buf_print(out, "%lld", (long long)limits[at].value);
            rest = str_from(rest, limits[at].name.len + 2);
        } else {
            buf_put(out, str_first(rest, 1));
            rest = str_from(rest, 1);
        }
    }
}

/* The reference, as text. */

static str text_of(const struct value *map, const char *name)
{
    return value_text_in(map->bytes, str_of(name));
}

static void put_name(struct buf *out, const struct value *name, str *table)
{
    str own = text_of(name, "table"), example = text_of(name, "example");
    if (!str_eq(own, *table)) {
        buf_print(out, "\n### %.*s\n", FMT(own));
        *table = own;
    }
    buf_print(out, "\n    %.*s\n\n%.*s\n", FMT(text_of(name, "signature")),
              FMT(text_of(name, "text")));
    if (example.len > 0) buf_print(out, "Example: `%.*s`\n", FMT(example));
}

static void put_names(struct buf *out, const struct value *names)
{
    struct cursor cursor = cursor_of(names->items);
    struct value name;
    str table = {};
    if (names->count > 0) buf_put(out, S("\n## Reference\n"));
    for (uint32_t at = 0; at < names->count && value_next(&cursor, &name); at++)
        put_name(out, &name, &table);
}

/** Each line of a text that may have many, four blanks before it. */
static void put_code(struct buf *out, str code)
{
    code = str_trim(code);
    while (code.len > 0) {
        str line;
        (void)str_cut(code, '\n', &line, &code);
        buf_print(out, line.len > 0 ? "    %.*s\n" : "%.*s\n", FMT(line));
    }
}

static void put_example(struct buf *out, const struct value *example)
{
    static const char *const told[] = {"when", "changed", "on", "set", "every"};
    struct value rule, part;
    if (!value_find_text(example->bytes, S("attributes"), &rule)) return;
    buf_print(out, "\n### %.*s\n\n%.*s\n\n", FMT(text_of(&rule, "name")),
              FMT(text_of(&rule, "note")));
    buf_print(out, "`%.*s` of `%.*s`", FMT(text_of(&rule, "point")), FMT(text_of(&rule, "entity")));
    for (size_t at = 0; at < sizeof told / sizeof told[0]; at++) {
        if (!value_find_text(rule.bytes, str_of(told[at]), &part)) continue;
        buf_print(out, ", %s `", told[at]);
        json_write(out, &part);
        buf_put_byte(out, '`');
    }
    buf_put(out, S("\n\n"));
    if (text_of(&rule, "reject").len > 0)
        buf_print(out, "Rejects: %.*s\n\n", FMT(text_of(&rule, "reject")));
    put_code(out, text_of(&rule, "source"));
}

static void put_examples(struct buf *out, const struct value *examples)
{
    struct cursor cursor = cursor_of(examples->items);
    struct value example;
    if (examples->count > 0) buf_put(out, S("\n## Examples\n"));
    for (uint32_t at = 0; at < examples->count && value_next(&cursor, &example); at++)
        put_example(out, &example);
}

/* Markdown as a page. */

static void put_escaped(struct buf *html, char byte)
{
    if (byte == '<') buf_put(html, S("&lt;"));
    else if (byte == '>') buf_put(html, S("&gt;"));
    else if (byte == '&') buf_put(html, S("&amp;"));
    else if (byte == '"') buf_put(html, S("&quot;"));
    else buf_put_byte(html, byte);
}

/** Words of a line: code between backquotes, emphasis between stars. */
static void put_words(struct buf *html, str line)
{
    bool is_code = false, is_strong = false;
    for (size_t at = 0; at < line.len; at++) {
        char byte = line.at[at];
        if (byte == '`') {
            buf_put(html, is_code ? S("</code>") : S("<code>"));
            is_code = !is_code;
        } else if (byte == '*' && !is_code) {
            buf_put(html, is_strong ? S("</em>") : S("<em>"));
            is_strong = !is_strong;
        } else {
            put_escaped(html, byte);
        }
    }
    if (is_code) buf_put(html, S("</code>"));
    if (is_strong) buf_put(html, S("</em>"));
}

/** `| a | b |`; a bar within code belongs to the code. */
static void put_row(struct buf *html, str line, const char *cell)
{
    bool is_code = false;
    size_t from = 1;
    buf_put(html, S("<tr>"));
    for (size_t at = 1; at < line.len; at++) {
        if (line.at[at] == '`') is_code = !is_code;
        if (line.at[at] != '|' || is_code) continue;
        buf_print(html, "<%s>", cell);
        put_words(html, str_trim((str){line.at + from, at - from}));
        buf_print(html, "</%s>", cell);
        from = at + 1;
    }
    buf_put(html, S("</tr>\n"));
}

enum block : uint8_t { BLOCK_NONE, BLOCK_PARAGRAPH, BLOCK_CODE, BLOCK_TABLE };

static void block_end(struct buf *html, enum block *block)
{
    switch (*block) {
    case BLOCK_NONE:
        break;
    case BLOCK_PARAGRAPH:
        buf_put(html, S("</p>\n"));
        break;
    case BLOCK_CODE:
        buf_put(html, S("</pre>\n"));
        break;
    case BLOCK_TABLE:
        buf_put(html, S("</table>\n"));
        break;
    }
    *block = BLOCK_NONE;
}

static void block_begin(struct buf *html, enum block *block, enum block wanted, str begin)
{
    if (*block == wanted) return;
    block_end(html, block);
    buf_put(html, begin);
    *block = wanted;
}

static void put_heading(struct buf *html, str line)
{
    size_t level = 0;
    while (level < line.len && line.at[level] == '#') level++;
    buf_print(html, "<h%zu>", level);
    put_words(html, str_trim(str_from(line, level)));
    buf_print(html, "</h%zu>\n", level);
}

static void put_line(struct buf *html, enum block *block, str line)
{
    if (str_starts(line, S("    "))) {
        block_begin(html, block, BLOCK_CODE, S("<pre>"));
        line = str_from(line, 4);
        for (size_t at = 0; at < line.len; at++) put_escaped(html, line.at[at]);
        buf_put_byte(html, '\n');
    } else if (line.len == 0) {
        if (*block != BLOCK_CODE) block_end(html, block);
        else buf_put_byte(html, '\n');
    } else if (line.at[0] == '#') {
        block_end(html, block);
        put_heading(html, line);
    } else if (line.at[0] == '|') {
        bool is_head = *block != BLOCK_TABLE;
        block_begin(html, block, BLOCK_TABLE, S("<table>\n"));
        if (!str_starts(line, S("| ---"))) put_row(html, line, is_head ? "th" : "td");
    } else {
        block_begin(html, block, BLOCK_PARAGRAPH, S("<p>"));
        put_words(html, line);
        buf_put_byte(html, '\n');
    }
}

void guide_html(struct buf *html, str markdown)
{
    enum block block = BLOCK_NONE;
    buf_put(html, S("<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\">"
                    "<title>Writing rules</title>\n"));
    while (markdown.len > 0) {
        str line;
        (void)str_cut(markdown, '\n', &line, &markdown);
        put_line(html, &block, line);
    }
    block_end(html, &block);
    buf_put(html, S("</html>\n"));
}

/* All of it. */

static void put_json(struct buf *json, str guide, const struct value *names,
                     const struct value *examples)
{
    struct cursor cursor = cursor_of(examples->items);
    struct value example, name, part;
    buf_put(json, S("{\"guide\":"));
    json_write_text(json, guide);
    buf_put(json, S(",\"limits\":{"));
    for (size_t at = 0; at < limit_count; at++)
        buf_print(json, "%s\"%.*s\":%lld", at == 0 ? "" : ",", FMT(limits[at].name),
                  (long long)limits[at].value);
    buf_put(json, S("},\"names\":"));
    json_write(json, names);
    buf_put(json, S(",\"examples\":["));
    for (uint32_t at = 0; at < examples->count && value_next(&cursor, &example); at++) {
        if (!value_find_text(example.bytes, S("attributes"), &part) ||
            !value_find_text(example.bytes, S("name"), &name))
            continue;
        buf_put(json, at > 0 ? S(",{\"example\":") : S("{\"example\":"));
        json_write(json, &name);
        buf_put(json, S(",\"rule\":"));
        json_write(json, &part);
        buf_put_byte(json, '}');
    }
    buf_put(json, S("]}"));
}

/** The list under a name, or an empty one. */
static struct value list_of(str map, str name)
{
    static const char none[] = {(char)0x90};
    struct value list;
    bool is_list = map.len > 0 && value_find_text(map, name, &list) && list.kind == VALUE_LIST;
    return is_list ? list : value_of((str){none, 1});
}

enum err guide_make(struct task *task, struct arena *arena, const struct rule_texts *texts,
                    struct guide *guide_out)
{
    struct buf names = buf_make(task->arena, GUIDE_BYTES_MAX);
    if (texts->names.len > 0) TRY(json_read(task, texts->names, &names));
    if (texts->examples.len > 0) TRY(value_check(task, texts->examples));
    struct value name_list = list_of(buf_str(&names), S("names"));
    struct value example_list = list_of(texts->examples, S("rules"));
    struct buf markdown = buf_make(arena, GUIDE_BYTES_MAX);
    put_guide(&markdown);
    str guide = buf_str(&markdown);
    struct buf json = buf_make(arena, GUIDE_BYTES_MAX), html = buf_make(arena, GUIDE_BYTES_MAX);
    put_json(&json, guide, &name_list, &example_list);
    put_names(&markdown, &name_list);
    put_examples(&markdown, &example_list);
    guide_html(&html, buf_str(&markdown));
    require(!buf_is_over(&markdown) && !buf_is_over(&json) && !buf_is_over(&html));
    *guide_out = (struct guide){buf_str(&json), buf_str(&markdown), buf_str(&html)};
    return ERR_NONE;
}
