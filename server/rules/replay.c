/* What was said in a run, kept so that it can be said again. */
#include "base/fold.h"
#include "base/require.h"
#include "rules/catalog.h"
#include "rules/firing.h"
#include "rules/trial.h"

constexpr uint32_t CATALOGS_MAX = 32; /** of one talk; more are refused in its replay */
constexpr uint32_t SOURCES_MAX = 32;

/** A fresh runner asks for what another one knew; so these are kept apart. */
static bool is_about_known(str frame)
{
    str word = value_text_in(frame, S("ask"));
    return str_eq(word, S("source")) || str_eq(word, S("entity"));
}

static str code_in(str frame)
{
    struct value code;
    bool is_code = value_find_text(frame, S("code"), &code) && code.kind == VALUE_BYTES;
    return is_code ? code.text : (str){};
}

/* Writing. */

static const struct rule *rule_of_code(const struct run *run, str code)
{
    const struct rule_chain *chain = run->chain;
    for (uint32_t at = 0; at <= chain->set->rule_count; at++) {
        const struct rule *rule =
            at < chain->set->rule_count ? &chain->set->rules[at] : run->asked->rule;
        str own = {(const char *)rule->code.bytes, sizeof rule->code.bytes};
        if (rule->source.len > 0 && str_eq(own, code)) return rule;
    }
    return nullptr;
}

static void put_sources(struct buf *out, const struct run *run)
{
    const struct rule *rules[SOURCES_MAX];
    uint32_t count = 0;
    for (uint32_t at = 0; at < run->frames.count; at += 2) {
        str frame = run->frames.items[at];
        if (!str_eq(value_text_in(frame, S("ask")), S("rule"))) continue;
        const struct rule *rule = rule_of_code(run, code_in(frame));
        bool is_known = rule == nullptr || count == SOURCES_MAX;
        for (uint32_t of = 0; of < count && !is_known; of++)
            is_known = memcmp(&rules[of]->code, &rule->code, sizeof rule->code) == 0;
        if (!is_known) rules[count++] = rule;
    }
    pack_text(out, S("sources"));
    pack_list(out, 2 * count);
    for (uint32_t at = 0; at < count; at++) {
        pack_bytes(out, (str){(const char *)rules[at]->code.bytes, sizeof rules[at]->code.bytes});
        pack_text(out, rules[at]->source);
    }
}

static void put_catalogs(struct buf *out, const struct run *run)
{
    const struct entity *entities[CATALOGS_MAX];
    uint32_t count = 0;
    for (uint32_t at = 0; at < run->frames.count && count < CATALOGS_MAX; at++) {
        str name = value_text_in(run->frames.items[at], S("entity"));
        const struct entity *entity = model_entity(run->change->model, name);
        bool is_known = entity == nullptr;
        for (uint32_t of = 0; of < count && !is_known; of++) is_known = entities[of] == entity;
        if (!is_known) entities[count++] = entity;
    }
    pack_text(out, S("catalogs"));
    pack_list(out, count);
    for (uint32_t at = 0; at < count; at++) rule_catalog_write(out, entities[at]);
}

str frames_write(const struct run *run)
{
    const struct run_frames *frames = &run->frames;
    if (frames->bytes > RUN_TALK_BYTES_MAX || frames->count == 0) return (str){};
    struct buf out = buf_make(run->change->task->arena,
                              RUN_TALK_BYTES_MAX + SOURCES_MAX * RULE_SOURCE_BYTES_MAX);
    uint32_t kept = 0;
    for (uint32_t at = 0; at < frames->count; at++) kept += !is_about_known(frames->items[at]);
    /* With each such question its answer, which stands behind it. */
    uint32_t left_out = frames->count - kept;
    pack_list(&out, 1 + frames->count - 2 * left_out);
    pack_map(&out, 2);
    put_sources(&out, run);
    put_catalogs(&out, run);
    for (uint32_t at = 0; at < frames->count; at++) {
        if (is_about_known(frames->items[at])) at++;
        else pack_raw(&out, frames->items[at]);
    }
    bool is_kept = !buf_is_over(&out) && out.len <= 2 * RUN_TALK_BYTES_MAX;
    return is_kept ? buf_str(&out) : (str){};
}

/* Saying it again. */

struct replay {
    struct talk *talk;
    struct task *task;
    str known;
};

static bool find_source(const struct replay *replay, str code, str *encoded_out)
{
    struct value list, item, source;
    if (!value_find_text(replay->known, S("sources"), &list) || list.kind != VALUE_LIST)
        return false;
    struct cursor cursor = cursor_of(list.items);
    for (uint32_t at = 0; at < list.count / 2; at++) {
        if (!value_next(&cursor, &item) || !value_next(&cursor, &source)) return false;
        if (item.kind == VALUE_BYTES && str_eq(item.text, code))
            return *encoded_out = source.bytes, true;
    }
    return false;
}

static bool find_catalog(const struct replay *replay, str name, str *encoded_out)
{
    struct value list, item;
    if (!value_find_text(replay->known, S("catalogs"), &list) || list.kind != VALUE_LIST)
        return false;
    struct cursor cursor = cursor_of(list.items);
    for (uint32_t at = 0; at < list.count && value_next(&cursor, &item); at++)
        if (str_eq(value_text_in(item.bytes, S("name")), name))
            return *encoded_out = item.bytes, true;
    return false;
}

