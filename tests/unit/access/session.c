#include "fixture.h"

#include <time.h>

#include "access/access.h"
#include "access/password.h"
#include "access/session.h"
#include "base/clock.h"
#include "base/limits.h"

constexpr int64_t START_MS = 1'800'000'000'000;
static const str owner = {"owner@firm.example", 18};
static const str right = {"correct horse battery", 21};

/** Two firms with the same owner, as access/ makes them. */
struct firms {
    struct fixture fixture;
    struct access access;
    struct tenant acme, other;
};

struct reserving {
    struct work work;
    struct task *task;
};

/** Number 1 is the fixture's own tenant, which has no row. */
static enum err number_reserve(struct work *work, struct txn *txn)
{
    struct task *task = ((struct reserving *)work)->task;
    txn_set_task(txn, task);
    struct buf one = buf_make(task->arena, 16);
    pack_int(&one, 1);
    txn_system_put(txn, SYSTEM_COUNTER, S("tenant"), buf_str(&one));
    return ERR_NONE;
}

static enum err firm_make(struct firms *firms, const char *name, struct tenant *tenant)
{
    struct tenant_new wanted = {str_of(name), S("A firm"), owner, right};
    firms->fixture.test.task.fault = (struct fault){};
    return tenant_create(&firms->fixture.test.task, &firms->access, &wanted, tenant);
}

static void firms_init(struct firms *firms)
{
    clock_set(START_MS);
    fixture_init(&firms->fixture);
    struct task *task = &firms->fixture.test.task;
    firms->access = (struct access){
        .store = firms->fixture.store, .model = firms->fixture.model, .domain = S("localhost")};
    check_int(access_fits_model(task, firms->access.model), ERR_NONE);
    struct space instance = store_instance(firms->fixture.store);
    struct reserving reserving = {{.run = number_reserve, .arena = task->arena}, task};
    check_int(store_write(firms->fixture.store, &instance, &reserving.work), ERR_NONE);
    check_int(firm_make(firms, "acme", &firms->acme), ERR_NONE);
    check_int(firm_make(firms, "other", &firms->other), ERR_NONE);
}

static void firms_drop(struct firms *firms)
{
    fixture_drop(&firms->fixture);
    clock_set(-1);
}

static struct task *now_task(struct firms *firms)
{
    struct task *task = &firms->fixture.test.task;
    task_init(task, &firms->fixture.test.arena);
    return task;
}

typedef enum err (*identify)(struct txn *txn, const struct access *access, enum door door,
                             str token, struct identity *identity_out);

static enum err who(struct firms *firms, const struct tenant *tenant, identify identify, str token,
                    struct identity *identity)
{
    struct task *task = now_task(firms);
    struct txn *txn;
    check_int(txn_open(task, &tenant->space, &txn), ERR_NONE);
    enum err err = identify(txn, &firms->access, DOOR_STAFF, token, identity);
    if (err == ERR_NONE) identity_keep(task->arena, identity);
    txn_close(txn);
    return err;
}

static enum err session_is(struct firms *firms, str token)
{
    struct identity identity;
    return who(firms, &firms->acme, identity_of_session, token, &identity);
}

static enum err sign_in(struct firms *firms, const struct tenant *tenant, str email, str password,
                        struct session_new *session)
{
    const struct sign_in_given given = {.email = email, .password = password};
    return session_create(now_task(firms), &firms->access, &tenant->space, &given, session);
}

static str signed_in(struct firms *firms)
{
    struct session_new session;
    check_int(sign_in(firms, &firms->acme, owner, right, &session), ERR_NONE);
    return session.token;
}

/** A change of acme's owner by the fixture's road. */
static enum err owner_patch(struct firms *firms, struct id user, const char *json)
{
    struct fixture inner = firms->fixture;
    inner.space = firms->acme.space;
    return fixture_patch(&inner, "user", user, json);
}

/** Another user of acme, with the same password. */
static enum err password_give(struct firms *firms, struct id user, str password)
{
    const struct password_given given = {.subject = {DOOR_STAFF, user}, .password = password};
    return password_set(now_task(firms), &firms->access, &firms->acme.space, &given);
}

static struct id user_make(struct firms *firms, const char *email)
{
    struct fixture inner = firms->fixture;
    char json[128];
    inner.space = firms->acme.space;
    snprintf(json, sizeof json, "{\"name\":\"Bea\",\"email\":\"%s\"}", email);
    struct id id = fixture_create(&inner, "user", json);
    check_int(password_give(firms, id, right), ERR_NONE);
    return id;
}

