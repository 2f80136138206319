#include "model/condition.h"

#include "base/fold.h"
#include "base/require.h"
#include "value/json.h"

/** A place in a tree that is being read. */
struct spot {
    struct task *task;
    struct condition_form *form;
    str path;
    uint32_t depth;
};

/** Which field a name means, with an operation. */
struct subject {
    const struct field *of;
    const struct field *field;
    enum test_op op;
    str path;
};

static const struct {
    str word;
    enum test_op op;
} ops[] = {
    {{"gt", 2}, TEST_GREATER},     {{"gte", 3}, TEST_GREATER_EQUAL}, {{"lt", 2}, TEST_LESS},
    {{"lte", 3}, TEST_LESS_EQUAL}, {{"ne", 2}, TEST_NOT_EQUAL},      {{"prefix", 6}, TEST_PREFIX},
    {{"empty", 5}, TEST_EMPTY},
};

static bool op_of(str word, enum test_op *op_out)
{
    for (size_t at = 0; at < sizeof ops / sizeof ops[0]; at++)
        if (str_eq(word, ops[at].word)) return *op_out = ops[at].op, true;
    return false;
}

static str path_member(struct task *task, str path, str name)
{
    str shown = utf8_first(name, 64);
    return path.len == 0 ? arena_copy(task->arena, shown)
                         : arena_print(task->arena, "%.*s.%.*s", FMT(path), FMT(shown));
}

#define spot_fault(spot, path, code, ...) \
    (task_fault((spot)->task, (path), S(code), __VA_ARGS__), false)

struct key_list texts_folded(struct arena *arena, const struct value *stored)
{
    bool is_list = stored->kind == VALUE_LIST;
    uint32_t count = is_list ? stored->count : 1;
    struct key_list texts = {0, arena_new(arena, str, count)};
    struct cursor cursor = cursor_of(is_list ? stored->items : stored->bytes);
    struct value item;
    for (uint32_t at = 0; at < count && value_next(&cursor, &item); at++) {
        struct cursor inner = cursor_of(item.items);
        struct value text = item; /* an e-mail is a list that begins with its address */
        if (item.kind == VALUE_LIST && !value_next(&inner, &text)) continue;
        if (text.kind == VALUE_TEXT) texts.items[texts.count++] = fold(arena, text.text);
    }
    return texts;
}

/* Names. */

static str indexed_names(struct arena *arena, const struct entity *entity, struct sight sight)
{
    struct buf known = buf_make(arena, 4096);
    for (uint32_t at = 0; at < entity->field_count; at++) {
        const struct field *field = &entity->fields[at];
        if (!field->is_indexed || !sight_shows(sight, field)) continue;
        buf_print(&known, "%s%.*s", known.len == 0 ? "" : ", ", FMT(field->name));
    }
    return buf_str(&known);
}

static bool check_index(const struct spot *spot, const struct field *field, str path)
{
    if (field->kind == FIELD_SECRET)
        return spot_fault(spot, path, "index", "is a secret: nothing is found or decided by it");
    if (!spot->form->needs_index || field->is_indexed) return true;
    if (field->is_building)
        return spot_fault(spot, path, "building",
                          "is being built over the records there are; try again in a while");
    return spot_fault(spot, path, "index", "has no index to filter by; indexed are: %.*s",
                      FMT(indexed_names(spot->task->arena, field->entity, spot->form->sight)));
}

static bool refuse_unknown(const struct spot *spot, const struct entity *entity, str name, str path)
{
    str nearest = entity_nearest(entity, spot->form->sight, name);
    if (nearest.len > 0)
        return spot_fault(spot, path, "unknown", "is no field of %.*s; did you mean %.*s?",
                          FMT(entity->name), FMT(nearest));
    return spot_fault(spot, path, "unknown", "is no field of %.*s", FMT(entity->name));
}

/** The field a name leads to: an own one, or by a dot one of the record behind a reference. */
static bool find_field(const struct spot *spot, str given, struct subject *subject)
{
    const struct entity *entity = spot->form->entity;
    str name, behind;
    bool has_dot = str_cut(given, '.', &name, &behind);
    const struct field *field = entity_field_seen(entity, spot->form->sight, name);
    subject->of = nullptr;
    if (field != nullptr && has_dot) {
        if (field->kind != FIELD_REFERENCE)
            return spot_fault(spot, subject->path, "type", "%.*s is no reference to look through",
                              FMT(field->name));
        if (!check_index(spot, field, subject->path)) return false;
        subject->of = field;
        entity = field->to;
        name = behind;
        field = entity_field_seen(entity, spot->form->sight, name);
    }
    if (field == nullptr) return refuse_unknown(spot, entity, name, subject->path);
    subject->field = field;
    return check_index(spot, field, subject->path);
}

