#include "work/outbox.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "access/tenant_life.h"
#include "fixture.h"
#include "record/models.h"

constexpr uint32_t TENANTS = 2;

static struct {
    _Atomic uint32_t runs, fulls_left, rounds, follows;
    _Atomic bool is_held;
} seen;

struct place {
    struct fixture fixture;
    struct access access;
    struct tenant tenants[TENANTS];
    struct outbox *outbox;
};

static void wait_a_little(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 1'000'000}, nullptr);
}

/* Kinds of the test's own. */

/** Makes a contact named by the body. */
static enum err make_run(void *owner, struct txn *txn, const struct tenant *tenant,
                         const struct outbox_entry *entry)
{
    struct task *task = txn_task(txn);
    struct scope scope = scope_system();
    check(owner == &seen);
    seen.runs++;
    while (seen.is_held) wait_a_little();
    struct change change = {.task = task, .txn = txn, .scope = &scope};
    TRY(model_of(task, txn, tenant->model, &change.model));
    struct outbox_state state;
    struct id id;
    outbox_read(entry, &state);
    TRY(record_create(&change, model_entity(change.model, S("contact")), &state.given, &id));
    return change_finish(&change);
}

/** Makes one too, but then fails. */
static enum err wrong_run(void *owner, struct txn *txn, const struct tenant *tenant,
                          const struct outbox_entry *entry)
{
    TRY(make_run(owner, txn, tenant, entry));
    return fail(txn_task(txn), ERR_CONFLICT, "it cannot be");
}

static enum err full_run(void *owner, struct txn *txn, const struct tenant *tenant,
                         const struct outbox_entry *entry)
{
    TRY(make_run(owner, txn, tenant, entry));
    if (seen.fulls_left == 0) return ERR_NONE;
    seen.fulls_left--;
    return fail(txn_task(txn), ERR_LIMITED, "not now");
}

static enum err greedy_run(void *, struct txn *txn, const struct tenant *,
                           const struct outbox_entry *)
{
    seen.runs++;
    while (true) (void)arena_take(txn_task(txn)->arena, 1 * MIB);
}

/** From the first two entries there follows more: two of the kind, and one. */
static enum err follow_run(void *, struct txn *txn, const struct tenant *,
                           const struct outbox_entry *entry)
{
    struct outbox_state state;
    struct value name;
    outbox_read(entry, &state);
    check(value_find_text(state.given.bytes, S("name"), &name));
    uint32_t count = str_eq(name.text, S("follow 0")) ? 2 : str_eq(name.text, S("follow 1"));
    for (uint32_t at = 0; at < count; at++) {
        TRY(txn_outbox_room(txn, S("follow")));
        struct buf body = buf_make(txn_task(txn)->arena, 64);
        pack_map(&body, 1);
        pack_text(&body, S("given"));
        pack_map(&body, 1);
        pack_text(&body, S("name"));
        pack_text(&body, S("followed"));
        txn_outbox_put(txn, &(struct outbox_entry){.id = id_make(),
                                                   .due_ms = entry->due_ms + 3'600'000,
                                                   .kind = S("follow"),
                                                   .body = buf_str(&body)});
    }
    if (count > 0) seen.follows |= count;
    seen.runs++;
    return ERR_NONE;
}

static enum err round_run(void *owner, struct task *task, const struct space *space)
{
    check(owner == &seen && task->arena != nullptr && space->number > 0);
    seen.rounds++;
    return ERR_NONE;
}

static const struct outbox_kind kinds[] = {
    {{"make", 4}, make_run},     {{"wrong", 5}, wrong_run},   {{"full", 4}, full_run},
    {{"greedy", 6}, greedy_run}, {{"follow", 6}, follow_run},
};

static void worker_begin(struct place *place)
{
    struct outbox_options options = {
        .access = &place->access,
        .owner = &seen,
        .kinds = kinds,
        .kind_count = sizeof kinds / sizeof kinds[0],
        .round_ms = 20,
        .each_round = round_run,
    };
    check_int(outbox_open(&place->fixture.test.task, &options, &place->outbox), ERR_NONE);
}

static void begin(struct place *place)
{
    *place = (struct place){};
    seen.runs = seen.fulls_left = seen.rounds = seen.follows = 0;
    seen.is_held = false;
    struct fixture *fixture = &place->fixture;
    fixture_init(fixture);
    store_close(fixture->store);
    struct task *task = &fixture->test.task;
    struct store_options options = {
        .folder = arena_print(task->arena, "%s/empty", fixture->folder),
        .map_bytes = 1ull << 30,
    };
    check_int(store_open(task, &options, &fixture->store), ERR_NONE);
    place->access =
        (struct access){.store = fixture->store, .model = fixture->model, .domain = S("localhost")};
    for (uint32_t at = 0; at < TENANTS; at++) {
        struct tenant_new wanted = {.name = at == 0 ? S("acme") : S("borg"),
                                    .title = S("Firm"),
                                    .owner_email = S("ann@firm.example")};
        check_int(tenant_create(task, &place->access, &wanted, &place->tenants[at]), ERR_NONE);
    }
}

