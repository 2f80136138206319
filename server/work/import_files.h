/** import_files: the files of an import on its caller's side: the table, and the rows that failed.
 *
 *  The table is opened here and read by whoever runs the command; failed rows come back in a file
 *  without a name, which gets one only when there are any: FILE.failed.csv beside the table, or in
 *  the working directory where that is not allowed.
 *
 *  Floor   work.
 *  Thread  main.
 */
#pragma once

#include "work/console.h"

/** Sets console->file and console->rows. ERR_SYSTEM: the table cannot be opened. */
enum err import_files_open(struct task *task, str table, struct console *console);
/** Keeps the failed rows, if any, and says where; closes both. Gives `status`, or 1 when they
 *  cannot be kept. */
int import_files_close(struct task *task, str table, struct console *console, int status);
