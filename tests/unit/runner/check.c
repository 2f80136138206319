/* What a runner says of a script that it does not run. */
#include "runner/rule.h"

#include "talk_test.h"

/** Asks for a check and gives what was said. */
static str checked(struct talk_test *talk, const char *source)
{
    struct buf out = buf_make(&talk->test.arena, FRAME_BYTES_MAX);
    str said;
    pack_map(&out, 5);
    pack_text(&out, S("ask"));
    pack_text(&out, S("check"));
    pack_text(&out, S("source"));
    pack_text(&out, str_of(source));
    pack_text(&out, S("point"));
    pack_text(&out, S("before"));
    pack_text(&out, S("entity"));
    pack_text(&out, S("client"));
    pack_text(&out, S("model"));
    pack_int(&out, 7);
    check(talk_say(talk, buf_str(&out)));
    check(talk_hear(talk, &said));
    return said;
}

static const struct {
    const char *source;
    const char *uses;
} uses[] = {
    {"", "[]"},
    {"record.name = old.status", "[[\"\",\"name\",true,1,8],[\"\",\"status\",false,1,19]]"},
    {"record.name, record['kind'] = record.status, 1",
     "[[\"\",\"name\",true,1,8],[\"\",\"kind\",true,1,21],[\"\",\"status\",false,1,38]]"},
    {"if changed \"status\" and changed('kind', 'a') then end",
     "[[\"\",\"status\",false,1,12],[\"\",\"kind\",false,1,33]]"},
    {"-- record.x\nlocal s = [[record.y]]\nlocal t = 'record.z'", "[]"},
    {"local r = record\nr.name = r.status",
     "[[\"\",\"name\",true,2,3],[\"\",\"status\",false,2,12]]"},
    {"local r = record\nr = {}\nr.name = 1", "[]"},
    {"record.tags[1] = 'x'", "[[\"\",\"tags\",false,1,8],[\"\",\"tags\",true,1,8]]"},
    {"record.revenue.amount = 5", "[[\"\",\"revenue\",false,1,8],[\"\",\"revenue\",true,1,8]]"},
    {"record[input.field] = 5", "[[\"\",\"\",true,1,7]]"},
    {"local c = db.get('client', record.parent)\nif c then c.nmae() end",
     "[[\"\",\"parent\",false,1,35],[\"client\",\"\",false,1,18],[\"client\",\"nmae\",false,2,13]"
     "]"},
    {"local l = db.find('project', {client = record.id, ['owner.name'] = 'x', [\"and\"] = {}})\n"
     "local n = l[1].name",
     "[[\"\",\"id\",false,1,47],[\"project\",\"\",false,1,19],[\"project\",\"client\",false,1,31],"
     "[\"project\",\"owner\",false,1,52],[\"project\",\"name\",false,2,16]]"},
    {"db.create('task', {title = 'x', due = today})",
     "[[\"task\",\"\",true,1,11],[\"task\",\"title\",true,1,20],[\"task\",\"due\",true,1,33]]"},
    {"db.update('client', record.id, {stage = 1}).name = 2",
     "[[\"\",\"id\",false,1,28],[\"client\",\"\",true,1,11],[\"client\",\"stage\",true,1,33],"
     "[\"client\",\"name\",true,1,45]]"},
    {"db.delete('client', 'x') db.link('client', 'x', 'contacts', 'y')",
     "[[\"client\",\"\",true,1,11],[\"client\",\"contacts\",true,1,49]]"},
    {"db.update(record, {name = 1}) for _, p in ipairs(db.find('project')) do db.delete(p) "
     "db.link(p, 'team', p.id) end",
     "[[\"\",\"\",true,1,11],[\"\",\"name\",true,1,20],[\"project\",\"\",false,1,58],"
     "[\"project\",\"\",true,1,83],[\"project\",\"id\",false,1,107],"
     "[\"project\",\"team\",true,1,97]]"},
    {"db.count(input.entity, {name = 1})", "[[\"?\",\"\",false,1,4],[\"?\",\"name\",false,1,25]]"},
    {"local function f(record) return record.x end", "[]"},
    {"do local record = input end return record.name", "[[\"\",\"name\",false,1,43]]"},
    {"repeat local r = record until r.name", "[[\"\",\"name\",false,1,33]]"},
    {"reject('no', 'emails.1')", "[[\"\",\"emails\",false,1,14]]"},
    {"log(record, settings.currency)",
     "[[\"settings\",\"currency\",false,1,22],[\"\",\"\",false,1,5]]"},
    {"function f(x) local function g() return x end return g end f(1)", "[]"},
    {"for i = 1, 3 do log(i) end goto done ::done::", "[]"},
    {"x = 1 x = x + 1 log(x)", "[]"},
    {"local a <const>, b = 1, 2 log(a, b, ({1, a = 2}).a, #'x', -1, not a, 0x1p-4, 1e+5)", "[]"},
    {"local x = {record.name, [record.status] = 1; y = function(...) return ... end}",
     "[[\"\",\"name\",false,1,19],[\"\",\"status\",false,1,33]]"},
};

