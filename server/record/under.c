#include "record/under.h"

#include "base/require.h"
#include "record/computed.h"

/* Keys. */

/** Distinct keys in order. */
struct keys {
    uint32_t count;
    struct holder_key items[HOLDERS_LISTED_MAX];
};

static struct holder_key key_make(enum scope_rows row, struct id id)
{
    struct holder_key key;
    key.bytes[0] = row;
    memcpy(key.bytes + 1, id.bytes, sizeof id.bytes);
    return key;
}

static str key_bytes(const struct holder_key *key)
{
    return (str){(const char *)key->bytes, HOLDER_BYTES};
}

static void keys_add(struct keys *keys, struct holder_key key)
{
    uint32_t at = 0;
    while (at < keys->count && memcmp(keys->items[at].bytes, key.bytes, HOLDER_BYTES) < 0) at++;
    bool is_known = at < keys->count && memcmp(keys->items[at].bytes, key.bytes, HOLDER_BYTES) == 0;
    if (is_known || keys->count == HOLDERS_LISTED_MAX) return;
    memmove(&keys->items[at + 1], &keys->items[at], (keys->count - at) * sizeof *keys->items);
    keys->items[at] = key;
    keys->count++;
}

static bool keys_have(const struct keys *keys, const struct holder_key *key)
{
    for (uint32_t at = 0; at < keys->count; at++)
        if (memcmp(keys->items[at].bytes, key->bytes, HOLDER_BYTES) == 0) return true;
    return false;
}

static str keys_pack(struct arena *arena, const struct keys *keys)
{
    if (keys->count == 0) return (str){};
    struct buf stored = buf_make(arena, 8 + keys->count * (HOLDER_BYTES + 2));
    pack_list(&stored, keys->count);
    for (uint32_t at = 0; at < keys->count; at++) pack_bytes(&stored, key_bytes(&keys->items[at]));
    return buf_str(&stored);
}

/** The keys that a record with these stored values gives by one way of holding. */
static void keys_of(const struct holder *holder, const str *slots, struct keys *keys)
{
    str stored = slots[field_position(holder->of)];
    if (stored.len == 0) return;
    struct value value = value_of(stored), item;
    bool is_list = holder->of->kind == FIELD_REFERENCES;
    struct cursor cursor = cursor_of(is_list ? value.items : value.bytes);
    for (uint32_t at = 0; at < (is_list ? value.count : 1) && value_next(&cursor, &item); at++) {
        struct id id;
        if (item.kind == VALUE_BYTES && id_of_bytes(item.text, &id))
            keys_add(keys, key_make(holder->row, id));
    }
}

/** Whether the holder is a field of the client itself. */
static bool is_of_client(const struct holder *holder)
{
    return holder->via == nullptr;
}

static const struct field *clients_field(const struct entity *entity)
{
    return entity_field_by_number(entity, FIELD_CLIENTS);
}

/* Entries. */

uint16_t under_entry_entity(const struct model *model)
{
    return model->client->number | ENTITY_ROLLUP;
}

static str entry_key(struct arena *arena, struct id client, const struct holder_key *key)
{
    struct buf ordered = buf_make(arena, sizeof client + HOLDER_BYTES);
    buf_put(&ordered, id_bytes(&client));
    buf_put(&ordered, key_bytes(key));
    return buf_str(&ordered);
}

/** The distinct keys that have entries under a client; those that the client gives itself, by a
 *  field of its own, are told by its own values. */
static enum err keys_gather(const struct view *view, struct id client, struct keys *keys)
{
    struct arena *arena = view->task->arena;
    struct scan_range range = {.from = id_bytes(&client), .to = id_bytes(&client)};
    while (keys->count < HOLDERS_LISTED_MAX) {
        struct scan_entry entry;
        bool has_entry;
        struct scan *scan =
            scan_index(view->txn, under_entry_entity(view->model), FIELD_HOLDERS, &range);
        enum err err = scan_next(scan, &has_entry, &entry);
        bool is_own = err == ERR_NONE && has_entry && id_eq(entry.id, client);
        str ordered = err == ERR_NONE && has_entry ? arena_copy(arena, entry.ordered) : (str){};
        /* Behind the client's own entry of a key there may be another one's. */
        while (err == ERR_NONE && has_entry && is_own) {
            err = scan_next(scan, &has_entry, &entry);
            if (err != ERR_NONE || !has_entry || !str_eq(entry.ordered, ordered)) break;
            is_own = id_eq(entry.id, client);
        }
        scan_close(scan);
        TRY(err);
        if (ordered.len == 0) break;
        if (ordered.len != sizeof client + HOLDER_BYTES) return ERR_CORRUPT;
        if (!is_own) {
            struct holder_key key;
            memcpy(key.bytes, ordered.at + sizeof client, HOLDER_BYTES);
            keys_add(keys, key);
        }
        range = (struct scan_range){.from = ordered, .from_is_open = true, .to = id_bytes(&client)};
    }
    return ERR_NONE;
}

