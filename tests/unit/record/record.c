#include <time.h>

#include "fixture.h"

#define COMPANY(name) \
    "{\"name\":\"" name \
    "\",\"primary_contact\":{\"name\":\"Ann Lee\",\"emails\":[\"ann@acme.example\"]}}"

static bool has(str json, const char *part)
{
    return memmem(json.at, json.len, part, strlen(part)) != nullptr;
}

static struct id reference_of(struct fixture *fixture, const char *entity, struct id id,
                              const char *field)
{
    str json = fixture_show(fixture, entity, id);
    char mark[64];
    snprintf(mark, sizeof mark, "\"%s\":\"", field);
    const char *at = memmem(json.at, json.len, mark, strlen(mark));
    struct id found = {};
    if (at != nullptr) check(id_parse((str){at + strlen(mark), ID_TEXT_BYTES}, &found));
    return found;
}

static enum err refused(struct fixture *fixture, const char *verb, const char *entity, struct id id,
                        const char *json, const char *field, const char *code)
{
    struct fixture_change run = {.verb = verb, .entity = entity, .id = id, .json = json};
    enum err err = fixture_do(fixture, &run);
    bool is_found = false;
    for (uint32_t at = 0; at < run.task.fault.item_count; at++)
        is_found = is_found || (str_eq(run.task.fault.items[at].field, str_of(field)) &&
                                str_eq(run.task.fault.items[at].code, str_of(code)));
    if (!is_found) fprintf(stderr, "%s %s: no fault %s on %s\n", verb, json, code, field);
    check(is_found);
    fixture_end(&run);
    return err;
}

TEST(test_record__creates_with_nested_references)
{
    struct fixture fixture;
    fixture_init(&fixture);
    struct id id = fixture_create(
        &fixture, "client",
        "{\"name\":\"Acme\",\"kind\":\"company\",\"tags\":[\"vip\"],"
        "\"primary_contact\":{\"name\":\"Ann Lee\",\"emails\":[\"ann@acme.example\"]},"
        "\"default_address\":{\"line1\":\"Main St 1\",\"city\":\"Berlin\",\"country\":\"DE\"}}");
    str json = fixture_show(&fixture, "client", id);
    check(has(json, "\"name\":\"Acme\""));
    check(has(json, "\"tags\":[\"vip\"]"));
    struct id contact = reference_of(&fixture, "client", id, "primary_contact");
    struct id address = reference_of(&fixture, "client", id, "default_address");
    check(has(fixture_show(&fixture, "contact", contact), "ann@acme.example"));
    check(has(fixture_show(&fixture, "address", address), "\"is_default\":true"));
    check(id_eq(reference_of(&fixture, "address", address, "client"), id));
    fixture_check(&fixture);
    fixture_drop(&fixture);
}

TEST(test_record__makes_an_individuals_contact_from_itself)
{
    struct fixture fixture;
    fixture_init(&fixture);
    struct id id = fixture_create(
        &fixture, "client",
        "{\"name\":\"Bo Ek\",\"kind\":\"individual\",\"emails\":[\"bo@ek.example\"]}");
    struct id contact = reference_of(&fixture, "client", id, "primary_contact");
    str json = fixture_show(&fixture, "contact", contact);
    check(has(json, "\"name\":\"Bo Ek\""));
    check(has(json, "bo@ek.example"));
    fixture_check(&fixture);
    fixture_drop(&fixture);
}

TEST(test_record__names_each_fault)
{
    struct fixture fixture;
    fixture_init(&fixture);
    struct id nil = {};
    enum err err = refused(&fixture, "create", "client", nil, "{\"name\":\"Acme\"}",
                           "primary_contact", "required");
    check_int(err, ERR_INVALID);
    check_int(refused(&fixture, "create", "client", nil, "{\"nmae\":\"Acme\"}", "nmae", "unknown"),
              ERR_INVALID);
    check_int(refused(&fixture, "create", "client", nil, "{\"nmae\":\"Acme\"}", "name", "required"),
              ERR_INVALID);
    check_int(refused(&fixture, "create", "client", nil, "{\"name\":7}", "name", "type"),
              ERR_INVALID);
    check_int(refused(&fixture, "create", "client", nil, "{\"name\":\"A\",\"created_at\":1}",
                      "created_at", "read_only"),
              ERR_INVALID);
    check_int(refused(&fixture, "create", "client", nil, "{\"name\":\"A\",\"status\":\"sleepy\"}",
                      "status", "choice"),
              ERR_INVALID);
    check_int(
        refused(&fixture, "create", "client", nil,
                "{\"name\":\"A\",\"account_manager\":\"00000000-0000-7000-8000-000000000000\"}",
                "account_manager", "missing"),
        ERR_INVALID);
    check_int(refused(&fixture, "create", "client", nil,
                      "{\"name\":\"A\",\"primary_contact\":{\"title\":\"x\"}}",
                      "primary_contact.name", "required"),
              ERR_INVALID);
    fixture_check(&fixture);
    fixture_drop(&fixture);
}

