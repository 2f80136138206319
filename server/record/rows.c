#include "record/rows.h"

#include "base/require.h"
#include "record/computed.h"
#include "record/condition.h"
#include "record/draft.h"
#include "record/past.h"
#include "value/key.h"

constexpr uint64_t NOW = UINT64_MAX; /** no place in the log */

/** Whether rows are a matter of the clients that a record lies under. */
static bool is_by_clients(const struct view *view, const struct entity *entity)
{
    return view->scope->actor_kind == ACTOR_CONTACT ||
           (entity->is_under_client && (view->scope->rows & ROWS_ALL) == 0);
}

static bool is_by_maker(const struct view *view, const struct entity *entity)
{
    return entity->own_unless != nullptr && view->scope->actor_kind == ACTOR_USER;
}

bool rows_see_all(const struct view *view, const struct entity *entity)
{
    return !is_by_clients(view, entity) && !is_by_maker(view, entity);
}

/** Whether a job still computes what rows of the entity rest on. */
static bool is_being_built(const struct view *view, const struct entity *entity)
{
    const struct entity *client = view->model->client;
    const struct field *clients = entity_field_by_number(entity, FIELD_CLIENTS);
    const struct field *holders =
        client == nullptr ? nullptr : entity_field_by_number(client, FIELD_HOLDERS);
    return clients == nullptr || clients->is_building || holders == nullptr || holders->is_building;
}

static bool is_made_by(str value, struct id actor)
{
    struct value maker;
    struct id id;
    return value_find(value, FIELD_CREATED_BY, &maker) && maker.kind == VALUE_BYTES &&
           id_of_bytes(maker.text, &id) && id_eq(id, actor);
}

static bool is_shown_by_maker(const struct view *view, const struct entity *entity, str value)
{
    struct value flag;
    bool is_shared = value_find(value, entity->own_unless->number, &flag) &&
                     flag.kind == VALUE_BOOL && flag.boolean;
    return is_shared || is_made_by(value, view->scope->actor);
}

/* Somebody of the firm. */

/** Whether one of these stored holder keys is the scope's. */
static bool are_mine(const struct scope *scope, const struct value *holders)
{
    struct value item;
    if (holders->kind != VALUE_LIST) return false;
    struct cursor cursor = cursor_of(holders->items);
    for (uint32_t at = 0; at < holders->count && value_next(&cursor, &item); at++) {
        if (item.kind != VALUE_BYTES || item.text.len != HOLDER_BYTES) continue;
        for (uint32_t of = 0; of < scope->holder_count; of++)
            if ((scope->holders[of].bytes[0] & scope->rows) != 0 &&
                memcmp(scope->holders[of].bytes, item.text.at, HOLDER_BYTES) == 0)
                return true;
    }
    return false;
}

static bool is_held(const struct scope *scope, str client)
{
    struct value holders;
    return value_find(client, FIELD_HOLDERS, &holders) && are_mine(scope, &holders);
}

bool rows_hold(const struct view *view, str client)
{
    return view->scope->actor_kind != ACTOR_CONTACT && is_held(view->scope, client);
}

/** Whether the scope holds the client, or, `place` not NOW, held it just behind that. */
static bool holds(const struct view *view, struct id id, uint64_t place)
{
    const struct entity *client = view->model->client;
    str value;
    if (place == NOW)
        return record_last_value(view, client, id, &value) && is_held(view->scope, value);
    if (!record_field_at(view, client, id, FIELD_HOLDERS, place, &value)) return false;
    struct value holders = value_of(value);
    return value.len > 0 && are_mine(view->scope, &holders);
}

/** Whether `wanted`, or any that the scope holds where it is nullptr, is among its clients. */
static bool lies_under(const struct view *view, str value, const struct id *wanted, uint64_t place)
{
    struct value list, item;
    if (!value_find(value, FIELD_CLIENTS, &list) || list.kind != VALUE_LIST) return false;
    struct cursor cursor = cursor_of(list.items);
    for (uint32_t at = 0; at < list.count && value_next(&cursor, &item); at++) {
        struct id id;
        if (item.kind != VALUE_BYTES || !id_of_bytes(item.text, &id)) continue;
        if (wanted != nullptr ? id_eq(id, *wanted) : holds(view, id, place)) return true;
    }
    return false;
}

