#include "work/import_request.h"

#include "base/limits.h"
#include "value/json.h"

constexpr size_t SETTING_BYTES_MAX = 64 * KIB;

static bool text_of(struct task *task, str name, const struct value *given, str *text_out)
{
    if (given->kind == VALUE_TEXT && given->text.len <= SETTING_BYTES_MAX) {
        *text_out = given->text;
        return true;
    }
    task_fault(task, name, S("type"), "must be a text");
    return false;
}

static bool flag_of(struct task *task, str name, const struct value *given, bool *flag_out)
{
    bool is_word = given->kind == VALUE_TEXT &&
                   (str_eq(given->text, S("true")) || str_eq(given->text, S("false")));
    if (given->kind == VALUE_BOOL) *flag_out = given->boolean;
    else if (is_word) *flag_out = str_eq(given->text, S("true"));
    else task_fault(task, name, S("type"), "must be true or false");
    return given->kind == VALUE_BOOL || is_word;
}

/** An object, or its JSON as text. */
static void set_map(struct task *task, struct import_request *request, const struct value *given)
{
    if (given->kind == VALUE_TEXT) {
        request->map = given->text;
        return;
    }
    if (given->kind != VALUE_MAP) {
        task_fault(task, S("map"), S("type"), "must be an object such as {\"Company\": \"name\"}");
        return;
    }
    struct buf json = buf_make(task->arena, SETTING_BYTES_MAX);
    json_write(&json, given);
    if (buf_is_over(&json)) task_fault(task, S("map"), S("length"), "is too large");
    else if (given->count > 0) request->map = buf_str(&json);
}

static void set_empty_words(struct task *task, struct import_request *request,
                            const struct value *given)
{
    request->has_empty_words = true;
    if (given->kind == VALUE_TEXT) {
        request->empty_words = given->text;
        return;
    }
    struct buf words = buf_make(task->arena, SETTING_BYTES_MAX);
    struct cursor cursor = cursor_of(given->items);
    struct value word;
    bool is_list = given->kind == VALUE_LIST;
    for (uint32_t at = 0; is_list && at < given->count && value_next(&cursor, &word); at++) {
        is_list = word.kind == VALUE_TEXT && str_find_byte(word.text, ',') == SIZE_MAX;
        if (at > 0) buf_put_byte(&words, ',');
        if (is_list) buf_put(&words, word.text);
    }
    if (!is_list || buf_is_over(&words))
        task_fault(task, S("empty_words"), S("type"), "must be a list of words without commas");
    else request->empty_words = buf_str(&words);
}

static void set_empty(struct task *task, struct import_request *request, const struct value *given)
{
    bool is_clear = given->kind == VALUE_TEXT && str_eq(given->text, S("clear"));
    bool is_keep = given->kind == VALUE_TEXT && str_eq(given->text, S("keep"));
    if (!is_clear && !is_keep)
        task_fault(task, S("empty"), S("choice"),
                   "must be `clear` or `keep`: what an empty cell does to a record that is there");
    else request->is_clearing = is_clear;
}

/** An object, or its JSON as text. */
static void set_rules(struct task *task, struct import_request *request, const struct value *given)
{
    struct value map = *given;
    struct buf read = buf_make(task->arena, SETTING_BYTES_MAX);
    if (given->kind == VALUE_TEXT && json_read(task, given->text, &read) == ERR_NONE)
        map = value_of(buf_str(&read));
    request->choice_count = import_choices_read(task, &map, request->choices);
}

/** `{"empty": "keep", "empty_words": ["NULL"], "format": …, "sheet": …}` */
static void set_settings(struct task *task, struct import_request *request,
                         const struct value *given)
{
    static const str names[] = {S("empty"), S("empty_words"), S("format"), S("sheet")};
    if (given->kind != VALUE_MAP) {
        task_fault(task, S("settings"), S("type"), "must be an object");
        return;
    }
    struct cursor pairs = cursor_of(given->items);
    struct value key, value;
    for (uint32_t at = 0; at < given->count; at++) {
        if (!value_next(&pairs, &key) || !value_next(&pairs, &value)) return;
        bool is_setting = false;
        for (size_t known = 0; known < sizeof names / sizeof names[0]; known++)
            is_setting = is_setting || str_eq(key.text, names[known]);
        if (!is_setting || !import_request_set(task, request, key.text, &value))
            task_fault(task, key.text, S("unknown"),
                       "is no setting; there are empty, empty_words, format, sheet");
    }
}

bool import_request_set(struct task *task, struct import_request *request, str name,
                        const struct value *given)
{
    str word;
    if (str_eq(name, S("map"))) {
        set_map(task, request, given);
    } else if (str_eq(name, S("match"))) {
        (void)text_of(task, name, given, &request->match);
    } else if (str_eq(name, S("mode"))) {
        request->has_mode = text_of(task, name, given, &word);
        if (request->has_mode && !import_mode_find(word, &request->mode))
            task_fault(task, name, S("choice"), "must be create, update or upsert");
    } else if (str_eq(name, S("format"))) {
        if (text_of(task, name, given, &word) && !table_format_find(word, &request->table.format))
            task_fault(task, name, S("choice"), "must be csv, ndjson or xlsx");
    } else if (str_eq(name, S("sheet"))) {
        (void)text_of(task, name, given, &request->table.sheet);
    } else if (str_eq(name, S("preview"))) {
        (void)flag_of(task, name, given, &request->is_preview);
    } else if (str_eq(name, S("rules"))) {
        set_rules(task, request, given);
    } else if (str_eq(name, S("settings"))) {
        set_settings(task, request, given);
    } else if (str_eq(name, S("empty"))) {
        set_empty(task, request, given);
    } else if (str_eq(name, S("empty_words"))) {
        set_empty_words(task, request, given);
    } else {
        return false;
    }
    return true;
}

