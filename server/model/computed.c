/* Fields whose value follows from others: roll-ups, formulas, and the conditions under which a
 * field is required or visible. */
#include "base/fold.h"
#include "base/limits.h"
#include "base/require.h"
#include "model/condition.h"
#include "model/making.h"

constexpr uint32_t ROLLUP_STEPS_MAX = 5; /** roll-ups of roll-ups */
constexpr uint32_t CHAIN_MAX = 64;       /** computed fields that rest on each other */

static const str function_words[] = {S("count"), S("sum"), S("min"), S("max"), S("latest")};
#define FUNCTION_COUNT (sizeof function_words / sizeof *function_words)

bool is_word_of_computed(const struct field *field, str word)
{
    static const str of_formula[] = {S("formula"), S("result"), S("reads")};
    static const str of_rollup[] = {S("rollup"), S("via"), S("where")};
    bool is_found = false;
    for (size_t at = 0; at < 3 && !is_found; at++)
        is_found = (field->formula != nullptr && str_eq(of_formula[at], word)) ||
                   (field->rollup != nullptr && str_eq(of_rollup[at], word));
    for (size_t at = 0; at < FUNCTION_COUNT && field->rollup != nullptr && !is_found; at++)
        is_found = str_eq(function_words[at], word);
    return is_found;
}

/* What is known when the field is read. */

static bool is_result(enum field_kind kind)
{
    return kind == FIELD_NUMBER || kind == FIELD_DECIMAL || kind == FIELD_MONEY ||
           kind == FIELD_DATE || kind == FIELD_TIME || kind == FIELD_BOOLEAN || kind == FIELD_TEXT;
}

static void declare_formula(struct making *making, const struct made_entity *entity,
                            struct made_field *made)
{
    struct value value;
    struct field *field = made->field;
    struct formula *formula = arena_new(making->arena, struct formula, 1);
    field->formula = formula;
    bool has_source = value_find_text(made->attributes, S("formula"), &value);
    if (has_source && value.kind == VALUE_TEXT && value.text.len > 0)
        formula->source = arena_copy(making->arena, value.text);
    else
        making_fault(making, entity, made, S("required"),
                     "a formula says `formula`: a Lua expression such as \"record.a + 1\"");
    field->kind = FIELD_NUMBER;
    if (!value_find_text(made->attributes, S("result"), &value)) return;
    bool is_known = value.kind == VALUE_TEXT && kind_find(value.text, &field->kind);
    if (is_known && is_result(field->kind)) return;
    field->kind = FIELD_NUMBER;
    making_fault(making, entity, made, S("unknown"),
                 "`result` is number, decimal, money, date, time, boolean or text");
}

bool declare_computed(struct making *making, const struct made_entity *entity,
                      struct made_field *made, str kind)
{
    bool is_formula = str_eq(kind, S("formula"));
    if (!is_formula && !str_eq(kind, S("rollup"))) return false;
    made->field->is_computed = true;
    made->field->is_indexed = true;
    made->field->kind = FIELD_NUMBER;
    if (is_formula) declare_formula(making, entity, made);
    else made->field->rollup = arena_new(making->arena, struct rollup, 1);
    return true;
}

/* Roll-ups. */

/** What a declaration says, in either form: `sum = "invoice.balance"` or the map `rollup`. */
struct rollup_words {
    str function;
    str from;
    str field;
    str via;
    struct value where; /** VALUE_NIL: none */
};

static void read_rollup_words(str attributes, struct rollup_words *words)
{
    struct value map, value;
    *words = (struct rollup_words){};
    str at = attributes;
    if (value_find_text(attributes, S("rollup"), &map) && map.kind == VALUE_MAP) {
        at = map.bytes;
        words->function = value_text_in(at, S("function"));
        words->from = value_text_in(at, S("from"));
        words->field = value_text_in(at, S("field"));
    }
    for (size_t word = 0; word < FUNCTION_COUNT && at.at == attributes.at; word++) {
        if (!value_find_text(at, function_words[word], &value) || value.kind != VALUE_TEXT)
            continue;
        words->function = function_words[word];
        (void)str_cut(value.text, '.', &words->from, &words->field);
    }
    words->via = value_text_in(at, S("via"));
    if (value_find_text(at, S("where"), &value)) words->where = value;
}