static str answer_known(const struct replay *replay, str question)
{
    str encoded;
    bool is_source = str_eq(value_text_in(question, S("ask")), S("source"));
    bool is_found = is_source
                        ? find_source(replay, code_in(question), &encoded)
                        : find_catalog(replay, value_text_in(question, S("entity")), &encoded);
    struct buf frame = buf_make(replay->task->arena, RULE_SOURCE_BYTES_MAX + 256 * KIB);
    pack_map(&frame, 1);
    pack_text(&frame, is_found ? S("answer") : S("refused"));
    if (is_found) pack_raw(&frame, encoded);
    else pack_text(&frame, S("was not known to that run"));
    return buf_is_over(&frame) ? (str){} : buf_str(&frame);
}

static enum runner_outcome say(const struct replay *replay, str frame, str *answer_out)
{
    enum runner_outcome outcome = talk_say(replay->talk, frame, RULE_CPU_MS_MAX, answer_out);
    for (uint32_t at = 0; at < CATALOGS_MAX + SOURCES_MAX; at++) {
        if (outcome != RUNNER_ANSWERED || !is_about_known(*answer_out)) return outcome;
        str known = answer_known(replay, *answer_out);
        outcome = talk_say(replay->talk, known, RULE_CPU_MS_MAX, answer_out);
    }
    return outcome;
}

/** Of two last frames: the time that it took, and the memory, are of that day. */
static bool is_of_the_day(str name)
{
    return str_eq(name, S("spent_ms")) || str_eq(name, S("bytes"));
}

static bool is_same(str then, str now)
{
    struct value done, map = value_of(then), other = value_of(now), name, value, found;
    if (str_eq(then, now)) return true;
    if (!value_find_text(then, S("done"), &done) || map.count != other.count) return false;
    struct cursor cursor = cursor_of(map.items);
    for (uint32_t at = 0; at < map.count; at++) {
        if (!value_next(&cursor, &name) || !value_next(&cursor, &value)) return false;
        if (name.kind != VALUE_TEXT || !value_find_text(now, name.text, &found)) return false;
        if (!is_of_the_day(name.text) && !str_eq(value.bytes, found.bytes)) return false;
    }
    return true;
}

static str word_of(struct arena *arena, str frame)
{
    str word = value_text_in(frame, S("ask"));
    if (word.len > 0) return arena_print(arena, "asked \"%.*s\"", FMT(utf8_first(word, 20)));
    word = value_text_in(frame, S("done"));
    return arena_print(arena, "ended \"%.*s\"", FMT(utf8_first(word, 20)));
}

static str tell_difference(struct arena *arena, uint32_t place, str then, str now)
{
    str was = word_of(arena, then), is = word_of(arena, now);
    if (!str_eq(was, is))
        return arena_print(arena, "at step %u it %.*s, then it %.*s", place, FMT(is), FMT(was));
    struct value map = value_of(then), name, value, found;
    struct cursor cursor = cursor_of(map.items);
    for (uint32_t at = 0; at < map.count; at++) {
        if (!value_next(&cursor, &name) || !value_next(&cursor, &value)) break;
        if (name.kind != VALUE_TEXT || is_of_the_day(name.text)) continue;
        if (value_find_text(now, name.text, &found) && str_eq(value.bytes, found.bytes)) continue;
        return arena_print(arena, "at step %u it %.*s with another `%.*s`", place, FMT(is),
                           FMT(utf8_first(name.text, 40)));
    }
    return arena_print(arena, "at step %u it %.*s with more than then", place, FMT(is));
}

static void repeat(const struct replay *replay, struct value list, struct cursor cursor,
                   bool *is_same_out, str *difference_out)
{
    struct arena *arena = replay->task->arena;
    struct value ours, then;
    str now;
    for (uint32_t at = 1; at + 1 < list.count; at += 2) {
        if (!value_next(&cursor, &ours) || !value_next(&cursor, &then)) break;
        if (say(replay, ours.bytes, &now) != RUNNER_ANSWERED) {
            *difference_out = arena_print(arena, "at step %u its process %.*s", at / 2 + 1,
                                          FMT(talk_failure(replay->talk)));
            return;
        }
        if (is_same(then.bytes, now)) continue;
        *difference_out = tell_difference(arena, at / 2 + 1, then.bytes, now);
        return;
    }
    *is_same_out = true;
}

enum err run_replay(struct rules *rules, struct task *task, const struct space *space, str talk,
                    bool *is_same_out, str *difference_out)
{
    struct value list = talk.len == 0 ? (struct value){} : value_of(talk), known;
    struct cursor cursor = cursor_of(list.items);
    struct replay replay = {.task = task};
    *is_same_out = false;
    *difference_out = (str){};
    if (list.kind != VALUE_LIST || list.count < 3 || !value_next(&cursor, &known))
        return fail(task, ERR_CORRUPT, "what was said in this run cannot be read");
    replay.known = known.bytes;
    struct runners *runners = rules->options.runners;
    struct txn *txn;
    TRY(txn_open(task, space, &txn));
    enum err err = rule_time_ask(rules, txn, RUNNER_FOR_TRIALS);
    txn_close(txn);
    TRY(err);
    if (talk_begin(runners, task, space->number, RUNNER_FOR_TRIALS, &replay.talk) !=
        RUNNER_ANSWERED)
        return ERR_FULL;
    repeat(&replay, list, cursor, is_same_out, difference_out);
    /* Where it differs it may wait for an answer that never comes. */
    talk_end(replay.talk, *is_same_out);
    return ERR_NONE;
}
