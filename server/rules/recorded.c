#include "rules/recorded.h"

#include "base/fold.h"
#include "base/limits.h"
#include "base/require.h"
#include "model/kind.h"
#include "record/models.h"
#include "rules/catalog.h"
#include "rules/firing.h"
#include "value/frame.h"
#include "value/json.h"
#include "value/text.h"

constexpr size_t SEED_BYTES = 16;
constexpr size_t TEST_PART_BYTES_MAX = 16 * KIB; /** what a field of a record holds */
constexpr uint32_t SAID_MAX = 400;               /** writes and effects that are told */

static bool is_word(str frame, const char *word)
{
    return str_eq(value_text_in(frame, S("ask")), str_of(word));
}

/* Making a test. */

/** Frames in turn, ours and the script's; those of the rules within it are passed over. */
struct walk {
    struct cursor frames;
    uint32_t left;
    uint32_t depth; /** of rules within */
};

/** The next question of the script's own, and what it was answered; false at its end, or when the
 *  list is none. */
static bool walk_next(struct walk *walk, str *ask_out, str *say_out)
{
    struct value theirs, ours;
    str ask = {};
    while (walk->left >= 2 && value_next(&walk->frames, &theirs) &&
           value_next(&walk->frames, &ours)) {
        walk->left -= 2;
        bool is_done = value_text_in(theirs.bytes, S("done")).len > 0;
        if (walk->depth == 0 && is_done) return false;
        if (walk->depth == 0) ask = theirs.bytes;
        if (is_done) walk->depth--;
        if (is_word(ours.bytes, "rule")) walk->depth++;
        if (walk->depth > 0) continue;
        *ask_out = ask;
        *say_out = ours.bytes;
        return true;
    }
    return false;
}

static bool walk_begin(str talk, struct walk *walk, str *first_out)
{
    struct value list = talk.len == 0 ? (struct value){} : value_of(talk), known, first;
    *walk = (struct walk){.frames = cursor_of(list.items), .left = list.count};
    if (list.kind != VALUE_LIST || list.count < 3 || !value_next(&walk->frames, &known) ||
        !value_next(&walk->frames, &first) || first.kind != VALUE_MAP ||
        !is_word(first.bytes, "rule"))
        return false;
    /* The last frame has none behind it. */
    walk->left = list.count - 2;
    *first_out = first.bytes;
    return true;
}

static void put_member(struct buf *map, str frame, const char *name)
{
    struct value value;
    pack_text(map, str_of(name));
    if (value_find_text(frame, str_of(name), &value)) pack_raw(map, value.bytes);
    else pack_nil(map);
}

static void put_given(struct buf *given, str first)
{
    static const char digits[] = "0123456789abcdef";
    static const char *const same[] = {"values", "old",   "changed", "operation",
                                       "actor",  "input", "now"};
    struct value seed;
    char hex[2 * SEED_BYTES] = {};
    bool has_seed = value_find_text(first, S("seed"), &seed) && seed.kind == VALUE_BYTES &&
                    seed.text.len == SEED_BYTES;
    for (size_t at = 0; at < SEED_BYTES && has_seed; at++) {
        hex[2 * at] = digits[(uint8_t)seed.text.at[at] >> 4];
        hex[2 * at + 1] = digits[seed.text.at[at] & 15];
    }
    pack_map(given, sizeof same / sizeof same[0] + 1);
    for (size_t at = 0; at < sizeof same / sizeof same[0]; at++) put_member(given, first, same[at]);
    pack_text(given, S("seed"));
    if (has_seed) pack_text(given, (str){hex, sizeof hex});
    else pack_nil(given);
}

static uint32_t put_answers(struct buf *list, struct walk *walk)
{
    uint32_t count = 0;
    str ask, say;
    while (walk_next(walk, &ask, &say)) {
        pack_map(list, 2);
        pack_text(list, S("ask"));
        pack_raw(list, ask);
        pack_text(list, S("say"));
        pack_raw(list, say);
        count++;
    }
    return count;
}

/** A rejection must be the same; what failed must not any more. */
static void put_expected(struct buf *expected, const struct run_result *result)
{
    bool is_rejected = result->outcome == RUN_REJECTED;
    pack_map(expected, is_rejected ? 3 : 1);
    pack_text(expected, S("outcome"));
    pack_text(expected, is_rejected ? S("rejected") : S("done"));
    if (!is_rejected) return;
    pack_text(expected, S("message"));
    pack_text(expected, result->message);
    pack_text(expected, S("field"));
    if (result->field.len > 0) pack_text(expected, result->field);
    else pack_nil(expected);
}

