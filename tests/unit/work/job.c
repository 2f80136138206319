#include "work/job.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "access/tenant_life.h"
#include "access/user.h"
#include "fixture.h"
#include "work/job_upkeep.h"

/** A kind of the test's own: makes contacts, one a step, each of which counts itself. */
constexpr uint32_t CONTACTS = 5;

static struct {
    _Atomic uint32_t opened, closed, cancelled, steps, full_left;
    _Atomic bool is_held; /** steps wait while it is set */
    pthread_mutex_t lock;
    char order[64]; /** which tenant's step came when */
    uint32_t order_count;
} seen = {.lock = PTHREAD_MUTEX_INITIALIZER};

struct place {
    struct fixture fixture;
    struct access access;
    struct tenant tenants[2];
    struct scope owners[2];
    struct jobs *jobs;
};

static void wait_a_little(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 1'000'000}, nullptr);
}

static enum err count_open(struct job_run *run)
{
    seen.opened++;
    check(run->live == nullptr);
    run->live = arena_new(run->arena, uint32_t, 1);
    struct value at = value_of(run->job.position);
    *(uint32_t *)run->live = at.kind == VALUE_INT ? (uint32_t)at.integer : 0;
    return ERR_NONE;
}

static enum err count_read(struct job_run *run, struct txn *txn, void *argument)
{
    check(txn_space(txn)->number == run->tenant.space.number);
    check(argument == nullptr && run->tenant.model != nullptr);
    return ERR_NONE;
}

static enum err make_contact(struct job_run *run, struct txn *txn, void *argument)
{
    struct change change = {.task = run->task,
                            .txn = txn,
                            .model = run->tenant.model,
                            .scope = &run->scope,
                            .group = run->job.group,
                            .cause = run->task->request_id};
    struct buf given = buf_make(run->task->arena, 256);
    pack_map(&given, 1);
    pack_text(&given, S("name"));
    pack_text(&given,
              arena_print(run->task->arena, "%.*s %u", FMT(run->job.given), *(uint32_t *)argument));
    struct value value = value_of(buf_str(&given));
    struct id id;
    TRY(record_create(&change, model_entity(run->tenant.model, S("contact")), &value, &id));
    return change_finish(&change);
}

static enum err count_step(struct job_run *run, bool *is_over_out)
{
    seen.steps++;
    while (seen.is_held) wait_a_little();
    pthread_mutex_lock(&seen.lock);
    if (seen.order_count < sizeof seen.order)
        seen.order[seen.order_count++] = (char)('0' + run->tenant.space.number);
    pthread_mutex_unlock(&seen.lock);
    TRY(job_read(run, count_read, nullptr));
    uint32_t *at = run->live;
    if (*at == 2 && seen.full_left > 0) {
        seen.full_left--;
        *at = 99; /* what a failed step did to its own memory does not count */
        return ERR_FULL;
    }
    ++*at;
    struct buf position = buf_make(run->task->arena, 16);
    pack_int(&position, *at);
    run->job.position = buf_str(&position);
    run->job.done = *at;
    run->job.total = CONTACTS;
    run->lines = arena_print(run->task->arena, "{\"at\":%u}\n", *at);
    *is_over_out = *at == CONTACTS;
    return job_write(run, make_contact, at);
}

static void count_close(struct job_run *run)
{
    seen.closed++;
    check(run->live != nullptr);
}

static enum err wrong_step(struct job_run *run, bool *is_over_out)
{
    *is_over_out = false;
    task_fault(run->task, S("name"), S("odd"), "is odd");
    return task_faults(run->task);
}

/** Never writes by itself; is over at once. */
static enum err short_step(struct job_run *run, bool *is_over_out)
{
    struct buf result = buf_make(run->task->arena, 64);
    pack_map(&result, 1);
    pack_text(&result, S("words"));
    pack_raw(&result, run->job.given);
    run->job.result = buf_str(&result);
    *is_over_out = true;
    return ERR_NONE;
}

static enum err greedy_step(struct job_run *run, bool *is_over_out)
{
    *is_over_out = false;
    while (true) (void)arena_take(run->task->arena, 1 * MIB);
}

struct cancelling {
    struct work work;
    struct job_run *run;
};

