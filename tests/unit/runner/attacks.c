/* Hostile scripts: those in tests/attacks, one or more against every name that a script sees, and
 * those that other people wrote down (../shared/lua-attacks, where it lies beside the tree). Each
 * ends as it says, within its budget, and leaves nothing to the next run.
 *
 * An attack begins with comments: TRY, MUST, NAMES (what it is aimed at), ENDS (how the run may
 * end). Fuel is counted, not time, so that all are sound under load; with ATRIUM_LONG they have as
 * much as rules have. */
#include <dirent.h>

#include "runner/view.h"
#include "talk_test.h"

constexpr uint32_t ATTACKS_MAX = 400;
constexpr uint32_t QUESTIONS_MAX = 300; /** then the run is ended, as the server does */

struct attack {
    const char *name;
    const char *source;
    str names; /** the line, empty: none */
    str ends;
};

static struct arena arena;
static struct attack attacks[ATTACKS_MAX];
static uint32_t attack_count;

/** What stands behind `-- WORD: ` in the head of a source. */
static str head_of(const char *source, const char *word)
{
    const char *at = strstr(source, word);
    if (at == nullptr) return (str){};
    at += strlen(word);
    const char *end = strchr(at, '\n');
    check(end != nullptr);
    /* A long line goes on behind `--     `. */
    while (strncmp(end + 1, "--     ", 7) == 0) end = strchr(end + 1, '\n');
    return str_between(at, end);
}

static bool has_word(str line, str word)
{
    for (size_t at = 0; at + word.len <= line.len; at++) {
        bool begins = at == 0 || line.at[at - 1] == ' ';
        bool ends = at + word.len == line.len || line.at[at + word.len] == ' ' ||
                    line.at[at + word.len] == '\n';
        if (begins && ends && memcmp(line.at + at, word.at, word.len) == 0) return true;
    }
    return false;
}

static void read_attack(const char *folder, const char *name)
{
    static char bytes[RULE_SOURCE_BYTES_MAX + 1];
    char path[512];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "r");
    check(file != nullptr);
    size_t len = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    check(len > 0 && len < sizeof bytes && attack_count < ATTACKS_MAX);
    struct attack *attack = &attacks[attack_count++];
    attack->name = arena_cstring(&arena, str_of(name));
    attack->source = arena_cstring(&arena, (str){bytes, len});
    attack->names = head_of(attack->source, "-- NAMES: ");
    attack->ends = head_of(attack->source, "-- ENDS: ");
}

static void begin(void)
{
    if (arena.soft_cap_bytes == 0) arena_init(&arena, 64 * MIB);
}

/** The attacks of a folder; false: it is not there. */
static bool read_folder(const char *path)
{
    attack_count = 0;
    begin();
    DIR *folder = opendir(path);
    if (folder == nullptr) return false;
    for (struct dirent *entry; (entry = readdir(folder)) != nullptr;)
        if (strstr(entry->d_name, ".lua") != nullptr) read_attack(path, entry->d_name);
    closedir(folder);
    check(attack_count > 0);
    return true;
}

/** Answers whatever the script asks, until it is done; false: the runner has ended. */
static bool answer_all(struct talk_test *talk, str *done_out)
{
    struct value done, ask;
    uint32_t asked = 0;
    while (talk_hear(talk, done_out)) {
        if (value_find_text(*done_out, S("done"), &done)) return true;
        if (talk_answer_usual(talk, *done_out)) continue;
        check(value_find_text(*done_out, S("ask"), &ask));
        const char *answer = "{\"refused\":\"No.\"}";
        if (++asked > QUESTIONS_MAX) answer = "{\"ended\":\"The run asks too much.\"}";
        else if (str_eq(ask.text, S("get"))) answer = "{\"answer\":" TALK_CLIENT "}";
        else if (str_eq(ask.text, S("find"))) answer = "{\"answer\":[" TALK_CLIENT "]}";
        else if (str_eq(ask.text, S("count"))) answer = "{\"answer\":3}";
        else if (str_eq(ask.text, S("settings"))) answer = "{\"answer\":{\"title\":\"Acme\"}}";
        check(talk_say(talk, talk_pack(talk, answer)));
    }
    return false;
}

/** Whether something reads as an address: `0x` and at least six digits. */
static bool has_address(str said)
{
    for (size_t at = 0; at + 8 <= said.len; at++) {
        size_t digits = 0;
        if (said.at[at] != '0' || said.at[at + 1] != 'x') continue;
        while (at + 2 + digits < said.len && digits < 6 &&
               strchr("0123456789abcdef", said.at[at + 2 + digits]) != nullptr)
            digits++;
        if (digits == 6) return true;
    }
    return false;
}

static int64_t number_of(str done, str key)
{
    struct value value;
    check(value_find_text(done, key, &value) && value.kind == VALUE_INT);
    return value.integer;
}

/** What an honest script gives in the same process afterwards. */
static void check_honest(struct talk_test *talk)
{
    static const char source[] =
        "record.name = type(leaked) .. type(x) .. tostring(1.5) .. ('a'):upper() .. #today .. "
        "math.floor(2.5) .. table.concat({1, 2}) .. type(setmetatable)";
    str done = talk_run(talk, source, nullptr, nullptr);
    talk_check_part(talk, source, done, S("changes"), "{\"name\":\"nilnil1.5A10212nil\"}");
}