static void end(struct place *place)
{
    if (place->outbox != nullptr) outbox_close(place->outbox);
    fixture_drop(&place->fixture);
}

/* In a lane. */

struct putting {
    struct work work;
    struct task *task;
    const char *kind;
    uint32_t from, count;
};

static enum err putting_run(struct work *work, struct txn *txn)
{
    struct putting *self = (struct putting *)work;
    txn_set_task(txn, self->task);
    for (uint32_t at = self->from; at < self->from + self->count; at++) {
        struct buf body = buf_make(self->task->arena, 256);
        pack_map(&body, 1);
        pack_text(&body, S("given"));
        pack_map(&body, 1);
        pack_text(&body, S("name"));
        pack_text(&body, arena_print(self->task->arena, "%s %u", self->kind, at));
        txn_outbox_put(txn, &(struct outbox_entry){.id = id_make(),
                                                   .due_ms = self->task->now_ms,
                                                   .kind = str_of(self->kind),
                                                   .body = buf_str(&body)});
    }
    return ERR_NONE;
}

static void put(struct place *place, uint32_t tenant, const char *kind, uint32_t from,
                uint32_t count)
{
    struct test_task test;
    test_task_init(&test);
    struct putting self = {{.run = putting_run}, &test.task, kind, from, count};
    check_int(store_write(place->fixture.store, &place->tenants[tenant].space, &self.work),
              ERR_NONE);
    test_task_drop(&test);
}

struct retrying {
    struct work work;
    struct task *task;
};

static enum err retrying_run(struct work *work, struct txn *txn)
{
    struct retrying *self = (struct retrying *)work;
    struct outbox_entry entry;
    txn_set_task(txn, self->task);
    TRY(outbox_next(self->task, txn, &(struct outbox_filter){}, INT64_MIN, (struct id){}, &entry));
    outbox_retry(txn, &entry);
    return ERR_NONE;
}

static void retry(struct place *place)
{
    struct test_task test;
    test_task_init(&test);
    struct retrying self = {{.run = retrying_run}, &test.task};
    check_int(store_write(place->fixture.store, &place->tenants[0].space, &self.work), ERR_NONE);
    test_task_drop(&test);
}

/* Looking. */

/** Contacts with this number in their names, and entries of each state. */
struct figures {
    uint32_t contacts, waiting, dead;
    int64_t tries;
    char problem[64];
};

static struct figures look(struct place *place, uint32_t tenant)
{
    struct test_task test;
    struct txn *txn;
    struct figures figures = {};
    test_task_init(&test);
    check_int(txn_open(&test.task, &place->tenants[tenant].space, &txn), ERR_NONE);
    struct scan_range range = {.is_unbounded_from = true, .is_unbounded_to = true};
    const struct entity *contacts = model_entity(place->fixture.model, S("contact"));
    struct scan *scan = scan_records(txn, contacts->number, &range);
    struct scan_entry record;
    for (bool has_entry = true; has_entry; figures.contacts += has_entry)
        check_int(scan_next(scan, &has_entry, &record), ERR_NONE);
    scan_close(scan);
    struct outbox_entry entry = {.due_ms = INT64_MIN};
    struct outbox_filter any = {};
    while (outbox_next(&test.task, txn, &any, entry.due_ms, entry.id, &entry) == ERR_NONE) {
        struct outbox_state state;
        outbox_read(&entry, &state);
        figures.tries = state.tries;
        str problem = str_first(state.problem, sizeof figures.problem - 1);
        memcpy(figures.problem, problem.at, problem.len);
        if (state.is_dead) figures.dead++;
        else figures.waiting++;
    }
    txn_close(txn);
    test_task_drop(&test);
    return figures;
}

/** Until nothing waits in the outbox, or what does was tried so often. */
static struct figures look_until(struct place *place, uint32_t tenant, int64_t tries)
{
    for (;;) {
        struct figures figures = look(place, tenant);
        if (figures.waiting == 0 || (tries > 0 && figures.tries >= tries)) return figures;
        wait_a_little();
    }
}

