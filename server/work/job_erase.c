#include "work/job_erase.h"

#include "access/audit.h"
#include "base/limits.h"
#include "base/require.h"
#include "record/deletion.h"
#include "record/gone.h"
#include "record/past.h"
#include "record/record.h"
#include "record/undo.h"
#include "rules/rules.h"
#include "rules/trace.h"
#include "value/value.h"
#include "work/answers.h"
#include "work/mail_outbox.h"

constexpr uint32_t MERGED_MAX = 500;
/** held at once: room for one change more, wherever it stands */
constexpr uint32_t RECORDS_MAX = MERGED_MAX + 100 + CHANGE_WRITES_MAX;
constexpr uint32_t UNDER_IN_STEP = 200; /** deleted before the record itself, if more are there */
constexpr uint32_t UNDER_COUNTED_MAX = 1'000'000;
constexpr uint32_t WORDS_MAX = 64;        /** addresses that are looked for at once */
constexpr uint32_t ENTRIES_IN_STEP = 400; /** of the log */
constexpr uint32_t FOUND_IN_STEP = 200;   /** rows elsewhere */
constexpr uint32_t ROWS_WALKED_MAX = 1'000'000;
constexpr uint32_t DEPTH_MAX = 8; /** of values looked into */

enum phase : uint8_t { PHASE_DELETE, PHASE_HISTORY, PHASE_ELSEWHERE };

struct erased {
    uint16_t entity;
    struct id id;
};

struct erasing {
    enum phase phase;
    bool is_gone;          /** the record itself was deleted, and so all under it */
    bool has_more_words;   /** the history goes on, when these words were looked for */
    uint32_t words_done;   /** of the entry where it goes on */
    uint64_t records_done; /** of rounds before this one */
    uint32_t record_count, word_count;
    uint64_t elsewhere_count; /** rows forgotten there, since the job was opened */
    struct erased records[RECORDS_MAX];
    str words[WORDS_MAX];
};

str erase_job_given(struct task *task, const struct entity *entity, struct id id)
{
    struct buf given = buf_make(task->arena, 64);
    pack_list(&given, 2);
    pack_int(&given, entity->number);
    pack_bytes(&given, id_bytes(&id));
    return buf_str(&given);
}

static bool erased_next(struct cursor *items, struct erased *erased_out)
{
    struct value entity, id;
    if (!value_next(items, &entity) || !value_next(items, &id) || entity.kind != VALUE_INT ||
        entity.integer < 0 || entity.integer > UINT16_MAX || id.kind != VALUE_BYTES)
        return false;
    erased_out->entity = (uint16_t)entity.integer;
    return id_of_bytes(id.text, &erased_out->id);
}

bool erase_job_given_read(str given, uint16_t *entity_out, struct id *id_out)
{
    struct value list = value_of(given);
    struct cursor items = cursor_of(list.items);
    struct erased root;
    if (list.kind != VALUE_LIST || !erased_next(&items, &root)) return false;
    *entity_out = root.entity;
    *id_out = root.id;
    return true;
}

static bool position_read(struct job_run *run, struct erasing *self)
{
    struct value list = value_of(run->job.position), numbers[5], records, words, word;
    struct cursor items = cursor_of(list.items);
    if (list.kind != VALUE_LIST) return false;
    for (int at = 0; at < 5; at++)
        if (!value_next(&items, &numbers[at]) || numbers[at].kind != VALUE_INT) return false;
    if (!value_next(&items, &records) || records.kind != VALUE_LIST ||
        !value_next(&items, &words) || words.kind != VALUE_LIST)
        return false;
    self->phase = (enum phase)numbers[0].integer;
    self->is_gone = numbers[1].integer != 0;
    self->has_more_words = numbers[2].integer != 0;
    self->words_done = (uint32_t)numbers[3].integer;
    self->records_done = (uint64_t)numbers[4].integer;
    struct cursor each = cursor_of(records.items);
    self->record_count = 0;
    while (self->record_count < RECORDS_MAX &&
           erased_next(&each, &self->records[self->record_count]))
        self->record_count++;
    each = cursor_of(words.items);
    while (self->word_count < WORDS_MAX && value_next(&each, &word))
        self->words[self->word_count++] = arena_copy(run->arena, word.text);
    return true;
}

