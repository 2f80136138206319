/** archive: the file of a backup, sealed tenant by tenant.
 *
 *  Floor   store, inside.
 *  Thread  any; one at a time.
 *  Bytes   numbers big-endian
 *
 *    "ATRIUMBK" | version 4
 *    for each space, the instance first:
 *      'S' | length 4 | [number, wrapped data key or nil] | stream header 24
 *      chunks: length 4 | sealed ≤ 64 KiB of plain bytes (+ 17), the last one marked so inside
 *      the plain bytes of all chunks in a row: [database, key, stored value], …
 *    'E' | length 4 | sealed [number of spaces, number of rows, running hash]
 *
 *  A space's stream key is derived from its data key, or from the instance's when it has none
 *  (never made, or shredded). The running hash goes over every piece before the end; the end is
 *  sealed under a key derived from the master key. So a file that is cut short, altered, or put
 *  together from two is refused.
 */
#pragma once

#include "store/environment.h"

static const char ARCHIVE_MAGIC[8] = {'A', 'T', 'R', 'I', 'U', 'M', 'B', 'K'};
constexpr uint32_t ARCHIVE_VERSION = 1;
constexpr size_t ARCHIVE_CHUNK_BYTES = 64 * KIB;
constexpr size_t ARCHIVE_HEAD_BYTES_MAX = 4 * KIB; /** of a space's head and of the end */

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

static inline struct secret_key archive_end_key(const struct secret_key *master_key)
{
    return key_derive(master_key, 0, "backupen");
}
