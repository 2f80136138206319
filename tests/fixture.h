/** fixture: a store in a fresh folder, the real schema read by the real runner, and one tenant;
 *  for tests above store/. */
#pragma once

#include <stdlib.h>
#include <unistd.h>

#include "model/model.h"
#include "record/check.h"
#include "record/models.h"
#include "record/query.h"
#include "record/record.h"
#include "store/store.h"
#include "test.h"
#include "value/json.h"

struct fixture {
    struct test_task test;
    struct store *store;
    const struct model *model; /** as it is now; fixture_model */
    struct models *models;
    struct space space;
    struct scope scope;
    char folder[TEST_PATH_BYTES];
};

/** One change given as JSON; what came of it. */
struct fixture_change {
    struct work work;
    struct fixture *fixture;
    struct arena arena;
    struct task task;
    const char *verb; /** create, patch, delete */
    const char *entity;
    struct id id;
    const char *json;
    const struct etag *if_match;
    const struct hooks *hooks;
    bool is_import;
};

[[maybe_unused]] static str fixture_path(const char *variable, const char *otherwise)
{
    const char *path = getenv(variable);
    return str_of(path != nullptr ? path : otherwise);
}

/** The tenant's model as it stands, held until the fixture ends. */
[[maybe_unused]] static const struct model *fixture_model(struct fixture *fixture)
{
    struct txn *txn;
    check_int(txn_open(&fixture->test.task, &fixture->space, &txn), ERR_NONE);
    check_int(model_of(&fixture->test.task, txn, fixture->model, &fixture->model), ERR_NONE);
    txn_close(txn);
    return fixture->model;
}

static enum err fixture_run(struct work *work, struct txn *txn)
{
    struct fixture_change *run = (struct fixture_change *)work;
    txn_set_task(txn, &run->task);
    const struct model *model;
    TRY(model_of(&run->task, txn, run->fixture->model, &model));
    struct change change = {.task = &run->task,
                            .txn = txn,
                            .model = model,
                            .scope = &run->fixture->scope,
                            .hooks = run->hooks,
                            .is_import = run->is_import};
    const struct entity *entity = model_entity(model, str_of(run->entity));
    check(entity != nullptr);
    struct buf given = buf_make(&run->arena, 1 * MIB);
    struct value value = {};
    if (run->json != nullptr) {
        TRY(json_read(&run->task, str_of(run->json), &given));
        value = value_of(buf_str(&given));
    }
    if (strcmp(run->verb, "create") == 0) TRY(record_create(&change, entity, &value, &run->id));
    else if (strcmp(run->verb, "patch") == 0)
        TRY(record_patch(&change, entity, run->id, &value, run->if_match));
    else TRY(record_delete(&change, entity, run->id, run->if_match));
    return change_finish(&change);
}

/** Runs it in the tenant's lane and waits. The caller drops run->arena by fixture_end. */
[[maybe_unused]] static enum err fixture_do(struct fixture *fixture, struct fixture_change *run)
{
    run->fixture = fixture;
    arena_init(&run->arena, 64 * MIB);
    task_init(&run->task, &run->arena);
    run->work = (struct work){.run = fixture_run, .arena = &run->arena};
    enum err err = store_write(fixture->store, &fixture->space, &run->work);
    (void)fixture_model(fixture);
    return err;
}

[[maybe_unused]] static void fixture_end(struct fixture_change *run)
{
    arena_drop(&run->arena);
}

/** Creates and must succeed. */
[[maybe_unused]] static struct id fixture_create(struct fixture *fixture, const char *entity,
                                                 const char *json)
{
    struct fixture_change run = {.verb = "create", .entity = entity, .json = json};
    enum err err = fixture_do(fixture, &run);
    if (err != ERR_NONE) {
        fprintf(stderr, "create %s %s: %.*s: %.*s\n", entity, json, FMT(err_slug(err)),
                FMT(run.task.fault.detail));
        for (uint32_t at = 0; at < run.task.fault.item_count; at++)
            fprintf(stderr, "  %.*s: %.*s\n", FMT(run.task.fault.items[at].field),
                    FMT(run.task.fault.items[at].message));
    }
    check_int(err, ERR_NONE);
    fixture_end(&run);
    return run.id;
}

