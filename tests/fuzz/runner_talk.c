/* runner_talk: what a runner may say while a rule runs, when its Lua has been broken into: any
 * frame is refused, answered or ends the run; it never does more than the rule may. The first byte
 * is the door: bytes as they come, JSON, or questions made of words that mean something. */
#define main main_of_units /* the fuzzer has its own */
#include "../unit/rules/rules_test.h"
#undef main

#include "base/require.h"
#include "value/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static struct rules_test test;
static char known_id[ID_TEXT_BYTES + 1];

static const char *const asks[] = {"get",      "find", "count", "create", "update",
                                   "delete",   "link", "queue", "source", "entity",
                                   "settings", "rule", "check"};
static const char *const members[] = {"entity",  "id",      "where", "sort",  "limit", "values",
                                      "field",   "to",      "kind",  "given", "code",  "done",
                                      "changes", "message", "log",   "fuel"};
static const char *const words[] = {"client",      "contact",
                                    "address",     "client_contact",
                                    "settings",    "user",
                                    "rule",        "clients",
                                    "name",        "kind",
                                    "status",      "emails",
                                    "tags",        "primary_contact",
                                    "company",     "individual",
                                    "active",      "-name",
                                    "mail",        "task",
                                    "client.name", "and",
                                    "or",          "not",
                                    "gte",         "empty",
                                    "$add",        "contact",
                                    "line1",       "2026-01-01",
                                    "done",        "rejected",
                                    "failed",      known_id};

struct taking {
    const uint8_t *at, *end;
};

static uint8_t take(struct taking *taking)
{
    return taking->at == taking->end ? 0 : *taking->at++;
}

static void put_word(struct taking *taking, struct buf *out)
{
    pack_text(out, str_of(words[take(taking) % (sizeof words / sizeof *words)]));
}

static void put_value(struct taking *taking, struct buf *out, uint32_t depth)
{
    uint8_t kind = take(taking), count = take(taking) % 4;
    switch (depth > 4 ? kind % 6 : kind % 9) {
    case 0:
        pack_nil(out);
        break;
    case 1:
        pack_bool(out, count > 1);
        break;
    case 2:
        pack_int(out, (int64_t)take(taking) * (count == 0 ? INT64_MAX / 255 : count - 2));
        break;
    case 3:
        pack_float(out, take(taking) / 3.0);
        break;
    case 4:
        pack_bytes(out, S("\x01\x00\xff"));
        break;
    case 5:
        put_word(taking, out);
        break;
    case 6:
        pack_list(out, count);
        for (uint8_t at = 0; at < count; at++) put_value(taking, out, depth + 1);
        break;
    default:
        pack_map(out, count);
        for (uint8_t at = 0; at < count; at++) {
            put_word(taking, out);
            put_value(taking, out, depth + 1);
        }
    }
}

static str make_question(struct taking *taking, struct arena *arena)
{
    struct buf out = buf_make(arena, 64 * KIB);
    uint8_t ask = take(taking), count = take(taking) % 6;
    pack_map(&out, 1u + count);
    pack_text(&out, S("ask"));
    pack_text(&out, str_of(asks[ask % (sizeof asks / sizeof *asks)]));
    for (uint8_t at = 0; at < count; at++) {
        uint8_t member = take(taking);
        pack_text(&out, str_of(members[member % (sizeof members / sizeof *members)]));
        if (member > 127) put_value(taking, &out, 0);
        else put_word(taking, &out);
    }
    return buf_str(&out);
}

/** One frame of the talk; false: the runner would be ended. */
static bool say(str frame)
{
    struct task quiet = {.arena = &test.arena};
    if (value_check(&quiet, frame) != ERR_NONE || value_of(frame).kind != VALUE_MAP) return false;
    test.result = (struct run_result){.question_count = test.result.question_count};
    if (run_read_done(&test.run, frame)) {
        require(test.result.fuel <= test.run.fuel);
        require(test.result.message.len <= RULE_MESSAGE_BYTES_MAX);
        require(test.result.changes.len == 0 || value_of(test.result.changes).kind == VALUE_MAP);
        require(value_of(test.result.log).count <= RULE_LOG_LINES_MAX);
        return false;
    }
    str answer = run_answer(&test.run, frame);
    if (answer.len == 0) return false;
    struct value value;
    require(value_check(&quiet, answer) == ERR_NONE && value_of(answer).count == 1);
    require(answer.len <= FRAME_BYTES_MAX);
    bool is_ended = value_find_text(answer, S("ended"), &value);
    require(is_ended == (test.run.ended.len > 0));
    require(is_ended || test.task.fault.item_count == 0);
    require(test.change.scope == &test.fixture.scope);
    require(test.change.chain->writer == nullptr);
    return test.run.err == ERR_NONE;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    if (test.rules == nullptr) {
        check(crypto_start() == ERR_NONE);
        rules_test_init(&test);
        id_write(
            fixture_create(&test.fixture, "client", "{\"name\":\"Known\",\"kind\":\"individual\"}"),
            known_id);
    }
    if (len < 2) return 0;
    rules_test_begin(&test, "client", (enum rule_point)(bytes[1] % RULE_POINT_COUNT));
    str rest = {(const char *)bytes + 2, len - 2};
    struct taking taking = {bytes + 2, bytes + len};
    if (bytes[0] % 4 == 0) {
        (void)say(rest);
    } else if (bytes[0] % 4 == 1) {
        struct buf out = buf_make(&test.arena, 64 * KIB);
        if (json_read(&test.task, rest, &out) == ERR_NONE) (void)say(buf_str(&out));
    } else {
        while (taking.at < taking.end && say(make_question(&taking, &test.arena))) {
        }
    }
    rules_test_end(&test);
    return 0;
}
