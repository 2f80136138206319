#include "work/job_rekey.h"

#include "base/require.h"
#include "record/past.h"
#include "record/rebuild.h"
#include "store/sealing.h"
#include "store/upload.h"

constexpr uint32_t ENTRIES_IN_STEP = 2000; /** of the log */
constexpr uint32_t ROWS_IN_STEP = 50;      /** system rows; they may be large */

/** In order; each walks from its beginning. */
enum phase : uint8_t { PHASE_RECORDS, PHASE_ROWS, PHASE_LOG, PHASE_OUTBOX, PHASE_END };

/** Where the job is. Bytes: [phase, entity, after, sealed, sequence, [key ids met in the log]]. */
struct rekey {
    enum phase phase;
    uint16_t entity; /** the place of an entity in the model, or the kind of a row */
    /** id of a record, key of a row, due time and id of an entry; empty: from the beginning */
    str after;
    uint64_t sealed;
    uint64_t sequence; /** of the log, looked at up to here */
    uint32_t met_count;
    uint32_t met[SEALING_KEYS_MAX];
    uint32_t dropped, kept;
};

enum err rekey_begin(struct task *task, struct txn *txn, struct job *job_out)
{
    uint32_t id;
    enum err err = sealing_key_add(txn, &id);
    if (err == ERR_FULL)
        return fail(task, ERR_CONFLICT,
                    "the tenant has %u keys already, which its history needs: fold the history "
                    "first",
                    SEALING_KEYS_MAX);
    if (err != ERR_NONE) return fail(task, err, "the tenant's key is not there or damaged");
    struct buf given = buf_make(task->arena, 16);
    pack_int(&given, id);
    return job_create(task, txn, nullptr, S("rekey"), buf_str(&given), job_out);
}

static struct value at_next(struct cursor *items)
{
    struct value value;
    return value_next(items, &value) ? value : (struct value){};
}

enum err rekey_open(struct job_run *run)
{
    struct rekey *rekey = arena_new(run->arena, struct rekey, 1);
    struct value list = value_of(run->job.position);
    run->live = rekey;
    if (run->job.position.len == 0) return ERR_NONE;
    if (list.kind != VALUE_LIST || list.count != 6) return ERR_CORRUPT;
    struct cursor items = cursor_of(list.items);
    rekey->phase = (enum phase)at_next(&items).integer;
    rekey->entity = (uint16_t)at_next(&items).integer;
    rekey->after = arena_copy(run->arena, at_next(&items).text);
    rekey->sealed = (uint64_t)at_next(&items).integer;
    rekey->sequence = (uint64_t)at_next(&items).integer;
    struct value met = at_next(&items);
    items = cursor_of(met.items);
    for (uint32_t at = 0; met.kind == VALUE_LIST && at < met.count && at < SEALING_KEYS_MAX; at++)
        rekey->met[rekey->met_count++] = (uint32_t)at_next(&items).integer;
    return ERR_NONE;
}

static void position_note(struct job_run *run, const struct rekey *rekey)
{
    struct buf position = buf_make(run->task->arena, 4 * KIB);
    pack_list(&position, 6);
    pack_int(&position, rekey->phase);
    pack_int(&position, rekey->entity);
    pack_bytes(&position, rekey->after);
    pack_int(&position, (int64_t)rekey->sealed);
    pack_int(&position, (int64_t)rekey->sequence);
    pack_list(&position, rekey->met_count);
    for (uint32_t at = 0; at < rekey->met_count; at++) pack_int(&position, rekey->met[at]);
    require(!buf_is_over(&position));
    run->job.position = buf_str(&position);
    run->job.done = rekey->sealed;
}

static void next_phase(struct rekey *rekey)
{
    rekey->phase++;
    rekey->entity = 0;
    rekey->after = (str){};
}

/* Records. */

static bool has_sealed(const struct entity *entity)
{
    bool has = false;
    for (uint32_t at = 0; at < entity->field_count && !has; at++)
        has = field_is_sealed(&entity->fields[at]);
    return has;
}

struct stretch {
    struct rekey *rekey;
    const struct entity *entity;
    uint32_t count;
    bool is_last;
    struct id ids[REBUILD_RECORDS_MAX];
};

