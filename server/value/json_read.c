#include "value/json.h"

#include <jansson.h>
#include <pthread.h>

#include "base/limits.h"
#include "base/random.h"
#include "base/require.h"

/* Where jansson's memory comes from.
 *
 * jansson builds a tree whose size a sender chooses: 1 MiB of `[0,0,…` becomes 25 MiB, and as
 * many `{}` as fit would become 77. So each parse gets an arena of its own with a cap; past
 * that it is left at once by the arena's guard, through jansson's frames, which is sound
 * because jansson holds nothing but this memory (no lock, no file). The arena is dropped in one
 * place on every way out, so no tree can leak and none is freed piece by piece. While it is
 * held nothing else may leave: the room for the result is taken before, and what is told about
 * an error is told after.
 *
 * jansson has one pair of allocation functions for the process; which arena they mean is a
 * thread's own matter. */

/** The arena's hard cap, where a parse is left, is four times this. */
constexpr size_t TREE_BYTES_SOFT = 16 * MIB;
constexpr size_t TREE_ALIGNMENT = 16;
static_assert(TREE_ALIGNMENT >= alignof(max_align_t));

static thread_local struct arena *tree_arena;

static void *tree_take(size_t bytes)
{
    require(tree_arena != nullptr);
    /* Nothing else takes from this arena, so whole multiples keep each piece aligned. */
    size_t whole = (bytes + TREE_ALIGNMENT - 1) & ~(TREE_ALIGNMENT - 1);
    require(whole >= bytes);
    char *taken = arena_take_raw(tree_arena, whole);
    require(((uintptr_t)taken & (TREE_ALIGNMENT - 1)) == 0);
    return taken;
}

static void tree_give(void *memory)
{
    /* The arena gives all of it back at once. */
    (void)memory;
}

static void jansson_start(void)
{
    json_set_alloc_funcs(tree_take, tree_give);
    /* An own seed: jansson's would read a file. 0 would mean "choose one". */
    json_object_seed((size_t)random_uint64() | 1);
}

/** What one look at the text finds, before anything is built from it. */
struct outline {
    bool is_too_deep;
    size_t too_deep_at;
    size_t
        float_count_max; /** points and exponents outside of texts: floats are no more than these */
};

/** Behind the closing quote of a text whose first byte is at `at`. */
static size_t text_end(str text, size_t at)
{
    while (at < text.len && text.at[at] != '"') at += text.at[at] == '\\' ? 2 : 1;
    return at + 1;
}

/** Up to the first error of the text this sees the same brackets as jansson, so jansson's
 *  recursion is bounded. */
static struct outline outline_of(str text)
{
    struct outline outline = {};
    uint32_t depth = 0;
    size_t at = 0;
    while (at < text.len) {
        char byte = text.at[at];
        at++;
        switch (byte) {
        case '"':
            at = text_end(text, at);
            break;
        case '[':
        case '{':
            depth++;
            if (depth <= VALUE_DEPTH_MAX) break;
            outline.is_too_deep = true;
            outline.too_deep_at = at - 1;
            return outline;
        case ']':
        case '}':
            if (depth > 0) depth--;
            break;
        case '.':
        case 'e':
        case 'E':
            outline.float_count_max++;
            break;
        default:
            break;
        }
    }
    return outline;
}

/** No value is longer encoded than as text, but for floats (`1e1` is 9 bytes) and the length of
 *  long texts. */
static size_t encoded_bytes_max(str text, const struct outline *outline)
{
    constexpr size_t float_growth = 8;
    constexpr size_t length_share =
        64; /** a length grows by 3 bytes behind 65,536 of text, by 1 behind 256 */
    return text.len + outline->float_count_max * float_growth + text.len / length_share + 16;
}

static void tree_pack(struct buf *out, const json_t *tree);

static void object_pack(struct buf *out, const json_t *object)
{
    pack_map(out, (uint32_t)json_object_size(object));
    /* The iterator's type wants no const; nothing is changed through it. */
    json_t *iterated = (json_t *)(uintptr_t)object;
    for (void *at = json_object_iter(iterated); at != nullptr;
         at = json_object_iter_next(iterated, at)) {
        pack_text(out, (str){json_object_iter_key(at), json_object_iter_key_len(at)});
        tree_pack(out, json_object_iter_value(at));
    }
}

static void array_pack(struct buf *out, const json_t *array)
{
    size_t count = json_array_size(array);
    pack_list(out, (uint32_t)count);
    for (size_t at = 0; at < count; at++) tree_pack(out, json_array_get(array, at));
}

static void tree_pack(struct buf *out, const json_t *tree)
{
    switch (json_typeof(tree)) {
    case JSON_OBJECT:
        object_pack(out, tree);
        return;
    case JSON_ARRAY:
        array_pack(out, tree);
        return;
    case JSON_STRING:
        pack_text(out, (str){json_string_value(tree), json_string_length(tree)});
        return;
    case JSON_INTEGER:
        pack_int(out, json_integer_value(tree));
        return;
    case JSON_REAL: {
        double number = json_real_value(tree);
        pack_float(out, number == 0 ? 0.0 : number); /* -0.0 is 0.0 */
        return;
    }
    case JSON_TRUE:
        pack_bool(out, true);
        return;
    case JSON_FALSE:
        pack_bool(out, false);
        return;
    case JSON_NULL:
        pack_nil(out);
        return;
    }
}

