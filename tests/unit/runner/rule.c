/* One run after the other, over a socket: what a script sees, says, and how it ends. */
#include "runner/rule.h"

#include "talk_test.h"

static const struct {
    const char *source;
    const char *point;
    const char *changes;
} changing[] = {
    {"record.name = 'Beta'", "before", "{\"name\":\"Beta\"}"},
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
    check_int(talk_close(&talk), 0);
}
