#include "work/arguments.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/require.h"
#include "work/arguments_help.h"

#define VERSION "0.1.0"

static_assert(FLAG_COUNT <= 64); /* a command's flags are bits of one number */

/** Where a value came from; for messages, and because the first to speak wins. */
enum origin : uint8_t { ORIGIN_NONE, ORIGIN_WORDS, ORIGIN_ENVIRONMENT, ORIGIN_FILE };

struct parsing {
    struct task *task;
    const struct console *console;
    const struct command *command;
    struct arguments *arguments;
    enum origin origins[FLAG_COUNT];
    bool has_operand;
    bool has_path;
    bool is_wrong;
};

[[gnu::format(printf, 2, 3)]] static bool wrong(struct parsing *parsing, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    str why = arena_vprint(parsing->task->arena, format, arguments);
    va_end(arguments);
    const struct command *command = parsing->command;
    if (!parsing->is_wrong)
        (void)console_complain(parsing->console, "%.*s (see `atrium %s%s--help`)", FMT(why),
                               command == nullptr ? "" : command->name,
                               command == nullptr ? "" : " ");
    parsing->is_wrong = true;
    return false;
}

static bool flag_find(str name, enum flag_name *flag_out)
{
    for (int flag = 0; flag < FLAG_COUNT; flag++) {
        if (!str_eq(str_of(flag_table[flag].name), name)) continue;
        *flag_out = (enum flag_name)flag;
        return true;
    }
    return false;
}

static bool takes(const struct command *command, enum flag_name flag)
{
    return (command->flags >> flag & 1) != 0;
}

static bool is_choice(const char *choices, str value)
{
    str rest = str_of(choices), choice;
    while (rest.len > 0) {
        str behind;
        (void)str_cut(rest, '|', &choice, &behind);
        if (str_eq(choice, value)) return true;
        rest = behind;
    }
    return false;
}

/** Checks a value and keeps it unless one that counts more is there. `named` is how its writer
 *  knows it. */
static bool set_value(struct parsing *parsing, enum flag_name name, enum origin origin, str named,
                      str value)
{
    const struct flag *flag = &flag_table[name];
    if (parsing->origins[name] == origin) return wrong(parsing, "%.*s is given twice", FMT(named));
    if (parsing->origins[name] != ORIGIN_NONE) return true;
    parsing->origins[name] = origin;
    int64_t number;
    switch (flag->kind) {
    case FLAG_NUMBER:
        if (!str_to_int64(value, &number) || number < flag->least || number > flag->most)
            return wrong(parsing, "%.*s takes a number from %lld to %lld, not `%.*s`", FMT(named),
                         (long long)flag->least, (long long)flag->most, FMT(value));
        break;
    case FLAG_SWITCH:
        if (is_choice("false|no|off|0", value)) value = S("");
        else if (is_choice("true|yes|on|1", value)) value = S("true");
        else return wrong(parsing, "%.*s is true or false, not `%.*s`", FMT(named), FMT(value));
        break;
    case FLAG_CHOICE:
        if (!is_choice(flag->value, value))
            return wrong(parsing, "%.*s takes %s, not `%.*s`", FMT(named), flag->value, FMT(value));
        break;
    case FLAG_TEXT:
    case FLAG_CONTENT:
    case FLAG_SECRET:
        if (value.len == 0 && name != FLAG_EMPTY)
            return wrong(parsing, "%.*s is empty", FMT(named));
        break;
    }
    /* `--empty ""` means that no word stands for nothing, which an empty value could not say. */
    if (name == FLAG_EMPTY && value.len == 0) value = S(",");
    parsing->arguments->values[name] = arena_copy(parsing->task->arena, value);
    return true;
}

static bool read_flag(struct parsing *parsing, str word, int *at, int argc, char **argv)
{
    str name, value;
    bool has_value = str_cut(str_from(word, 2), '=', &name, &value);
    enum flag_name flag;
    if (!flag_find(name, &flag) || !takes(parsing->command, flag))
        return wrong(parsing, "%s has no flag --%.*s", parsing->command->name, FMT(name));
    str named = arena_print(parsing->task->arena, "--%.*s", FMT(name));
    if (!has_value && flag_table[flag].kind == FLAG_SWITCH) value = S("true");
    else if (!has_value) {
        if (*at + 1 >= argc) return wrong(parsing, "%.*s needs a value", FMT(named));
        value = str_of(argv[++*at]);
    }
    return set_value(parsing, flag, ORIGIN_WORDS, named, value);
}