/* Values. */

/** How a prefix stands in an index: as the kind orders it (digits of a telephone number), without
 *  the 00 that ends a whole value; otherwise folded. */
static str prefix_of(struct task *task, const struct field *field, str text)
{
    struct task quiet = {.arena = task->arena};
    str ordered;
    bool is_ordered = field->kind_of->order_text(&quiet, field, text, &ordered);
    if (is_ordered && str_ends(ordered, S("\0"))) ordered.len--;
    return str_first(is_ordered ? ordered : fold(task->arena, text), KEY_ORDERED_BYTES_MAX);
}

/** All of a value in the form in which it would be stored, folded. */
static str whole_of(struct task *task, const struct field *field, str text)
{
    struct task quiet = {.arena = task->arena};
    struct buf given = buf_make(task->arena, text.len + 8);
    struct buf stored = buf_make(task->arena, RECORD_BYTES_MAX);
    pack_text(&given, text);
    struct value value = value_of(buf_str(&given));
    if (field->kind_of->read(&quiet, field, &value, &stored)) {
        value = value_of(buf_str(&stored));
        struct key_list texts = texts_folded(task->arena, &value);
        if (texts.count == 1) return texts.items[0];
    }
    return fold(task->arena, text);
}

static bool takes_number(enum field_kind kind)
{
    return kind == FIELD_NUMBER || kind == FIELD_DECIMAL || kind == FIELD_MONEY;
}

/** The text that a query string would have. */
static bool text_of(const struct spot *spot, const struct subject *subject,
                    const struct value *given, str *text_out)
{
    enum field_kind kind = subject->field->kind;
    bool is_number = given->kind == VALUE_INT || given->kind == VALUE_FLOAT;
    bool is_right = given->kind == VALUE_TEXT || (is_number && takes_number(kind)) ||
                    (given->kind == VALUE_BOOL && kind == FIELD_BOOLEAN);
    if (!is_right)
        return spot_fault(spot, subject->path, "type", "should be %s",
                          takes_number(kind)      ? "a number"
                          : kind == FIELD_BOOLEAN ? "true or false"
                                                  : "a text");
    struct buf text = buf_make(spot->task->arena, 64);
    if (given->kind == VALUE_TEXT) return *text_out = given->text, true;
    json_write(&text, given);
    return *text_out = buf_str(&text), true;
}

/** A value that cannot be one of this field: the kind's own words are told at this spot. */
static bool refuse_value(const struct spot *spot, const struct subject *subject,
                         const struct task *quiet)
{
    if (quiet->fault.item_count == 0)
        return spot_fault(spot, subject->path, "format", "is no such value");
    const struct fault_item *item = &quiet->fault.items[quiet->fault.item_count - 1];
    task_fault(spot->task, subject->path, item->code, "%.*s", FMT(item->message));
    return false;
}

static bool read_value(const struct spot *spot, const struct subject *subject,
                       const struct value *given, struct test_value *value)
{
    struct arena *arena = spot->form->arena;
    const struct field *field = subject->field;
    const struct kind *kind = field->kind_of;
    struct task quiet = {.arena = spot->task->arena};
    str text, ordered;
    if (!text_of(spot, subject, given, &text)) return false;
    *value = (struct test_value){};
    if (subject->op != TEST_PREFIX) {
        if (!kind->order_text(&quiet, field, text, &ordered))
            return refuse_value(spot, subject, &quiet);
        value->text = arena_copy(arena, text);
    } else {
        if (!kind->is_text)
            return spot_fault(spot, subject->path, "type",
                              "%.*s is no text, a prefix has no meaning", FMT(field->name));
        ordered = prefix_of(spot->task, field, text);
        if (ordered.len == 0)
            return spot_fault(spot, subject->path, "length", "is an empty prefix");
    }
    value->ordered = arena_copy(arena, ordered);
    if (kind->is_text && key_is_cut(ordered))
        value->whole = arena_copy(arena, whole_of(spot->task, field, text));
    return true;
}

static bool read_empty(const struct spot *spot, const struct subject *subject,
                       const struct value *given, bool *is_empty_out)
{
    bool is_text = given->kind == VALUE_TEXT;
    bool is_true =
        is_text ? str_eq(given->text, S("true")) : given->kind == VALUE_BOOL && given->boolean;
    bool is_false =
        is_text ? str_eq(given->text, S("false")) : given->kind == VALUE_BOOL && !given->boolean;
    *is_empty_out = is_true;
    return is_true || is_false || spot_fault(spot, subject->path, "type", "is true or false");
}