static void position_keep(struct job_run *run, const struct erasing *self)
{
    struct buf position = buf_make(run->task->arena, JOB_POSITION_BYTES_MAX);
    pack_list(&position, 7);
    pack_int(&position, self->phase);
    pack_int(&position, self->is_gone);
    pack_int(&position, self->has_more_words);
    pack_int(&position, self->words_done);
    pack_int(&position, (int64_t)self->records_done);
    pack_list(&position, 2 * self->record_count);
    for (uint32_t at = 0; at < self->record_count; at++) {
        pack_int(&position, self->records[at].entity);
        pack_bytes(&position, id_bytes(&self->records[at].id));
    }
    pack_list(&position, self->word_count);
    for (uint32_t at = 0; at < self->word_count; at++) pack_text(&position, self->words[at]);
    run->job.position = buf_str(&position);
}

enum err erase_job_open(struct job_run *run)
{
    struct erasing *self = arena_new(run->arena, struct erasing, 1);
    struct erased *root = &self->records[0];
    run->live = self;
    if (!erase_job_given_read(run->job.given, &root->entity, &root->id)) return ERR_CORRUPT;
    self->record_count = 1;
    if (run->job.position.len > 0 && !position_read(run, self)) return ERR_CORRUPT;
    return ERR_NONE;
}

/* What is looked for elsewhere. */

/** False: there is no room for one more. */
static bool word_note(struct job_run *run, struct erasing *self, str word)
{
    for (uint32_t at = 0; at < self->word_count; at++)
        if (str_eq(self->words[at], word)) return true;
    if (self->word_count == WORDS_MAX) return false;
    self->words[self->word_count++] = arena_copy(run->arena, word);
    return true;
}

static bool is_word(str text)
{
    constexpr size_t word_bytes_min = 6, word_bytes_max = 254;
    return text.len >= word_bytes_min && text.len <= word_bytes_max &&
           str_find_byte(text, '@') != SIZE_MAX;
}

/** The addresses in a value, however deep; of one that was begun those behind words_done. False:
 *  there are more than there is room for, and words_done says how far it came. */
static bool words_gather(struct job_run *run, struct erasing *self, const struct value *value,
                         uint32_t depth, uint32_t *seen)
{
    if (value->kind == VALUE_TEXT && is_word(value->text)) {
        if (++*seen <= self->words_done) return true;
        if (!word_note(run, self, value->text)) return false;
        self->words_done = *seen;
    }
    if ((value->kind != VALUE_LIST && value->kind != VALUE_MAP) || depth == DEPTH_MAX) return true;
    struct cursor items = cursor_of(value->items);
    struct value item;
    while (value_next(&items, &item))
        if (!words_gather(run, self, &item, depth + 1, seen)) return false;
    return true;
}

static bool is_in(str whole, str part)
{
    return part.len <= whole.len && memmem(whole.at, whole.len, part.at, part.len) != nullptr;
}

/** Whether bytes name one of the records or an address of the person. */
static bool names_them(const struct erasing *self, str bytes)
{
    for (uint32_t at = 0; at < self->record_count; at++) {
        char text[ID_TEXT_BYTES];
        id_write(self->records[at].id, text);
        if (is_in(bytes, id_bytes(&self->records[at].id)) ||
            is_in(bytes, (str){text, ID_TEXT_BYTES}))
            return true;
    }
    for (uint32_t at = 0; at < self->word_count; at++)
        if (is_in(bytes, self->words[at])) return true;
    return false;
}

/* First: the record is deleted, as anybody would. */

static void record_note(struct erasing *self, uint16_t entity, struct id id)
{
    for (uint32_t at = 0; at < self->record_count; at++)
        if (self->records[at].entity == entity && id_eq(self->records[at].id, id)) return;
    require(self->record_count < RECORDS_MAX);
    self->records[self->record_count++] = (struct erased){entity, id};
}

