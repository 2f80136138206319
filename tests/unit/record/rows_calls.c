/* Each call against a record that is seen and one that is not, for every entity that lies under
 * the client; the pairs are made once, the cases come from the model. */
#include "fixture.h"

#include "record/gone.h"
#include "record/group.h"
#include "record/merging.h"
#include "record/past.h"
#include "record/rows.h"
#include "record/search.h"
#include "record/show.h"
#include "record/undo.h"

constexpr uint32_t SIDES = 2;
enum side : uint8_t { SEEN, OUTSIDE };

struct office {
    struct fixture fixture;
    struct id me, other;
    struct id ids[SIDES][ENTITIES_MAX]; /** by entity number; nil: none */
    struct id mine;                     /** an address of the other's client, made by me */
};

static const char *print(struct office *office, const char *format, ...)
{
    va_list arguments;
    struct arena *arena = office->fixture.test.task.arena;
    va_start(arguments, format);
    str text = arena_vprint(arena, format, arguments);
    va_end(arguments);
    return arena_cstring(arena, text);
}

static const char *text_of(struct office *office, struct id id)
{
    return fixture_id(&office->fixture, id);
}

static void act_as(struct office *office, struct id user)
{
    office->fixture.scope = scope_system();
    office->fixture.scope.actor_kind = ACTOR_USER;
    office->fixture.scope.actor = user;
}

/** I see what I made, and clients that I manage. */
static void be_narrow(struct office *office, uint8_t rows)
{
    act_as(office, office->me);
    struct scope *scope = &office->fixture.scope;
    scope->rows = rows;
    scope->holder_count = 1;
    scope->holders[0].bytes[0] = ROWS_MANAGED;
    memcpy(scope->holders[0].bytes + 1, office->me.bytes, sizeof office->me.bytes);
}

static const struct entity *entity_of(struct office *office, const char *name)
{
    return model_entity(office->fixture.model, str_of(name));
}

static struct id *place(struct office *office, enum side side, const char *name)
{
    return &office->ids[side][entity_of(office, name)->number];
}

static struct id put(struct office *office, enum side side, const char *name, const char *json)
{
    return *place(office, side, name) = fixture_import(&office->fixture, name, json);
}

static void fill(struct office *office, enum side side)
{
    const char *mark = side == SEEN ? "Seen" : "Outside";
    const char *manager = text_of(office, side == SEEN ? office->me : office->other);
    act_as(office, office->other);
    const char *client =
        text_of(office, put(office, side, "client",
                            print(office,
                                  "{\"name\":\"%s Zebra\",\"kind\":\"company\",\"account_manager\":"
                                  "\"%s\"}",
                                  mark, manager)));
    const char *contact = text_of(
        office, put(office, side, "contact", print(office, "{\"name\":\"%s Zulu\"}", mark)));
    put(office, side, "client_contact",
        print(office, "{\"client\":\"%s\",\"contact\":\"%s\"}", client, contact));
    put(office, side, "address",
        print(office, "{\"client\":\"%s\",\"line1\":\"%s Zoo\",\"country\":\"%s\"}", client, mark,
              side == SEEN ? "DE" : "FR"));
    put(office, side, "share",
        print(office, "{\"client\":\"%s\",\"user\":\"%s\"}", client, manager));
    const char *project = text_of(
        office, put(office, side, "project",
                    print(office, "{\"client\":\"%s\",\"name\":\"%s Zeppelin\"}", client, mark)));
    put(office, side, "task",
        print(office, "{\"project\":\"%s\",\"title\":\"%s Zero\"}", project, mark));
}

static void office_open(struct office *office)
{
    fixture_init(&office->fixture);
    office->me =
        fixture_create(&office->fixture, "user", "{\"name\":\"Me\",\"email\":\"me@a.example\"}");
    office->other = fixture_create(&office->fixture, "user",
                                   "{\"name\":\"Other\",\"email\":\"other@a.example\"}");
    memset(office->ids, 0, sizeof office->ids);
    fill(office, SEEN);
    fill(office, OUTSIDE);
    act_as(office, office->me);
    office->mine = fixture_import(&office->fixture, "address",
                                  print(office, "{\"client\":\"%s\",\"line1\":\"Made by me\"}",
                                        text_of(office, *place(office, OUTSIDE, "client"))));
    be_narrow(office, ROWS_MANAGED);
}

