#include "fixture.h"

/** What a check said, one line each. */
struct told {
    struct check_report report;
    struct buf text;
};

static void tell(struct check_report *report, uint32_t tenant, str what)
{
    struct told *told = (struct told *)report;
    check_int(tenant, 1);
    buf_put(&told->text, what);
    buf_put_byte(&told->text, '\n');
}

static str said(struct fixture *fixture)
{
    struct told told = {.report.found = tell, .text = buf_make(fixture->test.task.arena, MIB)};
    check_int(
        record_check(&fixture->test.task, &fixture->space, fixture->model, nullptr, &told.report),
        ERR_NONE);
    return buf_str(&told.text);
}

/** One damage, made by the store's own calls behind the record floor's back. */
struct plant {
    struct work work;
    struct fixture *fixture;
    struct arena arena;
    struct task task;
    const char *entity;
    const char *field;
    struct id id;
    uint64_t number;  /** of a field, when there is none of a name */
    str stored;       /** what the field is to hold; empty: nothing */
    str whole;        /** or all of the record */
    str ordered;      /** or an index entry */
    const char *word; /** or a word that finds `id` */
    struct id source;
    bool is_removal; /** of the entry or word */
    str before;      /** the record as it was */
};

static str with_field(struct arena *arena, str record, uint64_t number, str stored)
{
    struct buf pairs = buf_make(arena, 64 * KIB), out = buf_make(arena, 64 * KIB);
    struct value map = value_of(record), key, item;
    uint32_t count = 0;
    struct cursor cursor = cursor_of(map.items);
    while (value_next(&cursor, &key) && value_next(&cursor, &item)) {
        if ((uint64_t)key.integer == number) continue;
        pack_raw(&pairs, key.bytes);
        pack_raw(&pairs, item.bytes);
        count++;
    }
    if (stored.len > 0) {
        pack_int(&pairs, (int64_t)number);
        pack_raw(&pairs, stored);
        count++;
    }
    pack_map(&out, count);
    pack_raw(&out, buf_str(&pairs));
    return buf_str(&out);
}

static enum err plant_run(struct work *work, struct txn *txn)
{
    struct plant *plant = (struct plant *)work;
    txn_set_task(txn, &plant->task);
    const struct entity *entity = model_entity(plant->fixture->model, str_of(plant->entity));
    uint64_t number = plant->number;
    if (plant->field != nullptr) number = entity_field(entity, str_of(plant->field))->number;
    if (plant->word != nullptr) {
        str word = str_of(plant->word);
        if (plant->is_removal) txn_text_delete(txn, entity->number, word, plant->id, plant->source);
        else txn_text_put(txn, entity->number, word, plant->id, plant->source);
    } else if (plant->ordered.len > 0) {
        if (plant->is_removal)
            txn_index_delete(txn, entity->number, (uint16_t)number, plant->ordered, plant->id);
        else txn_index_put(txn, entity->number, (uint16_t)number, plant->ordered, plant->id);
    } else {
        TRY(txn_record_get(txn, entity->number, plant->id, plant->fixture->test.task.arena,
                           &plant->before));
        str after = plant->whole;
        if (after.len == 0) after = with_field(&plant->arena, plant->before, number, plant->stored);
        txn_record_put(txn, entity->number, plant->id, after);
    }
    return ERR_NONE;
}

static void plant_do(struct plant *plant)
{
    arena_init(&plant->arena, 64 * MIB);
    task_init(&plant->task, &plant->arena);
    plant->work = (struct work){.run = plant_run, .arena = &plant->arena};
    check_int(store_write(plant->fixture->store, &plant->fixture->space, &plant->work), ERR_NONE);
    arena_drop(&plant->arena);
}

/** The check must say `words`; what was planted is taken out again, and then it says nothing. */
static void plant_and_find(struct fixture *fixture, struct plant *plant, const char *words)
{
    plant->fixture = fixture;
    plant_do(plant);
    str text = said(fixture);
    bool is_found = memmem(text.at, text.len, words, strlen(words)) != nullptr;
    if (!is_found) fprintf(stderr, "not found: %s; but:\n%.*s", words, FMT(text));
    check(is_found);
    plant->is_removal = !plant->is_removal;
    plant->whole = plant->before;
    plant_do(plant);
    check_str(said(fixture), S(""));
}

static str packed_id(struct fixture *fixture, struct id id)
{
    struct buf out = buf_make(fixture->test.task.arena, 32);
    pack_bytes(&out, id_bytes(&id));
    return buf_str(&out);
}

struct firm {
    struct fixture fixture;
    struct id client, contact, other, link, address;
};

static struct id linked(struct fixture *fixture, struct id client, struct id contact)
{
    char json[256], texts[2][ID_TEXT_BYTES + 1] = {};
    id_write(client, texts[0]);
    id_write(contact, texts[1]);
    snprintf(json, sizeof json, "{\"client\":\"%s\",\"contact\":\"%s\"}", texts[0], texts[1]);
    return fixture_create(fixture, "client_contact", json);
}

static void firm_init(struct firm *firm)
{
    struct fixture *fixture = &firm->fixture;
    fixture_init(fixture);
    struct fixture_change run = {.verb = "create",
                                 .entity = "client",
                                 .json = "{\"name\":\"Acme\",\"reference\":\"K-1\"}",
                                 .is_import = true};
    check_int(fixture_do(fixture, &run), ERR_NONE);
    fixture_end(&run);
    firm->client = run.id;
    firm->contact = fixture_create(fixture, "contact", "{\"name\":\"Ann\"}");
    firm->other = fixture_create(fixture, "contact", "{\"name\":\"Bea\"}");
    linked(fixture, firm->client, firm->contact);
    firm->link = linked(fixture, firm->client, firm->other);
    char json[256], client[ID_TEXT_BYTES + 1] = {};
    id_write(firm->client, client);
    snprintf(json, sizeof json, "{\"client\":\"%s\",\"line1\":\"Weg 1\"}", client);
    firm->address = fixture_create(fixture, "address", json);
    fixture_create(fixture, "client",
                   "{\"name\":\"Bolt\",\"kind\":\"individual\",\"reference\":\"K-2\"}");
    check_str(said(fixture), S(""));
}

