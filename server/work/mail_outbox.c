#include "work/mail_outbox.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "access/mail.h"
#include "access/tenant.h"
#include "base/limits.h"
#include "base/require.h"
#include "work/rule_outbox.h"

constexpr size_t EML_BYTES_MAX = 1 * MIB;
constexpr size_t LETTER_ARENA_BYTES_MAX = 16 * EML_BYTES_MAX; /** of one that is read */

#define MAIL_COUNTER S("mail files")

static str given_text(const struct outbox_entry *entry, str name)
{
    struct value given, value;
    bool is_there = value_find_text(entry->body, S("given"), &given) && given.kind == VALUE_MAP &&
                    value_find_text(given.bytes, name, &value) && value.kind == VALUE_TEXT;
    return is_there ? value.text : S("");
}

/* Files. */

static enum err folder_make(struct task *task, const char *path)
{
    struct stat status;
    if (mkdir(path, 0700) == 0) return ERR_NONE;
    if (errno == EEXIST && lstat(path, &status) == 0 && S_ISDIR(status.st_mode)) return ERR_NONE;
    return fail(task, ERR_SYSTEM, "%s: %s", path, strerror(errno));
}

static bool write_whole(int file, str bytes)
{
    while (bytes.len > 0) {
        ssize_t len = write(file, bytes.at, bytes.len);
        if (len < 0 && errno == EINTR) continue;
        if (len <= 0) return false;
        bytes = str_from(bytes, (size_t)len);
    }
    return fsync(file) == 0;
}

/** Whole or not at all: under another name until it is written. */
static enum err file_write(struct task *task, str path, str bytes)
{
    char *name = arena_cstring(task->arena, path);
    char *draft = arena_cstring(task->arena, arena_print(task->arena, "%.*s.new", FMT(path)));
    int file = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool is_whole = file >= 0 && write_whole(file, bytes);
    int why = errno;
    if (file >= 0 && close(file) != 0) is_whole = false;
    if (is_whole && rename(draft, name) == 0) return ERR_NONE;
    if (is_whole) why = errno;
    (void)unlink(draft);
    return fail(task, why == ENOSPC ? ERR_FULL : ERR_SYSTEM, "%s: %s", name, strerror(why));
}

