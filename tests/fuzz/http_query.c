/* Paths, hosts, query strings and cookies of any bytes: what is accepted keeps its promises. */
#include "base/fold.h"
#include "base/require.h"
#include "http/query.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static bool has_control(str text)
{
    for (size_t at = 0; at < text.len; at++)
        if ((uint8_t)text.at[at] < 0x20 || text.at[at] == 0x7f) return true;
    return false;
}

static void try_path(struct arena *arena, str text)
{
    str path;
    if (!path_decode(arena, text, &path)) return;
    require(path.len > 0 && path.len <= text.len);
    require(path.at[0] == '/');
    require(utf8_is_valid(path));
    require(!has_control(path));
    require(str_find_byte(path, '\\') == SIZE_MAX);
    char *whole = arena_cstring(arena, path);
    require(strstr(whole, "//") == nullptr);
    require(strstr(whole, "/../") == nullptr);
    require(strstr(whole, "/./") == nullptr);
    require(!str_ends(path, S("/..")) && !str_ends(path, S("/.")));
}

static void try_host(struct arena *arena, str text)
{
    str host_and_port, host;
    if (!authority_read(arena, text, &host_and_port, &host)) return;
    require(host.len > 0 && host.len <= host_and_port.len);
    require(host_and_port.len == text.len);
    require(!has_control(host_and_port));
    require(str_starts(host_and_port, host));
    for (size_t at = 0; at < host.len; at++) require(host.at[at] < 'A' || host.at[at] > 'Z');
}

static void try_query(struct arena *arena, str text)
{
    struct cursor query = cursor_of(text);
    str name, value;
    bool is_broken = false;
    for (const char *before = nullptr; http_query_next(arena, &query, &name, &value, &is_broken);
         before = query.at) {
        require(query.at > before);
        require(query.at <= query.end);
        require(utf8_is_valid(name) && utf8_is_valid(value));
        require(name.len + value.len <= text.len);
        if (is_broken) require(query.at == query.end);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct arena arena;
    str text = {(const char *)bytes, len};
    arena_init(&arena, 64 << 20);
    try_path(&arena, text);
    try_host(&arena, text);
    try_query(&arena, text);
    str decoded;
    if (http_query_decode(&arena, text, true, &decoded)) require(decoded.len <= text.len);
    str name, header;
    (void)str_cut(text, '\n', &name, &header);
    str cookie = http_cookie(header, name);
    require(cookie.len <= header.len);
    require(cookie.len == 0 ||
            (cookie.at >= header.at && cookie.at + cookie.len <= header.at + header.len));
    arena_drop(&arena);
    return 0;
}