/** The operand, then the path. */
static bool read_operand(struct parsing *parsing, str word)
{
    const struct command *command = parsing->command;
    bool is_path = parsing->has_operand;
    const char *meant = is_path ? command->path : command->operand;
    if (meant == nullptr || parsing->has_path)
        return wrong(parsing, "%s: `%.*s` is one word too many", command->name, FMT(word));
    if (word.len == 0) return wrong(parsing, "%s is empty", meant);
    str copy = arena_copy(parsing->task->arena, word);
    if (is_path) parsing->arguments->path = copy;
    else parsing->arguments->operand = copy;
    parsing->has_path = is_path;
    parsing->has_operand = true;
    return true;
}

static bool read_words(struct parsing *parsing, int from, int argc, char **argv)
{
    bool are_operands = false;
    for (int at = from; at < argc; at++) {
        str word = str_of(argv[at]);
        if (!are_operands && str_eq(word, S("--"))) {
            are_operands = true;
            continue;
        }
        if (!are_operands && str_starts(word, S("--"))) {
            if (!read_flag(parsing, word, &at, argc, argv)) return false;
            continue;
        }
        if (!are_operands && word.len > 1 && word.at[0] == '-')
            return wrong(parsing, "%s has no flag %.*s", parsing->command->name, FMT(word));
        if (!read_operand(parsing, word)) return false;
    }
    return true;
}

static bool read_environment(struct parsing *parsing, char **environment)
{
    for (char **at = environment; at != nullptr && *at != nullptr; at++) {
        str name, value;
        if (!str_cut(str_of(*at), '=', &name, &value) || !str_starts(name, S("ATRIUM_"))) continue;
        struct buf flag_name = buf_make(parsing->task->arena, 64);
        for (size_t byte = 7; byte < name.len; byte++) {
            char letter = name.at[byte];
            bool is_upper = letter >= 'A' && letter <= 'Z';
            buf_put_byte(&flag_name, letter == '_' ? '-'
                                     : is_upper    ? (char)(letter - 'A' + 'a')
                                                   : '?');
        }
        enum flag_name flag;
        if (value.len == 0 || !flag_find(buf_str(&flag_name), &flag)) continue;
        if (!takes(parsing->command, flag)) continue;
        if (!set_value(parsing, flag, ORIGIN_ENVIRONMENT, name, value)) return false;
    }
    return true;
}

/** The whole text of a file of settings, a map or a password. */
static bool read_file(struct parsing *parsing, str name, str *text_out)
{
    char *path = arena_cstring(parsing->task->arena, name);
    bool is_input = str_eq(name, S("-"));
    int file = is_input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    struct buf text = buf_make(parsing->task->arena, ARGUMENT_FILE_BYTES_MAX + 4096);
    ssize_t len = -1;
    for (char *room = nullptr; file >= 0 && len != 0;) {
        room = buf_room(&text, 4096);
        if (room == nullptr) break;
        len = read(file, room, 4096);
        if (len < 0 && errno == EINTR) continue;
        if (len < 0) break;
        buf_grew(&text, (size_t)len);
    }
    int why = errno;
    if (file >= 0 && !is_input) (void)close(file);
    *text_out = buf_str(&text);
    if (len == 0 && text.len <= ARGUMENT_FILE_BYTES_MAX) return true;
    (void)console_complain(parsing->console, "%s: %s", path,
                           text.len > ARGUMENT_FILE_BYTES_MAX || buf_is_over(&text)
                               ? "is larger than 32 KiB"
                               : strerror(why));
    return false;
}

static bool read_settings(struct parsing *parsing, str text, str file)
{
    uint32_t number = 0;
    while (text.len > 0) {
        str line, behind, name, value;
        (void)str_cut(text, '\n', &line, &behind);
        text = behind;
        number++;
        line = str_trim(line);
        if (line.len == 0 || line.at[0] == '#') continue;
        enum flag_name flag;
        str named = arena_print(parsing->task->arena, "%.*s, line %u", FMT(file), number);
        if (!str_cut(line, '=', &name, &value) || !flag_find(str_trim(name), &flag) ||
            flag == FLAG_CONFIG)
            return wrong(parsing, "%.*s: no setting has this name; a line is `name = value`",
                         FMT(named));
        if (!takes(parsing->command, flag)) continue;
        if (!set_value(parsing, flag, ORIGIN_FILE, named, str_trim(value))) return false;
    }
    return true;
}

