/** raw_lmdb: what LMDB alone takes for the rows that creates of some tenants wrote.
 *
 *  Reads every row of every tenant from a stopped server's data directory, puts them into creates
 *  by the id in each key (ids are in time order) or the sequence of log entries, and writes the
 *  same keys and values, in groups of the same size, into a fresh environment with the same
 *  settings: one transaction and one sync for each group.
 *  Usage: raw_lmdb DATA CREATES GROUP FOLDER; prints creates, rows, bytes, commits and seconds.
 */
#include <errno.h>
#include <lmdb.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DATABASES_MAX 16
#define ROWS_MAX ((size_t)64 << 20)
#define ID_BYTES 16

struct row {
    unsigned database;
    uint64_t order; /* first half of the record's id, or the sequence of a log entry */
    MDB_val key, value;
};

static struct row *rows;
static size_t row_count, row_capacity;
static char *names[DATABASES_MAX];
static unsigned database_count;
static uint64_t *ids; /* of the created records, in order */
static size_t id_count, id_capacity;
static uint64_t create_count;

static void must(int code, const char *what)
{
    if (code == 0) return;
    fprintf(stderr, "raw_lmdb: %s: %s\n", what, mdb_strerror(code));
    exit(1);
}

static uint64_t number_at(const MDB_val *key, size_t at)
{
    uint64_t number = 0;
    for (size_t byte = 0; byte < 8; byte++)
        number = number << 8 | ((const unsigned char *)key->mv_data)[at + byte];
    return number;
}

static MDB_val copy(const MDB_val *from)
{
    MDB_val made = {from->mv_size, malloc(from->mv_size + 1)};
    if (made.mv_data == NULL) must(ENOMEM, "rows");
    memcpy(made.mv_data, from->mv_data, from->mv_size);
    return made;
}

static void add_row(unsigned database, uint64_t order, const MDB_val *key, const MDB_val *value)
{
    if (row_count == ROWS_MAX) must(ENOMEM, "too many rows");
    if (row_count == row_capacity) {
        row_capacity = row_capacity == 0 ? 1024 : row_capacity * 2;
        rows = realloc(rows, row_capacity * sizeof *rows);
        if (rows == NULL) must(ENOMEM, "rows");
    }
    rows[row_count++] = (struct row){database, order, copy(key), copy(value)};
}

/* Keys: tenant 4, then for records entity 2 and id; index and text end with an id; changes: 00 and
 * sequence, or 01, entity 2, id, sequence. */
static uint64_t order_of(const char *name, const MDB_val *key)
{
    const unsigned char *at = key->mv_data;
    if (strcmp(name, "records") == 0 && key->mv_size == 6 + ID_BYTES) return number_at(key, 6);
    if (strcmp(name, "changes") == 0 && key->mv_size == 13 && at[4] == 0) return number_at(key, 5);
    if (strcmp(name, "changes") == 0 && key->mv_size == 7 + ID_BYTES + 8) return number_at(key, 7);
    if (key->mv_size >= 6 + ID_BYTES) return number_at(key, key->mv_size - ID_BYTES);
    return 0;
}

/* Tenant 0 is the instance itself. */
static void read_database(MDB_txn *txn, unsigned database)
{
    MDB_dbi dbi;
    MDB_cursor *cursor;
    must(mdb_dbi_open(txn, names[database], 0, &dbi), names[database]);
    must(mdb_cursor_open(txn, dbi, &cursor), "cursor");
    static unsigned char first[4] = {0, 0, 0, 1};
    MDB_val key = {4, first}, value;
    int code = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
    while (code == 0) {
        add_row(database, order_of(names[database], &key), &key, &value);
        code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    }
    if (code != 0 && code != MDB_NOTFOUND) must(code, "walk");
    mdb_cursor_close(cursor);
}

static void read_all(const char *folder)
{
    MDB_env *environment;
    MDB_txn *txn;
    MDB_dbi main_dbi;
    MDB_cursor *cursor;
    MDB_val key, value;
    must(mdb_env_create(&environment), "environment");
    must(mdb_env_set_maxdbs(environment, DATABASES_MAX), "databases");
    must(mdb_env_open(environment, folder, MDB_RDONLY | MDB_NOTLS, 0600), folder);
    must(mdb_txn_begin(environment, NULL, MDB_RDONLY, &txn), "read");
    must(mdb_dbi_open(txn, NULL, 0, &main_dbi), "main");
    must(mdb_cursor_open(txn, main_dbi, &cursor), "cursor");
    while (mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == 0 && database_count < DATABASES_MAX)
        names[database_count++] = strndup(key.mv_data, key.mv_size);
    mdb_cursor_close(cursor);
    for (unsigned database = 0; database < database_count; database++)
        if (strcmp(names[database], "system") != 0) read_database(txn, database);
    mdb_txn_abort(txn);
    mdb_env_close(environment);
}

