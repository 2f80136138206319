#include "work/arguments_help.h"

#include <stdio.h>

#include "base/limits.h"
#include "base/require.h"
#include "work/import.h"

const struct flag flag_table[FLAG_COUNT] = {
    [FLAG_DATA] = {"data", "DIR", nullptr, "the data directory", FLAG_TEXT, 0, 0, 0},
    [FLAG_CONFIG] = {"config", "FILE", nullptr, "settings, one `name = value` a line", FLAG_TEXT, 0,
                     0, 0},
    [FLAG_HTTP] =
        {"http", "ADDR:PORT", "127.0.0.1:8080",
         "plain HTTP, on loopback or behind a proxy only; port 0: any free one; `off`: none",
         FLAG_TEXT, 0, 0, 0},
    [FLAG_HTTPS] = {"https", "ADDR:PORT", nullptr, "HTTPS; needs --tls-cert and --tls-key",
                    FLAG_TEXT, 0, 0, 0},
    [FLAG_TLS_CERT] = {"tls-cert", "FILE", nullptr, "certificate chain, PEM; read again on SIGHUP",
                       FLAG_TEXT, 0, 0, 0},
    [FLAG_TLS_KEY] = {"tls-key", "FILE", nullptr, "its key, PEM; read again on SIGHUP", FLAG_TEXT,
                      0, 0, 0},
    [FLAG_ADMIN] = {"admin", "ADDR:PORT", nullptr, "the operator's /metrics and /healthz",
                    FLAG_TEXT, 0, 0, 0},
    [FLAG_DOMAIN] = {"domain", "NAME", "localhost", "tenants answer at TENANT.NAME", FLAG_TEXT, 0,
                     0, 0},
    [FLAG_BEHIND_PROXY] = {"behind-proxy", "ADDR", nullptr,
                           "the proxy whose X-Forwarded-For and X-Forwarded-Proto are believed",
                           FLAG_TEXT, 0, 0, 0},
    [FLAG_THREADS] = {"threads", "N", nullptr, "event loops (default: one a core)", FLAG_NUMBER, 1,
                      256, 0},
    [FLAG_RATE] = {"rate", "N", nullptr,
                   "requests a second for one address; none on loopback unless given", FLAG_NUMBER,
                   1, 1'000'000, RATE_DEFAULT},
    [FLAG_CONNECTIONS] = {"connections", "N", nullptr, "open connections", FLAG_NUMBER, 1,
                          1'000'000, CONNECTIONS_MAX},
    [FLAG_CONNECTIONS_PER_ADDRESS] = {"connections-per-address", "N", nullptr,
                                      "of them from one address; not on loopback unless given",
                                      FLAG_NUMBER, 1, 1'000'000, CONNECTIONS_PER_ADDRESS_MAX},
    [FLAG_CONNECTION_RATE] = {"connection-rate", "N", nullptr,
                              "new ones a second from one address; not on loopback unless given",
                              FLAG_NUMBER, 1, 1'000'000, CONNECTION_RATE_MAX},
    [FLAG_HELD_BYTES] = {"held-bytes", "N", nullptr,
                         "what clients send and do not end, or ask for and do not take; then those "
                         "who hold most are cut",
                         FLAG_NUMBER, 1 << 20, INT64_C(1) << 40, HELD_BYTES_MAX},
    [FLAG_CONNECTION_REQUESTS] = {"connection-requests", "N", nullptr,
                                  "requests of a connection, which is then closed", FLAG_NUMBER, 1,
                                  UINT32_MAX, CONNECTION_REQUESTS_MAX},
    [FLAG_CONNECTION_ABORTS] = {"connection-aborts", "N", nullptr,
                                "reset requests of a connection beyond those completed",
                                FLAG_NUMBER, 1, UINT32_MAX, CONNECTION_ABORTS_MAX},
    [FLAG_CONNECTION_TASKS] = {"connection-tasks", "N", nullptr,
                               "requests of a connection at work; then 503", FLAG_NUMBER, 1,
                               UINT32_MAX, TASKS_PER_CONNECTION_MAX},
    [FLAG_TASKS] = {"tasks", "N", nullptr, "requests at work; then 503", FLAG_NUMBER, 1, UINT32_MAX,
                    TASKS_MAX},
    [FLAG_REQUEST_MS] = {"request-ms", "MS", nullptr, "a whole request must arrive within",
                         FLAG_NUMBER, 1, 3'600'000, REQUEST_MS_MAX},
    [FLAG_STALL_MS] = {"stall-ms", "MS", nullptr,
                       "an answer of which nothing is taken is given up after", FLAG_NUMBER, 1,
                       3'600'000, RESPONSE_STALL_MS_MAX},
    [FLAG_IDLE_MS] = {"idle-ms", "MS", nullptr, "an idle connection is closed after", FLAG_NUMBER,
                      1, 3'600'000, CONNECTION_IDLE_MS_MAX},
    [FLAG_STOP_MS] = {"stop-ms", "MS", nullptr, "a graceful stop waits at most", FLAG_NUMBER, 1,
                      3'600'000, STOP_MS_MAX},
    [FLAG_EVENT_STREAMS] = {"event-streams", "N", nullptr,
                            "open streams of the feed of changes; then 503", FLAG_NUMBER, 1,
                            1'000'000, EVENT_STREAMS_MAX},
    [FLAG_KEEP_ALIVE_MS] = {"keep-alive-ms", "MS", nullptr,
                            "a silent event stream gives a sign of life after", FLAG_NUMBER, 1,
                            3'600'000, EVENT_KEEP_ALIVE_MS},
    [FLAG_SESSION_IDLE_MS] = {"session-idle-ms", "MS", nullptr, "an unused session ends after",
                              FLAG_NUMBER, 1, SESSION_AGE_MS_MAX, SESSION_IDLE_MS},
    [FLAG_SESSION_AGE_MS] = {"session-age-ms", "MS", nullptr, "any session ends after", FLAG_NUMBER,
                             1, SESSION_AGE_MS_MAX, SESSION_AGE_MS_MAX},
    [FLAG_PROOF_MS] = {"proof-ms", "MS", nullptr, "what is dangerous needs a password given within",
                       FLAG_NUMBER, 1, SESSION_AGE_MS_MAX, PROOF_MS},
    [FLAG_MAIL] = {"mail", "files|held", "files",
                   "mails become files in DIR/mail/TENANT/, or wait in the outbox", FLAG_CHOICE, 0,
                   0, 0},
    [FLAG_TENANT] = {"tenant", "NAME", nullptr, "the tenant", FLAG_TEXT, 0, 0, 0},
    [FLAG_TITLE] = {"title", "TEXT", nullptr, "the firm's name as people read it", FLAG_TEXT, 0, 0,
                    0},
    [FLAG_OWNER] = {"owner", "EMAIL", nullptr, "the first user, who may do everything", FLAG_TEXT,
                    0, 0, 0},
    [FLAG_PASSWORD_FILE] = {"password-file", "FILE", nullptr,
                            "its first line is the owner's password; `-`: standard input (default: "
                            "one is made and shown)",
                            FLAG_SECRET, 0, 0, 0},
    [FLAG_USER] = {"user", "EMAIL", nullptr, "whose rights the token has", FLAG_TEXT, 0, 0, 0},
    [FLAG_ROLE] = {"role", "NAME", nullptr,
                   "a role that narrows what the token may (default: all that the user may)",
                   FLAG_TEXT, 0, 0, 0},
    [FLAG_EXPIRES] = {"expires", "DAYS", nullptr, "when the token ends (default: never)",
                      FLAG_NUMBER, 1, 36500, 0},
    [FLAG_ENTITY] = {"entity", "NAME", nullptr, "what the rows are: clients, contacts, …",
                     FLAG_TEXT, 0, 0, 0},
    [FLAG_MAP] = {"map", "FILE", nullptr,
                  "JSON {\"Column\": \"path\"} (default: columns are matched by name)",
                  FLAG_CONTENT, 0, 0, 0},
    [FLAG_MATCH] = {"match", "FIELD", nullptr, "the field, or `id`, that finds an existing record",
                    FLAG_TEXT, 0, 0, 0},
    [FLAG_MODE] = {"mode", "create|update|upsert", nullptr,
                   "what rows do (default: create, or upsert with --match)", FLAG_CHOICE, 0, 0, 0},
    [FLAG_EMPTY] = {"empty", "WORDS", IMPORT_EMPTY_WORDS,
                    "words that stand for an empty cell, by commas", FLAG_TEXT, 0, 0, 0},
    [FLAG_CLEAR] = {"clear", nullptr, nullptr,
                    "an empty cell clears the field of an existing record", FLAG_SWITCH, 0, 0, 0},
    [FLAG_SETTLED] = {"settled", "CHOICES", nullptr,
                      "what rules for settled changes do: ID=each|once|not, by commas", FLAG_TEXT,
                      0, 0, 0},
    [FLAG_PREVIEW] = {"preview", nullptr, nullptr,
                      "show the columns' fields and the faults; write nothing", FLAG_SWITCH, 0, 0,
                      0},
    [FLAG_PASSPHRASE_FILE] = {"passphrase-file", "FILE", nullptr,
                              "its first line is the passphrase of the master key (default: asked "
                              "on a terminal, if there is one); `-`: standard input",
                              FLAG_SECRET, 0, 0, 0},
    [FLAG_NEW_PASSPHRASE_FILE] = {"new-passphrase-file", "FILE", nullptr,
                                  "its first line is the passphrase from now on", FLAG_SECRET, 0, 0,
                                  0},
    [FLAG_NO_PASSPHRASE] = {"no-passphrase", nullptr, nullptr,
                            "keep the key in a file without a passphrase from now on", FLAG_SWITCH,
                            0, 0, 0},
    [FLAG_KEY] = {"key", "FILE", nullptr, "the backup's key (default: FILE.key beside it)",
                  FLAG_TEXT, 0, 0, 0},
    [FLAG_AUDIT] = {"audit", nullptr, nullptr,
                    "only the change logs, link by link; names the first that is broken",
                    FLAG_SWITCH, 0, 0, 0},
    [FLAG_ADD] = {"add", "HOST", nullptr, "a host name that leads to the tenant from now on",
                  FLAG_TEXT, 0, 0, 0},
    [FLAG_REMOVE] = {"remove", "HOST", nullptr, "one that leads to it no more", FLAG_TEXT, 0, 0, 0},
    [FLAG_DOOR] = {"door", "staff|portal", nullptr, "for whom --add opens", FLAG_CHOICE, 0, 0, 0},
    [FLAG_SET] = {"set", "NAME=NUMBER,…", nullptr,
                  "bounds from now on; NAME=default for the usual one", FLAG_TEXT, 0, 0, 0},
    [FLAG_ANCHOR] = {"anchor", "SEQUENCE:HASH", nullptr,
                     "with --audit and --tenant: a head that `audit head` printed; it must still "
                     "lie on the chain",
                     FLAG_TEXT, 0, 0, 0},
    [FLAG_MAIL_TO] = {"mail-to", "ADDRESS", nullptr,
                      "also put it into a mail to somebody who keeps it; it goes as all mails of "
                      "the tenant do",
                      FLAG_TEXT, 0, 0, 0},
    [FLAG_RUNNER] = {"runner", "FILE", nullptr,
                     "the program that holds Lua (default: beside this one)", FLAG_TEXT, 0, 0, 0},
    [FLAG_NAME] = {"name", "NAME", nullptr, "another name for the tenant (default: its own)",
                   FLAG_TEXT, 0, 0, 0},
    [FLAG_SCHEMA] = {"schema", "DIR", nullptr, "the entities (default: ../share/atrium/schema)",
                     FLAG_TEXT, 0, 0, 0},
    [FLAG_RULES] = {"rules", "DIR", nullptr, "the built-in rules (default: ../share/atrium/rules)",
                    FLAG_TEXT, 0, 0, 0},
};

