#include "store/upload.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/require.h"
#include "store/files.h"
#include "store/txn.h"
#include "store/environment.h"
#include "store/keyring.h"
#include "value/value.h"

constexpr size_t HEAD_BYTES_MAX = 4 * KIB;
constexpr size_t READER_ARENA_BYTES = 4 * MIB;
constexpr uint32_t ENTRIES_MAX = 100'000; /** of one folder, looked at */

/** Where an upload lies, and what opens it. */
struct place {
    uint32_t key_count;
    struct secret_key keys[DATA_KEYS_MAX]; /** oldest first; the newest seals */
    str folder;                            /** of the tenant */
    str path;                              /** of the upload */
    struct id id;
    struct id tenant;
};

static enum err keys_of(struct task *task, const struct space *space, struct place *place)
{
    struct txn *txn;
    uint32_t ids[DATA_KEYS_MAX], id;
    TRY(txn_open(task, space, &txn));
    enum err err = keyring_ids(txn, ids, &place->key_count);
    for (uint32_t at = 0; err == ERR_NONE && at < place->key_count; at++)
        err = keyring_find(txn, ids[at], KEY_OF_UPLOADS, &id, &place->keys[at]);
    txn_close(txn);
    return err;
}

static str tenant_folder(struct task *task, const struct space *space)
{
    return arena_print(task->arena, "%s/uploads/%.*s", space->store->folder,
                       FMT(id_text(task->arena, space->uuid)));
}

static str upload_folder(struct task *task, str tenant, struct id id)
{
    return arena_print(task->arena, "%.*s/%.*s", FMT(tenant), FMT(id_text(task->arena, id)));
}

static enum err place_of(struct task *task, const struct space *space, struct id id,
                         struct place *place_out)
{
    *place_out =
        (struct place){.folder = tenant_folder(task, space), .id = id, .tenant = space->uuid};
    place_out->path = upload_folder(task, place_out->folder, id);
    return keys_of(task, space, place_out);
}

/** What a part's seal is bound to; the head is number 0. */
static str bound_of(struct arena *arena, const struct place *place, uint32_t number)
{
    struct buf bound = buf_make(arena, 64);
    buf_put(&bound, id_bytes(&place->tenant));
    buf_put(&bound, id_bytes(&place->id));
    buf_print(&bound, "%u", number);
    return buf_str(&bound);
}

static str part_path(struct task *task, const struct place *place, uint32_t number)
{
    if (number == 0) return arena_print(task->arena, "%.*s/head", FMT(place->path));
    return arena_print(task->arena, "%.*s/%u", FMT(place->path), number);
}

static enum err part_write(struct task *task, const struct place *place, uint32_t number, str bytes)
{
    const struct secret_key *newest = &place->keys[place->key_count - 1];
    str sealed = seal(task->arena, newest, bytes, bound_of(task->arena, place, number));
    return file_replace(task, part_path(task, place, number), sealed);
}

/** ERR_MISSING: there is no such part. */
static enum err part_read(struct task *task, const struct place *place, uint32_t number,
                          str *bytes_out)
{
    char *path = arena_cstring(task->arena, part_path(task, place, number));
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0 && errno == ENOENT) return fail(task, ERR_MISSING, "part %u is not there", number);
    if (file < 0) return fail(task, ERR_SYSTEM, "%s: %s", path, strerror(errno));
    struct stat stat;
    str sealed = {};
    bool is_read = fstat(file, &stat) == 0 && stat.st_size >= SEAL_EXTRA_BYTES &&
                   (size_t)stat.st_size <= UPLOAD_PART_BYTES_MAX + SEAL_EXTRA_BYTES;
    if (is_read) {
        char *room = arena_take_raw(task->arena, (size_t)stat.st_size);
        sealed = (str){room, (size_t)stat.st_size};
        is_read = file_read(file, room, sealed.len);
    }
    close(file);
    str bound = bound_of(task->arena, place, number);
    for (uint32_t at = place->key_count; is_read && at > 0; at--)
        if (unseal(task->arena, &place->keys[at - 1], sealed, bound, bytes_out) == ERR_NONE)
            return ERR_NONE;
    return fail(task, ERR_CORRUPT, "%s is damaged", path);
}

