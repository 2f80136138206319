/* Links: for how long each kind is good, to the millisecond, and that no trace of one is left. */
#include "fixture.h"

#include "access/link.h"
#include "access/mail.h"
#include "access/password.h"

constexpr int64_t START_MS = 1'800'000'000'000;
/* As the mails and API.md say, not as link.h does. */
constexpr int64_t AN_HOUR_MS = 3'600'000;
constexpr int64_t FIVE_MINUTES_MS = 300'000;

struct link_rig {
    struct fixture fixture;
    struct access access;
    struct tenant tenant;
    struct subject user, contact;
};

static void rig_make(struct link_rig *rig)
{
    struct fixture *fixture = &rig->fixture;
    fixture_init(fixture);
    rig->access =
        (struct access){.store = fixture->store, .model = fixture->model, .domain = S("localhost")};
    rig->tenant = (struct tenant){.space = fixture->space, .name = S("acme"), .title = S("A firm")};
    struct id user = fixture_create(
        fixture, "user", "{\"name\":\"Pia\",\"email\":\"pia@firm.example\",\"role\":\"owner\"}");
    struct id contact = fixture_import(fixture, "contact", "{\"name\":\"Ann\"}");
    str account = arena_print(fixture->test.task.arena,
                              "{\"contact\":\"%s\",\"email\":\"ann@client.example\"}",
                              fixture_id(fixture, contact));
    rig->user = (struct subject){DOOR_STAFF, user};
    rig->contact = (struct subject){
        DOOR_PORTAL, fixture_create(fixture, "portal_account",
                                    arena_cstring(fixture->test.task.arena, account))};
}

struct making {
    struct work work;
    struct link_rig *rig;
    struct subject of;
    enum link_purpose purpose;
    str token;
};

/** What stands behind the last slash of a letter's address. */
static str token_in(struct link_rig *rig, struct txn *txn)
{
    struct task *task = &rig->fixture.test.task;
    struct outbox_entry entry;
    str text;
    check_int(txn_outbox_after(txn, task->now_ms, (struct id){}, task->arena, &entry), ERR_NONE);
    check(mail_text(&entry, &text));
    const char *address = strstr(arena_cstring(task->arena, text), "/#/");
    check(address != nullptr);
    const char *token = strchr(address + 3, '/') + 1;
    return (str){token, strcspn(token, "\n")};
}

static enum err make_run(struct work *work, struct txn *txn)
{
    struct making *self = (struct making *)work;
    struct link_rig *rig = self->rig;
    struct account account;
    txn_set_task(txn, &rig->fixture.test.task);
    TRY(account_read(txn, &rig->access, self->of, &account));
    if (self->purpose == LINK_VIEW)
        return link_view_make(txn, &account, rig->user.id, &self->token);
    TRY(link_send(txn, &rig->access, &rig->tenant, &account, self->purpose));
    self->token = token_in(rig, txn);
    return ERR_NONE;
}

static str make(struct link_rig *rig, struct subject of, enum link_purpose purpose, int64_t now_ms)
{
    struct making self = {{.run = make_run}, rig, of, purpose, {}};
    rig->fixture.test.task.now_ms = now_ms;
    check_int(store_write(rig->fixture.store, &rig->fixture.space, &self.work), ERR_NONE);
    return self.token;
}

/** Whether it may be used at that time; it is not used up. */
static enum err good_at(struct link_rig *rig, struct subject of, enum link_purpose purpose,
                        str token, int64_t now_ms)
{
    struct task *task = &rig->fixture.test.task;
    struct txn *txn;
    struct account account;
    struct id viewer;
    check_int(txn_open_dry(task, &rig->fixture.space, &txn), ERR_NONE);
    task->now_ms = now_ms;
    enum err err = purpose == LINK_VIEW
                       ? link_view_take(txn, &rig->access, token, &account, &viewer)
                       : link_take(txn, &rig->access, of.door, purpose, token, &account);
    if (err == ERR_NONE) check(id_eq(account.subject.id, of.id));
    if (err == ERR_NONE && purpose == LINK_VIEW) check(id_eq(viewer, rig->user.id));
    txn_close(txn);
    return err;
}