TEST(test_session__signs_in_the_owner_with_everything_in_scope)
{
    struct firms firms;
    firms_init(&firms);
    struct session_new session;
    check_int(sign_in(&firms, &firms.acme, S(" Owner@FIRM.example "), right, &session), ERR_NONE);
    struct identity identity;
    check_int(who(&firms, &firms.acme, identity_of_session, session.token, &identity), ERR_NONE);
    check_str(identity.email, owner);
    check_str(identity.role, S("owner"));
    check(identity.csrf.len >= 32);
    check(!str_eq(identity.csrf, session.token));
    const struct entity *client = model_entity(firms.access.model, S("client"));
    check(scope_may(&identity.scope, client->number, SCOPE_DELETE));
    check_int(identity.scope.actor_kind, ACTOR_USER);
    check(id_eq(identity.scope.actor, identity.user));
    firms_drop(&firms);
}

TEST(test_session__wrong_words_and_strangers_are_told_the_same)
{
    struct firms firms;
    firms_init(&firms);
    struct session_new session;
    check_int(sign_in(&firms, &firms.acme, owner, S("wrong horse battery"), &session),
              ERR_UNAUTHENTICATED);
    str told = firms.fixture.test.task.fault.detail;
    check_int(sign_in(&firms, &firms.acme, S("nobody@firm.example"), right, &session),
              ERR_UNAUTHENTICATED);
    check_str(firms.fixture.test.task.fault.detail, told);
    check_int(sign_in(&firms, &firms.acme, S("\xff\xfe"), right, &session), ERR_UNAUTHENTICATED);
    struct id bea = user_make(&firms, "bea@firm.example");
    check_int(owner_patch(&firms, bea, "{\"disabled\":true}"), ERR_NONE);
    check_int(sign_in(&firms, &firms.acme, S("bea@firm.example"), right, &session),
              ERR_UNAUTHENTICATED);
    check_str(firms.fixture.test.task.fault.detail, told);
    check_int(sign_in(&firms, &firms.acme, S(""), S(""), &session), ERR_UNAUTHENTICATED);
    firms_drop(&firms);
}

TEST(test_session__is_nothing_at_another_firm)
{
    struct firms firms;
    firms_init(&firms);
    str token = signed_in(&firms);
    struct identity identity;
    check_int(who(&firms, &firms.other, identity_of_session, token, &identity),
              ERR_UNAUTHENTICATED);
    check_int(who(&firms, &firms.acme, identity_of_token, token, &identity), ERR_UNAUTHENTICATED);
    firms_drop(&firms);
}

TEST(test_session__ends_when_it_is_not_used)
{
    struct firms firms;
    firms_init(&firms);
    str token = signed_in(&firms);
    clock_set(START_MS + SESSION_IDLE_MS - 1);
    check_int(session_is(&firms, token), ERR_NONE);
    clock_set(START_MS + SESSION_IDLE_MS);
    check_int(session_is(&firms, token), ERR_UNAUTHENTICATED);
    firms_drop(&firms);
}

TEST(test_session__lives_on_while_used_but_not_for_ever)
{
    struct firms firms;
    firms_init(&firms);
    str token = signed_in(&firms);
    int64_t now_ms = START_MS;
    struct space space = firms.acme.space;
    for (; now_ms + HOUR_MS < START_MS + SESSION_AGE_MS_MAX; now_ms += 10 * HOUR_MS) {
        clock_set(now_ms);
        struct identity identity;
        check_int(who(&firms, &firms.acme, identity_of_session, token, &identity), ERR_NONE);
        check(session_is_stale(&firms.access, &identity, now_ms) == (now_ms > START_MS));
        if (!session_is_stale(&firms.access, &identity, now_ms)) continue;
        session_touch(&firms.access, &space, &identity, now_ms);
        /* The lane runs what was submitted first: once this is done, so is the touch. */
        struct identity nobody = {.token_hash = S("01234567890123456789012345678901")};
        check_int(session_end(now_task(&firms), &firms.access, &space, &nobody, S("192.0.2.1")),
                  ERR_NONE);
        check_int(who(&firms, &firms.acme, identity_of_session, token, &identity), ERR_NONE);
        check_int(identity.seen_at_ms, now_ms);
    }
    clock_set(START_MS + SESSION_AGE_MS_MAX);
    check_int(session_is(&firms, token), ERR_UNAUTHENTICATED);
    firms_drop(&firms);
}

