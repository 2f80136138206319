/* Traces as rows, and as they are told. The queue and its thread: rules/traces.c. */
#include "rules/trace.h"

#include "base/require.h"
#include "rules/trace_rows.h"
#include "value/json.h"
#include "value/text.h"

constexpr size_t ROW_BYTES_SPARE = 2 * KIB; /** beside log, changes and message */

enum trace_key : uint8_t {
    KEY_RULE = 1,
    KEY_RULE_NAME,
    KEY_VERSION,
    KEY_AT,
    KEY_POINT,
    KEY_OPERATION,
    KEY_ENTITY,
    KEY_RECORD,
    KEY_ACTOR,
    KEY_THROUGH,
    KEY_CAUSE,
    KEY_GROUP,
    KEY_DEPTH,
    KEY_CAUSED_BY,
    KEY_IS_TRIAL,
    KEY_OUTCOME,
    KEY_MESSAGE,
    KEY_FIELD,
    KEY_LINE,
    KEY_LOG,
    KEY_FUEL,
    KEY_BYTES,
    KEY_CPU,
    KEY_WALL,
    KEY_QUESTIONS,
    KEY_CHANGES,
    KEY_HAS_TALK,
    KEY_END,
};

/* As stored. */

struct row_writer {
    struct buf pairs;
    uint32_t count;
};

static void put_int(struct row_writer *row, enum trace_key key, uint64_t number)
{
    if (number == 0) return;
    pack_int(&row->pairs, key);
    pack_int(&row->pairs, number > INT64_MAX ? INT64_MAX : (int64_t)number);
    row->count++;
}

static void put_id(struct row_writer *row, enum trace_key key, const struct id *id)
{
    if (id_is_nil(*id)) return;
    pack_int(&row->pairs, key);
    pack_bytes(&row->pairs, id_bytes(id));
    row->count++;
}

static void put_text(struct row_writer *row, enum trace_key key, str text)
{
    if (text.len == 0) return;
    pack_int(&row->pairs, key);
    pack_text(&row->pairs, text);
    row->count++;
}

static void put_raw(struct row_writer *row, enum trace_key key, str encoded)
{
    if (encoded.len == 0) return;
    pack_int(&row->pairs, key);
    pack_raw(&row->pairs, encoded);
    row->count++;
}

static void put_result(struct row_writer *row, const struct run_result *result)
{
    put_int(row, KEY_OUTCOME, result->outcome);
    put_text(row, KEY_MESSAGE, result->message);
    put_text(row, KEY_FIELD, result->field);
    put_int(row, KEY_LINE, result->line);
    put_raw(row, KEY_LOG, result->log);
    put_int(row, KEY_FUEL, result->fuel);
    put_int(row, KEY_BYTES, result->bytes);
    put_int(row, KEY_CPU, (uint64_t)(result->cpu_us > 0 ? result->cpu_us : 0));
    put_int(row, KEY_WALL, (uint64_t)(result->wall_us > 0 ? result->wall_us : 0));
    put_int(row, KEY_QUESTIONS, result->question_count);
    put_raw(row, KEY_CHANGES, result->changes);
    put_int(row, KEY_HAS_TALK, result->talk.len > 0);
}

