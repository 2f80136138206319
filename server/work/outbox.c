/* Entries of the outbox: what they say, how they are told, put off and retried. */
#include "work/outbox.h"

#include "base/fold.h"
#include "base/limits.h"
#include "base/require.h"
#include "value/json.h"

constexpr size_t PROBLEM_TEXT_BYTES_MAX = 1000;
constexpr size_t BODY_ROOM_BYTES = 1 * KIB; /** for what a try adds to a body */

/** How long after each failed try. */
static const int64_t waits_ms[OUTBOX_TRIES_MAX] = {2'000, 15'000, 120'000, 900'000};

/* Reading. */

static struct value member(const struct outbox_entry *entry, str name)
{
    struct value value;
    return value_find_text(entry->body, name, &value) ? value : (struct value){};
}

static str text_member(const struct outbox_entry *entry, str name)
{
    struct value value = member(entry, name);
    return value.kind == VALUE_TEXT ? value.text : S("");
}

static struct id id_member(const struct outbox_entry *entry, str name)
{
    struct id id = {};
    struct value value = member(entry, name);
    if (value.kind == VALUE_BYTES) (void)id_of_bytes(value.text, &id);
    else if (value.kind == VALUE_TEXT && !id_parse(value.text, &id)) id = (struct id){};
    return id;
}

void outbox_read(const struct outbox_entry *entry, struct outbox_state *state_out)
{
    struct value tries = member(entry, S("tries"));
    *state_out = (struct outbox_state){
        .kind = entry->kind,
        .is_dead = str_eq(entry->kind, OUTBOX_DEAD),
        .tries = tries.kind == VALUE_INT ? tries.integer : 0,
        .problem = text_member(entry, S("problem")),
        .rule = id_member(entry, S("rule")),
        .record = id_member(entry, S("record")),
        .entity = text_member(entry, S("entity")),
        .given = member(entry, S("given")),
    };
    if (state_out->is_dead) state_out->kind = text_member(entry, S("kind"));
}

/* Telling. */

void outbox_write_json(struct buf *json, const struct outbox_entry *entry)
{
    struct outbox_state state;
    char id[ID_TEXT_BYTES];
    outbox_read(entry, &state);
    id_write(entry->id, id);
    buf_print(json, "{\"id\":\"%.*s\",\"kind\":", ID_TEXT_BYTES, id);
    json_write_text(json, state.kind);
    buf_print(json, ",\"state\":\"%s\",\"tries\":%lld", state.is_dead ? "dead" : "waiting",
              (long long)state.tries);
    json_member_time(json, "due_at", state.is_dead ? 0 : entry->due_ms);
    json_member_time(json, "kept_until", state.is_dead ? entry->due_ms : 0);
    json_member_text(json, "problem", state.problem);
    json_member_id(json, "rule", state.rule);
    json_member_text(json, "entity", state.entity);
    json_member_id(json, "record", state.record);
    buf_put(json, S(",\"given\":"));
    json_write(json, &state.given);
    buf_put_byte(json, '}');
}

/* Finding. */

/** Of what kind a dead one was stands in its body; of all others the body is not read. */
static enum err is_meant(struct task *task, struct txn *txn, const struct outbox_filter *filter,
                         const struct outbox_entry *entry, bool *is_out)
{
    bool is_dead = str_eq(entry->kind, OUTBOX_DEAD);
    *is_out = filter->state != (is_dead ? OUTBOX_ONLY_WAITING : OUTBOX_ONLY_DEAD);
    if (!*is_out || filter->kind.len == 0) return ERR_NONE;
    struct outbox_entry whole = *entry;
    struct outbox_state state;
    if (is_dead) TRY(txn_outbox_get(txn, entry->due_ms, entry->id, task->arena, &whole));
    outbox_read(&whole, &state);
    *is_out = str_eq(filter->kind, state.kind);
    return ERR_NONE;
}

/** Without its body. */
static enum err next_of(struct task *task, struct txn *txn, const struct outbox_filter *filter,
                        int64_t due_ms, struct id id, struct outbox_entry *entry_out)
{
    bool is_of_kind = filter->kind.len > 0 && filter->state == OUTBOX_ONLY_WAITING;
    for (;;) {
        if (task->keys_max > 0 && task->keys_touched > task->keys_max)
            return fail(task, ERR_TOO_LARGE, "the outbox holds too much to be looked through");
        if (filter->state == OUTBOX_ONLY_DEAD)
            TRY(txn_outbox_of(txn, OUTBOX_DEAD, due_ms, id, nullptr, entry_out));
        else if (is_of_kind) TRY(txn_outbox_of(txn, filter->kind, due_ms, id, nullptr, entry_out));
        else TRY(txn_outbox_after(txn, due_ms, id, nullptr, entry_out));
        bool is_it;
        TRY(is_meant(task, txn, filter, entry_out, &is_it));
        if (is_it) return ERR_NONE;
        task->keys_touched++;
        due_ms = entry_out->due_ms;
        id = entry_out->id;
    }
}

static enum err body_read(struct task *task, struct txn *txn, struct outbox_entry *entry)
{
    return txn_outbox_get(txn, entry->due_ms, entry->id, task->arena, entry);
}

