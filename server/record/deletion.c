#include "record/deletion.h"

#include "base/require.h"
#include "record/draft.h"
#include "record/query.h"

constexpr uint32_t RESTRICTING_MAX = 10'000; /** counted for a message */

/** Takes one id out of a reference or a list of them. */
static void take_out(struct change *change, struct draft *draft, const struct field *field,
                     struct id id)
{
    if (field->kind == FIELD_REFERENCE) {
        draft_put(draft, field, (str){});
        return;
    }
    struct value list = value_of(draft_get(draft, field));
    struct buf items = buf_make(change->task->arena, RECORD_BYTES_MAX);
    uint32_t count = 0;
    struct cursor cursor = cursor_of(list.items);
    struct value item;
    for (uint32_t at = 0; at < list.count && value_next(&cursor, &item); at++) {
        if (item.kind == VALUE_BYTES && str_eq(item.text, id_bytes(&id))) continue;
        pack_raw(&items, item.bytes);
        count++;
    }
    struct buf out = buf_make(change->task->arena, RECORD_BYTES_MAX);
    pack_list(&out, count);
    pack_raw(&out, buf_str(&items));
    draft_put(draft, field, count == 0 ? (str){} : buf_str(&out));
}

static enum err detach(struct change *change, const struct field *field, struct id from,
                       struct id id)
{
    struct draft draft;
    TRY(draft_load(change, field->entity, from, &draft));
    str *was = arena_new(change->task->arena, str, field->entity->field_count);
    memcpy(was, draft.before, field->entity->field_count * sizeof *was);
    take_out(change, &draft, field, id);
    require(!field->is_required); /* the model lets no such field be detached */
    TRY(draft_save(change, &draft, WRITE_BY_ENGINE));
    return derive_one_of(change, field->entity, from, was, draft.now);
}

static struct scan *scan_referring(const struct change *change, const struct field *field,
                                   struct id id)
{
    struct scan_range range = {.from = id_bytes(&id), .to = id_bytes(&id)};
    return scan_index(change->txn, field->entity->number, field->number, &range);
}

/** ERR_CONFLICT, and how many stand in the way. */
static enum err refuse(struct change *change, const struct field *field, struct id id)
{
    struct scan_range range = {.from = id_bytes(&id), .to = id_bytes(&id)};
    const struct scope *scope = change->scope;
    uint32_t count;
    /* Who does not see what refers to it is told neither what that is nor how many. */
    if (!scope_may(scope, field->entity->number, SCOPE_VIEW) || !scope_sees_field(scope, field) ||
        (scope->rows & ROWS_ALL) == 0)
        return fail(change->task, ERR_CONFLICT, "other records refer to this %.*s",
                    FMT(field->to->name));
    TRY(scan_index_count(change->txn, field->entity->number, field->number, &range, RESTRICTING_MAX,
                         &count));
    return fail(change->task, ERR_CONFLICT, "%s%u %.*s refer%s to this %.*s by %.*s",
                count == RESTRICTING_MAX ? "at least " : "", count,
                FMT(count == 1 ? field->entity->name : field->entity->plural),
                count == 1 ? "s" : "", FMT(field->to->name), FMT(field->name));
}

enum err deletion_verify(struct change *change, const struct entity *entity, struct id id)
{
    for (uint32_t at = 0; at < entity->referrer_count; at++) {
        const struct field *field = entity->referrers[at];
        bool has_entry;
        struct scan_entry entry;
        if (field->on_delete != ON_DELETE_RESTRICT) continue;
        struct scan *scan = scan_referring(change, field, id);
        enum err err = scan_next(scan, &has_entry, &entry);
        scan_close(scan);
        TRY(err);
        if (has_entry) return refuse(change, field, id);
    }
    return ERR_NONE;
}

static enum err delete_reference(struct change *change, const struct field *field, struct id from,
                                 struct id id)
{
    switch (field->on_delete) {
    case ON_DELETE_RESTRICT:
        return refuse(change, field, id);
    case ON_DELETE_DETACH:
        return detach(change, field, from, id);
    case ON_DELETE_CASCADE:
        return record_delete_referring(change, field->entity, from);
    }
    return ERR_NONE;
}

