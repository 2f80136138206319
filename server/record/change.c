/* What a change knows of itself: the records it touched, the rules that wrote them, its hooks; and
 * how it goes back to a savepoint. */
#include "record/draft.h"

#include <stdlib.h>

#include "base/fold.h"
#include "base/require.h"

constexpr uint32_t HOOK_DEPTH_MAX =
    8; /** hooks within hooks; rules/ has a lower bound of its own */
constexpr uint32_t MARKS_TOLD_MAX = 32;     /** rules that one log entry names */
constexpr size_t MARK_NAME_BYTES_MAX = 400; /** of a name, which has at most 100 characters */

/** A rule wrote a record. */
struct mark {
    const struct entity *entity;
    struct id record;
    struct id rule;
    str name;
    uint32_t number; /** in the order in which they were made */
    struct mark *older;
};

/** How a touched record was noted before it was noted otherwise. */
struct touched_was {
    uint32_t at;
    struct touched was;
    struct touched_was *older;
};

/* Which records. */

/** The place of a record in `touched_places`, or the free one where it would stand. The last bytes
 *  of an id are random. */
static uint32_t *place_of(const struct change *change, const struct entity *entity, struct id id)
{
    uint32_t mask = 2 * change->touched_capacity - 1, hash;
    memcpy(&hash, id.bytes + sizeof id.bytes - sizeof hash, sizeof hash);
    for (uint32_t at = (hash + entity->number) & mask;; at = (at + 1) & mask) {
        uint32_t *place = &change->touched_places[at];
        if (*place == 0) return place;
        const struct touched *touched = &change->touched[*place - 1];
        if (touched->entity == entity && id_eq(touched->id, id)) return place;
    }
}

static void renew_places(struct change *change)
{
    if (change->touched_capacity == 0) return;
    memset(change->touched_places, 0, 2 * change->touched_capacity * sizeof(uint32_t));
    for (uint32_t at = 0; at < change->touched_count; at++)
        *place_of(change, change->touched[at].entity, change->touched[at].id) = at + 1;
}

static void make_room(struct change *change)
{
    struct arena *arena = change->task->arena;
    uint32_t capacity = change->touched_capacity == 0 ? 16 : 2 * change->touched_capacity;
    struct touched *more = arena_new(arena, struct touched, capacity);
    if (change->touched_count > 0)
        memcpy(more, change->touched, change->touched_count * sizeof *more);
    change->touched = more;
    change->touched_capacity = capacity;
    change->touched_places = arena_new(arena, uint32_t, 2 * capacity);
    renew_places(change);
}

struct touched *change_touched(struct change *change, const struct entity *entity, struct id id)
{
    if (change->touched_count == 0) return nullptr;
    uint32_t place = *place_of(change, entity, id);
    return place == 0 ? nullptr : &change->touched[place - 1];
}

enum err change_touch(struct change *change, const struct entity *entity, struct id id, str before,
                      struct touched **touched_out)
{
    struct touched *known = change_touched(change, entity, id);
    if (known != nullptr) return *touched_out = known, ERR_NONE;
    if (change->touched_count == CHANGE_WRITES_MAX + change->settled_count)
        return fail(change->task, ERR_TOO_LARGE, "one change may touch at most %u records",
                    CHANGE_WRITES_MAX);
    str stored = {};
    if (before.len > 0) {
        uint32_t keys_touched = change->task->keys_touched;
        TRY(txn_record_get_view(change->txn, entity->number, id, &stored));
        change->task->keys_touched = keys_touched;
    }
    if (change->touched_count == change->touched_capacity) make_room(change);
    uint32_t at = change->touched_count++;
    change->touched[at] =
        (struct touched){.entity = entity, .id = id, .before = before, .before_bytes = stored.len};
    *place_of(change, entity, id) = at + 1;
    *touched_out = &change->touched[at];
    return ERR_NONE;
}