TEST(test_link__is_good_until_the_millisecond_of_its_end)
{
    struct link_rig rig;
    rig_make(&rig);
    const struct {
        struct subject of;
        enum link_purpose purpose;
        int64_t life_ms;
    } kinds[] = {
        {rig.user, LINK_RESET, AN_HOUR_MS},        {rig.user, LINK_INVITATION, AN_HOUR_MS},
        {rig.contact, LINK_RESET, AN_HOUR_MS},     {rig.contact, LINK_SIGN_IN, AN_HOUR_MS},
        {rig.contact, LINK_VIEW, FIVE_MINUTES_MS},
    };
    for (uint32_t at = 0; at < sizeof kinds / sizeof *kinds; at++) {
        int64_t made_ms = START_MS + at; /* so that each letter has a time */
        str token = make(&rig, kinds[at].of, kinds[at].purpose, made_ms);
        for (int64_t past_ms = -1; past_ms <= 1; past_ms++)
            check_int(good_at(&rig, kinds[at].of, kinds[at].purpose, token,
                              made_ms + kinds[at].life_ms + past_ms),
                      past_ms < 0 ? ERR_NONE : ERR_UNAUTHENTICATED);
    }
    fixture_drop(&rig.fixture);
}

/** What is left of a link: ERR_MISSING, nothing. */
static enum err traces(struct link_rig *rig, struct subject of, str token)
{
    struct task *task = &rig->fixture.test.task;
    struct txn *txn;
    struct account account;
    check_int(txn_open_dry(task, &rig->fixture.space, &txn), ERR_NONE);
    enum err row = link_owner(txn, &rig->access, token, &account);
    check_int(link_revoke(txn, of.id, LINK_RESET), row);
    txn_close(txn);
    return row;
}

TEST(test_link__is_swept_once_it_has_ended)
{
    struct link_rig rig;
    rig_make(&rig);
    struct task *task = &rig.fixture.test.task;
    str token = make(&rig, rig.user, LINK_RESET, START_MS);
    for (int64_t past_ms = -1; past_ms <= 0; past_ms++) {
        check_int(traces(&rig, rig.user, token), ERR_NONE);
        task->now_ms = START_MS + AN_HOUR_MS + past_ms;
        check_int(link_upkeep(task, &rig.access, &rig.fixture.space), ERR_NONE);
    }
    check_int(traces(&rig, rig.user, token), ERR_MISSING);
    fixture_drop(&rig.fixture);
}

static enum err password_run(struct work *work, struct txn *txn)
{
    struct link_rig *rig = ((struct making *)work)->rig;
    txn_set_task(txn, &rig->fixture.test.task);
    password_row_put(txn, rig->user.id, S("another hash"));
    return ERR_NONE;
}

TEST(test_link__is_dead_once_what_it_is_bound_to_is_another)
{
    struct link_rig rig;
    rig_make(&rig);
    const char *const changes[] = {"{\"name\":\"Mia\"}", "{\"email\":\"mia@firm.example\"}",
                                   "{\"role\":\"pm\"}", nullptr};
    for (int at = 0; at < 4; at++) {
        int64_t now_ms = START_MS + at;
        str token = make(&rig, rig.user, LINK_RESET, now_ms);
        check_int(good_at(&rig, rig.user, LINK_RESET, token, now_ms), ERR_NONE);
        struct making password = {{.run = password_run}, &rig, rig.user, LINK_RESET, {}};
        enum err err = changes[at] != nullptr
                           ? fixture_patch(&rig.fixture, "user", rig.user.id, changes[at])
                           : store_write(rig.fixture.store, &rig.fixture.space, &password.work);
        check_int(err, ERR_NONE);
        check_int(good_at(&rig, rig.user, LINK_RESET, token, now_ms),
                  at == 0 ? ERR_NONE : ERR_UNAUTHENTICATED);
    }
    fixture_drop(&rig.fixture);
}

/** Names its port only where a browser would not take it by itself. */
TEST(test_link__leads_to_the_address_of_its_door)
{
    struct test_task test;
    test_task_init(&test);
    const struct {
        const char *scheme;
        uint32_t port;
        enum door door;
        const char *address;
    } cases[] = {
        {"http", 80, DOOR_STAFF, "http://acme.firm.example"},
        {"https", 443, DOOR_STAFF, "https://acme.firm.example"},
        {"https", 0, DOOR_PORTAL, "https://acme-portal.firm.example"},
        {"http", 443, DOOR_STAFF, "http://acme.firm.example:443"},
        {"https", 80, DOOR_PORTAL, "https://acme-portal.firm.example:80"},
    };
    struct access access = {.domain = S("firm.example")};
    check_str(door_address(test.task.arena, &access, S("acme"), DOOR_STAFF),
              S("https://acme.firm.example"));
    for (size_t at = 0; at < sizeof cases / sizeof *cases; at++) {
        struct web_address web = {.scheme = str_of(cases[at].scheme), .port = cases[at].port};
        access.web = &web;
        check_str(door_address(test.task.arena, &access, S("acme"), cases[at].door),
                  str_of(cases[at].address));
    }
    test_task_drop(&test);
}
