/* The job of operations that are each done by itself: given in its row, or line by line in an
 * upload. Its place is the offset of the next one, 8 bytes big-endian. */
#include "base/require.h"
#include "store/upload.h"
#include "value/json.h"
#include "work/bulk_turn.h"

constexpr size_t WINDOW_BYTES = 2 * BULK_LINE_BYTES_MAX; /** of an upload, read before a turn */
constexpr size_t WINDOW_ARENA_BYTES_MAX = 2 * WINDOW_BYTES;

/** From open to close. */
struct bulk {
    struct bulk_turns turns;
    struct source *source; /** nullptr: the operations are given in the row */
    uint64_t offset;       /** of the next operation */
    struct arena window_arena;
    str window;         /** the operations that can be read now, from the offset on */
    bool is_at_end;     /** none lie behind the window */
    char place_room[8]; /** of turns.place */
};

/* Where operations come from. */

/** The operations from the offset on, as far as one turn may go. It reads files: not in a lane. */
static enum err window_fill(struct task *task, struct bulk *bulk)
{
    arena_clear(&bulk->window_arena);
    char *room = arena_take_raw(&bulk->window_arena, WINDOW_BYTES);
    size_t len = 0;
    for (size_t got = 1; got > 0 && len < WINDOW_BYTES; len += got)
        if (!bulk->source->read(bulk->source, bulk->offset + len, room + len, WINDOW_BYTES - len,
                                &got))
            return fail(task, ERR_SYSTEM, "the upload cannot be read: %s", bulk->source->fault);
    bulk->window = (str){room, len};
    bulk->is_at_end = len < WINDOW_BYTES;
    return ERR_NONE;
}

/** The next line of the window that is not blank; false when it holds no whole one any more. */
static bool line_next(struct bulk *bulk, str *line_out)
{
    str line, rest;
    while (bulk->window.len > 0) {
        bool is_ended = str_cut(bulk->window, '\n', &line, &rest);
        if (!is_ended && !bulk->is_at_end && line.len <= BULK_LINE_BYTES_MAX) return false;
        *line_out = str_trim(line);
        if (line_out->len > 0) return true;
        bulk->offset += bulk->window.len - rest.len;
        bulk->window = rest;
    }
    return false;
}

/** What one operation takes of the window, and its bytes; false at the window's end. */
static bool operation_next(struct bulk *bulk, str *bytes_out, size_t *taken_out)
{
    if (bulk->source != nullptr) {
        if (!line_next(bulk, bytes_out)) return false;
        *taken_out = (size_t)(bytes_out->at + bytes_out->len - bulk->window.at);
        return true;
    }
    struct cursor items = cursor_of(bulk->window);
    struct value value;
    if (!value_next(&items, &value)) return false;
    *bytes_out = value.bytes;
    *taken_out = value.bytes.len;
    return true;
}

/** In the arena of its task, which the text may be too much for. */
struct operation_reading {
    const struct bulk *bulk;
    struct task *task;
    str bytes;
    struct bulk_operation *operation;
};

static enum err operation_read(void *argument)
{
    struct operation_reading *reading = argument;
    struct task *task = reading->task;
    str bytes = reading->bytes;
    if (reading->bulk->source != nullptr) {
        struct buf packed = buf_make(task->arena, 4 * BULK_LINE_BYTES_MAX);
        TRY(json_read(task, bytes, &packed));
        bytes = buf_str(&packed);
    }
    struct value given = value_of(bytes);
    return bulk_operation_read(task, &given, reading->operation);
}

/* The turn. */

static bool may_do(const struct job_run *run, const struct entity *entity, enum operation verb)
{
    static const enum scope_action actions[] = {
        [OPERATION_CREATE] = SCOPE_CREATE,
        [OPERATION_UPDATE] = SCOPE_EDIT,
        [OPERATION_DELETE] = SCOPE_DELETE,
    };
    return scope_may(&run->scope, entity->number, actions[verb]);
}

