/* The declarations of the product: that they make a model, and that no number in stored bytes ever
 *  changes its meaning. */
#include "model/model.h"

#include <fcntl.h>
#include <unistd.h>

#include "model_test.h"

static str from_environment(const char *variable, const char *otherwise)
{
    const char *path = getenv(variable);
    return str_of(path != nullptr ? path : otherwise);
}

static str runner_path(void)
{
    return from_environment("ATRIUM_RUNNER", "zig-out/bin/atrium-runner");
}

static const struct model *product_model(struct test_task *test)
{
    str schema;
    const struct model *model = nullptr;
    enum err err =
        model_read_schema(&test->task, runner_path(), from_environment("ATRIUM_SCHEMA", "schema"),
                          &test->arena, &schema);
    if (err == ERR_NONE) err = model_make(&test->task, &test->arena, schema, &model);
    for (uint32_t i = 0; i < test->task.fault.item_count; i++)
        fprintf(stderr, "%.*s\n", FMT(test->task.fault.items[i].message));
    if (err != ERR_NONE) fprintf(stderr, "%.*s\n", FMT(test->task.fault.detail));
    check_int(err, ERR_NONE);
    return model;
}

static str read_whole(struct test_task *test, str path)
{
    int file = open(arena_cstring(&test->arena, path), O_RDONLY);
    check(file >= 0);
    char *bytes = arena_take_raw(&test->arena, 1 * MIB);
    ssize_t len = read(file, bytes, 1 * MIB);
    check(len >= 0 && (size_t)len < 1 * MIB);
    close(file);
    return (str){bytes, (size_t)len};
}

static bool is_in_one_before(const struct model *model, uint32_t place, uint16_t number)
{
    bool is = false;
    for (uint32_t i = 0; i < place && !is; i++)
        is = entity_field_by_number(&model->entities[i], number) != nullptr;
    return is;
}

/** One line for each entity, declared field and pair, in a form that a person can read too. */
static str catalog_of(struct test_task *test, const struct model *model)
{
    struct buf out = buf_make(&test->arena, 1 * MIB);
    for (uint32_t i = 0; i < model->entity_count; i++) {
        const struct entity *entity = &model->entities[i];
        buf_print(&out, "%u %.*s\n", entity->number, FMT(entity->name));
        for (uint32_t j = 0; j < entity->field_count; j++) {
            const struct field *field = &entity->fields[j];
            if (field->is_system && is_in_one_before(model, i, field->number)) continue;
            str name = field->is_system ? S("*") : entity->name;
            if (field->is_system) buf_print(&out, "*.%u ", field->number);
            else buf_print(&out, "%u.%u ", entity->number, field->number);
            buf_print(&out, "%.*s.%.*s %.*s\n", FMT(name), FMT(field->name),
                      FMT(kind_of(field->kind)->name));
        }
        for (uint32_t j = 0; j < entity->pair_count; j++)
            buf_print(&out, "%u.pair%u %.*s.%.*s %.*s\n", entity->number,
                      entity->pairs[j].number - PAIR_NUMBER_MIN, FMT(entity->name),
                      FMT(entity->pairs[j].first->name), FMT(entity->pairs[j].second->name));
    }
    return buf_str(&out);
}

static bool has_line(str text, str line)
{
    bool has = false;
    str one;
    while (!has && text.len > 0) {
        str_cut(text, '\n', &one, &text);
        has = str_eq(one, line);
    }
    return has;
}

/** Whether some line of `text` begins with the number (`10.4`) of this line. */
static bool has_number(str text, str line)
{
    str number;
    str rest;
    str_cut(line, ' ', &number, &rest);
    bool has = false;
    str one;
    str one_number;
    while (!has && text.len > 0) {
        str_cut(text, '\n', &one, &text);
        str_cut(one, ' ', &one_number, &rest);
        has = str_eq(one_number, number);
    }
    return has;
}

