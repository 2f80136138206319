#include "work/job_person.h"

#include "access/audit.h"
#include "access/portal.h"
#include "access/session.h"
#include "base/require.h"
#include "record/gone.h"
#include "record/show.h"
#include "value/json.h"
#include "value/text.h"
#include "work/job_erase.h"
#include "work/mail_outbox.h"
#include "work/outbox.h"
#include "work/person.h"

constexpr uint32_t MERGED_MAX = 10'000;
constexpr uint32_t RECORDS_IN_STEP = 500;
constexpr uint32_t ENTRIES_IN_STEP = 5'000;      /** of the log, or of the outbox */
constexpr size_t OUTBOX_BYTES_IN_STEP = 8 * MIB; /** of its bodies, about */
constexpr size_t LINES_BYTES_USUAL = 256 * KIB;  /** of a step, which then ends */
constexpr size_t LINES_BYTES_MAX = 16 * MIB;     /** of a step; one record may be referred to */
constexpr uint32_t FILES_IN_STEP = 200;
constexpr size_t FILE_ARENA_BYTES_MAX = 32 * MIB; /** of one that is read */
constexpr uint64_t BYTES_MAX = 512ULL * MIB;      /** of all of it */

enum stage : uint8_t {
    STAGE_BEGIN,
    STAGE_RECORDS,
    STAGE_LOG,
    STAGE_OUTBOX,
    STAGE_FILES,
    STAGE_OVER
};

struct telling {
    uint16_t entity;
    struct id id;
    enum stage stage;
    uint32_t told;     /** records of the person that were told */
    uint64_t sequence; /** the log was read up to here */
    int64_t due_ms;    /** the outbox was */
    struct id mail;
    struct id *files; /** mails that were written */
    uint32_t file_count, files_told;
    struct person person;
    struct buf lines; /** of this step */
    uint64_t bytes;
    uint64_t records, references, sessions, events, entries, mails;
};

enum err person_job_open(struct job_run *run)
{
    struct telling *self = arena_new(run->arena, struct telling, 1);
    run->live = self;
    person_init(&self->person, run->arena);
    run->begins_anew = run->job.position.len > 0;
    run->job.done = 0;
    return erase_job_given_read(run->job.given, &self->entity, &self->id) ? ERR_NONE : ERR_CORRUPT;
}

/* Lines. */

static void line_begin(struct telling *self, const char *part)
{
    buf_print(&self->lines, "{\"part\":\"%s\"", part);
}

static void line_end(struct telling *self, uint64_t *count)
{
    buf_put(&self->lines, S("}\n"));
    ++*count;
}

/* Who it is. */

static enum err begin(struct job_run *run, struct txn *txn)
{
    struct telling *self = run->live;
    const struct entity *entity = model_entity_by_number(run->tenant.model, self->entity);
    if (entity == nullptr) return fail(run->task, ERR_MISSING, "there are no such records now");
    struct id *merged = arena_new(run->task->arena, struct id, MERGED_MAX);
    uint32_t count;
    TRY(gone_merged(run->task, txn, entity, self->id, MERGED_MAX, merged, &count));
    TRY(person_add(run->task, &self->person, self->entity, self->id, true));
    for (uint32_t at = 0; at < count; at++)
        TRY(person_add(run->task, &self->person, self->entity, merged[at], true));
    line_begin(self, "person");
    json_member_text(&self->lines, "entity", entity->name);
    json_member_id(&self->lines, "id", self->id);
    json_member_time(&self->lines, "at", run->task->now_ms);
    buf_put(&self->lines, S("}\n"));
    self->stage = STAGE_RECORDS;
    return ERR_NONE;
}

/** Whether the person is written to by what this field holds. */
static bool has_their_address(const struct telling *self, const struct entity *entity,
                              const struct field *field)
{
    if (entity->number == PORTAL_ACCOUNT_ENTITY) return field == entity->title;
    return entity->number == self->entity && field->duplicates_by == DUPLICATES_BY_EMAIL;
}

/* Records. */

/** What refers to it and is not about the person: by which field, and no word more. */
static enum err tell_references(struct telling *self, struct txn *txn, const struct entity *entity,
                                struct id id)
{
    for (uint32_t at = 0; at < entity->referrer_count; at++) {
        const struct field *field = entity->referrers[at];
        if (person_is_tie(field)) continue;
        struct scan_range range = {.from = id_bytes(&id), .to = id_bytes(&id)};
        struct scan *scan = scan_index(txn, field->entity->number, field->number, &range);
        enum err err = ERR_NONE;
        for (bool has_entry = true; err == ERR_NONE && has_entry;) {
            struct scan_entry entry;
            err = scan_next(scan, &has_entry, &entry);
            if (err != ERR_NONE || !has_entry) break;
            line_begin(self, "reference");
            json_member_text(&self->lines, "entity", field->entity->name);
            json_member_id(&self->lines, "id", entry.id);
            json_member_text(&self->lines, "field", field->name);
            json_member_id(&self->lines, "to", id);
            line_end(self, &self->references);
        }
        scan_close(scan);
        TRY(err);
    }
    return ERR_NONE;
}