TEST(test_record__keeps_exactly_one_primary_contact)
{
    struct fixture fixture;
    fixture_init(&fixture);
    struct id client = fixture_create(&fixture, "client", COMPANY("Acme"));
    struct id first = reference_of(&fixture, "client", client, "primary_contact");
    char json[256], text[ID_TEXT_BYTES + 1] = {};
    id_write(client, text);
    struct id second = fixture_create(&fixture, "contact", "{\"name\":\"Cy Roe\"}");
    char second_text[ID_TEXT_BYTES + 1] = {};
    id_write(second, second_text);
    snprintf(json, sizeof json, "{\"client\":\"%s\",\"contact\":\"%s\"}", text, second_text);
    struct id link = fixture_create(&fixture, "client_contact", json);
    check(id_eq(reference_of(&fixture, "client", client, "primary_contact"), first));
    check_int(fixture_patch(&fixture, "client_contact", link, "{\"is_primary\":true}"), ERR_NONE);
    check(id_eq(reference_of(&fixture, "client", client, "primary_contact"), second));
    check_int(refused(&fixture, "patch", "client_contact", link, "{\"is_primary\":false}",
                      "is_primary", "one_of"),
              ERR_INVALID);
    check_int(fixture_delete(&fixture, "contact", second), ERR_NONE);
    check(id_eq(reference_of(&fixture, "client", client, "primary_contact"), first));
    check_int(fixture_delete(&fixture, "contact", first), ERR_CONFLICT);
    check(id_eq(reference_of(&fixture, "client", client, "primary_contact"), first));
    fixture_check(&fixture);
    check_int(fixture_delete(&fixture, "client", client), ERR_NONE);
    check_int(fixture_show(&fixture, "client", client).len, 0);
    check_int(fixture_show(&fixture, "client_contact", link).len, 0);
    fixture_check(&fixture);
    fixture_drop(&fixture);
}

TEST(test_record__waives_the_contact_for_imports_and_says_so)
{
    struct fixture fixture;
    fixture_init(&fixture);
    struct id client_id = fixture_import(&fixture, "client", "{\"name\":\"Acme\"}");
    check(has(fixture_show(&fixture, "client", client_id), "\"incomplete\":[\"primary_contact\"]"));
    check_int(
        fixture_patch(&fixture, "client", client_id, "{\"primary_contact\":{\"name\":\"Ann\"}}"),
        ERR_NONE);
    check(has(fixture_show(&fixture, "client", client_id), "\"incomplete\":[]"));
    fixture_check(&fixture);
    fixture_drop(&fixture);
}

TEST(test_record__adds_to_and_removes_from_lists)
{
    struct fixture fixture;
    fixture_init(&fixture);
    struct id id = fixture_create(
        &fixture, "contact", "{\"name\":\"Ann\",\"emails\":[\"a@x.example\",\"b@x.example\"]}");
    check_int(fixture_patch(&fixture, "contact", id,
                            "{\"emails\":{\"$add\":[{\"value\":\"c@x.example\",\"primary\":true}],"
                            "\"$remove\":[\"b@x.example\"]}}"),
              ERR_NONE);
    str json = fixture_show(&fixture, "contact", id);
    check(has(json, "a@x.example") && has(json, "c@x.example") && !has(json, "b@x.example"));
    check(has(json, "{\"value\":\"a@x.example\",\"label\":null,\"primary\":false}") ||
          has(json, "{\"value\":\"a@x.example\",\"label\":\"\",\"primary\":false}"));
    check_int(fixture_patch(&fixture, "contact", id, "{\"emails\":null}"), ERR_NONE);
    check(has(fixture_show(&fixture, "contact", id), "\"emails\":[]"));
    fixture_check(&fixture);
    fixture_drop(&fixture);
}