const struct field *rows_second(const struct entity *entity)
{
    bool is_pair = entity->via != nullptr && entity->via->to->duplicates == entity;
    return is_pair ? entity_field(entity, S("second")) : nullptr;
}

/** A pair is told to who sees both. */
static bool sees_second(const struct view *view, const struct entity *entity, str value,
                        uint64_t place)
{
    const struct field *second = rows_second(entity);
    struct value stored;
    struct id id;
    return second == nullptr ||
           (value_find(value, second->number, &stored) && stored.kind == VALUE_BYTES &&
            id_of_bytes(stored.text, &id) &&
            (rows_see_id(view, second->to, id) || (place != NOW && holds(view, id, place))));
}

static bool is_mine(const struct view *view, const struct entity *entity, str value, uint64_t place)
{
    const struct scope *scope = view->scope;
    if (is_being_built(view, entity) || !sees_second(view, entity, value, place)) return false;
    if ((scope->rows & ROWS_OWN) != 0 && is_made_by(value, scope->actor)) return true;
    return entity == view->model->client ? is_held(scope, value)
                                         : lies_under(view, value, nullptr, place);
}

/* A contact at the portal. */

static bool refers_to(str value, const struct field *field, struct id to)
{
    struct value stored, item;
    if (!value_find(value, field->number, &stored)) return false;
    bool is_list = stored.kind == VALUE_LIST;
    struct cursor cursor = cursor_of(is_list ? stored.items : stored.bytes);
    for (uint32_t at = 0; at < (is_list ? stored.count : 1) && value_next(&cursor, &item); at++)
        if (item.kind == VALUE_BYTES && str_eq(item.text, id_bytes(&to))) return true;
    return false;
}

static bool is_contacts_own(const struct view *view, const struct entity *entity, struct id id,
                            str value)
{
    switch (entity->portal.own_is) {
    case PORTAL_OWN_NEVER:
        return false;
    case PORTAL_OWN_ALWAYS:
        return true;
    case PORTAL_OWN_SELF:
        return id_eq(id, view->scope->actor);
    case PORTAL_OWN_FIELD:
        return refers_to(value, entity->portal.own, view->scope->actor);
    }
    return false;
}

static bool is_shown_at_portal(const struct view *view, const struct entity *entity, struct id id,
                               str value)
{
    const struct scope *scope = view->scope;
    const struct portal *portal = &entity->portal;
    if ((portal->actions & SCOPE_VIEW) == 0 || is_being_built(view, entity) ||
        !lies_under(view, value, &scope->client, NOW))
        return false;
    if (scope->is_own_alone && !is_contacts_own(view, entity, id, value)) return false;
    struct record record = {entity, id, value};
    return portal->where == nullptr ||
           condition_holds_record(view, view->task->arena, portal->where, &record);
}

/* All of them. */

bool rows_see(const struct view *view, const struct entity *entity, struct id id, str value)
{
    if (rows_see_all(view, entity)) return true;
    if (is_by_maker(view, entity) && !is_shown_by_maker(view, entity, value)) return false;
    if (!is_by_clients(view, entity)) return true;
    return view->scope->actor_kind == ACTOR_CONTACT ? is_shown_at_portal(view, entity, id, value)
                                                    : is_mine(view, entity, value, NOW);
}

bool rows_see_id(const struct view *view, const struct entity *entity, struct id id)
{
    str value;
    struct log_entry newest;
    if (rows_see_all(view, entity)) return true;
    if (record_last_value(view, entity, id, &value)) return rows_see(view, entity, id, value);
    /* What it was has been erased: its maker deleted it. */
    return !is_by_clients(view, entity) &&
           txn_log_of_record(view->txn, entity->number, id, UINT64_MAX, &newest) == ERR_NONE &&
           id_eq(newest.actor, view->scope->actor);
}

bool rows_see_entry(const struct view *view, const struct entity *entity,
                    const struct log_entry *entry)
{
    return rows_see_all(view, entity) || rows_see_id(view, entity, entry->record);
}

bool rows_saw(const struct view *view, const struct entity *entity, str value, uint64_t place)
{
    require(place != NOW);
    if (rows_see_all(view, entity)) return true;
    if (is_by_maker(view, entity) && !is_shown_by_maker(view, entity, value)) return false;
    return !is_by_clients(view, entity) ||
           (view->scope->actor_kind != ACTOR_CONTACT && is_mine(view, entity, value, place));
}