static bool run_attack(const struct attack *attack)
{
    struct talk_test talk;
    str done = {};
    struct value end;
    bool is_long = getenv("ATRIUM_LONG") != nullptr;
    char words[80];
    int64_t fuel = is_long ? (int64_t)RULE_FUEL_MAX : 300'000;
    (void)snprintf(words, sizeof words, "\"fuel\":%lld,\"cpu_ms\":60000", (long long)fuel);
    talk_open(&talk);
    check(talk_say(&talk, talk_rule(&talk, attack->source, words)));
    bool is_done = answer_all(&talk, &done);
    if (!is_done) fprintf(stderr, "%s has ended the runner\n", attack->name);
    check(is_done);
    check(value_find_text(done, S("done"), &end) && end.kind == VALUE_TEXT);
    bool is_right = attack->ends.len == 0 || has_word(attack->ends, end.text);
    bool is_bounded = number_of(done, S("fuel")) <= fuel &&
                      number_of(done, S("bytes")) <= (int64_t)RULE_BYTES_MAX;
    str said = talk_json(&talk, done);
    is_right = is_right && is_bounded && !has_address(said);
    if (!is_right || getenv("TALK_ALL") != nullptr)
        fprintf(stderr, "%s: %.*s\n", attack->name, FMT(str_first(said, 900)));
    check_honest(&talk);
    check_int(talk_close(&talk), 0);
    return is_right;
}

TEST(test_attacks__of_others_end_within_their_budget)
{
    const char *folder = getenv("ATRIUM_ATTACKS");
    if (!read_folder(folder != nullptr ? folder : "../shared/lua-attacks")) {
        fprintf(stderr, "skipped: ../shared/lua-attacks is not there\n");
        return;
    }
    bool is_right = true;
    for (uint32_t at = 0; at < attack_count; at++) is_right = run_attack(&attacks[at]) && is_right;
    check(is_right);
}

TEST(test_attacks__end_as_they_must)
{
    bool is_right = true;
    check(read_folder("tests/attacks"));
    for (uint32_t at = 0; at < attack_count; at++) {
        if (attacks[at].names.len == 0 || attacks[at].ends.len == 0)
            fprintf(stderr, "%s says neither NAMES nor ENDS\n", attacks[at].name);
        check(attacks[at].names.len > 0 && attacks[at].ends.len > 0);
        is_right = run_attack(&attacks[at]) && is_right;
    }
    check(is_right);
}

TEST(test_attacks__are_aimed_at_every_name)
{
    bool is_missing = false;
    check(read_folder("tests/attacks"));
    for (uint32_t of = 0; of < view_part_count; of++) {
        for (uint32_t at = 0; at < view_parts[of]->count; at++) {
            const struct view_name *row = &view_parts[of]->names[at];
            char name[80];
            bool is_found = false;
            (void)snprintf(name, sizeof name, "%s%s%s", row->table == nullptr ? "" : row->table,
                           row->table == nullptr ? "" : ".", row->name);
            for (uint32_t one = 0; one < attack_count; one++)
                is_found = is_found || has_word(attacks[one].names, str_of(name));
            if (!is_found) fprintf(stderr, "no attack is aimed at %s\n", name);
            is_missing = is_missing || !is_found;
        }
    }
    check(!is_missing);
}

/** Sources as large as they may be, of whatever costs a compiler most. */
TEST(test_attacks__of_the_compiler_end_within_their_budget)
{
    bool is_right = true;
    begin();
    static const struct {
        const char *before, *each, *behind;
    } shapes[] = {
        {"local x if ", "x or ", "x then end"},
        {"local x if ", "x and ", "x then end"},
        {"return {", "nil,", "}"},
        {"return ", "(", ""},
        {"return ", "{", ""},
        {"return ", "-", "1"},
        {"return ", "not ", "1"},
        {"return 1", "..1", ""},
        {"return 2", "^2", ""},
        {"", "do ", ""},
        {"", "function f() ", ""},
        {"", "local a ", ""},
        {"", "local function f() end ", ""},
        {"", "goto x ", "::x::"},
        {"", "::x:: ", ""},
        {"", "if a then elseif ", ""},
        {"f(", "a,", "a)"},
        {"f", "()", ""},
        {"a", ".a", "=1"},
        {"return '", "\\z ", "'"},
        {"return [", "=", "["},
        {"--[", "=", "["},
        {"return 0x", "f", ""},
        {"return 1", "0", ""},
        {"return 1e", "9", ""},
        {"", "\u00E9", ""},
        {"\x1BLua", "\x54", ""},
        {"local _ENV <const> = 1; return x", ";", ""},
        {"for _ = 1, 1 do ", "local x <close> = nil ", "end"},
    };
    for (size_t at = 0; at < sizeof shapes / sizeof *shapes; at++) {
        char *source = arena_take(&arena, RULE_SOURCE_BYTES_MAX + 1);
        size_t each = strlen(shapes[at].each), len = strlen(shapes[at].before);
        size_t behind = strlen(shapes[at].behind);
        memcpy(source, shapes[at].before, len);
        for (; len + each + behind <= RULE_SOURCE_BYTES_MAX; len += each)
            memcpy(source + len, shapes[at].each, each);
        memcpy(source + len, shapes[at].behind, behind);
        struct attack attack = {.name = shapes[at].each, .source = source};
        is_right = run_attack(&attack) && is_right;
    }
    check(is_right);
}
