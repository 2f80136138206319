#include "access/audit.h"

#include "base/clock.h"
#include "fixture.h"

constexpr int64_t START_MS = 1'800'000'000'000;
constexpr int64_t MINUTE_MS = 60'000;

struct place {
    struct fixture fixture;
    struct access access;
};

static void begin(struct place *place)
{
    clock_set(START_MS);
    fixture_init(&place->fixture);
    place->access = (struct access){.store = place->fixture.store,
                                    .model = place->fixture.model,
                                    .domain = S("localhost"),
                                    .audit = audit_make()};
}

static void end(struct place *place)
{
    audit_settle(&place->access);
    struct audit *audit = place->access.audit;
    fixture_drop(&place->fixture);
    audit_drop(audit);
    clock_set(-1);
}

static struct id id_of(uint8_t number)
{
    return (struct id){.bytes = {9, [15] = number}};
}

/** Works of a lane run in order, so when this one is durable those submitted before it are. */
static void wait_for_lane(struct place *place)
{
    struct audit_event event = {.kind = AUDIT_SIGN_OUT, .actor = id_of(250)};
    struct task *task = &place->fixture.test.task;
    check_int(audit_write(task, &place->access, &place->fixture.space, &event), ERR_NONE);
}

static void submit(struct place *place, struct audit_event event)
{
    audit_submit(&place->access, &place->fixture.space, id_of(200), &event);
}

/** The events of one kind, newest first; their texts lie in the fixture's arena. */
static uint32_t events(struct place *place, enum audit_kind kind, struct audit_entry *entries,
                       uint32_t max)
{
    struct task *task = &place->fixture.test.task;
    struct txn *txn;
    struct audit_wanted wanted = {.kinds = 1u << kind, .before = UINT64_MAX, .limit = max};
    uint32_t count = 0;
    enum err err = ERR_NONE;
    check_int(txn_open(task, &place->fixture.space, &txn), ERR_NONE);
    while (count < max && err == ERR_NONE) {
        struct audit_entry entry;
        err = audit_next(txn, &wanted, &entry);
        if (err != ERR_NONE) break;
        entry.event.address = arena_copy(task->arena, entry.event.address);
        entry.event.words = arena_copy(task->arena, entry.event.words);
        entries[count++] = entry;
    }
    check(err == ERR_NONE || err == ERR_MISSING);
    txn_close(txn);
    return count;
}

TEST(test_audit__an_event_is_read_as_it_was_written)
{
    struct place place;
    struct audit_entry entry;
    begin(&place);
    struct audit_event event = {
        .kind = AUDIT_REVEALED,
        .actor_kind = AUDIT_USER,
        .actor = id_of(1),
        .entity = 22,
        .record = id_of(2),
        .address = S("2001:db8::1"),
        .words = S("secret"),
    };
    struct task *task = &place.fixture.test.task;
    task->request_id = id_of(3);
    check_int(audit_write(task, &place.access, &place.fixture.space, &event), ERR_NONE);
    check_int(events(&place, AUDIT_REVEALED, &entry, 1), 1);
    check_int(entry.event.kind, AUDIT_REVEALED);
    check_int(entry.event.actor_kind, AUDIT_USER);
    check(id_eq(entry.event.actor, id_of(1)));
    check_int(entry.event.entity, 22);
    check(id_eq(entry.event.record, id_of(2)));
    check(id_eq(entry.cause, id_of(3)));
    check_str(entry.event.address, S("2001:db8::1"));
    check_str(entry.event.words, S("secret"));
    check(!entry.is_erased);
    check_int(events(&place, AUDIT_EXPORTED, &entry, 1), 0);
    end(&place);
}

TEST(test_audit__what_repeats_itself_is_one_entry_a_minute_with_a_count)
{
    struct place place;
    struct audit_entry entries[8];
    begin(&place);
    struct audit_event refused = {
        .kind = AUDIT_REFUSED, .actor_kind = AUDIT_USER, .actor = id_of(1), .entity = 4};
    struct audit_event other = refused;
    other.actor = id_of(2);
    for (uint8_t at = 0; at < 100; at++) {
        refused.record = id_of(at); /* another door each time, but the same who tries */
        submit(&place, refused);
    }
    submit(&place, other);
    wait_for_lane(&place);
    check_int(events(&place, AUDIT_REFUSED, entries, 8), 2);
    check(id_eq(entries[1].event.actor, id_of(1)));
    check(id_eq(entries[1].event.record, id_of(0)));
    clock_set(START_MS + MINUTE_MS - 1);
    audit_flush(&place.access, clock_now_ms());
    wait_for_lane(&place);
    check_int(events(&place, AUDIT_REFUSED, entries, 8), 2);
    clock_set(START_MS + MINUTE_MS);
    audit_flush(&place.access, clock_now_ms());
    wait_for_lane(&place);
    check_int(events(&place, AUDIT_REFUSED, entries, 8), 3);
    check(id_eq(entries[0].event.actor, id_of(1)));
    check_int(entries[0].event.count, 99);
    check_int(entries[0].at_ms, START_MS + MINUTE_MS);
    check_int((int)audit_dropped(place.access.audit), 0);
    end(&place);
}