static bool takes_list(enum test_op op)
{
    return op == TEST_EQUAL || op == TEST_NOT_EQUAL || op == TEST_PREFIX;
}

static bool read_values(const struct spot *spot, const struct subject *subject,
                        const struct value *given, struct condition_test *test)
{
    bool is_list = given->kind == VALUE_LIST;
    uint32_t count = is_list ? given->count : 1;
    if (is_list && !takes_list(subject->op))
        return spot_fault(spot, subject->path, "type", "takes one value, no list");
    if (count == 0 || count > CONDITION_VALUES_MAX)
        return spot_fault(spot, subject->path, "range", "takes 1 to %u values",
                          CONDITION_VALUES_MAX);
    struct test_value *values = arena_new(spot->form->arena, struct test_value, count);
    struct cursor cursor = cursor_of(is_list ? given->items : given->bytes);
    struct value item;
    for (uint32_t at = 0; at < count && value_next(&cursor, &item); at++) {
        if (!read_value(spot, subject, &item, &values[at])) return false;
        test->is_cut = test->is_cut || values[at].whole.len > 0;
        test->value_count++;
    }
    test->values = values;
    return true;
}

/** A sealed value is found by a whole one, through its index; what is decided for good (a rule's
 *  condition) would keep it in the open. */
static bool check_sealed(const struct spot *spot, const struct subject *subject)
{
    bool is_fit = subject->op == TEST_EQUAL || subject->op == TEST_NOT_EQUAL;
    if (!is_fit)
        return spot_fault(spot, subject->path, "type", "%.*s is sealed: it is compared as a whole",
                          FMT(subject->field->name));
    if (!subject->field->is_indexed)
        return spot_fault(spot, subject->path, "index",
                          "is sealed and has no index: it can only be asked for being empty");
    return true;
}

static bool read_test(const struct spot *spot, const struct subject *subject,
                      const struct value *given, struct condition *made)
{
    if (spot->form->test_count == CONDITION_TESTS_MAX)
        return spot_fault(spot, subject->path, "range", "a filter has at most %u tests",
                          CONDITION_TESTS_MAX);
    spot->form->test_count++;
    struct condition_test *test = arena_new(spot->form->arena, struct condition_test, 1);
    *test = (struct condition_test){.of = subject->of,
                                    .field = subject->field,
                                    .op = subject->op,
                                    .path = arena_copy(spot->form->arena, subject->path)};
    *made = (struct condition){.kind = CONDITION_TEST, .test = test};
    bool is_empty_test = given->kind == VALUE_NIL || subject->op == TEST_EMPTY;
    if (subject->field->kind == FIELD_SEALED && !is_empty_test && !check_sealed(spot, subject))
        return false;
    if (!is_empty_test) return read_values(spot, subject, given, test);
    if (subject->op == TEST_EMPTY) return read_empty(spot, subject, given, &test->is_empty);
    if (subject->op != TEST_EQUAL && subject->op != TEST_NOT_EQUAL)
        return spot_fault(spot, subject->path, "type", "takes a value");
    test->is_empty = subject->op == TEST_EQUAL;
    test->op = TEST_EMPTY;
    return true;
}

/* The tree. */

/** Items that are being gathered; more than there are tests and operators would be past a bound
 *  before. */
struct gathering {
    uint32_t count;
    uint32_t capacity;
    struct condition *items;
};

static void gather(const struct spot *spot, struct gathering *gathering, struct condition item)
{
    bool is_always = item.kind == CONDITION_ALL && item.item_count == 0;
    if (is_always) return;
    if (gathering->count == gathering->capacity) {
        uint32_t capacity = gathering->capacity == 0 ? 4 : 2 * gathering->capacity;
        struct condition *more = arena_new(spot->form->arena, struct condition, capacity);
        if (gathering->count > 0) memcpy(more, gathering->items, gathering->count * sizeof *more);
        gathering->items = more;
        gathering->capacity = capacity;
    }
    gathering->items[gathering->count++] = item;
}

/** One that holds when all of them do; a single one stands for itself. */
static struct condition all_of(const struct gathering *gathering)
{
    if (gathering->count == 1) return gathering->items[0];
    return (struct condition){CONDITION_ALL, gathering->count, gathering->items, nullptr};
}