static void office_close(struct office *office)
{
    office->fixture.scope = scope_system();
    fixture_check(&office->fixture);
    fixture_drop(&office->fixture);
}

/** The next entity of which there are both; false at the end. */
static bool next_entity(const struct office *office, uint32_t *at, const struct entity **entity_out)
{
    const struct model *model = office->fixture.model;
    while (*at < model->entity_count) {
        const struct entity *entity = *entity_out = &model->entities[(*at)++];
        bool has_both = !id_is_nil(office->ids[SEEN][entity->number]);
        check(has_both == !id_is_nil(office->ids[OUTSIDE][entity->number]));
        if (has_both) return true;
    }
    return false;
}

/** A view of the office's scope; `then` reads with it. */
struct reading {
    struct office *office;
    const struct entity *entity;
    struct id id;
    struct buf json;
    uint64_t after;
};
typedef enum err reader(struct reading *reading, const struct view *view);

static enum err read_by(struct office *office, struct reading *reading, reader *then)
{
    struct task *task = &office->fixture.test.task;
    struct txn *txn;
    task->fault = (struct fault){};
    check_int(txn_open(task, &office->fixture.space, &txn), ERR_NONE);
    struct view view = {task, txn, office->fixture.model, &office->fixture.scope};
    reading->office = office;
    reading->json = buf_make(task->arena, 4 * MIB);
    enum err err = then(reading, &view);
    txn_close(txn);
    return err;
}

static enum err by_get(struct reading *reading, const struct view *view)
{
    struct record record;
    return record_get(view, reading->entity, reading->id, &record);
}

static enum err by_past(struct reading *reading, const struct view *view)
{
    struct record record;
    return record_get_at(view, reading->entity, reading->id, INT64_MAX, &record);
}

static enum err by_history(struct reading *reading, const struct view *view)
{
    return history_write(&reading->json, view, reading->entity, reading->id, UINT64_MAX, 50);
}

static enum err by_search(struct reading *reading, const struct view *view)
{
    struct search search = {.words = S("z"), .limit = 100};
    return search_write(&reading->json, view, &search);
}

static enum err by_feed(struct reading *reading, const struct view *view)
{
    return feed_write(&reading->json, view, reading->after, 400);
}

/** Whether the text names the record. */
static bool names(struct office *office, str text, struct id id)
{
    str name = id_text(office->fixture.test.task.arena, id);
    return memmem(text.at, text.len, name.at, name.len) != nullptr;
}

static bool has(str text, const char *part)
{
    return memmem(text.at, text.len, part, strlen(part)) != nullptr;
}

TEST(test_rows__decide_what_is_got_and_remembered)
{
    struct office *office = memory_take(sizeof *office);
    office_open(office);
    reader *const readers[] = {by_get, by_past, by_history};
    const struct entity *entity;
    uint32_t cases = 0;
    for (uint32_t at = 0; next_entity(office, &at, &entity);)
        for (uint32_t of = 0; of < sizeof readers / sizeof *readers; of++) {
            struct reading reading = {.entity = entity, .id = office->ids[SEEN][entity->number]};
            check_int(read_by(office, &reading, readers[of]), ERR_NONE);
            reading.id = office->ids[OUTSIDE][entity->number];
            check_int(read_by(office, &reading, readers[of]), ERR_MISSING);
            str outside =
                arena_copy(office->fixture.test.task.arena, office->fixture.test.task.fault.detail);
            reading.id = id_make();
            check_int(read_by(office, &reading, readers[of]), ERR_MISSING);
            check_str(office->fixture.test.task.fault.detail, outside);
            cases++;
        }
    check_int(cases, 7 * 3);
    office_close(office);
    memory_give(office);
}