TEST(test_check__finds_wrong_index_entries)
{
    struct firm firm;
    firm_init(&firm);
    struct plant missing = {.entity = "client",
                            .field = "name",
                            .id = firm.client,
                            .ordered = S("acme\0"),
                            .is_removal = true};
    plant_and_find(&firm.fixture, &missing, "name has no index entry");
    struct plant extra = {
        .entity = "client", .field = "name", .id = firm.client, .ordered = S("acmf\0")};
    plant_and_find(&firm.fixture, &extra, "an entry of name is not its value");
    struct plant stray = {
        .entity = "client", .field = "name", .id = id_make(), .ordered = S("acme\0")};
    plant_and_find(&firm.fixture, &stray, "an entry of name has no record");
    fixture_drop(&firm.fixture);
}

TEST(test_check__finds_wrong_words)
{
    struct firm firm;
    firm_init(&firm);
    struct plant own = {.entity = "client",
                        .id = firm.client,
                        .word = "acme",
                        .source = firm.client,
                        .is_removal = true};
    plant_and_find(&firm.fixture, &own, "the word \"acme\" does not find it");
    struct plant above = {.entity = "client",
                          .id = firm.client,
                          .word = "weg",
                          .source = firm.address,
                          .is_removal = true};
    plant_and_find(&firm.fixture, &above, "the word \"weg\" does not find it");
    struct plant extra = {
        .entity = "client", .id = firm.client, .word = "nobody", .source = firm.client};
    plant_and_find(&firm.fixture, &extra, "the word \"nobody\" finds it");
    struct plant stray = {
        .entity = "client", .id = firm.contact, .word = "weg", .source = firm.address};
    plant_and_find(&firm.fixture, &stray, "the word \"weg\" finds it");
    fixture_drop(&firm.fixture);
}

TEST(test_check__finds_wrong_flags_and_references)
{
    struct firm firm;
    firm_init(&firm);
    struct fixture *fixture = &firm.fixture;
    struct plant second = {
        .entity = "client_contact", .field = "is_primary", .id = firm.link, .stored = S("\xc3")};
    plant_and_find(fixture, &second, "2 client_contacts carry is_primary");
    struct plant none = {
        .entity = "address", .field = "is_default", .id = firm.address, .stored = S("\xc2")};
    plant_and_find(fixture, &none, "none of its addresses carries is_default");
    struct plant wrong = {.entity = "client",
                          .field = "primary_contact",
                          .id = firm.client,
                          .stored = packed_id(fixture, firm.other)};
    plant_and_find(fixture, &wrong, "primary_contact is not the one behind is_primary");
    struct plant dangling = {.entity = "client_contact",
                             .field = "contact",
                             .id = firm.link,
                             .stored = packed_id(fixture, id_make())};
    plant_and_find(fixture, &dangling, "contact leads to no contact");
    fixture_drop(fixture);
}

TEST(test_check__finds_wrong_records)
{
    struct firm firm;
    firm_init(&firm);
    struct fixture *fixture = &firm.fixture;
    struct plant missing = {.entity = "client", .field = "name", .id = firm.client};
    plant_and_find(fixture, &missing, "name is missing");
    struct plant unknown = {
        .entity = "client", .number = 999, .id = firm.client, .stored = S("\x01")};
    plant_and_find(fixture, &unknown, "a field that the schema does not know");
    struct plant no_map = {.entity = "client", .id = firm.client, .whole = S("\x01")};
    plant_and_find(fixture, &no_map, "is no map");
    struct plant noted = {.entity = "client",
                          .field = "incomplete",
                          .id = firm.client,
                          .stored = S("\x91\xaf"
                                      "primary_contact")};
    plant_and_find(fixture, &noted, "primary_contact is noted as missing");
    struct plant twice = {
        .entity = "client", .field = "reference", .id = firm.client, .stored = S("\xa3k-2")};
    plant_and_find(fixture, &twice, "reference is in another record too");
    struct plant type = {
        .entity = "client", .field = "name", .id = firm.client, .stored = S("\x07")};
    plant_and_find(fixture, &type, "an entry of name is not its value");
    fixture_drop(fixture);
}

/** More records than one slice holds: none is passed over and none is looked at for ever. */
TEST(test_check__goes_on_slice_by_slice)
{
    struct firm firm;
    firm_init(&firm);
    struct id last = {};
    for (int at = 0; at < 520; at++)
        last = fixture_create(&firm.fixture, "contact", "{\"name\":\"Same\"}");
    check_str(said(&firm.fixture), S(""));
    struct plant missing = {.entity = "contact",
                            .field = "name",
                            .id = last,
                            .ordered = S("same\0"),
                            .is_removal = true};
    plant_and_find(&firm.fixture, &missing, "name has no index entry");
    struct plant word = {
        .entity = "contact", .id = last, .word = "same", .source = last, .is_removal = true};
    plant_and_find(&firm.fixture, &word, "the word \"same\" does not find it");
    struct plant extra = {.entity = "contact", .field = "name", .id = last, .ordered = S("zz\0")};
    plant_and_find(&firm.fixture, &extra, "an entry of name is not its value");
    fixture_drop(&firm.fixture);
}
