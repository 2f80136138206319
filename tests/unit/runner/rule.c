/* One run after the other, over a socket: what a script sees, says, and how it ends. */
#include "runner/rule.h"

#include <math.h>

#include "talk_test.h"

#define ID "018f0000-0000-7000-8000-000000000001"
#define PARENT "018f0000-0000-7000-8000-000000000002"

/* Setting. */

static const struct {
    const char *source;
    const char *changes;
} changing[] = {
    {"", "{}"},
    {"local all = {record.name, record.tags, record.revenue, record.emails, record.data}", "{}"},
    {"record.name = 'Beta'", "{\"name\":\"Beta\"}"},
    {"record.name = 'Acme'", "{}"},
    {"record.name = 'Beta' record.name = 'Acme'", "{}"},
    {"record.name = nil", "{\"name\":null}"},
    {"record.name = null", "{\"name\":null}"},
    {"record.website = nil", "{}"},
    {"record.website = 'x' record.website = nil", "{}"},
    {"record.tags[#record.tags + 1] = 'new'", "{\"tags\":[\"vip\",\"old\",\"new\"]}"},
    {"record.tags[2] = nil", "{\"tags\":[\"vip\"]}"},
    {"record.tags = {}", "{\"tags\":[]}"},
    {"local t = record.tags t[1], t[2] = t[2], t[1]", "{\"tags\":[\"old\",\"vip\"]}"},
    {"record.tags = {'vip', 'old'}", "{}"},
    {"record.emails[1] = {address = 'a@b.example', kind = 'work'}",
     "{\"emails\":[{\"address\":\"a@b.example\",\"kind\":\"work\"}]}"},
    {"record.revenue.amount = record.revenue.amount + 1",
     "{\"revenue\":{\"amount\":1251,\"currency\":\"EUR\"}}"},
    {"record.revenue = {currency = 'EUR', amount = 1250}", "{}"},
    {"record.employees = record.employees + 1", "{\"employees\":9007199254740994}"},
    {"record.employees = 10 / 2", "{\"employees\":5}"},
    {"record.score = 0.5", "{}"},
    {"record.score = 0.25", "{\"score\":0.25}"},
    {"record.archived = not record.archived", "{\"archived\":true}"},
    {"record['name'] = 'B' record.notes = 'n'", "{\"name\":\"B\",\"notes\":\"n\"}"},
    {"record.data = {b = {c = {}}, a = {1, 2, {x = null}}}",
     "{\"data\":{\"a\":[1,2,{\"x\":null}],\"b\":{\"c\":[]}}}"},
    {"local shared = {1} record.data = {shared, shared}", "{\"data\":[[1],[1]]}"},
    {"record.parent = old", "{\"parent\":\"" ID "\"}"},
    {"record.parent = old if record.parent ~= old.id then reject('no text') end",
     "{\"parent\":\"" ID "\"}"},
    {"record.data = {old, {by = actor}}",
     "{\"data\":[\"" ID "\",{\"by\":\"018f0000-0000-7000-8000-0000000000aa\"}]}"},
    {"record.name = 'a\\u{fc}'", "{\"name\":\"aü\"}"},
};

TEST(test_rule__takes_what_a_script_sets)
{
    struct talk_test talk;
    talk_open(&talk);
    for (size_t at = 0; at < sizeof changing / sizeof *changing; at++) {
        str done = talk_run(&talk, changing[at].source, nullptr, nullptr);
        talk_check_part(&talk, changing[at].source, done, S("done"), "\"done\"");
        talk_check_part(&talk, changing[at].source, done, S("changes"), changing[at].changes);
    }
    /* Asked for once in all. */
    check_int(talk.catalogs_asked, 1);
    check_int(talk_close(&talk), 0);
}

/* Failing. */

