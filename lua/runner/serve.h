/** serve: the mode that answers the server's questions over the socket on standard input, one at a
 *  time, until that socket closes.
 *
 *  Thread  the only one.
 *  Bytes   frames (value/frame.h). A question is a map with its kind under `ask`; the answer a map
 *          with `spent_ms`, what the process has computed for in all its life, and
 *            ask "compile", source          → failure, a text that may be empty; reads, its fields
 *            ask "formulas", sources, names, records (of each a list: the values of `names`)
 *                                           → answers: record by record, within each formula by
 *                                             formula, [true, value] or [false, why]
 *          A question `rule` or `check` begins a talk (rule.h).
 */
#pragma once

/** `--serve`. The exit code. */
int serve_run(char **arguments);