/** What lies there: people delete what they have read. */
static struct row_counter folder_count(const char *path)
{
    struct row_counter counter = {};
    DIR *folder = opendir(path);
    struct dirent *entry;
    while (folder != nullptr && (entry = readdir(folder)) != nullptr) {
        struct stat status;
        if (fstatat(dirfd(folder), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0 ||
            !S_ISREG(status.st_mode))
            continue;
        counter.count++;
        counter.bytes += status.st_size;
    }
    if (folder != nullptr) (void)closedir(folder);
    return counter;
}

static bool is_full(const struct row_counter *counter)
{
    return counter->count >= MAILS_KEPT_MAX || counter->bytes >= (int64_t)MAILS_KEPT_BYTES_MAX;
}

static enum err room_take(struct txn *txn, const char *folder, size_t bytes)
{
    struct task *task = txn_task(txn);
    struct row_counter counter;
    TRY(txn_counter_read(task, txn, MAIL_COUNTER, &counter));
    if (is_full(&counter)) counter = folder_count(folder);
    if (is_full(&counter))
        return fail(task, ERR_LIMITED, "%s holds as many mails as it may; read and delete some",
                    folder);
    counter.count++;
    counter.bytes += (int64_t)bytes;
    txn_counter_put(task, txn, MAIL_COUNTER, &counter);
    return ERR_NONE;
}

/* Delivery. */

static void letter_of(const struct rule_work *work, struct task *task, const struct tenant *tenant,
                      const struct outbox_entry *entry, struct mail_letter *letter_out)
{
    *letter_out = (struct mail_letter){
        .from_name = tenant->title,
        .from = arena_print(task->arena, "no-reply@%.*s.%.*s", FMT(tenant->name),
                            FMT(work->access->domain)),
        .to = given_text(entry, S("to")),
        .cc = given_text(entry, S("cc")),
        .bcc = given_text(entry, S("bcc")),
        .reply_to = given_text(entry, S("reply_to")),
        .subject = given_text(entry, S("subject")),
        .text = given_text(entry, S("text")),
        .id = entry->id,
        .at_ms = task->now_ms,
    };
    letter_out->is_way_in = mail_text(entry, &letter_out->text);
}

enum err mail_run(void *owner, struct txn *txn, const struct tenant *tenant,
                  const struct outbox_entry *entry)
{
    const struct rule_work *work = owner;
    struct task *task = txn_task(txn);
    struct mail_letter letter;
    struct buf eml = buf_make(task->arena, EML_BYTES_MAX);
    require(work->mail_folder.len > 0 && tenant->name.len > 0);
    letter_of(work, task, tenant, entry, &letter);
    TRY(mail_write(task, &letter, &eml));
    str folder = arena_print(task->arena, "%.*s/%.*s", FMT(work->mail_folder), FMT(tenant->name));
    TRY(folder_make(task, arena_cstring(task->arena, work->mail_folder)));
    TRY(folder_make(task, arena_cstring(task->arena, folder)));
    TRY(room_take(txn, arena_cstring(task->arena, folder), eml.len));
    char id[ID_TEXT_BYTES];
    id_write(entry->id, id);
    str path = arena_print(task->arena, "%.*s/%.*s.eml", FMT(folder), ID_TEXT_BYTES, id);
    return file_write(task, path, buf_str(&eml));
}

/* Forgetting. */

static char *folder_of_tenant(struct task *task, const struct access *access, str name)
{
    return arena_cstring(task->arena, arena_print(task->arena, "%.*s/mail/%.*s",
                                                  FMT(store_folder(access->store)), FMT(name)));
}

struct file_walk {
    char *room;         /** EML_BYTES_MAX */
    struct arena *each; /** of one file */
    bool (*names)(void *owner, str bytes);
    void *owner;
};

/** False: it cannot be read. */
static bool file_read(int folder, const char *name, char *room, str *bytes_out)
{
    int file = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (file < 0) return false;
    size_t len = 0;
    for (ssize_t got; (got = read(file, room + len, EML_BYTES_MAX - len)) > 0;) len += (size_t)got;
    (void)close(file);
    *bytes_out = (str){room, len};
    return true;
}

/** As it stands there, or in what its coding hides. */
static bool file_names(const struct file_walk *walk, DIR *folder, const char *name)
{
    struct mail_letter letter;
    str bytes;
    if (!file_read(dirfd(folder), name, walk->room, &bytes)) return false;
    if (walk->names(walk->owner, bytes)) return true;
    arena_clear(walk->each);
    mail_read(walk->each, bytes, &letter);
    return walk->names(walk->owner, letter.subject) || walk->names(walk->owner, letter.text);
}

/** Where there is none nothing was written. */
static enum err no_folder(struct task *task, const char *path)
{
    bool is_none = errno == ENOENT || errno == ENOTDIR;
    return is_none ? ERR_NONE : fail(task, ERR_SYSTEM, "%s: %s", path, strerror(errno));
}

static bool is_here_or_above(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/** Takes nothing of the task's arena, which may be left at once, while the folder is open. */
static int folder_forget(DIR *folder, const struct file_walk *walk, uint32_t *count)
{
    int failure = 0;
    for (struct dirent *entry; (entry = readdir(folder)) != nullptr;) {
        if (is_here_or_above(entry->d_name)) continue;
        if (walk != nullptr && !file_names(walk, folder, entry->d_name)) continue;
        if (unlinkat(dirfd(folder), entry->d_name, 0) != 0) failure = errno;
        else ++*count;
    }
    return failure;
}

enum err mail_files_forget(struct task *task, const struct access *access, str tenant_name,
                           bool (*names)(void *owner, str bytes), void *owner, uint32_t *count_out)
{
    char *path = folder_of_tenant(task, access, tenant_name);
    struct arena each;
    struct file_walk walk = {.each = &each, .names = names, .owner = owner};
    if (names != nullptr) walk.room = arena_take_raw(task->arena, EML_BYTES_MAX);
    DIR *folder = opendir(path);
    *count_out = 0;
    if (folder == nullptr) return no_folder(task, path);
    arena_init(&each, LETTER_ARENA_BYTES_MAX);
    int failure = folder_forget(folder, names == nullptr ? nullptr : &walk, count_out);
    arena_drop(&each);
    (void)closedir(folder);
    if (failure == 0 && names == nullptr && rmdir(path) != 0) failure = errno;
    return failure == 0 ? ERR_NONE : fail(task, ERR_SYSTEM, "%s: %s", path, strerror(failure));
}

/* Reading. */

/** ID.eml; or, `is_draft_too`, what was not written to its end. */
static bool mail_name_read(const char *name, bool is_draft_too, struct id *id_out)
{
    str whole = str_of(name);
    str id = str_first(whole, ID_TEXT_BYTES), end = str_from(whole, id.len);
    bool is_ours = str_eq(end, S(".eml")) || (is_draft_too && str_eq(end, S(".eml.new")));
    return is_ours && id_parse(id, id_out);
}

static int compare_ids(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct id));
}

