/** files: small durable files and folders.
 *
 *  Floor   store, inside.
 *  Thread  any.
 */
#pragma once

#include "base/task.h"

/** DIR/name with a NUL behind it, in the task's arena. */
char *path_join(struct task *task, str folder, const char *name);
/** Makes the entries of the folder durable. */
enum err folder_sync(struct task *task, str folder);
/** The folder that holds a path: "." when it has no slash. */
str folder_of(str path);
/** Writes all bytes or fails; goes on after interruptions. */
bool file_write(int file, str bytes);
/** Reads exactly that many bytes; false at the end before them or on an error. */
bool file_read(int file, char *out, size_t len);
/** A new file of these bytes, 0600, whole or not there, durable. ERR_CONFLICT: it exists. */
enum err file_make(struct task *task, str path, str bytes);
/** A file of these bytes, 0600, durable, in place of one that is there. ERR_FULL: no room. */
enum err file_replace(struct task *task, str path, str bytes);
