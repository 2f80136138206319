/* The rows of jobs: as stored and as told. The threads that run them: work/job_threads.c. */
#include "work/job.h"

#include "base/require.h"
#include "value/json.h"
#include "work/job_rows.h"

constexpr size_t JOB_ROW_BYTES_MAX = JOB_RESULT_BYTES_MAX + JOB_POSITION_BYTES_MAX + 128 * KIB;
constexpr size_t PROBLEM_BYTES_MAX = 64 * KIB;

enum job_key : uint8_t {
    KEY_KIND = 1,
    KEY_STATE = 2,
    KEY_ACTOR = 3,
    KEY_CREATED = 4,
    KEY_ENDED = 5,
    KEY_DONE = 6,
    KEY_TOTAL = 7,
    KEY_GROUP = 8,
    KEY_POSITION = 9,
    KEY_RESULT = 10,
    KEY_PROBLEM = 11,
    KEY_LINES = 12,
    KEY_TOKEN = 13,  /** left out when there is none */
    KEY_PROVEN = 14, /** left out when it is false */
};

static const str state_words[] = {
    [JOB_QUEUED] = S("queued"), [JOB_RUNNING] = S("running"),     [JOB_DONE] = S("done"),
    [JOB_FAILED] = S("failed"), [JOB_CANCELLED] = S("cancelled"),
};

/* As stored. */

static bool job_row_read(struct id id, str row, struct job *job_out)
{
    static const uint64_t keys[] = {
        KEY_KIND,  KEY_STATE, KEY_ACTOR,    KEY_CREATED, KEY_ENDED,   KEY_DONE,
        KEY_TOTAL, KEY_GROUP, KEY_POSITION, KEY_RESULT,  KEY_PROBLEM, KEY_LINES,
    };
    struct value found[sizeof keys / sizeof keys[0]];
    value_find_all(row, keys, sizeof keys / sizeof keys[0], found);
    /* By number: texts, then integers, then bytes. */
    if (found[0].kind != VALUE_TEXT) return false;
    static const uint8_t integers[] = {1, 3, 4, 5, 6, 11};
    for (size_t at = 0; at < sizeof integers; at++)
        if (found[integers[at]].kind != VALUE_INT || found[integers[at]].integer < 0) return false;
    static const uint8_t others[] = {2, 7, 8, 9, 10};
    for (size_t at = 0; at < sizeof others; at++)
        if (found[others[at]].kind != VALUE_BYTES) return false;
    if (found[1].integer > JOB_CANCELLED) return false;
    *job_out = (struct job){
        .id = id,
        .kind = found[0].text,
        .state = (enum job_state)found[1].integer,
        .created_at_ms = found[3].integer,
        .ended_at_ms = found[4].integer,
        .done = (uint64_t)found[5].integer,
        .total = (uint64_t)found[6].integer,
        .position = found[8].text,
        .result = found[9].text,
        .problem = found[10].text,
        .line_count = (uint32_t)found[11].integer,
    };
    struct value token;
    job_out->is_proven = value_is_true_at(row, KEY_PROVEN);
    if (value_find(row, KEY_TOKEN, &token) &&
        (token.kind != VALUE_BYTES || !id_of_bytes(token.text, &job_out->token)))
        return false;
    return id_of_bytes(found[2].text, &job_out->actor) &&
           id_of_bytes(found[7].text, &job_out->group);
}

static void put_int(struct buf *row, enum job_key key, uint64_t number)
{
    pack_int(row, key);
    pack_int(row, (int64_t)number);
}

static void put_bytes(struct buf *row, enum job_key key, str bytes)
{
    pack_int(row, key);
    pack_bytes(row, bytes);
}

enum err job_row_put(struct txn *txn, const struct job *job)
{
    struct task *task = txn_task(txn);
    if (job->result.len > JOB_RESULT_BYTES_MAX || job->position.len > JOB_POSITION_BYTES_MAX)
        return fail(task, ERR_TOO_LARGE, "the job's result or position is too large");
    struct buf row = buf_make(task->arena, JOB_ROW_BYTES_MAX);
    bool has_token = !id_is_nil(job->token);
    pack_map(&row, 12U + has_token + job->is_proven);
    pack_int(&row, KEY_KIND);
    pack_text(&row, job->kind);
    put_int(&row, KEY_STATE, job->state);
    put_bytes(&row, KEY_ACTOR, id_bytes(&job->actor));
    put_int(&row, KEY_CREATED, (uint64_t)job->created_at_ms);
    put_int(&row, KEY_ENDED, (uint64_t)job->ended_at_ms);
    put_int(&row, KEY_DONE, job->done);
    put_int(&row, KEY_TOTAL, job->total);
    put_bytes(&row, KEY_GROUP, id_bytes(&job->group));
    put_bytes(&row, KEY_POSITION, job->position);
    put_bytes(&row, KEY_RESULT, job->result);
    put_bytes(&row, KEY_PROBLEM, job->problem);
    put_int(&row, KEY_LINES, job->line_count);
    if (has_token) put_bytes(&row, KEY_TOKEN, id_bytes(&job->token));
    if (job->is_proven) {
        pack_int(&row, KEY_PROVEN);
        pack_bool(&row, true);
    }
    require(!buf_is_over(&row));
    txn_system_put(txn, SYSTEM_JOB, id_bytes(&job->id), buf_str(&row));
    if (!job_is_over(job)) return ERR_NONE;
    txn_system_delete(txn, SYSTEM_JOB_LIVE, id_bytes(&job->id));
    txn_system_delete(txn, SYSTEM_JOB_GIVEN, id_bytes(&job->id));
    return ERR_NONE;
}