TEST(test_rows__decide_what_is_listed_counted_and_found)
{
    struct office *office = memory_take(sizeof *office);
    office_open(office);
    const struct entity *entity;
    struct reading reading = {};
    check_int(read_by(office, &reading, by_search), ERR_NONE);
    str found = arena_copy(office->fixture.test.task.arena, buf_str(&reading.json));
    for (uint32_t at = 0; next_entity(office, &at, &entity);) {
        str json, name = entity->name;
        const char *collection = arena_cstring(office->fixture.test.task.arena, name);
        struct id seen = office->ids[SEEN][entity->number];
        struct id outside = office->ids[OUTSIDE][entity->number];
        const char *const lists[][3] = {
            {"count", "true", nullptr}, {"sort", "-updated_at", nullptr}, {"q", "z", nullptr}};
        for (uint32_t list = 0; list < 3; list++) {
            check_int(fixture_list(&office->fixture, collection, lists[list], &json), ERR_NONE);
            bool has_words = str_eq(name, S("share")) || str_eq(name, S("client_contact"));
            check(names(office, json, seen) || (list == 2 && has_words));
            check(!names(office, json, outside));
            if (list == 0) check(has(json, "\"value\":1,\"exact\":true"));
        }
        check(!names(office, found, outside));
    }
    check(names(office, found, *place(office, SEEN, "client")));
    office_close(office);
    memory_give(office);
}

/* Writing. */

/** One change in the office's scope; the fault stays in the arena of the fixture. */
static enum err perform(struct office *office, const char *verb, const char *entity, struct id id,
                        const char *json, str *told_out)
{
    struct fixture_change run = {.verb = verb, .entity = entity, .id = id, .json = json};
    enum err err = fixture_do(&office->fixture, &run);
    struct arena *arena = office->fixture.test.task.arena;
    struct buf told = buf_make(arena, 64 * KIB);
    buf_put(&told, run.task.fault.detail);
    for (uint32_t at = 0; at < run.task.fault.item_count; at++)
        buf_print(&told, "|%.*s %.*s", FMT(run.task.fault.items[at].field),
                  FMT(run.task.fault.items[at].message));
    if (told_out != nullptr) *told_out = buf_str(&told);
    fixture_end(&run);
    return err;
}

TEST(test_rows__let_nothing_outside_be_written)
{
    struct office *office = memory_take(sizeof *office);
    office_open(office);
    const struct entity *entity;
    for (uint32_t at = 0; next_entity(office, &at, &entity);) {
        const char *name = arena_cstring(office->fixture.test.task.arena, entity->name);
        struct id outside = office->ids[OUTSIDE][entity->number];
        str told, as_none;
        const char *const verbs[] = {"patch", "delete"};
        for (int of = 0; of < 2; of++) {
            check_int(perform(office, verbs[of], name, outside, "{}", &told), ERR_MISSING);
            check_int(perform(office, verbs[of], name, id_make(), "{}", &as_none), ERR_MISSING);
            check_str(told, as_none);
        }
    }
    office_close(office);
    memory_give(office);
}

/** Whichever reference of whichever entity: one that leads outside is refused in the words of one
 *  that leads nowhere. */
TEST(test_rows__hold_for_references_that_are_set)
{
    struct office *office = memory_take(sizeof *office);
    office_open(office);
    const struct entity *entity;
    uint32_t cases = 0;
    for (uint32_t at = 0; next_entity(office, &at, &entity);)
        for (uint32_t of = 0; of < entity->field_count; of++) {
            const struct field *field = &entity->fields[of];
            bool is_reference = field->kind == FIELD_REFERENCE && !field->is_computed;
            if (!is_reference || field->to == nullptr || field->is_fixed) continue;
            struct id outside = office->ids[OUTSIDE][field->to->number];
            if (id_is_nil(outside)) continue;
            const char *name = arena_cstring(office->fixture.test.task.arena, entity->name);
            struct id seen = office->ids[SEEN][entity->number];
            str told, as_none;
            const char *patch =
                print(office, "{\"%.*s\":\"%s\"}", FMT(field->name), text_of(office, outside));
            check_int(perform(office, "patch", name, seen, patch, &told), ERR_INVALID);
            patch =
                print(office, "{\"%.*s\":\"%s\"}", FMT(field->name), text_of(office, id_make()));
            check_int(perform(office, "patch", name, seen, patch, &as_none), ERR_INVALID);
            check_str(told, as_none);
            cases++;
        }
    check(cases >= 6);
    office_close(office);
    memory_give(office);
}

