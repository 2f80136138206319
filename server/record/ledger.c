#include "record/ledger.h"

#include "base/require.h"
#include "model/model.h"
#include "value/value.h"

constexpr size_t LEDGER_BYTES_MAX = 8 * MIB;

static const str ledger_key = {"ledger", 6};

/* Reading. Whatever does not read marks the whole as damaged. */

struct ledger_reading {
    struct cursor cursor;
    bool is_damaged;
};

static struct value next_value(struct ledger_reading *reading, enum value_kind kind)
{
    struct value value = {};
    if (!value_next(&reading->cursor, &value) || value.kind != kind) reading->is_damaged = true;
    return reading->is_damaged ? (struct value){.kind = kind} : value;
}

static int64_t next_int(struct ledger_reading *reading, int64_t max)
{
    struct value value = next_value(reading, VALUE_INT);
    if (value.integer < 0 || value.integer > max) reading->is_damaged = true;
    return reading->is_damaged ? 0 : value.integer;
}

static str next_text(struct ledger_reading *reading)
{
    return next_value(reading, VALUE_TEXT).text;
}

/** A list of lists; its items follow, each to be entered by next_row. */
static struct value next_list(struct ledger_reading *reading)
{
    struct value list = next_value(reading, VALUE_LIST);
    if (list.count > LEDGER_ROWS_MAX) reading->is_damaged = true;
    return reading->is_damaged ? (struct value){.kind = VALUE_LIST} : list;
}

static struct ledger_reading row_of(struct ledger_reading *list, uint32_t count)
{
    struct value row = next_value(list, VALUE_LIST);
    if (row.count != count) list->is_damaged = true;
    return (struct ledger_reading){cursor_of(row.items), list->is_damaged};
}

static void read_next(struct arena *arena, struct ledger_reading *reading, struct ledger *ledger)
{
    struct value list = next_list(reading);
    struct ledger_reading rows = {cursor_of(list.items), reading->is_damaged};
    ledger->next = arena_new(arena, struct next_number, list.count + 1);
    for (uint32_t at = 0; at < list.count && !rows.is_damaged; at++) {
        struct ledger_reading row = row_of(&rows, 2);
        struct next_number *next = &ledger->next[ledger->next_count++];
        next->entity = (uint16_t)next_int(&row, UINT16_MAX);
        next->number = (uint32_t)next_int(&row, UINT16_MAX + 1);
        rows.is_damaged = row.is_damaged;
    }
    reading->is_damaged = rows.is_damaged;
}

static void read_removed(struct arena *arena, struct ledger_reading *reading, struct ledger *ledger)
{
    struct value list = next_list(reading);
    struct ledger_reading rows = {cursor_of(list.items), reading->is_damaged};
    ledger->removed = arena_new(arena, struct removed_field, list.count + 1);
    for (uint32_t at = 0; at < list.count && !rows.is_damaged; at++) {
        struct ledger_reading row = row_of(&rows, 8);
        struct removed_field *removed = &ledger->removed[ledger->removed_count++];
        removed->entity = (uint16_t)next_int(&row, UINT16_MAX);
        removed->number = (uint16_t)next_int(&row, UINT16_MAX);
        removed->name = next_text(&row);
        removed->kind = next_text(&row);
        removed->stored_kind = next_text(&row);
        removed->scale = (uint8_t)next_int(&row, UINT8_MAX);
        removed->label = next_text(&row);
        removed->is_stripped = next_value(&row, VALUE_BOOL).boolean;
        rows.is_damaged = row.is_damaged;
    }
    reading->is_damaged = rows.is_damaged;
}

static void read_builds(struct arena *arena, struct ledger_reading *reading, struct ledger *ledger)
{
    struct value list = next_list(reading);
    struct ledger_reading rows = {cursor_of(list.items), reading->is_damaged};
    ledger->builds = arena_new(arena, struct build, list.count + 1);
    for (uint32_t at = 0; at < list.count && !rows.is_damaged; at++) {
        struct ledger_reading row = row_of(&rows, 4);
        struct build *build = &ledger->builds[ledger->build_count++];
        build->entity = (uint16_t)next_int(&row, UINT16_MAX);
        build->field = (uint16_t)next_int(&row, UINT16_MAX);
        build->work = (uint8_t)next_int(&row, UINT8_MAX);
        if (!id_of_bytes(next_value(&row, VALUE_BYTES).text, &build->job)) row.is_damaged = true;
        rows.is_damaged = row.is_damaged;
    }
    reading->is_damaged = rows.is_damaged;
}

enum err ledger_read(struct task *task, struct txn *txn, struct ledger *ledger)
{
    *ledger = (struct ledger){.next_entity = ENTITY_NUMBER_CUSTOM_MIN};
    str row;
    enum err err = txn_system_get(txn, SYSTEM_MODEL, ledger_key, task->arena, &row);
    if (err == ERR_MISSING) return ERR_NONE;
    TRY(err);
    struct value whole = value_of(row);
    struct ledger_reading reading = {cursor_of(whole.items),
                                     whole.kind != VALUE_LIST || whole.count != 4};
    ledger->next_entity = (uint32_t)next_int(&reading, UINT16_MAX);
    read_next(task->arena, &reading, ledger);
    read_removed(task->arena, &reading, ledger);
    read_builds(task->arena, &reading, ledger);
    return reading.is_damaged
               ? fail(task, ERR_CORRUPT, "the stored ledger of this firm's own fields is damaged")
               : ERR_NONE;
}

/* Writing. */