/** Those that were deleted by what stands in the log behind `sequence`. */
static enum err gone_since(struct erasing *self, struct txn *txn, uint64_t sequence)
{
    for (;;) {
        struct log_entry entry;
        struct log_change change;
        enum err err = txn_log_from(txn, sequence + 1, &entry);
        if (err != ERR_NONE) return err == ERR_MISSING ? ERR_NONE : err;
        sequence = entry.sequence;
        if (log_change_read(entry.body, &change) && change.operation == OPERATION_DELETE)
            record_note(self, entry.entity, entry.record);
    }
}

/** Deletes the record with all under it; or, `some` not 0, so many of those under it. */
static enum err delete_part(struct job_run *run, struct txn *txn, const struct entity *entity,
                            uint32_t some, uint32_t *count_out)
{
    struct erasing *self = run->live;
    uint64_t newest = txn_log_newest(txn);
    /* What rules would queue and note because of it would hold the person again. */
    struct hooks hooks = hooks_without_rules(run->hooks);
    struct change change = job_change(run, txn);
    change.hooks = &hooks;
    *count_out = 1;
    if (some > 0) {
        TRY(deletion_verify(&change, entity, self->records[0].id));
        TRY(deletion_some(&change, entity, self->records[0].id, some, count_out));
        TRY(change_finish(&change));
    } else {
        TRY(record_delete(&change, entity, self->records[0].id, nullptr));
        TRY(access_finish_change(&change, entity));
    }
    return gone_since(self, txn, newest);
}

/** The record, or as much of what lies under it as one change holds. */
static enum err delete_what_fits(struct job_run *run, struct txn *txn, const struct entity *entity)
{
    struct erasing *self = run->live;
    struct change change = job_change(run, txn);
    struct savepoint savepoint = txn_savepoint(txn);
    uint32_t under, count;
    TRY(deletion_count(&change, entity, self->records[0].id, UNDER_COUNTED_MAX, &under));
    enum err err = ERR_TOO_LARGE;
    if (under <= UNDER_IN_STEP) err = delete_part(run, txn, entity, 0, &count);
    self->is_gone = err == ERR_NONE;
    for (uint32_t some = UNDER_IN_STEP; err == ERR_TOO_LARGE && some > 0; some /= 4) {
        txn_rollback(txn, savepoint);
        task_fault_clear(run->task);
        err = delete_part(run, txn, entity, some, &count);
    }
    TRY(err);
    if (count > 0) return ERR_NONE;
    /* Nothing can go before the record: it goes now, or not at all. */
    TRY(delete_part(run, txn, entity, 0, &count));
    self->is_gone = true;
    return ERR_NONE;
}

/** Room for all that one change may delete. */
static bool has_room(const struct erasing *self)
{
    return self->record_count + CHANGE_WRITES_MAX <= RECORDS_MAX;
}

static enum err delete_records(struct job_run *run, struct txn *txn, void *argument)
{
    struct erasing *self = argument;
    struct erased *root = &self->records[0];
    const struct entity *entity = model_entity_by_number(run->tenant.model, root->entity);
    struct id merged[MERGED_MAX];
    uint32_t count;
    if (entity == nullptr) return fail(run->task, ERR_MISSING, "there are no such records now");
    enum err err = gone_merged(run->task, txn, entity, root->id, MERGED_MAX, merged, &count);
    if (err == ERR_TOO_LARGE)
        return fail(run->task, err, "more than %u records were merged into it; erase them first",
                    MERGED_MAX);
    TRY(err);
    for (uint32_t at = 0; at < count; at++) record_note(self, root->entity, merged[at]);
    err = delete_what_fits(run, txn, entity);
    if (err == ERR_MISSING) {
        /* One that lies in the trash is erased as well. */
        struct log_entry newest;
        err = txn_log_of_record(txn, root->entity, root->id, UINT64_MAX, &newest);
        if (err == ERR_NONE) task_fault_clear(run->task);
        self->is_gone = true;
    }
    TRY(err);
    if (self->is_gone || !has_room(self)) self->phase = PHASE_HISTORY;
    position_keep(run, self);
    return ERR_NONE;
}

/* Second: the bodies of their history. */

