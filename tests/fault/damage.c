/** damage: what somebody with the disk could do to a tenant's change log; for tests.
 *
 *  damage FOLDER flip|delete|swap|cut TENANT SEQUENCE: one bit of the entry's value, the entry, the
 *  entry and the next one, or the entry and all behind it. Prints nothing; exits 1 when it cannot.
 */
#include <lmdb.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRY(call) \
    do { \
        int code = (call); \
        if (code != 0) { \
            fprintf(stderr, "%s: %s\n", #call, mdb_strerror(code)); \
            exit(1); \
        } \
    } while (0)

static unsigned char key_bytes[13];

static MDB_val key_of(uint32_t tenant, uint64_t sequence)
{
    for (int at = 3; at >= 0; at--, tenant >>= 8) key_bytes[at] = (unsigned char)tenant;
    key_bytes[4] = 0;
    for (int at = 12; at >= 5; at--, sequence >>= 8) key_bytes[at] = (unsigned char)sequence;
    return (MDB_val){sizeof key_bytes, key_bytes};
}

struct copy {
    size_t len;
    unsigned char bytes[65536];
};

static void get(MDB_txn *txn, MDB_dbi changes, MDB_val key, struct copy *copy)
{
    MDB_val value;
    TRY(mdb_get(txn, changes, &key, &value));
    copy->len = value.mv_size;
    memcpy(copy->bytes, value.mv_data, value.mv_size);
}

static void put(MDB_txn *txn, MDB_dbi changes, MDB_val key, struct copy *copy)
{
    MDB_val value = {copy->len, copy->bytes};
    TRY(mdb_put(txn, changes, &key, &value, 0));
}

int main(int argc, char **argv)
{
    MDB_env *mdb;
    MDB_txn *txn;
    MDB_dbi changes;
    static struct copy one, other;
    if (argc != 5) return 1;
    uint32_t tenant = (uint32_t)strtoul(argv[3], NULL, 10);
    uint64_t sequence = strtoull(argv[4], NULL, 10);
    TRY(mdb_env_create(&mdb));
    TRY(mdb_env_set_maxdbs(mdb, 8));
    TRY(mdb_env_open(mdb, argv[1], 0, 0600));
    TRY(mdb_txn_begin(mdb, NULL, 0, &txn));
    TRY(mdb_dbi_open(txn, "changes", 0, &changes));
    MDB_val key = key_of(tenant, sequence);
    get(txn, changes, key, &one);
    if (strcmp(argv[2], "flip") == 0) {
        one.bytes[one.len / 2] ^= 4;
        put(txn, changes, key, &one);
    } else if (strcmp(argv[2], "delete") == 0) {
        TRY(mdb_del(txn, changes, &key, NULL));
    } else if (strcmp(argv[2], "swap") == 0) {
        get(txn, changes, key_of(tenant, sequence + 1), &other);
        put(txn, changes, key_of(tenant, sequence), &other);
        put(txn, changes, key_of(tenant, sequence + 1), &one);
    } else if (strcmp(argv[2], "cut") == 0) {
        for (int code = 0; code == 0; sequence++) {
            key = key_of(tenant, sequence);
            code = mdb_del(txn, changes, &key, NULL);
        }
    } else {
        return 1;
    }
    TRY(mdb_txn_commit(txn));
    mdb_env_close(mdb);
    return 0;
}
