/** passphrase: what seals a data directory's master key, from a file or asked on the terminal.
 *
 *  Floor   work.
 *  Thread  main.
 */
#pragma once

#include "base/limits.h"
#include "store/store.h"
#include "work/arguments.h"

struct passphrase_asking {
    struct passphrase_source source;
    const struct arguments *arguments;
    bool has_asked; /** one answer serves every file */
    char answer[PASSWORD_BYTES_MAX + 2];
};
/** From `--passphrase-file`; without one it is asked where standard input and error are a terminal.
 *  The source points into `asking`, which outlives its use and is then overwritten by
 *  passphrase_forget. */
const struct passphrase_source *passphrase_of(struct passphrase_asking *asking,
                                              const struct arguments *arguments);
void passphrase_forget(struct passphrase_asking *asking);