/* Heads. */

enum head_key : uint8_t { HEAD_NAME = 1, HEAD_BYTES, HEAD_OWNER, HEAD_CREATED, HEAD_KEPT };

static enum err head_write(struct task *task, const struct place *place,
                           const struct upload *upload)
{
    struct buf head = buf_make(task->arena, HEAD_BYTES_MAX);
    pack_map(&head, 5);
    pack_int(&head, HEAD_NAME);
    pack_text(&head, upload->name);
    pack_int(&head, HEAD_BYTES);
    pack_int(&head, (int64_t)upload->bytes);
    pack_int(&head, HEAD_OWNER);
    pack_bytes(&head, id_bytes(&upload->owner));
    pack_int(&head, HEAD_CREATED);
    pack_int(&head, upload->created_at_ms);
    pack_int(&head, HEAD_KEPT);
    pack_int(&head, upload->kept_until_ms);
    require(!buf_is_over(&head));
    return part_write(task, place, 0, buf_str(&head));
}

static enum err head_read(struct task *task, const struct place *place, struct upload *upload_out)
{
    str head;
    *upload_out = (struct upload){.id = place->id};
    TRY(part_read(task, place, 0, &head));
    struct value name = {}, bytes = {}, owner = {}, created = {}, kept = {};
    (void)value_find(head, HEAD_NAME, &name);
    (void)value_find(head, HEAD_BYTES, &bytes);
    (void)value_find(head, HEAD_OWNER, &owner);
    (void)value_find(head, HEAD_CREATED, &created);
    (void)value_find(head, HEAD_KEPT, &kept);
    if (name.kind != VALUE_TEXT || bytes.kind != VALUE_INT || owner.kind != VALUE_BYTES ||
        !id_of_bytes(owner.text, &upload_out->owner) || created.kind != VALUE_INT ||
        kept.kind != VALUE_INT)
        return fail(task, ERR_CORRUPT, "the head of an upload is damaged");
    upload_out->name = name.text;
    upload_out->bytes = (uint64_t)bytes.integer;
    upload_out->created_at_ms = created.integer;
    upload_out->kept_until_ms = kept.integer;
    return ERR_NONE;
}

/** A head whose time is not over. */
static enum err head_find(struct task *task, const struct place *place, struct upload *upload_out)
{
    struct task quiet = *task;
    quiet.fault = (struct fault){};
    enum err err = head_read(&quiet, place, upload_out);
    if (err == ERR_NONE && upload_out->kept_until_ms > task->now_ms) return ERR_NONE;
    if (err == ERR_NONE || err == ERR_MISSING)
        return fail(task, ERR_MISSING, "there is no such upload, or its time is over");
    return fail(task, err, "%.*s", FMT(quiet.fault.detail));
}

/* Folders. */

/** Calls `each` for the names in a folder; there may be no folder. */
static enum err folder_walk(struct task *task, str path,
                            enum err (*each)(void *owner, const char *name), void *owner)
{
    DIR *folder = opendir(arena_cstring(task->arena, path));
    if (folder == nullptr && errno == ENOENT) return ERR_NONE;
    if (folder == nullptr) return fail(task, ERR_SYSTEM, "%.*s: %s", FMT(path), strerror(errno));
    enum err err = ERR_NONE;
    struct dirent *entry;
    for (uint32_t at = 0; err == ERR_NONE && at < ENTRIES_MAX; at++) {
        entry = readdir(folder);
        if (entry == nullptr) break;
        bool is_link = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
        if (!is_link) err = each(owner, entry->d_name);
    }
    closedir(folder);
    return err;
}

static enum err folder_make(struct task *task, str path)
{
    char *name = arena_cstring(task->arena, path);
    if (mkdir(name, 0700) == 0) return folder_sync(task, folder_of(path));
    if (errno == EEXIST) return ERR_NONE;
    enum err err = errno == ENOSPC || errno == EDQUOT ? ERR_FULL : ERR_SYSTEM;
    return fail(task, err, "%s: %s", name, strerror(errno));
}

