#include "work/passphrase.h"

#include <stdio.h>
#include <termios.h>
#include <unistd.h>

/** One line from the terminal, which does not show it. */
static bool ask_terminal(char *line, size_t room)
{
    struct termios shown, hidden;
    if (isatty(STDIN_FILENO) != 1 || isatty(STDERR_FILENO) != 1 ||
        tcgetattr(STDIN_FILENO, &shown) != 0)
        return false;
    hidden = shown;
    hidden.c_lflag &= (tcflag_t)~ECHO;
    if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden) != 0) return false;
    (void)dprintf(STDERR_FILENO, "Passphrase of the master key: ");
    size_t len = 0;
    char byte;
    while (len + 1 < room && read(STDIN_FILENO, &byte, 1) == 1 && byte != '\n') line[len++] = byte;
    line[len] = 0;
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
    (void)dprintf(STDERR_FILENO, "\n");
    return len > 0;
}

static bool ask(void *owner, struct task *, str *passphrase_out)
{
    struct passphrase_asking *asking = owner;
    *passphrase_out = asking->arguments->values[FLAG_PASSPHRASE_FILE];
    if (passphrase_out->len > 0) return true;
    if (!asking->has_asked && !ask_terminal(asking->answer, sizeof asking->answer)) return false;
    asking->has_asked = true;
    *passphrase_out = str_of(asking->answer);
    return true;
}

const struct passphrase_source *passphrase_of(struct passphrase_asking *asking,
                                              const struct arguments *arguments)
{
    *asking = (struct passphrase_asking){
        .source = {.ask = ask,
                   .owner = asking,
                   .is_wanted = arguments->values[FLAG_PASSPHRASE_FILE].len > 0},
        .arguments = arguments,
    };
    return &asking->source;
}

void passphrase_forget(struct passphrase_asking *asking)
{
    bytes_wipe(asking->answer, sizeof asking->answer);
}