enum err outbox_next(struct task *task, struct txn *txn, const struct outbox_filter *filter,
                     int64_t due_ms, struct id id, struct outbox_entry *entry_out)
{
    TRY(next_of(task, txn, filter, due_ms, id, entry_out));
    return body_read(task, txn, entry_out);
}

enum err outbox_find(struct task *task, struct txn *txn, struct id id,
                     struct outbox_entry *entry_out)
{
    static const struct outbox_filter filters[] = {{.state = OUTBOX_ONLY_DEAD}, {}};
    for (size_t at = 0; at < sizeof filters / sizeof filters[0]; at++) {
        *entry_out = (struct outbox_entry){.due_ms = INT64_MIN};
        enum err err = ERR_NONE;
        while (err == ERR_NONE) {
            err = next_of(task, txn, &filters[at], entry_out->due_ms, entry_out->id, entry_out);
            if (err == ERR_NONE && id_eq(entry_out->id, id)) return body_read(task, txn, entry_out);
            task->keys_touched++;
        }
        if (err != ERR_MISSING) return err;
    }
    return fail(task, ERR_MISSING, "there is no such entry in the outbox");
}

/* Putting off. */

/** What the worker itself writes into a body. */
static bool is_own(str name)
{
    return str_eq(name, S("tries")) || str_eq(name, S("problem")) || str_eq(name, S("kind"));
}

struct rewriting {
    str kind; /** of a dead one: its own; else empty */
    int64_t tries;
    str problem;
};

/** The body as it was, with other figures of the worker's own. */
static str body_rewrite(struct arena *arena, str body, const struct rewriting *rewriting)
{
    struct value map = value_of(body), key, value;
    struct cursor items = cursor_of(map.items);
    struct buf others = buf_make(arena, body.len + BODY_ROOM_BYTES);
    struct buf whole = buf_make(arena, 2 * (body.len + BODY_ROOM_BYTES) + PROBLEM_TEXT_BYTES_MAX);
    uint32_t count = 0;
    for (uint32_t at = 0; map.kind == VALUE_MAP && at < map.count; at++) {
        if (!value_next(&items, &key) || !value_next(&items, &value)) break;
        if (key.kind == VALUE_TEXT && is_own(key.text)) continue;
        pack_raw(&others, key.bytes);
        pack_raw(&others, value.bytes);
        count++;
    }
    bool is_dead = rewriting->kind.len > 0;
    pack_map(&whole, count + (rewriting->tries > 0 ? 2 : 0) + (is_dead ? 1 : 0));
    pack_raw(&whole, buf_str(&others));
    if (rewriting->tries > 0) {
        pack_text(&whole, S("tries"));
        pack_int(&whole, rewriting->tries);
        pack_text(&whole, S("problem"));
        pack_text(&whole, utf8_first(rewriting->problem, PROBLEM_TEXT_BYTES_MAX));
    }
    if (is_dead) {
        pack_text(&whole, S("kind"));
        pack_text(&whole, rewriting->kind);
    }
    require(!buf_is_over(&whole) && !buf_is_over(&others));
    return buf_str(&whole);
}

/** The oldest of the dead makes room. */
static void dead_make_room(struct txn *txn)
{
    uint64_t count;
    struct outbox_entry oldest;
    struct id first = {};
    if (txn_outbox_count(txn, OUTBOX_DEAD, &count) != ERR_NONE || count < OUTBOX_DEAD_MAX) return;
    if (txn_outbox_of(txn, OUTBOX_DEAD, INT64_MIN, first, nullptr, &oldest) == ERR_NONE)
        txn_outbox_delete(txn, oldest.due_ms, oldest.id);
}

void outbox_put_off(struct txn *txn, const struct outbox_entry *entry, str problem)
{
    struct task *task = txn_task(txn);
    struct outbox_state state;
    outbox_read(entry, &state);
    require(!state.is_dead);
    struct rewriting rewriting = {.tries = state.tries + 1, .problem = problem};
    bool is_dying = rewriting.tries >= OUTBOX_TRIES_MAX;
    if (is_dying) rewriting.kind = state.kind;
    struct outbox_entry later = {
        .id = entry->id,
        .due_ms = task->now_ms + (is_dying ? OUTBOX_DEAD_KEPT_MS : waits_ms[rewriting.tries - 1]),
        .kind = is_dying ? OUTBOX_DEAD : arena_copy(task->arena, entry->kind),
        .body = body_rewrite(task->arena, entry->body, &rewriting),
    };
    txn_outbox_delete(txn, entry->due_ms, entry->id);
    if (is_dying) dead_make_room(txn);
    txn_outbox_put(txn, &later);
}

void outbox_retry(struct txn *txn, const struct outbox_entry *entry)
{
    struct task *task = txn_task(txn);
    struct outbox_state state;
    outbox_read(entry, &state);
    struct rewriting rewriting = {.tries = state.is_dead ? 0 : state.tries,
                                  .problem = state.problem};
    struct outbox_entry now = {
        .id = entry->id,
        .due_ms = task->now_ms,
        .kind = arena_copy(task->arena, state.kind),
        .body = body_rewrite(task->arena, entry->body, &rewriting),
    };
    txn_outbox_delete(txn, entry->due_ms, entry->id);
    txn_outbox_put(txn, &now);
}