TEST(test_audit__views_of_different_records_are_different_events)
{
    struct place place;
    struct audit_entry entries[8];
    begin(&place);
    for (uint8_t at = 0; at < 3; at++)
        submit(&place, (struct audit_event){.kind = AUDIT_PORTAL_VIEW,
                                            .actor_kind = AUDIT_CONTACT,
                                            .actor = id_of(1),
                                            .entity = 4,
                                            .record = id_of(at)});
    wait_for_lane(&place);
    check_int(events(&place, AUDIT_PORTAL_VIEW, entries, 8), 3);
    end(&place);
}

TEST(test_audit__what_finds_no_room_is_counted)
{
    struct place place;
    struct audit_entry *entries;
    constexpr uint32_t TRIES = 5000;
    begin(&place);
    entries = arena_new(place.fixture.test.task.arena, struct audit_entry, TRIES + 1);
    struct audit_event event = {.kind = AUDIT_SIGN_IN_REFUSED, .actor_kind = AUDIT_NOBODY};
    for (uint32_t at = 0; at < TRIES; at++) {
        char address[16];
        int len = snprintf(address, sizeof address, "10.0.%u.%u", at / 256, at % 256);
        event.address = (str){address, (size_t)len};
        submit(&place, event);
    }
    audit_settle(&place.access);
    uint32_t kept = 0;
    uint32_t found = events(&place, AUDIT_SIGN_IN_REFUSED, entries, TRIES + 1);
    for (uint32_t at = 0; at < found; at++)
        kept += entries[at].event.count > 1 ? entries[at].event.count : 1;
    check(audit_dropped(place.access.audit) > 0);
    check(kept > 0);
    check_int(kept + audit_dropped(place.access.audit), TRIES);
    end(&place);
}

TEST(test_audit__a_crowd_of_one_firm_keeps_no_event_of_another_out)
{
    struct place place;
    struct audit_entry entries[8];
    begin(&place);
    struct audit_event refused = {.kind = AUDIT_SIGN_IN_REFUSED, .actor_kind = AUDIT_NOBODY};
    for (uint32_t at = 0; at < 3000; at++) {
        char address[16];
        int len = snprintf(address, sizeof address, "10.0.%u.%u", at / 256, at % 256);
        refused.address = (str){address, (size_t)len};
        submit(&place, refused);
    }
    check(audit_dropped(place.access.audit) > 0);
    struct space crowd = place.fixture.space;
    place.fixture.space = store_space(place.fixture.store, 2, id_make());
    for (uint8_t at = 0; at < 3; at++)
        submit(&place, (struct audit_event){.kind = AUDIT_EXPORTED,
                                            .actor_kind = AUDIT_USER,
                                            .actor = id_of(at),
                                            .entity = 4});
    audit_settle(&place.access);
    check_int(events(&place, AUDIT_EXPORTED, entries, 8), 3);
    place.fixture.space = crowd;
    end(&place);
}

TEST(test_audit__long_words_are_cut_between_letters)
{
    struct place place;
    struct audit_entry entry;
    char words[AUDIT_WORDS_BYTES_MAX + 10];
    begin(&place);
    for (size_t at = 0; at < sizeof words; at += 2) memcpy(words + at, "\xc3\xa9", 2);
    words[0] = 'x';
    memmove(words + 1, words + 2, sizeof words - 2);
    struct audit_event event = {.kind = AUDIT_EXPORTED, .words = {words, sizeof words - 1}};
    struct task *task = &place.fixture.test.task;
    check_int(audit_write(task, &place.access, &place.fixture.space, &event), ERR_NONE);
    submit(&place, event);
    wait_for_lane(&place);
    for (uint32_t at = 0; at < 2; at++) {
        struct audit_entry both[2];
        check_int(events(&place, AUDIT_EXPORTED, both, 2), 2);
        entry = both[at];
        check_int((int)entry.event.words.len, AUDIT_WORDS_BYTES_MAX - 1);
    }
    end(&place);
}

TEST(test_audit__every_kind_has_a_word_and_a_number_below_the_bound)
{
    enum audit_kind kind;
    for (uint32_t number = 0; number < 256; number++) {
        str word = audit_kind_word((enum audit_kind)number);
        if (word.len == 0) continue;
        check(number >= 1 && number <= AUDIT_KIND_MAX);
        check(audit_kind_parse(word, &kind) && kind == number);
    }
    check(audit_kind_word((enum audit_kind)AUDIT_KIND_MAX).len > 0);
    check(!audit_kind_parse(S("nothing"), &kind));
}