struct limit {
    const char *words;
    int64_t value;
    const char *unit;
};

static const struct limit limits[] = {
    {"request body", (int64_t)BODY_BYTES_MAX / 1024, "KiB"},
    {"headers of a request", HEADERS_MAX, ""},
    {"all of them together", (int64_t)HEADER_BYTES_MAX / 1024, "KiB"},
    {"HTTP/2 requests of a connection at once", STREAMS_MAX, ""},
    {"HTTP/2 frames that carry nothing, at once", FRAMES_IDLE_MAX, ""},
    {"nesting of JSON", VALUE_DEPTH_MAX, ""},
    {"a record", (int64_t)RECORD_BYTES_MAX / 1024, "KiB"},
    {"a long text", (int64_t)TEXT_BYTES_MAX / 1024, "KiB"},
    {"values in a list field", LIST_ITEMS_MAX, ""},
    {"records of a page", PAGE_RECORDS_MAX, ""},
    {"filters of a query", FILTERS_MAX, ""},
    {"changes waiting for one tenant", LANE_QUEUE_MAX, ""},
    {"records touched by one change", CHANGE_WRITES_MAX, ""},
    {"sign-ins waiting", PASSWORD_QUEUE_MAX, ""},
};

/** Two words of a format: a space and what an operand is called, or nothing. */
#define BEFORE(operand) (operand) == nullptr ? "" : " ", (operand) == nullptr ? "" : (operand)