/** Brings the entries of one way of holding from what they were to what they are, and notes the
 *  clients whose holders that moves. */
static void move_entries(struct change *change, const struct draft *draft,
                         const struct holder *holder)
{
    struct arena *arena = change->task->arena;
    struct keys *old = arena_new(arena, struct keys, 1), *new = arena_new(arena, struct keys, 1);
    struct id was = draft->id, is = draft->id;
    bool had = is_of_client(holder) || slots_reference(draft->before, holder->via, &was);
    bool has = is_of_client(holder) || slots_reference(draft->now, holder->via, &is);
    if (had) keys_of(holder, draft->before, old);
    if (has) keys_of(holder, draft->now, new);
    bool is_same = had && has && id_eq(was, is);
    uint16_t entity = under_entry_entity(change->model);
    for (uint32_t at = 0; at < old->count; at++)
        if (!is_same || !keys_have(new, &old->items[at]))
            txn_index_delete(change->txn, entity, FIELD_HOLDERS,
                             entry_key(arena, was, &old->items[at]), draft->id);
    for (uint32_t at = 0; at < new->count; at++)
        if (!is_same || !keys_have(old, &new->items[at]))
            txn_index_put(change->txn, entity, FIELD_HOLDERS, entry_key(arena, is, &new->items[at]),
                          draft->id);
    if (is_of_client(holder)) return;
    if (had) computed_due(change, change->model->client, was, UNDER_HOLDERS);
    if (has && !is_same) computed_due(change, change->model->client, is, UNDER_HOLDERS);
}

/* Clients. */

static void add_id(struct id_list *list, struct id id)
{
    for (uint32_t at = 0; at < list->count; at++)
        if (id_eq(list->ids[at], id)) return;
    if (list->count < LIST_ITEMS_MAX) list->ids[list->count++] = id;
}

static enum err clients_tied(const struct view *view, const struct entity *entity, struct id id,
                             struct id_list *list);

/** The clients above a record: up its chain of `via`, to the client or to what is tied. `slots`
 *  nullptr: as it is stored. */
static enum err clients_above(const struct view *view, const struct entity *entity, struct id id,
                              const str *slots, struct id_list *list)
{
    str loaded[FIELDS_MAX];
    for (;;) {
        if (entity == view->model->client) return add_id(list, id), ERR_NONE;
        if (entity->tied_by != nullptr) return clients_tied(view, entity, id, list);
        if (entity->via == nullptr) return ERR_NONE;
        if (slots == nullptr) {
            str value;
            enum err err = txn_record_get_view(view->txn, entity->number, id, &value);
            if (err != ERR_NONE) return err == ERR_MISSING ? ERR_NONE : err;
            slots_read(entity, value, loaded);
            slots = loaded;
        }
        if (!slots_reference(slots, entity->via, &id)) return ERR_NONE;
        entity = entity->via->to;
        slots = nullptr;
    }
}

/** The clients of the records that tie this one, in their order, as many as a list holds. */
static enum err clients_tied(const struct view *view, const struct entity *entity, struct id id,
                             struct id_list *list)
{
    const struct field *by = entity->tied_by;
    struct scan_range range = {.from = id_bytes(&id), .to = id_bytes(&id)};
    struct scan *scan = scan_index(view->txn, by->entity->number, by->number, &range);
    while (list->count < LIST_ITEMS_MAX) {
        bool has_entry;
        struct scan_entry entry;
        TRY(scan_next(scan, &has_entry, &entry));
        if (!has_entry) break;
        TRY(clients_above(view, by->entity, entry.id, nullptr, list));
    }
    scan_close(scan);
    return ERR_NONE;
}