TEST(test_record__compares_the_revision_only)
{
    struct fixture fixture;
    fixture_init(&fixture);
    struct id client = fixture_create(&fixture, "client", COMPANY("Acme"));
    struct etag stale = {.revision = 1}, never = {.revision = 7};
    struct fixture_change run = {.verb = "patch",
                                 .entity = "client",
                                 .id = client,
                                 .json = "{\"name\":\"B\"}",
                                 .if_match = &never};
    check_int(fixture_do(&fixture, &run), ERR_CHANGED);
    fixture_end(&run);
    run.if_match = &stale; /* the reference that followed its link has not raised the revision */
    check_int(fixture_do(&fixture, &run), ERR_NONE);
    fixture_end(&run);
    check_int(fixture_do(&fixture, &run), ERR_CHANGED);
    fixture_end(&run);
    fixture_drop(&fixture);
}

/** The index keeps 128 bytes of a value; around that length nothing may break. */
TEST(test_record__takes_texts_of_every_length)
{
    struct fixture fixture;
    fixture_init(&fixture);
    for (int length = 125; length <= 131; length++) {
        char json[256], name[132] = {};
        memset(name, 'a', (size_t)length);
        snprintf(json, sizeof json, "{\"name\":\"%s\"}", name);
        fixture_create(&fixture, "contact", json);
    }
    fixture_check(&fixture);
    fixture_drop(&fixture);
}

TEST(test_record__refuses_a_taken_value)
{
    struct fixture fixture;
    fixture_init(&fixture);
    fixture_create(&fixture, "client",
                   "{\"name\":\"A\",\"reference\":\"K-1\",\"primary_contact\":{\"name\":\"x\"}}");
    struct id nil = {};
    check_int(refused(&fixture, "create", "client", nil,
                      "{\"name\":\"B\",\"reference\":\"k-1\",\"primary_contact\":{\"name\":\"y\"}}",
                      "reference", "taken"),
              ERR_CONFLICT);
    fixture_check(&fixture);
    fixture_drop(&fixture);
}

/** Rejects names with `bad`, renames `soft`; counts the points it saw. */
static int hook_calls[4];
static enum err hook(void *owner, struct change *change, enum hook_point point, struct draft *draft)
{
    check(owner == hook_calls);
    hook_calls[point]++;
    if (point != HOOK_BEFORE || !str_eq(draft_entity(draft)->name, S("contact"))) return ERR_NONE;
    const struct field *name = entity_field(draft_entity(draft), S("name"));
    struct value value = value_of(draft_stored(draft, name, false));
    if (has(value.text, "bad")) return fail(change->task, ERR_REJECTED, "no bad names");
    struct buf given = buf_make(change->task->arena, 64);
    pack_text(&given, S("Soft"));
    struct value soft = value_of(buf_str(&given));
    return has(value.text, "soft") ? draft_set(change, draft, name, &soft) : ERR_NONE;
}

TEST(test_record__runs_hooks_in_order_and_obeys_them)
{
    struct fixture fixture;
    fixture_init(&fixture);
    struct hooks hooks = {.owner = hook_calls, .run = hook};
    struct fixture_change run = {
        .verb = "create", .entity = "contact", .json = "{\"name\":\"soft\"}", .hooks = &hooks};
    check_int(fixture_do(&fixture, &run), ERR_NONE);
    check(has(fixture_show(&fixture, "contact", run.id), "\"name\":\"Soft\""));
    check_int(hook_calls[HOOK_BEFORE], 1);
    check_int(hook_calls[HOOK_AFTER], 1);
    check_int(hook_calls[HOOK_CHECK], 1);
    check_int(hook_calls[HOOK_SETTLED], 1);
    fixture_end(&run);
    run = (struct fixture_change){
        .verb = "create", .entity = "contact", .json = "{\"name\":\"bad\"}", .hooks = &hooks};
    check_int(fixture_do(&fixture, &run), ERR_REJECTED);
    fixture_end(&run);
    check_int(fixture_show(&fixture, "contact", run.id).len, 0);
    fixture_check(&fixture);
    fixture_drop(&fixture);
}

