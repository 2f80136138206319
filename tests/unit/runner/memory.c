/* Every single allocation of a run is refused, one at a time, once and for good, in a script that
 * uses every name of the view: an error each time, and nothing lost. */
#include <sys/mman.h>

#include "runner/budget.h"
#include "runner/view.h"
#include "talk_test.h"

/** What the test and its runner both see. */
struct shared {
    uint64_t refuse_at;
    bool is_for_good;
    uint64_t growths;
};
static struct shared *shared;

static void before(void)
{
    budget_refuse_at(shared->refuse_at, shared->is_for_good);
}

static void behind(void)
{
    shared->growths = budget_growths();
}

/** Each example of the reference in turn, and what the examples leave out. */
static const char *whole_view(struct talk_test *talk)
{
    struct buf source = buf_make(&talk->test.arena, RULE_SOURCE_BYTES_MAX);
    for (uint32_t of = 0; of < view_part_count; of++)
        for (uint32_t at = 0; at < view_parts[of]->count; at++)
            if (view_parts[of]->names[at].example != nullptr)
                buf_print(&source, "if not (%s) then reject('it is not so') end\n",
                          view_parts[of]->names[at].example);
    buf_put(&source, S("record.tags[3] = 'new' record.website = 'https://acme.example'\n"
                       "record.data = {a = {1, {b = 'c'}}} record.notes = nil\n"
                       "for name, value in pairs(record) do log(name, value) end\n"
                       "pcall(function() log(record.nothing) end)\n"
                       "pcall(db.find, 'client', {'wrong'}) pcall(queue.mail, {to = 'x'})\n"));
    check(!buf_is_over(&source));
    return arena_cstring(&talk->test.arena, buf_str(&source));
}

/** Refuses each allocation in turn; how often a run came through nevertheless. */
static uint64_t refuse_each(struct talk_test *talk, str question, uint64_t growths,
                            bool is_for_good)
{
    uint64_t survived = 0;
    shared->is_for_good = is_for_good;
    for (uint64_t nth = 1; nth <= growths; nth++) {
        struct value outcome;
        shared->refuse_at = nth;
        str done = talk_ask_answered(talk, question);
        check(value_find_text(done, S("done"), &outcome) && outcome.kind == VALUE_TEXT);
        bool is_done = str_eq(outcome.text, S("done"));
        survived += is_done;
        if (!is_done) talk_check_part(talk, "", done, S("changes"), "{}");
        arena_clear(&talk->test.arena);
    }
    return survived;
}

TEST(test_memory__fails_whole_wherever_memory_ends)
{
    struct talk_test talk;
    struct arena own;
    arena_init(&own, 1 * MIB);
    shared =
        mmap(nullptr, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    check(shared != MAP_FAILED);
    talk_before = before;
    talk_behind = behind;
    talk_open(&talk);
    const char *source = arena_cstring(&own, str_of(whole_view(&talk)));
    str question = arena_copy(&own, talk_rule(&talk, source, "\"input\":{\"copies\":2}"));
    str done = talk_ask_answered(&talk, question);
    talk_check_part(&talk, source, done, S("message"), "null");
    /* Once more: now the source and the catalogs are kept. */
    (void)talk_ask_answered(&talk, question);
    uint64_t growths = shared->growths;
    check(growths > 500);
    check_int(refuse_each(&talk, question, growths, true), 0);
    /* Refused once, most are had after Lua has collected its garbage. */
    uint64_t survived = refuse_each(&talk, question, growths, false);
    check(survived > 0 && survived < growths);
    check_int(talk_close(&talk), 0);
    arena_drop(&own);
}