static enum err tell_sessions(struct job_run *run, struct txn *txn, struct id account)
{
    struct telling *self = run->live;
    for (struct session_row session = {};;) {
        enum err err = session_next(txn, &run->access, account, session.id, &session);
        if (err != ERR_NONE) return err == ERR_MISSING ? ERR_NONE : err;
        /* One of a user who looks at the portal as this contact is the user's. */
        struct portal_note note = portal_note_read(session.note);
        if (!id_is_nil(note.viewer)) continue;
        line_begin(self, "session");
        json_member_text(&self->lines, "entity", S("portal_account"));
        json_member_id(&self->lines, "id", account);
        json_member_time(&self->lines, "made_at", session.made_ms);
        json_member_time(&self->lines, "used_at", session.seen_ms);
        json_member_text(&self->lines, "address", session.address);
        json_member_text(&self->lines, "user_agent", session.user_agent);
        line_end(self, &self->sessions);
    }
}

static enum err note_addresses(struct job_run *run, const struct record *record)
{
    struct telling *self = run->live;
    const struct entity *entity = record->entity;
    for (uint32_t at = 0; at < entity->field_count; at++) {
        struct value stored;
        if (has_their_address(self, entity, &entity->fields[at]) &&
            value_find(record->value, entity->fields[at].number, &stored))
            TRY(person_note_addresses(run->task, &self->person, &stored));
    }
    return ERR_NONE;
}

static enum err tell_record(struct job_run *run, struct txn *txn, uint16_t number, struct id id)
{
    struct telling *self = run->live;
    const struct entity *entity = model_entity_by_number(run->tenant.model, number);
    struct view view = {run->task, txn, run->tenant.model, &run->scope};
    struct shape shape = {.is_export = true};
    struct record record;
    if (entity == nullptr) return ERR_NONE;
    enum err err = record_get(&view, entity, id, &record);
    if (err == ERR_MISSING) {
        task_fault_clear(run->task); /* it was deleted; its history tells of it */
        return ERR_NONE;
    }
    TRY(err);
    TRY(note_addresses(run, &record));
    line_begin(self, "record");
    json_member_text(&self->lines, "entity", entity->name);
    json_member_id(&self->lines, "id", id);
    buf_put(&self->lines, S(",\"record\":"));
    record_write(&self->lines, &view, &record, &shape);
    line_end(self, &self->records);
    TRY(person_add_under(run->task, txn, &self->person, entity, id));
    TRY(tell_references(self, txn, entity, id));
    return number == PORTAL_ACCOUNT_ENTITY ? tell_sessions(run, txn, id) : ERR_NONE;
}

static bool is_step_full(const struct telling *self)
{
    return self->lines.len >= LINES_BYTES_USUAL;
}

static enum err tell_records(struct job_run *run, struct txn *txn)
{
    struct telling *self = run->live;
    for (uint32_t count = 0; count < RECORDS_IN_STEP && !is_step_full(self); count++) {
        if (self->told == self->person.count) {
            self->stage = STAGE_LOG;
            return ERR_NONE;
        }
        struct person_record next = self->person.records[self->told];
        self->told++;
        TRY(tell_record(run, txn, next.entity, next.id));
    }
    return ERR_NONE;
}

/* The log. */

/** An event about one of their records, or of the person. Where somebody else acted, neither who
 *  nor from where is told. */
static void tell_event(struct job_run *run, const struct audit_entry *entry)
{
    struct telling *self = run->live;
    const struct audit_event *event = &entry->event;
    bool is_about = !id_is_nil(event->record) && person_find(&self->person, event->record);
    bool is_theirs = !id_is_nil(event->actor) && person_find(&self->person, event->actor);
    if (!is_about && !is_theirs) return;
    const struct entity *entity = event->entity == AUDIT_ENTITY
                                      ? nullptr
                                      : model_entity_by_number(run->tenant.model, event->entity);
    line_begin(self, "event");
    json_member_text(&self->lines, "entity", entity == nullptr ? S("") : entity->name);
    json_member_id(&self->lines, "id", event->record);
    buf_print(&self->lines, ",\"sequence\":%llu", (unsigned long long)entry->sequence);
    json_member_time(&self->lines, "at", entry->at_ms);
    json_member_text(&self->lines, "kind", audit_kind_word(event->kind));
    json_member_text(&self->lines, "actor_kind", audit_actor_word(event->actor_kind));
    json_member_id(&self->lines, "actor", is_theirs ? event->actor : (struct id){});
    json_member_text(&self->lines, "address", is_theirs ? event->address : S(""));
    json_member_text(&self->lines, "words", event->words);
    buf_print(&self->lines, ",\"count\":%u", event->count > 1 ? event->count : 1);
    line_end(self, &self->events);
}