enum err recorded_read(struct task *task, const struct trace *trace, str talk,
                       struct recorded_test *test_out)
{
    struct walk walk;
    str first;
    if (!walk_begin(talk, &walk, &first))
        return fail(task, ERR_CORRUPT, "what was said in this run cannot be read");
    struct buf given = buf_make(task->arena, TEST_PART_BYTES_MAX);
    struct buf list = buf_make(task->arena, TEST_PART_BYTES_MAX);
    struct buf answers = buf_make(task->arena, TEST_PART_BYTES_MAX);
    struct buf expected = buf_make(task->arena, TEST_PART_BYTES_MAX);
    put_given(&given, first);
    uint32_t count = put_answers(&list, &walk);
    pack_map(&answers, 1);
    pack_text(&answers, S("questions"));
    pack_list(&answers, count);
    buf_put(&answers, buf_str(&list));
    put_expected(&expected, &trace->result);
    if (buf_is_over(&given) || buf_is_over(&list) || buf_is_over(&answers))
        return fail(task, ERR_TOO_LARGE,
                    "this run saw more than a stored test can hold (%zu KiB): keep one on a "
                    "smaller record, or that asks for less",
                    TEST_PART_BYTES_MAX / KIB);
    *test_out = (struct recorded_test){buf_str(&given), buf_str(&answers), buf_str(&expected)};
    return ERR_NONE;
}

/* Running one. */

struct repeating {
    struct rules *rules;
    const struct view *view;
    const struct rule *rule;
    const struct value *given;
    struct value questions; /** a list */
    uint32_t next;          /** of the questions: where it is looked first */
    struct talk *talk;
    struct run_result result;
    uint32_t said_count;
    str said[SAID_MAX]; /** questions that were answered: writes, effects */
};

static void put_seed(struct buf *frame, const struct value *given)
{
    str hex = value_text_in(given->bytes, S("seed"));
    char bytes[SEED_BYTES] = {};
    for (size_t at = 0; at < SEED_BYTES && hex.len == 2 * SEED_BYTES; at++) {
        int digits[2];
        for (int half = 0; half < 2; half++) {
            char digit = hex.at[2 * at + (size_t)half];
            digits[half] = digit >= 'a' ? digit - 'a' + 10 : digit - '0';
        }
        bytes[at] = (char)((digits[0] & 15) << 4 | (digits[1] & 15));
    }
    pack_text(frame, S("seed"));
    pack_bytes(frame, (str){bytes, sizeof bytes});
}

static str first_frame(const struct repeating *self)
{
    static const char *const same[] = {"values", "old", "changed", "operation", "actor", "input"};
    const struct rule *rule = self->rule;
    struct arena *arena = self->view->task->arena;
    struct buf frame = buf_make(arena, FRAME_BYTES_MAX), today = buf_make(arena, 32);
    struct value now;
    int64_t now_ms = self->view->task->now_ms;
    if (value_find_text(self->given->bytes, S("now"), &now) && now.kind == VALUE_INT)
        now_ms = now.integer;
    date_write(&today, (int32_t)(now_ms / DAY_MS));
    pack_map(&frame, 18);
    pack_named_text(&frame, S("ask"), S("rule"));
    pack_text(&frame, S("code"));
    pack_bytes(&frame, (str){(const char *)rule->code.bytes, sizeof rule->code.bytes});
    pack_named_text(&frame, S("name"), rule->name);
    pack_named_text(&frame, S("point"), rule_point_word(rule->point));
    pack_named_text(&frame, S("entity"), rule->entity->name);
    pack_named_int(&frame, S("model"), model_revision(self->view->model));
    for (size_t at = 0; at < sizeof same / sizeof same[0]; at++)
        put_member(&frame, self->given->bytes, same[at]);
    pack_named_int(&frame, S("now"), now_ms);
    pack_named_text(&frame, S("today"), buf_str(&today));
    put_seed(&frame, self->given);
    pack_named_int(&frame, S("fuel"), (int64_t)RULE_FUEL_MAX);
    pack_named_int(&frame, S("cpu_ms"), RULE_CPU_MS_MAX);
    pack_named_int(&frame, S("depth"), 1);
    return buf_is_over(&frame) ? (str){} : buf_str(&frame);
}

static str answer_of(struct arena *arena, str encoded)
{
    struct buf frame = buf_make(arena, encoded.len + 16);
    pack_map(&frame, 1);
    pack_text(&frame, S("answer"));
    pack_raw(&frame, encoded);
    return buf_str(&frame);
}

static str source_of(const struct repeating *self)
{
    struct buf source = buf_make(self->view->task->arena, self->rule->source.len + 8);
    pack_text(&source, self->rule->source);
    return answer_of(self->view->task->arena, buf_str(&source));
}