static void put_removed(struct buf *out, const struct ledger *ledger)
{
    pack_list(out, ledger->removed_count);
    for (uint32_t at = 0; at < ledger->removed_count; at++) {
        const struct removed_field *removed = &ledger->removed[at];
        pack_list(out, 8);
        pack_int(out, removed->entity);
        pack_int(out, removed->number);
        pack_text(out, removed->name);
        pack_text(out, removed->kind);
        pack_text(out, removed->stored_kind);
        pack_int(out, removed->scale);
        pack_text(out, removed->label);
        pack_bool(out, removed->is_stripped);
    }
}

void ledger_write(struct txn *txn, const struct ledger *ledger)
{
    struct buf out = buf_make(txn_task(txn)->arena, LEDGER_BYTES_MAX);
    pack_list(&out, 4);
    pack_int(&out, ledger->next_entity);
    pack_list(&out, ledger->next_count);
    for (uint32_t at = 0; at < ledger->next_count; at++) {
        pack_list(&out, 2);
        pack_int(&out, ledger->next[at].entity);
        pack_int(&out, ledger->next[at].number);
    }
    put_removed(&out, ledger);
    pack_list(&out, ledger->build_count);
    for (uint32_t at = 0; at < ledger->build_count; at++) {
        pack_list(&out, 4);
        pack_int(&out, ledger->builds[at].entity);
        pack_int(&out, ledger->builds[at].field);
        pack_int(&out, ledger->builds[at].work);
        pack_bytes(&out, id_bytes(&ledger->builds[at].job));
    }
    require(!buf_is_over(&out));
    txn_system_put(txn, SYSTEM_MODEL, ledger_key, buf_str(&out));
}

/* Numbers. */

enum err ledger_next_field(struct task *task, struct ledger *ledger, uint16_t entity,
                           uint16_t *number_out)
{
    struct next_number *next = nullptr;
    for (uint32_t at = 0; at < ledger->next_count && next == nullptr; at++)
        if (ledger->next[at].entity == entity) next = &ledger->next[at];
    if (next == nullptr) {
        struct next_number *more =
            arena_new(task->arena, struct next_number, ledger->next_count + 1);
        if (ledger->next_count > 0) memcpy(more, ledger->next, ledger->next_count * sizeof *more);
        ledger->next = more;
        next = &more[ledger->next_count++];
        *next = (struct next_number){entity, FIELD_NUMBER_CUSTOM_MIN};
    }
    if (next->number >= PAIR_NUMBER_MIN)
        return fail(task, ERR_FULL, "this entity has had all the fields it can have");
    *number_out = (uint16_t)next->number++;
    return ERR_NONE;
}

enum err ledger_next_entity(struct task *task, struct ledger *ledger, uint16_t *number_out)
{
    if (ledger->next_entity >= ENTITIES_MAX)
        return fail(task, ERR_FULL, "this firm has had all the %u entities it can have",
                    ENTITIES_MAX - ENTITY_NUMBER_CUSTOM_MIN);
    *number_out = (uint16_t)ledger->next_entity++;
    return ERR_NONE;
}

struct removed_field *ledger_removed(const struct ledger *ledger, uint16_t entity, str name)
{
    for (uint32_t at = 0; at < ledger->removed_count; at++)
        if (ledger->removed[at].entity == entity && str_eq(ledger->removed[at].name, name))
            return &ledger->removed[at];
    return nullptr;
}

struct build *ledger_build(const struct ledger *ledger, uint16_t entity, uint16_t field)
{
    for (uint32_t at = 0; at < ledger->build_count; at++)
        if (ledger->builds[at].entity == entity && ledger->builds[at].field == field)
            return &ledger->builds[at];
    return nullptr;
}

void ledger_add_removed(struct arena *arena, struct ledger *ledger, struct removed_field removed)
{
    struct removed_field *more = arena_new(arena, struct removed_field, ledger->removed_count + 1);
    if (ledger->removed_count > 0)
        memcpy(more, ledger->removed, ledger->removed_count * sizeof *more);
    more[ledger->removed_count++] = removed;
    ledger->removed = more;
}

void ledger_forget_removed(struct ledger *ledger, struct removed_field *removed)
{
    require(ledger->removed_count > 0);
    *removed = ledger->removed[--ledger->removed_count];
}

void ledger_add_build(struct arena *arena, struct ledger *ledger, struct build build)
{
    struct build *known = ledger_build(ledger, build.entity, build.field);
    if (known != nullptr) {
        known->work |= build.work;
        if ((build.work & BUILD_KEYS) != 0)
            known->work &= (uint8_t) ~(BUILD_INDEX_FADES | BUILD_WORDS_FADE);
        known->job = build.job;
        return;
    }
    struct build *more = arena_new(arena, struct build, ledger->build_count + 1);
    if (ledger->build_count > 0) memcpy(more, ledger->builds, ledger->build_count * sizeof *more);
    more[ledger->build_count++] = build;
    ledger->builds = more;
}

void ledger_forget_build(struct ledger *ledger, struct build *build)
{
    require(ledger->build_count > 0);
    *build = ledger->builds[--ledger->build_count];
}

void ledger_forget_entity(struct ledger *ledger, uint16_t entity)
{
    for (uint32_t at = ledger->removed_count; at > 0; at--)
        if (ledger->removed[at - 1].entity == entity)
            ledger_forget_removed(ledger, &ledger->removed[at - 1]);
    for (uint32_t at = ledger->build_count; at > 0; at--)
        if (ledger->builds[at - 1].entity == entity)
            ledger_forget_build(ledger, &ledger->builds[at - 1]);
}
