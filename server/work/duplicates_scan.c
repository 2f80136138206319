#include "work/duplicates_scan.h"

#include "base/clock.h"
#include "base/require.h"
#include "record/query.h"
#include "work/duplicates_pairs.h"
#include "work/import_pace.h"

constexpr uint32_t LOOKED_AT_MAX = 20'000;   /** records gathered in one step */
constexpr int64_t LOOK_NS_MAX = 200'000'000; /** of one step that only reads */
constexpr uint32_t WRITTEN_MAX = 200;        /** pairs of one turn in the lane */
constexpr uint32_t PAIRS_OF_RECORD_MAX = 1000;
constexpr size_t GIVEN_BYTES_MAX = 1 * KIB;

enum scan_phase : uint8_t { PHASE_GATHER, PHASE_WRITE, PHASE_CLEAN };

/** From open to close. */
struct duplicates_scan {
    enum scan_phase phase;
    struct pairs *pairs;
    struct id last; /** looked at: of the records, then of the pairs kept from before */
    uint32_t at;    /** pairs written */
    uint64_t looked_at, new, gone;
    struct import_pace pace;
    int64_t ended_ns; /** the turn in the lane */
};

/** The entity and its pairs', in the model of now. */
struct scanned {
    const struct entity *entity;
    const struct entity *pair;
    const struct field *first, *second, *why, *score, *state;
};

static enum err scanned_find(struct job_run *run, struct scanned *scanned)
{
    struct value number = value_of(run->job.given);
    *scanned = (struct scanned){};
    if (number.kind == VALUE_INT && number.integer > 0 && number.integer <= UINT16_MAX)
        scanned->entity = model_entity_by_number(run->tenant.model, (uint16_t)number.integer);
    if (scanned->entity != nullptr) scanned->pair = scanned->entity->duplicates;
    if (scanned->pair == nullptr)
        return fail(run->task, ERR_CONFLICT, "duplicates are not looked for here any more");
    scanned->first = entity_field(scanned->pair, S("first"));
    scanned->second = entity_field(scanned->pair, S("second"));
    scanned->why = entity_field(scanned->pair, S("why"));
    scanned->score = entity_field(scanned->pair, S("score"));
    scanned->state = entity_field(scanned->pair, S("state"));
    return ERR_NONE;
}

static struct view view_of(struct job_run *run, struct txn *txn)
{
    return (struct view){run->task, txn, run->tenant.model, &run->scope};
}

/* Gathering. */

/** Whoever archived one of two has decided. */
static bool is_archived(const struct record *record)
{
    const struct field *field = record->entity->archived_at;
    struct value since;
    return field != nullptr && value_find(record->value, field->number, &since);
}

static enum err gather(struct job_run *run, struct txn *txn, void *argument)
{
    struct duplicates_scan *self = argument;
    struct scanned scanned;
    TRY(scanned_find(run, &scanned));
    struct view view = view_of(run, txn);
    struct scan_range range = {.is_unbounded_from = true,
                               .is_unbounded_to = true,
                               .has_after = !id_is_nil(self->last),
                               .after_id = self->last};
    struct scan *scan = scan_records(txn, scanned.entity->number, &range);
    int64_t end_ns = clock_monotonic_ns() + LOOK_NS_MAX;
    bool has_entry = true;
    enum err err = ERR_NONE;
    for (uint32_t seen = 0; seen < LOOKED_AT_MAX && clock_monotonic_ns() < end_ns; seen++) {
        struct scan_entry entry;
        err = scan_next(scan, &has_entry, &entry);
        if (err != ERR_NONE || !has_entry) break;
        self->last = entry.id;
        struct record record;
        task_fault_clear(run->task);
        err = record_get(&view, scanned.entity, entry.id, &record);
        self->looked_at += err != ERR_MISSING;
        if (err == ERR_NONE && !is_archived(&record))
            err = pairs_add(self->pairs, run->task, &record);
        else if (err == ERR_MISSING) err = ERR_NONE; /* not in the scope */
        if (err != ERR_NONE) break;
    }
    scan_close(scan);
    TRY(err);
    task_fault_clear(run->task);
    if (has_entry) return ERR_NONE;
    pairs_find(self->pairs);
    self->phase = PHASE_WRITE;
    self->last = (struct id){};
    return ERR_NONE;
}

/* Pairs that are kept. */

struct kept {
    struct id id, first, second;
    int64_t score;
    str why, state;
};