TEST(test_session__end_takes_this_one_and_a_new_password_all)
{
    struct firms firms;
    firms_init(&firms);
    str one = signed_in(&firms), two = signed_in(&firms);
    struct identity identity;
    check_int(who(&firms, &firms.acme, identity_of_session, one, &identity), ERR_NONE);
    check_int(
        session_end(now_task(&firms), &firms.access, &firms.acme.space, &identity, S("192.0.2.1")),
        ERR_NONE);
    check_int(session_is(&firms, one), ERR_UNAUTHENTICATED);
    check_int(session_is(&firms, two), ERR_NONE);
    check_int(password_give(&firms, identity.user, S("another horse battery")), ERR_NONE);
    check_int(session_is(&firms, two), ERR_UNAUTHENTICATED);
    struct session_new session;
    check_int(sign_in(&firms, &firms.acme, owner, right, &session), ERR_UNAUTHENTICATED);
    check_int(sign_in(&firms, &firms.acme, owner, S("another horse battery"), &session), ERR_NONE);
    check_int(password_give(&firms, identity.user, S("owner123")), ERR_INVALID);
    firms_drop(&firms);
}

TEST(test_session__disabled_user_is_out_at_once_by_every_road)
{
    struct firms firms;
    firms_init(&firms);
    str session = signed_in(&firms), token;
    check_int(token_create(now_task(&firms), &firms.access, &firms.acme.space,
                           &(struct token_wanted){.email = owner, .days = 0}, &token),
              ERR_NONE);
    struct identity identity;
    check_int(who(&firms, &firms.acme, identity_of_token, token, &identity), ERR_NONE);
    check_int(owner_patch(&firms, identity.user, "{\"disabled\":true}"), ERR_NONE);
    check_int(session_is(&firms, session), ERR_UNAUTHENTICATED);
    check_int(who(&firms, &firms.acme, identity_of_token, token, &identity), ERR_UNAUTHENTICATED);
    struct session_new made;
    check_int(sign_in(&firms, &firms.acme, owner, right, &made), ERR_UNAUTHENTICATED);
    firms_drop(&firms);
}

TEST(test_token__ends_on_its_day_and_needs_its_user)
{
    struct firms firms;
    firms_init(&firms);
    str token, forever;
    const struct space *space = &firms.acme.space;
    check_int(token_create(now_task(&firms), &firms.access, space,
                           &(struct token_wanted){.email = owner, .days = 2}, &token),
              ERR_NONE);
    check_int(token_create(now_task(&firms), &firms.access, space,
                           &(struct token_wanted){.email = owner, .days = 0}, &forever),
              ERR_NONE);
    check(str_starts(token, S("atr_")));
    struct identity identity;
    clock_set(START_MS + 48 * HOUR_MS - 1);
    check_int(who(&firms, &firms.acme, identity_of_token, token, &identity), ERR_NONE);
    check_int(identity.csrf.len, 0);
    clock_set(START_MS + 48 * HOUR_MS);
    check_int(who(&firms, &firms.acme, identity_of_token, token, &identity), ERR_UNAUTHENTICATED);
    check_int(who(&firms, &firms.acme, identity_of_token, forever, &identity), ERR_NONE);
    check_int(who(&firms, &firms.other, identity_of_token, forever, &identity),
              ERR_UNAUTHENTICATED);
    str stranger = S("nobody@firm.example");
    check_int(token_create(now_task(&firms), &firms.access, space,
                           &(struct token_wanted){.email = stranger, .days = 0}, &token),
              ERR_MISSING);
    firms_drop(&firms);
}

TEST(test_tenant__is_found_by_host_and_in_order_of_number)
{
    struct firms firms;
    firms_init(&firms);
    struct task *task = now_task(&firms);
    struct space instance = store_instance(firms.fixture.store);
    struct tenant tenant;
    struct txn *txn;
    check_int(txn_open(task, &instance, &txn), ERR_NONE);
    check_int(tenant_after(txn, &firms.access, 0, &tenant), ERR_NONE);
    check_str(tenant.name, S("acme"));
    check_int(tenant_after(txn, &firms.access, tenant.space.number, &tenant), ERR_NONE);
    check_str(tenant.name, S("other"));
    check_int(tenant_after(txn, &firms.access, tenant.space.number, &tenant), ERR_MISSING);
    check_int(tenant_enter_host(txn, &firms.access, S("nobody.localhost"), &tenant), ERR_MISSING);
    check_int(tenant_enter_host(txn, &firms.access, S("other-portal.localhost"), &tenant),
              ERR_NONE);
    check_int(tenant.door, DOOR_PORTAL);
    check(id_eq(txn_space(txn)->uuid, firms.other.space.uuid));
    txn_close(txn);
    firms_drop(&firms);
}