TEST(test_rows__hold_for_what_is_made)
{
    struct office *office = memory_take(sizeof *office);
    office_open(office);
    str told;
    struct id none = {};
    const char *client = text_of(office, *place(office, SEEN, "client"));
    const char *foreign = text_of(office, *place(office, OUTSIDE, "client"));
    check_int(perform(office, "create", "address", none,
                      print(office, "{\"client\":\"%s\",\"line1\":\"A\"}", client), nullptr),
              ERR_NONE);
    check_int(perform(office, "create", "address", none,
                      print(office, "{\"client\":\"%s\",\"line1\":\"A\"}", foreign), &told),
              ERR_INVALID);
    check_str(told, S("1 field is at fault|client there is no such client"));
    /* A client that nobody manages would be out of sight at once. */
    check_int(perform(office, "create", "client", none, "{\"name\":\"N\",\"kind\":\"individual\"}",
                      &told),
              ERR_FORBIDDEN);
    check(has(told, "that you manage") && has(told, "account_manager"));
    check_int(perform(office, "create", "client", none,
                      print(office,
                            "{\"name\":\"N\",\"kind\":\"individual\","
                            "\"account_manager\":\"%s\"}",
                            text_of(office, office->me)),
                      nullptr),
              ERR_NONE);
    /* A contact of no client is nobody's; within a client that is seen it is its own. */
    check_int(perform(office, "create", "contact", none, "{\"name\":\"C\"}", nullptr),
              ERR_FORBIDDEN);
    check_int(perform(office, "patch", "client", *place(office, SEEN, "client"),
                      "{\"primary_contact\":{\"name\":\"C\"}}", nullptr),
              ERR_NONE);
    be_narrow(office, ROWS_MANAGED | ROWS_OWN);
    check_int(perform(office, "create", "contact", none, "{\"name\":\"C\"}", nullptr), ERR_NONE);
    check_int(perform(office, "create", "client", none, "{\"name\":\"N\",\"kind\":\"individual\"}",
                      nullptr),
              ERR_NONE);
    office_close(office);
    memory_give(office);
}

/** Whose a value is that must be unique is not told to who does not see it. */
TEST(test_rows__hold_for_what_is_said_of_a_taken_value)
{
    struct office *office = memory_take(sizeof *office);
    office_open(office);
    str told;
    struct id outside = *place(office, OUTSIDE, "client");
    act_as(office, office->other);
    check_int(perform(office, "patch", "client", outside, "{\"reference\":\"R-1\"}", nullptr),
              ERR_NONE);
    be_narrow(office, ROWS_MANAGED | ROWS_OWN);
    const char *const verbs[] = {"create", "patch"};
    for (int of = 0; of < 2; of++) {
        const char *json = of == 0 ? "{\"name\":\"N\",\"kind\":\"individual\","
                                     "\"reference\":\"R-1\"}"
                                   : "{\"reference\":\"R-1\"}";
        struct id id = of == 0 ? (struct id){} : *place(office, SEEN, "client");
        check_int(perform(office, verbs[of], "client", id, json, &told), ERR_CONFLICT);
        check_str(told, S("a value that must be unique is taken"
                          "|reference is taken: another client has it"));
    }
    office_close(office);
    memory_give(office);
}

/** What one made is one's own, wherever it lies; without `own` it is not. */
TEST(test_rows__own_is_what_one_made)
{
    struct office *office = memory_take(sizeof *office);
    office_open(office);
    struct reading reading = {.entity = entity_of(office, "address"), .id = office->mine};
    check_int(read_by(office, &reading, by_get), ERR_MISSING);
    be_narrow(office, ROWS_OWN);
    check_int(read_by(office, &reading, by_get), ERR_NONE);
    reading.id = *place(office, SEEN, "address");
    check_int(read_by(office, &reading, by_get), ERR_MISSING);
    str json;
    check_int(fixture_list(&office->fixture, "address", (const char *const[]){nullptr}, &json),
              ERR_NONE);
    check(names(office, json, office->mine));
    check(!names(office, json, reading.id));
    be_narrow(office, 0);
    check_int(fixture_list(&office->fixture, "address", (const char *const[]){nullptr}, &json),
              ERR_NONE);
    check(!names(office, json, office->mine) && !names(office, json, reading.id));
    office_close(office);
    memory_give(office);
}