void touched_keep(struct change *change, const struct touched *touched)
{
    struct touched_was *was = arena_new(change->task->arena, struct touched_was, 1);
    *was = (struct touched_was){.at = (uint32_t)(touched - change->touched),
                                .was = *touched,
                                .older = change->touched_were};
    require(was->at < change->touched_count);
    change->touched_were = was;
}

void touched_note_shown(struct change *change, struct touched *touched, str value)
{
    touched_keep(change, touched);
    touched->is_due = touched->is_due_by_actor = false;
    touched->shown = value;
}

enum err change_touch_going(struct change *change, const struct entity *entity, struct id id,
                            str before, struct id into)
{
    struct touched *touched;
    TRY(change_touch(change, entity, id, before, &touched));
    touched_keep(change, touched);
    touched->is_going = true;
    if (!id_is_nil(into)) touched->into = into;
    return ERR_NONE;
}

bool change_is_going(struct change *change, const struct entity *entity, struct id id)
{
    struct touched *touched = change_touched(change, entity, id);
    return touched != nullptr && touched->is_going;
}

enum err change_may_write(struct change *change, const struct entity *entity, struct id id)
{
    if (change->is_read_only)
        return fail(change->task, ERR_CONFLICT,
                    "a rule may write records only once the change's own are written, and before "
                    "they are checked");
    if (change_is_going(change, entity, id))
        return fail(change->task, ERR_CONFLICT, "this %.*s is being deleted", FMT(entity->name));
    return ERR_NONE;
}

/* Savepoints. */

struct change_savepoint change_savepoint(struct change *change)
{
    change->generation++;
    return (struct change_savepoint){
        .txn = txn_savepoint(change->txn),
        .fault = change->task->fault,
        .path = change->task->path,
        .marks = change->marks,
        .touched_were = change->touched_were,
        .rolled = change->rolled,
        .touched_count = change->touched_count,
        .settled_count = change->settled_count,
        .depth = change->depth,
        .hook_depth = change->hook_depth,
        .is_making = change->is_making,
        .is_read_only = change->is_read_only,
    };
}

void change_rollback(struct change *change, const struct change_savepoint *savepoint)
{
    require(savepoint->touched_count <= change->touched_count);
    txn_rollback(change->txn, savepoint->txn);
    while (change->touched_were != savepoint->touched_were) {
        const struct touched_was *was = change->touched_were;
        change->touched[was->at] = was->was;
        change->touched_were = was->older;
    }
    change->touched_count = savepoint->touched_count;
    renew_places(change);
    change->task->path = savepoint->path;
    change->marks = savepoint->marks;
    change->rolled = savepoint->rolled;
    change->generation++;
    change->settled_count = savepoint->settled_count;
    change->depth = savepoint->depth;
    change->hook_depth = savepoint->hook_depth;
    change->is_making = savepoint->is_making;
    change->is_read_only = savepoint->is_read_only;
    change->has_currency = false; /* what was undone may have changed it */
}

/* Marks. */

void change_mark(struct change *change, const struct entity *entity, struct id record,
                 struct id rule, str name)
{
    struct mark *newest = change->marks;
    bool is_known = newest != nullptr && newest->entity == entity &&
                    id_eq(newest->record, record) && id_eq(newest->rule, rule);
    if (is_known) return;
    struct mark *mark = arena_new(change->task->arena, struct mark, 1);
    *mark = (struct mark){.entity = entity,
                          .record = record,
                          .rule = rule,
                          .name = arena_copy(change->task->arena, name),
                          .number = newest == nullptr ? 0 : newest->number + 1,
                          .older = newest};
    change->marks = mark;
}

static int compare_records(const struct mark *mark, const struct entity *entity, struct id record)
{
    if (mark->entity->number != entity->number)
        return mark->entity->number < entity->number ? -1 : 1;
    return memcmp(mark->record.bytes, record.bytes, sizeof record.bytes);
}

