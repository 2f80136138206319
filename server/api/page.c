#include "api/page.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/reply.h"
#include "api/routes.h"
#include "base/crypto.h"

constexpr size_t ENTRY_PAGE_BYTES_MAX = 64 * 1024;
constexpr size_t ETAG_HASH_BYTES = 16;

/** Nothing but our own files; no frame, no form that leaves. */
static const str policy = S("default-src 'none'; script-src 'self'; style-src 'self'; "
                            "img-src 'self' data:; connect-src 'self'; base-uri 'none'; "
                            "frame-ancestors 'none'; form-action 'self'");

static const struct {
    str ending;
    str type;
} types[] = {
    {S(".html"), S("text/html; charset=utf-8")},
    {S(".js"), S("text/javascript; charset=utf-8")},
    {S(".mjs"), S("text/javascript; charset=utf-8")},
    {S(".css"), S("text/css; charset=utf-8")},
    {S(".json"), S("application/json")},
    {S(".map"), S("application/json")},
    {S(".webmanifest"), S("application/manifest+json")},
    {S(".svg"), S("image/svg+xml")},
    {S(".png"), S("image/png")},
    {S(".jpg"), S("image/jpeg")},
    {S(".ico"), S("image/x-icon")},
    {S(".woff2"), S("font/woff2")},
    {S(".txt"), S("text/plain; charset=utf-8")},
};

static str type_of(str path)
{
    for (size_t at = 0; at < sizeof types / sizeof types[0]; at++)
        if (str_ends(path, types[at].ending)) return types[at].type;
    return S("application/octet-stream");
}

str page_etag(struct arena *arena, str bytes)
{
    struct hash hash = hash_of(nullptr, &bytes, 1);
    str text = base64url_write(arena, (str){(const char *)hash.bytes, ETAG_HASH_BYTES});
    return arena_print(arena, "\"%.*s\"", FMT(text));
}

/* Reading. */

struct reading {
    struct task *task;
    struct arena *arena;
    struct page *page;
};

static enum err read_whole(struct reading *reading, int file, str name, size_t size, str *bytes_out)
{
    char *bytes = arena_take_raw(reading->arena, size);
    size_t len = 0;
    while (len < size) {
        ssize_t got = read(file, bytes + len, size - len);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0)
            return fail(reading->task, ERR_SYSTEM, "%.*s cannot be read: %s", FMT(name),
                        strerror(errno));
        if (got == 0) break;
        len += (size_t)got;
    }
    *bytes_out = (str){bytes, len};
    return ERR_NONE;
}

static enum err add_file(struct reading *reading, int file, str path, size_t size)
{
    struct page *page = reading->page;
    if (page->file_count == PAGE_FILES_MAX || size > PAGE_FILE_BYTES_MAX)
        return fail(reading->task, ERR_TOO_LARGE, "the page has more than %u files, or one of %.*s",
                    PAGE_FILES_MAX, FMT(path));
    struct page_file *added = &page->files[page->file_count++];
    added->path = arena_copy(reading->arena, path);
    added->type = type_of(path);
    TRY(read_whole(reading, file, path, size, &added->bytes));
    added->etag = page_etag(reading->arena, added->bytes);
    return ERR_NONE;
}

static enum err add_folder(struct reading *reading, int folder, str path, uint32_t depth);

/** A file or a folder by its name; what is neither is passed over. */
static enum err add_entry(struct reading *reading, int folder, const char *name, str path,
                          uint32_t depth)
{
    int file = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0)
        return fail(reading->task, ERR_SYSTEM, "%.*s cannot be opened: %s", FMT(path),
                    strerror(errno));
    struct stat found;
    enum err err = ERR_NONE;
    if (fstat(file, &found) != 0)
        err = fail(reading->task, ERR_SYSTEM, "%.*s: %s", FMT(path), strerror(errno));
    else if (S_ISDIR(found.st_mode)) return add_folder(reading, file, path, depth + 1);
    else if (S_ISREG(found.st_mode)) err = add_file(reading, file, path, (size_t)found.st_size);
    close(file);
    return err;
}

/** Closes `folder`. */
static enum err add_folder(struct reading *reading, int folder, str path, uint32_t depth)
{
    DIR *open = depth > PAGE_FOLDERS_DEEP_MAX ? nullptr : fdopendir(folder);
    if (open == nullptr) {
        close(folder);
        return fail(reading->task, ERR_SYSTEM, "the page's folder %.*s is too deep or unreadable",
                    FMT(path));
    }
    enum err err = ERR_NONE;
    for (struct dirent *entry; err == ERR_NONE && (entry = readdir(open)) != nullptr;) {
        if (entry->d_name[0] == '.') continue;
        str inner = arena_print(reading->task->arena, "%.*s/%s", FMT(path), entry->d_name);
        err = add_entry(reading, folder, entry->d_name, inner, depth);
    }
    closedir(open);
    return err;
}

