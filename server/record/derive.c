#include "record/draft.h"

#include "base/fold.h"
#include "base/require.h"
#include "model/kind.h"
#include "record/rows.h"

constexpr uint32_t REFERRING_MAX = CHANGE_WRITES_MAX;
constexpr uint32_t LINKS_MAX = 64; /** between the same two records; one is usual */

/** The records whose reference `field` leads to `id`, oldest first. */
static enum err referring(struct change *change, const struct field *field, struct id id,
                          struct id_list *list_out)
{
    *list_out = (struct id_list){0, arena_new(change->task->arena, struct id, 8)};
    uint32_t capacity = 8;
    struct scan_range range = {.from = id_bytes(&id), .to = id_bytes(&id)};
    struct scan *scan = scan_index(change->txn, field->entity->number, field->number, &range);
    for (;;) {
        bool has_entry;
        struct scan_entry entry;
        TRY(scan_next(scan, &has_entry, &entry));
        if (!has_entry) break;
        if (list_out->count == REFERRING_MAX)
            return fail(change->task, ERR_TOO_LARGE, "more than %u %.*s refer to it", REFERRING_MAX,
                        FMT(field->entity->plural));
        if (list_out->count == capacity) {
            struct id *more = arena_new(change->task->arena, struct id, 2 * capacity);
            memcpy(more, list_out->ids, capacity * sizeof *more);
            list_out->ids = more;
            capacity *= 2;
        }
        list_out->ids[list_out->count++] = entry.id;
    }
    scan_close(scan);
    return ERR_NONE;
}

static str stored_id(struct arena *arena, struct id id)
{
    struct buf stored = buf_make(arena, 32);
    pack_bytes(&stored, id_bytes(&id));
    return buf_str(&stored);
}

static str stored_true(struct arena *arena)
{
    struct buf stored = buf_make(arena, 8);
    pack_bool(&stored, true);
    return buf_str(&stored);
}

static enum err set_flag(struct change *change, struct draft *draft, const struct field *flag,
                         bool is_set)
{
    struct buf stored = buf_make(change->task->arena, 8);
    pack_bool(&stored, is_set);
    draft_put(draft, flag, buf_str(&stored));
    return draft_save(change, draft, WRITE_BY_ENGINE);
}

/** What people call the record, as far as a message has room for it. */
static str title_of(const struct draft *draft)
{
    const struct field *title = draft->entity->title;
    struct value value = value_of(title == nullptr ? (str){} : draft_get(draft, title));
    return value.kind == VALUE_TEXT ? utf8_first(value.text, 100) : S("");
}

/** Who does not see the parent is not told which it is. */
static enum err refuse_lack(struct change *change, const struct draft *parent,
                            const struct field *field)
{
    struct view view = change_view(change);
    str value = slots_encode(change->task->arena, parent->entity, parent->before);
    if (!scope_may(view.scope, parent->entity->number, SCOPE_VIEW) ||
        !scope_sees_field(view.scope, field) || !rows_see(&view, parent->entity, parent->id, value))
        return fail(change->task, ERR_CONFLICT, "another record would be left without it");
    return fail(change->task, ERR_CONFLICT,
                "the %.*s \"%.*s\" would be left without %.*s: name another one first",
                FMT(parent->entity->name), FMT(title_of(parent)), FMT(field->name));
}

/** Makes the parent's reference follow the flagged link; a required one may not be lost. */
static enum err follow_flag(struct change *change, const struct field *flag, struct id parent_id,
                            const struct draft *winner)
{
    struct draft parent;
    TRY(draft_load(change, flag->one_of_per->to, parent_id, &parent));
    for (uint32_t at = 0; at < parent.entity->field_count; at++) {
        const struct field *field = &parent.entity->fields[at];
        if (field->through.link == nullptr || field->through.flag != flag) continue;
        str stored = {};
        if (winner != nullptr)
            stored = field->through.target == nullptr ? stored_id(change->task->arena, winner->id)
                                                      : draft_get(winner, field->through.target);
        draft_put(&parent, field, stored);
        if (!field->is_required) continue;
        if (stored.len == 0 && !field_is_waived(change, field))
            return refuse_lack(change, &parent, field);
        if (field->waived_by.len > 0)
            draft_note_incomplete(change, &parent, field, stored.len == 0);
    }
    return draft_save(change, &parent, WRITE_BY_ENGINE);
}