/** The next entries of one record that still have a body, newest first. */
static enum err history_erase(struct job_run *run, struct txn *txn, const struct erased *erased,
                              uint32_t *count)
{
    for (uint64_t before = UINT64_MAX; *count < ENTRIES_IN_STEP;) {
        struct log_entry entry;
        enum err err = txn_log_of_record(txn, erased->entity, erased->id, before, &entry);
        if (err != ERR_NONE) return err == ERR_MISSING ? ERR_NONE : err;
        before = entry.sequence;
        if (entry.body.len == 0) continue;
        struct erasing *self = run->live;
        struct value body = value_of(entry.body);
        uint32_t seen = 0;
        self->has_more_words = !words_gather(run, self, &body, 0, &seen);
        if (self->has_more_words) return ERR_NONE;
        self->words_done = 0;
        TRY(txn_log_erase(txn, entry.sequence));
        ++*count;
    }
    return ERR_NONE;
}

static enum err erase_histories(struct job_run *run, struct txn *txn, void *argument)
{
    struct erasing *self = argument;
    uint32_t count = 0;
    self->has_more_words = false;
    for (uint32_t at = 0;
         at < self->record_count && count < ENTRIES_IN_STEP && !self->has_more_words; at++) {
        const struct erased *erased = &self->records[at];
        const struct entity *entity = model_entity_by_number(run->tenant.model, erased->entity);
        if (entity != nullptr) TRY(gone_forget(txn, entity, erased->id));
        TRY(history_erase(run, txn, erased, &count));
    }
    run->job.done += count;
    if (count < ENTRIES_IN_STEP || self->has_more_words) self->phase = PHASE_ELSEWHERE;
    position_keep(run, self);
    return ERR_NONE;
}

/* Third: what else names them. */

static const enum system_row elsewhere[] = {SYSTEM_ANSWER, SYSTEM_RUN, SYSTEM_RUN_TALK,
                                            SYSTEM_JOB_LINES};

struct found {
    enum system_row row; /** SYSTEM_OUTBOX: an entry of the outbox */
    str key;
    int64_t due_ms;
    struct id id;
};

struct finding {
    struct erasing *self;
    struct arena each; /** of one row */
    uint32_t count;
    struct found found[FOUND_IN_STEP];
};

static enum err find_in_rows(struct job_run *run, struct txn *txn, struct finding *finding,
                             enum system_row row)
{
    char last[KEY_BYTES_MAX];
    str key = {last, 0};
    for (uint32_t seen = 0; seen < ROWS_WALKED_MAX && finding->count < FOUND_IN_STEP; seen++) {
        str value;
        arena_clear(&finding->each);
        enum err err = txn_system_after(txn, row, key, &finding->each, &key, &value);
        if (err != ERR_NONE) return err == ERR_MISSING ? ERR_NONE : err;
        memcpy(last, key.at, key.len);
        key.at = last;
        if (!names_them(finding->self, value)) continue;
        finding->found[finding->count++] =
            (struct found){.row = row, .key = arena_copy(run->task->arena, key)};
    }
    return ERR_NONE;
}

static enum err find_in_outbox(struct txn *txn, struct finding *finding)
{
    struct outbox_entry entry = {.due_ms = INT64_MIN};
    for (uint32_t seen = 0; seen < ROWS_WALKED_MAX && finding->count < FOUND_IN_STEP; seen++) {
        arena_clear(&finding->each);
        enum err err = txn_outbox_after(txn, entry.due_ms, entry.id, &finding->each, &entry);
        if (err != ERR_NONE) return err == ERR_MISSING ? ERR_NONE : err;
        if (!names_them(finding->self, entry.body)) continue;
        finding->found[finding->count++] =
            (struct found){.row = SYSTEM_OUTBOX, .due_ms = entry.due_ms, .id = entry.id};
    }
    return ERR_NONE;
}

static enum err find_elsewhere(struct job_run *run, struct txn *txn, void *argument)
{
    struct finding *finding = argument;
    finding->count = 0;
    run->task->keys_max = 0; /* it has to see them all */
    for (size_t at = 0; at < sizeof elsewhere / sizeof elsewhere[0]; at++)
        TRY(find_in_rows(run, txn, finding, elsewhere[at]));
    return find_in_outbox(txn, finding);
}