static str catalog_of(const struct repeating *self, str name)
{
    struct arena *arena = self->view->task->arena;
    const struct entity *entity = model_entity(self->view->model, name);
    struct buf catalog = buf_make(arena, 256 * KIB);
    if (entity == nullptr) return (str){};
    rule_catalog_write(&catalog, entity);
    return buf_is_over(&catalog) ? (str){} : answer_of(arena, buf_str(&catalog));
}

/** What it was answered then: the next time that it asked the same, or else any time. */
static str recorded_answer(struct repeating *self, str question)
{
    struct cursor cursor = cursor_of(self->questions.items);
    struct value item, ask, say, asked = value_of(question);
    str earlier = {};
    for (uint32_t at = 0; at < self->questions.count; at++) {
        if (!value_next(&cursor, &item) || item.kind != VALUE_MAP) break;
        if (!value_find_text(item.bytes, S("ask"), &ask) ||
            !value_find_text(item.bytes, S("say"), &say) || say.kind != VALUE_MAP ||
            !value_eq(&ask, &asked))
            continue;
        earlier = say.bytes;
        if (at < self->next) continue;
        self->next = at + 1;
        return say.bytes;
    }
    return earlier;
}

static void note_said(struct repeating *self, str question, str answer)
{
    struct value refused;
    bool is_done = !value_find_text(answer, S("refused"), &refused) &&
                   !value_find_text(answer, S("ended"), &refused);
    bool is_deed = is_word(question, "create") || is_word(question, "update") ||
                   is_word(question, "delete") || is_word(question, "link") ||
                   is_word(question, "queue");
    if (is_done && is_deed && self->said_count < SAID_MAX)
        self->said[self->said_count++] = question;
}

static void end_badly(struct repeating *self, enum run_outcome outcome, str message)
{
    self->result.outcome = outcome;
    self->result.message = message;
}

/** Empty: it asks what it did not ask then. */
static str next_frame(struct repeating *self, str question)
{
    struct value code;
    str own = {(const char *)self->rule->code.bytes, sizeof self->rule->code.bytes};
    if (is_word(question, "source")) {
        bool is_own = value_find_text(question, S("code"), &code) && str_eq(code.text, own);
        return is_own ? source_of(self) : (str){};
    }
    if (is_word(question, "entity")) return catalog_of(self, value_text_in(question, S("entity")));
    str answer = recorded_answer(self, question);
    if (answer.len > 0) note_said(self, question, answer);
    self->result.question_count++;
    return answer;
}

/** From the first frame to the last; false: the runner is of no use any more. */
static bool repeat(struct repeating *self, struct run *run)
{
    struct arena *arena = self->view->task->arena;
    str frame = first_frame(self), said;
    for (uint32_t at = 0; at <= RULE_QUESTIONS_MAX && frame.len > 0; at++) {
        if (talk_say(self->talk, frame, RULE_CPU_MS_MAX, &said) != RUNNER_ANSWERED) {
            bool has_overrun = talk_has_overrun(self->talk);
            end_badly(self, has_overrun ? RUN_OVERRAN : RUN_FAILED, talk_failure(self->talk));
            return false;
        }
        if (run_read_done(run, said)) return true;
        frame = next_frame(self, said);
        if (frame.len > 0) continue;
        end_badly(self, RUN_FAILED,
                  arena_print(arena,
                              "it asks what it did not ask when this test was kept: %.*s %.*s",
                              FMT(utf8_first(value_text_in(said, S("ask")), 20)),
                              FMT(utf8_first(value_text_in(said, S("entity")), 60))));
        return false;
    }
    end_badly(self, RUN_FAILED, S("it does not come to an end"));
    return false;
}

/* Telling. */

static void write_found(struct buf *json, str map, str name)
{
    struct value value;
    if (map.len > 0 && value_find_text(map, name, &value)) json_write(json, &value);
    else buf_put(json, S("null"));
}

/** Values by names, each from what it was in `was`. */
static void write_fields(struct buf *json, const struct value *values, str was)
{
    struct cursor cursor = cursor_of(values->items);
    struct value name, value, own;
    bool has_any = false;
    buf_put(json, S("\"fields\":{"));
    for (uint32_t at = 0; values->kind == VALUE_MAP && at < values->count; at++) {
        if (!value_next(&cursor, &name) || !value_next(&cursor, &value)) break;
        bool is_same =
            was.len > 0 && value_find_text(was, name.text, &own) && value_eq(&own, &value);
        if (name.kind != VALUE_TEXT || is_same) continue;
        if (has_any) buf_put_byte(json, ',');
        has_any = true;
        json_write_text(json, name.text);
        buf_put(json, S(":{\"from\":"));
        write_found(json, was, name.text);
        buf_put(json, S(",\"to\":"));
        json_write(json, &value);
        buf_put_byte(json, '}');
    }
    buf_put_byte(json, '}');
}

