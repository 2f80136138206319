/** control: a command of another process, run by the owner of the data directory.
 *
 *  The caller sends its words and its three standard descriptors over DIR/control.sock (0600,
 *  SCM_RIGHTS); the owner runs the same code as the caller would have run alone, writing to the
 *  caller's own terminal, and answers the exit status.
 *
 *  Floor   store.
 *  Thread  the owner runs each call on a thread of its own, at most CONTROL_CALLS_MAX at once.
 *  Bytes   one message: 4 bytes length, then a MessagePack list of texts (words; 64 KiB at most),
 *          with 3 or 4 descriptors: in, out, err, and the file that a command reads or writes.
 *          Answer: one byte, the exit status.
 */
#pragma once

#include "store/store.h"

constexpr uint32_t CONTROL_CALLS_MAX = 8;
constexpr uint32_t CONTROL_WORDS_MAX = 64;

struct control_call {
    uint32_t word_count;
    str words[CONTROL_WORDS_MAX];
    int in, out, err;
    int file; /** -1 when the command has none */
};

struct control;

/** Starts listening; `run` is called for each command and returns its exit status. */
enum err control_open(struct task *task, struct store *store, str folder,
                      int (*run)(void *owner, const struct control_call *call), void *owner,
                      struct control **control_out);
/** Waits for the calls that run. */
void control_close(struct control *control);

/** From another process. ERR_MISSING: nobody listens; ERR_SYSTEM: the owner went away in
 *  mid-call. */
enum err control_ask(struct task *task, str folder, const struct control_call *call,
                     int *status_out);
