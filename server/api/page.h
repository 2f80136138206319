/** page: the files that a browser gets at `/`, read once at the start and served from memory.
 *
 *  Floor   api, inside.
 *  Thread  page_make: main, at the start. Then any, read only.
 *  Memory  the arena given to page_make.
 */
#pragma once

#include "base/task.h"

struct call;

constexpr uint32_t PAGE_FILES_MAX = 256;
constexpr size_t PAGE_FILE_BYTES_MAX = 4 * 1024 * 1024;
constexpr uint32_t PAGE_FOLDERS_DEEP_MAX = 4;

struct page_file {
    str path; /** as asked: `/app.js` */
    str type;
    str bytes;
    str etag; /** with its quotes */
};

struct page {
    uint32_t file_count;
    struct page_file *files;
    struct page_file home;   /** of `/` at the staff's door */
    struct page_file portal; /** of `/` at the clients' door */
};

/** Reads the folder and those in it; names that begin with a dot are passed over. ERR_SYSTEM: a
 *  file cannot be read; ERR_TOO_LARGE: too many or too large. An empty folder name: no files. */
enum err page_make(struct task *task, struct arena *arena, str folder, struct page *page_out);
/** nullptr: no such file. */
const struct page_file *page_find(const struct page *page, str path);
/** The file, or 304 when the caller has it. */
enum err page_reply(struct call *call, const struct page_file *file);
/** The tag of some bytes. */
str page_etag(struct arena *arena, str bytes);

/* Functions of the table. */
enum err page_health(struct call *call);
enum err page_home(struct call *call);