/* Filters. */

TEST(test_rows__hold_behind_references_and_in_groups)
{
    struct office *office = memory_take(sizeof *office);
    office_open(office);
    str json;
    /* A task of mine, in a project whose client I do not see. */
    act_as(office, office->me);
    struct id task = fixture_create(&office->fixture, "task",
                                    print(office, "{\"project\":\"%s\",\"title\":\"Mine\"}",
                                          text_of(office, *place(office, OUTSIDE, "project"))));
    const char *const filter[] = {"filter", "{\"project.name\":\"Outside Zeppelin\"}", nullptr};
    const char *const none[] = {"filter", "{\"project.name\":{\"empty\":true}}", nullptr};
    check_int(fixture_list(&office->fixture, "task", filter, &json), ERR_NONE);
    check(names(office, json, task));
    be_narrow(office, ROWS_OWN);
    check_int(fixture_list(&office->fixture, "task", filter, &json), ERR_NONE);
    check(!names(office, json, task));
    check_int(fixture_list(&office->fixture, "task", none, &json), ERR_NONE);
    check(names(office, json, task));
    const char *const expand[] = {"expand", "project", nullptr};
    check_int(fixture_list(&office->fixture, "task", expand, &json), ERR_NONE);
    check(has(json, "\"project\":null"));
    be_narrow(office, ROWS_MANAGED);
    const char *const groups[] = {"group_by", "country", nullptr};
    check_int(fixture_list(&office->fixture, "address", groups, &json), ERR_NONE);
    check(has(json, "\"DE\"") && !has(json, "\"FR\""));
    const char *const clients[] = {"group_by", "client", nullptr};
    check_int(fixture_list(&office->fixture, "address", clients, &json), ERR_NONE);
    check(!names(office, json, *place(office, OUTSIDE, "client")));
    office_close(office);
    memory_give(office);
}

/** One's own client, under which somebody else wrote something: its words find no client, alone or
 *  beside others. */
TEST(test_rows__hold_for_words_of_what_lies_under_a_record)
{
    struct office *office = memory_take(sizeof *office);
    office_open(office);
    const char *const lists[][3] = {{"q", "quagga", nullptr}, {"q", "mine quagga", nullptr}};
    str json;
    act_as(office, office->me);
    struct id client =
        fixture_import(&office->fixture, "client", "{\"name\":\"Mine\",\"kind\":\"company\"}");
    act_as(office, office->other);
    fixture_import(
        &office->fixture, "address",
        print(office, "{\"client\":\"%s\",\"line1\":\"Quagga\"}", text_of(office, client)));
    for (int list = 0; list < 2; list++) {
        act_as(office, office->me);
        check_int(fixture_list(&office->fixture, "client", lists[list], &json), ERR_NONE);
        check(names(office, json, client));
        be_narrow(office, ROWS_OWN);
        check_int(fixture_list(&office->fixture, "client", lists[list], &json), ERR_NONE);
        check(!names(office, json, client));
    }
    office_close(office);
    memory_give(office);
}

/* Leaving and entering. */

static str fed(struct office *office, uint64_t after)
{
    struct reading reading = {.after = after};
    check_int(read_by(office, &reading, by_feed), ERR_NONE);
    return arena_copy(office->fixture.test.task.arena, buf_str(&reading.json));
}

static enum err by_newest(struct reading *reading, const struct view *view)
{
    reading->after = txn_log_newest(view->txn);
    return ERR_NONE;
}

static uint64_t newest(struct office *office)
{
    struct reading reading = {};
    check_int(read_by(office, &reading, by_newest), ERR_NONE);
    return reading.after;
}