static const struct {
    const char *source;
    const char *words; /** beside the usual ones of the question */
    const char *message;
    uint32_t line;
} failing[] = {
    {"local x = record.nmae", nullptr, "record has no field \"nmae\"; did you mean \"name\"?", 1},
    {"\n\nrecord.zzzzzzzzz = 1", nullptr, "record has no field \"zzzzzzzzz\"", 3},
    {"local x = old.stauts", nullptr, "old has no field \"stauts\"; did you mean \"status\"?", 1},
    {"old.status = 'x'", nullptr, "old is as the record was, it cannot be set", 1},
    {"record.updated_at = now", nullptr, "record.updated_at is computed, it cannot be set", 1},
    {"record.id = 'x'", nullptr, "record.id is computed, it cannot be set", 1},
    {"record.name = 'x'", "\"point\":\"after\"",
     "record is already written and cannot be set here; use db.update", 1},
    {"record.name = 'x'", "\"point\":\"check\"",
     "record is already written and cannot be set here; use db.update", 1},
    {"record.name = 'x'", "\"point\":\"settled\"",
     "record is already written and cannot be set here; use db.update", 1},
    {"record.name = 'x'", "\"operation\":\"delete\"", "record is being deleted, it cannot be set",
     1},
    {"record[1] = 'x'", nullptr, "a field is named by a text, not by a number", 1},
    {"record.score = 0/0", nullptr, "`score` has a number that is not finite", 1},
    {"record.score = 1/0", nullptr, "`score` has a number that is not finite", 1},
    {"record.name = 'a\\xff'", nullptr, "`name` has a text that is not UTF-8", 1},
    {"record.name = 'a\\0b'", nullptr, "`name` has a text that is not UTF-8", 1},
    {"record.tags = {1, nil, 3}", nullptr, "`tags` is a list with gaps", 1},
    {"record.data = {1, a = 2}", nullptr,
     "`data` is neither a list nor a map: it has places and words", 1},
    {"record.data = {[true] = 2}", nullptr, "`data` has a key that is neither text nor place", 1},
    {"record.data = {[1.5] = 2}", nullptr, "`data` has a key that is neither text nor place", 1},
    {"record.data = function() end", nullptr, "`data` has a function where a value should be", 1},
    {"record.data = {a = {reject}}", nullptr, "`data` has a function where a value should be", 1},
    {"record.data = settings", nullptr, "`data` has something that is no value", 1},
    {"record.data = {secret 'x'}", nullptr,
     "`data` cannot hold a secret: those are for what is queued", 1},
    {"local t = {} t.t = t record.data = t", nullptr, "`data` has tables nested too deep", 1},
    {"record.data = {} local t = record.data t.t = t", nullptr, "`data` has tables nested too deep",
     0},
    {"local t = {a = {'\\xff'}} record.data = t", nullptr, "`data` has a text that is not UTF-8",
     1},
    {"actor.kind = 'system'", nullptr, "actor cannot be set", 1},
    {"local x = actor.rols", nullptr, "actor has no field \"rols\"; did you mean \"roles\"?", 1},
    {"settings.title = 'x'", nullptr, "settings cannot be set by a rule", 1},
    {"local x = #record", nullptr, "attempt to get length of a record value (global 'record')", 1},
    {"local x = record .. 'a'", nullptr, "attempt to concatenate a record value (global 'record')",
     1},
    {"local x = secret 'a' .. 'b'", nullptr, "attempt to concatenate a secret value", 1},
    {"local x = record < record", nullptr, "attempt to compare two record values", 1},
    {"record()", nullptr, "attempt to call a record value (global 'record')", 1},
    {"local x = nothing.x", nullptr, "attempt to index a nil value (global 'nothing')", 1},
    {"local x = = 1", nullptr, "unexpected symbol near '='", 1},
    {"x = 1\nfoo(", nullptr, "unexpected symbol near <eof>", 2},
    {"reject()", nullptr, "bad argument #1 to 'reject' (needs a message for people, not no value)",
     1},
    {"reject('x', 'nmae')", nullptr, "there is no field `nmae`; did you mean `name`?", 1},
    {"changed('nmae')", nullptr, "record has no field \"nmae\"; did you mean \"name\"?", 1},
    {"random(0)", nullptr, "bad argument #1 to 'random' (leaves nothing to choose from)", 1},
    {"random(1, 0)", nullptr, "bad argument #2 to 'random' (leaves nothing to choose from)", 1},
    {"random('x')", nullptr, "bad argument #1 to 'random' (number expected, got string)", 1},
    {"secret('')", nullptr, "bad argument #1 to 'secret' (has 1 to 100 bytes)", 1},
    {"db.get()", nullptr, "bad argument #1 to 'get' (needs the name of an entity, not no value)",
     1},
    {"db.get('client', 7)", nullptr, "bad argument #2 to 'get' (needs an id, not number)", 1},
    {"db.get('client', {})", nullptr, "bad argument #2 to 'get' (needs an id, not table)", 1},
    {"db.get('client', '\\xff')", nullptr, "bad argument #2 to 'get' (is a text that is not UTF-8)",
     1},
    {"db.count('cli\\0ent')", nullptr, "bad argument #1 to 'count' (is a text that is not UTF-8)",
     1},
    {"db.find('client', {'a'})", nullptr,
     "bad argument #2 to 'find' (is a list; write FIELD = value)", 1},
    {"db.find('client', 'x')", nullptr, "bad argument #2 to 'find' (table expected, got string)",
     1},
    {"db.find('client', {}, {limt = 3})", nullptr, "db.find knows no `limt`; did you mean `limit`?",
     1},
    {"db.find('client', {}, {limit = 201})", nullptr,
     "db.find gives at most 200 records: limit is 1 to 200", 1},
    {"db.find('client', {}, {sort = 1})", nullptr, "sort is a text such as \"-updated_at\"", 1},
    {"db.create('client', {name = {function() end}})", nullptr,
     "`values` has a function where a value should be", 1},
    {"db.update('client', 'x')", nullptr,
     "bad argument #3 to 'update' (table expected, got no value)", 1},
    {"queue.mail {to = 'a@b.example', subject = 'x'}", nullptr, "queue.mail needs `text`", 1},
    {"queue.mail {to = 'a', subject = 'x', text = 'y', attachment = 1}", nullptr,
     "queue.mail knows no `attachment`", 1},
    {"queue.mail 'a'", nullptr, "bad argument #1 to 'mail' (table expected, got string)", 1},
    {"queue.webhook {url = 'https://x.example', body = {['$secret'] = 'stolen'}}", nullptr,
     "`queue.webhook` has a member `$secret`: write secret \"name\"", 1},
    {"queue.task {'x'}", nullptr, "queue.task takes words with their values, not a list", 1},
    {"local x = record:get('name')", nullptr, "record has no field \"get\"", 1},
};

