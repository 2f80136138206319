#include "value/source.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/require.h"

static bool read_text(struct source *source, uint64_t from, char *room, size_t bytes,
                      size_t *got_out)
{
    struct source_text *own = (struct source_text *)source;
    str rest = from > own->text.len ? (str){} : str_from(own->text, (size_t)from);
    rest = str_first(rest, bytes);
    if (rest.len > 0) memcpy(room, rest.at, rest.len);
    *got_out = rest.len;
    return true;
}

void source_of_text(struct source_text *source, str text)
{
    *source = (struct source_text){.source = {.read = read_text, .bytes = text.len}, .text = text};
}

static bool read_file(struct source *source, uint64_t from, char *room, size_t bytes,
                      size_t *got_out)
{
    struct source_file *own = (struct source_file *)source;
    *got_out = 0;
    if (!own->is_seekable && from != own->at) {
        source->fault = "this is no file on a disk, so it can be read only once";
        return false;
    }
    ssize_t got;
    do {
        got = own->is_seekable ? pread(own->file, room, bytes, (off_t)(own->from + from))
                               : read(own->file, room, bytes);
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
        source->fault = strerror(errno);
        return false;
    }
    own->at = from + (uint64_t)got;
    *got_out = (size_t)got;
    return true;
}

void source_of_file(struct source_file *source, int file)
{
    require(file >= 0);
    *source = (struct source_file){.source = {.read = read_file}, .file = file};
    struct stat stat;
    off_t at = lseek(file, 0, SEEK_CUR);
    source->is_seekable = at >= 0 && fstat(file, &stat) == 0 && S_ISREG(stat.st_mode);
    if (!source->is_seekable) return;
    source->from = (uint64_t)at;
    if (stat.st_size > at) source->source.bytes = (uint64_t)(stat.st_size - at);
}