TEST(test_record__tells_its_history)
{
    struct fixture fixture;
    fixture_init(&fixture);
    struct id id = fixture_create(&fixture, "contact", "{\"name\":\"Ann\"}");
    check_int(fixture_patch(&fixture, "contact", id, "{\"name\":\"Bea\",\"title\":\"CEO\"}"),
              ERR_NONE);
    check_int(fixture_patch(&fixture, "contact", id, "{\"name\":\"Bea\"}"), ERR_NONE);
    check_int(fixture_delete(&fixture, "contact", id), ERR_NONE);
    struct task *task = &fixture.test.task;
    struct txn *txn;
    check_int(txn_open(task, &fixture.space, &txn), ERR_NONE);
    struct view view = {task, txn, fixture.model, &fixture.scope};
    struct buf json = buf_make(task->arena, MIB);
    check_int(
        history_write(&json, &view, model_entity(fixture.model, S("contact")), id, UINT64_MAX, 10),
        ERR_NONE);
    str text = buf_str(&json);
    check(has(text, "\"operation\":\"create\"") && has(text, "\"operation\":\"delete\""));
    check(has(text, "\"name\":{\"old\":\"Ann\",\"new\":\"Bea\"}"));
    check(has(text, "\"title\":{\"old\":null,\"new\":\"CEO\"}"));
    struct buf feed = buf_make(task->arena, MIB);
    check_int(feed_write(&feed, &view, 0, 100), ERR_NONE);
    check(has(buf_str(&feed), "\"entity\":\"settings\"") &&
          has(buf_str(&feed), "\"next\":4,\"end\":true}"));
    txn_close(txn);
    fixture_drop(&fixture);
}

/** Random changes of clients, contacts, links and addresses, most of them refused or odd;
 *  afterwards everything must hold. */
TEST(test_record__holds_after_random_changes)
{
    const char *given = getenv("ATRIUM_SEED");
    unsigned seed = given != nullptr ? (unsigned)strtoul(given, nullptr, 10) : (unsigned)clock();
    fprintf(stderr, "seed %u (ATRIUM_SEED repeats it)\n", seed);
    srand(seed);
    struct fixture fixture;
    fixture_init(&fixture);
    static const char *const entities[] = {"client", "contact", "client_contact", "address"};
    struct id ids[4][40];
    int counts[4] = {};
    int done = 0, refusals = 0;
    for (int step = 0; step < 600; step++) {
        int which = rand() % 4, other = rand() % 4;
        char json[512], client[ID_TEXT_BYTES + 1] = "x", contact[ID_TEXT_BYTES + 1] = "y";
        if (counts[0] > 0) id_write(ids[0][rand() % counts[0]], client);
        if (counts[1] > 0) id_write(ids[1][rand() % counts[1]], contact);
        bool flag = rand() % 2;
        switch (which) {
        case 0:
            snprintf(json, sizeof json,
                     other == 0   ? "{\"name\":\"n%d\",\"kind\":\"individual\",\"tags\":[\"t%d\"]}"
                     : other == 1 ? "{\"name\":\"n%d\",\"primary_contact\":{\"name\":\"p%d\"}}"
                     : other == 2 ? "{\"reference\":\"r%d\",\"tags\":{\"$add\":[\"t%d\"]}}"
                                  : "{\"name\":\"n%d\",\"default_address\":{\"line1\":\"l%d\"}}",
                     rand() % 9, rand() % 9);
            if (other == 2 && flag)
                snprintf(json, sizeof json, "{\"primary_contact\":\"%s\"}", contact);
            break;
        case 1:
            snprintf(json, sizeof json, "{\"name\":\"c%d\",\"phones\":[\"030 %d\"]}", rand() % 9,
                     rand() % 99999);
            break;
        case 2:
            snprintf(json, sizeof json, "{\"client\":\"%s\",\"contact\":\"%s\",\"is_primary\":%s}",
                     client, contact, flag ? "true" : "false");
            break;
        default:
            snprintf(json, sizeof json,
                     "{\"client\":\"%s\",\"line1\":\"street %d\",\"is_default\":%s}", client,
                     rand() % 9, flag ? "true" : "false");
        }
        struct fixture_change run = {
            .entity = entities[which], .json = json, .is_import = rand() % 8 == 0};
        int slot = counts[which] > 0 ? rand() % counts[which] : 0;
        int verb = counts[which] == 0 ? 0 : rand() % 10;
        run.verb = verb < 4 && counts[which] < 40 ? "create" : verb < 8 ? "patch" : "delete";
        if (counts[which] > 0) run.id = ids[which][slot];
        else run.verb = "create";
        enum err err = fixture_do(&fixture, &run);
        fixture_end(&run);
        check(err == ERR_NONE || err == ERR_INVALID || err == ERR_CONFLICT || err == ERR_MISSING);
        refusals += err != ERR_NONE;
        done += err == ERR_NONE;
        if (err == ERR_NONE && run.verb[0] == 'c') ids[which][counts[which]++] = run.id;
        if (err != ERR_MISSING && (err != ERR_NONE || run.verb[0] != 'd')) continue;
        if (counts[which] > 0 && run.verb[0] != 'c') ids[which][slot] = ids[which][--counts[which]];
    }
    check(done > 100 && refusals > 20);
    fixture_check(&fixture);
    fixture_drop(&fixture);
}