str trace_row_write(struct arena *arena, const struct trace *trace)
{
    const struct run_result *result = &trace->result;
    size_t bytes = ROW_BYTES_SPARE + trace->rule_name.len + trace->through.len +
                   result->message.len + result->field.len + result->log.len + result->changes.len;
    struct row_writer row = {.pairs = buf_make(arena, bytes)};
    put_id(&row, KEY_RULE, &trace->rule);
    put_text(&row, KEY_RULE_NAME, trace->rule_name);
    put_int(&row, KEY_VERSION, (uint64_t)trace->version);
    put_int(&row, KEY_AT, (uint64_t)trace->at_ms);
    put_int(&row, KEY_POINT, trace->point);
    put_int(&row, KEY_OPERATION, trace->operation);
    put_int(&row, KEY_ENTITY, trace->entity);
    put_id(&row, KEY_RECORD, &trace->record);
    put_id(&row, KEY_ACTOR, &trace->actor);
    put_text(&row, KEY_THROUGH, trace->through);
    put_id(&row, KEY_CAUSE, &trace->cause);
    put_id(&row, KEY_GROUP, &trace->group);
    put_int(&row, KEY_DEPTH, trace->depth);
    put_id(&row, KEY_CAUSED_BY, &trace->caused_by);
    put_int(&row, KEY_IS_TRIAL, trace->is_trial);
    put_result(&row, result);
    struct buf out = buf_make(arena, bytes + 8);
    pack_map(&out, row.count);
    pack_raw(&out, buf_str(&row.pairs));
    require(!buf_is_over(&row.pairs) && !buf_is_over(&out));
    return buf_str(&out);
}

/** What stands under a key, or what an absent one means; false for another kind. */
static bool take_int(const struct value *found, enum trace_key key, int64_t max, int64_t *out)
{
    const struct value *value = &found[key];
    *out = value->kind == VALUE_INT ? value->integer : 0;
    return (value->kind == VALUE_INT || value->kind == VALUE_NIL) && *out >= 0 && *out <= max;
}

static bool take_id(const struct value *found, enum trace_key key, struct id *out)
{
    const struct value *value = &found[key];
    if (value->kind == VALUE_BYTES) return id_of_bytes(value->text, out);
    *out = (struct id){};
    return value->kind == VALUE_NIL;
}

static bool take_text(const struct value *found, enum trace_key key, str *out)
{
    const struct value *value = &found[key];
    *out = value->kind == VALUE_TEXT ? value->text : (str){};
    return value->kind == VALUE_TEXT || value->kind == VALUE_NIL;
}

static bool take_encoded(const struct value *found, enum trace_key key, enum value_kind kind,
                         str *out)
{
    const struct value *value = &found[key];
    *out = value->kind == kind ? value->bytes : (str){};
    return value->kind == kind || value->kind == VALUE_NIL;
}

static bool result_read(const struct value *found, struct run_result *result)
{
    int64_t outcome, line, fuel, bytes, questions;
    bool is_right = take_int(found, KEY_OUTCOME, RUN_OVERRAN, &outcome) &&
                    take_text(found, KEY_MESSAGE, &result->message) &&
                    take_text(found, KEY_FIELD, &result->field) &&
                    take_int(found, KEY_LINE, UINT32_MAX, &line) &&
                    take_encoded(found, KEY_LOG, VALUE_LIST, &result->log) &&
                    take_int(found, KEY_FUEL, INT64_MAX, &fuel) &&
                    take_int(found, KEY_BYTES, INT64_MAX, &bytes) &&
                    take_int(found, KEY_CPU, INT64_MAX, &result->cpu_us) &&
                    take_int(found, KEY_WALL, INT64_MAX, &result->wall_us) &&
                    take_int(found, KEY_QUESTIONS, UINT32_MAX, &questions) &&
                    take_encoded(found, KEY_CHANGES, VALUE_MAP, &result->changes);
    if (!is_right) return false;
    result->outcome = (enum run_outcome)outcome;
    result->line = (uint32_t)line;
    result->fuel = (uint64_t)fuel;
    result->bytes = (size_t)bytes;
    result->question_count = (uint32_t)questions;
    return true;
}