TEST(test_check__tells_what_a_script_reads_and_writes)
{
    struct talk_test talk;
    talk_open(&talk);
    for (size_t at = 0; at < sizeof uses / sizeof *uses; at++) {
        str said = checked(&talk, uses[at].source);
        talk_check_part(&talk, uses[at].source, said, S("failure"), "\"\"");
        talk_check_part(&talk, uses[at].source, said, S("uses"), uses[at].uses);
    }
    check_int(talk_close(&talk), 0);
}

static const struct {
    const char *source;
    const char *failure;
    uint32_t line, column;
} failures[] = {
    {"local x = = 3", "\"unexpected symbol near '='\"", 1, 11},
    {"log('a')\n  if x the\nend", "\"'then' expected near 'the'\"", 2, 8},
    {"if true then", "\"'end' expected near <eof>\"", 1, 13},
    {"x = 'abc\ny = 1", "\"unfinished string near ''abc'\"", 1, 5},
    {"x = 'abc", "\"unfinished string near <eof>\"", 1, 9},
    {"local s = 'ä' y z", "\"syntax error near 'z'\"", 1, 17},
    {"\x1bLua", "\"attempt to load a binary chunk (mode is 't')\"", 1, 5},
    {"recrod.name = 1", "\"there is no `recrod`; did you mean `record`?\"", 1, 1},
    {"log(1)\nlocal x = db.fnd('client')", "\"there is no `db.fnd`; did you mean `db.find`?\"", 2,
     14},
    {"local count = 1\nif cuont then end", "\"there is no `cuont`; did you mean `count`?\"", 2, 4},
    {"os.exit()", "\"there is no `os`\"", 1, 1},
    {"load('x')", "\"there is no `load`; did you mean `old`?\"", 1, 1},
    {"do local inner = 1 end log(inner)", "\"there is no `inner`\"", 1, 28},
    {"local x = x", "\"there is no `x`\"", 1, 11},
    {"_ENV.x = 1", "\"there is no `_ENV`\"", 1, 1},
};

TEST(test_check__tells_where_a_script_is_wrong)
{
    struct talk_test talk;
    talk_open(&talk);
    for (size_t at = 0; at < sizeof failures / sizeof *failures; at++) {
        char number[16];
        str said = checked(&talk, failures[at].source);
        talk_check_part(&talk, failures[at].source, said, S("failure"), failures[at].failure);
        (void)snprintf(number, sizeof number, "%u", failures[at].line);
        talk_check_part(&talk, failures[at].source, said, S("line"), number);
        (void)snprintf(number, sizeof number, "%u", failures[at].column);
        talk_check_part(&talk, failures[at].source, said, S("column"), number);
    }
    check_int(talk_close(&talk), 0);
}

TEST(test_check__comes_to_an_end_with_anything)
{
    struct talk_test talk;
    talk_open(&talk);
    static const struct {
        const char *piece;
        uint32_t times;
        const char *end;
    } long_ones[] = {
        {"not ", 190, "x"},        {"(", 190, ""},          {"{", 190, ""},
        {"record.a=1 ", 5000, ""}, {"if x then ", 150, ""}, {"local a ", 190, ""},
        {"x=1 y=2 ", 8000, ""},    {"--[[", 10000, ""},     {"x or ", 10000, "x"},
    };
    for (size_t at = 0; at < sizeof long_ones / sizeof *long_ones; at++) {
        struct buf source = buf_make(&talk.test.arena, 64 * KIB);
        for (uint32_t of = 0; of < long_ones[at].times; of++)
            buf_put(&source, str_of(long_ones[at].piece));
        buf_put(&source, str_of(long_ones[at].end));
        check(!buf_is_over(&source));
        (void)checked(&talk, arena_cstring(&talk.test.arena, buf_str(&source)));
    }
    check_int(talk_close(&talk), 0);
}