enum err derive_deletion(struct change *change, const struct entity *entity, struct id id)
{
    for (uint32_t at = 0; at < entity->referrer_count; at++) {
        const struct field *field = entity->referrers[at];
        struct scan *scan = scan_referring(change, field, id);
        for (;;) {
            bool has_entry;
            struct scan_entry entry;
            TRY(scan_next(scan, &has_entry, &entry));
            if (!has_entry) break;
            if (change_is_going(change, field->entity, entry.id)) continue;
            TRY(delete_reference(change, field, entry.id, id));
        }
        scan_close(scan);
    }
    return ERR_NONE;
}

/* In parts. */

enum err deletion_count(struct change *change, const struct entity *entity, struct id id,
                        uint32_t max, uint32_t *count_out)
{
    *count_out = 0;
    for (uint32_t at = 0; at < entity->referrer_count && *count_out < max; at++) {
        const struct field *field = entity->referrers[at];
        struct scan_range range = {.from = id_bytes(&id), .to = id_bytes(&id)};
        uint32_t more;
        TRY(scan_index_count(change->txn, field->entity->number, field->number, &range,
                             max - *count_out, &more));
        *count_out += more;
    }
    return ERR_NONE;
}

enum err deletion_count_seen(const struct change *change, const struct entity *entity, struct id id,
                             uint32_t max, uint32_t *count_out)
{
    struct view view = change_view(change);
    *count_out = 0;
    for (uint32_t at = 0; at < entity->referrer_count && *count_out < max; at++) {
        uint32_t more;
        TRY(query_count_referring(&view, entity->referrers[at], id, max - *count_out, &more));
        *count_out += more;
    }
    return ERR_NONE;
}

/** A flagged record goes last, with its parent: what follows it would have to be chosen anew each
 *  time. */
static enum err is_flagged(struct change *change, const struct field *per, struct id id,
                           bool *is_out)
{
    struct draft draft;
    *is_out = false;
    TRY(draft_load(change, per->entity, id, &draft));
    for (uint32_t at = 0; at < per->entity->field_count; at++)
        if (per->entity->fields[at].one_of_per == per &&
            draft_flag(&draft, &per->entity->fields[at]))
            *is_out = true;
    return ERR_NONE;
}

/** What lies under the record, to a depth; the record itself stays. */
static enum err delete_under(struct change *change, struct record record, uint32_t max,
                             uint32_t depth, uint32_t *count)
{
    for (uint32_t at = 0; at < record.entity->referrer_count; at++) {
        const struct field *field = record.entity->referrers[at];
        struct scan *scan = scan_referring(change, field, record.id);
        while (*count < max) {
            bool has_entry, waits;
            struct scan_entry entry;
            uint32_t under;
            TRY(scan_next(scan, &has_entry, &entry));
            if (!has_entry) break;
            if (change_is_going(change, field->entity, entry.id)) continue;
            TRY(is_flagged(change, field, entry.id, &waits));
            if (waits) continue;
            TRY(deletion_count(change, field->entity, entry.id, DELETION_UNDER_MAX, &under));
            bool is_deep = field->on_delete == ON_DELETE_CASCADE && under == DELETION_UNDER_MAX;
            if (is_deep && depth > 0) {
                struct record child = {.entity = field->entity, .id = entry.id};
                TRY(delete_under(change, child, max, depth - 1, count));
                continue;
            }
            TRY(delete_reference(change, field, entry.id, record.id));
            ++*count;
        }
        scan_close(scan);
    }
    return ERR_NONE;
}

enum err deletion_some(struct change *change, const struct entity *entity, struct id id,
                       uint32_t max, uint32_t *count_out)
{
    struct record record = {.entity = entity, .id = id};
    *count_out = 0;
    return delete_under(change, record, max, DELETION_DEPTH_MAX, count_out);
}
