/** archive: files of sealed rows: backups, and tenants on their way to another instance.
 *
 *  Floor   store, inside.
 *  Thread  any; one at a time.
 *  Bytes   numbers big-endian
 *
 *    magic 8 | version 4
 *    for each space, the instance first:
 *      'S' | length 4 | [number, wrapped data key or nil] | stream header 24
 *      chunks: length 4 | sealed ≤ 64 KiB of plain bytes (+ 17), the last one marked so inside
 *      the plain bytes of all chunks in a row: MessagePack values, among them rows
 *      [database, key, value]
 *    'E' | length 4 | sealed [number of spaces, number of rows, running hash]
 *
 *  A space's stream key is derived from its data key, or from the instance's when it has none
 *  (never made, or shredded). The running hash goes over every piece before the end; the end is
 *  sealed under a key derived from the file's own key, which also wraps the data keys. So a file
 *  that is cut short, altered, or put together from two is refused.
 *
 *  A backup (ATRIUMBK) holds all spaces with keys and values as they are stored; its key is the
 *  master key. A moving tenant (ATRIUMTN) is one space without the instance: first a map that says
 *  whose it is, then rows whose keys lack the tenant's number and whose values lack their hash; its
 *  key is a random one.
 */
#pragma once

#include "store/environment.h"
#include "value/value.h"

constexpr size_t ARCHIVE_MAGIC_BYTES = 8;
static const char ARCHIVE_MAGIC[ARCHIVE_MAGIC_BYTES] = {'A', 'T', 'R', 'I', 'U', 'M', 'B', 'K'};
static const char MOVE_MAGIC[ARCHIVE_MAGIC_BYTES] = {'A', 'T', 'R', 'I', 'U', 'M', 'T', 'N'};
constexpr uint32_t ARCHIVE_VERSION = 1; /** of both */
constexpr size_t ARCHIVE_CHUNK_BYTES = 64 * KIB;
constexpr size_t ARCHIVE_HEAD_BYTES_MAX = 16 * KIB; /** of a space's head and of the end */
constexpr size_t ARCHIVE_ROOM_BYTES = ROW_BYTES_MAX + ARCHIVE_CHUNK_BYTES + KIB;

/** The running hash with one more piece. */
static inline struct hash archive_hash(const struct hash *before, str piece)
{
    const str parts[] = {{(const char *)before->bytes, HASH_BYTES}, piece};
    return hash_of(nullptr, parts, 2);
}

static inline struct secret_key archive_space_key(const struct secret_key *data_key,
                                                  uint32_t number)
{
    return key_derive(data_key, number, "backupsp");
}

static inline struct secret_key archive_end_key(const struct secret_key *file_key)
{
    return key_derive(file_key, 0, "backupen");
}

/* Writing. False: errno says why. */

struct archive_writer {
    int file;
    char *name;         /** of the finished file */
    char *part;         /** of the unfinished one */
    struct arena arena; /** of one row or head at a time */
    struct hash running;
    uint64_t space_count;
    uint64_t row_count;
    struct seal_stream stream;
    size_t plain_len;
    char plain[ARCHIVE_CHUNK_BYTES];
    char sealed[4 + ARCHIVE_CHUNK_BYTES + STREAM_EXTRA_BYTES];
};

/** Opens `file`.part, locked, and writes the head. ERR_CONFLICT: it is being written, or `file` is
 *  there and is no file. */
enum err archive_open(struct task *task, str file, const char *magic,
                      struct archive_writer **writer_out);
/** Gives the file its name when `err` is ERR_NONE, otherwise removes it; gives `err` or what went
 *  wrong. */
enum err archive_close(struct task *task, struct archive_writer *writer, enum err err);
/** What errno says of a file that could not be written. */
enum err archive_unwritten(struct task *task, const struct archive_writer *writer);

/** `wrapped`: the data key under the file's key; empty when there is none. */
bool archive_space_begin(struct archive_writer *writer, uint32_t number, str wrapped,
                         const struct secret_key *stream_key);
bool archive_value(struct archive_writer *writer, str encoded);
bool archive_row(struct archive_writer *writer, enum database database, str key, str value);
bool archive_space_end(struct archive_writer *writer);
bool archive_end(struct archive_writer *writer, const char *magic,
                 const struct secret_key *file_key);

/* Reading. */

struct archive_reader {
    struct task *task;
    str name;
    int file;
    struct hash running;
    struct hash running_before; /** of the head that was read last */
    uint64_t space_count;
    uint64_t row_count; /** counted by who takes them */
    struct seal_stream stream;
    char *room; /** ARCHIVE_ROOM_BYTES: plain bytes of values not yet whole */
    size_t room_len;
    size_t room_peak;
    /** Takes each value of a stream. */
    enum err (*take)(struct archive_reader *reader, const struct value *value);
    char head[ARCHIVE_HEAD_BYTES_MAX];
    char sealed[4 + ARCHIVE_CHUNK_BYTES + STREAM_EXTRA_BYTES];
};

/** Opens the file. ERR_MISSING: it is not there. */
enum err archive_reader_open(struct task *task, str file, struct archive_reader *reader);
void archive_reader_close(struct archive_reader *reader);
/** ERR_CORRUPT: cut short, altered, or sealed with another key. */
enum err archive_distrust(struct archive_reader *reader);
/** Magic and version; `what` it should be: `a backup`. */
enum err archive_read_begin(struct archive_reader *reader, const char *magic, const char *what);
/** The head of the next space, or the end ('S', 'E'). */
enum err archive_read_head(struct archive_reader *reader, char *kind_out, str *head_out);
/** The number and the wrapped key of a space's head. */
enum err archive_read_space(struct archive_reader *reader, str head, int64_t *number_out,
                            struct value *wrapped_out);
/** All values of a space, each given to `take`. */
enum err archive_read_stream(struct archive_reader *reader, const struct secret_key *stream_key);
/** A row's parts. */
enum err archive_read_row(struct archive_reader *reader, const struct value *list,
                          enum database *database_out, str *key_out, str *value_out);
/** The end must name what was read, and nothing may follow. */
enum err archive_read_end(struct archive_reader *reader, const char *magic, str sealed,
                          const struct secret_key *file_key);