enum err job_given(struct txn *txn, struct id id, struct arena *arena, str *given_out)
{
    return txn_system_get(txn, SYSTEM_JOB_GIVEN, id_bytes(&id), arena, given_out);
}

static enum err live_count(struct task *task, struct txn *txn, uint32_t *count_out)
{
    str key = S(""), nothing;
    for (*count_out = 0; *count_out < JOBS_OF_TENANT_MAX; ++*count_out) {
        enum err err = txn_system_after(txn, SYSTEM_JOB_LIVE, key, task->arena, &key, &nothing);
        if (err == ERR_MISSING) return ERR_NONE;
        TRY(err);
    }
    return ERR_NONE;
}

enum err job_create(struct task *task, struct txn *txn, const struct scope *scope, str kind,
                    str given, struct job *job_out)
{
    uint32_t count;
    TRY(live_count(task, txn, &count));
    if (count == JOBS_OF_TENANT_MAX)
        return fail(task, ERR_LIMITED, "%u jobs are queued or running; wait until some are over",
                    JOBS_OF_TENANT_MAX);
    *job_out = (struct job){
        .id = id_make(),
        .kind = arena_copy(task->arena, kind),
        .actor = scope == nullptr ? (struct id){} : scope->actor,
        .token = scope == nullptr ? (struct id){} : scope->token,
        .is_proven = scope != nullptr && scope->is_proven,
        .created_at_ms = task->now_ms,
        .group = id_make(),
    };
    TRY(job_row_put(txn, job_out));
    txn_system_put(txn, SYSTEM_JOB_GIVEN, id_bytes(&job_out->id), given);
    static const char nil = (char)0xC0;
    txn_system_put(txn, SYSTEM_JOB_LIVE, id_bytes(&job_out->id), (str){&nil, 1});
    task->has_job = true;
    return ERR_NONE;
}

enum err job_get(struct task *task, struct txn *txn, struct id id, struct job *job_out)
{
    str row;
    enum err err = txn_system_get(txn, SYSTEM_JOB, id_bytes(&id), task->arena, &row);
    if (err == ERR_MISSING) return fail(task, err, "there is no such job");
    TRY(err);
    if (!job_row_read(id, row, job_out)) return fail(task, ERR_CORRUPT, "a job's row is damaged");
    return ERR_NONE;
}

enum err job_before(struct task *task, struct txn *txn, struct id before, struct job *job_out)
{
    str key, row;
    str from = id_is_nil(before) ? S("") : id_bytes(&before);
    TRY(txn_system_before(txn, SYSTEM_JOB, from, task->arena, &key, &row));
    struct id id;
    if (!id_of_bytes(key, &id) || !job_row_read(id, row, job_out))
        return fail(task, ERR_CORRUPT, "a job's row is damaged");
    return ERR_NONE;
}

enum err job_live(struct task *task, struct txn *txn, struct job *job_out)
{
    str key, nothing;
    TRY(txn_system_after(txn, SYSTEM_JOB_LIVE, S(""), task->arena, &key, &nothing));
    struct id id;
    if (!id_of_bytes(key, &id)) return fail(task, ERR_CORRUPT, "the key of a job is damaged");
    enum err err = job_get(task, txn, id, job_out);
    return err == ERR_MISSING ? ERR_CORRUPT : err;
}

enum err job_cancel(struct task *task, struct txn *txn, struct id id, struct job *job_out)
{
    TRY(job_get(task, txn, id, job_out));
    if (job_is_over(job_out))
        return fail(task, ERR_CONFLICT, "the job is over: it is %.*s",
                    FMT(state_words[job_out->state]));
    if (id_is_nil(job_out->actor) && !str_eq(job_out->kind, S("rule")))
        return fail(task, ERR_CONFLICT, "this job is the server's own work and is needed");
    job_out->state = JOB_CANCELLED;
    job_out->ended_at_ms = task->now_ms;
    return job_row_put(txn, job_out);
}

/* Lines. */

constexpr size_t LINES_KEY_BYTES = sizeof(struct id) + 4;

static str lines_key(struct id id, uint32_t chunk, char room[LINES_KEY_BYTES])
{
    memcpy(room, id.bytes, sizeof id.bytes);
    for (int at = 0; at < 4; at++) room[sizeof id + at] = (char)(chunk >> (24 - 8 * at));
    return (str){room, LINES_KEY_BYTES};
}