constexpr uint32_t COMMANDS_SHOWN_MAX = 64;

void help_show_all(const struct console *console, const struct command *commands,
                   uint32_t command_count)
{
    console_print(console, "Atrium keeps the client records of many firms on one server.\n\n"
                           "usage: atrium COMMAND [--flag value …]\n\n");
    char left[COMMANDS_SHOWN_MAX][64];
    int width = 0;
    require(command_count <= COMMANDS_SHOWN_MAX);
    for (uint32_t at = 0; at < command_count; at++) {
        int len = snprintf(left[at], sizeof left[at], "%s%s%s%s%s", commands[at].name,
                           BEFORE(commands[at].operand), BEFORE(commands[at].path));
        width = len > width ? len : width;
    }
    for (uint32_t at = 0; at < command_count; at++)
        console_print(console, "  %-*s  %s\n", width, left[at], commands[at].summary);
    console_print(
        console,
        "\n`atrium COMMAND --help` shows a command's flags. Each flag can also be set by "
        "ATRIUM_NAME in the\nenvironment or in a file given by --config; flags win. Exit: 0 "
        "done, 1 failed, 2 wrong usage.\n");
}

static void show_usage(const struct console *console, const struct command *command)
{
    console_print(console, "usage: atrium %s%s%s%s%s", command->name, BEFORE(command->operand),
                  BEFORE(command->path));
    for (int flag = 0; flag < FLAG_COUNT; flag++) {
        if ((command->flags_needed >> flag & 1) == 0) continue;
        console_print(console, " --%s %s", flag_table[flag].name, flag_table[flag].value);
    }
    console_print(console, "%s\n\n  %s\n\n",
                  command->flags == command->flags_needed ? "" : " [--flag value …]",
                  command->summary);
}

