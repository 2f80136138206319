#include "base/require.h"
#include "record/checking.h"
#include "record/under.h"

static struct view view_of(struct checking *checking)
{
    return (struct view){&checking->task, checking->txn, checking->model, &checking->scope};
}

/** nullptr: the entity does not have it, or a job still computes it. */
static const struct field *settled_field(const struct entity *entity, uint16_t number)
{
    const struct field *field = entity_field_by_number(entity, number);
    return field == nullptr || field->is_building ? nullptr : field;
}

static enum err check_has_key(void *argument, struct id giver, struct holder_key key)
{
    struct checking *checking = argument;
    struct buf ordered = buf_make(&checking->arena, 64);
    bool has;
    buf_put(&ordered, id_bytes(&checking->at));
    buf_put(&ordered, (str){(const char *)key.bytes, HOLDER_BYTES});
    struct scan_range range = {.from = buf_str(&ordered), .to = buf_str(&ordered)};
    struct scan *scan =
        scan_index(checking->txn, under_entry_entity(checking->model), FIELD_HOLDERS, &range);
    TRY(check_has_entry(scan, buf_str(&ordered), giver, (struct id){}, false, &has));
    if (!has)
        check_found(checking, "no entry says that %.*s holds it",
                    FMT(id_text(&checking->arena, giver)));
    return ERR_NONE;
}

static enum err check_holders(struct checking *checking, const struct field *field,
                              const str *slots)
{
    struct view view = view_of(checking);
    str expected;
    TRY(under_holders(&view, checking->at, slots, &expected));
    struct value list = value_of(expected);
    bool is_whole = expected.len == 0 || list.count < HOLDERS_LISTED_MAX;
    if (is_whole && !str_eq(expected, slots[field_position(field)]))
        check_found(checking, "its holders are not those that hold it");
    return under_givers(&view, checking->at, slots, checking, check_has_key);
}

enum err check_under(struct checking *checking, const str *slots)
{
    const struct entity *entity = checking->entity;
    struct view view = view_of(checking);
    str expected;
    const struct field *clients = settled_field(entity, FIELD_CLIENTS);
    if (clients != nullptr) {
        TRY(under_clients(&view, entity, checking->at, slots, &expected));
        if (!str_eq(expected, slots[field_position(clients)]))
            check_found(checking, "the clients that it lies under are not those of its way up");
    }
    const struct field *holders = settled_field(entity, FIELD_HOLDERS);
    return holders == nullptr ? ERR_NONE : check_holders(checking, holders, slots);
}

enum err check_holder_entry(struct checking *checking, const struct scan_entry *entry)
{
    struct view view = view_of(checking);
    struct holder_key key;
    bool has = false;
    checking->at = entry->id;
    if (entry->ordered.len == sizeof(struct id) + HOLDER_BYTES) {
        struct id client;
        memcpy(client.bytes, entry->ordered.at, sizeof client.bytes);
        memcpy(key.bytes, entry->ordered.at + sizeof client.bytes, HOLDER_BYTES);
        TRY(under_gives(&view, client, entry->id, key, &has));
    }
    if (!has) check_found(checking, "its entry among the holders is not what it gives");
    return ERR_NONE;
}