/* As conditions. */

/** A test of equality with any of these ordered values. */
static struct condition equals(struct arena *arena, const struct field *of,
                               const struct field *field, const str *ordered, uint32_t count)
{
    struct condition_test *test = arena_new(arena, struct condition_test, 1);
    struct test_value *values = arena_new(arena, struct test_value, count);
    for (uint32_t at = 0; at < count; at++)
        values[at] = (struct test_value){.ordered = arena_copy(arena, ordered[at])};
    *test = (struct condition_test){.of = of,
                                    .field = field,
                                    .op = TEST_EQUAL,
                                    .value_count = count,
                                    .values = values,
                                    .path = field->name};
    return (struct condition){.kind = CONDITION_TEST, .test = test};
}

static const struct condition *any_of(struct arena *arena, const struct condition *items,
                                      uint32_t count)
{
    struct condition *kept = arena_new(arena, struct condition, count);
    struct condition *either = arena_new(arena, struct condition, 1);
    if (count > 0) memcpy(kept, items, count * sizeof *kept);
    *either = (struct condition){.kind = CONDITION_ANY, .item_count = count, .items = kept};
    return count == 1 ? kept : either;
}

static struct condition made_by_me(const struct view *view, const struct entity *entity)
{
    str actor = id_bytes(&view->scope->actor);
    return equals(view->task->arena, nullptr, entity_field_by_number(entity, FIELD_CREATED_BY),
                  &actor, 1);
}

static const struct condition *maker_condition(const struct view *view, const struct entity *entity)
{
    struct arena *arena = view->task->arena;
    struct buf shared = buf_make(arena, 8);
    key_put_bool(&shared, true);
    str yes = buf_str(&shared);
    struct condition items[] = {made_by_me(view, entity),
                                equals(arena, nullptr, entity->own_unless, &yes, 1)};
    return any_of(arena, items, 2);
}

/** Nobody is in there. */
static const struct condition *none(struct arena *arena)
{
    return any_of(arena, nullptr, 0);
}

/** Of the client one index of its holders answers, its maker among them; what lies under it is
 *  one's own, or found behind the clients that are held. */
static const struct condition *mine_condition(const struct view *view, const struct entity *entity)
{
    const struct scope *scope = view->scope;
    struct arena *arena = view->task->arena;
    const struct entity *client = view->model->client;
    if (is_being_built(view, entity)) return none(arena);
    const struct field *holders = entity_field_by_number(client, FIELD_HOLDERS);
    struct holder_key own = {.bytes = {ROWS_OWN}};
    memcpy(own.bytes + 1, scope->actor.bytes, sizeof scope->actor.bytes);
    str keys[SCOPE_HOLDERS_MAX + 1];
    uint32_t key_count = 0, item_count = 0;
    struct condition items[2];
    bool takes_own = (scope->rows & ROWS_OWN) != 0;
    for (uint32_t at = 0; at < scope->holder_count; at++)
        if ((scope->holders[at].bytes[0] & scope->rows) != 0)
            keys[key_count++] = (str){(const char *)scope->holders[at].bytes, HOLDER_BYTES};
    if (entity == client) {
        if (takes_own) keys[key_count++] = (str){(const char *)own.bytes, HOLDER_BYTES};
        if (key_count > 0) items[item_count++] = equals(arena, nullptr, holders, keys, key_count);
        return any_of(arena, items, item_count);
    }
    if (takes_own) items[item_count++] = made_by_me(view, entity);
    if (key_count > 0)
        items[item_count++] =
            equals(arena, entity_field_by_number(entity, FIELD_CLIENTS), holders, keys, key_count);
    return any_of(arena, items, item_count);
}