struct part_list {
    struct task *task;
    struct upload *upload;
    str path;
    uint32_t capacity;
};

static enum err note_part(void *owner, const char *name)
{
    struct part_list *list = owner;
    int64_t number;
    if (!str_to_int64(str_of(name), &number) || number < 1 || number > UPLOAD_PARTS_MAX)
        return ERR_NONE;
    struct stat found;
    char *path = arena_cstring(list->task->arena,
                               arena_print(list->task->arena, "%.*s/%s", FMT(list->path), name));
    if (stat(path, &found) != 0 || found.st_size < SEAL_EXTRA_BYTES) return ERR_NONE;
    struct upload *upload = list->upload;
    if (upload->part_count == list->capacity) {
        uint32_t wider = list->capacity == 0 ? 16 : 2 * list->capacity;
        struct upload_part *parts = arena_new(list->task->arena, struct upload_part, wider);
        if (upload->part_count > 0)
            memcpy(parts, upload->parts, upload->part_count * sizeof parts[0]);
        upload->parts = parts;
        list->capacity = wider;
    }
    uint32_t bytes = (uint32_t)(found.st_size - SEAL_EXTRA_BYTES);
    upload->parts[upload->part_count++] = (struct upload_part){(uint32_t)number, bytes};
    upload->bytes_there += bytes;
    return ERR_NONE;
}

static int compare_parts(const void *a, const void *b)
{
    uint32_t first = ((const struct upload_part *)a)->number;
    uint32_t second = ((const struct upload_part *)b)->number;
    return first < second ? -1 : first > second;
}

static enum err parts_read(struct task *task, const struct place *place, struct upload *upload)
{
    struct part_list list = {.task = task, .upload = upload, .path = place->path};
    TRY(folder_walk(task, place->path, note_part, &list));
    if (upload->part_count > 1)
        qsort(upload->parts, upload->part_count, sizeof upload->parts[0], compare_parts);
    return ERR_NONE;
}

/* What a tenant has. */

struct tenant_uploads {
    struct task *task;
    const struct place *place; /** its id is of no meaning */
    struct uploads_use use;
    uint32_t removed;
    uint32_t removed_max;
};

static struct place place_beside(const struct tenant_uploads *uploads, struct id id)
{
    struct place place = *uploads->place;
    place.id = id;
    place.path = upload_folder(uploads->task, place.folder, id);
    return place;
}

static enum err remove_file(void *owner, const char *name)
{
    (void)unlinkat(*(int *)owner, name, 0);
    return ERR_NONE;
}