static struct scan *scan_reference(struct change *change, const struct field *field, struct id to)
{
    struct scan_range range = {.from = id_bytes(&to), .to = id_bytes(&to)};
    return scan_index(change->txn, field->entity->number, field->number, &range);
}

/** The links from `parent` to `target`, oldest first, at most LINKS_MAX: each index is walked only
 *  as far as the other has something. */
enum err derive_links_between(struct change *change, const struct field *of_parent,
                              struct id parent, const struct field *of_target, struct id target,
                              struct id_list *list_out)
{
    *list_out = (struct id_list){0, arena_new(change->task->arena, struct id, LINKS_MAX)};
    struct scan *scans[2] = {scan_reference(change, of_parent, parent),
                             scan_reference(change, of_target, target)};
    str ends[2] = {id_bytes(&parent), id_bytes(&target)};
    struct id at = {};
    uint32_t agreeing = 0, turn = 0;
    while (list_out->count < LINKS_MAX) {
        bool has_entry;
        struct scan_entry entry;
        scan_seek(scans[turn], ends[turn], at);
        TRY(scan_next(scans[turn], &has_entry, &entry));
        if (!has_entry) break;
        agreeing = id_eq(entry.id, at) ? agreeing + 1 : 1;
        at = entry.id;
        turn = 1 - turn;
        if (agreeing < 2) continue;
        list_out->ids[list_out->count++] = at;
        agreeing = 0;
        /* The next id in order: none is the last of all. */
        for (int byte = 15; byte >= 0 && ++at.bytes[byte] == 0; byte--) {
        }
    }
    scan_close(scans[0]);
    scan_close(scans[1]);
    return ERR_NONE;
}

/** The parent's reference that follows the flag, or nullptr. */
static const struct field *follower_of(const struct field *flag)
{
    const struct entity *parent = flag->one_of_per->to;
    for (uint32_t at = 0; at < parent->field_count; at++)
        if (parent->fields[at].through.link != nullptr && parent->fields[at].through.flag == flag)
            return &parent->fields[at];
    return nullptr;
}

/** Those that may carry the flag: where the parent's own reference leads, without asking all that
 *  lie beside each other. */
static enum err may_carry(struct change *change, const struct field *flag, struct id parent,
                          struct id_list *list_out)
{
    const struct field *follower = follower_of(flag);
    if (follower == nullptr) return referring(change, flag->one_of_per, parent, list_out);
    struct draft draft;
    struct id behind;
    TRY(draft_load(change, flag->one_of_per->to, parent, &draft));
    *list_out = (struct id_list){0, arena_new(change->task->arena, struct id, 1)};
    if (!draft_reference(&draft, follower, &behind)) return ERR_NONE;
    if (follower->through.target != nullptr)
        return derive_links_between(change, flag->one_of_per, parent, follower->through.target,
                                    behind, list_out);
    list_out->ids[list_out->count++] = behind;
    return ERR_NONE;
}

/** Loads one that may carry the flag; false when it is gone, going, or of another parent. */
static enum err load_beside(struct change *change, const struct field *flag, struct id parent,
                            struct id id, struct draft *beside, bool *is_beside_out)
{
    *is_beside_out = false;
    if (change_is_going(change, flag->entity, id)) return ERR_NONE;
    enum err err = draft_load(change, flag->entity, id, beside);
    if (err != ERR_NONE) return err == ERR_MISSING ? ERR_NONE : err;
    struct id of;
    *is_beside_out = draft_reference(beside, flag->one_of_per, &of) && id_eq(of, parent);
    return ERR_NONE;
}

enum err derive_flagged(struct change *change, const struct field *flag, struct id parent,
                        struct id *id_out)
{
    struct id_list list;
    *id_out = (struct id){};
    TRY(may_carry(change, flag, parent, &list));
    for (uint32_t at = 0; at < list.count && id_is_nil(*id_out); at++) {
        struct draft beside;
        bool is_beside;
        TRY(load_beside(change, flag, parent, list.ids[at], &beside, &is_beside));
        if (is_beside && draft_flag(&beside, flag)) *id_out = beside.id;
    }
    return ERR_NONE;
}