/** Their reference that leads here: the named one, or the only one. */
static const struct field *find_via(struct making *making, const struct made_entity *entity,
                                    struct made_field *made, const struct entity *from, str name)
{
    const struct field *via = nullptr;
    uint32_t count = 0;
    for (uint32_t at = 0; at < from->field_count; at++) {
        const struct field *field = &from->fields[at];
        bool is_meant = name.len == 0 ? !field->is_system : str_eq(field->name, name);
        if (field->kind != FIELD_REFERENCE || field->to != entity->entity || !is_meant) continue;
        via = field;
        count++;
    }
    if (count == 1 && !via->is_system) return via;
    making_fault(making, entity, made, S("reference"),
                 "`via` names the reference by which %.*s lead to a %.*s; %.*s", FMT(from->plural),
                 FMT(entity->entity->name),
                 FMT(count > 1 ? S("there are several") : S("there is no such one")));
    return nullptr;
}

static bool function_takes(enum rollup_function function, enum field_kind kind)
{
    bool is_number = kind == FIELD_NUMBER || kind == FIELD_DECIMAL || kind == FIELD_MONEY;
    bool is_moment = kind == FIELD_DATE || kind == FIELD_TIME;
    switch (function) {
    case ROLLUP_COUNT:
        return false;
    case ROLLUP_SUM:
        return is_number;
    case ROLLUP_MIN:
    case ROLLUP_MAX:
        return is_number || is_moment;
    case ROLLUP_LATEST:
        return is_moment;
    }
    return false;
}

static void find_of(struct making *making, const struct made_entity *entity,
                    struct made_field *made, const struct entity *from, str name)
{
    struct rollup *rollup = (struct rollup *)made->field->rollup;
    str function = function_words[rollup->function];
    if ((rollup->function == ROLLUP_COUNT) != (name.len == 0)) {
        making_fault(making, entity, made, S("required"),
                     rollup->function == ROLLUP_COUNT ? "a `count` takes no field"
                                                      : "`%.*s` says of which field",
                     FMT(function));
        return;
    }
    if (name.len == 0) return;
    const struct field *of = entity_field(from, name);
    if (of == nullptr || of->is_hidden) {
        str nearest = entity_nearest(from, sight_all(), name);
        making_fault(making, entity, made, S("missing"), "%.*s has no field `%.*s`%s%.*s",
                     FMT(from->name), FMT(name), nearest.len == 0 ? "" : "; did you mean ",
                     FMT(nearest));
        return;
    }
    rollup->of = of;
}

static void read_rollup(struct making *making, const struct made_entity *entity,
                        struct made_field *made)
{
    struct rollup_words words;
    struct rollup *rollup = (struct rollup *)made->field->rollup;
    read_rollup_words(made->attributes, &words);
    size_t function = 0;
    while (function < FUNCTION_COUNT && !str_eq(function_words[function], words.function))
        function++;
    const struct entity *from = model_entity(making->model, words.from);
    if (function == FUNCTION_COUNT || from == nullptr) {
        making_fault(making, entity, made, S("required"),
                     function == FUNCTION_COUNT
                         ? "a rollup says count, sum, min, max or latest of which entity"
                         : "a rollup is over an entity; there is no \"%.*s\"",
                     FMT(words.from));
        return;
    }
    rollup->function = (enum rollup_function)function;
    rollup->via = find_via(making, entity, made, from, words.via);
    find_of(making, entity, made, from, words.field);
    if (words.where.kind != VALUE_NIL)
        rollup->where_given = arena_copy(making->arena, words.where.bytes);
}

/** The kind of its result, which may be that of another roll-up. */
static void settle_kind(struct making *making, const struct made_entity *entity,
                        struct made_field *made)
{
    const struct field *of = made->field;
    enum rollup_function function = of->rollup->function;
    for (uint32_t step = 0; of->rollup != nullptr && of->rollup->of != nullptr; step++) {
        if (step == CHAIN_MAX) return; /* a circle, which is told with its chain */
        of = of->rollup->of;
    }
    struct field *field = made->field;
    bool is_count = of->rollup != nullptr;
    if (field->rollup->of != nullptr && !is_count) {
        field->kind = of->kind;
        field->scale = of->scale;
    }
    field->kind_of = kind_of(field->kind);
    if (field->rollup->of == nullptr || function_takes(function, field->kind)) return;
    making_fault(making, entity, made, S("type"), "`%.*s` has no meaning for %.*s, a field of %.*s",
                 FMT(function_words[function]), FMT(field->rollup->of->name),
                 FMT(field->rollup->of->kind_of->name));
}