bool trace_row_read(struct id run, str row, struct trace *trace_out)
{
    uint64_t keys[KEY_END];
    struct value found[KEY_END];
    for (uint32_t key = 0; key < KEY_END; key++) keys[key] = key;
    value_find_all(row, keys, KEY_END, found);
    *trace_out = (struct trace){.id = run};
    struct trace *trace = trace_out;
    int64_t point, operation, entity, depth, is_trial, has_talk;
    bool is_right =
        found[KEY_RULE].kind == VALUE_BYTES && take_id(found, KEY_RULE, &trace->rule) &&
        take_text(found, KEY_RULE_NAME, &trace->rule_name) &&
        take_int(found, KEY_VERSION, INT64_MAX, &trace->version) &&
        take_int(found, KEY_AT, INT64_MAX, &trace->at_ms) &&
        take_int(found, KEY_POINT, RULE_ACTION, &point) &&
        take_int(found, KEY_OPERATION, OPERATION_DELETE, &operation) &&
        take_int(found, KEY_ENTITY, UINT16_MAX, &entity) &&
        take_id(found, KEY_RECORD, &trace->record) && take_id(found, KEY_ACTOR, &trace->actor) &&
        take_text(found, KEY_THROUGH, &trace->through) &&
        take_id(found, KEY_CAUSE, &trace->cause) && take_id(found, KEY_GROUP, &trace->group) &&
        take_int(found, KEY_DEPTH, UINT32_MAX, &depth) &&
        take_id(found, KEY_CAUSED_BY, &trace->caused_by) &&
        take_int(found, KEY_IS_TRIAL, 1, &is_trial) &&
        take_int(found, KEY_HAS_TALK, 1, &has_talk) && result_read(found, &trace->result);
    if (!is_right) return false;
    trace->point = (enum rule_point)point;
    trace->operation = (enum operation)operation;
    trace->entity = (uint16_t)entity;
    trace->depth = (uint32_t)depth;
    trace->is_trial = is_trial != 0;
    trace->has_talk = has_talk != 0;
    return true;
}

/* Found. */

constexpr size_t RUN_OF_KEY_BYTES = 2 * sizeof(struct id);

static str run_of_key(struct id rule, struct id run, char room[RUN_OF_KEY_BYTES])
{
    memcpy(room, rule.bytes, sizeof rule);
    memcpy(room + sizeof rule, run.bytes, sizeof run);
    return (str){room, RUN_OF_KEY_BYTES};
}

static enum err row_find(struct task *task, struct txn *txn, struct id run, str *row_out)
{
    return txn_system_get(txn, SYSTEM_RUN, id_bytes(&run), task->arena, row_out);
}

enum err trace_get(struct task *task, struct txn *txn, struct id run, struct trace *trace_out)
{
    str row;
    enum err err = row_find(task, txn, run, &row);
    if (err == ERR_MISSING) return fail(task, err, "there is no such run, or it is too long ago");
    TRY(err);
    if (trace_row_read(run, row, trace_out)) return ERR_NONE;
    return fail(task, ERR_CORRUPT, "the trace of a run is damaged");
}

static enum err before_of_all(struct task *task, struct txn *txn, struct id before,
                              struct id *run_out)
{
    str key, row, from = id_is_nil(before) ? S("") : id_bytes(&before);
    TRY(txn_system_before(txn, SYSTEM_RUN, from, task->arena, &key, &row));
    return id_of_bytes(key, run_out) ? ERR_NONE : ERR_CORRUPT;
}

static enum err before_of_rule(struct task *task, struct txn *txn, struct id rule, struct id before,
                               struct id *run_out)
{
    char room[RUN_OF_KEY_BYTES];
    str key, row;
    if (id_is_nil(before)) memset(&before, 0xFF, sizeof before);
    TRY(txn_system_before(txn, SYSTEM_RUN_OF, run_of_key(rule, before, room), task->arena, &key,
                          &row));
    if (!str_starts(key, id_bytes(&rule))) return ERR_MISSING;
    return id_of_bytes(str_from(key, sizeof rule), run_out) ? ERR_NONE : ERR_CORRUPT;
}

enum err trace_before(struct task *task, struct txn *txn, struct id rule, struct id before,
                      struct trace *trace_out)
{
    struct id run;
    if (id_is_nil(rule)) TRY(before_of_all(task, txn, before, &run));
    else TRY(before_of_rule(task, txn, rule, before, &run));
    enum err err = trace_get(task, txn, run, trace_out);
    return err == ERR_MISSING ? ERR_CORRUPT : err;
}