enum err under_clients(const struct view *view, const struct entity *entity, struct id id,
                       const str *slots, str *stored_out)
{
    struct arena *arena = view->task->arena;
    struct id ids[LIST_ITEMS_MAX];
    struct id_list list = {0, ids};
    *stored_out = (str){};
    TRY(clients_above(view, entity, id, slots, &list));
    if (list.count == 0) return ERR_NONE;
    struct buf stored = buf_make(arena, 8 + list.count * (sizeof(struct id) + 2));
    pack_list(&stored, list.count);
    for (uint32_t at = 0; at < list.count; at++) pack_bytes(&stored, id_bytes(&ids[at]));
    *stored_out = buf_str(&stored);
    return ERR_NONE;
}

/* Filling. */

/** Who made the client, or is making it. */
static bool maker_of(const struct change *change, const struct draft *draft, struct id *id_out)
{
    const struct field *field = entity_field_by_number(draft->entity, FIELD_CREATED_BY);
    if (draft_reference(draft, field, id_out)) return true;
    *id_out = change->scope->actor;
    return draft->is_new && !id_is_nil(*id_out);
}

/** From the entries, the client's own fields as the draft has them, and its maker. */
static enum err fill_holders(struct change *change, struct draft *draft)
{
    const struct model *model = change->model;
    struct view view = change_view(change);
    struct keys *keys = arena_new(change->task->arena, struct keys, 1);
    struct id maker;
    if (maker_of(change, draft, &maker)) keys_add(keys, key_make(ROWS_OWN, maker));
    for (uint32_t at = 0; at < model->holder_count; at++)
        if (is_of_client(&model->holders[at])) keys_of(&model->holders[at], draft->now, keys);
    TRY(keys_gather(&view, draft->id, keys));
    draft_put(draft, entity_field_by_number(draft->entity, FIELD_HOLDERS),
              keys_pack(change->task->arena, keys));
    return ERR_NONE;
}

/** Whether the client's own fields say something else of its holders. */
static bool has_moved(const struct model *model, const struct draft *draft)
{
    bool has = draft->is_new;
    for (uint32_t at = 0; at < model->holder_count && !has; at++)
        has = is_of_client(&model->holders[at]) && draft_has_changed(draft, model->holders[at].of);
    return has;
}

static enum err fill_clients(struct change *change, struct draft *draft)
{
    struct view view = change_view(change);
    str stored;
    TRY(under_clients(&view, draft->entity, draft->id, draft->now, &stored));
    draft_put(draft, clients_field(draft->entity), stored);
    return ERR_NONE;
}

enum err under_fill(struct change *change, struct draft *draft)
{
    const struct entity *entity = draft->entity;
    if (!entity->is_under_client) return ERR_NONE;
    if (entity == change->model->client && has_moved(change->model, draft))
        TRY(fill_holders(change, draft));
    /* What ties a new record is made behind it; only one that comes back may find it there. */
    bool is_tied = entity->tied_by != nullptr;
    return is_tied && !(draft->is_new && change->is_undo) ? ERR_NONE : fill_clients(change, draft);
}

enum err under_apply(struct change *change, struct draft *draft, uint8_t due)
{
    if ((due & UNDER_HOLDERS) != 0) TRY(fill_holders(change, draft));
    return (due & UNDER_TIES) != 0 ? fill_clients(change, draft) : ERR_NONE;
}

/* Noting. */

/** Whether this reference is the way from an entity up to the one it lies under. */
static bool is_way_up(const struct field *field)
{
    return field->entity->via == field && field->entity->is_under_client;
}

static bool has_below(const struct entity *entity)
{
    bool has = false;
    for (uint32_t at = 0; at < entity->referrer_count && !has; at++)
        has = is_way_up(entity->referrers[at]);
    return has;
}

/** A record that ties another one to a client. */
static void note_tied(struct change *change, const struct draft *draft)
{
    const struct entity *entity = draft->entity;
    for (uint32_t at = 0; at < entity->field_count; at++) {
        const struct field *field = &entity->fields[at];
        struct id id;
        if (field->kind != FIELD_REFERENCE || field->to == nullptr || field->to->tied_by != field)
            continue;
        if (!draft_has_changed(draft, field) && !draft_has_changed(draft, entity->via)) continue;
        if (slots_reference(draft->before, field, &id))
            computed_due(change, field->to, id, UNDER_TIES);
        if (slots_reference(draft->now, field, &id))
            computed_due(change, field->to, id, UNDER_TIES);
    }
}