/** `gone` of this record, and nothing of who took it away. */
static bool tells_gone(struct office *office, str feed, struct id id)
{
    str text = id_text(office->fixture.test.task.arena, id);
    const char *gone = print(office, "\"actor\":null,\"actor_name\":null,\"entity\":");
    const char *at = memmem(feed.at, feed.len, text.at, text.len);
    const char *what = print(office, "%.*s\",\"operation\":\"gone\",\"changes\":{}}", FMT(text));
    return at != nullptr && has(feed, gone) && has(feed, what);
}

TEST(test_rows__decide_what_a_feed_tells)
{
    struct office *office = memory_take(sizeof *office);
    office_open(office);
    const struct entity *entity;
    str feed = fed(office, 0);
    for (uint32_t at = 0; next_entity(office, &at, &entity);) {
        check(names(office, feed, office->ids[SEEN][entity->number]));
        check(!names(office, feed, office->ids[OUTSIDE][entity->number]));
    }
    office_close(office);
    memory_give(office);
}

TEST(test_rows__that_are_left_send_gone)
{
    struct office *office = memory_take(sizeof *office);
    office_open(office);
    struct id client = *place(office, SEEN, "client");
    /* Giving a client away is allowed; it is gone then. */
    uint64_t before = newest(office);
    check_int(perform(office, "patch", "client", client,
                      print(office, "{\"account_manager\":\"%s\"}", text_of(office, office->other)),
                      nullptr),
              ERR_NONE);
    check(tells_gone(office, fed(office, before), client));
    check_int(perform(office, "patch", "client", client, "{}", nullptr), ERR_MISSING);
    /* Whoever comes to hold it is told of its change. */
    act_as(office, office->other);
    before = newest(office);
    check_int(perform(office, "patch", "client", client,
                      print(office, "{\"account_manager\":\"%s\"}", text_of(office, office->me)),
                      nullptr),
              ERR_NONE);
    be_narrow(office, ROWS_MANAGED);
    str feed = fed(office, before);
    check(names(office, feed, client) && has(feed, "\"operation\":\"update\""));
    /* A project that is moved, and its task, and a contact that loses its last tie. */
    act_as(office, office->other);
    check_int(perform(office, "create", "client_contact", (struct id){},
                      print(office, "{\"client\":\"%s\",\"contact\":{\"name\":\"D\"}}",
                            text_of(office, client)),
                      nullptr),
              ERR_NONE);
    before = newest(office);
    check_int(perform(office, "patch", "project", *place(office, SEEN, "project"),
                      print(office, "{\"client\":\"%s\"}",
                            text_of(office, *place(office, OUTSIDE, "client"))),
                      nullptr),
              ERR_NONE);
    check_int(perform(office, "delete", "client_contact", *place(office, SEEN, "client_contact"),
                      nullptr, nullptr),
              ERR_NONE);
    be_narrow(office, ROWS_MANAGED);
    feed = fed(office, before);
    check(tells_gone(office, feed, *place(office, SEEN, "project")));
    check(tells_gone(office, feed, *place(office, SEEN, "task")));
    check(tells_gone(office, feed, *place(office, SEEN, "contact")));
    check(!names(office, feed, *place(office, OUTSIDE, "project")));
    office_close(office);
    memory_give(office);
}

/** What came under a client once it was lost, and a pair with one that was never seen, are none of
 *  what was lost with it. */
TEST(test_rows__that_were_never_seen_send_no_gone)
{
    struct office *office = memory_take(sizeof *office);
    office_open(office);
    struct id client = *place(office, SEEN, "client"), outside = *place(office, OUTSIDE, "client");
    act_as(office, office->other);
    struct id pairs[] = {
        fixture_import(&office->fixture, "client_duplicate",
                       print(office, "{\"first\":\"%s\",\"second\":\"%s\",\"score\":90}",
                             text_of(office, client), text_of(office, outside))),
        fixture_import(&office->fixture, "client_duplicate",
                       print(office, "{\"first\":\"%s\",\"second\":\"%s\",\"score\":90}",
                             text_of(office, outside), text_of(office, client))),
    };
    be_narrow(office, ROWS_MANAGED);
    uint64_t before = newest(office);
    act_as(office, office->other);
    check_int(perform(office, "patch", "client", client,
                      print(office, "{\"account_manager\":\"%s\"}", text_of(office, office->other)),
                      nullptr),
              ERR_NONE);
    check_int(perform(office, "patch", "project", *place(office, OUTSIDE, "project"),
                      print(office, "{\"client\":\"%s\"}", text_of(office, client)), nullptr),
              ERR_NONE);
    be_narrow(office, ROWS_MANAGED);
    str feed = fed(office, before);
    check(tells_gone(office, feed, client));
    check(tells_gone(office, feed, *place(office, SEEN, "project")));
    check(tells_gone(office, feed, *place(office, SEEN, "task")));
    check(!names(office, feed, *place(office, OUTSIDE, "project")));
    check(!names(office, feed, *place(office, OUTSIDE, "task")));
    for (int at = 0; at < 2; at++) check(!names(office, feed, pairs[at]));
    office_close(office);
    memory_give(office);
}