/** Whoever names another primary contact changes the client: two who saw the same do not both. */
TEST(test_record__counts_a_named_reference_as_a_change)
{
    struct fixture fixture;
    fixture_init(&fixture);
    struct id client = fixture_create(&fixture, "client", COMPANY("Acme"));
    struct etag seen = {.revision = 1};
    enum err should[] = {ERR_NONE, ERR_CHANGED};
    for (int at = 0; at < 2; at++) {
        char json[128], other[ID_TEXT_BYTES + 1] = {};
        id_write(fixture_create(&fixture, "contact", "{\"name\":\"Bo\"}"), other);
        snprintf(json, sizeof json, "{\"primary_contact\":\"%s\"}", other);
        struct fixture_change run = {
            .verb = "patch", .entity = "client", .id = client, .json = json, .if_match = &seen};
        check_int(fixture_do(&fixture, &run), should[at]);
        fixture_end(&run);
    }
    fixture_check(&fixture);
    fixture_drop(&fixture);
}

/** What an import was let off does not stand in the way of other changes. */
TEST(test_record__changes_what_is_incomplete)
{
    struct fixture fixture;
    fixture_init(&fixture);
    struct id client_id = fixture_import(&fixture, "client", "{\"name\":\"Acme\"}");
    check_int(fixture_patch(&fixture, "client", client_id, "{\"status\":\"past\"}"), ERR_NONE);
    check(has(fixture_show(&fixture, "client", client_id), "\"incomplete\":[\"primary_contact\"]"));
    check_int(
        refused(&fixture, "patch", "client", client_id, "{\"name\":null}", "name", "required"),
        ERR_INVALID);
    fixture_check(&fixture);
    fixture_drop(&fixture);
}

/** `after` and `check` see the record with what was derived, and the record before the change. */
static int seen_sides;
static enum err sides_hook(void *owner, struct change *change, enum hook_point point,
                           struct draft *draft)
{
    (void)owner, (void)change;
    const struct entity *entity = draft_entity(draft);
    if (point == HOOK_BEFORE || !str_eq(entity->name, S("client_contact"))) return ERR_NONE;
    const struct field *flag = entity_field(entity, S("is_primary"));
    const struct field *role = entity_field(entity, S("role"));
    check_str(draft_stored(draft, flag, false), S("\xc3"));
    bool is_new = draft_operation(draft) == OPERATION_CREATE;
    check_str(draft_stored(draft, flag, true), is_new ? S("") : S("\xc3"));
    check_str(draft_stored(draft, role, true), S(""));
    check_int(draft_stored(draft, role, false).len > 0, !is_new);
    seen_sides++;
    return ERR_NONE;
}

TEST(test_record__shows_hooks_both_sides)
{
    struct fixture fixture;
    fixture_init(&fixture);
    struct id lonely = fixture_import(&fixture, "client", "{\"name\":\"Acme\"}");
    char json[256], client[ID_TEXT_BYTES + 1] = {}, contact[ID_TEXT_BYTES + 1] = {};
    id_write(lonely, client);
    id_write(fixture_create(&fixture, "contact", "{\"name\":\"Bo\"}"), contact);
    snprintf(json, sizeof json, "{\"client\":\"%s\",\"contact\":\"%s\"}", client, contact);
    struct hooks hooks = {.run = sides_hook};
    struct fixture_change run = {
        .verb = "create", .entity = "client_contact", .json = json, .hooks = &hooks};
    check_int(fixture_do(&fixture, &run), ERR_NONE);
    fixture_end(&run);
    run.verb = "patch";
    run.json = "{\"role\":\"owner\"}";
    check_int(fixture_do(&fixture, &run), ERR_NONE);
    fixture_end(&run);
    check_int(seen_sides, 6);
    fixture_drop(&fixture);
}