TEST(test_rule__says_where_and_why_a_script_fails)
{
    struct talk_test talk;
    talk_open(&talk);
    for (size_t at = 0; at < sizeof failing / sizeof *failing; at++) {
        char line[16];
        str done = talk_run(&talk, failing[at].source, failing[at].words, nullptr);
        struct value message;
        talk_check_part(&talk, failing[at].source, done, S("done"), "\"failed\"");
        check(value_find_text(done, S("message"), &message));
        if (!str_eq(message.text, str_of(failing[at].message)))
            fprintf(stderr, "%s\n", failing[at].source);
        check_str(message.text, str_of(failing[at].message));
        (void)snprintf(line, sizeof line, "%u", failing[at].line);
        talk_check_part(&talk, failing[at].source, done, S("line"), line);
        talk_check_part(&talk, failing[at].source, done, S("changes"), "{}");
    }
    check_int(talk_close(&talk), 0);
}

/* Rejecting. */

TEST(test_rule__rejects_for_good)
{
    struct talk_test talk;
    talk_open(&talk);
    const char *source = "record.name = 'x'\nlog('before')\nreject('Not\\nso.', 'emails.1')\n"
                         "log('never')";
    str done = talk_run(&talk, source, nullptr, nullptr);
    talk_check_part(&talk, source, done, S("done"), "\"rejected\"");
    talk_check_part(&talk, source, done, S("message"), "\"Not so.\"");
    talk_check_part(&talk, source, done, S("field"), "\"emails.1\"");
    talk_check_part(&talk, source, done, S("line"), "3");
    talk_check_part(&talk, source, done, S("log"), "[\"before\"]");
    talk_check_part(&talk, source, done, S("changes"), "{}");
    source = "reject('')";
    done = talk_run(&talk, source, nullptr, nullptr);
    talk_check_part(&talk, source, done, S("message"), "\"Rejected by a rule\"");
    check_int(talk_close(&talk), 0);
}

/* Messages are fit for people. */