static void show_flag(const struct console *console, const struct flag *flag)
{
    char left[64], variable[64];
    (void)snprintf(left, sizeof left, "--%s %s", flag->name,
                   flag->value == nullptr ? "" : flag->value);
    size_t len = 0;
    for (; flag->name[len] != 0 && len + 1 < sizeof variable; len++) {
        char byte = flag->name[len];
        variable[len] = byte == '-' ? '_' : (char)(byte - 'a' + 'A');
    }
    variable[len] = 0;
    console_print(console, "  %-28s %s", left, flag->words);
    if (flag->initial != nullptr) console_print(console, " (default: %s)", flag->initial);
    if (flag->usual != 0) console_print(console, " (default: %lld)", (long long)flag->usual);
    console_print(console, " [ATRIUM_%s]\n", variable);
}

void help_show(const struct console *console, const struct command *command)
{
    show_usage(console, command);
    for (int flag = 0; flag < FLAG_COUNT; flag++)
        if ((command->flags >> flag & 1) != 0) show_flag(console, &flag_table[flag]);
    if (!command->has_limits) return;
    console_print(console, "\nFixed limits:\n");
    for (size_t at = 0; at < sizeof limits / sizeof limits[0]; at++)
        console_print(console, "  %-41s %lld%s%s\n", limits[at].words, (long long)limits[at].value,
                      limits[at].unit[0] == 0 ? "" : " ", limits[at].unit);
}
