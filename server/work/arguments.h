/** arguments: the words of a command line, and the table from which parsing, help and errors
 *  derive.
 *
 *  A flag's value comes from the command line, else from ATRIUM_NAME in the environment, else from
 *  the file that --config names (lines `name = value`, `#` comments), else it is the flag's
 *  default.
 *
 *  Floor   work.
 *  Thread  any.
 *  Memory  all of it in the task's arena.
 */
#pragma once

#include "base/task.h"
#include "work/console.h"

enum flag_name : uint8_t {
    FLAG_DATA,
    FLAG_CONFIG,
    FLAG_HTTP,
    FLAG_HTTPS,
    FLAG_TLS_CERT,
    FLAG_TLS_KEY,
    FLAG_ADMIN,
    FLAG_DOMAIN,
    FLAG_BEHIND_PROXY,
    FLAG_THREADS,
    FLAG_RATE,
    FLAG_CONNECTIONS,
    FLAG_CONNECTIONS_PER_ADDRESS,
    FLAG_CONNECTION_RATE,
    FLAG_HELD_BYTES,
    FLAG_CONNECTION_REQUESTS,
    FLAG_CONNECTION_ABORTS,
    FLAG_CONNECTION_TASKS,
    FLAG_TASKS,
    FLAG_REQUEST_MS,
    FLAG_STALL_MS,
    FLAG_IDLE_MS,
    FLAG_STOP_MS,
    FLAG_EVENT_STREAMS,
    FLAG_KEEP_ALIVE_MS,
    FLAG_SESSION_IDLE_MS,
    FLAG_SESSION_AGE_MS,
    FLAG_PROOF_MS,
    FLAG_MAIL,
    FLAG_TENANT,
    FLAG_TITLE,
    FLAG_OWNER,
    FLAG_PASSWORD_FILE,
    FLAG_USER,
    FLAG_ROLE,
    FLAG_EXPIRES,
    FLAG_ENTITY,
    FLAG_MAP,
    FLAG_MATCH,
    FLAG_MODE,
    FLAG_EMPTY,
    FLAG_CLEAR,
    FLAG_PREVIEW,
    FLAG_SETTLED,
    FLAG_KEY,
    FLAG_RUNNER,
    FLAG_SCHEMA,
    FLAG_RULES,
    FLAG_NAME,
    FLAG_AUDIT,
    FLAG_ADD,
    FLAG_REMOVE,
    FLAG_DOOR,
    FLAG_ANCHOR,
    FLAG_MAIL_TO,
    FLAG_PASSPHRASE_FILE,
    FLAG_NEW_PASSPHRASE_FILE,
    FLAG_NO_PASSPHRASE,
    FLAG_SET,
    FLAG_COUNT,
};

/** of a map: it goes over the control socket whole */
constexpr size_t ARGUMENT_FILE_BYTES_MAX = 32 * 1024;

struct command_place;
struct arguments;

/** What must be open when a command runs. */
enum command_needs : uint8_t {
    NEEDS_NOTHING, /** it opens what it wants itself */
    NEEDS_STORE,   /** the store, wherever it is owned */
    NEEDS_MODEL,   /** store and model */
};

enum operand_kind : uint8_t {
    OPERAND_WORD,
    OPERAND_PATH,  /** of a file that the command makes or finds itself */
    OPERAND_TABLE, /** of a file that the caller opens for the command */
};

struct command {
    const char *name;    /** one word or two: `tenant create` */
    const char *operand; /** `NAME`, or nullptr; always needed when there is one */
    const char *path;    /** `FILE`: a path that follows the operand, or nullptr */
    enum operand_kind operand_kind;
    const char *summary;
    uint64_t flags; /** bits by flag_name */
    uint64_t flags_needed;
    enum command_needs needs;
    bool has_limits; /** --help shows the limits that are fixed, too */
    /** Gives the exit status. `place` is nullptr when nothing is needed. */
    int (*run)(struct command_place *place, const struct arguments *arguments,
               struct console *console);
};

#define FLAG_BIT(name) (UINT64_C(1) << FLAG_##name)

struct arguments {
    const struct command *command;
    str operand;
    str path;
    str values[FLAG_COUNT]; /** empty: not given and without default; a switch is `true` */
};

enum parsed : uint8_t {
    PARSED_RUN,
    PARSED_SHOWN,  /** help or version was printed: exit 0 */
    PARSED_WRONG,  /** one line said what is wrong: exit 2 */
    PARSED_FAILED, /** a file could not be read: exit 1 */
};

/** `environment` as main's environ. Files of maps and passwords are read here; `-` is standard
 *  input. */
enum parsed arguments_parse(struct task *task, const struct console *console,
                            const struct command *commands, uint32_t command_count, int argc,
                            char **argv, char **environment, struct arguments *arguments_out);

static inline bool arguments_has(const struct arguments *arguments, enum flag_name flag)
{
    return arguments->values[flag].len > 0;
}
/** A number, checked when it was parsed; 0 when it was not given. */
int64_t arguments_number(const struct arguments *arguments, enum flag_name flag);

/** The words that carry arguments to the owner of a data directory, at most `max`; and back. False
 *  when they do not fit. */
bool arguments_write(struct task *task, const struct arguments *arguments, str *words_out,
                     uint32_t max, uint32_t *count_out);
bool arguments_read(struct task *task, const struct command *commands, uint32_t command_count,
                    const str *words, uint32_t count, struct arguments *arguments_out);