static enum err cancel_own(struct work *work, struct txn *txn)
{
    struct job_run *run = ((struct cancelling *)work)->run;
    struct job job;
    txn_set_task(txn, run->task);
    return job_cancel(run->task, txn, run->job.id, &job);
}

/** Is cancelled behind what it has written, so before its next step. */
static enum err unwanted_step(struct job_run *run, bool *is_over_out)
{
    *is_over_out = false;
    TRY(job_write(run, nullptr, nullptr));
    struct cancelling cancelling = {.run = run};
    cancelling.work = (struct work){.run = cancel_own, .arena = run->task->arena};
    return store_write(run->access.store, &run->tenant.space, &cancelling.work);
}

static void unwanted_close(struct job_run *run)
{
    seen.closed++;
    seen.cancelled += run->is_cancelled && run->task != nullptr;
}

static const struct job_kind kinds[] = {
    {{"unwanted", 8}, nullptr, unwanted_step, unwanted_close},
    {S("count"), .open = count_open, .step = count_step, .close = count_close},
    {S("wrong"), .step = wrong_step},
    {S("short"), .step = short_step},
    {S("greedy"), .step = greedy_step},
};

static void jobs_begin(struct place *place)
{
    struct jobs_options options = {
        .access = &place->access,
        .kinds = kinds,
        .kind_count = sizeof kinds / sizeof kinds[0],
        .upkeep_first_ms = 3'600'000,
        .upkeep_every_ms = 3'600'000,
    };
    check_int(jobs_open(&place->fixture.test.task, &options, &place->jobs), ERR_NONE);
}

static void begin(struct place *place)
{
    *place = (struct place){};
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
    for (uint32_t at = 0; at < 2; at++) {
        struct tenant_new wanted = {
            .name = at == 0 ? S("acme") : S("borg"),
            .title = S("Firm"),
            .owner_email = S("ann@firm.example"),
        };
        check_int(tenant_create(task, &place->access, &wanted, &place->tenants[at]), ERR_NONE);
        struct txn *txn;
        struct user_row user;
        struct identity identity;
        check_int(txn_open(task, &place->tenants[at].space, &txn), ERR_NONE);
        check_int(user_find(task, txn, &place->access, wanted.owner_email, &user), ERR_NONE);
        check_int(user_identify(txn, &place->access, user.id, &identity), ERR_NONE);
        txn_close(txn);
        place->owners[at] = identity.scope;
    }
    seen.opened = seen.closed = seen.cancelled = seen.steps = seen.full_left = seen.order_count = 0;
    seen.is_held = false;
    jobs_begin(place);
}

static void end(struct place *place)
{
    jobs_close(place->jobs);
    fixture_drop(&place->fixture);
}

/* In a lane. */

struct starting {
    struct work work;
    struct test_task test;
    const struct scope *scope;
    str kind, given;
    struct job job;
    bool is_cancelling;
};

static enum err starting_run(struct work *work, struct txn *txn)
{
    struct starting *self = (struct starting *)work;
    struct task *task = &self->test.task;
    txn_set_task(txn, task);
    if (self->is_cancelling) return job_cancel(task, txn, self->job.id, &self->job);
    return job_create(task, txn, self->scope, self->kind, self->given, &self->job);
}

static enum err start_as(struct place *place, uint32_t tenant, const struct scope *scope, str kind,
                         str given, struct id *id_out)
{
    struct starting self = {.work.run = starting_run, .kind = kind, .given = given, .scope = scope};
    test_task_init(&self.test);
    enum err err = store_write(place->fixture.store, &place->tenants[tenant].space, &self.work);
    if (err == ERR_NONE) {
        check(self.test.task.has_job && !id_is_nil(self.job.group));
        jobs_wake(place->jobs, &place->tenants[tenant].space);
    }
    *id_out = self.job.id;
    test_task_drop(&self.test);
    return err;
}

static struct id start(struct place *place, uint32_t tenant, str kind, str given)
{
    struct id id;
    check_int(start_as(place, tenant, &place->owners[tenant], kind, given, &id), ERR_NONE);
    return id;
}

static enum err cancel(struct place *place, uint32_t tenant, struct id id)
{
    struct starting self = {.work.run = starting_run, .is_cancelling = true, .job.id = id};
    test_task_init(&self.test);
    enum err err = store_write(place->fixture.store, &place->tenants[tenant].space, &self.work);
    test_task_drop(&self.test);
    return err;
}