TEST(test_tenant__taken_name_is_a_conflict_and_faults_name_their_fields)
{
    struct firms firms;
    firms_init(&firms);
    struct tenant tenant;
    check_int(firm_make(&firms, "acme", &tenant), ERR_CONFLICT);
    check_str(firms.fixture.test.task.fault.items[0].field, S("name"));
    struct tenant_new wrong = {S("third"), S("Third"), S("no address"), S("")};
    check_int(tenant_create(now_task(&firms), &firms.access, &wrong, &tenant), ERR_INVALID);
    check_str(firms.fixture.test.task.fault.items[0].field, S("owner_email"));
    struct tenant_new weak = {S("admin"), S(""), owner, S("password1")};
    check_int(tenant_create(now_task(&firms), &firms.access, &weak, &tenant), ERR_INVALID);
    check_int(firms.fixture.test.task.fault.item_count, 3);
    firms_drop(&firms);
}

static struct id user_create(struct firms *firms, const char *json)
{
    struct fixture inner = firms->fixture;
    inner.space = firms->acme.space;
    return fixture_create(&inner, "user", json);
}

/** What access/ says of acme as it stands, to a change by this user. */
static enum err verified(struct firms *firms, struct id by)
{
    struct task *task = now_task(firms);
    struct txn *txn;
    check_int(txn_open(task, &firms->acme.space, &txn), ERR_NONE);
    struct scope scope = scope_system();
    scope.actor = by;
    struct change change = {
        .task = task, .txn = txn, .model = firms->access.model, .scope = &scope};
    enum err err = access_verify_change(&change, model_entity(change.model, S("user")));
    txn_close(txn);
    return err;
}

TEST(test_access__firm_keeps_an_owner_who_may_enter)
{
    struct firms firms;
    firms_init(&firms);
    str token = signed_in(&firms);
    struct identity identity;
    check_int(who(&firms, &firms.acme, identity_of_session, token, &identity), ERR_NONE);
    struct id second = user_create(&firms, "{\"name\":\"Two\",\"email\":\"two@firm.example\"}");
    check_int(verified(&firms, second), ERR_NONE);
    check_int(owner_patch(&firms, identity.user, "{\"disabled\":true}"), ERR_NONE);
    /* The second has no password: as long as no token lets him in, nobody can. */
    check_int(verified(&firms, identity.user), ERR_CONFLICT);
    check_int(verified(&firms, second), ERR_NONE);
    check_int(owner_patch(&firms, second, "{\"disabled\":true}"), ERR_NONE);
    check_int(verified(&firms, second), ERR_CONFLICT);
    firms_drop(&firms);
}

/** What a page repeats in its changing requests says nothing of what is stored. */
TEST(test_session__csrf_token_is_its_own_and_no_stored_hash)
{
    struct firms firms;
    firms_init(&firms);
    str one = signed_in(&firms), two = signed_in(&firms);
    struct identity first, again, second;
    check_int(who(&firms, &firms.acme, identity_of_session, one, &first), ERR_NONE);
    check_int(who(&firms, &firms.acme, identity_of_session, one, &again), ERR_NONE);
    check_int(who(&firms, &firms.acme, identity_of_session, two, &second), ERR_NONE);
    check_str(again.csrf, first.csrf);
    check(!str_eq(second.csrf, first.csrf));
    check(!str_eq(base64url_write(&firms.fixture.test.arena, first.token_hash), first.csrf));
    firms_drop(&firms);
}

TEST(test_session__new_password_leaves_others_signed_in)
{
    struct firms firms;
    firms_init(&firms);
    str owners = signed_in(&firms);
    struct id bea = user_make(&firms, "bea@firm.example");
    struct session_new session;
    check_int(sign_in(&firms, &firms.acme, S("bea@firm.example"), right, &session), ERR_NONE);
    check_int(password_give(&firms, bea, S("another horse battery")), ERR_NONE);
    check_int(session_is(&firms, session.token), ERR_UNAUTHENTICATED);
    check_int(session_is(&firms, owners), ERR_NONE);
    firms_drop(&firms);
}