/** The oldest of those that stay; nullptr when there is none. */
static enum err oldest_beside(struct change *change, const struct field *flag, struct id parent,
                              struct draft **oldest_out)
{
    struct scan *scan = scan_reference(change, flag->one_of_per, parent);
    *oldest_out = nullptr;
    while (*oldest_out == nullptr) {
        bool has_entry;
        struct scan_entry entry;
        TRY(scan_next(scan, &has_entry, &entry));
        if (!has_entry) break;
        if (change_is_going(change, flag->entity, entry.id)) continue;
        *oldest_out = draft_make(change, flag->entity, entry.id);
        TRY(draft_load(change, flag->entity, entry.id, *oldest_out));
    }
    scan_close(scan);
    return ERR_NONE;
}

enum err derive_settle(struct change *change, const struct field *flag, struct id parent,
                       struct id preferred)
{
    const struct entity *entity = flag->entity;
    if (change_is_going(change, flag->one_of_per->to, parent)) return ERR_NONE;
    struct id_list list;
    TRY(may_carry(change, flag, parent, &list));
    struct draft *winner = nullptr;
    if (!id_is_nil(preferred)) {
        winner = draft_make(change, entity, preferred);
        TRY(draft_load(change, entity, preferred, winner));
    }
    for (uint32_t at = 0; at < list.count; at++) {
        bool is_beside;
        struct draft *beside = draft_make(change, entity, list.ids[at]);
        TRY(load_beside(change, flag, parent, list.ids[at], beside, &is_beside));
        if (!is_beside || !draft_flag(beside, flag) || id_eq(beside->id, preferred)) continue;
        if (winner == nullptr) winner = beside;
        else TRY(set_flag(change, beside, flag, false));
    }
    if (winner == nullptr && flag->one_of_at_least) {
        TRY(oldest_beside(change, flag, parent, &winner));
        if (winner != nullptr) TRY(set_flag(change, winner, flag, true));
    }
    return follow_flag(change, flag, parent, winner);
}

enum err derive_one_of(struct change *change, const struct entity *entity, struct id id,
                       const str *was, const str *is)
{
    for (uint32_t at = 0; at < entity->field_count; at++) {
        const struct field *flag = &entity->fields[at];
        if (flag->one_of_per == nullptr) continue;
        uint32_t per = field_position(flag->one_of_per);
        const struct field *target = nullptr;
        const struct entity *parent_entity = flag->one_of_per->to;
        for (uint32_t of = 0; of < parent_entity->field_count; of++)
            if (parent_entity->fields[of].through.flag == flag)
                target = parent_entity->fields[of].through.target;
        bool is_same =
            str_eq(was[at], is[at]) && str_eq(was[per], is[per]) &&
            (target == nullptr || str_eq(was[field_position(target)], is[field_position(target)]));
        if (is_same) continue;
        struct id nil = {}, old_parent, parent;
        bool had = slots_reference(was, flag->one_of_per, &old_parent);
        bool has = slots_reference(is, flag->one_of_per, &parent);
        if (has && had && id_eq(old_parent, parent) && flag->one_of_at_least &&
            slots_flag(was, flag) && !slots_flag(is, flag)) {
            task_fault(change->task, flag->name, S("one_of"),
                       "cannot be taken away, one must have it: set it on another one instead");
            return task_faults(change->task);
        }
        if (had && (!has || !id_eq(old_parent, parent)))
            TRY(derive_settle(change, flag, old_parent, nil));
        if (has) TRY(derive_settle(change, flag, parent, slots_flag(is, flag) ? id : nil));
    }
    return ERR_NONE;
}

/** Nobody was asked for more than these values: what a tenant requires beside them is noted as
 *  missing. */
static enum err make_record(struct change *change, const struct entity *entity,
                            const struct preset *presets, uint32_t preset_count, struct id *id_out)
{
    bool was_making = change->is_making;
    change->is_making = true;
    enum err err = record_create_from(change, entity, nullptr, presets, preset_count, id_out);
    change->is_making = was_making;
    return err;
}