struct reading {
    str text;
    struct buf *out;
    json_error_t error;
};

static enum err reading_run(void *argument)
{
    struct reading *reading = argument;
    json_t *tree = json_loadb(reading->text.at, reading->text.len,
                              JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &reading->error);
    if (tree == nullptr) return ERR_UNREADABLE;
    tree_pack(reading->out, tree);
    return ERR_NONE;
}

/** Parses in an arena of its own; leaves nothing behind but the bytes in `out`, which has room
 *  for them. */
static enum err reading_guarded(struct reading *reading)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    require(pthread_once(&once, jansson_start) == 0);
    struct arena arena;
    arena_init(&arena, TREE_BYTES_SOFT);
    tree_arena = &arena;
    enum err err = arena_guard(&arena, reading_run, reading);
    tree_arena = nullptr;
    arena_drop(&arena);
    return err;
}

static enum err fail_at(struct task *task, str text, size_t offset, const char *reason)
{
    size_t line = 1;
    size_t column = 1;
    for (size_t at = 0; at < offset; at++) {
        bool continues_code_point = ((uint8_t)text.at[at] & 0xc0) == 0x80;
        if (text.at[at] == '\n') line++, column = 1;
        else if (!continues_code_point) column++;
    }
    return fail(task, ERR_UNREADABLE, "JSON, line %zu, column %zu: %s", line, column, reason);
}

/** Clear words for what jansson found; nullptr where its own are clear. */
static const char *reason_of(const json_error_t *error)
{
    switch (json_error_code(error)) {
    case json_error_invalid_utf8:
        return "the text is not valid UTF-8";
    case json_error_premature_end_of_input:
        return "the text ends too early";
    case json_error_end_of_input_expected:
        return "there is more behind the end of the value";
    case json_error_null_character:
    case json_error_null_byte_in_key:
        return "the character \\u0000 is not allowed";
    case json_error_duplicate_key:
        return "this key stands twice in the object";
    case json_error_numeric_overflow:
        return "the number is out of range (integers have 64 bits with sign)";
    case json_error_stack_overflow:
        return "the nesting is too deep";
    case json_error_invalid_syntax:
    case json_error_unknown:
    case json_error_out_of_memory:
    case json_error_cannot_open_file:
    case json_error_invalid_argument:
    case json_error_invalid_format:
    case json_error_wrong_type:
    case json_error_null_value:
    case json_error_item_not_found:
    case json_error_index_out_of_range:
        return nullptr;
    }
    return nullptr;
}

static enum err fail_read(struct task *task, const json_error_t *error)
{
    const char *reason = reason_of(error);
    return fail(task, ERR_UNREADABLE, "JSON, line %d, column %d: %s", error->line,
                error->column < 1 ? 1 : error->column, reason == nullptr ? error->text : reason);
}

static bool is_blank(str text)
{
    for (size_t at = 0; at < text.len; at++)
        if (str_find_byte(S(" \t\r\n"), text.at[at]) == SIZE_MAX) return false;
    return true;
}

enum err json_read(struct task *task, str text, struct buf *out)
{
    if (text.len > BODY_BYTES_MAX)
        return fail(task, ERR_TOO_LARGE, "JSON of more than %zu bytes", BODY_BYTES_MAX);
    if (is_blank(text)) return fail(task, ERR_UNREADABLE, "JSON: the text is empty");
    if (str_starts(text, S("\xef\xbb\xbf")))
        return fail_at(task, text, 0, "a byte order mark does not belong here");
    /* jansson overlooks a NUL behind a number. */
    size_t nul_at = str_find_byte(text, 0);
    if (nul_at != SIZE_MAX) return fail_at(task, text, nul_at, "a NUL byte is not allowed");
    struct outline outline = outline_of(text);
    if (outline.is_too_deep) {
        const char *reason = "the nesting is deeper than 32";
        static_assert(VALUE_DEPTH_MAX == 32);
        return fail_at(task, text, outline.too_deep_at, reason);
    }

    size_t room = encoded_bytes_max(text, &outline);
    size_t allowed = out->len < out->max ? out->max - out->len : 0;
    (void)buf_room(out, room < allowed ? room : allowed);
    size_t from = out->len;
    struct reading reading = {.text = text, .out = out};
    enum err err = reading_guarded(&reading);
    require(out->len - from <= room);
    if (err == ERR_TOO_LARGE) return fail(task, err, "JSON of too many values");
    if (err == ERR_UNREADABLE) return fail_read(task, &reading.error);
    if (buf_is_over(out)) return fail(task, ERR_TOO_LARGE, "JSON whose value is too large");
    return err;
}