static const struct condition *portal_condition(const struct view *view,
                                                const struct entity *entity, bool *is_exact)
{
    const struct scope *scope = view->scope;
    const struct portal *portal = &entity->portal;
    struct arena *arena = view->task->arena;
    if ((portal->actions & SCOPE_VIEW) == 0 || is_being_built(view, entity) ||
        (scope->is_own_alone && portal->own_is == PORTAL_OWN_NEVER))
        return none(arena);
    str client = id_bytes(&scope->client), actor = id_bytes(&scope->actor);
    struct condition under =
        equals(arena, nullptr, entity_field_by_number(entity, FIELD_CLIENTS), &client, 1);
    const struct condition *parts[3] = {any_of(arena, &under, 1), portal->where};
    uint32_t count = 2;
    if (scope->is_own_alone && portal->own_is == PORTAL_OWN_FIELD) {
        struct condition own = equals(arena, nullptr, portal->own, &actor, 1);
        parts[count++] = any_of(arena, &own, 1);
    }
    if (scope->is_own_alone && portal->own_is == PORTAL_OWN_SELF) *is_exact = false;
    return condition_all(arena, parts, count);
}

const struct condition *rows_condition(const struct view *view, const struct entity *entity,
                                       bool *is_exact_out)
{
    *is_exact_out = true;
    if (rows_see_all(view, entity)) return nullptr;
    *is_exact_out = rows_second(entity) == nullptr;
    const struct condition *parts[2] = {};
    if (is_by_maker(view, entity)) parts[0] = maker_condition(view, entity);
    if (is_by_clients(view, entity))
        parts[1] = view->scope->actor_kind == ACTOR_CONTACT
                       ? portal_condition(view, entity, is_exact_out)
                       : mine_condition(view, entity);
    return condition_all(view->task->arena, parts, 2);
}

/* What is made. */

/** Which clients somebody sees who does not see all, for messages. */
static str rows_text(struct arena *arena, const struct scope *scope, const struct model *model)
{
    static const char *const ways[] = {"that you made", "that you manage", "that you work for",
                                       "that are shared with you"};
    struct buf text = buf_make(arena, 256);
    for (uint32_t at = 0; at < SCOPE_ROWS_COUNT - 1; at++)
        if ((scope->rows >> at & 1) != 0)
            buf_print(&text, "%s%s", text.len == 0 ? "" : ", or ", ways[at]);
    if (text.len == 0) buf_print(&text, "none");
    return arena_print(arena, "of the %.*s you see those %.*s", FMT(model->client->plural),
                       FMT(buf_str(&text)));
}

/** The client's fields by which somebody is its manager, or the like, for messages. */
static str holders_text(struct arena *arena, const struct scope *scope, const struct model *model)
{
    struct buf text = buf_make(arena, 256);
    for (uint32_t at = 0; at < model->holder_count; at++) {
        const struct holder *holder = &model->holders[at];
        if (holder->via != nullptr || (holder->row & scope->rows) == 0) continue;
        buf_print(&text, "%s%.*s", text.len == 0 ? "" : " or ", FMT(holder->of->name));
    }
    return buf_str(&text);
}

static enum err refuse_made(struct change *change, const struct entity *entity)
{
    struct task *task = change->task;
    if (change->scope->actor_kind == ACTOR_CONTACT)
        return fail(task, ERR_FORBIDDEN, "you would not see this %.*s", FMT(entity->name));
    str rows = rows_text(task->arena, change->scope, change->model);
    str fields = holders_text(task->arena, change->scope, change->model);
    if (entity == change->model->client && fields.len > 0)
        return fail(task, ERR_FORBIDDEN, "you would not see this %.*s: %.*s; name yourself in %.*s",
                    FMT(entity->name), FMT(rows), FMT(fields));
    return fail(task, ERR_FORBIDDEN, "you would not see this %.*s: %.*s", FMT(entity->name),
                FMT(rows));
}

enum err rows_verify_made(struct change *change, uint32_t from)
{
    struct view view = change_view(change);
    if ((change->scope->rows & ROWS_ALL) != 0 && change->scope->actor_kind != ACTOR_CONTACT)
        return ERR_NONE;
    TRY(computed_settle(change));
    for (uint32_t at = from; at < change->touched_count; at++) {
        const struct touched *touched = &change->touched[at];
        str value;
        if (touched->before.len > 0 || !touched->is_by_narrow) continue;
        if (!is_by_clients(&view, touched->entity)) continue;
        enum err err =
            txn_record_get_view(change->txn, touched->entity->number, touched->id, &value);
        if (err == ERR_MISSING) continue;
        TRY(err);
        if (!rows_see(&view, touched->entity, touched->id, value))
            return refuse_made(change, touched->entity);
    }
    return ERR_NONE;
}