/** The record behind the reference is given as an id: its link gets the flag, or is made. */
static enum err link_existing(struct change *change, const struct draft *draft,
                              const struct field *field, struct id target)
{
    const struct through *through = &field->through;
    struct id_list list = {1, &target};
    if (through->target != nullptr)
        TRY(derive_links_between(change, through->parent, draft->id, through->target, target,
                                 &list));
    for (uint32_t at = 0; at < list.count; at++) {
        struct draft link;
        bool is_beside;
        TRY(load_beside(change, through->flag, draft->id, list.ids[at], &link, &is_beside));
        if (!is_beside) continue;
        str *was = arena_new(change->task->arena, str, through->link->field_count);
        memcpy(was, link.before, through->link->field_count * sizeof *was);
        draft_put(&link, through->flag, stored_true(change->task->arena));
        TRY(draft_save(change, &link, WRITE_BY_ACTOR));
        return derive_one_of(change, through->link, link.id, was, link.now);
    }
    if (through->target == nullptr) {
        task_fault(change->task, field->name, S("missing"), "this %.*s has no such %.*s",
                   FMT(draft->entity->name), FMT(field->to->name));
        return task_faults(change->task);
    }
    struct arena *arena = change->task->arena;
    struct preset presets[] = {{through->parent, stored_id(arena, draft->id)},
                               {through->target, stored_id(arena, target)},
                               {through->flag, stored_true(arena)}};
    struct id link;
    return make_record(change, through->link, presets, 3, &link);
}

static enum err create_linked(struct change *change, const struct draft *draft,
                              const struct later *later)
{
    const struct field *field = later->field;
    const struct through *through = &field->through;
    struct arena *arena = change->task->arena;
    struct id id;
    TRY(scope_require(change->task, change->scope, field->to, SCOPE_CREATE));
    if (through->target == nullptr) {
        struct preset presets[] = {{through->parent, stored_id(arena, draft->id)},
                                   {through->flag, stored_true(arena)}};
        return record_create_from(change, field->to, &later->given, presets, 2, &id);
    }
    if (later->given.bytes.len > 0) {
        TRY(record_create_from(change, field->to, &later->given, nullptr, 0, &id));
    } else {
        const struct made_from *made = field->made_from;
        struct preset *presets = arena_new(arena, struct preset, made->pair_count + 1);
        for (uint32_t at = 0; at < made->pair_count; at++)
            presets[at] =
                (struct preset){made->pairs[at].target, draft_get(draft, made->pairs[at].source)};
        TRY(make_record(change, field->to, presets, made->pair_count, &id));
    }
    return link_existing(change, draft, field, id);
}

static enum err derive_link(struct change *change, const struct draft *draft,
                            const struct later *later)
{
    const struct field *field = later->field;
    struct id id;
    if (later->given.kind == VALUE_BYTES) {
        require(id_of_bytes(later->given.text, &id));
        return link_existing(change, draft, field, id);
    }
    str stored = draft_get(draft, field);
    if (change_is_of_import(change) && stored.len > 0 && later->given.bytes.len > 0) {
        /* A row that is imported again changes the record behind the reference, it does not pile
         * up new ones. */
        require(draft_reference(draft, field, &id));
        return record_patch(change, field->to, id, &later->given, nullptr);
    }
    return create_linked(change, draft, later);
}

enum err derive_links(struct change *change, struct draft *draft)
{
    struct task *task = change->task;
    str path = task->path;
    for (struct later *later = draft->later; later != nullptr; later = later->next) {
        if (later->given.kind == VALUE_BYTES) {
            struct id id;
            bool is_there, has_moved = false;
            require(id_of_bytes(later->given.text, &id));
            TRY(verify_follow(change, later->field, &id, &has_moved));
            if (has_moved) later->given = value_of(stored_id(task->arena, id));
            TRY(verify_there(change, later->field, id, &is_there));
            if (!is_there) return task_faults(task);
        }
        task->path = arena_print(task->arena, "%.*s%.*s.", FMT(path), FMT(later->field->name));
        enum err err = derive_link(change, draft, later);
        task->path = path;
        if (err != ERR_NONE) return err;
    }
    draft->later = nullptr;
    return ERR_NONE;
}