/** Files whose text is the value. */
static bool read_contents(struct parsing *parsing)
{
    for (int flag = 0; flag < FLAG_COUNT; flag++) {
        enum flag_kind kind = flag_table[flag].kind;
        str *value = &parsing->arguments->values[flag];
        if (value->len == 0 || (kind != FLAG_CONTENT && kind != FLAG_SECRET)) continue;
        str name = *value, behind;
        if (!read_file(parsing, name, value)) return false;
        if (kind == FLAG_SECRET) {
            (void)str_cut(*value, '\n', value, &behind);
            if (str_ends(*value, S("\r"))) value->len--;
        }
        if (value->len > 0) continue;
        (void)console_complain(parsing->console, "%.*s: is empty", FMT(name));
        return false;
    }
    return true;
}

static bool check_complete(struct parsing *parsing)
{
    const struct command *command = parsing->command;
    if (command->operand != nullptr && !parsing->has_operand)
        return wrong(parsing, "%s needs %s", command->name, command->operand);
    if (command->path != nullptr && !parsing->has_path)
        return wrong(parsing, "%s needs %s", command->name, command->path);
    for (int flag = 0; flag < FLAG_COUNT; flag++) {
        if ((command->flags_needed >> flag & 1) == 0 || parsing->arguments->values[flag].len > 0)
            continue;
        return wrong(parsing, "%s needs --%s %s", command->name, flag_table[flag].name,
                     flag_table[flag].value);
    }
    return true;
}

static void set_defaults(struct parsing *parsing)
{
    for (int flag = 0; flag < FLAG_COUNT; flag++)
        if (parsing->origins[flag] == ORIGIN_NONE && takes(parsing->command, (enum flag_name)flag))
            parsing->arguments->values[flag] = str_of(flag_table[flag].initial);
}

/** The command of the first one or two words; *used_out is how many. */
static const struct command *command_find(const struct command *commands, uint32_t command_count,
                                          str first, str second, int *used_out)
{
    for (uint32_t at = 0; at < command_count; at++) {
        str one, two;
        *used_out = str_cut(str_of(commands[at].name), ' ', &one, &two) ? 2 : 1;
        if (str_eq(one, first) && (two.len == 0 || str_eq(two, second))) return &commands[at];
    }
    return nullptr;
}

static bool is_help(str word)
{
    return str_eq(word, S("--help")) || str_eq(word, S("-h")) || str_eq(word, S("help"));
}

static bool asks_for_help(int from, int argc, char **argv)
{
    for (int at = from; at < argc && strcmp(argv[at], "--") != 0; at++)
        if (strcmp(argv[at], "--help") == 0 || strcmp(argv[at], "-h") == 0) return true;
    return false;
}

static bool asks_for_version(int argc, char **argv)
{
    for (int at = 1; at < argc && strcmp(argv[at], "--") != 0; at++)
        if (strcmp(argv[at], "--version") == 0) return true;
    return false;
}

/** Help for all commands that begin with one word (`tenant --help`); false when none does. */
static bool help_of_group(const struct console *console, const struct command *commands,
                          uint32_t command_count, str word)
{
    bool is_found = false;
    for (uint32_t at = 0; at < command_count; at++) {
        str one, two;
        if (!str_cut(str_of(commands[at].name), ' ', &one, &two) || !str_eq(one, word)) continue;
        if (is_found) console_print(console, "\n");
        help_show(console, &commands[at]);
        is_found = true;
    }
    return is_found;
}

/** `create, list, suspend`: what may follow the first word of some commands; empty: nothing. */
static str words_of_group(struct arena *arena, const struct command *commands,
                          uint32_t command_count, str word)
{
    struct buf words = buf_make(arena, 1024);
    for (uint32_t at = 0; at < command_count; at++) {
        str one, two;
        if (!str_cut(str_of(commands[at].name), ' ', &one, &two) || !str_eq(one, word)) continue;
        buf_print(&words, "%s%.*s", words.len > 0 ? ", " : "", FMT(two));
    }
    return buf_str(&words);
}

/** Words that no command begins with. */
static void complain_of_none(struct parsing *parsing, const struct command *commands,
                             uint32_t command_count, str first, str second)
{
    str words = words_of_group(parsing->task->arena, commands, command_count, first);
    bool has_second = second.len > 0 && !str_starts(second, S("-"));
    if (first.len == 0) (void)wrong(parsing, "give a command");
    else if (words.len > 0 && !has_second)
        (void)wrong(parsing, "%.*s needs one of: %.*s", FMT(first), FMT(words));
    else if (words.len > 0)
        (void)wrong(parsing, "no command is called `%.*s %.*s`; %.*s has: %.*s", FMT(first),
                    FMT(second), FMT(first), FMT(words));
    else (void)wrong(parsing, "no command is called `%.*s`", FMT(first));
}