static enum err bulk_apply(struct job_run *run, struct txn *txn, void *argument)
{
    struct bulk *bulk = argument;
    struct bulk_turns *turns = &bulk->turns;
    str bytes;
    size_t taken;
    bool has_more = true;
    while ((has_more = operation_next(bulk, &bytes, &taken)) &&
           bulk_turn_has_room(turns, bytes.len)) {
        struct task task;
        struct bulk_operation operation = {};
        arena_clear(&turns->arena);
        task_init(&task, &turns->arena);
        task.now_ms = run->task->now_ms;
        task.request_id = run->job.id;
        struct operation_reading reading = {bulk, &task, bytes, &operation};
        enum err err = arena_guard(&turns->arena, operation_read, &reading);
        if (err == ERR_NONE && !may_do(run, turns->entity, operation.verb)) {
            if (turns->done > 0) break;
            return fail(run->task, ERR_FORBIDDEN,
                        "the user who started this job may not do this any more");
        }
        TRY(bulk_turn_run(turns, run, txn, &task, &operation, err));
        turns->bytes += bytes.len;
        bulk->offset += taken;
        bulk->window = str_from(bulk->window, taken);
    }
    run->is_over = !has_more && bulk->is_at_end;
    for (int at = 0; at < 8; at++) bulk->place_room[at] = (char)(bulk->offset >> (56 - 8 * at));
    turns->place = (str){bulk->place_room, sizeof bulk->place_room};
    return ERR_NONE;
}

enum err bulk_step(struct job_run *run, [[maybe_unused]] bool *is_over_out)
{
    struct bulk *bulk = run->live;
    if (bulk->source != nullptr) TRY(window_fill(run->task, bulk));
    return bulk_turn_write(&bulk->turns, run, bulk_apply, bulk);
}

/* Open and close. */

/** How many operations an upload has. */
static enum err lines_count(struct job_run *run, struct bulk *bulk)
{
    uint64_t from = bulk->offset, count = 0;
    do {
        str line;
        TRY(window_fill(run->task, bulk));
        while (line_next(bulk, &line)) {
            if (line.len > BULK_LINE_BYTES_MAX)
                return fail(run->task, ERR_TOO_LARGE, "operation %llu is longer than %zu KiB",
                            (unsigned long long)count, BULK_LINE_BYTES_MAX / KIB);
            size_t taken = (size_t)(line.at + line.len - bulk->window.at);
            bulk->offset += taken;
            bulk->window = str_from(bulk->window, taken);
            count++;
        }
    } while (!bulk->is_at_end && count <= BULK_OPERATIONS_MAX);
    if (count > BULK_OPERATIONS_MAX)
        return fail(run->task, ERR_TOO_LARGE, "a job takes at most %u operations",
                    BULK_OPERATIONS_MAX);
    bulk->offset = from;
    run->job.total = count;
    return ERR_NONE;
}

static enum err upload_take(struct job_run *run, struct bulk *bulk, struct id id)
{
    struct task *task = run->task;
    const struct space *space = &run->tenant.space;
    struct upload upload;
    TRY(upload_get(task, space, id, &upload));
    if (!id_eq(upload.owner, run->job.actor))
        return fail(task, ERR_MISSING, "there is no such upload, or its time is over");
    TRY(upload_is_whole(task, &upload));
    TRY(upload_keep(task, space, id, task->now_ms + UPLOAD_KEPT_MS));
    TRY(upload_open(task, space, id, &bulk->source));
    return run->job.total == 0 ? lines_count(run, bulk) : ERR_NONE;
}

enum err bulk_open(struct job_run *run)
{
    struct bulk *bulk = arena_new(run->arena, struct bulk, 1);
    struct value given;
    struct id upload;
    run->live = bulk;
    arena_init(&bulk->window_arena, WINDOW_ARENA_BYTES_MAX);
    TRY(bulk_turns_open(&bulk->turns, run));
    bulk->turns.tells_index = true;
    for (size_t at = 0; at < bulk->turns.place.len; at++)
        bulk->offset = bulk->offset << 8 | (uint8_t)bulk->turns.place.at[at];
    if (value_find(run->job.given, BULK_UPLOAD, &given) && id_of_bytes(given.text, &upload))
        return upload_take(run, bulk, upload);
    if (!value_find(run->job.given, BULK_OPERATIONS, &given) || given.kind != VALUE_LIST)
        return fail(run->task, ERR_CORRUPT, "what a job was given is damaged");
    run->job.total = given.count;
    bulk->window = str_from(given.items, bulk->offset);
    bulk->is_at_end = true;
    return ERR_NONE;
}

void bulk_close(struct job_run *run)
{
    struct bulk *bulk = run->live;
    if (bulk->source != nullptr) upload_close(bulk->source);
    arena_drop(&bulk->window_arena);
    bulk_turns_close(&bulk->turns);
}