/** An index folds marks away; an address with them is another one. */
TEST(test_session__address_is_not_that_of_another)
{
    struct firms firms;
    firms_init(&firms);
    user_make(&firms, "jos\xc3\xa9@firm.example");
    struct session_new session;
    check_int(sign_in(&firms, &firms.acme, S("jose@firm.example"), right, &session),
              ERR_UNAUTHENTICATED);
    check_int(sign_in(&firms, &firms.acme, S("JOSE\xcc\x81@firm.example"), right, &session),
              ERR_NONE);
    check_int(sign_in(&firms, &firms.acme, S("jose\xcc\x81@FIRM.example"), right, &session),
              ERR_NONE);
    firms_drop(&firms);
}

static uint32_t session_count(struct firms *firms)
{
    struct task *task = now_task(firms);
    struct txn *txn;
    check_int(txn_open(task, &firms->acme.space, &txn), ERR_NONE);
    uint32_t count = 0;
    str key = S(""), row;
    while (txn_system_after(txn, SYSTEM_SESSION, key, task->arena, &key, &row) == ERR_NONE) count++;
    txn_close(txn);
    return count;
}

TEST(test_session__ended_ones_do_not_pile_up)
{
    struct firms firms;
    firms_init(&firms);
    for (int at = 0; at < 6; at++) signed_in(&firms);
    check_int(session_count(&firms), 6);
    clock_set(START_MS + SESSION_AGE_MS_MAX);
    /* Each sweeps behind a random place: the odds that sixteen miss all six are 1 to 74,613. */
    for (int at = 0; at < 16; at++) signed_in(&firms);
    check(session_count(&firms) < 16 + 6);
    firms_drop(&firms);
}

/** Holds the lane until the password was checked, then puts another one. */
struct overtaking {
    struct work work;
    struct task task;
    struct arena arena;
    struct id user;
};

static enum err overtake(struct work *work, struct txn *txn)
{
    struct overtaking *self = (struct overtaking *)work;
    struct timespec wait = {.tv_nsec = 300'000'000};
    txn_set_task(txn, &self->task);
    nanosleep(&wait, nullptr);
    password_row_put(txn, self->user, S("another"));
    return ERR_NONE;
}

static void overtaken(struct work *, enum err err)
{
    check_int(err, ERR_NONE);
}

TEST(test_session__password_changed_meanwhile_lets_nobody_in)
{
    struct firms firms;
    firms_init(&firms);
    struct overtaking self = {.user = user_make(&firms, "bea@firm.example")};
    arena_init(&self.arena, MIB);
    task_init(&self.task, &self.arena);
    self.work = (struct work){.run = overtake, .done = overtaken, .arena = &self.arena};
    check_int(store_submit(firms.fixture.store, &firms.acme.space, &self.work), ERR_NONE);
    struct session_new session;
    check_int(sign_in(&firms, &firms.acme, S("bea@firm.example"), right, &session),
              ERR_UNAUTHENTICATED);
    check_int(session_count(&firms), 0);
    arena_drop(&self.arena);
    firms_drop(&firms);
}

/** Puts or gives the stored hash of a user's password. */
struct hashing {
    struct work work;
    struct task *task;
    struct id user;
    str hash;
};

static enum err hash_place(struct work *work, struct txn *txn)
{
    struct hashing *self = (struct hashing *)work;
    txn_set_task(txn, self->task);
    password_row_put(txn, self->user, self->hash);
    return ERR_NONE;
}

static str hash_stored(struct firms *firms, struct id user)
{
    struct task *task = now_task(firms);
    struct txn *txn;
    str hash;
    check_int(txn_open(task, &firms->acme.space, &txn), ERR_NONE);
    check_int(password_row_get(txn, user, &hash), ERR_NONE);
    hash = arena_copy(task->arena, hash);
    txn_close(txn);
    return hash;
}