TEST(test_schema__never_gives_a_number_another_meaning)
{
    struct test_task test;
    test_task_init(&test);
    str catalog = catalog_of(&test, product_model(&test));
    str root = from_environment("PROJECT_ROOT", ".");
    str golden =
        read_whole(&test, arena_print(&test.arena, "%.*s/tests/golden/schema.txt", FMT(root)));
    int broken = 0;
    str line;
    for (str rest = golden; rest.len > 0;) {
        str_cut(rest, '\n', &line, &rest);
        if (line.len == 0 || line.at[0] == '#') continue;
        bool is_gone = str_ends(line, S(" gone"));
        if (is_gone && has_number(catalog, line)) fprintf(stderr, "used again: %.*s\n", FMT(line));
        if (!is_gone && !has_line(catalog, line))
            fprintf(stderr, "changed or missing: %.*s\n", FMT(line));
        broken += is_gone ? has_number(catalog, line) : !has_line(catalog, line);
    }
    if (broken > 0)
        fprintf(stderr, "Stored records carry these numbers. Give the field a new one; a field "
                        "that is dropped keeps\n"
                        "its line, with ` gone` behind it.\n");
    int added = 0;
    for (str rest = catalog; rest.len > 0;) {
        str_cut(rest, '\n', &line, &rest);
        if (has_line(golden, line) || has_number(golden, line)) continue;
        if (added++ == 0)
            fprintf(stderr, "Append these lines to tests/golden/schema.txt to accept them:\n");
        fprintf(stderr, "%.*s\n", FMT(line));
    }
    check_int(broken, 0);
    check_int(added, 0);
    test_task_drop(&test);
}

TEST(test_schema__has_the_names_that_the_api_promises)
{
    static const struct {
        const char *plural;
        const char *fields;
    } promised[] = {
        {"clients", "name kind stage status emails phones website source type tags groups "
                    "account_manager primary_contact "
                    "default_address last_contact_at archived_at"},
        {"contacts", "name title emails phones status"},
        {"client_contacts", "client contact role is_primary"},
        {"addresses", "client kind line1 line2 city region postal_code country is_default"},
        {"choices", "set value label color category next position"},
        {"users", "email name role disabled language"},
        {"settings", "allow_clients_without_contact country currency language timezone"},
    };
    struct test_task test;
    test_task_init(&test);
    const struct model *model = product_model(&test);
    for (size_t i = 0; i < sizeof promised / sizeof *promised; i++) {
        const struct entity *entity = model_collection(model, str_of(promised[i].plural));
        check(entity != nullptr);
        str rest = str_of(promised[i].fields);
        str name;
        while (rest.len > 0) {
            str_cut(rest, ' ', &name, &rest);
            if (entity_field(entity, name) == nullptr)
                fprintf(stderr, "%s: %.*s\n", promised[i].plural, FMT(name));
            check(entity_field(entity, name) != nullptr);
        }
    }
    test_task_drop(&test);
}

TEST(test_schema__a_client_has_one_primary_contact_that_a_person_is_himself)
{
    struct test_task test;
    test_task_init(&test);
    const struct model *model = product_model(&test);
    const struct field *primary =
        entity_field(model_entity(model, S("client")), S("primary_contact"));
    check(primary->is_required);
    check_str(primary->waived_by, S("allow_clients_without_contact"));
    check_str(primary->through.flag->name, S("is_primary"));
    check_str(primary->through.target->name, S("contact"));
    check(primary->through.flag->one_of_at_least);
    check_int(primary->made_from->pair_count, 3);
    check_str(primary->made_from->when_value, S("individual"));
    const struct entity *contact = model_entity(model, S("contact"));
    check(contact->referrer_count > 0);
    check_int(contact->referrers[0]->on_delete, ON_DELETE_CASCADE);
    check(entity_field(model_entity(model, S("client")), S("default_address"))->through.target ==
          nullptr);
    test_task_drop(&test);
}

static bool has_synonym(const struct field *field, str header, str label)
{
    bool has = false;
    for (uint32_t i = 0; i < field->synonym_count && !has; i++)
        has = str_eq(field->synonyms[i], header) && str_eq(field->synonym_labels[i], label);
    return has;
}

TEST(test_schema__knows_the_headers_of_real_exports)
{
    struct test_task test;
    test_task_init(&test);
    const struct model *model = product_model(&test);
    const struct entity *client = model_entity(model, S("client"));
    const struct entity *contact = model_entity(model, S("contact"));
    const struct entity *address = model_entity(model, S("address"));
    check(has_synonym(entity_field(client, S("reference")), S("customerid"), S("")));
    check(has_synonym(entity_field(client, S("name")), S("companyname"), S("")));
    check(has_synonym(entity_field(client, S("phones")), S("phone"), S("")));
    check(has_synonym(entity_field(client, S("phones")), S("fax"), S("fax")));
    check(has_synonym(entity_field(contact, S("name")), S("contactname"), S("")));
    check(has_synonym(entity_field(contact, S("title")), S("contacttitle"), S("")));
    check(has_synonym(entity_field(address, S("line1")), S("address"), S("")));
    check(has_synonym(entity_field(address, S("postal_code")), S("zip"), S("")));
    test_task_drop(&test);
}