/** `{"gte": 1, "lt": 5}` of one field. */
static bool read_ops(const struct spot *spot, struct subject *subject, const struct value *given,
                     struct gathering *gathering)
{
    struct cursor cursor = cursor_of(given->items);
    struct value word, value;
    str path = subject->path;
    bool is_right = true;
    if (given->count == 0)
        return spot_fault(spot, path, "type",
                          "is an empty object; there are: gt gte lt lte ne prefix empty");
    for (uint32_t at = 0; at < given->count; at++) {
        if (!value_next(&cursor, &word) || !value_next(&cursor, &value)) return false;
        str name = word.kind == VALUE_TEXT ? word.text : S("");
        subject->path = path_member(spot->task, path, name);
        if (!op_of(name, &subject->op)) {
            is_right = spot_fault(spot, subject->path, "unknown",
                                  "there is no such operation; there are: gt gte lt lte ne prefix "
                                  "empty (for equality the value itself)");
            continue;
        }
        struct condition made;
        bool is_read = read_test(spot, subject, &value, &made);
        if (is_read) gather(spot, gathering, made);
        is_right = is_right && is_read;
    }
    return is_right;
}

static bool read_tree(struct spot spot, const struct value *given, struct condition *made);

/** `and`, `or`: a list of trees. */
static bool read_items(struct spot spot, const struct value *given, bool is_any,
                       struct condition *made)
{
    if (given->kind != VALUE_LIST || given->count == 0)
        return spot_fault(&spot, spot.path, "type", "should be a list of filters, [{…}, …]");
    struct gathering gathering = {};
    struct cursor cursor = cursor_of(given->items);
    struct value item;
    str path = spot.path;
    bool is_right = true, is_always = false;
    for (uint32_t at = 0; at < given->count && value_next(&cursor, &item); at++) {
        /* Trees without tests count too, so that a list is bounded by its tests. */
        if (at > CONDITION_TESTS_MAX)
            return spot_fault(&spot, path, "range", "has more than %u filters",
                              CONDITION_TESTS_MAX);
        struct condition one;
        spot.path = arena_print(spot.task->arena, "%.*s[%u]", FMT(path), at);
        if (read_tree(spot, &item, &one)) gather(&spot, &gathering, one);
        else is_right = false;
        is_always = is_always || (is_right && condition_is_always(&one));
    }
    *made = all_of(&gathering);
    if (is_any && gathering.count != 1) made->kind = CONDITION_ANY;
    if (is_any && is_always) *made = (struct condition){.kind = CONDITION_ALL};
    return is_right;
}

static bool read_not(struct spot spot, const struct value *given, struct condition *made)
{
    struct condition *item = arena_new(spot.form->arena, struct condition, 1);
    if (!read_tree(spot, given, item)) return false;
    *made = (struct condition){CONDITION_NOT, 1, item, nullptr};
    return true;
}

static bool read_field(const struct spot *spot, str name, const struct value *given,
                       struct condition *made)
{
    struct subject subject = {.path = spot->path};
    struct gathering gathering = {};
    if (!find_field(spot, name, &subject)) return false;
    if (given->kind != VALUE_MAP) return read_test(spot, &subject, given, made);
    if (!read_ops(spot, &subject, given, &gathering)) return false;
    *made = all_of(&gathering);
    return true;
}

static bool read_member(struct spot spot, str name, const struct value *given,
                        struct condition *made)
{
    spot.path = path_member(spot.task, spot.path, name);
    if (str_eq(name, S("and"))) return read_items(spot, given, false, made);
    if (str_eq(name, S("or"))) return read_items(spot, given, true, made);
    if (str_eq(name, S("not"))) return read_not(spot, given, made);
    return read_field(&spot, name, given, made);
}

static bool read_tree(struct spot spot, const struct value *given, struct condition *made)
{
    if (given->kind != VALUE_MAP)
        return spot_fault(&spot, spot.path, "type", "should be an object, {\"field\": value, …}");
    if (++spot.depth > CONDITION_DEPTH_MAX)
        return spot_fault(&spot, spot.path, "range", "is nested deeper than %u",
                          CONDITION_DEPTH_MAX);
    struct gathering gathering = {};
    struct cursor cursor = cursor_of(given->items);
    struct value name, value;
    bool is_right = true;
    for (uint32_t at = 0; at < given->count; at++) {
        struct condition one;
        if (!value_next(&cursor, &name) || !value_next(&cursor, &value)) return false;
        bool is_read = name.kind == VALUE_TEXT && read_member(spot, name.text, &value, &one);
        if (name.kind != VALUE_TEXT)
            (void)spot_fault(&spot, spot.path, "type", "has a member whose name is no text");
        if (is_read) gather(&spot, &gathering, one);
        is_right = is_right && is_read;
    }
    *made = all_of(&gathering);
    return is_right;
}