enum err trace_talk(struct task *task, struct txn *txn, struct id run, str *talk_out)
{
    enum err err = txn_system_get(txn, SYSTEM_RUN_TALK, id_bytes(&run), task->arena, talk_out);
    if (err == ERR_MISSING)
        return fail(task, err,
                    "what was said in this run was not kept: that is done of failed and rejected "
                    "runs and of trials");
    return err;
}

/* Written and taken away. */

/** With its row's bytes. */
static enum err trace_drop(struct task *task, struct txn *txn, struct id run, str row,
                           struct row_counter *counter)
{
    char room[RUN_OF_KEY_BYTES];
    struct trace trace;
    counter->count--;
    counter->bytes -= (int64_t)row.len;
    txn_system_delete(txn, SYSTEM_RUN, id_bytes(&run));
    if (!trace_row_read(run, row, &trace)) return ERR_NONE; /* gone, and with it the damage */
    txn_system_delete(txn, SYSTEM_RUN_OF, run_of_key(trace.rule, run, room));
    if (!trace.has_talk) return ERR_NONE;
    str talk;
    enum err err = txn_system_get(txn, SYSTEM_RUN_TALK, id_bytes(&run), task->arena, &talk);
    if (err == ERR_MISSING) return ERR_NONE;
    TRY(err);
    counter->bytes -= (int64_t)talk.len;
    txn_system_delete(txn, SYSTEM_RUN_TALK, id_bytes(&run));
    return ERR_NONE;
}

enum err trace_put(struct task *task, struct txn *txn, const struct trace *trace,
                   struct row_counter *counter)
{
    static const char nil = (char)0xC0;
    char room[RUN_OF_KEY_BYTES];
    str old, row = trace_row_write(task->arena, trace);
    enum err err = row_find(task, txn, trace->id, &old);
    if (err == ERR_NONE) err = trace_drop(task, txn, trace->id, old, counter);
    if (err != ERR_NONE && err != ERR_MISSING) return err;
    txn_system_put(txn, SYSTEM_RUN, id_bytes(&trace->id), row);
    txn_system_put(txn, SYSTEM_RUN_OF, run_of_key(trace->rule, trace->id, room), (str){&nil, 1});
    str talk = trace->result.talk;
    if (talk.len > 0) txn_system_put(txn, SYSTEM_RUN_TALK, id_bytes(&trace->id), talk);
    counter->count++;
    counter->bytes += (int64_t)(row.len + talk.len);
    return ERR_NONE;
}

enum err trace_forget(struct task *task, struct txn *txn, struct id run)
{
    str row;
    struct row_counter counter;
    TRY(row_find(task, txn, run, &row));
    TRY(txn_counter_read(task, txn, TRACE_COUNTER, &counter));
    TRY(trace_drop(task, txn, run, row, &counter));
    txn_counter_put(task, txn, TRACE_COUNTER, &counter);
    return ERR_NONE;
}

/** The oldest one goes; ERR_MISSING: there is none. */
static enum err oldest_drop(struct task *task, struct txn *txn, int64_t kept_since_ms,
                            struct row_counter *counter)
{
    str key, row;
    struct id run;
    TRY(txn_system_after(txn, SYSTEM_RUN, S(""), task->arena, &key, &row));
    if (!id_of_bytes(key, &run)) return fail(task, ERR_CORRUPT, "the key of a run is damaged");
    if (id_time_ms(run) >= kept_since_ms) return ERR_MISSING;
    return trace_drop(task, txn, run, row, counter);
}

enum err traces_trim(struct task *task, struct txn *txn, uint32_t max, struct row_counter *counter)
{
    for (uint32_t at = 0; at < max; at++) {
        bool is_over = counter->count > (int64_t)TRACES_KEPT_MAX ||
                       counter->bytes > (int64_t)TRACES_KEPT_BYTES_MAX;
        if (!is_over) return ERR_NONE;
        enum err err = oldest_drop(task, txn, INT64_MAX, counter);
        if (err != ERR_NONE) return err == ERR_MISSING ? ERR_NONE : err;
    }
    return ERR_NONE;
}

