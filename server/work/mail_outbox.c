#include "work/mail_outbox.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "access/mail.h"
#include "base/limits.h"
#include "base/require.h"
#include "work/rule_outbox.h"

constexpr size_t EML_BYTES_MAX = 1 * MIB;

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

static enum err letter_of(const struct rule_work *work, struct txn *txn,
                          const struct tenant *tenant, const struct outbox_entry *entry,
                          struct mail_letter *letter_out)
{
    struct task *task = txn_task(txn);
    bool is_ours;
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
    return mail_text(txn, entry, &is_ours, &letter_out->text);
}

enum err mail_run(void *owner, struct txn *txn, const struct tenant *tenant,
                  const struct outbox_entry *entry)
{
    const struct rule_work *work = owner;
    struct task *task = txn_task(txn);
    struct mail_letter letter;
    struct buf eml = buf_make(task->arena, EML_BYTES_MAX);
    require(work->mail_folder.len > 0 && tenant->name.len > 0);
    TRY(letter_of(work, txn, tenant, entry, &letter));
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

static bool file_names(DIR *folder, const char *name, char *room,
                       bool (*names)(void *owner, str bytes), void *owner)
{
    int file = openat(dirfd(folder), name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (file < 0) return false;
    size_t len = 0;
    for (ssize_t got; (got = read(file, room + len, EML_BYTES_MAX - len)) > 0;) len += (size_t)got;
    (void)close(file);
    return names(owner, (str){room, len});
}

enum err mail_files_forget(struct task *task, const struct access *access, str tenant_name,
                           bool (*names)(void *owner, str bytes), void *owner, uint32_t *count_out)
{
    char *path = folder_of_tenant(task, access, tenant_name);
    char *room = names == nullptr ? nullptr : arena_take_raw(task->arena, EML_BYTES_MAX);
    DIR *folder = opendir(path);
    *count_out = 0;
    if (folder == nullptr)
        return errno == ENOENT ? ERR_NONE : fail(task, ERR_SYSTEM, "%s: %s", path, strerror(errno));
    int failure = 0;
    for (struct dirent *entry; (entry = readdir(folder)) != nullptr;) {
        if (entry->d_name[0] == '.') continue;
        if (names != nullptr && !file_names(folder, entry->d_name, room, names, owner)) continue;
        if (unlinkat(dirfd(folder), entry->d_name, 0) != 0) failure = errno;
        else ++*count_out;
    }
    (void)closedir(folder);
    if (failure == 0 && names == nullptr && rmdir(path) != 0) failure = errno;
    return failure == 0 ? ERR_NONE : fail(task, ERR_SYSTEM, "%s: %s", path, strerror(failure));
}

void mail_files_rename(struct task *task, const struct access *access, str name, str new_name)
{
    (void)rename(folder_of_tenant(task, access, name), folder_of_tenant(task, access, new_name));
}