static struct job ended(struct place *place, uint32_t tenant, struct id id)
{
    struct job job;
    check_int(jobs_wait(place->jobs, &place->fixture.test.task, &place->tenants[tenant].space, id,
                        nullptr, nullptr, &job),
              ERR_NONE);
    check(job_is_over(&job) && job.ended_at_ms >= job.created_at_ms);
    return job;
}

static str told(struct place *place, const struct job *job)
{
    struct buf json = buf_make(&place->fixture.test.arena, 64 * KIB);
    job_write_json(&json, job);
    check(!buf_is_over(&json));
    return buf_str(&json);
}

static bool holds(str text, const char *part)
{
    return memmem(text.at, text.len, part, strlen(part)) != nullptr;
}

static uint32_t contact_count(struct place *place, uint32_t tenant)
{
    struct task *task = &place->fixture.test.task;
    struct txn *txn;
    check_int(txn_open(task, &place->tenants[tenant].space, &txn), ERR_NONE);
    struct scan_range all = {.is_unbounded_from = true, .is_unbounded_to = true};
    const struct entity *contact = model_entity(place->fixture.model, S("contact"));
    struct scan *scan = scan_records(txn, contact->number, &all);
    uint32_t count = 0;
    for (bool has_entry = true;; count++) {
        struct scan_entry entry;
        check_int(scan_next(scan, &has_entry, &entry), ERR_NONE);
        if (!has_entry) break;
    }
    txn_close(txn);
    return count;
}

TEST(test_job__runs_in_steps_to_its_end)
{
    struct place place;
    begin(&place);
    struct id id = start(&place, 0, S("count"), S("Ann"));
    struct job job = ended(&place, 0, id);
    check_int(job.state, JOB_DONE);
    check_int(job.done, CONTACTS);
    check_int(contact_count(&place, 0), CONTACTS);
    check_int(contact_count(&place, 1), 0);
    str json = told(&place, &job);
    check(holds(json, "\"kind\":\"count\",\"state\":\"done\",\"done\":5,\"total\":5"));
    check(!holds(json, "problem"));
    check(holds(json, "\"created_at\":\"20") && holds(json, "\"ended_at\":\"20"));
    struct buf read = buf_make(&place.fixture.test.arena, 64 * KIB);
    check_int(json_read(&place.fixture.test.task, json, &read), ERR_NONE);
    check_int(job.line_count, CONTACTS);
    struct task *task = &place.fixture.test.task;
    struct txn *txn;
    check_int(txn_open(task, &place.tenants[0].space, &txn), ERR_NONE);
    str lines;
    check_int(job_lines(task, txn, id, 4, &lines), ERR_NONE);
    check_str(lines, S("{\"at\":5}\n"));
    check_int(job_lines(task, txn, id, 5, &lines), ERR_MISSING);
    struct log_entry entry;
    check_int(txn_log_from(txn, txn_log_newest(txn), &entry), ERR_NONE);
    check(id_eq(entry.group, job.group) && id_eq(entry.cause, id));
    txn_close(txn);
    end(&place);
    check_int(seen.opened, 1);
    check_int(seen.closed, 1);
}

TEST(test_job__a_step_that_finds_no_room_is_done_again)
{
    struct place place;
    begin(&place);
    seen.full_left = 2;
    struct job job = ended(&place, 0, start(&place, 0, S("count"), S("Ann")));
    check_int(job.state, JOB_DONE);
    check_int(contact_count(&place, 0), CONTACTS);
    end(&place);
    check_int(seen.opened, 3);
    check_int(seen.closed, 3);
}

TEST(test_job__goes_on_where_it_was_when_the_server_ended)
{
    struct place place;
    begin(&place);
    struct id id = start(&place, 0, S("count"), S("Ann"));
    while (seen.steps < 2) wait_a_little();
    jobs_close(place.jobs);
    check_int(contact_count(&place, 0), seen.steps);
    jobs_begin(&place);
    check_int(ended(&place, 0, id).state, JOB_DONE);
    check_int(contact_count(&place, 0), CONTACTS);
    jobs_wake(place.jobs, &place.tenants[0].space);
    end(&place);
    check_int(seen.steps, CONTACTS);
    check_int(seen.opened, seen.closed);
}