enum err under_note(struct change *change, const struct draft *draft, bool was_new)
{
    const struct entity *entity = draft->entity;
    const struct model *model = change->model;
    if (!entity->is_under_client) return ERR_NONE;
    for (uint32_t at = 0; at < model->holder_count; at++) {
        const struct holder *holder = &model->holders[at];
        if (holder->of->entity != entity) continue;
        bool has = draft_has_changed(draft, holder->of) ||
                   (!is_of_client(holder) && draft_has_changed(draft, holder->via));
        if (has) move_entries(change, draft, holder);
    }
    if (entity->via != nullptr) note_tied(change, draft);
    /* Only under a record that comes back can something lie already; a job that brings all of them
     * up to date comes to each itself. */
    bool can_have = (!was_new || change->is_undo) && !change->is_rebuild;
    if (can_have && draft_has_changed(draft, clients_field(entity)) && has_below(entity))
        computed_due(change, entity, draft->id, UNDER_CHILDREN);
    return ERR_NONE;
}

static enum err follow_one(struct change *change, const struct field *up, struct id id)
{
    struct draft draft;
    if (change_is_going(change, up->entity, id)) return ERR_NONE;
    TRY(draft_load(change, up->entity, id, &draft));
    if (++change->following_count > UNDER_FOLLOWING_MAX)
        return fail(change->task, ERR_TOO_LARGE,
                    "more than %u records lie under what would move to another %.*s: move them "
                    "in parts first",
                    UNDER_FOLLOWING_MAX, FMT(change->model->client->name));
    /* What follows of itself is not counted among the records that the change may touch. */
    if (change_touched(change, up->entity, id) == nullptr) change->settled_count++;
    return draft_save(change, &draft, WRITE_BY_ENGINE);
}

enum err under_follow(struct change *change, const struct entity *entity, struct id id)
{
    for (uint32_t at = 0; at < entity->referrer_count; at++) {
        const struct field *up = entity->referrers[at];
        if (!is_way_up(up)) continue;
        struct scan_range range = {.from = id_bytes(&id), .to = id_bytes(&id)};
        struct scan *scan = scan_index(change->txn, up->entity->number, up->number, &range);
        for (;;) {
            bool has_entry;
            struct scan_entry entry;
            TRY(scan_next(scan, &has_entry, &entry));
            if (!has_entry) break;
            TRY(follow_one(change, up, entry.id));
        }
        scan_close(scan);
    }
    return ERR_NONE;
}

/* From all records. */

struct giving {
    struct id giver;
    void *argument;
    enum err (*visit)(void *argument, struct id giver, struct holder_key key);
};

static enum err give_keys(const struct giving *giving, const struct holder *holder,
                          struct arena *arena, const str *slots)
{
    struct keys *keys = arena_new(arena, struct keys, 1);
    keys_of(holder, slots, keys);
    for (uint32_t at = 0; at < keys->count; at++)
        TRY(giving->visit(giving->argument, giving->giver, keys->items[at]));
    return ERR_NONE;
}

enum err under_givers(const struct view *view, struct id client, const str *slots, void *argument,
                      enum err (*visit)(void *argument, struct id giver, struct holder_key key))
{
    struct arena *arena = view->task->arena;
    struct giving giving = {client, argument, visit};
    for (uint32_t at = 0; at < view->model->holder_count; at++) {
        const struct holder *holder = &view->model->holders[at];
        giving.giver = client;
        if (is_of_client(holder)) {
            TRY(give_keys(&giving, holder, arena, slots));
            continue;
        }
        const struct field *via = holder->via;
        struct scan_range range = {.from = id_bytes(&client), .to = id_bytes(&client)};
        struct scan *scan = scan_index(view->txn, via->entity->number, via->number, &range);
        for (;;) {
            bool has_entry;
            struct scan_entry entry;
            str value, given[FIELDS_MAX];
            TRY(scan_next(scan, &has_entry, &entry));
            if (!has_entry) break;
            enum err err = txn_record_get_view(view->txn, via->entity->number, entry.id, &value);
            if (err == ERR_MISSING) continue; /* a check tells of such an entry */
            TRY(err);
            slots_read(via->entity, value, given);
            giving.giver = entry.id;
            TRY(give_keys(&giving, holder, arena, given));
        }
        scan_close(scan);
    }
    return ERR_NONE;
}

