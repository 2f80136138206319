#include "record/group.h"

#include "base/require.h"
#include "record/rows.h"
#include "record/past.h"
#include "record/show.h"
#include "value/text.h"

/* Whether it was undone. */

static bool next_id(struct cursor *items, struct id *id_out)
{
    struct value value;
    return value_next(items, &value) && value.kind == VALUE_BYTES &&
           id_of_bytes(value.text, id_out);
}

enum err group_state_get(struct task *task, struct txn *txn, struct id group,
                         struct group_state *state_out)
{
    str row;
    *state_out = (struct group_state){};
    enum err err = txn_system_get(txn, SYSTEM_GROUP, id_bytes(&group), task->arena, &row);
    if (err != ERR_NONE) return err == ERR_MISSING ? ERR_NONE : err;
    struct value list = value_of(row);
    struct cursor items = cursor_of(list.items);
    bool is_whole = list.kind == VALUE_LIST && next_id(&items, &state_out->undone_by) &&
                    next_id(&items, &state_out->job) && next_id(&items, &state_out->undo_of);
    return is_whole ? ERR_NONE : ERR_CORRUPT;
}

static void state_put(struct task *task, struct txn *txn, struct id group,
                      const struct group_state *state)
{
    struct buf row = buf_make(task->arena, 128);
    pack_list(&row, 3);
    pack_bytes(&row, id_bytes(&state->undone_by));
    pack_bytes(&row, id_bytes(&state->job));
    pack_bytes(&row, id_bytes(&state->undo_of));
    txn_system_put(txn, SYSTEM_GROUP, id_bytes(&group), buf_str(&row));
}

enum err group_note_undone(struct task *task, struct txn *txn, struct id group, struct id by,
                           struct id job)
{
    struct group_state undone, undoing, before;
    TRY(group_state_get(task, txn, group, &undone));
    TRY(group_state_get(task, txn, by, &undoing));
    undone.undone_by = by;
    undone.job = job;
    undoing.undo_of = group;
    state_put(task, txn, group, &undone);
    state_put(task, txn, by, &undoing);
    if (id_is_nil(undone.undo_of)) return ERR_NONE;
    TRY(group_state_get(task, txn, undone.undo_of, &before));
    before.undone_by = before.job = (struct id){};
    state_put(task, txn, undone.undo_of, &before);
    return ERR_NONE;
}

/** A large group, or one in many pieces, is no matter for an event loop. */
static enum err leave_loop(struct task *task)
{
    bool is_on_loop = task->keys_max > 0 && task->keys_max <= LOOP_KEYS_MAX;
    if (!is_on_loop || task->keys_touched < task->keys_max) return ERR_NONE;
    return fail(task, ERR_TOO_LARGE, "this takes more than %u keys", task->keys_max);
}

enum err group_count(struct txn *txn, struct id group, uint64_t *count_out)
{
    uint64_t before = UINT64_MAX;
    struct log_stretch stretch;
    *count_out = 0;
    for (;;) {
        enum err err = txn_log_of_group(txn, group, before, &stretch);
        if (err != ERR_NONE) return err == ERR_MISSING ? ERR_NONE : err;
        TRY(leave_loop(txn_task(txn)));
        *count_out += stretch.last - stretch.first + 1;
        before = stretch.first;
    }
}

/* What it did. */

/** Entries of one entity by what was done. */
struct group_tally {
    uint16_t entity;
    uint32_t counts[3]; /** created, updated, deleted */
};

/** A rule that took part. */
struct group_rule {
    struct id id;
    str name;
};

struct group_telling {
    const struct view *view;
    struct id group;
    struct buf records; /** items of the list of records */
    uint32_t told;      /** of them */
    uint32_t seen;      /** entries that were looked at */
    uint32_t shown;     /** of them, that are for these eyes */
    uint32_t tally_count;
    struct group_tally tallies[ENTITIES_MAX];
    bool has_newest;
    struct log_entry newest; /** without its body */
    uint32_t rule_count;
    struct group_rule rules[GROUP_RULES_TOLD_MAX];
};

static struct group_tally *tally_of(struct group_telling *telling, uint16_t entity)
{
    for (uint32_t at = 0; at < telling->tally_count; at++)
        if (telling->tallies[at].entity == entity) return &telling->tallies[at];
    require(telling->tally_count < ENTITIES_MAX);
    struct group_tally *tally = &telling->tallies[telling->tally_count++];
    tally->entity = entity;
    return tally;
}

static void tell_rules(struct group_telling *telling, struct log_change *change)
{
    struct id rule;
    str name;
    while (log_change_rule(change, &rule, &name)) {
        bool is_told = telling->rule_count == GROUP_RULES_TOLD_MAX;
        for (uint32_t at = 0; at < telling->rule_count && !is_told; at++)
            is_told = id_eq(telling->rules[at].id, rule);
        if (!is_told)
            telling->rules[telling->rule_count++] =
                (struct group_rule){rule, arena_copy(telling->view->task->arena, name)};
    }
}

static void rules_write(struct buf *json, const struct group_telling *telling)
{
    for (uint32_t at = 0; at < telling->rule_count; at++) {
        buf_put(json, at == 0 ? S("\"rules\":[") : S(","));
        rule_named_write(json, telling->rules[at].id, telling->rules[at].name);
    }
    if (telling->rule_count > 0) buf_put(json, S("],"));
}