/** A folder with one file of declarations; what the runner says about it. */
static str refused_by_runner(struct test_task *test, const char *text)
{
    char folder[TEST_PATH_BYTES];
    test_folder_make(folder);
    char *path = arena_cstring(&test->arena, arena_print(&test->arena, "%s/x.lua", folder));
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    check(file >= 0 && write(file, text, strlen(text)) == (ssize_t)strlen(text));
    close(file);
    test_faults_clear(test);
    str schema;
    check_int(model_read_schema(&test->task, runner_path(), str_of(folder), &test->arena, &schema),
              ERR_INVALID);
    check(unlink(path) == 0 && rmdir(folder) == 0);
    return test->task.fault.detail;
}

TEST(test_schema__tells_file_and_line_of_what_the_runner_refuses)
{
    static const struct {
        const char *text;
        const char *line;
        const char *words;
    } refused[] = {
        {"\nreturn entity 'a' { text 'b' { 1, max = function() end } }",
         "x.lua:2:", "a function stands"},
        {"return entity 'a' {\n text 'b' { 1, to = text 'c' { 2 } } }",
         "x.lua:2:", "a declaration stands"},
        {"return entity 'a' { text 'b' }", "x.lua:1:", "no field"},
        {"return entity 'a' { text 'b' { x = 1 } }", "x.lua:1:", "begins with its number"},
        {"return entity 'a' { text 'b' { 1, 2 } }", "x.lua:1:", "begins with its number"},
        {"return entity 'a' { txt 'b' { 1 } }", "x.lua:1:", "txt"},
        {"return entity { }", "x.lua:1:", "name in quotes"},
        {"return 7", "x.lua:", "no entity, choice_set, role"},
        {"return text 'b' { 1 }", "x.lua:", "no entity, choice_set, role"},
        {"entity 'a' { }", "x.lua:", "returns no declaration"},
        {"while true do end", "x.lua:1:", "too many steps"},
        {"\n\nlocal s = 'x' for i = 1, 99 do s = s .. s end", "x.lua:", "too much memory"},
        {"return os.execute('true')", "x.lua:1:", "os"},
        {"return ('x'):rep(9)", "x.lua:1:", "string"},
        {"\x1bLua", "x.lua:", "binary"},
        {"return choice_set 'a' { 'b' }", "x.lua:1:", "a choice is a table"},
        {"local t = {} t.t = t return entity 'a' { x = t }", "x.lua:1:", "too deep"},
        {"return entity 'a' { x = '\xff' }", "x.lua:1:", "UTF-8"},
        {"return entity 'a' { x = 1/0 }", "x.lua:1:", "finite"},
        {"return entity 'a' { nil, text 'b' { 1 } }", "x.lua:1:", "gaps"},
        {"return (", "x.lua:1:", "unexpected"},
    };
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct test_task test;
        test_task_init(&test);
        const char *said = arena_cstring(&test.arena, refused_by_runner(&test, refused[i].text));
        bool is_told =
            strstr(said, refused[i].line) != nullptr && strstr(said, refused[i].words) != nullptr;
        if (!is_told) fprintf(stderr, "%s\n  said: %s\n", refused[i].text, said);
        check(is_told);
        test_task_drop(&test);
    }
}

TEST(test_schema__survives_a_runner_that_is_none)
{
    static const struct {
        const char *path;
        enum err err;
    } programs[] = {
        {"/nowhere/atrium-runner", ERR_SYSTEM},
        {"/bin/false", ERR_SYSTEM},
        {"/bin/true", ERR_UNREADABLE},
    };
    for (size_t i = 0; i < sizeof programs / sizeof *programs; i++) {
        struct test_task test;
        test_task_init(&test);
        str schema = {};
        check_int(model_read_schema(&test.task, str_of(programs[i].path), S("schema"), &test.arena,
                                    &schema),
                  programs[i].err);
        check(test.task.fault.detail.len > 0 && schema.len == 0);
        test_task_drop(&test);
    }
}

TEST(test_schema__bounds_what_a_runner_may_say)
{
    struct test_task test;
    test_task_init(&test);
    char folder[TEST_PATH_BYTES];
    test_folder_make(folder);
    char *path = arena_cstring(&test.arena, arena_print(&test.arena, "%s/runner", folder));
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL, 0700);
    const char *program = "#!/bin/sh\nexec /usr/bin/head -c 9000000 /dev/zero\n";
    check(file >= 0 && write(file, program, strlen(program)) == (ssize_t)strlen(program));
    check(close(file) == 0);
    str schema = {};
    check_int(model_read_schema(&test.task, str_of(path), S("schema"), &test.arena, &schema),
              ERR_SYSTEM);
    check(schema.len == 0);
    check(unlink(path) == 0 && rmdir(folder) == 0);
    test_task_drop(&test);
}