static void kept_read(const struct scanned *scanned, struct id id, str value, struct kept *kept_out)
{
    uint64_t keys[] = {scanned->first->number, scanned->second->number, scanned->score->number,
                       scanned->why->number, scanned->state->number};
    struct value found[sizeof keys / sizeof *keys];
    value_find_all(value, keys, sizeof keys / sizeof *keys, found);
    *kept_out = (struct kept){.id = id};
    bool has_ids = found[0].kind == VALUE_BYTES && id_of_bytes(found[0].text, &kept_out->first) &&
                   found[1].kind == VALUE_BYTES && id_of_bytes(found[1].text, &kept_out->second);
    if (!has_ids) kept_out->first = kept_out->second = (struct id){};
    if (found[2].kind == VALUE_INT) kept_out->score = found[2].integer;
    if (found[3].kind == VALUE_TEXT) kept_out->why = found[3].text;
    if (found[4].kind == VALUE_TEXT) kept_out->state = found[4].text;
}

/** The record of these two, in whichever order; *has_one_out. */
static enum err kept_find(const struct view *view, const struct scanned *scanned, struct id first,
                          struct id second, struct kept *kept_out, bool *has_one_out)
{
    struct task *task = view->task;
    struct id *ids = arena_new(task->arena, struct id, PAIRS_OF_RECORD_MAX);
    *has_one_out = false;
    for (int side = 0; side < 2 && !*has_one_out; side++) {
        struct id one = side == 0 ? first : second, other = side == 0 ? second : first;
        uint32_t count;
        TRY(query_find(view, scanned->first, id_bytes(&one), PAIRS_OF_RECORD_MAX, ids, &count));
        for (uint32_t at = 0; at < count && !*has_one_out; at++) {
            str value;
            TRY(txn_record_get_view(view->txn, scanned->pair->number, ids[at], &value));
            kept_read(scanned, ids[at], value, kept_out);
            *has_one_out = id_eq(kept_out->second, other);
        }
    }
    return ERR_NONE;
}

/* Writing. */

/** {"first", "second", "why", "score"}, or the last two of them. */
static struct value pair_given(struct arena *arena, const struct scanned *scanned,
                               const struct found_pair *pair, str why, bool is_new)
{
    struct buf given = buf_make(arena, GIVEN_BYTES_MAX + why.len);
    pack_map(&given, is_new ? 4 : 2);
    if (is_new) {
        pack_text(&given, scanned->first->name);
        pack_text(&given, id_text(arena, pair->first));
        pack_text(&given, scanned->second->name);
        pack_text(&given, id_text(arena, pair->second));
    }
    pack_text(&given, scanned->why->name);
    pack_text(&given, why);
    pack_text(&given, scanned->score->name);
    pack_int(&given, pair->score);
    require(!buf_is_over(&given));
    return value_of(buf_str(&given));
}

/** Of a pair whose records are both still there. */
static enum err pair_write(struct job_run *run, struct txn *txn, struct duplicates_scan *self,
                           const struct scanned *scanned, const struct found_pair *pair)
{
    struct view view = view_of(run, txn);
    struct kept kept;
    bool is_kept;
    str nothing;
    enum err first = txn_record_get_view(txn, scanned->entity->number, pair->first, &nothing);
    enum err second = txn_record_get_view(txn, scanned->entity->number, pair->second, &nothing);
    if (first == ERR_MISSING || second == ERR_MISSING) return ERR_NONE;
    TRY(first);
    TRY(second);
    TRY(kept_find(&view, scanned, pair->first, pair->second, &kept, &is_kept));
    str why = duplicates_why(run->task->arena, scanned->entity, pair->fields);
    bool is_same = is_kept && kept.score == pair->score && str_eq(kept.why, why);
    if (is_kept && (is_same || !str_eq(kept.state, S("open")))) return ERR_NONE;
    struct change change = job_change(run, txn);
    struct value given = pair_given(run->task->arena, scanned, pair, why, !is_kept);
    if (is_kept) TRY(record_patch(&change, scanned->pair, kept.id, &given, nullptr));
    else {
        struct id id;
        TRY(record_create(&change, scanned->pair, &given, &id));
        self->new ++;
    }
    return change_finish(&change);
}

static void tell(struct job_run *run, struct duplicates_scan *self)
{
    struct buf result = buf_make(run->task->arena, 128);
    pack_map(&result, 4);
    pack_text(&result, S("pairs"));
    pack_int(&result, self->phase == PHASE_GATHER ? 0 : pairs_count(self->pairs));
    pack_text(&result, S("new"));
    pack_int(&result, (int64_t)self->new);
    pack_text(&result, S("gone"));
    pack_int(&result, (int64_t)self->gone);
    pack_text(&result, S("more"));
    pack_bool(&result, pairs_are_cut(self->pairs));
    require(!buf_is_over(&result));
    run->job.result = buf_str(&result);
    run->job.done = self->looked_at;
    run->job.total = self->phase == PHASE_GATHER ? 0 : self->looked_at;
}