TEST(test_session__hash_of_older_parameters_is_made_anew_by_a_right_password)
{
    struct firms firms;
    firms_init(&firms);
    struct id user = user_make(&firms, "bea@firm.example");
    str old = S("$argon2id$v=19$m=64,t=1,p=1$cZ3AgoxC1tsxH5sMT3eNAw$"
                "8oyHDaUtUdtqhkTdhb48GYpkT4pOZDMkVio6ruAtsys");
    struct hashing self = {.user = user, .hash = old};
    self.task = now_task(&firms);
    self.work = (struct work){.run = hash_place, .arena = self.task->arena};
    check_int(store_write(firms.fixture.store, &firms.acme.space, &self.work), ERR_NONE);
    struct session_new session;
    check_int(sign_in(&firms, &firms.acme, S("bea@firm.example"), S("atrium"), &session),
              ERR_UNAUTHENTICATED);
    check_str(hash_stored(&firms, user), old);
    check_int(sign_in(&firms, &firms.acme, S("bea@firm.example"), S("Atrium"), &session), ERR_NONE);
    check_int(session_is(&firms, session.token), ERR_NONE);
    str made = hash_stored(&firms, user);
    check(str_starts(made, S("$argon2id$v=19$m=19456,t=2,p=1$")));
    check_int(sign_in(&firms, &firms.acme, S("bea@firm.example"), S("Atrium"), &session), ERR_NONE);
    check_str(hash_stored(&firms, user), made);
    firms_drop(&firms);
}

/** Makes sessions of one user without their passwords, in one change. */
struct making {
    struct work work;
    struct task *task;
    const struct access *access;
    struct id user;
    uint32_t count;
    str role;
};

static enum err sessions_make(struct work *work, struct txn *txn)
{
    struct making *self = (struct making *)work;
    txn_set_task(txn, self->task);
    for (uint32_t at = 0; at < self->count; at++) {
        char hash[HASH_BYTES] = {(char)at, (char)(at >> 8)};
        const struct session_row session = {.subject = {DOOR_STAFF, self->user},
                                            .id = id_make(),
                                            .made_ms = START_MS,
                                            .seen_ms = START_MS,
                                            .role = self->role};
        TRY(session_row_add(txn, self->access, (str){hash, sizeof hash}, &session));
    }
    return ERR_NONE;
}

TEST(test_session__more_than_a_hundred_of_one_user_end_the_oldest)
{
    struct firms firms;
    firms_init(&firms);
    str first = signed_in(&firms);
    struct identity identity;
    check_int(who(&firms, &firms.acme, identity_of_session, first, &identity), ERR_NONE);
    struct making self = {.access = &firms.access,
                          .user = identity.user,
                          .count = SESSIONS_OF_SUBJECT_MAX - 1,
                          .role = S("owner")};
    self.task = now_task(&firms);
    self.work = (struct work){.run = sessions_make, .arena = self.task->arena};
    check_int(store_write(firms.fixture.store, &firms.acme.space, &self.work), ERR_NONE);
    check_int(session_is(&firms, first), ERR_NONE);
    check_int(session_count(&firms), SESSIONS_OF_SUBJECT_MAX);
    str last = signed_in(&firms);
    check_int(session_is(&firms, first), ERR_UNAUTHENTICATED);
    check_int(session_is(&firms, last), ERR_NONE);
    check_int(session_count(&firms), SESSIONS_OF_SUBJECT_MAX);
    firms_drop(&firms);
}

/** What a session says whose user had this role when it was made. */
static enum err session_of_role(struct firms *firms, struct id user, str role)
{
    struct making self = {.access = &firms->access, .user = user, .count = 1, .role = role};
    self.task = now_task(firms);
    self.work = (struct work){.run = sessions_make, .arena = self.task->arena};
    check_int(store_write(firms->fixture.store, &firms->acme.space, &self.work), ERR_NONE);
    struct task *task = now_task(firms);
    struct identity identity;
    char hash[HASH_BYTES] = {};
    struct txn *txn;
    check_int(txn_open(task, &firms->acme.space, &txn), ERR_NONE);
    str row = {hash, sizeof hash};
    enum err err = session_identify(txn, &firms->access, row, &identity);
    txn_close(txn);
    return err;
}

TEST(test_session__ends_when_its_user_has_another_role)
{
    struct firms firms;
    firms_init(&firms);
    struct identity identity;
    check_int(who(&firms, &firms.acme, identity_of_session, signed_in(&firms), &identity),
              ERR_NONE);
    check_int(session_of_role(&firms, identity.user, S("owner")), ERR_NONE);
    check_int(session_of_role(&firms, identity.user, S("pm")), ERR_UNAUTHENTICATED);
    firms_drop(&firms);
}