static int compare_numbers(const void *left, const void *right)
{
    uint64_t x = *(const uint64_t *)left, y = *(const uint64_t *)right;
    return (x > y) - (x < y);
}

static int compare_rows(const void *left, const void *right)
{
    const struct row *x = left, *y = right;
    return (x->order > y->order) - (x->order < y->order);
}

/* Replaces ids by the number of the create that made them, so that log entries and ids agree. */
static void number_creates(void)
{
    for (size_t at = 0; at < row_count; at++) {
        if (strcmp(names[rows[at].database], "records") != 0) continue;
        if (id_count == id_capacity) {
            id_capacity = id_capacity == 0 ? 1024 : id_capacity * 2;
            ids = realloc(ids, id_capacity * sizeof *ids);
            if (ids == NULL) must(ENOMEM, "ids");
        }
        ids[id_count++] = rows[at].order;
    }
    if (id_count == 0) must(MDB_NOTFOUND, "the tenant's records");
    qsort(ids, id_count, sizeof *ids, compare_numbers);
    uint64_t sequence_max = 1;
    for (size_t at = 0; at < row_count; at++)
        if (rows[at].order < ids[0] && rows[at].order > sequence_max) sequence_max = rows[at].order;
    for (size_t at = 0; at < row_count; at++) {
        double place;
        if (rows[at].order >= ids[0]) {
            size_t low = 0, high = id_count;
            while (low < high) {
                size_t middle = (low + high) / 2;
                if (ids[middle] < rows[at].order) low = middle + 1;
                else high = middle;
            }
            place = (double)low / (double)id_count;
        } else {
            place = (double)(rows[at].order == 0 ? 0 : rows[at].order - 1) / (double)sequence_max;
        }
        rows[at].order = (uint64_t)(place * (double)create_count);
    }
    qsort(rows, row_count, sizeof *rows, compare_rows);
}

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void write_all(const char *folder, uint64_t group)
{
    MDB_env *environment;
    MDB_txn *txn;
    MDB_dbi dbis[DATABASES_MAX];
    must(mdb_env_create(&environment), "environment");
    must(mdb_env_set_maxdbs(environment, DATABASES_MAX), "databases");
    must(mdb_env_set_mapsize(environment, (size_t)64 << 30), "map");
    must(mdb_env_open(environment, folder, MDB_NOTLS, 0600), folder);
    must(mdb_txn_begin(environment, NULL, 0, &txn), "begin");
    for (unsigned at = 0; at < database_count; at++)
        must(mdb_dbi_open(txn, names[at], MDB_CREATE, &dbis[at]), names[at]);
    must(mdb_txn_commit(txn), "commit");

    uint64_t commits = 0, bytes = 0;
    double begun = seconds_now();
    for (size_t at = 0; at < row_count;) {
        uint64_t end = rows[at].order / group * group + group;
        must(mdb_txn_begin(environment, NULL, 0, &txn), "begin");
        for (; at < row_count && rows[at].order < end; at++) {
            bytes += rows[at].key.mv_size + rows[at].value.mv_size;
            must(mdb_put(txn, dbis[rows[at].database], &rows[at].key, &rows[at].value, 0), "put");
        }
        must(mdb_txn_commit(txn), "commit");
        commits += 1;
    }
    double seconds = seconds_now() - begun;
    printf("{\"creates\":%llu,\"rows\":%zu,\"bytes\":%llu,\"commits\":%llu,\"seconds\":%.6f}\n",
           (unsigned long long)create_count, row_count, (unsigned long long)bytes,
           (unsigned long long)commits, seconds);
    mdb_env_close(environment);
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "usage: raw_lmdb DATA CREATES GROUP FOLDER\n");
        return 2;
    }
    create_count = strtoull(argv[2], NULL, 10);
    uint64_t group = strtoull(argv[3], NULL, 10);
    if (group == 0 || create_count == 0) return 2;
    read_all(argv[1]);
    number_creates();
    write_all(argv[4], group);
    return 0;
}