static int compare_marks(const void *a, const void *b)
{
    const struct mark *one = *(struct mark *const *)a, *other = *(struct mark *const *)b;
    int order = compare_records(one, other->entity, other->record);
    if (order != 0) return order;
    return one->number < other->number ? -1 : one->number > other->number;
}

struct marks marks_sort(struct change *change)
{
    struct marks marks = {};
    if (change->marks == nullptr) return marks;
    uint32_t capacity = change->marks->number + 1;
    marks.items = arena_new(change->task->arena, struct mark *, capacity);
    for (struct mark *mark = change->marks; mark != nullptr; mark = mark->older) {
        require(marks.count < capacity);
        marks.items[marks.count++] = mark;
    }
    qsort(marks.items, marks.count, sizeof(struct mark *), compare_marks);
    return marks;
}

str marks_of(struct arena *arena, const struct marks *marks, const struct touched *touched)
{
    uint32_t from = 0, to = marks->count;
    while (from < to) {
        uint32_t middle = from + (to - from) / 2;
        bool is_before = compare_records(marks->items[middle], touched->entity, touched->id) < 0;
        if (is_before) from = middle + 1;
        else to = middle;
    }
    const struct mark *told[MARKS_TOLD_MAX];
    uint32_t count = 0;
    for (uint32_t at = from; at < marks->count && count < MARKS_TOLD_MAX; at++) {
        const struct mark *mark = marks->items[at];
        bool is_told = false;
        if (compare_records(mark, touched->entity, touched->id) != 0) break;
        for (uint32_t of = 0; of < count; of++) is_told |= id_eq(told[of]->rule, mark->rule);
        if (!is_told) told[count++] = mark;
    }
    if (count == 0) return (str){};
    struct buf list = buf_make(arena, 64 * KIB);
    pack_list(&list, count);
    for (uint32_t at = 0; at < count; at++) {
        pack_list(&list, 2);
        pack_bytes(&list, id_bytes(&told[at]->rule));
        pack_text(&list, utf8_first(told[at]->name, MARK_NAME_BYTES_MAX));
    }
    require(!buf_is_over(&list));
    return buf_str(&list);
}

/* Hooks. */

bool change_wants(struct change *change, enum hook_point point, const struct entity *entity)
{
    const struct hooks *hooks = change->hooks;
    if (hooks == nullptr || hooks->run == nullptr) return false;
    return hooks->wants == nullptr || hooks->wants(hooks->owner, change, point, entity);
}

/** A rejection names fields of the record; people see them where that record lies. */
static void put_path(struct task *task, uint32_t from, str path)
{
    if (path.len == 0) return;
    for (uint32_t at = from; at < task->fault.item_count; at++) {
        struct fault_item *item = &task->fault.items[at];
        item->field = item->field.len == 0
                          ? str_first(path, path.len - 1)
                          : arena_print(task->arena, "%.*s%.*s", FMT(path), FMT(item->field));
    }
}

enum err change_ask(struct change *change, enum hook_point point, struct draft *draft)
{
    if (!change_wants(change, point, draft->entity)) return ERR_NONE;
    struct task *task = change->task;
    if (change->hook_depth == HOOK_DEPTH_MAX)
        return fail(task, ERR_TOO_LARGE,
                    "what follows from a change may cause more at most %u deep", HOOK_DEPTH_MAX);
    if (id_is_nil(change->group)) change->group = id_make();
    struct change around = *change;
    str path = task->path;
    uint32_t fault_count = task->fault.item_count;
    task->path = (str){};
    change->depth = 0;
    change->hook_depth++;
    change->is_making = false;
    change->is_read_only = point != HOOK_AFTER;
    enum err err = change->hooks->run(change->hooks->owner, change, point, draft);
    change->depth = around.depth;
    change->hook_depth = around.hook_depth;
    change->is_making = around.is_making;
    change->is_read_only = around.is_read_only;
    task->path = path;
    if (err != ERR_NONE) put_path(task, fault_count, path);
    return err;
}
