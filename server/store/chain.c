#include "store/chain.h"

#include <inttypes.h>

#include "base/require.h"
#include "store/change_log.h"
#include "store/walk.h"

constexpr uint32_t SLICE_ENTRIES = 2000;
constexpr uint64_t MOVED_MAX =
    64; /** places either way where an entry out of place is looked for */

struct proving {
    struct task *task;
    const struct space *space;
    const struct chain_link *anchor;
    struct chain_proof *proof;
    struct hash chain; /** up to `sequence` */
    uint32_t key_at;   /** by which the entry before was chained */
    uint64_t sequence; /** that holds */
    int64_t at_ms;     /** of it */
    bool has_anchor;   /** it was met */
    bool is_over;
};

[[gnu::format(printf, 4, 5)]] static void broken(struct proving *self, uint64_t sequence,
                                                 int64_t at_ms, const char *format, ...)
{
    struct chain_proof *proof = self->proof;
    if (proof->is_broken) return;
    va_list arguments;
    va_start(arguments, format);
    proof->what = arena_vprint(self->task->arena, format, arguments);
    va_end(arguments);
    proof->is_broken = true;
    proof->broken_at = sequence;
    proof->broken_at_ms = at_ms;
    self->is_over = true;
}

/** The number under which this stored value was written, if it is near; 0: none. */
static uint64_t place_of(const struct proving *self, uint64_t sequence, str stored)
{
    const struct space *space = self->space;
    uint64_t first = sequence > MOVED_MAX ? sequence - MOVED_MAX : 1;
    for (uint64_t at = first; at <= sequence + MOVED_MAX; at++) {
        struct row_key key;
        str value;
        row_key_log(&key, space, at);
        if (row_open(&space->hash_key, space->uuid, DATABASE_CHANGES, row_key_str(&key), stored,
                     &value))
            return at;
    }
    return 0;
}

/** The value is not what was written under its key. */
static void damaged(struct proving *self, uint64_t sequence, str stored)
{
    struct log_row row;
    uint64_t place = place_of(self, sequence, stored);
    bool is_read = log_row_read(sequence, str_from(stored, VALUE_HASH_BYTES), &row);
    int64_t at_ms = is_read ? row.entry.at_ms : self->at_ms;
    if (place > 0)
        broken(self, sequence, at_ms,
               "out of order: what stands here was written as entry %" PRIu64, place);
    else broken(self, sequence, at_ms, "altered: its stored hash does not fit");
}

static void gap_prove(struct proving *self, struct log_gap *gap)
{
    const struct chain_link *anchor = self->anchor;
    if (!log_gap_is_proven(self->space->store, self->space->uuid, &self->chain, gap)) {
        broken(self, gap->first, self->at_ms, "altered: what was folded here does not fit");
        return;
    }
    self->proof->folded_count += gap->last - gap->first + 1;
    self->sequence = gap->last;
    self->chain = gap->chain;
    self->at_ms = 0;
    if (anchor != nullptr && anchor->sequence >= gap->first && anchor->sequence < gap->last)
        broken(self, anchor->sequence, 0,
               "the anchor lies in what was folded since, so it proves nothing any more");
}

static void entry_prove(struct proving *self, uint64_t sequence, const struct log_row *row)
{
    const struct store *store = self->space->store;
    struct chain_proof *proof = self->proof;
    if (!log_row_is_chained(store, self->space->uuid, &self->chain, row, &self->key_at)) {
        broken(self, sequence, row->entry.at_ms,
               "altered: it does not follow from the entry before it");
        return;
    }
    if (row->entry.body.len > 0) {
        if (!log_row_has_body(store, row)) {
            broken(self, sequence, row->entry.at_ms, "altered: its body is not the one chained");
            return;
        }
    } else {
        proof->erased_count++;
    }
    if (proof->entry_count++ == 0) proof->first_at_ms = row->entry.at_ms;
    self->sequence = sequence;
    self->chain = row->chain;
    self->at_ms = row->entry.at_ms;
}

static void anchor_meet(struct proving *self)
{
    const struct chain_link *anchor = self->anchor;
    if (self->is_over || anchor == nullptr || anchor->sequence != self->sequence) return;
    self->has_anchor = true;
    if (memcmp(anchor->hash.bytes, self->chain.bytes, HASH_BYTES) != 0)
        broken(self, self->sequence, self->at_ms,
               "another history: at the anchor the chain is not the one that was noted");
}