enum err traces_sweep(struct task *task, struct txn *txn, bool *has_more_out)
{
    constexpr uint32_t swept_max = 300; /* of one change; each may be some KiB */
    struct row_counter counter;
    enum err err = ERR_NONE;
    uint32_t count = 0;
    TRY(txn_counter_read(task, txn, TRACE_COUNTER, &counter));
    while (err == ERR_NONE && count < swept_max && !arena_is_over(task->arena)) {
        err = oldest_drop(task, txn, task->now_ms - TRACE_KEPT_MS, &counter);
        count += err == ERR_NONE;
    }
    if (err != ERR_NONE && err != ERR_MISSING) return err;
    *has_more_out = err == ERR_NONE;
    if (count > 0) txn_counter_put(task, txn, TRACE_COUNTER, &counter);
    return ERR_NONE;
}

/* Told. */

static void write_encoded(struct buf *json, const char *name, str encoded, str absent)
{
    struct value value = value_of(encoded);
    buf_print(json, ",\"%s\":", name);
    if (value.kind == VALUE_NIL) buf_put(json, absent);
    else json_write(json, &value);
}

static void write_result(struct buf *json, const struct run_result *result, bool is_whole)
{
    buf_print(json, ",\"outcome\":\"%.*s\"", FMT(run_outcome_word(result->outcome)));
    json_member_text(json, "message", result->message);
    json_member_text(json, "field", result->field);
    if (result->line == 0) buf_put(json, S(",\"line\":null"));
    else buf_print(json, ",\"line\":%u", result->line);
    buf_print(json,
              ",\"cost\":{\"fuel\":%llu,\"bytes\":%zu,\"cpu_us\":%lld,\"wall_us\":%lld,"
              "\"questions\":%u}",
              (unsigned long long)result->fuel, result->bytes, (long long)result->cpu_us,
              (long long)result->wall_us, result->question_count);
    if (!is_whole) return;
    write_encoded(json, "changes", result->changes, S("null"));
    write_encoded(json, "log", result->log, S("[]"));
}

void trace_write(struct buf *json, const struct model *model, const struct trace *trace,
                 bool is_whole)
{
    char id[ID_TEXT_BYTES], rule[ID_TEXT_BYTES];
    const struct entity *entity = model_entity_by_number(model, trace->entity);
    id_write(trace->id, id);
    id_write(trace->rule, rule);
    buf_print(json, "{\"id\":\"%.*s\",\"rule\":{\"id\":\"%.*s\",\"name\":", ID_TEXT_BYTES, id,
              ID_TEXT_BYTES, rule);
    json_write_text(json, trace->rule_name);
    buf_print(json, "},\"version\":%lld,\"at\":\"", (long long)trace->version);
    time_write(json, trace->at_ms);
    buf_print(json, "\",\"point\":\"%.*s\",\"operation\":\"%.*s\"",
              FMT(rule_point_word(trace->point)), FMT(operation_word(trace->operation)));
    json_member_text(json, "entity", entity == nullptr ? S("") : entity->name);
    json_member_id(json, "record", trace->record);
    json_member_id(json, "actor", trace->actor);
    json_member_text(json, "through", trace->through);
    json_member_id(json, "cause", trace->cause);
    json_member_id(json, "group", trace->group);
    buf_print(json, ",\"depth\":%u", trace->depth);
    json_member_id(json, "caused_by", trace->caused_by);
    buf_print(json, ",\"trial\":%s,\"can_be_replayed\":%s", trace->is_trial ? "true" : "false",
              trace->has_talk ? "true" : "false");
    write_result(json, &trace->result, is_whole);
    buf_put_byte(json, '}');
}