static int compare_files(const void *a, const void *b)
{
    return str_compare(((const struct page_file *)a)->path, ((const struct page_file *)b)->path);
}

/* Pages of our own, for a server without files. */

static const str page_begin = S("<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
                                "<meta name=\"viewport\" content=\"width=device-width\">\n");

static struct page_file own_page(struct arena *arena, const struct buf *html)
{
    return (struct page_file){
        .path = S("/"),
        .type = type_of(S(".html")),
        .bytes = buf_str(html),
        .etag = page_etag(arena, buf_str(html)),
    };
}

static struct page_file entry_page(struct arena *arena)
{
    struct buf html = buf_make(arena, ENTRY_PAGE_BYTES_MAX);
    buf_put(&html, page_begin);
    buf_put(&html, S("<title>Atrium</title>\n<h1>Atrium</h1>\n<p>The entry points of this server:\n"
                     "<table>\n"));
    for (uint32_t at = 0; at < route_count; at++)
        buf_print(&html, "<tr><td>%.*s<td><code>%.*s</code><td>%.*s\n",
                  FMT(method_word(routes[at].method)), FMT(routes[at].pattern),
                  FMT(routes[at].summary));
    buf_put(&html, S("</table>\n<p>The full description is at "
                     "<a href=\"/api/v1/openapi.json\">/api/v1/openapi.json</a>.\n"));
    return own_page(arena, &html);
}

static struct page_file portal_page(struct arena *arena)
{
    struct buf html = buf_make(arena, ENTRY_PAGE_BYTES_MAX);
    buf_put(&html, page_begin);
    buf_put(&html,
            S("<title>Portal</title>\n<h1>Portal</h1>\n<p>This firm's portal is not open.\n"));
    return own_page(arena, &html);
}

enum err page_make(struct task *task, struct arena *arena, str folder, struct page *page_out)
{
    *page_out = (struct page){.files = arena_new(arena, struct page_file, PAGE_FILES_MAX)};
    struct reading reading = {task, arena, page_out};
    if (folder.len > 0) {
        int open_folder =
            open(arena_cstring(task->arena, folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (open_folder < 0)
            return fail(task, ERR_SYSTEM, "the page's folder %.*s cannot be opened: %s",
                        FMT(folder), strerror(errno));
        TRY(add_folder(&reading, open_folder, S(""), 0));
    }
    if (page_out->file_count > 1)
        qsort(page_out->files, page_out->file_count, sizeof *page_out->files, compare_files);
    const struct page_file *home = page_find(page_out, S("/index.html"));
    const struct page_file *portal = page_find(page_out, S("/portal.html"));
    page_out->home = home != nullptr ? *home : entry_page(arena);
    page_out->portal = portal != nullptr ? *portal : portal_page(arena);
    return ERR_NONE;
}

const struct page_file *page_find(const struct page *page, str path)
{
    struct page_file wanted = {.path = path};
    if (page->file_count == 0) return nullptr;
    return bsearch(&wanted, page->files, page->file_count, sizeof wanted, compare_files);
}

/* Serving. */

static bool names_tag(str list, str etag)
{
    for (str tag; list.len > 0;) {
        (void)str_cut(list, ',', &tag, &list);
        tag = str_trim(tag);
        if (str_starts(tag, S("W/"))) tag = str_from(tag, 2);
        if (str_eq(tag, etag) || str_eq(tag, S("*"))) return true;
    }
    return false;
}

enum err page_reply(struct call *call, const struct page_file *file)
{
    reply_header(call, S("etag"), file->etag);
    bool is_private = call->route != nullptr && call->route->need > NEED_TENANT;
    reply_header(call, S("cache-control"), is_private ? S("private, no-cache") : S("no-cache"));
    /* What is no page may do nothing when it is shown as one. */
    if (str_starts(file->type, S("text/html")))
        reply_header(call, S("content-security-policy"), policy);
    if (names_tag(call->if_none_match, file->etag)) {
        reply_empty(call, 304);
        return ERR_NONE;
    }
    call->reply.status = 200;
    call->reply.content_type = file->type;
    call->reply.body = file->bytes;
    return ERR_NONE;
}

enum err page_health(struct call *call)
{
    call->reply.status = 200;
    call->reply.content_type = S("text/plain; charset=utf-8");
    call->reply.body = S("ok\n");
    return ERR_NONE;
}

enum err page_home(struct call *call)
{
    const struct page *page = &call->api->page;
    return page_reply(call, call->tenant.door == DOOR_PORTAL ? &page->portal : &page->home);
}