/** Creates as an import does, which is let off required fields that may be waived; must succeed. */
[[maybe_unused]] static struct id fixture_import(struct fixture *fixture, const char *entity,
                                                 const char *json)
{
    struct fixture_change run = {
        .verb = "create", .entity = entity, .json = json, .is_import = true};
    check_int(fixture_do(fixture, &run), ERR_NONE);
    fixture_end(&run);
    return run.id;
}

[[maybe_unused]] static enum err fixture_patch(struct fixture *fixture, const char *entity,
                                               struct id id, const char *json)
{
    struct fixture_change run = {.verb = "patch", .entity = entity, .id = id, .json = json};
    enum err err = fixture_do(fixture, &run);
    fixture_end(&run);
    return err;
}

[[maybe_unused]] static enum err fixture_delete(struct fixture *fixture, const char *entity,
                                                struct id id)
{
    struct fixture_change run = {.verb = "delete", .entity = entity, .id = id};
    enum err err = fixture_do(fixture, &run);
    fixture_end(&run);
    return err;
}

/** The id as JSON and addresses have it, in the fixture's arena. */
[[maybe_unused]] static const char *fixture_id(struct fixture *fixture, struct id id)
{
    struct arena *arena = fixture->test.task.arena;
    return arena_cstring(arena, id_text(arena, id));
}

/** The record's JSON in the fixture's arena; empty when missing. */
[[maybe_unused]] static str fixture_show(struct fixture *fixture, const char *entity, struct id id)
{
    struct task *task = &fixture->test.task;
    struct txn *txn;
    check_int(txn_open(task, &fixture->space, &txn), ERR_NONE);
    struct view view = {task, txn, fixture->model, &fixture->scope};
    struct record record;
    struct buf json = buf_make(task->arena, 1 * MIB);
    if (record_get(&view, model_entity(fixture->model, str_of(entity)), id, &record) == ERR_NONE)
        record_write(&json, &view, &record, nullptr);
    task->fault = (struct fault){};
    txn_close(txn);
    return buf_str(&json);
}

/** A list's JSON for a query string already decoded: pairs of name and value, ended by nullptr. */
[[maybe_unused]] static enum err fixture_list(struct fixture *fixture, const char *entity,
                                              const char *const *pairs, str *json_out)
{
    struct task *task = &fixture->test.task;
    task->fault = (struct fault){};
    struct query query;
    query_init(&query, model_entity(fixture->model, str_of(entity)), &fixture->scope);
    for (; *pairs != nullptr; pairs += 2)
        TRY(query_add(task, &query, str_of(pairs[0]), str_of(pairs[1])));
    struct txn *txn;
    TRY(txn_open(task, &fixture->space, &txn));
    struct view view = {task, txn, fixture->model, &fixture->scope};
    struct buf json = buf_make(task->arena, 8 * MIB);
    str unindexed;
    enum err err = query_end(&view, &query);
    if (err == ERR_NONE) err = query_write(&json, &view, &query, &unindexed);
    txn_close(txn);
    *json_out = buf_str(&json);
    return err;
}

static void fixture_found(struct check_report *report, uint32_t tenant, str what)
{
    fprintf(stderr, "check %u (%llu): %.*s\n", tenant, (unsigned long long)report->fault_count,
            FMT(what));
}

/** Everything holds. */
[[maybe_unused]] static void fixture_check(struct fixture *fixture)
{
    struct check_report report = {.found = fixture_found};
    check_int(record_check(&fixture->test.task, &fixture->space, fixture->model, nullptr, &report),
              ERR_NONE);
    check_int(report.fault_count, 0);
    check(report.keys_checked > 0);
}

static enum err fixture_begin(struct work *work, struct txn *txn)
{
    struct fixture_change *run = (struct fixture_change *)work;
    txn_data_key_make(txn);
    return fixture_run(&run->work, txn);
}