static enum err note_former_addresses(struct job_run *run, const struct entity *entity,
                                      const struct log_entry *entry, uint8_t sides)
{
    struct telling *self = run->live;
    struct log_change change;
    uint16_t number;
    struct value old, new;
    if (!log_change_read(entry->body, &change)) return ERR_NONE;
    while (log_change_next(&change, &number, &old, &new)) {
        const struct field *field = entity_field_by_number(entity, number);
        if (field == nullptr || !has_their_address(self, entity, field)) continue;
        if ((sides & HISTORY_OLD) != 0) TRY(person_note_addresses(run->task, &self->person, &old));
        if ((sides & HISTORY_NEW) != 0) TRY(person_note_addresses(run->task, &self->person, &new));
    }
    return ERR_NONE;
}

static enum err tell_entry(struct job_run *run, struct txn *txn, const struct log_entry *entry)
{
    struct telling *self = run->live;
    struct audit_entry event;
    uint8_t sides;
    if (audit_read(entry, &event)) tell_event(run, &event);
    const struct entity *entity = model_entity_by_number(run->tenant.model, entry->entity);
    if (entry->entity == AUDIT_ENTITY || entity == nullptr) return ERR_NONE;
    TRY(person_follow(run->task, &self->person, entity, entry, &sides));
    if (sides == 0 || log_is_untold(entry)) return ERR_NONE;
    TRY(note_former_addresses(run, entity, entry, sides));
    struct view view = {run->task, txn, run->tenant.model, &run->scope};
    line_begin(self, "history");
    buf_put_byte(&self->lines, ',');
    history_write_alone(&self->lines, &view, entity, entry, (enum history_side)sides);
    line_end(self, &self->entries);
    return ERR_NONE;
}

static enum err tell_log(struct job_run *run, struct txn *txn)
{
    struct telling *self = run->live;
    for (uint32_t count = 0; count < ENTRIES_IN_STEP && !is_step_full(self); count++) {
        struct log_entry entry;
        enum err err = txn_log_from(txn, self->sequence + 1, &entry);
        if (err == ERR_MISSING) {
            self->stage = STAGE_OUTBOX;
            return ERR_NONE;
        }
        TRY(err);
        self->sequence = entry.sequence;
        TRY(tell_entry(run, txn, &entry));
    }
    return ERR_NONE;
}

/* Mails. */

static str if_theirs(const struct telling *self, str address)
{
    return person_has_address(&self->person, address) ? address : S("");
}

/** A mail, if it goes to the person. What the server itself writes holds links that let their
 *  reader in: the text of that is left out. */
static void tell_mail(struct telling *self, struct id id, const char *state,
                      const struct mail_letter *letter)
{
    str to = if_theirs(self, letter->to), cc = if_theirs(self, letter->cc);
    str bcc = if_theirs(self, letter->bcc);
    if (to.len == 0 && cc.len == 0 && bcc.len == 0) return;
    line_begin(self, "mail");
    json_member_text(&self->lines, "entity", S("outbox"));
    json_member_id(&self->lines, "id", id);
    json_member_text(&self->lines, "state", str_of(state));
    json_member_text(&self->lines, "to", to);
    json_member_text(&self->lines, "cc", cc);
    json_member_text(&self->lines, "bcc", bcc);
    json_member_text(&self->lines, "subject", letter->subject);
    json_member_text(&self->lines, "text", letter->is_way_in ? S("") : letter->text);
    line_end(self, &self->mails);
}

static void tell_waiting(struct telling *self, const struct outbox_entry *entry)
{
    struct outbox_state state;
    outbox_read(entry, &state);
    if (!str_eq(state.kind, S("mail"))) return;
    struct mail_letter letter = {
        .to = value_text_in(state.given.bytes, S("to")),
        .cc = value_text_in(state.given.bytes, S("cc")),
        .bcc = value_text_in(state.given.bytes, S("bcc")),
        .subject = value_text_in(state.given.bytes, S("subject")),
        .text = value_text_in(state.given.bytes, S("text")),
    };
    tell_mail(self, entry->id, state.is_dead ? "dead" : "waiting", &letter);
}