bool condition_read(struct task *task, struct condition_form *form, const struct value *given,
                    const struct condition **condition_out)
{
    require(form->entity != nullptr);
    require(form->arena != nullptr);
    struct condition *made = arena_new(form->arena, struct condition, 1);
    *condition_out = made;
    return read_tree((struct spot){task, form, form->path, 0}, given, made);
}

/** Texts as a list; a single one as itself. */
static struct value texts_list(struct arena *arena, const str *texts, uint32_t count)
{
    size_t bytes = 16;
    for (uint32_t at = 0; at < count; at++) bytes += texts[at].len + 8;
    struct buf list = buf_make(arena, bytes);
    if (count > 1) pack_list(&list, count);
    for (uint32_t at = 0; at < count; at++) pack_text(&list, texts[at]);
    return value_of(buf_str(&list));
}

bool condition_read_named(struct task *task, struct condition_form *form, str name,
                          const str *values, uint32_t value_count,
                          const struct condition **condition_out)
{
    require(value_count > 0);
    struct spot spot = {task, form, utf8_first(name, 64), 0};
    struct subject subject = {.path = spot.path};
    str path, word;
    if (str_cut(name, '[', &path, &word)) {
        str op = str_first(word, word.len > 0 ? word.len - 1 : 0);
        if (!str_ends(word, S("]")) || !op_of(op, &subject.op))
            return spot_fault(
                &spot, spot.path, "unknown",
                "there is no such operation; there are: gt gte lt lte ne prefix empty");
    }
    if (!find_field(&spot, path, &subject)) return false;
    struct gathering gathering = {};
    uint32_t each = takes_list(subject.op) ? value_count : 1;
    for (uint32_t at = 0; at < value_count; at += each) {
        struct value given = texts_list(task->arena, values + at, each);
        struct condition made;
        if (!read_test(&spot, &subject, &given, &made)) return false;
        gather(&spot, &gathering, made);
    }
    struct condition *all = arena_new(form->arena, struct condition, 1);
    *all = all_of(&gathering);
    *condition_out = all;
    return true;
}

/** What stands in the place of a condition in a list of all: itself, or its items. */
static uint32_t flat_count(const struct condition *condition)
{
    if (condition == nullptr) return 0;
    return condition->kind == CONDITION_ALL ? condition->item_count : 1;
}

const struct condition *condition_all(struct arena *arena, const struct condition *const *items,
                                      uint32_t count)
{
    uint32_t total = 0;
    for (uint32_t at = 0; at < count; at++) total += flat_count(items[at]);
    struct condition *kept = arena_new(arena, struct condition, total + 1);
    uint32_t kept_count = 0;
    for (uint32_t at = 0; at < count; at++) {
        bool is_all = items[at] != nullptr && items[at]->kind == CONDITION_ALL;
        const struct condition *from = is_all ? items[at]->items : items[at];
        for (uint32_t of = 0; of < flat_count(items[at]); of++) kept[1 + kept_count++] = from[of];
    }
    if (kept_count == 1) return &kept[1];
    kept[0] = (struct condition){CONDITION_ALL, kept_count, kept + 1, nullptr};
    return &kept[0];
}

bool condition_visit(const struct condition *condition, void *argument,
                     bool (*visit)(void *argument, const struct condition_test *test))
{
    if (condition->kind == CONDITION_TEST) return visit(argument, condition->test);
    bool goes_on = true;
    for (uint32_t at = 0; at < condition->item_count && goes_on; at++)
        goes_on = condition_visit(&condition->items[at], argument, visit);
    return goes_on;
}

struct named {
    const struct field **fields;
    uint32_t count;
};

static bool note_field(void *argument, const struct condition_test *test)
{
    struct named *named = argument;
    const struct field *field = test->of != nullptr ? test->of : test->field;
    bool is_known = false;
    for (uint32_t at = 0; at < named->count && !is_known; at++)
        is_known = named->fields[at] == field;
    if (!is_known && named->count < CONDITION_TESTS_MAX) named->fields[named->count++] = field;
    return true;
}

uint32_t condition_fields(const struct condition *condition, const struct field **fields_out)
{
    struct named named = {.fields = fields_out};
    (void)condition_visit(condition, &named, note_field);
    return named.count;
}

static bool is_own(void *, const struct condition_test *test)
{
    return test->of == nullptr;
}

bool condition_looks_behind(const struct condition *condition)
{
    return !condition_visit(condition, nullptr, is_own);
}