static void remove_folder(struct task *task, str path)
{
    int folder = open(arena_cstring(task->arena, path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) return;
    /* The head first: without it the rest is nothing to anybody. */
    (void)unlinkat(folder, "head", 0);
    enum err err = folder_walk(task, path, remove_file, &folder);
    close(folder);
    if (err == ERR_NONE) (void)rmdir(arena_cstring(task->arena, path));
}

static enum err count_one(void *owner, const char *name)
{
    struct tenant_uploads *uploads = owner;
    struct id id;
    struct upload upload;
    if (!id_parse(str_of(name), &id)) return ERR_NONE;
    struct place place = place_beside(uploads, id);
    enum err err = head_find(uploads->task, &place, &upload);
    uploads->task->fault = (struct fault){};
    if (err != ERR_NONE) return ERR_NONE;
    uploads->use.count++;
    uploads->use.bytes += upload.bytes;
    return ERR_NONE;
}

static enum err sweep_one(void *owner, const char *name)
{
    struct tenant_uploads *uploads = owner;
    struct task *task = uploads->task;
    struct id id;
    struct upload upload;
    struct stat found;
    if (!id_parse(str_of(name), &id) || uploads->removed == uploads->removed_max) return ERR_NONE;
    struct place place = place_beside(uploads, id);
    enum err err = head_find(task, &place, &upload);
    task->fault = (struct fault){};
    if (err == ERR_NONE) return ERR_NONE;
    /* Without a head it may be one that is being made. */
    if (stat(arena_cstring(task->arena, place.path), &found) == 0 &&
        task->now_ms - found.st_mtime * 1000 < UPLOAD_KEPT_MS && err == ERR_MISSING &&
        head_read(task, &place, &upload) != ERR_NONE) {
        task->fault = (struct fault){};
        return ERR_NONE;
    }
    task->fault = (struct fault){};
    remove_folder(task, place.path);
    uploads->removed++;
    return ERR_NONE;
}

/* Calls. */

enum err uploads_use(struct task *task, const struct space *space, struct uploads_use *use_out)
{
    struct place place;
    TRY(place_of(task, space, space->uuid, &place));
    struct tenant_uploads uploads = {.task = task, .place = &place};
    TRY(folder_walk(task, place.folder, count_one, &uploads));
    *use_out = uploads.use;
    return ERR_NONE;
}

enum err upload_create(struct task *task, const struct space *space, struct upload *upload)
{
    require(upload->name.len <= UPLOAD_NAME_BYTES_MAX);
    require(upload->bytes <= UPLOAD_BYTES_MAX);
    if (id_is_nil(upload->id)) upload->id = id_make();
    upload->created_at_ms = task->now_ms;
    struct place place;
    TRY(place_of(task, space, upload->id, &place));
    TRY(folder_make(task, arena_print(task->arena, "%s/uploads", space->store->folder)));
    TRY(folder_make(task, place.folder));
    TRY(folder_make(task, place.path));
    return head_write(task, &place, upload);
}

enum err upload_get(struct task *task, const struct space *space, struct id id,
                    struct upload *upload_out)
{
    struct place place;
    TRY(place_of(task, space, id, &place));
    TRY(head_find(task, &place, upload_out));
    return parts_read(task, &place, upload_out);
}

enum err upload_put(struct task *task, const struct space *space, struct id id, uint32_t number,
                    str bytes)
{
    require(number >= 1 && number <= UPLOAD_PARTS_MAX);
    struct place place;
    struct upload upload;
    TRY(place_of(task, space, id, &place));
    TRY(head_find(task, &place, &upload));
    if (bytes.len > UPLOAD_PART_BYTES_MAX)
        return fail(task, ERR_TOO_LARGE, "a part has at most %zu bytes", UPLOAD_PART_BYTES_MAX);
    TRY(parts_read(task, &place, &upload));
    uint64_t others = upload.bytes_there;
    for (uint32_t at = 0; at < upload.part_count; at++)
        if (upload.parts[at].number == number) others -= upload.parts[at].bytes;
    if (others + bytes.len > upload.bytes)
        return fail(task, ERR_TOO_LARGE,
                    "with this part there would be %llu bytes, but %llu were announced",
                    (unsigned long long)(others + bytes.len), (unsigned long long)upload.bytes);
    return part_write(task, &place, number, bytes);
}

enum err upload_is_whole(struct task *task, const struct upload *upload)
{
    for (uint32_t at = 0; at < upload->part_count; at++)
        if (upload->parts[at].number != at + 1)
            return fail(task, ERR_CONFLICT, "part %u of the upload is not there", at + 1);
    if (upload->bytes_there == upload->bytes) return ERR_NONE;
    return fail(task, ERR_CONFLICT, "of the upload's %llu bytes %llu are there",
                (unsigned long long)upload->bytes, (unsigned long long)upload->bytes_there);
}

enum err upload_keep(struct task *task, const struct space *space, struct id id, int64_t until_ms)
{
    struct place place;
    struct upload upload;
    TRY(place_of(task, space, id, &place));
    TRY(head_find(task, &place, &upload));
    upload.kept_until_ms = until_ms;
    return head_write(task, &place, &upload);
}

void upload_remove(struct task *task, const struct space *space, struct id id)
{
    remove_folder(task, upload_folder(task, tenant_folder(task, space), id));
}

struct tenant_removal {
    struct task *task;
    str folder;
};

static enum err remove_one(void *owner, const char *name)
{
    const struct tenant_removal *removal = owner;
    struct id id;
    if (id_parse(str_of(name), &id))
        remove_folder(removal->task, upload_folder(removal->task, removal->folder, id));
    return ERR_NONE;
}

void uploads_remove(struct task *task, const struct space *space)
{
    struct task quiet = {.arena = task->arena};
    struct tenant_removal removal = {&quiet, tenant_folder(&quiet, space)};
    if (folder_walk(&quiet, removal.folder, remove_one, &removal) == ERR_NONE)
        (void)rmdir(arena_cstring(task->arena, removal.folder));
}

static enum err note_any(void *owner, const char *)
{
    *(bool *)owner = true;
    return ERR_NONE;
}

bool uploads_any(struct task *task, const struct space *space)
{
    struct task quiet = {.arena = task->arena};
    bool has_any = false;
    enum err err = folder_walk(&quiet, tenant_folder(&quiet, space), note_any, &has_any);
    return err != ERR_NONE || has_any;
}

enum err uploads_sweep(struct task *task, const struct space *space, uint32_t max)
{
    struct place place;
    TRY(place_of(task, space, space->uuid, &place));
    struct tenant_uploads uploads = {.task = task, .place = &place, .removed_max = max};
    return folder_walk(task, place.folder, sweep_one, &uploads);
}

/* Reading. */

struct reader {
    struct source source;
    struct arena arena; /** of the list of parts */
    struct arena part_arena;
    struct place place;
    struct upload upload;
    uint32_t part; /** that is in memory, as a place in the list; UINT32_MAX: none */
    uint64_t part_from;
    str bytes;
};

static bool reader_take(struct reader *reader, uint32_t part, uint64_t from)
{
    struct task task;
    arena_clear(&reader->part_arena);
    task_init(&task, &reader->part_arena);
    reader->part = UINT32_MAX;
    if (part_read(&task, &reader->place, reader->upload.parts[part].number, &reader->bytes) !=
        ERR_NONE) {
        reader->source.fault = "a part of the upload is gone or damaged";
        return false;
    }
    reader->part = part;
    reader->part_from = from;
    return true;
}

static bool read_parts(struct source *source, uint64_t from, char *room, size_t bytes,
                       size_t *got_out)
{
    struct reader *reader = (struct reader *)source;
    const struct upload *upload = &reader->upload;
    *got_out = 0;
    uint64_t begin = 0;
    for (uint32_t part = 0; part < upload->part_count; part++) {
        uint64_t end = begin + upload->parts[part].bytes;
        if (from < end) {
            if (reader->part != part && !reader_take(reader, part, begin)) return false;
            str rest = str_first(str_from(reader->bytes, (size_t)(from - begin)), bytes);
            memcpy(room, rest.at, rest.len);
            *got_out = rest.len;
            return true;
        }
        begin = end;
    }
    return true;
}

enum err upload_open(struct task *task, const struct space *space, struct id id,
                     struct source **source_out)
{
    struct reader *reader = memory_take(sizeof *reader);
    arena_init(&reader->arena, READER_ARENA_BYTES);
    arena_init(&reader->part_arena, READER_ARENA_BYTES);
    struct task own = *task;
    own.arena = &reader->arena;
    own.fault = (struct fault){};
    enum err err = place_of(&own, space, id, &reader->place);
    if (err == ERR_NONE) err = head_find(&own, &reader->place, &reader->upload);
    if (err == ERR_NONE) err = parts_read(&own, &reader->place, &reader->upload);
    reader->part = UINT32_MAX;
    reader->source.read = read_parts;
    reader->source.bytes = reader->upload.bytes_there;
    if (err == ERR_NONE) {
        *source_out = &reader->source;
        return ERR_NONE;
    }
    str detail = arena_copy(task->arena, own.fault.detail);
    upload_close(&reader->source);
    return fail(task, err, "%.*s", FMT(detail));
}

void upload_close(struct source *source)
{
    struct reader *reader = (struct reader *)source;
    if (reader == nullptr) return;
    arena_drop(&reader->arena);
    arena_drop(&reader->part_arena);
    bytes_wipe(&reader->place.keys, sizeof reader->place.keys);
    memory_give(reader);
}