enum err mail_files_list(struct task *task, const struct access *access, str tenant_name,
                         struct id *ids, uint32_t *count_out)
{
    char *path = folder_of_tenant(task, access, tenant_name);
    DIR *folder = opendir(path);
    *count_out = 0;
    if (folder == nullptr) return no_folder(task, path);
    for (struct dirent *entry; (entry = readdir(folder)) != nullptr;)
        if (*count_out < MAILS_KEPT_MAX && mail_name_read(entry->d_name, false, &ids[*count_out]))
            ++*count_out;
    (void)closedir(folder);
    qsort(ids, *count_out, sizeof *ids, compare_ids);
    return ERR_NONE;
}

bool mail_file_read(struct arena *arena, const struct access *access, str tenant_name, struct id id,
                    struct mail_letter *letter_out)
{
    str path = arena_print(arena, "%.*s/mail/%.*s/%.*s.eml", FMT(store_folder(access->store)),
                           FMT(tenant_name), FMT(id_text(arena, id)));
    char *room = arena_take_raw(arena, EML_BYTES_MAX);
    str bytes;
    if (!file_read(AT_FDCWD, arena_cstring(arena, path), room, &bytes)) return false;
    mail_read(arena, bytes, letter_out);
    return true;
}

/* With their tenant. */

/** Both are there: something was written under the new name already. */
static int files_move(const char *from, const char *to)
{
    int failure = 0;
    DIR *folder = opendir(from), *target = opendir(to);
    if (folder == nullptr || target == nullptr) failure = errno;
    for (struct dirent *entry; failure == 0 && (entry = readdir(folder)) != nullptr;)
        if (!is_here_or_above(entry->d_name) &&
            renameat(dirfd(folder), entry->d_name, dirfd(target), entry->d_name) != 0)
            failure = errno;
    if (folder != nullptr) (void)closedir(folder);
    if (target != nullptr) (void)closedir(target);
    return failure == 0 && rmdir(from) != 0 ? errno : failure;
}

enum err mail_files_rename(struct task *task, const struct access *access, str name, str new_name)
{
    char *from = folder_of_tenant(task, access, name);
    char *to = folder_of_tenant(task, access, new_name);
    if (rename(from, to) == 0 || errno == ENOENT) return ERR_NONE;
    bool is_there = errno == ENOTEMPTY || errno == EEXIST;
    int failure = is_there ? files_move(from, to) : errno;
    return failure == 0 ? ERR_NONE : fail(task, ERR_SYSTEM, "%s: %s", from, strerror(failure));
}

/** Only what was written here: people may keep something of their own beside it. */
static void folder_sweep(int folders, const char *name)
{
    int place = openat(folders, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *folder = place < 0 ? nullptr : fdopendir(place);
    struct id id;
    if (folder == nullptr) {
        if (place >= 0) (void)close(place);
        return;
    }
    for (struct dirent *entry; (entry = readdir(folder)) != nullptr;)
        if (mail_name_read(entry->d_name, true, &id)) (void)unlinkat(place, entry->d_name, 0);
    (void)closedir(folder);
    (void)unlinkat(folders, name, AT_REMOVEDIR);
}

enum err mail_folders_sweep(struct task *task, const struct access *access)
{
    char *path = arena_cstring(
        task->arena, arena_print(task->arena, "%.*s/mail", FMT(store_folder(access->store))));
    struct space instance = store_instance(access->store);
    struct txn *txn;
    TRY(txn_open(task, &instance, &txn));
    DIR *folders = opendir(path);
    enum err err = ERR_NONE;
    for (struct dirent *entry;
         folders != nullptr && err == ERR_NONE && (entry = readdir(folders)) != nullptr;) {
        struct tenant tenant;
        str name = str_of(entry->d_name);
        if (tenant_name_fault(name).len > 0) continue;
        err = tenant_of_name(txn, access, name, &tenant);
        if (err != ERR_MISSING) continue;
        task_fault_clear(task);
        err = ERR_NONE;
        folder_sweep(dirfd(folders), entry->d_name);
    }
    if (folders != nullptr) (void)closedir(folders);
    txn_close(txn);
    return err;
}
