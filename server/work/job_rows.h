/** job_rows: how the threads write the rows of jobs, and how their faults are packed.
 *
 *  Floor   work, inside.
 *  Thread  a lane.
 */
#pragma once

#include "work/job.h"

/** Also takes it from the live ones when it is over. ERR_TOO_LARGE: its result or position. */
enum err job_row_put(struct txn *txn, const struct job *job);
/** What it was asked to do; any transaction. ERR_MISSING once it is over. */
enum err job_given(struct txn *txn, struct id id, struct arena *arena, str *given_out);
/** Another chunk of lines; counts it in the job, whose row is written after it. */
void job_lines_put(struct txn *txn, struct job *job, str lines);
/** Deletes the lines that it has written. */
void job_lines_drop(struct txn *txn, struct job *job);
/** Deletes one that is over, with its lines. */
void job_forget(struct txn *txn, struct job *job);
/** What went wrong as the answer to a call would tell it: {type, title, status, detail, errors}.
 *  Any thread. */
str job_problem(struct arena *arena, const struct fault *fault, enum err err);
