#include "store/master.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/require.h"
#include "store/files.h"
#include "store/keyring.h"

constexpr size_t MAGIC_BYTES = 8;
static const char MAGIC[MAGIC_BYTES] = {'A', 'T', 'R', 'I', 'U', 'M', 'P', 'P'};
constexpr size_t HEAD_BYTES = MAGIC_BYTES + 4 + 4 + PASSPHRASE_SALT_BYTES;
constexpr size_t FILE_BYTES_MAX = HEAD_BYTES + 2 * SECRET_KEY_BYTES + SEAL_EXTRA_BYTES;

/* Bytes. */

static void head_write(char head[HEAD_BYTES], const struct passphrase_form *form)
{
    memcpy(head, MAGIC, MAGIC_BYTES);
    bytes_put_uint32(head + MAGIC_BYTES, form->passes);
    bytes_put_uint32(head + MAGIC_BYTES + 4, form->memory_kib);
    memcpy(head + MAGIC_BYTES + 8, form->salt, PASSPHRASE_SALT_BYTES);
}

static bool head_read(str bytes, struct passphrase_form *form_out)
{
    if (bytes.len <= HEAD_BYTES || memcmp(bytes.at, MAGIC, MAGIC_BYTES) != 0) return false;
    form_out->passes = bytes_uint32(bytes.at + MAGIC_BYTES);
    form_out->memory_kib = bytes_uint32(bytes.at + MAGIC_BYTES + 4);
    memcpy(form_out->salt, bytes.at + MAGIC_BYTES + 8, PASSPHRASE_SALT_BYTES);
    return true;
}

static bool keys_read(str plain, struct master *master)
{
    bool is_one = plain.len == SECRET_KEY_BYTES;
    if (!is_one && plain.len != 2 * SECRET_KEY_BYTES) return false;
    memcpy(master->key.bytes, plain.at, SECRET_KEY_BYTES);
    master->has_former = !is_one;
    if (!is_one) memcpy(master->former.bytes, plain.at + SECRET_KEY_BYTES, SECRET_KEY_BYTES);
    return true;
}

static str master_bytes(struct arena *arena, const struct master *master)
{
    char plain[2 * SECRET_KEY_BYTES];
    str keys = {plain, master->has_former ? sizeof plain : SECRET_KEY_BYTES};
    memcpy(plain, master->key.bytes, SECRET_KEY_BYTES);
    memcpy(plain + SECRET_KEY_BYTES, master->former.bytes, SECRET_KEY_BYTES);
    struct buf out = buf_make(arena, FILE_BYTES_MAX);
    if (master->is_sealed) {
        char head[HEAD_BYTES];
        head_write(head, &master->form);
        buf_put(&out, (str){head, HEAD_BYTES});
        buf_put(&out, seal(arena, &master->passphrase_key, keys, (str){head, HEAD_BYTES}));
    } else {
        buf_put(&out, keys);
    }
    bytes_wipe(plain, sizeof plain);
    require(!buf_is_over(&out));
    return buf_str(&out);
}

static enum err sealed_open(struct task *task, const char *name, str bytes,
                            const struct passphrase_source *source, struct master *master)
{
    str passphrase, plain;
    if (source == nullptr || !source->ask(source->owner, task, &passphrase))
        return fail(task, ERR_UNAUTHENTICATED,
                    "%s is sealed by a passphrase: give it by --passphrase-file.", name);
    enum err err = passphrase_key(passphrase, &master->form, &master->passphrase_key);
    if (err == ERR_FULL) return fail(task, err, "There is no memory to open %s.", name);
    if (err != ERR_NONE) return fail(task, err, "%s is no key.", name);
    if (unseal(task->arena, &master->passphrase_key, str_from(bytes, HEAD_BYTES),
               str_first(bytes, HEAD_BYTES), &plain) != ERR_NONE)
        return fail(task, ERR_UNAUTHENTICATED, "This is not the passphrase of %s.", name);
    master->is_sealed = true;
    bool is_right = keys_read(plain, master);
    bytes_wipe((void *)plain.at, plain.len);
    return is_right ? ERR_NONE : fail(task, ERR_CORRUPT, "%s is no key.", name);
}

/* Files. */