static enum err write_pairs(struct job_run *run, struct txn *txn, void *argument)
{
    struct duplicates_scan *self = argument;
    struct scanned scanned;
    TRY(scanned_find(run, &scanned));
    int64_t end_ns = clock_monotonic_ns() + self->pace.turn_ns;
    uint32_t count = pairs_count(self->pairs);
    for (uint32_t done = 0; self->at < count && done < WRITTEN_MAX; done++) {
        if (done > 0 && clock_monotonic_ns() >= end_ns) break;
        struct found_pair pair = pairs_at(self->pairs, self->at++);
        TRY(pair_write(run, txn, self, &scanned, &pair));
    }
    if (self->at == count) self->phase = PHASE_CLEAN;
    tell(run, self);
    self->ended_ns = clock_monotonic_ns();
    return ERR_NONE;
}

/* Cleaning up. */

/** An open pair that is alike no more goes; one whose records were merged says so. */
static enum err kept_judge(struct job_run *run, struct txn *txn, struct duplicates_scan *self,
                           const struct scanned *scanned, const struct kept *kept)
{
    bool is_open = str_eq(kept->state, S("open"));
    bool is_merged = id_eq(kept->first, kept->second);
    if (!is_open || (!is_merged && (pairs_hold(self->pairs, kept->first, kept->second) ||
                                    pairs_hold(self->pairs, kept->second, kept->first))))
        return ERR_NONE;
    struct change change = job_change(run, txn);
    if (is_merged) {
        struct buf given = buf_make(run->task->arena, GIVEN_BYTES_MAX);
        pack_map(&given, 1);
        pack_text(&given, scanned->state->name);
        pack_text(&given, S("merged"));
        struct value value = value_of(buf_str(&given));
        TRY(record_patch(&change, scanned->pair, kept->id, &value, nullptr));
    } else {
        TRY(record_delete(&change, scanned->pair, kept->id, nullptr));
        self->gone++;
    }
    return change_finish(&change);
}

static enum err clean(struct job_run *run, struct txn *txn, void *argument)
{
    struct duplicates_scan *self = argument;
    struct scanned scanned;
    TRY(scanned_find(run, &scanned));
    int64_t end_ns = clock_monotonic_ns() + self->pace.turn_ns;
    struct scan_range range = {.is_unbounded_from = true,
                               .is_unbounded_to = true,
                               .has_after = !id_is_nil(self->last),
                               .after_id = self->last};
    struct scan *scan = scan_records(txn, scanned.pair->number, &range);
    bool has_entry = true;
    enum err err = ERR_NONE;
    for (uint32_t seen = 0; err == ERR_NONE && seen < 10 * WRITTEN_MAX; seen++) {
        if (seen > 0 && clock_monotonic_ns() >= end_ns) break;
        struct scan_entry entry;
        struct kept kept;
        err = scan_next(scan, &has_entry, &entry);
        /* Those that it has just written lie at the end. */
        if (err != ERR_NONE || !has_entry) break;
        self->last = entry.id;
        kept_read(&scanned, entry.id, entry.value, &kept);
        kept.state = arena_copy(run->task->arena, kept.state);
        err = kept_judge(run, txn, self, &scanned, &kept);
    }
    scan_close(scan);
    TRY(err);
    run->is_over = !has_entry;
    tell(run, self);
    self->ended_ns = clock_monotonic_ns();
    return ERR_NONE;
}

/* The job. */

enum err duplicates_scan_open(struct job_run *run)
{
    struct duplicates_scan *self = arena_new(run->arena, struct duplicates_scan, 1);
    run->live = self;
    self->pairs = pairs_open();
    import_pace_start(&self->pace, run->access.store);
    return ERR_NONE;
}

enum err duplicates_scan_step(struct job_run *run, [[maybe_unused]] bool *is_over_out)
{
    struct duplicates_scan *self = run->live;
    if (self->phase == PHASE_GATHER) {
        TRY(job_read(run, gather, self));
        tell(run, self);
        return job_write(run, nullptr, nullptr);
    }
    TRY(job_write(run, self->phase == PHASE_WRITE ? write_pairs : clean, self));
    import_pace_turned(&self->pace, run->access.store, clock_monotonic_ns() - self->ended_ns);
    return ERR_NONE;
}

void duplicates_scan_close(struct job_run *run)
{
    struct duplicates_scan *self = run->live;
    pairs_close(self->pairs);
}