static enum parsed parse_command(struct parsing *parsing, int from, int argc, char **argv,
                                 char **environment)
{
    if (!read_words(parsing, from, argc, argv) || !read_environment(parsing, environment))
        return PARSED_WRONG;
    str file = parsing->arguments->values[FLAG_CONFIG], text;
    if (file.len > 0) {
        if (!read_file(parsing, file, &text)) return PARSED_FAILED;
        if (!read_settings(parsing, text, file)) return PARSED_WRONG;
    }
    if (!check_complete(parsing)) return PARSED_WRONG;
    if (!read_contents(parsing)) return PARSED_FAILED;
    set_defaults(parsing);
    return PARSED_RUN;
}

enum parsed arguments_parse(struct task *task, const struct console *console,
                            const struct command *commands, uint32_t command_count, int argc,
                            char **argv, char **environment, struct arguments *arguments_out)
{
    struct parsing parsing = {.task = task, .console = console, .arguments = arguments_out};
    str first = argc > 1 ? str_of(argv[1]) : (str){}, second = argc > 2 ? str_of(argv[2]) : (str){};
    *arguments_out = (struct arguments){};
    if (asks_for_version(argc, argv)) {
        console_print(console, "atrium " VERSION "\n");
        return PARSED_SHOWN;
    }
    int used;
    const struct command *command = command_find(commands, command_count, first, second, &used);
    if (command == nullptr) {
        if (is_help(first)) {
            const struct command *about = command_find(commands, command_count, second,
                                                       argc > 3 ? str_of(argv[3]) : (str){}, &used);
            if (about != nullptr) help_show(console, about);
            else if (!help_of_group(console, commands, command_count, second))
                help_show_all(console, commands, command_count);
            return PARSED_SHOWN;
        }
        if (asks_for_help(2, argc, argv) && help_of_group(console, commands, command_count, first))
            return PARSED_SHOWN;
        complain_of_none(&parsing, commands, command_count, first, second);
        return PARSED_WRONG;
    }
    if (asks_for_help(1 + used, argc, argv)) {
        help_show(console, command);
        return PARSED_SHOWN;
    }
    parsing.command = command;
    arguments_out->command = command;
    return parse_command(&parsing, 1 + used, argc, argv, environment);
}

int64_t arguments_number(const struct arguments *arguments, enum flag_name flag)
{
    require(flag_table[flag].kind == FLAG_NUMBER);
    int64_t number;
    return str_to_int64(arguments->values[flag], &number) ? number : 0;
}

bool arguments_write(struct task *task, const struct arguments *arguments, str *words_out,
                     uint32_t max, uint32_t *count_out)
{
    uint32_t count = 0;
    if (max < 3) return false;
    words_out[count++] = str_of(arguments->command->name);
    words_out[count++] = arguments->operand;
    words_out[count++] = arguments->path;
    for (int flag = 0; flag < FLAG_COUNT; flag++) {
        if (arguments->values[flag].len == 0) continue;
        if (count == max) return false;
        words_out[count++] = arena_print(task->arena, "%s=%.*s", flag_table[flag].name,
                                         FMT(arguments->values[flag]));
    }
    *count_out = count;
    return true;
}

bool arguments_read(struct task *task, const struct command *commands, uint32_t command_count,
                    const str *words, uint32_t count, struct arguments *arguments_out)
{
    *arguments_out = (struct arguments){};
    for (uint32_t at = 0; at < command_count && count >= 3; at++)
        if (str_eq(str_of(commands[at].name), words[0])) arguments_out->command = &commands[at];
    if (arguments_out->command == nullptr) return false;
    arguments_out->operand = arena_copy(task->arena, words[1]);
    arguments_out->path = arena_copy(task->arena, words[2]);
    for (uint32_t at = 3; at < count; at++) {
        str name, value;
        enum flag_name flag;
        if (!str_cut(words[at], '=', &name, &value) || !flag_find(name, &flag)) return false;
        if (!takes(arguments_out->command, flag)) return false;
        arguments_out->values[flag] = arena_copy(task->arena, value);
    }
    return true;
}