TEST(test_rule__tells_only_plain_text)
{
    struct talk_test talk;
    talk_open(&talk);
    struct value message;
    const char *source = "reject('\\xffa\\27b\\u{e9}\\xc3')";
    str done = talk_run(&talk, source, nullptr, nullptr);
    talk_check_part(&talk, source, done, S("message"), "\"?a bé?\"");
    source = "local t = 'é' for i = 1, 12 do t = t .. t end reject('x' .. t)";
    done = talk_run(&talk, source, nullptr, nullptr);
    check(value_find_text(done, S("message"), &message));
    /* Cut between two characters. */
    check_int(message.text.len, RULE_MESSAGE_BYTES_MAX - 1);
    check_int(talk_close(&talk), 0);
}

/* Spending. */

TEST(test_rule__ends_what_spends_too_much)
{
    static const struct {
        const char *source;
        const char *message;
        uint32_t line;
    } spending[] = {
        {"local x = 1\nwhile true do x = x + 1 end", "\"takes too many steps\"", 2},
        {"local t = {}\nfor i = 1, 1e9 do\nt[i] = {i} end", "\"needs too much memory\"", 3},
        {"local s = 'x'\nwhile true do s = s .. s end", "\"needs too much memory\"", 2},
        {"while true do record.name = 'x' end", "\"takes too many steps\"", 1},
        {"while true do log('x', {1, 2, 3}) end", "\"takes too many steps\"", 1},
        {"while true do local r = random() end", "\"takes too many steps\"", 1},
    };
    struct talk_test talk;
    talk_open(&talk);
    for (size_t at = 0; at < sizeof spending / sizeof *spending; at++) {
        char line[16];
        struct value bytes, fuel;
        str done = talk_run(&talk, spending[at].source, nullptr, nullptr);
        talk_check_part(&talk, spending[at].source, done, S("done"), "\"overran\"");
        talk_check_part(&talk, spending[at].source, done, S("message"), spending[at].message);
        (void)snprintf(line, sizeof line, "%u", spending[at].line);
        talk_check_part(&talk, spending[at].source, done, S("line"), line);
        check(value_find_text(done, S("bytes"), &bytes));
        check(value_find_text(done, S("fuel"), &fuel));
        check(bytes.integer > 0 && bytes.integer <= (int64_t)RULE_BYTES_MAX);
        check(fuel.integer > 0 && fuel.integer <= 1'000'000);
    }
    check_int(talk_close(&talk), 0);
}

/* The log. */

TEST(test_rule__keeps_a_bounded_log)
{
    struct talk_test talk;
    talk_open(&talk);
    struct value log, line, last = {};
    const char *source =
        "log('a', 1, 2.5, nil, true, {b = {1, 'x'}, a = null}, record, secret 's', {reject})\n"
        "log() log('\\xff\\n')";
    str done = talk_run(&talk, source, nullptr, nullptr);
    talk_check_part(&talk, source, done, S("log"),
                    "[\"a 1 2.5 nil true {\\\"a\\\":null,\\\"b\\\":[1,\\\"x\\\"]} record secret "
                    "table\",\"\",\"? \"]");
    source = "for i = 1, 150 do log(i) end";
    done = talk_run(&talk, source, nullptr, nullptr);
    check(value_find_text(done, S("log"), &log) && log.count == RULE_LOG_LINES_MAX);
    struct cursor cursor = cursor_of(log.items);
    while (value_next(&cursor, &line)) last = line;
    check_str(last.text, S("… and 51 more lines, which are not kept"));
    source = "local t = 'é' for i = 1, 12 do t = t .. t end log(t) log({t, t})";
    done = talk_run(&talk, source, nullptr, nullptr);
    check(value_find_text(done, S("log"), &log) && log.count == 2);
    cursor = cursor_of(log.items);
    check(value_next(&cursor, &line) && line.text.len == RULE_LOG_LINE_BYTES_MAX);
    /* A list changed in place where that does nothing is told. */
    source = "record.tags[1] = 'x'";
    done = talk_run(&talk, source, "\"point\":\"after\"", nullptr);
    talk_check_part(&talk, source, done, S("done"), "\"done\"");
    talk_check_part(&talk, source, done, S("changes"), "{}");
    talk_check_part(&talk, source, done, S("log"),
                    "[\"record.tags was changed in place, which does nothing here\"]");
    check_int(talk_close(&talk), 0);
}