static void check_money(struct making *making, const struct made_entity *entity,
                        struct made_field *made)
{
    if (made->field->rollup == nullptr || made->field->kind != FIELD_MONEY) return;
    if (making->model->currency != nullptr) return;
    making_fault(making, entity, made, S("missing"),
                 "money is rolled up in the currency of the settings, which have none");
}

/* Formulas. */

static void read_formula(struct making *making, const struct made_entity *entity,
                         struct made_field *made)
{
    struct value reads, name;
    struct formula *formula = (struct formula *)made->field->formula;
    if (!value_find_text(made->attributes, S("reads"), &reads) || reads.kind != VALUE_LIST) {
        making_fault(making, entity, made, S("required"),
                     "`reads` is the list of fields that the expression names");
        return;
    }
    const struct field **fields = arena_new(making->arena, const struct field *, reads.count);
    struct cursor cursor = cursor_of(reads.items);
    for (uint32_t at = 0; at < reads.count && value_next(&cursor, &name); at++) {
        str word = name.kind == VALUE_TEXT ? name.text : S("");
        const struct field *field = entity_field(entity->entity, word);
        if (field == nullptr || field->is_hidden || field->is_system) {
            str nearest = entity_nearest(entity->entity, sight_all(), word);
            making_fault(making, entity, made, S("missing"),
                         "`formula`: %.*s has no field `%.*s` to be read%s%.*s",
                         FMT(entity->entity->name), FMT(utf8_first(word, 100)),
                         nearest.len == 0 ? "" : "; did you mean ", FMT(nearest));
            continue;
        }
        if (field_is_sealed(field))
            making_fault(making, entity, made, S("type"),
                         "`formula`: %.*s is sealed, its result would lie open", FMT(field->name));
        fields[formula->read_count++] = field;
    }
    formula->reads = fields;
}

/* Conditions. */

static const struct condition *read_condition(struct making *making, const struct field *field,
                                              const struct entity *of, const char *word, str given)
{
    if (given.len == 0) return nullptr;
    struct task *task = making->task;
    struct value tree = value_of(given);
    const struct condition *condition = nullptr;
    struct condition_form form = {
        .entity = of, .arena = making->arena, .path = str_of(word), .sight = sight_all()};
    str path = task->path;
    task->path = arena_print(task->arena, "%.*s.%.*s.", FMT(field->entity->name), FMT(field->name));
    bool is_read = condition_read(task, &form, &tree, &condition);
    if (is_read && condition_looks_behind(condition))
        task_fault(task, form.path, S("reference"),
                   "looks behind a reference; it can test the record's own fields");
    task->path = path;
    return is_read && !condition_is_always(condition) ? condition : nullptr;
}

static str attribute_copy(struct making *making, const struct made_field *made, str word)
{
    struct value value;
    if (!value_find_text(made->attributes, word, &value) || value.kind == VALUE_NIL) return (str){};
    return arena_copy(making->arena, value.bytes);
}

static void read_conditions(struct making *making, const struct made_entity *entity,
                            struct made_field *made)
{
    struct field *field = made->field;
    struct rollup *rollup = (struct rollup *)field->rollup;
    if (rollup != nullptr && rollup->via != nullptr)
        rollup->where =
            read_condition(making, field, rollup->via->entity, "where", rollup->where_given);
    field->required_when_given = attribute_copy(making, made, S("required_when"));
    field->visible_when_given = attribute_copy(making, made, S("visible_when"));
    const struct entity *own = entity->entity;
    field->required_when =
        read_condition(making, field, own, "required_when", field->required_when_given);
    field->visible_when =
        read_condition(making, field, own, "visible_when", field->visible_when_given);
    bool is_kept = field->is_computed || field->through.link != nullptr;
    if (field->required_when != nullptr && is_kept)
        making_fault(making, entity, made, S("unknown"), "a computed field is not required");
}

/* What rests on what. */