TEST(test_job__jobs_of_one_tenant_run_in_order_and_tenants_take_turns)
{
    struct place place;
    begin(&place);
    seen.is_held = true;
    struct id first = start(&place, 0, S("count"), S("Ann"));
    struct id second = start(&place, 0, S("short"), S("\xA1z"));
    struct id other = start(&place, 1, S("count"), S("Bob"));
    while (seen.steps < 2) wait_a_little();
    seen.is_held = false;
    struct job job = ended(&place, 0, second);
    check_int(job.state, JOB_DONE);
    check(holds(told(&place, &job), "\"result\":{\"words\":\"z\"}"));
    struct job before = ended(&place, 0, first);
    check(before.ended_at_ms <= job.ended_at_ms);
    check_int(before.state, JOB_DONE);
    check_int(ended(&place, 1, other).state, JOB_DONE);
    check_int(contact_count(&place, 1), CONTACTS);
    check_int(seen.order_count, 2 * CONTACTS);
    end(&place);
}

TEST(test_job__a_failed_one_says_why_and_the_next_goes_on)
{
    struct place place;
    begin(&place);
    struct id wrong = start(&place, 0, S("wrong"), S("\xC0"));
    struct id greedy = start(&place, 0, S("greedy"), S("\xC0"));
    struct id unknown = start(&place, 0, S("unheard of"), S("\xC0"));
    struct id last = start(&place, 0, S("short"), S("\xC0"));
    check_int(ended(&place, 0, last).state, JOB_DONE);
    struct job job = ended(&place, 0, wrong);
    check_int(job.state, JOB_FAILED);
    str json = told(&place, &job);
    check(holds(json, "\"problem\":{\"type\":\"invalid\""));
    check(holds(json, "{\"field\":\"name\",\"code\":\"odd\",\"message\":\"is odd\"}"));
    job = ended(&place, 0, greedy);
    check(holds(told(&place, &job), "\"status\":413"));
    job = ended(&place, 0, unknown);
    check(holds(told(&place, &job), "unheard of"));
    end(&place);
}

TEST(test_job__cancelled_it_writes_nothing_more)
{
    struct place place;
    begin(&place);
    seen.is_held = true;
    struct id running = start(&place, 0, S("count"), S("Ann"));
    struct id queued = start(&place, 0, S("count"), S("Ann"));
    struct id own;
    check_int(start_as(&place, 0, nullptr, S("count"), S("Ann"), &own), ERR_NONE);
    while (seen.steps < 1) wait_a_little();
    check_int(cancel(&place, 0, running), ERR_NONE);
    check_int(cancel(&place, 0, queued), ERR_NONE);
    check_int(cancel(&place, 0, queued), ERR_CONFLICT);
    check_int(cancel(&place, 0, own), ERR_CONFLICT);
    check_int(cancel(&place, 0, id_make()), ERR_MISSING);
    check_int(contact_count(&place, 0), 0);
    seen.is_held = false;
    check_int(ended(&place, 0, own).state, JOB_DONE);
    check_int(ended(&place, 0, running).state, JOB_CANCELLED);
    check_int(ended(&place, 0, queued).state, JOB_CANCELLED);
    check_int(contact_count(&place, 0), CONTACTS);
    end(&place);
}

TEST(test_job__cancelled_between_two_steps_it_is_told_so_when_it_is_closed)
{
    struct place place;
    begin(&place);
    struct id id = start(&place, 0, S("unwanted"), S("Ann"));
    check_int(ended(&place, 0, id).state, JOB_CANCELLED);
    while (seen.closed < 1) wait_a_little();
    check_int(seen.cancelled, 1);
    end(&place);
}

TEST(test_job__of_a_firm_that_is_suspended_rests_and_goes_on_where_it_was)
{
    struct place place;
    begin(&place);
    struct task *task = &place.fixture.test.task;
    seen.is_held = true;
    struct id id = start(&place, 0, S("count"), S("Ann"));
    while (seen.steps < 1) wait_a_little();
    check_int(tenant_suspend(task, &place.access, S("acme"), true), ERR_NONE);
    seen.is_held = false;
    while (seen.closed < 1) wait_a_little();
    check_int(tenant_suspend(task, &place.access, S("acme"), false), ERR_NONE);
    jobs_wake(place.jobs, &place.tenants[0].space);
    check_int(ended(&place, 0, id).state, JOB_DONE);
    check_int(contact_count(&place, 0), CONTACTS);
    check_int(seen.opened, 2);
    end(&place);
}

