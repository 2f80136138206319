#include "sources.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/require.h"

constexpr size_t NAME_BYTES_MAX = 40; /** Lua cuts names of chunks at 60 */

static bool is_name(str name)
{
    if (!str_ends(name, S(".lua")) || name.len > NAME_BYTES_MAX) return false;
    str stem = str_first(name, name.len - S(".lua").len);
    for (size_t i = 0; i < stem.len; i++) {
        char byte = stem.at[i];
        if (!((byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '_'))
            return false;
    }
    return stem.len > 0;
}

static bool read_file(struct arena *arena, int folder, const char *name, str *text_out)
{
    int file = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0) return false;
    struct stat stat;
    bool is_read = fstat(file, &stat) == 0 && S_ISREG(stat.st_mode);
    char *bytes = arena_take_raw(arena, SOURCE_BYTES_MAX + 1);
    size_t len = 0;
    while (is_read && len <= SOURCE_BYTES_MAX) {
        ssize_t got = read(file, bytes + len, SOURCE_BYTES_MAX + 1 - len);
        if (got < 0) is_read = false;
        if (got <= 0) break;
        len += (size_t)got;
    }
    close(file);
    *text_out = (str){bytes, len};
    return is_read && len <= SOURCE_BYTES_MAX;
}

/** Puts a name in its place among those before it; false when there is no room. */
static bool insert_name(const char **names, uint32_t *count, const char *name)
{
    if (*count == SOURCES_MAX) return false;
    uint32_t to = (*count)++;
    for (; to > 0 && strcmp(names[to - 1], name) > 0; to--) names[to] = names[to - 1];
    names[to] = name;
    return true;
}

static str last_component(str path)
{
    while (path.len > 1 && path.at[path.len - 1] == '/') path.len--;
    str rest = path;
    str part;
    while (str_cut(rest, '/', &part, &rest)) {
    }
    return str_first(part, 16);
}

bool sources_read(struct arena *arena, str folder, struct sources *sources_out, str *reason_out)
{
    require(sources_out != nullptr);
    *sources_out = (struct sources){};
    DIR *listing = opendir(arena_cstring(arena, folder));
    if (listing == nullptr) {
        *reason_out = arena_print(arena, "%.*s: this folder cannot be opened", FMT(folder));
        return false;
    }
    const char **names = arena_new(arena, const char *, SOURCES_MAX);
    uint32_t count = 0;
    bool has_room = true;
    for (struct dirent *entry; has_room && (entry = readdir(listing)) != nullptr;) {
        str name = str_of(entry->d_name);
        if (is_name(name)) has_room = insert_name(names, &count, arena_cstring(arena, name));
    }
    *reason_out = arena_print(arena, "%.*s: holds no declarations, or more than %u files",
                              FMT(folder), SOURCES_MAX);
    bool is_read = has_room && count > 0;
    sources_out->items = arena_new(arena, struct source, count);
    str shown = last_component(folder);
    for (uint32_t i = 0; is_read && i < count; i++) {
        struct source *source = &sources_out->items[sources_out->count++];
        source->chunk_name = arena_print(arena, "@%.*s/%s%c", FMT(shown), names[i], 0).at;
        is_read = read_file(arena, dirfd(listing), names[i], &source->text);
        if (!is_read)
            *reason_out = arena_print(arena, "%s: cannot be read, or is longer than %zu bytes",
                                      source->chunk_name + 1, SOURCE_BYTES_MAX);
    }
    closedir(listing);
    return is_read;
}