/** A walk down from computed fields to those that they rest on. */
struct chain {
    struct making *making;
    uint8_t **states; /** by entity and place of the field: enum chain_state */
    uint8_t **steps;  /** roll-ups upon each other, itself among them; of those that are done */
    uint32_t count;
    const struct field *fields[CHAIN_MAX]; /** on the way to the present one */
};

enum chain_state : uint8_t { CHAIN_NEW, CHAIN_ON_THE_WAY, CHAIN_DONE };

uint32_t computed_rests_on(const struct field *field, const struct field **fields)
{
    uint32_t count = 0;
    if (field->formula != nullptr)
        for (; count < field->formula->read_count; count++)
            fields[count] = field->formula->reads[count];
    if (field->rollup == nullptr) return count;
    if (field->rollup->of != nullptr) fields[count++] = field->rollup->of;
    if (field->rollup->via != nullptr) fields[count++] = field->rollup->via;
    if (field->rollup->where != nullptr)
        count += condition_fields(field->rollup->where, fields + count);
    return count;
}

static uint32_t entity_place(const struct chain *chain, const struct field *field)
{
    return (uint32_t)(field->entity - chain->making->model->entities);
}

static uint32_t field_place(const struct field *field)
{
    return (uint32_t)(field - field->entity->fields);
}

static void chain_fault(const struct chain *chain, uint32_t from, const struct field *last,
                        const char *what)
{
    struct making *making = chain->making;
    struct buf text = buf_make(making->task->arena, (CHAIN_MAX + 1) * 2 * (NAME_BYTES_MAX + 4));
    for (uint32_t at = from; at < chain->count; at++)
        buf_print(&text, "%.*s.%.*s → ", FMT(chain->fields[at]->entity->name),
                  FMT(chain->fields[at]->name));
    buf_print(&text, "%.*s.%.*s", FMT(last->entity->name), FMT(last->name));
    const struct field *field = chain->fields[from];
    const struct made_entity *entity = &making->entities[entity_place(chain, field)];
    making_fault(making, entity, &entity->fields[field_place(field)], S("circle"), "%s: %.*s", what,
                 FMT(buf_str(&text)));
}

static void follow(struct chain *chain, const struct field *field);

/** A field that the last one of the chain rests on. */
static void follow_one(struct chain *chain, const struct field *below, uint8_t *steps)
{
    if (below->formula == nullptr && below->rollup == nullptr) return;
    uint32_t entity = entity_place(chain, below), place = field_place(below);
    if (chain->states[entity][place] == CHAIN_NEW) follow(chain, below);
    if (chain->states[entity][place] == CHAIN_ON_THE_WAY) {
        uint32_t from = 0;
        while (from + 1 < chain->count && chain->fields[from] != below) from++;
        chain_fault(chain, from, below, "rests on itself");
    } else if (chain->steps[entity][place] > *steps) {
        *steps = chain->steps[entity][place];
    }
}

static void follow(struct chain *chain, const struct field *field)
{
    if (chain->count == CHAIN_MAX) {
        chain_fault(chain, 0, field, "rests on too many others, one upon the next");
        return;
    }
    uint32_t entity = entity_place(chain, field), place = field_place(field);
    chain->states[entity][place] = CHAIN_ON_THE_WAY;
    chain->fields[chain->count++] = field;
    const struct field **below = arena_new(chain->making->task->arena, const struct field *,
                                           FIELDS_MAX + CONDITION_TESTS_MAX + 2);
    uint32_t count = computed_rests_on(field, below);
    uint8_t steps = 0;
    for (uint32_t at = 0; at < count && chain->making->task->fault.item_count == 0; at++)
        follow_one(chain, below[at], &steps);
    steps += field->rollup != nullptr;
    if (steps > ROLLUP_STEPS_MAX)
        chain_fault(chain, chain->count - 1, field,
                    "is a roll-up of more than 5, each of the next");
    chain->steps[entity][place] = steps;
    chain->states[entity][place] = CHAIN_DONE;
    chain->count--;
}