void import_request_fill(struct import_request *request, const struct import_request *saved)
{
    if (request->map.len == 0) request->map = saved->map;
    if (request->match.len == 0) request->match = saved->match;
    if (!request->has_mode) {
        request->has_mode = saved->has_mode;
        request->mode = saved->mode;
    }
    if (!request->has_empty_words) {
        request->has_empty_words = saved->has_empty_words;
        request->empty_words = saved->empty_words;
    }
    request->is_clearing |= saved->is_clearing;
    if (request->table.format == TABLE_UNKNOWN) request->table.format = saved->table.format;
    if (request->table.sheet.len == 0) request->table.sheet = saved->table.sheet;
}

void import_request_put(struct buf *out, const struct import_request *request)
{
    pack_list(out, 13);
    pack_bytes(out, id_bytes(&request->upload));
    pack_text(out, request->entity);
    pack_text(out, request->map);
    pack_text(out, request->match);
    pack_int(out, request->has_mode ? request->mode : -1);
    pack_bool(out, request->has_empty_words);
    pack_text(out, request->empty_words);
    pack_bool(out, request->is_clearing);
    pack_bool(out, request->is_preview);
    pack_int(out, request->table.format);
    pack_text(out, request->table.sheet);
    pack_bool(out, request->is_own);
    pack_list(out, 2 * request->choice_count);
    for (uint32_t at = 0; at < request->choice_count; at++) {
        pack_bytes(out, id_bytes(&request->choices[at].rule));
        pack_int(out, request->choices[at].choice);
    }
}

static bool choices_read(const struct value *list, struct import_request *request)
{
    struct cursor cursor = cursor_of(list->items);
    struct value rule, choice;
    if (list->count > 2 * IMPORT_CHOICES_MAX || list->count % 2 != 0) return false;
    request->choice_count = list->count / 2;
    for (uint32_t at = 0; at < request->choice_count; at++) {
        struct settled_choice *into = &request->choices[at];
        if (!value_next(&cursor, &rule) || rule.kind != VALUE_BYTES ||
            !id_of_bytes(rule.text, &into->rule) || !value_next(&cursor, &choice) ||
            choice.kind != VALUE_INT || choice.integer < 0 || choice.integer > RULE_NOT)
            return false;
        into->choice = (enum rule_in_imports)choice.integer;
    }
    return true;
}

bool import_request_read(str packed, struct import_request *request_out)
{
    static const enum value_kind kinds[] = {
        VALUE_BYTES, VALUE_TEXT, VALUE_TEXT, VALUE_TEXT, VALUE_INT,  VALUE_BOOL, VALUE_TEXT,
        VALUE_BOOL,  VALUE_BOOL, VALUE_INT,  VALUE_TEXT, VALUE_BOOL, VALUE_LIST,
    };
    constexpr size_t count = sizeof kinds / sizeof kinds[0];
    struct value list = value_of(packed), found[count];
    struct cursor cursor = cursor_of(list.items);
    if (list.kind != VALUE_LIST || list.count != count) return false;
    for (size_t at = 0; at < count; at++)
        if (!value_next(&cursor, &found[at]) || found[at].kind != kinds[at]) return false;
    if (found[4].integer > IMPORT_UPSERT || found[9].integer > TABLE_XLSX) return false;
    *request_out = (struct import_request){
        .is_own = found[11].boolean,
        .entity = found[1].text,
        .map = found[2].text,
        .match = found[3].text,
        .has_mode = found[4].integer >= 0,
        .mode = found[4].integer >= 0 ? (enum import_mode)found[4].integer : IMPORT_CREATE,
        .has_empty_words = found[5].boolean,
        .empty_words = found[6].text,
        .is_clearing = found[7].boolean,
        .is_preview = found[8].boolean,
        .table = {.format = (enum table_format)found[9].integer, .sheet = found[10].text},
    };
    return id_of_bytes(found[0].text, &request_out->upload) &&
           choices_read(&found[12], request_out);
}

void import_request_options(const struct import_request *request, struct import_options *options)
{
    options->table = request->table;
    options->map = request->map;
    options->match = request->match;
    options->mode = request->mode;
    if (!request->has_mode) options->mode = request->match.len > 0 ? IMPORT_UPSERT : IMPORT_CREATE;
    options->empty_words = request->has_empty_words ? request->empty_words : S(IMPORT_EMPTY_WORDS);
    options->is_clearing = request->is_clearing;
    options->is_preview = request->is_preview;
    options->choices = request->choices;
    options->choice_count = request->choice_count;
}