static enum err stretch_read(struct job_run *run, struct txn *txn, void *argument)
{
    struct stretch *stretch = argument;
    struct rekey *rekey = stretch->rekey;
    const struct model *model = run->tenant.model;
    while (rekey->entity < model->entity_count && !has_sealed(&model->entities[rekey->entity])) {
        rekey->entity++;
        rekey->after = (str){};
    }
    stretch->is_last = true;
    if (rekey->entity >= model->entity_count) return ERR_NONE;
    stretch->entity = &model->entities[rekey->entity];
    struct scan_range range = {.is_unbounded_from = true, .is_unbounded_to = true};
    range.has_after = id_of_bytes(rekey->after, &range.after_id);
    struct scan *scan = scan_records(txn, stretch->entity->number, &range);
    enum err err = ERR_NONE;
    while (stretch->count < REBUILD_RECORDS_MAX) {
        bool has_entry;
        struct scan_entry entry;
        err = scan_next(scan, &has_entry, &entry);
        if (err != ERR_NONE || !has_entry) break;
        stretch->ids[stretch->count++] = entry.id;
    }
    stretch->is_last = stretch->count < REBUILD_RECORDS_MAX;
    scan_close(scan);
    return err;
}

static enum err stretch_write(struct job_run *run, struct txn *txn, void *argument)
{
    struct stretch *stretch = argument;
    uint32_t sealed = 0;
    struct change change = job_change(run, txn);
    const struct entity *entity = model_entity_by_number(change.model, stretch->entity->number);
    if (entity != nullptr)
        TRY(records_reseal(&change, entity, stretch->ids, stretch->count, &sealed));
    stretch->rekey->sealed += sealed;
    position_note(run, stretch->rekey);
    return ERR_NONE;
}

static enum err records_step(struct job_run *run, struct rekey *rekey)
{
    struct stretch *stretch = arena_new(run->task->arena, struct stretch, 1);
    stretch->rekey = rekey;
    TRY(job_read(run, stretch_read, stretch));
    if (stretch->entity == nullptr) {
        next_phase(rekey);
        return ERR_NONE;
    }
    if (stretch->is_last) {
        rekey->entity++;
        rekey->after = (str){};
    } else {
        rekey->after = arena_copy(run->arena, id_bytes(&stretch->ids[stretch->count - 1]));
    }
    return job_write(run, stretch_write, stretch);
}

/* System rows. */

static enum err rows_write(struct job_run *run, struct txn *txn, void *argument)
{
    struct rekey *rekey = argument;
    str after = rekey->after;
    bool is_last = false;
    for (uint32_t count = 0; count < ROWS_IN_STEP && !is_last; count++) {
        enum err err =
            txn_system_reseal(txn, (enum system_row)rekey->entity, after, run->task->arena, &after);
        if (err != ERR_NONE && err != ERR_MISSING) return err;
        is_last = err == ERR_MISSING;
    }
    rekey->after = is_last ? (str){} : arena_copy(run->arena, after);
    if (is_last && ++rekey->entity >= SYSTEM_ROW_COUNT) next_phase(rekey);
    position_note(run, rekey);
    return ERR_NONE;
}

static enum err rows_step(struct job_run *run, struct rekey *rekey)
{
    while (rekey->entity < SYSTEM_ROW_COUNT &&
           !system_row_is_sealed((enum system_row)rekey->entity))
        rekey->entity++;
    if (rekey->entity >= SYSTEM_ROW_COUNT) {
        next_phase(rekey);
        return ERR_NONE;
    }
    return job_write(run, rows_write, rekey);
}

/* The log. */

static void meet(struct rekey *rekey, const struct value *side)
{
    struct sealed sealed;
    if (side->kind != VALUE_BYTES || !sealed_read(side->text, &sealed)) return;
    for (uint32_t at = 0; at < rekey->met_count; at++)
        if (rekey->met[at] == sealed.key_id) return;
    if (rekey->met_count < SEALING_KEYS_MAX) rekey->met[rekey->met_count++] = sealed.key_id;
}