/** What only moves rows stands in no history and is no step of an undo. */
TEST(test_rows__that_move_are_no_history)
{
    struct office *office = memory_take(sizeof *office);
    office_open(office);
    act_as(office, office->other);
    struct reading reading = {.entity = entity_of(office, "client"),
                              .id = *place(office, SEEN, "client")};
    check_int(read_by(office, &reading, by_history), ERR_NONE);
    str before = arena_copy(office->fixture.test.task.arena, buf_str(&reading.json));
    check_int(perform(office, "create", "share", (struct id){},
                      print(office, "{\"client\":\"%s\",\"user\":\"%s\"}",
                            text_of(office, *place(office, SEEN, "client")),
                            text_of(office, office->other)),
                      nullptr),
              ERR_NONE);
    check_int(read_by(office, &reading, by_history), ERR_NONE);
    check_str(buf_str(&reading.json), before);
    check(has(fed(office, 0), "\"share\""));
    office_close(office);
    memory_give(office);
}

/** What was deleted is in the trash of those who saw it. */
TEST(test_rows__hold_in_the_trash)
{
    struct office *office = memory_take(sizeof *office);
    office_open(office);
    act_as(office, office->other);
    for (int side = 0; side < 2; side++)
        check_int(perform(office, "delete", "address", *place(office, (enum side)side, "address"),
                          nullptr, nullptr),
                  ERR_NONE);
    be_narrow(office, ROWS_MANAGED);
    struct task *task = &office->fixture.test.task;
    struct txn *txn;
    check_int(txn_open(task, &office->fixture.space, &txn), ERR_NONE);
    struct view view = {task, txn, office->fixture.model, &office->fixture.scope};
    struct buf json = buf_make(task->arena, MIB);
    check_int(trash_write(&json, &view, entity_of(office, "address"), UINT64_MAX, 50), ERR_NONE);
    check(names(office, buf_str(&json), *place(office, SEEN, "address")));
    check(!names(office, buf_str(&json), *place(office, OUTSIDE, "address")));
    uint64_t sequences[CHANGE_WRITES_MAX];
    uint32_t count;
    check_int(undo_of_deletion(&view, entity_of(office, "address"),
                               *place(office, OUTSIDE, "address"), sequences, &count),
              ERR_MISSING);
    check_int(undo_of_deletion(&view, entity_of(office, "address"), *place(office, SEEN, "address"),
                               sequences, &count),
              ERR_NONE);
    txn_close(txn);
    office_close(office);
    memory_give(office);
}

/* The portal. */

static void be_contact(struct office *office, bool is_own_alone)
{
    struct scope *scope = &office->fixture.scope;
    *scope = scope_system();
    scope->actor_kind = ACTOR_CONTACT;
    scope->rows = 0;
    scope->actor = *place(office, SEEN, "contact");
    scope->client = *place(office, SEEN, "client");
    scope->is_own_alone = is_own_alone;
}