/** Links that move, are given to somebody else, or go: each client keeps the right contact. */
TEST(test_record__keeps_primary_contacts_through_every_move)
{
    struct fixture fixture;
    fixture_init(&fixture);
    struct id a = fixture_create(&fixture, "client", COMPANY("A"));
    struct id b = fixture_create(&fixture, "client", COMPANY("B"));
    struct id ann = reference_of(&fixture, "client", a, "primary_contact");
    struct id bea = fixture_create(&fixture, "contact", "{\"name\":\"Bea\"}");
    struct id cid = fixture_create(&fixture, "contact", "{\"name\":\"Cid\"}");
    char json[256], text_a[ID_TEXT_BYTES + 1] = {}, text_b[ID_TEXT_BYTES + 1] = {},
                                           text_bea[ID_TEXT_BYTES + 1] = {},
                                           text_cid[ID_TEXT_BYTES + 1] = {};
    id_write(a, text_a);
    id_write(b, text_b);
    id_write(bea, text_bea);
    id_write(cid, text_cid);
    snprintf(json, sizeof json, "{\"client\":\"%s\",\"contact\":\"%s\"}", text_a, text_bea);
    struct id link = fixture_create(&fixture, "client_contact", json);
    check(id_eq(reference_of(&fixture, "client", a, "primary_contact"), ann));
    /* An id that is linked already: its link gets the flag, no second one is made. */
    snprintf(json, sizeof json, "{\"primary_contact\":\"%s\"}", text_bea);
    check_int(fixture_patch(&fixture, "client", a, json), ERR_NONE);
    check(id_eq(reference_of(&fixture, "client", a, "primary_contact"), bea));
    check(has(fixture_show(&fixture, "client_contact", link), "\"is_primary\":true"));
    /* The flagged link is about somebody else now. */
    snprintf(json, sizeof json, "{\"contact\":\"%s\"}", text_cid);
    check_int(fixture_patch(&fixture, "client_contact", link, json), ERR_NONE);
    check(id_eq(reference_of(&fixture, "client", a, "primary_contact"), cid));
    /* It moves to another client with its flag: at the first the oldest one left takes over. */
    snprintf(json, sizeof json, "{\"client\":\"%s\"}", text_b);
    check_int(fixture_patch(&fixture, "client_contact", link, json), ERR_NONE);
    check(id_eq(reference_of(&fixture, "client", a, "primary_contact"), ann));
    check(id_eq(reference_of(&fixture, "client", b, "primary_contact"), cid));
    check_int(fixture_patch(&fixture, "client_contact", link, "{\"is_primary\":false}"),
              ERR_INVALID);
    /* A contact that goes: the next one; the last one may not go. */
    check_int(fixture_delete(&fixture, "contact", cid), ERR_NONE);
    check(!id_eq(reference_of(&fixture, "client", b, "primary_contact"), cid));
    check_int(fixture_delete(&fixture, "contact", ann), ERR_CONFLICT);
    check(id_eq(reference_of(&fixture, "client", a, "primary_contact"), ann));
    fixture_check(&fixture);
    check_int(fixture_delete(&fixture, "client", a), ERR_NONE);
    check_int(fixture_delete(&fixture, "contact", ann), ERR_NONE);
    fixture_check(&fixture);
    fixture_drop(&fixture);
}

/** Each client of a contact that goes gets its next one; past the bound of one change nothing. */
TEST(test_record__bounds_what_one_change_touches)
{
    struct fixture fixture;
    fixture_init(&fixture);
    struct id shared = fixture_create(&fixture, "contact", "{\"name\":\"Ann\"}");
    char json[512], contact[ID_TEXT_BYTES + 1] = {}, client[ID_TEXT_BYTES + 1] = {};
    id_write(shared, contact);
    struct id first = {};
    for (int at = 0; at < 340; at++) {
        struct id id = fixture_create(&fixture, "client", COMPANY("Acme"));
        if (at == 0) first = id;
        id_write(id, client);
        snprintf(json, sizeof json, "{\"client\":\"%s\",\"contact\":\"%s\",\"is_primary\":true}",
                 client, contact);
        fixture_create(&fixture, "client_contact", json);
    }
    check_int(fixture_delete(&fixture, "contact", shared), ERR_TOO_LARGE);
    check(id_eq(reference_of(&fixture, "client", first, "primary_contact"), shared));
    check_int(fixture_delete(&fixture, "client", first), ERR_NONE);
    fixture_check(&fixture);
    fixture_drop(&fixture);
}

TEST(test_record__keeps_the_one_settings_record)
{
    struct fixture fixture;
    fixture_init(&fixture);
    struct id id = fixture.space.uuid;
    check_int(fixture_delete(&fixture, "settings", id), ERR_CONFLICT);
    struct fixture_change run = {
        .verb = "create", .entity = "settings", .json = "{\"title\":\"Two\"}"};
    check_int(fixture_do(&fixture, &run), ERR_CONFLICT);
    fixture_end(&run);
    check(has(fixture_show(&fixture, "settings", id), "\"title\":\"Test firm\""));
    fixture_drop(&fixture);
}