static enum err forget_one(struct job_run *run, struct txn *txn, const struct found *found)
{
    static const str line = S("{\"erased\":true}\n");
    struct id id;
    struct buf lines;
    switch (found->row) {
    case SYSTEM_ANSWER:
        return answer_forget(run->task, txn, found->key);
    case SYSTEM_JOB_LINES:
        lines = buf_make(run->task->arena, 64);
        pack_bytes(&lines, line);
        txn_system_put(txn, SYSTEM_JOB_LINES, found->key, buf_str(&lines));
        return ERR_NONE;
    case SYSTEM_OUTBOX:
        txn_outbox_delete(txn, found->due_ms, found->id);
        return ERR_NONE;
    default:
        if (!id_of_bytes(found->key, &id)) return ERR_CORRUPT;
        return trace_forget(run->task, txn, id);
    }
}

static void note_result(struct job_run *run, const struct erasing *self)
{
    uint64_t elsewhere_count = self->elsewhere_count;
    struct buf result = buf_make(run->task->arena, 128);
    pack_map(&result, 3);
    pack_text(&result, S("records"));
    pack_int(&result, (int64_t)(self->records_done + self->record_count));
    pack_text(&result, S("entries"));
    pack_int(&result, (int64_t)(run->job.done - elsewhere_count));
    pack_text(&result, S("elsewhere"));
    pack_int(&result, (int64_t)elsewhere_count);
    run->job.result = buf_str(&result);
}

/** What was looked for is nowhere any more: the next round, of what is left. */
static void round_end(struct job_run *run, struct erasing *self)
{
    self->word_count = 0;
    self->phase = PHASE_HISTORY;
    if (!self->has_more_words) {
        self->phase = PHASE_DELETE;
        self->records_done += self->record_count - 1;
        self->record_count = 1;
    }
    position_keep(run, self);
}

static enum err forget_elsewhere(struct job_run *run, struct txn *txn, void *argument)
{
    struct finding *finding = argument;
    struct erasing *self = finding->self;
    for (uint32_t at = 0; at < finding->count; at++) {
        enum err err = forget_one(run, txn, &finding->found[at]);
        if (err != ERR_NONE && err != ERR_MISSING) return err;
    }
    run->job.done += finding->count;
    self->elsewhere_count += finding->count;
    if (finding->count == 0 && !run->is_over) round_end(run, self);
    if (!run->is_over) return ERR_NONE;
    /* Of the person only the number of the record is left, here too. */
    run->job.position = (str){};
    note_result(run, self);
    audit_put(txn, &(struct audit_event){.kind = AUDIT_PERSON_ERASED,
                                         .actor_kind = AUDIT_USER,
                                         .actor = run->job.actor,
                                         .entity = self->records[0].entity,
                                         .record = self->records[0].id});
    return ERR_NONE;
}

static bool file_names_them(void *owner, str bytes)
{
    return names_them(owner, bytes);
}

static enum err step_elsewhere(struct job_run *run, struct erasing *self, bool *is_over_out)
{
    struct traces *traces = run->rules == nullptr ? nullptr : rules_traces(run->rules);
    if (traces != nullptr) (void)traces_flush(traces, &run->tenant.space, TRACES_FLUSH_MS_MAX);
    struct finding *finding = arena_new(run->task->arena, struct finding, 1);
    finding->self = self;
    arena_init(&finding->each, TASK_ARENA_BYTES_MAX);
    enum err err = job_read(run, find_elsewhere, finding);
    arena_drop(&finding->each);
    TRY(err);
    uint32_t mail_count;
    TRY(mail_files_forget(run->task, &run->access, run->tenant.name, file_names_them, self,
                          &mail_count));
    self->elsewhere_count += mail_count;
    run->job.done += mail_count;
    /* What ran meanwhile left its trace behind what was found: it is looked for again. */
    *is_over_out = finding->count == 0 && self->is_gone && !self->has_more_words;
    return job_write(run, forget_elsewhere, finding);
}

enum err erase_job_step(struct job_run *run, bool *is_over_out)
{
    require(is_over_out == &run->is_over);
    struct erasing *self = run->live;
    switch (self->phase) {
    case PHASE_DELETE:
        return job_write(run, delete_records, self);
    case PHASE_HISTORY:
        return job_write(run, erase_histories, self);
    case PHASE_ELSEWHERE:
        return step_elsewhere(run, self, is_over_out);
    }
    return ERR_CORRUPT;
}