enum err under_gives(const struct view *view, struct id client, struct id giver,
                     struct holder_key key, bool *gives_out)
{
    *gives_out = false;
    for (uint32_t at = 0; at < view->model->holder_count && !*gives_out; at++) {
        const struct holder *holder = &view->model->holders[at];
        str value, slots[FIELDS_MAX];
        struct id of = giver;
        enum err err = txn_record_get_view(view->txn, holder->of->entity->number, giver, &value);
        if (err == ERR_MISSING) continue;
        TRY(err);
        slots_read(holder->of->entity, value, slots);
        bool is_of = is_of_client(holder) || slots_reference(slots, holder->via, &of);
        struct keys *keys = arena_new(view->task->arena, struct keys, 1);
        keys_of(holder, slots, keys);
        *gives_out = is_of && id_eq(of, client) && keys_have(keys, &key);
    }
    return ERR_NONE;
}

static enum err add_given(void *argument, struct id, struct holder_key key)
{
    keys_add(argument, key);
    return ERR_NONE;
}

enum err under_holders(const struct view *view, struct id client, const str *slots, str *stored_out)
{
    struct keys *keys = arena_new(view->task->arena, struct keys, 1);
    struct id maker;
    if (slots_reference(slots, entity_field_by_number(view->model->client, FIELD_CREATED_BY),
                        &maker))
        keys_add(keys, key_make(ROWS_OWN, maker));
    TRY(under_givers(view, client, slots, keys, add_given));
    *stored_out = keys_pack(view->task->arena, keys);
    return ERR_NONE;
}

struct renewing {
    struct change *change;
    struct id client;
};

static enum err put_given(void *argument, struct id giver, struct holder_key key)
{
    struct renewing *renewing = argument;
    struct change *change = renewing->change;
    txn_index_put(change->txn, under_entry_entity(change->model), FIELD_HOLDERS,
                  entry_key(change->task->arena, renewing->client, &key), giver);
    return ERR_NONE;
}

static enum err wipe_entries(struct change *change, struct id client)
{
    uint16_t entity = under_entry_entity(change->model);
    struct scan_range range = {.from = id_bytes(&client), .to = id_bytes(&client)};
    struct scan *scan = scan_index(change->txn, entity, FIELD_HOLDERS, &range);
    for (;;) {
        bool has_entry;
        struct scan_entry entry;
        TRY(scan_next(scan, &has_entry, &entry));
        if (!has_entry) break;
        txn_index_delete(change->txn, entity, FIELD_HOLDERS,
                         arena_copy(change->task->arena, entry.ordered), entry.id);
    }
    scan_close(scan);
    return ERR_NONE;
}

enum err under_renew(struct change *change, struct draft *draft)
{
    struct view view = change_view(change);
    struct renewing renewing = {change, draft->id};
    if (!draft->entity->is_under_client) return ERR_NONE;
    if (draft->entity == change->model->client) {
        TRY(wipe_entries(change, draft->id));
        TRY(under_givers(&view, draft->id, draft->now, &renewing, put_given));
        TRY(fill_holders(change, draft));
    }
    return fill_clients(change, draft);
}

/* The catalog. */

str under_signature(struct arena *arena, const struct model *model, const struct field *field)
{
    struct buf out = buf_make(arena, 16 * KIB);
    if (field->number == FIELD_HOLDERS) {
        buf_put(&out, S("=1 own"));
        for (uint32_t at = 0; at < model->holder_count; at++) {
            const struct holder *holder = &model->holders[at];
            buf_print(&out, " %u:%u.%u", holder->row, holder->of->entity->number,
                      holder->of->number);
            if (!is_of_client(holder)) buf_print(&out, "/%u", holder->via->number);
        }
    } else if (field->number == FIELD_CLIENTS) {
        const struct entity *entity = field->entity;
        buf_put(&out, S("=1"));
        while (entity->tied_by == nullptr && entity->via != nullptr) {
            buf_print(&out, " %u.%u", entity->number, entity->via->number);
            entity = entity->via->to;
        }
        if (entity->tied_by != nullptr)
            buf_print(&out, " <%u.%u", entity->tied_by->entity->number, entity->tied_by->number);
    }
    require(!buf_is_over(&out));
    return buf_str(&out);
}