/** What is known stays, where it stood, with its label and as the primary one it was. */
TEST(test_record__adds_what_is_there_already_without_loss)
{
    struct fixture fixture;
    fixture_init(&fixture);
    struct id id =
        fixture_create(&fixture, "client",
                       "{\"name\":\"A\",\"kind\":\"individual\",\"tags\":[\"Vip\"],"
                       "\"emails\":[{\"value\":\"b@x.example\"},"
                       "{\"value\":\"A@x.example\",\"label\":\"work\",\"primary\":true}],"
                       "\"phones\":[{\"value\":\"030 123-45\",\"label\":\"home\"}]}");
    check_int(fixture_patch(&fixture, "client", id,
                            "{\"emails\":{\"$add\":[\"a@x.example\",\"c@x.example\"]},"
                            "\"phones\":{\"$add\":[{\"value\":\"03012345\",\"label\":\"fax\"}]},"
                            "\"tags\":{\"$add\":[\"vip\"]}}"),
              ERR_NONE);
    str json = fixture_show(&fixture, "client", id);
    check(has(json, "[{\"value\":\"b@x.example\",\"label\":null,\"primary\":false},"
                    "{\"value\":\"A@x.example\",\"label\":\"work\",\"primary\":true},"
                    "{\"value\":\"c@x.example\",\"label\":null,\"primary\":false}]"));
    check(has(json, "[{\"value\":\"030 123-45\",\"label\":\"fax\",\"primary\":true}]"));
    check(has(json, "\"tags\":[\"Vip\"]"));
    check_int(fixture_patch(&fixture, "client", id,
                            "{\"emails\":{\"$remove\":[\"B@X.example\"],"
                            "\"$add\":[{\"value\":\"c@x.example\",\"primary\":true}]},"
                            "\"phones\":{\"$remove\":[\"030-12345\"]},"
                            "\"tags\":{\"$remove\":[\"VIP\"]}}"),
              ERR_NONE);
    json = fixture_show(&fixture, "client", id);
    check(has(json, "[{\"value\":\"A@x.example\",\"label\":\"work\",\"primary\":false},"
                    "{\"value\":\"c@x.example\",\"label\":null,\"primary\":true}]"));
    check(has(json, "\"phones\":[]") && has(json, "\"tags\":[]"));
    fixture_check(&fixture);
    fixture_drop(&fixture);
}

/** A list that is full may be given again whole. */
TEST(test_record__joins_additions_before_it_counts_them)
{
    struct fixture fixture;
    fixture_init(&fixture);
    struct buf json = buf_make(fixture.test.task.arena, 64 * KIB);
    buf_put(&json, S("{\"name\":\"A\",\"kind\":\"individual\",\"tags\":["));
    size_t from = json.len - 1;
    for (int at = 0; at < 200; at++) buf_print(&json, "%s\"t%d\"", at == 0 ? "" : ",", at);
    buf_put_byte(&json, ']');
    struct buf patch = buf_make(fixture.test.task.arena, 64 * KIB);
    buf_print(&patch, "{\"tags\":{\"$add\":%.*s}}%c", FMT(str_from(buf_str(&json), from)), 0);
    buf_put(&json, S("}\0"));
    struct id id = fixture_create(&fixture, "client", json.at);
    check_int(fixture_patch(&fixture, "client", id, patch.at), ERR_NONE);
    check_int(refused(&fixture, "patch", "client", id, "{\"tags\":{\"$add\":[\"one more\"]}}",
                      "tags", "length"),
              ERR_INVALID);
    fixture_drop(&fixture);
}

/** Faults of a nested record are told with those of the record it is given in. */
TEST(test_record__names_nested_faults_beside_its_own)
{
    struct fixture fixture;
    fixture_init(&fixture);
    struct id nil = {};
    static const char json[] = "{\"name\":\"A\",\"status\":\"nope\",\"primary_contact\":"
                               "{\"nmae\":\"x\",\"emails\":[\"bad\"]}}";
    check_int(refused(&fixture, "create", "client", nil, json, "status", "choice"), ERR_INVALID);
    check_int(refused(&fixture, "create", "client", nil, json, "primary_contact.nmae", "unknown"),
              ERR_INVALID);
    check_int(refused(&fixture, "create", "client", nil, json, "primary_contact.emails", "format"),
              ERR_INVALID);
    fixture_drop(&fixture);
}