static enum err tell_entry(struct group_telling *telling, uint64_t sequence)
{
    static const char *const operations[] = {"create", "update", "delete"};
    const struct view *view = telling->view;
    struct log_entry entry;
    struct log_change change;
    TRY(txn_log_from(view->txn, sequence, &entry));
    const struct entity *entity = model_entity_by_number(view->model, entry.entity);
    telling->seen++;
    if (entity == nullptr || !history_sees(view, entity, &entry)) return ERR_NONE;
    telling->shown++;
    bool is_whole = log_change_read(entry.body, &change);
    if (is_whole) tell_rules(telling, &change);
    entry.body = (str){};
    if (!telling->has_newest) telling->newest = entry;
    telling->has_newest = true;
    if (is_whole) tally_of(telling, entry.entity)->counts[change.operation]++;
    if (telling->told == GROUP_RECORDS_TOLD_MAX) return ERR_NONE;
    buf_print(&telling->records, "%s{\"entity\":\"%.*s\",\"id\":\"%.*s\",\"operation\":\"%s\"}",
              telling->told == 0 ? "" : ",", FMT(entity->name),
              FMT(id_text(view->task->arena, entry.record)),
              is_whole ? operations[change.operation] : "erased");
    telling->told++;
    return ERR_NONE;
}

static enum err tell_entries(struct group_telling *telling)
{
    uint64_t before = UINT64_MAX;
    struct log_stretch stretch;
    while (telling->seen < GROUP_ENTRIES_TOLD_MAX) {
        enum err err = txn_log_of_group(telling->view->txn, telling->group, before, &stretch);
        if (err != ERR_NONE) return err == ERR_MISSING ? ERR_NONE : err;
        for (uint64_t at = stretch.last;
             at >= stretch.first && telling->seen < GROUP_ENTRIES_TOLD_MAX; at--) {
            TRY(leave_loop(telling->view->task));
            TRY(tell_entry(telling, at));
        }
        before = stretch.first;
    }
    return ERR_NONE;
}

static void write_group_id(struct buf *json, const struct view *view, const char *name,
                           struct id id)
{
    if (id_is_nil(id)) buf_print(json, ",\"%s\":null", name);
    else buf_print(json, ",\"%s\":\"%.*s\"", name, FMT(id_text(view->task->arena, id)));
}

static void tallies_write(struct buf *json, const struct group_telling *telling)
{
    for (uint32_t at = 0; at < telling->tally_count; at++) {
        const struct group_tally *tally = &telling->tallies[at];
        const struct entity *entity = model_entity_by_number(telling->view->model, tally->entity);
        buf_print(json, "%s\"%.*s\":{\"created\":%u,\"updated\":%u,\"deleted\":%u}",
                  at == 0 ? "" : ",", FMT(entity->name), tally->counts[0], tally->counts[1],
                  tally->counts[2]);
    }
}

/** What is seen of it, gathered. ERR_MISSING: nothing is. */
static enum err tell(const struct view *view, struct id group, struct group_telling **telling_out)
{
    struct arena *arena = view->task->arena;
    struct group_telling *telling = arena_new(arena, struct group_telling, 1);
    *telling =
        (struct group_telling){.view = view, .group = group, .records = buf_make(arena, MIB)};
    TRY(tell_entries(telling));
    if (!telling->has_newest) return fail(view->task, ERR_MISSING, "there is no such group");
    *telling_out = telling;
    return ERR_NONE;
}

enum err group_count_seen(const struct view *view, struct id group, uint64_t *count_out)
{
    struct group_telling *telling;
    TRY(tell(view, group, &telling));
    *count_out = telling->shown;
    return scope_sees_everything(view->scope, view->model)
               ? group_count(view->txn, group, count_out)
               : ERR_NONE;
}

enum err group_write(struct buf *json, const struct view *view, struct id group)
{
    struct task *task = view->task;
    struct group_telling *telling;
    struct group_state state;
    struct actor_names names = {};
    uint64_t count;
    TRY(tell(view, group, &telling));
    TRY(group_count(view->txn, group, &count));
    /* Who does not see all is not told how much there is beside it. */
    if (!scope_sees_everything(view->scope, view->model)) count = telling->seen = telling->shown;
    TRY(group_state_get(task, view->txn, group, &state));
    const struct entity *entity = model_entity_by_number(view->model, telling->newest.entity);
    buf_print(json, "{\"id\":\"%.*s\",\"at\":\"", FMT(id_text(task->arena, group)));
    time_write(json, telling->newest.at_ms);
    buf_put(json, S("\","));
    actor_write(json, view, &names, entity, telling->newest.actor);
    write_group_id(json, view, "cause", telling->newest.cause);
    write_group_id(json, view, "undone_by", state.undone_by);
    write_group_id(json, view, "undo_of", state.undo_of);
    buf_print(json, ",\"entries\":%llu,\"counted\":%u,", (unsigned long long)count, telling->seen);
    rules_write(json, telling);
    buf_put(json, S("\"counts\":{"));
    tallies_write(json, telling);
    buf_put(json, S("},\"records\":["));
    buf_put(json, buf_str(&telling->records));
    buf_put(json, S("]}"));
    return buf_is_over(json) ? fail(task, ERR_TOO_LARGE, "the answer is too large") : ERR_NONE;
}