/** What a key file holds; empty: too long to be one. */
static enum err bytes_read(struct task *task, const char *name, char room[FILE_BYTES_MAX],
                           str *bytes_out)
{
    int opened = open(name, O_RDONLY | O_CLOEXEC);
    if (opened < 0 && errno == ENOENT) return ERR_MISSING;
    if (opened < 0) return fail(task, ERR_SYSTEM, "%s: %s", name, strerror(errno));
    struct stat about;
    bool has_about = fstat(opened, &about) == 0;
    bool fits = has_about && about.st_size >= 0 && (size_t)about.st_size <= FILE_BYTES_MAX;
    size_t len = fits ? (size_t)about.st_size : 0;
    bool is_read = fits && file_read(opened, room, len);
    close(opened);
    if (has_about && (about.st_mode & 077) != 0)
        return fail(task, ERR_SYSTEM, "%s can be read by others; chmod 600 it.", name);
    *bytes_out = (str){room, is_read ? len : 0};
    return ERR_NONE;
}

enum err master_read(struct task *task, str file, const struct passphrase_source *source,
                     struct master *master_out)
{
    char *name = arena_cstring(task->arena, file);
    char room[FILE_BYTES_MAX];
    str bytes;
    *master_out = (struct master){};
    TRY(bytes_read(task, name, room, &bytes));
    enum err err = ERR_NONE;
    if (head_read(bytes, &master_out->form))
        err = sealed_open(task, name, bytes, source, master_out);
    else if (!keys_read(bytes, master_out))
        err = fail(task, ERR_CORRUPT, "%s is no key of %zu bytes.", name, (size_t)SECRET_KEY_BYTES);
    bytes_wipe(room, sizeof room);
    return err;
}

enum err master_write(struct task *task, str file, const struct master *master)
{
    return file_make(task, file, master_bytes(task->arena, master));
}

/** The bytes of a file that has lost its name: what a key opened may still lie on the disk. Where
 *  the file system writes elsewhere this does nothing. */
static void overwrite(int file, size_t len)
{
    static const char ZEROS[FILE_BYTES_MAX];
    if (len > sizeof ZEROS) len = sizeof ZEROS;
    if (lseek(file, 0, SEEK_SET) == 0 && file_write(file, (str){ZEROS, len})) (void)fsync(file);
}

enum err master_replace(struct task *task, str file, const struct master *master)
{
    char *name = arena_cstring(task->arena, file);
    struct stat about;
    int old = open(name, O_RDWR | O_CLOEXEC);
    bool has_old = old >= 0 && fstat(old, &about) == 0;
    enum err err = file_replace(task, file, master_bytes(task->arena, master));
    if (err == ERR_NONE && has_old) overwrite(old, (size_t)about.st_size);
    if (old >= 0) close(old);
    return err;
}

enum err master_seal_by(struct task *task, struct master *master, str passphrase)
{
    master->is_sealed = passphrase.len > 0;
    if (!master->is_sealed) {
        bytes_wipe(&master->passphrase_key, sizeof master->passphrase_key);
        return ERR_NONE;
    }
    master->form = passphrase_form_make();
    enum err err = passphrase_key(passphrase, &master->form, &master->passphrase_key);
    return err == ERR_NONE ? err : fail(task, err, "There is no memory to make a key of it.");
}

enum err file_key_read(struct task *task, str file, struct secret_key *key_out)
{
    struct master master;
    enum err err = master_read(task, file, nullptr, &master);
    if (err == ERR_NONE && master.has_former)
        err = fail(task, ERR_CORRUPT, "%.*s is no key.", FMT(file));
    if (err == ERR_NONE) *key_out = master.key;
    bytes_wipe(&master, sizeof master);
    return err;
}

enum err file_key_write(struct task *task, str file, const struct secret_key *key)
{
    struct master master = {.key = *key};
    enum err err = master_write(task, file, &master);
    bytes_wipe(&master, sizeof master);
    return err;
}

enum err master_is_in(struct task *task, str file, const struct master *master, bool *is_same_out)
{
    char room[FILE_BYTES_MAX], head[HEAD_BYTES];
    str bytes, plain = {};
    TRY(bytes_read(task, arena_cstring(task->arena, file), room, &bytes));
    bool is_sealed = bytes.len > HEAD_BYTES && memcmp(bytes.at, MAGIC, MAGIC_BYTES) == 0;
    if (is_sealed && master->is_sealed) {
        head_write(head, &master->form);
        bool is_of_form = str_eq(str_first(bytes, HEAD_BYTES), (str){head, HEAD_BYTES});
        if (is_of_form && unseal(task->arena, &master->passphrase_key, str_from(bytes, HEAD_BYTES),
                                 str_first(bytes, HEAD_BYTES), &plain) != ERR_NONE)
            plain = (str){};
    } else if (!is_sealed && !master->is_sealed) {
        plain = bytes;
    }
    *is_same_out =
        bytes_equal_secret(plain, (str){(const char *)master->key.bytes, SECRET_KEY_BYTES});
    if (plain.len > 0) bytes_wipe((void *)plain.at, plain.len);
    bytes_wipe(room, sizeof room);
    return ERR_NONE;
}