static enum err tell_outbox(struct job_run *run, struct txn *txn)
{
    struct telling *self = run->live;
    const struct arena *arena = run->task->arena;
    for (uint32_t count = 0; count < ENTRIES_IN_STEP && !is_step_full(self); count++) {
        struct outbox_entry entry;
        if (count > 0 && arena->used_bytes > OUTBOX_BYTES_IN_STEP) break;
        enum err err = txn_outbox_after(txn, self->due_ms, self->mail, run->task->arena, &entry);
        if (err == ERR_MISSING) {
            self->stage = STAGE_FILES;
            return ERR_NONE;
        }
        TRY(err);
        self->due_ms = entry.due_ms;
        self->mail = entry.id;
        tell_waiting(self, &entry);
    }
    return ERR_NONE;
}

struct file_room {
    struct arena_held held;
    struct arena each;
};

static void file_room_drop(void *thing)
{
    struct file_room *room = thing;
    arena_drop(&room->each);
}

/** For one file after another; it ends with the step. */
static struct arena *file_arena(struct arena *step)
{
    struct file_room *room = arena_new(step, struct file_room, 1);
    arena_init(&room->each, FILE_ARENA_BYTES_MAX);
    room->each.escape = step->escape;
    room->held = (struct arena_held){.thing = room, .release = file_room_drop};
    arena_hold(step, &room->held);
    return &room->each;
}

/** Those that were written as files, once none waits that is not told. */
static enum err tell_files(struct job_run *run)
{
    struct telling *self = run->live;
    if (self->files == nullptr) {
        self->files = arena_new(run->arena, struct id, MAILS_KEPT_MAX);
        TRY(mail_files_list(run->task, &run->access, run->tenant.name, self->files,
                            &self->file_count));
    }
    struct arena *each = file_arena(run->task->arena);
    for (uint32_t count = 0; count < FILES_IN_STEP && !is_step_full(self); count++) {
        if (self->files_told == self->file_count) {
            self->stage = STAGE_OVER;
            break;
        }
        struct mail_letter letter;
        struct id id = self->files[self->files_told++];
        arena_clear(each);
        if (mail_file_read(each, &run->access, run->tenant.name, id, &letter))
            tell_mail(self, id, "written", &letter);
    }
    return ERR_NONE;
}

/* Steps. */

static enum err tell_some(struct job_run *run, struct txn *txn, void *argument)
{
    struct telling *self = argument;
    run->task->keys_max = 0; /* it has to see them all */
    switch (self->stage) {
    case STAGE_BEGIN:
        self->due_ms = INT64_MIN;
        return begin(run, txn);
    case STAGE_RECORDS:
        return tell_records(run, txn);
    case STAGE_LOG:
        return tell_log(run, txn);
    case STAGE_OUTBOX:
        return tell_outbox(run, txn);
    case STAGE_FILES:
        return tell_files(run);
    case STAGE_OVER:
        break;
    }
    return ERR_NONE;
}

static void note_result(struct job_run *run, const struct telling *self)
{
    const struct {
        str name;
        uint64_t count;
    } counts[] = {
        {S("records"), self->records},   {S("references"), self->references},
        {S("sessions"), self->sessions}, {S("events"), self->events},
        {S("entries"), self->entries},   {S("mails"), self->mails},
    };
    constexpr size_t COUNT = sizeof counts / sizeof counts[0];
    struct buf result = buf_make(run->task->arena, 256);
    pack_map(&result, COUNT);
    run->job.done = 0;
    for (size_t at = 0; at < COUNT; at++) {
        pack_text(&result, counts[at].name);
        pack_int(&result, (int64_t)counts[at].count);
        run->job.done += counts[at].count;
    }
    run->job.result = buf_str(&result);
}

enum err person_job_step(struct job_run *run, bool *is_over_out)
{
    struct telling *self = run->live;
    struct buf position = buf_make(run->task->arena, 8);
    require(is_over_out == &run->is_over);
    self->lines = buf_make(run->task->arena, LINES_BYTES_MAX);
    TRY(job_read(run, tell_some, self));
    self->bytes += self->lines.len;
    if (buf_is_over(&self->lines) || self->bytes > BYTES_MAX)
        return fail(run->task, ERR_TOO_LARGE,
                    "more is kept about this one than one file holds; take out parts by lists");
    pack_bool(&position, true);
    run->job.position = buf_str(&position);
    run->lines = buf_str(&self->lines);
    *is_over_out = self->stage == STAGE_OVER;
    note_result(run, self);
    return job_write(run, nullptr, nullptr);
}