void job_lines_put(struct txn *txn, struct job *job, str lines)
{
    char room[LINES_KEY_BYTES];
    struct buf row = buf_make(txn_task(txn)->arena, lines.len + 8);
    pack_bytes(&row, lines);
    require(!buf_is_over(&row));
    txn_system_put(txn, SYSTEM_JOB_LINES, lines_key(job->id, job->line_count, room), buf_str(&row));
    job->line_count++;
}

enum err job_lines(struct task *task, struct txn *txn, struct id id, uint32_t chunk, str *lines_out)
{
    char room[LINES_KEY_BYTES];
    str row;
    TRY(txn_system_get(txn, SYSTEM_JOB_LINES, lines_key(id, chunk, room), task->arena, &row));
    *lines_out = value_of(row).text;
    return ERR_NONE;
}

void job_lines_drop(struct txn *txn, struct job *job)
{
    char room[LINES_KEY_BYTES];
    for (; job->line_count > 0; job->line_count--)
        txn_system_delete(txn, SYSTEM_JOB_LINES, lines_key(job->id, job->line_count - 1, room));
}

void job_forget(struct txn *txn, struct job *job)
{
    require(job_is_over(job));
    job_lines_drop(txn, job);
    txn_system_delete(txn, SYSTEM_JOB, id_bytes(&job->id));
}

/* As told. */

/** Which rule said so, and where its run can be looked at: as api/problem.c tells it. */
static void pack_rule(struct buf *problem, const struct fault *fault)
{
    char id[ID_TEXT_BYTES], run[ID_TEXT_BYTES];
    id_write(fault->rule, id);
    id_write(fault->run, run);
    pack_text(problem, S("rule"));
    pack_map(problem, 3);
    pack_text(problem, S("id"));
    pack_text(problem, (str){id, sizeof id});
    pack_text(problem, S("name"));
    pack_text(problem, fault->rule_name);
    pack_text(problem, S("run"));
    if (id_is_nil(fault->run)) pack_nil(problem);
    else pack_text(problem, (str){run, sizeof run});
}

str job_problem(struct arena *arena, const struct fault *fault, enum err err)
{
    bool is_internal = err_status(err) == 500;
    struct buf problem = buf_make(arena, PROBLEM_BYTES_MAX);
    bool has_rule = !is_internal && !id_is_nil(fault->rule);
    pack_map(&problem, has_rule ? 6 : 5);
    if (has_rule) pack_rule(&problem, fault);
    pack_text(&problem, S("type"));
    pack_text(&problem, err_slug(err));
    pack_text(&problem, S("title"));
    pack_text(&problem, err_title(err));
    pack_text(&problem, S("status"));
    pack_int(&problem, err_status(err));
    pack_text(&problem, S("detail"));
    pack_text(&problem, is_internal ? S("") : fault->detail);
    pack_text(&problem, S("errors"));
    pack_list(&problem, is_internal ? 0 : fault->item_count);
    for (uint32_t at = 0; !is_internal && at < fault->item_count; at++) {
        pack_map(&problem, 3);
        pack_text(&problem, S("field"));
        pack_text(&problem, fault->items[at].field);
        pack_text(&problem, S("code"));
        pack_text(&problem, fault->items[at].code);
        pack_text(&problem, S("message"));
        pack_text(&problem, fault->items[at].message);
    }
    return buf_is_over(&problem) ? S("") : buf_str(&problem);
}

static void write_value(struct buf *json, const char *name, str packed)
{
    buf_print(json, ",\"%s\":", name);
    struct value value = value_of(packed);
    json_write(json, &value);
}

void job_write_json(struct buf *json, const struct job *job)
{
    char id[ID_TEXT_BYTES];
    id_write(job->id, id);
    buf_print(json, "{\"id\":\"%.*s\",\"kind\":", ID_TEXT_BYTES, id);
    json_write_text(json, job->kind);
    buf_print(json, ",\"state\":\"%.*s\",\"done\":%llu", FMT(state_words[job->state]),
              (unsigned long long)job->done);
    if (job->total == 0 && !job_is_over(job)) buf_put(json, S(",\"total\":null"));
    else buf_print(json, ",\"total\":%llu", (unsigned long long)job->total);
    json_member_id(json, "group", job->group);
    write_value(json, "result", job->result);
    if (job->problem.len > 0) write_value(json, "problem", job->problem);
    json_member_time(json, "created_at", job->created_at_ms);
    json_member_id(json, "created_by", job->actor);
    json_member_time(json, "ended_at", job->ended_at_ms);
    buf_put_byte(json, '}');
}

struct change job_change(const struct job_run *run, struct txn *txn)
{
    return (struct change){.task = run->task,
                           .txn = txn,
                           .model = run->tenant.model,
                           .scope = &run->scope,
                           .hooks = run->hooks,
                           .group = run->job.group,
                           .cause = run->job.id};
}