static void check_chains(struct making *making)
{
    struct arena *arena = making->task->arena;
    const struct model *model = making->model;
    struct chain chain = {
        .making = making,
        .states = arena_new(arena, uint8_t *, model->entity_count),
        .steps = arena_new(arena, uint8_t *, model->entity_count),
    };
    for (uint32_t i = 0; i < model->entity_count; i++) {
        chain.states[i] = arena_new(arena, uint8_t, model->entities[i].field_count);
        chain.steps[i] = arena_new(arena, uint8_t, model->entities[i].field_count);
    }
    for (uint32_t i = 0; i < model->entity_count; i++)
        for (uint32_t j = 0; j < model->entities[i].field_count; j++) {
            const struct field *field = &model->entities[i].fields[j];
            if (making->task->fault.item_count > 0) return;
            if (field->formula == nullptr && field->rollup == nullptr) continue;
            if (chain.states[i][j] == CHAIN_NEW) follow(&chain, field);
        }
}

/** Formulas of lower levels are evaluated first. There are no circles any more. */
static uint32_t level_of(const struct field *field)
{
    struct formula *formula = (struct formula *)field->formula;
    if (formula->level > 0) return formula->level;
    uint32_t level = 1;
    for (uint32_t at = 0; at < formula->read_count; at++) {
        if (formula->reads[at]->formula == nullptr) continue;
        uint32_t below = level_of(formula->reads[at]);
        if (below >= level) level = below + 1;
    }
    return formula->level = level;
}

static void derive_formulas(struct making *making, struct entity *entity)
{
    const struct field **formulas =
        arena_new(making->arena, const struct field *, entity->field_count);
    entity->formulas = formulas;
    for (uint32_t at = 0; at < entity->field_count; at++) {
        const struct field *field = &entity->fields[at];
        if (field->formula == nullptr) continue;
        uint32_t level = level_of(field), to = entity->formula_count++;
        for (; to > 0 && formulas[to - 1]->formula->level > level; to--)
            formulas[to] = formulas[to - 1];
        formulas[to] = field;
    }
}

static void derive_rollups(struct making *making, struct entity *entity)
{
    const struct model *model = making->model;
    uint32_t count = 0;
    for (int pass = 0; pass < 2; pass++) {
        const struct field **rollups =
            pass == 0 ? nullptr : arena_new(making->arena, const struct field *, count);
        for (uint32_t i = 0; i < model->entity_count; i++)
            for (uint32_t j = 0; j < model->entities[i].field_count; j++) {
                const struct field *field = &model->entities[i].fields[j];
                if (field->rollup == nullptr || field->rollup->via->entity != entity) continue;
                if (pass == 0) count++;
                else rollups[entity->rollup_count++] = field;
            }
        entity->rollups = rollups;
    }
}

typedef void each_field(struct making *making, const struct made_entity *entity,
                        struct made_field *made);

static void for_fields(struct making *making, each_field *each, bool is_rollup, bool is_formula)
{
    for (uint32_t i = 0; i < making->model->entity_count; i++) {
        struct made_entity *entity = &making->entities[i];
        for (uint32_t j = 0; j < entity->field_count; j++) {
            const struct field *field = entity->fields[j].field;
            bool is_any = is_rollup && is_formula;
            if (is_any || (is_rollup && field->rollup != nullptr) ||
                (is_formula && field->formula != nullptr))
                each(making, entity, &entity->fields[j]);
        }
    }
}

static void find_currency(struct making *making)
{
    for (uint32_t at = 0; at < making->model->entity_count; at++) {
        const struct entity *entity = &making->model->entities[at];
        const struct field *field =
            entity->is_single ? entity_field(entity, S("currency")) : nullptr;
        if (field != nullptr && field->kind == FIELD_CURRENCY) making->model->currency = field;
    }
}

void resolve_computed(struct making *making)
{
    find_currency(making);
    making->word = S("rollup");
    for_fields(making, read_rollup, true, false);
    if (making->task->fault.item_count == 0) {
        for_fields(making, settle_kind, true, false);
        for_fields(making, check_money, true, false);
    }
    making->word = S("");
    if (making->task->fault.item_count > 0) return;
    for_fields(making, read_formula, false, true);
    for_fields(making, read_conditions, true, true);
    if (making->task->fault.item_count > 0) return;
    check_chains(making);
    if (making->task->fault.item_count > 0) return;
    for (uint32_t at = 0; at < making->model->entity_count; at++) {
        derive_formulas(making, making->entities[at].entity);
        derive_rollups(making, making->entities[at].entity);
    }
}