static void write_deed(struct buf *json, str question)
{
    struct value values = {};
    str word = value_text_in(question, S("ask"));
    bool is_link = str_eq(word, S("link"));
    if (!value_find_text(question, S("values"), &values)) values = (struct value){};
    buf_put(json, S("{\"entity\":"));
    write_found(json, question, S("entity"));
    buf_put(json, S(",\"id\":"));
    write_found(json, question, S("id"));
    buf_print(json, ",\"operation\":\"%.*s\",", FMT(is_link ? S("update") : word));
    write_fields(json, &values, (str){});
    buf_put_byte(json, '}');
}

static void write_said(struct buf *json, const struct repeating *self, bool is_of_effects)
{
    bool has_any = !is_of_effects && buf_str(json).at[json->len - 1] == '}';
    for (uint32_t at = 0; at < self->said_count; at++) {
        str question = self->said[at];
        if (is_word(question, "queue") != is_of_effects) continue;
        if (has_any) buf_put_byte(json, ',');
        has_any = true;
        if (!is_of_effects) {
            write_deed(json, question);
            continue;
        }
        buf_put(json, S("{\"kind\":"));
        write_found(json, question, S("kind"));
        buf_put(json, S(",\"given\":"));
        write_found(json, question, S("given"));
        buf_put_byte(json, '}');
    }
}

/** What it set in its own record. */
static void write_own(struct buf *json, const struct repeating *self)
{
    struct value values, changes = value_of(self->result.changes);
    str was = {};
    if (value_find_text(self->given->bytes, S("values"), &values) && values.kind == VALUE_MAP)
        was = values.bytes;
    if (changes.kind != VALUE_MAP || changes.count == 0) return;
    buf_print(json, "{\"entity\":\"%.*s\",\"id\":", FMT(self->rule->entity->name));
    write_found(json, was, S("id"));
    buf_put(json, S(",\"operation\":\"update\","));
    write_fields(json, &changes, was);
    buf_put_byte(json, '}');
}

static void write_result(struct buf *json, const struct repeating *self)
{
    const struct run_result *result = &self->result;
    struct value log = value_of(result->log);
    bool is_done = result->outcome == RUN_DONE;
    buf_print(json, "{\"outcome\":\"%.*s\",\"fired\":true,\"why\":null,\"changes\":[",
              FMT(run_outcome_word(result->outcome)));
    if (is_done) write_own(json, self);
    if (is_done) write_said(json, self, false);
    buf_put(json, S("],\"effects\":["));
    if (is_done) write_said(json, self, true);
    buf_put(json, S("],\"log\":"));
    if (log.kind == VALUE_LIST) json_write(json, &log);
    else buf_put(json, S("[]"));
    json_member_text(json, "message", result->message);
    json_member_text(json, "field", result->field);
    buf_print(json, ",\"line\":%u,\"problem\":null,\"run\":null}", result->line);
}

enum err recorded_run(struct rules *rules, const struct view *view, const struct rule *rule,
                      const struct value *given, const struct value *answers, struct buf *json)
{
    struct task *task = view->task;
    struct repeating *self = arena_new(task->arena, struct repeating, 1);
    *self = (struct repeating){.rules = rules, .view = view, .rule = rule, .given = given};
    bool is_right = given->kind == VALUE_MAP && answers->kind == VALUE_MAP &&
                    value_find_text(answers->bytes, S("questions"), &self->questions) &&
                    self->questions.kind == VALUE_LIST;
    if (!is_right)
        return fail(task, ERR_INVALID, "answers: is an object with the list `questions`");
    if (rule->source.len == 0)
        return fail(task, ERR_INVALID, "the rule has no script any more, and asks nothing");
    uint32_t tenant = txn_space(view->txn)->number;
    struct runners *runners = rules->options.runners;
    TRY(rule_time_ask(rules, view->txn, RUNNER_FOR_TRIALS));
    if (talk_begin(runners, task, tenant, RUNNER_FOR_TRIALS, &self->talk) != RUNNER_ANSWERED)
        return ERR_FULL;
    struct change change = {.task = task, .txn = view->txn, .model = view->model};
    struct run_asked asked = {.rule = rule};
    struct run run = {.rules = rules,
                      .change = &change,
                      .asked = &asked,
                      .result = &self->result,
                      .fuel = RULE_FUEL_MAX};
    bool is_good = repeat(self, &run);
    talk_end(self->talk, is_good);
    write_result(json, self);
    return buf_is_over(json) ? fail(task, ERR_TOO_LARGE, "what came of a test is too long")
                             : ERR_NONE;
}