/* Of a directory. */

static bool has_data(struct task *task, struct store *store)
{
    struct stat about;
    char *file = path_join(task, str_of(store->folder), "data.mdb");
    return stat(file, &about) == 0 && about.st_size > 0;
}

/** A new key has a name of its own until the data is there (master_keep), so that a start that was
 *  killed goes on, and data that has been lost is not taken for a new directory. */
static enum err master_make(struct task *task, struct store *store, str new_file,
                            const struct passphrase_source *source)
{
    str passphrase = {};
    store->master->key = key_random();
    bool is_sealed =
        source != nullptr && source->is_wanted && source->ask(source->owner, task, &passphrase);
    if (source != nullptr && source->is_wanted && !is_sealed)
        return fail(task, ERR_UNAUTHENTICATED, "There is no passphrase to seal the key with.");
    TRY(master_seal_by(task, store->master, passphrase));
    return master_write(task, new_file, store->master);
}

/** Both files are there: a replacement was cut off. What can be opened of the new one opens
 *  everything. */
static enum err half_open(struct task *task, struct store *store, str new_file,
                          const struct passphrase_source *source)
{
    struct master newer;
    enum err err = master_read(task, new_file, source, &newer);
    if (err == ERR_NONE) {
        struct secret_key standing = store->master->key;
        *store->master = newer;
        if (!newer.has_former) store->master->former = standing;
        store->master->has_former = true;
        bytes_wipe(&standing, sizeof standing);
    }
    bytes_wipe(&newer, sizeof newer);
    return err;
}

static enum err sealed_as_said(struct task *task, const struct store *store,
                               const struct passphrase_source *source)
{
    if (source == nullptr || !source->is_wanted || store->master->is_sealed) return ERR_NONE;
    return fail(task, ERR_CONFLICT,
                "%s/master.key is not sealed by a passphrase: start without one, and seal it by "
                "`atrium key rotate --new-passphrase-file`.",
                store->folder);
}

enum err master_open(struct task *task, struct store *store, const struct passphrase_source *source,
                     bool *is_new_out, bool *is_half_out)
{
    str folder = str_of(store->folder);
    str file = str_of(path_join(task, folder, "master.key"));
    str new_file = str_of(path_join(task, folder, "master.key.new"));
    bool has_new = access(new_file.at, F_OK) == 0;
    enum err err = master_read(task, file, source, store->master);
    *is_new_out = err == ERR_MISSING;
    *is_half_out = false;
    if (err == ERR_NONE && !has_data(task, store))
        return fail(task, ERR_CORRUPT,
                    "%s has a master.key but no data.mdb: restore a backup into another directory, "
                    "or remove master.key to begin anew.",
                    store->folder);
    if (err == ERR_UNAUTHENTICATED && has_new) {
        /* The new key may have another passphrase, or none; it brings the old one along. */
        task_fault_clear(task);
        task->fault.detail = (str){};
        err = ERR_NONE;
        *is_half_out = true;
        TRY(master_read(task, new_file, source, store->master));
        return ERR_NONE;
    }
    if (err == ERR_NONE && has_new) {
        *is_half_out = true;
        return half_open(task, store, new_file, source);
    }
    if (err == ERR_NONE) return sealed_as_said(task, store, source);
    if (err != ERR_MISSING) return err;
    err = master_read(task, new_file, source, store->master);
    if (err == ERR_NONE) return sealed_as_said(task, store, source);
    if (err != ERR_MISSING) return err;
    if (has_data(task, store))
        return fail(task, ERR_CORRUPT, "%s has no master.key: its data cannot be opened.",
                    store->folder);
    return master_make(task, store, new_file, source);
}

enum err master_keep(struct task *task, struct store *store)
{
    str folder = str_of(store->folder);
    char *file = path_join(task, folder, "master.key");
    if (rename(path_join(task, folder, "master.key.new"), file) == 0) return ERR_NONE;
    return fail(task, ERR_SYSTEM, "%s: %s", file, strerror(errno));
}