TEST(test_record__pages_its_history)
{
    struct fixture fixture;
    fixture_init(&fixture);
    struct id id = fixture_create(&fixture, "contact", "{\"name\":\"N0\"}");
    for (int at = 1; at < 5; at++) {
        char json[64];
        snprintf(json, sizeof json, "{\"name\":\"N%d\"}", at);
        check_int(fixture_patch(&fixture, "contact", id, json), ERR_NONE);
    }
    struct task *task = &fixture.test.task;
    struct txn *txn;
    check_int(txn_open(task, &fixture.space, &txn), ERR_NONE);
    struct view view = {task, txn, fixture.model, &fixture.scope};
    const struct entity *contact = model_entity(fixture.model, S("contact"));
    uint64_t before = UINT64_MAX;
    static const char *const wanted[] = {"\"new\":\"N4\"", "\"new\":\"N2\"", "\"new\":\"N0\""};
    for (int page = 0; page < 3; page++) {
        struct buf json = buf_make(task->arena, MIB);
        check_int(history_write(&json, &view, contact, id, before, 2), ERR_NONE);
        check(has(buf_str(&json), wanted[page]));
        const char *next = memmem(json.at, json.len, "\"next\":", 7);
        check(next != nullptr);
        if (page == 2) check(has(buf_str(&json), "\"next\":null}"));
        else before = strtoull(next + 7, nullptr, 10);
    }
    struct buf feed = buf_make(task->arena, MIB);
    check_int(feed_write(&feed, &view, 2, 2), ERR_NONE);
    check(has(buf_str(&feed), "\"new\":\"N1\"") && has(buf_str(&feed), "\"new\":\"N2\""));
    check(!has(buf_str(&feed), "\"new\":\"N3\"") &&
          has(buf_str(&feed), "\"next\":4,\"end\":false}"));
    txn_close(txn);
    fixture_drop(&fixture);
}

TEST(test_record__lets_go_of_a_user_who_goes)
{
    struct fixture fixture;
    fixture_init(&fixture);
    struct id user =
        fixture_create(&fixture, "user", "{\"name\":\"Uma\",\"email\":\"uma@firm.example\"}");
    char json[256], text[ID_TEXT_BYTES + 1] = {};
    id_write(user, text);
    snprintf(json, sizeof json,
             "{\"name\":\"A\",\"kind\":\"individual\",\"account_manager\":\"%s\"}", text);
    struct id client = fixture_create(&fixture, "client", json);
    check_int(fixture_delete(&fixture, "user", user), ERR_NONE);
    check(has(fixture_show(&fixture, "client", client), "\"account_manager\":null"));
    snprintf(json, sizeof json, "{\"account_manager\":\"%s\"}", text);
    check_int(refused(&fixture, "patch", "client", client, json, "account_manager", "missing"),
              ERR_INVALID);
    snprintf(json, sizeof json, "{\"primary_contact\":\"%s\"}", text);
    check_int(refused(&fixture, "patch", "client", client, json, "primary_contact", "missing"),
              ERR_INVALID);
    fixture_check(&fixture);
    fixture_drop(&fixture);
}

TEST(test_record__keeps_to_itself_what_it_keeps)
{
    struct fixture fixture;
    fixture_init(&fixture);
    struct id id = fixture_create(&fixture, "client",
                                  "{\"name\":\"A\",\"kind\":\"individual\",\"reference\":\"K-1\"}");
    static const char *const kept[][3] = {
        {"{\"revision\":7}", "revision", "unknown"},
        {"{\"version\":7}", "version", "unknown"},
        {"{\"incomplete\":[]}", "incomplete", "read_only"},
        {"{\"created_at\":\"2026-01-01T00:00:00Z\"}", "created_at", "read_only"},
        {"{\"archived_at\":\"2026-01-01T00:00:00Z\"}", "archived_at", "read_only"},
        {"{\"id\":\"x\"}", "id", "read_only"},
        {"{\"primary_contact\":null}", "primary_contact", "read_only"},
    };
    for (size_t at = 0; at < sizeof kept / sizeof kept[0]; at++)
        check_int(refused(&fixture, "patch", "client", id, kept[at][0], kept[at][1], kept[at][2]),
                  ERR_INVALID);
    /* Its own unique value is not taken by itself. */
    check_int(fixture_patch(&fixture, "client", id, "{\"reference\":\"k-1\"}"), ERR_NONE);
    check(has(fixture_show(&fixture, "client", id), "\"reference\":\"k-1\""));
    fixture_check(&fixture);
    fixture_drop(&fixture);
}