TEST(test_outbox__does_what_was_there_before_and_what_comes)
{
    struct place place;
    begin(&place);
    put(&place, 0, "make", 0, 100);
    worker_begin(&place);
    put(&place, 1, "make", 0, 3);
    for (uint32_t at = 0; at < 20; at++) put(&place, 0, "make", 100 + at, 1);
    struct figures figures = look_until(&place, 0, 0);
    check_int(figures.contacts, 120);
    check_int(look_until(&place, 1, 0).contacts, 3);
    check_int(seen.runs, 123);
    end(&place);
}

TEST(test_outbox__leaves_alone_what_nobody_here_delivers)
{
    struct place place;
    begin(&place);
    put(&place, 0, "mail", 0, 5);
    worker_begin(&place);
    put(&place, 0, "make", 0, 1);
    while (look(&place, 0).contacts == 0) wait_a_little();
    check_int(look(&place, 0).waiting, 5);
    end(&place);
}

TEST(test_outbox__puts_off_what_fails_until_it_is_dead)
{
    struct place place;
    begin(&place);
    worker_begin(&place);
    put(&place, 0, "wrong", 0, 1);
    for (int64_t tries = 1; tries < OUTBOX_TRIES_MAX; tries++) {
        struct figures figures = look_until(&place, 0, tries);
        check_int(figures.tries, tries);
        check_int(figures.waiting, 1);
        check_str(str_of(figures.problem), S("it cannot be"));
        retry(&place);
    }
    struct figures figures = look_until(&place, 0, 0);
    check_int(figures.dead, 1);
    check_int(figures.tries, OUTBOX_TRIES_MAX);
    check_int(figures.contacts, 0);
    check_int(seen.runs, OUTBOX_TRIES_MAX);
    retry(&place); /* begins anew */
    figures = look_until(&place, 0, 1);
    check_int(figures.tries, 1);
    check_int(figures.dead, 0);
    end(&place);
}

TEST(test_outbox__a_lack_of_room_is_not_counted)
{
    struct place place;
    begin(&place);
    seen.fulls_left = 3;
    worker_begin(&place);
    put(&place, 0, "full", 0, 1);
    check_int(look_until(&place, 0, 0).contacts, 1);
    check_int(seen.runs, 4);
    end(&place);
}

/** A full outbox must become emptier by what is done of it. */
TEST(test_outbox__when_full_is_not_held_up_by_what_would_add_to_it)
{
    struct place place;
    begin(&place);
    for (uint32_t from = 0; from < OUTBOX_OF_KIND_MAX; from += 1000)
        put(&place, 0, "follow", from, 1000);
    worker_begin(&place);
    while (seen.runs < 100) wait_a_little();
    /* One has made room for what followed from it; the other stands aside. */
    check_int(seen.follows, 1);
    end(&place);
}

TEST(test_outbox__one_that_takes_too_much_memory_has_failed)
{
    struct place place;
    begin(&place);
    worker_begin(&place);
    put(&place, 0, "greedy", 0, 1);
    check_int(look_until(&place, 0, 1).tries, 1);
    check_int(seen.runs, 1);
    end(&place);
}

TEST(test_outbox__a_long_queue_of_one_does_not_hold_up_another)
{
    struct place place;
    begin(&place);
    put(&place, 0, "make", 0, 1000);
    worker_begin(&place);
    put(&place, 1, "make", 0, 1);
    check_int(look_until(&place, 1, 0).contacts, 1);
    check(look(&place, 0).contacts < 1000);
    end(&place);
}

TEST(test_outbox__that_of_a_suspended_firm_rests)
{
    struct place place;
    begin(&place);
    struct task *task = &place.fixture.test.task;
    check_int(tenant_suspend(task, &place.access, S("acme"), true), ERR_NONE);
    put(&place, 0, "make", 0, 1);
    worker_begin(&place);
    uint32_t rounds = seen.rounds;
    while (seen.rounds < rounds + 4) wait_a_little();
    check_int(look(&place, 0).contacts, 0);
    check_int(tenant_suspend(task, &place.access, S("acme"), false), ERR_NONE);
    check_int(look_until(&place, 0, 0).contacts, 1);
    end(&place);
}

static void *release(void *)
{
    for (int at = 0; at < 50; at++) wait_a_little();
    seen.is_held = false;
    return nullptr;
}

TEST(test_outbox__closing_waits_for_what_runs)
{
    struct place place;
    pthread_t thread;
    begin(&place);
    seen.is_held = true;
    worker_begin(&place);
    put(&place, 0, "make", 0, 1);
    while (seen.runs == 0) wait_a_little();
    check_int(pthread_create(&thread, nullptr, release, nullptr), 0);
    outbox_close(place.outbox);
    place.outbox = nullptr;
    check_int(pthread_join(thread, nullptr), 0);
    check_int(look(&place, 0).contacts, 1);
    end(&place);
}