TEST(test_rows__of_the_portal_are_the_client_s_and_declared)
{
    struct office *office = memory_take(sizeof *office);
    office_open(office);
    const struct model *model = office->fixture.model;
    for (int is_own = 0; is_own < 2; is_own++) {
        be_contact(office, is_own);
        for (uint32_t at = 0; at < model->entity_count; at++) {
            const struct entity *entity = &model->entities[at];
            struct reading reading = {.entity = entity, .id = office->ids[OUTSIDE][entity->number]};
            str json;
            const char *name = arena_cstring(office->fixture.test.task.arena, entity->name);
            if (id_is_nil(reading.id)) continue;
            check_int(read_by(office, &reading, by_get), ERR_MISSING);
            check_int(read_by(office, &reading, by_history), ERR_MISSING);
            reading.id = office->ids[SEEN][entity->number];
            enum portal_own own = entity->portal.own_is;
            bool is_shown = (entity->portal.actions & SCOPE_VIEW) != 0 &&
                            (!is_own || own == PORTAL_OWN_ALWAYS || own == PORTAL_OWN_SELF);
            check_int(read_by(office, &reading, by_get), is_shown ? ERR_NONE : ERR_MISSING);
            const char *const all[] = {"count", "true", nullptr};
            check_int(fixture_list(&office->fixture, name, all, &json), ERR_NONE);
            check(names(office, json, reading.id) == is_shown);
            check(has(json, is_shown ? "\"value\":1," : "\"value\":0,"));
        }
    }
    office_close(office);
    memory_give(office);
}

/** Where the filter alone does not say what is shown, a count says no more than the list. */
TEST(test_rows__of_the_portal_are_counted_as_they_are_shown)
{
    struct office *office = memory_take(sizeof *office);
    office_open(office);
    act_as(office, office->other);
    fixture_import(&office->fixture, "client_contact",
                   print(office, "{\"client\":\"%s\",\"contact\":{\"name\":\"Second Zulu\"}}",
                         text_of(office, *place(office, SEEN, "client"))));
    const char *const lists[][5] = {{"count", "true", nullptr},
                                    {"count", "true", "q", "zulu", nullptr},
                                    {"count", "true", "sort", "-name", nullptr}};
    for (int is_own = 0; is_own < 2; is_own++)
        for (int list = 0; list < 3; list++) {
            str json;
            be_contact(office, is_own);
            check_int(fixture_list(&office->fixture, "contact", lists[list], &json), ERR_NONE);
            check(has(json, is_own ? "\"value\":1," : "\"value\":2,"));
        }
    office_close(office);
    memory_give(office);
}

static enum err by_before(struct reading *reading, const struct view *view)
{
    struct record record;
    return record_get_before(view, reading->entity, reading->id, reading->after + 1, &record);
}

/** What came to a client from another one is shown at the portal from then on. */
TEST(test_rows__of_the_portal_hold_for_what_was)
{
    struct office *office = memory_take(sizeof *office);
    office_open(office);
    struct reading reading = {.entity = entity_of(office, "project"),
                              .id = *place(office, OUTSIDE, "project")};
    act_as(office, office->other);
    reading.after = newest(office);
    check_int(perform(office, "patch", "project", reading.id,
                      print(office, "{\"client\":\"%s\"}",
                            text_of(office, *place(office, SEEN, "client"))),
                      nullptr),
              ERR_NONE);
    check_int(read_by(office, &reading, by_before), ERR_NONE);
    be_contact(office, false);
    check_int(read_by(office, &reading, by_get), ERR_NONE);
    check_int(read_by(office, &reading, by_before), ERR_MISSING);
    office_close(office);
    memory_give(office);
}

/** While a job computes what rows rest on, those see nothing who do not see all. */
TEST(test_rows__are_none_while_they_are_built)
{
    struct office *office = memory_take(sizeof *office);
    office_open(office);
    struct field *field =
        (struct field *)entity_field_by_number(entity_of(office, "client"), FIELD_HOLDERS);
    struct reading reading = {.entity = entity_of(office, "address"),
                              .id = *place(office, SEEN, "address")};
    str json;
    field->is_building = true;
    check_int(read_by(office, &reading, by_get), ERR_MISSING);
    check_int(fixture_list(&office->fixture, "address", (const char *const[]){nullptr}, &json),
              ERR_NONE);
    check(!names(office, json, reading.id));
    field->is_building = false;
    check_int(read_by(office, &reading, by_get), ERR_NONE);
    office_close(office);
    memory_give(office);
}