TEST(test_job__whose_actor_is_gone_or_may_no_longer_fails_with_that)
{
    struct place place;
    begin(&place);
    struct id id;
    struct scope gone = place.owners[0];
    gone.actor = id_make();
    check_int(start_as(&place, 0, &gone, S("count"), S("Ann"), &id), ERR_NONE);
    struct job job = ended(&place, 0, id);
    check_int(job.state, JOB_FAILED);
    check(holds(told(&place, &job), "\"type\":\"forbidden\""));
    check(holds(told(&place, &job), "may no longer sign in"));
    check_int(contact_count(&place, 0), 0);
    end(&place);
}

TEST(test_job__a_tenant_may_have_so_many_waiting)
{
    struct place place;
    begin(&place);
    seen.is_held = true;
    struct id id = {};
    for (uint32_t at = 0; at < JOBS_OF_TENANT_MAX; at++) id = start(&place, 0, S("count"), S("A"));
    struct id refused;
    check_int(start_as(&place, 0, &place.owners[0], S("count"), S("A"), &refused), ERR_LIMITED);
    check_int(cancel(&place, 0, id), ERR_NONE);
    (void)start(&place, 0, S("count"), S("A"));
    struct task *task = &place.fixture.test.task;
    struct txn *txn;
    check_int(txn_open(task, &place.tenants[0].space, &txn), ERR_NONE);
    struct id before = {}, last = {};
    uint32_t count = 0;
    for (struct job job; job_before(task, txn, before, &job) == ERR_NONE; count++) {
        check(count == 0 || memcmp(job.id.bytes, last.bytes, 16) < 0);
        before = last = job.id;
        check(job.state != JOB_CANCELLED || id_eq(job.id, id));
    }
    check_int(count, JOBS_OF_TENANT_MAX + 1);
    txn_close(txn);
    seen.is_held = false;
    end(&place);
}

TEST(test_job__old_ones_are_forgotten_with_their_lines)
{
    struct place place;
    begin(&place);
    const struct space *space = &place.tenants[0].space;
    struct id old = start(&place, 0, S("count"), S("Ann"));
    (void)ended(&place, 0, old);
    struct test_task test;
    test_task_init(&test);
    check_int(job_upkeep(&test.task, &place.access, space), ERR_NONE);
    (void)ended(&place, 0, old);
    test.task.now_ms += JOB_KEPT_MS + 60'000;
    check_int(job_upkeep(&test.task, &place.access, space), ERR_NONE);
    struct txn *txn;
    check_int(txn_open(&test.task, space, &txn), ERR_NONE);
    struct job job;
    str lines;
    check_int(job_get(&test.task, txn, old, &job), ERR_MISSING);
    check_int(job_lines(&test.task, txn, old, 0, &lines), ERR_MISSING);
    txn_close(txn);
    test_task_drop(&test);
    end(&place);
}

static _Atomic uint32_t kept[3];

static enum err note_upkeep(struct task *task, const struct access *access,
                            const struct space *space)
{
    check(access != nullptr && space->number < 3);
    kept[space->number]++;
    return fail(task, ERR_FULL, "not now");
}

TEST(test_job__upkeep_comes_to_each_tenant_again_and_again)
{
    struct place place;
    begin(&place);
    jobs_close(place.jobs);
    static const struct upkeep rows[] = {{S("note"), note_upkeep}};
    struct jobs_options options = jobs_options_usual(&place.access, nullptr);
    options.upkeeps = rows;
    options.upkeep_count = 1;
    options.upkeep_first_ms = 0;
    options.upkeep_every_ms = 1;
    check_int(jobs_open(&place.fixture.test.task, &options, &place.jobs), ERR_NONE);
    while (kept[1] < 3 || kept[2] < 3) wait_a_little();
    end(&place);
    check_int(kept[0], 0);
}