static void row_prove(struct proving *self, uint64_t sequence, str key, str stored)
{
    const struct space *space = self->space;
    str value;
    struct log_row row;
    struct log_gap gap;
    if (sequence != self->sequence + 1) {
        broken(self, self->sequence + 1, self->at_ms,
               "missing: behind entry %" PRIu64 " comes entry %" PRIu64, self->sequence, sequence);
        return;
    }
    if (!row_open(&space->hash_key, space->uuid, DATABASE_CHANGES, key, stored, &value)) {
        damaged(self, sequence, stored);
        return;
    }
    if (log_gap_read(value, &gap)) {
        gap.first = sequence;
        gap_prove(self, &gap);
    } else if (log_row_read(sequence, value, &row)) {
        entry_prove(self, sequence, &row);
    } else {
        broken(self, sequence, self->at_ms, "altered: it cannot be read");
    }
    anchor_meet(self);
}

static enum err slice_prove(struct proving *self, struct txn *txn)
{
    struct walk walk;
    struct row_key prefix;
    char number[8];
    bytes_put_uint64(number, self->sequence + 1);
    row_prefix_log(&prefix, &txn->space);
    row_bounds_all(&walk.bounds, &prefix);
    row_bounds_from(&walk.bounds, (str){number, 8}, false);
    walk_open(&walk, txn, DATABASE_CHANGES, false);
    bool has_row = true;
    enum err err = ERR_NONE;
    for (uint32_t count = 0; count < SLICE_ENTRIES && !self->is_over; count++) {
        str key, stored;
        err = walk_next(&walk, &has_row, &key, &stored);
        if (err != ERR_NONE || !has_row) break;
        row_prove(self, bytes_uint64(key.at + key.len - 8), key, stored);
    }
    walk_close(&walk);
    self->is_over = self->is_over || !has_row;
    return err;
}

static void end_prove(struct proving *self)
{
    const struct chain_link *anchor = self->anchor;
    if (anchor == nullptr || self->has_anchor || self->proof->is_broken) return;
    if (anchor->sequence > self->sequence)
        broken(self, self->sequence + 1, self->at_ms,
               "cut off: the log ends with entry %" PRIu64 ", but it had %" PRIu64, self->sequence,
               anchor->sequence);
}

enum err chain_prove(struct task *task, const struct space *space, const struct chain_link *anchor,
                     struct chain_proof *proof_out)
{
    *proof_out = (struct chain_proof){};
    struct proving self = {
        .task = task,
        .space = space,
        .anchor = anchor,
        .proof = proof_out,
        .chain = log_chain_start(space->store, space->uuid),
    };
    anchor_meet(&self); /* of an empty log */
    while (!self.is_over) {
        struct txn *txn;
        TRY(txn_open(task, space, &txn));
        enum err err = slice_prove(&self, txn);
        txn_close(txn);
        TRY(err);
    }
    end_prove(&self);
    proof_out->head = (struct chain_link){self.sequence, self.chain, self.at_ms};
    return ERR_NONE;
}

enum err chain_head(struct txn *txn, struct chain_link *head_out)
{
    struct log_entry newest;
    uint64_t sequence = txn_log_newest(txn);
    if (txn->broken != ERR_NONE) return txn->broken;
    *head_out = (struct chain_link){.sequence = sequence, .hash = txn->log_chain};
    if (sequence == 0) return ERR_NONE;
    enum err err = txn_log_from(txn, sequence, &newest);
    if (err == ERR_NONE && newest.sequence == sequence) head_out->at_ms = newest.at_ms;
    /* What was folded last has no time of its own. */
    return err == ERR_MISSING ? ERR_NONE : err;
}

str chain_link_text(struct arena *arena, const struct chain_link *link)
{
    struct buf text = buf_make(arena, CHAIN_TEXT_BYTES_MAX + 1);
    buf_print(&text, "%" PRIu64 ":", link->sequence);
    for (size_t at = 0; at < HASH_BYTES; at++) buf_print(&text, "%02x", link->hash.bytes[at]);
    require(!buf_is_over(&text));
    return buf_str(&text);
}

static int digit_of(char byte)
{
    if (byte >= '0' && byte <= '9') return byte - '0';
    if (byte >= 'a' && byte <= 'f') return byte - 'a' + 10;
    return -1;
}

bool chain_link_parse(str text, struct chain_link *link_out)
{
    str number, digits;
    int64_t sequence;
    *link_out = (struct chain_link){};
    if (!str_cut(text, ':', &number, &digits) || digits.len != 2 * HASH_BYTES) return false;
    if (!str_to_int64(number, &sequence) || sequence < 0) return false;
    link_out->sequence = (uint64_t)sequence;
    for (size_t at = 0; at < HASH_BYTES; at++) {
        int high = digit_of(digits.at[2 * at]), low = digit_of(digits.at[2 * at + 1]);
        if (high < 0 || low < 0) return false;
        link_out->hash.bytes[at] = (uint8_t)(high << 4 | low);
    }
    return true;
}