static enum err log_read(struct job_run *run, struct txn *txn, void *argument)
{
    struct rekey *rekey = argument;
    for (uint32_t count = 0; count < ENTRIES_IN_STEP; count++) {
        struct log_entry entry;
        struct log_change change;
        uint16_t number;
        struct value old, new;
        enum err err = txn_log_from(txn, rekey->sequence + 1, &entry);
        if (err == ERR_MISSING) return next_phase(rekey), ERR_NONE;
        TRY(err);
        rekey->sequence = entry.sequence;
        const struct entity *entity = model_entity_by_number(run->tenant.model, entry.entity);
        if (entity == nullptr || !has_sealed(entity) || !log_change_read(entry.body, &change))
            continue;
        while (log_change_next(&change, &number, &old, &new)) {
            const struct field *field = entity_field_ever(entity, number);
            if (field == nullptr || !field_is_sealed(field)) continue;
            meet(rekey, &old);
            meet(rekey, &new);
        }
    }
    return ERR_NONE;
}

/* The outbox. */

/** `after` of this phase: due time and id of the entry that was looked at last. */
static str entry_place(struct arena *arena, const struct outbox_entry *entry)
{
    return arena_print(arena, "%lld.%.*s", (long long)entry->due_ms,
                       FMT(id_text(arena, entry->id)));
}

static bool entry_place_read(str place, struct outbox_entry *entry)
{
    str due, id;
    return str_cut(place, '.', &due, &id) && str_to_int64(due, &entry->due_ms) &&
           id_parse(id, &entry->id);
}

static enum err outbox_write(struct job_run *run, struct txn *txn, void *argument)
{
    struct rekey *rekey = argument;
    struct outbox_entry entry = {.due_ms = INT64_MIN};
    enum err err = ERR_NONE;
    if (rekey->after.len > 0 && !entry_place_read(rekey->after, &entry)) return ERR_CORRUPT;
    for (uint32_t count = 0; count < ROWS_IN_STEP && err == ERR_NONE; count++)
        err = txn_outbox_reseal(txn, entry.due_ms, entry.id, run->task->arena, &entry);
    if (err != ERR_NONE && err != ERR_MISSING) return err;
    rekey->after = entry_place(run->arena, &entry);
    if (err == ERR_MISSING) next_phase(rekey);
    position_note(run, rekey);
    return ERR_NONE;
}

/* The end. */

static bool is_met(const struct rekey *rekey, uint32_t id)
{
    bool is = false;
    for (uint32_t at = 0; at < rekey->met_count && !is; at++) is = rekey->met[at] == id;
    return is;
}

static enum err keys_drop(struct job_run *run, struct txn *txn, void *argument)
{
    struct rekey *rekey = argument;
    struct sealing_key keys[SEALING_KEYS_MAX];
    struct value given = value_of(run->job.given);
    uint32_t count;
    bool is_waited_for = uploads_any(run->task, txn_space(txn));
    rekey->dropped = rekey->kept = 0;
    TRY(sealing_keys(txn, keys, &count));
    for (uint32_t at = 0; at + 1 < count; at++) {
        /* One that came after this job began is another job's. */
        if (given.kind == VALUE_INT && keys[at].id == given.integer) break;
        if (is_waited_for || is_met(rekey, keys[at].id)) {
            rekey->kept++;
            continue;
        }
        TRY(sealing_key_drop(txn, keys[at].id));
        rekey->dropped++;
    }
    struct buf result = buf_make(run->task->arena, 128);
    pack_map(&result, 3);
    pack_named_int(&result, S("sealed"), (int64_t)rekey->sealed);
    pack_named_int(&result, S("dropped"), rekey->dropped);
    pack_named_int(&result, S("kept"), rekey->kept);
    run->job.result = buf_str(&result);
    return ERR_NONE;
}

enum err rekey_step(struct job_run *run, bool *is_over_out)
{
    struct rekey *rekey = run->live;
    require(is_over_out == &run->is_over);
    switch (rekey->phase) {
    case PHASE_RECORDS:
        return records_step(run, rekey);
    case PHASE_ROWS:
        return rows_step(run, rekey);
    case PHASE_LOG:
        TRY(job_read(run, log_read, rekey));
        position_note(run, rekey);
        return job_write(run, nullptr, nullptr);
    case PHASE_OUTBOX:
        return job_write(run, outbox_write, rekey);
    case PHASE_END:
        run->is_over = true;
        TRY(job_write(run, keys_drop, rekey));
        if (rekey->dropped > 0) sealing_forget(&run->tenant.space);
        return ERR_NONE;
    }
    return ERR_CORRUPT;
}