/* Seeing. */

static const struct {
    const char *source; /** an expression that holds */
    const char *words;
} seeing[] = {
    {"record.id == '" ID "' and record.name == 'Acme' and record.website == nil", nullptr},
    {"#record.emails == 0 and #record.tags == 2 and old.status == 'lead'", nullptr},
    {"record.employees == 9007199254740993 and record.score == 0.5", nullptr},
    {"record.revenue.amount == 1250 and record.revenue.currency == 'EUR'", nullptr},
    {"changed 'status' and changed('tags') and not changed 'name'", nullptr},
    {"changed('status', 'lead', 'active') and changed('status', nil, 'active')", nullptr},
    {"changed('status', 'lead') and not changed('status', 'active')", nullptr},
    {"not changed('status', nil, 'lead') and not changed('name', 'Acme')", nullptr},
    {"changed('tags', null) and changed('tags', nil, {'vip', 'old'})", nullptr},
    {"not changed('tags', nil, {'vip'}) and not changed('tags', {'vip'})", nullptr},
    {"old == nil and changed('status', null, 'active')", "\"old\":null"},
    {"record == nil and old == nil", "\"values\":null,\"old\":null"},
    {"actor.kind == 'user' and actor.roles[2] == 'sales' and actor.through == 'api'", nullptr},
    {"actor.email == 'anna@acme.example' and actor.name == 'Anna'", nullptr},
    {"actor.email == nil and #actor.roles == 0", "\"actor\":{\"kind\":\"system\"}"},
    {"now == '2026-11-22T10:30:00.000Z' and today == '2026-11-22'", nullptr},
    {"operation == 'update' and point == 'before' and input == nil", nullptr},
    {"point == 'action' and input.copies == 2 and input.list[1].a == true",
     "\"point\":\"action\",\"input\":{\"copies\":2,\"list\":[{\"a\":true}]}"},
    {"random() == random() == false and random(3) <= 3 and random(-5, -5) == -5", nullptr},
    {"random(1, 9223372036854775807) > 0 and random(-9223372036854775807 - 1, "
     "9223372036854775807) ~= nil",
     nullptr},
    {"null ~= nil and null == null and record ~= old and record == record", nullptr},
};

TEST(test_rule__shows_what_it_was_given)
{
    struct talk_test talk;
    talk_open(&talk);
    for (size_t at = 0; at < sizeof seeing / sizeof *seeing; at++) {
        const char *source =
            arena_print(&talk.test.arena, "if not (%s) then reject('it does not hold') end%c",
                        seeing[at].source, 0)
                .at;
        str done = talk_run(&talk, source, seeing[at].words, nullptr);
        talk_check_part(&talk, source, done, S("done"), "\"done\"");
        talk_check_part(&talk, source, done, S("message"), "null");
    }
    check_int(talk_close(&talk), 0);
}

TEST(test_rule__draws_the_same_again)
{
    struct talk_test talk;
    talk_open(&talk);
    const char *source = "log(random(1000), random(1000), random(1000), random())";
    str one = talk_part(&talk, talk_run(&talk, source, nullptr, nullptr), S("log"));
    str other = talk_part(&talk, talk_run(&talk, source, nullptr, nullptr), S("log"));
    check_str(one, other);
    check_int(talk_close(&talk), 0);
}

TEST(test_rule__keeps_nothing_from_run_to_run)
{
    struct talk_test talk;
    talk_open(&talk);
    const char *first = "seen = true record.tags[1] = 'x' null = 1 changed = nil db = nil";
    const char *second = "if seen or record.tags[1] ~= 'vip' or null == 1 or not changed or not db "
                         "then reject('something is left') end";
    for (int times = 0; times < 2; times++) {
        str done = talk_run(&talk, first, nullptr, nullptr);
        talk_check_part(&talk, first, done, S("done"), "\"done\"");
        done = talk_run(&talk, second, nullptr, nullptr);
        talk_check_part(&talk, second, done, S("done"), "\"done\"");
    }
    /* The sources are kept, by their codes. */
    check_int(talk.sources_asked, 2);
    check_int(talk_close(&talk), 0);
}