[[maybe_unused]] static void fixture_init(struct fixture *fixture)
{
    *fixture = (struct fixture){.scope = scope_system()};
    test_task_init(&fixture->test);
    struct task *task = &fixture->test.task;
    test_folder_make(fixture->folder);
    str schema;
    enum err err =
        model_read_schema(task, fixture_path("ATRIUM_RUNNER", "zig-out/bin/atrium-runner"),
                          fixture_path("ATRIUM_SCHEMA", "schema"), task->arena, &schema);
    if (err == ERR_NONE) err = model_make(task, task->arena, schema, &fixture->model);
    struct models_options models = {.model = fixture->model, .schema = schema};
    if (err == ERR_NONE) err = models_open(task, &models, &fixture->models);
    if (err == ERR_NONE) fixture->model = models_base(fixture->models);
    if (err != ERR_NONE) fprintf(stderr, "schema: %.*s\n", FMT(task->fault.detail));
    for (uint32_t at = 0; at < task->fault.item_count; at++)
        fprintf(stderr, "  %.*s: %.*s\n", FMT(task->fault.items[at].field),
                FMT(task->fault.items[at].message));
    check_int(err, ERR_NONE);
    struct store_options options = {.folder = str_of(fixture->folder), .map_bytes = 1ull << 30};
    check_int(store_open(task, &options, &fixture->store), ERR_NONE);
    fixture->space = store_space(fixture->store, 1, id_make());
    struct fixture_change run = {.verb = "create",
                                 .entity = "settings",
                                 .json = "{\"title\":\"Test firm\"}",
                                 .fixture = fixture};
    arena_init(&run.arena, 64 * MIB);
    task_init(&run.task, &run.arena);
    run.work = (struct work){.run = fixture_begin, .arena = &run.arena};
    err = store_write(fixture->store, &fixture->space, &run.work);
    for (uint32_t at = 0; at < run.task.fault.item_count; at++)
        fprintf(stderr, "  %.*s: %.*s\n", FMT(run.task.fault.items[at].field),
                FMT(run.task.fault.items[at].message));
    check_int(err, ERR_NONE);
    fixture_end(&run);
}

/** One file of a schema folder. */
struct fixture_file {
    const char *name;
    const char *text;
};

static void fixture_write(const char *folder, const struct fixture_file *file)
{
    char path[TEST_PATH_BYTES + 64];
    snprintf(path, sizeof path, "%s/%s", folder, file->name);
    FILE *out = fopen(path, "w");
    check(out != nullptr && fputs(file->text, out) >= 0 && fclose(out) == 0);
}

static void fixture_remove(const char *folder)
{
    char command[TEST_PATH_BYTES + 8];
    snprintf(command, sizeof command, "rm -r %s", folder);
    FILE *removal = popen(command, "r");
    check(removal != nullptr && pclose(removal) == 0);
}

/** A fixture with these entities instead of the product's. Settings and users, without which there
 *  is no tenant, are there, unless `files` has its own. */
[[maybe_unused]] static void fixture_init_schema(struct fixture *fixture,
                                                 const struct fixture_file *files, uint32_t count)
{
    static const struct fixture_file needed[] = {
        {"settings.lua",
         "return entity 'settings' { number = 1, plural = 'settings', label = 'S',\n"
         "  title = 'title', single = true,\n"
         "  text 'title' { 1, label = 'T', required = true } }\n"},
        {"user.lua", "return entity 'user' { number = 2, plural = 'users', label = 'U',\n"
                     "  title = 'name', text 'name' { 1, label = 'Name', required = true } }\n"},
    };
    char folder[TEST_PATH_BYTES];
    test_folder_make(folder);
    for (size_t at = 0; at < sizeof needed / sizeof *needed; at++)
        fixture_write(folder, &needed[at]);
    for (uint32_t at = 0; at < count; at++) fixture_write(folder, &files[at]);
    const char *was = getenv("ATRIUM_SCHEMA");
    setenv("ATRIUM_SCHEMA", folder, 1);
    fixture_init(fixture);
    if (was != nullptr) setenv("ATRIUM_SCHEMA", was, 1);
    else unsetenv("ATRIUM_SCHEMA");
    fixture_remove(folder);
}

[[maybe_unused]] static void fixture_drop(struct fixture *fixture)
{
    store_close(fixture->store);
    test_task_drop(&fixture->test);
    models_close(fixture->models);
    fixture_remove(fixture->folder);
}
