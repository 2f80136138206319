#include "work/demo.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/require.h"
#include "record/models.h"
#include "record/record.h"
#include "value/json.h"

constexpr size_t FIRM_BYTES_MAX = 1 * MIB;
constexpr uint32_t NAMED_MAX = 64;

/** Row of the instance: `filling` until all firms are whole. */
static const str demo_row = {"demo", 4};

struct named {
    str name;
    struct id id;
};

struct firm {
    struct work work;
    struct task *task;
    const struct model *model; /** of the tenant */
    const struct hooks *hooks;
    struct value whole;
    str name, title, email, password;
    struct named named[NAMED_MAX];
    uint32_t named_count;
};

static enum err file_read(struct task *task, str path, str *text_out)
{
    char *name = arena_cstring(task->arena, path);
    int file = open(name, O_RDONLY | O_CLOEXEC);
    if (file < 0) return fail(task, ERR_SYSTEM, "%s: %s", name, strerror(errno));
    char *room = arena_take_raw(task->arena, FIRM_BYTES_MAX);
    size_t len = 0;
    ssize_t got = 1;
    while (got > 0 && len < FIRM_BYTES_MAX) {
        got = read(file, room + len, FIRM_BYTES_MAX - len);
        if (got > 0) len += (size_t)got;
    }
    (void)close(file);
    if (got != 0) return fail(task, ERR_SYSTEM, "%s cannot be read", name);
    *text_out = (str){room, len};
    return ERR_NONE;
}

static enum err firm_read(struct task *task, str path, struct firm *firm)
{
    str text;
    TRY(file_read(task, path, &text));
    struct buf bytes = buf_make(task->arena, FIRM_BYTES_MAX);
    TRY(json_read(task, text, &bytes));
    firm->whole = value_of(buf_str(&bytes));
    struct value owner = {};
    if (firm->whole.kind == VALUE_MAP) (void)value_find_text(firm->whole.bytes, S("owner"), &owner);
    firm->name = value_text_in(firm->whole.bytes, S("name"));
    firm->title = value_text_in(firm->whole.bytes, S("title"));
    firm->email = value_text_in(owner.bytes, S("email"));
    firm->password = value_text_in(owner.bytes, S("password"));
    if (firm->name.len > 0 && firm->email.len > 0 && firm->password.len > 0) return ERR_NONE;
    return fail(task, ERR_INVALID, "%.*s is no demo firm", FMT(path));
}

static int compare_names(const void *a, const void *b)
{
    return str_compare(*(const str *)a, *(const str *)b);
}

static enum err firms_read(struct task *task, str folder, struct firm *firms, uint32_t *count_out)
{
    char *name = arena_cstring(task->arena, folder);
    DIR *files = opendir(name);
    *count_out = 0;
    if (files == nullptr) return fail(task, ERR_SYSTEM, "%s: %s", name, strerror(errno));
    str names[DEMO_FIRMS_MAX];
    uint32_t count = 0;
    for (struct dirent *file; count < DEMO_FIRMS_MAX && (file = readdir(files)) != nullptr;)
        if (str_ends(str_of(file->d_name), S(".json")))
            names[count++] = arena_print(task->arena, "%s/%s", name, file->d_name);
    (void)closedir(files);
    if (count == 0) return fail(task, ERR_SYSTEM, "%s holds no demo firm", name);
    qsort(names, count, sizeof names[0], compare_names);
    for (; *count_out < count; ++*count_out)
        TRY(firm_read(task, names[*count_out], &firms[*count_out]));
    return ERR_NONE;
}

/* Filling. */

static const struct named *named_find(const struct firm *firm, str name)
{
    for (uint32_t at = 0; at < firm->named_count; at++)
        if (str_eq(firm->named[at].name, name)) return &firm->named[at];
    return nullptr;
}

/** The record's values, with what it lies under and what it refers to. */
static enum err item_values(struct firm *firm, const struct entity *entity,
                            const struct value *item, const struct id *above,
                            struct value *given_out)
{
    struct task *task = firm->task;
    struct value record = {}, refers = {.kind = VALUE_MAP};
    (void)value_find_text(item->bytes, S("record"), &record);
    (void)value_find_text(item->bytes, S("refers"), &refers);
    if (record.kind != VALUE_MAP || refers.kind != VALUE_MAP ||
        (above != nullptr && entity->via == nullptr))
        return fail(task, ERR_INVALID, "%.*s: an item of %.*s has no values", FMT(firm->name),
                    FMT(entity->plural));
    struct buf given = buf_make(task->arena, FIRM_BYTES_MAX);
    pack_map(&given, record.count + refers.count + (above != nullptr ? 1 : 0));
    pack_raw(&given, record.items);
    if (above != nullptr) {
        pack_text(&given, entity->via->name);
        pack_text(&given, id_text(task->arena, *above));
    }
    struct cursor cursor = cursor_of(refers.items);
    struct value field, name;
    for (uint32_t at = 0; at < refers.count; at++) {
        if (!value_next(&cursor, &field) || !value_next(&cursor, &name)) break;
        const struct named *named = name.kind == VALUE_TEXT ? named_find(firm, name.text) : nullptr;
        if (named == nullptr)
            return fail(task, ERR_INVALID, "%.*s: a record refers to nothing", FMT(firm->name));
        pack_raw(&given, field.bytes);
        pack_text(&given, id_text(task->arena, named->id));
    }
    *given_out = value_of(buf_str(&given));
    return ERR_NONE;
}

static enum err item_create(struct firm *firm, struct txn *txn, const struct value *item,
                            const struct id *above, struct id *id_out)
{
    struct task *task = firm->task;
    struct scope scope = scope_system();
    const struct model *model;
    str collection = value_text_in(item->bytes, S("in")), as = value_text_in(item->bytes, S("as"));
    /* Choices and fields of the firm are in force for what comes behind them. */
    TRY(model_of(task, txn, firm->model, &model));
    const struct entity *entity = model_collection(model, collection);
    if (entity == nullptr)
        return fail(task, ERR_INVALID, "%.*s: there are no %.*s", FMT(firm->name), FMT(collection));
    struct value given;
    TRY(item_values(firm, entity, item, above, &given));
    struct change change = {.task = task,
                            .txn = txn,
                            .model = model,
                            .scope = &scope,
                            .hooks = firm->hooks,
                            .cause = task->request_id};
    TRY(record_create(&change, entity, &given, id_out));
    TRY(change_finish(&change));
    if (as.len > 0 && firm->named_count < NAMED_MAX)
        firm->named[firm->named_count++] = (struct named){as, *id_out};
    return ERR_NONE;
}

static enum err items_create(struct firm *firm, struct txn *txn, const struct value *list,
                             const struct id *above)
{
    struct cursor cursor = cursor_of(list->items);
    struct value item, under;
    for (uint32_t at = 0; at < list->count && value_next(&cursor, &item); at++) {
        struct id id;
        TRY(item_create(firm, txn, &item, above, &id));
        if (above != nullptr || !value_find_text(item.bytes, S("under"), &under)) continue;
        TRY(items_create(firm, txn, &under, &id));
    }
    return ERR_NONE;
}

/** All records of a firm or none; nothing when some are there already. */
static enum err firm_fill(struct work *work, struct txn *txn)
{
    struct firm *firm = (struct firm *)work;
    struct value records;
    txn_set_task(txn, firm->task);
    if (!value_find_text(firm->whole.bytes, S("records"), &records) || records.kind != VALUE_LIST)
        return fail(firm->task, ERR_INVALID, "%.*s has no records", FMT(firm->name));
    struct cursor cursor = cursor_of(records.items);
    struct value last;
    while (value_next(&cursor, &last)) continue;
    const struct entity *entity = model_collection(firm->model, value_text_in(last.bytes, S("in")));
    if (entity == nullptr)
        return fail(firm->task, ERR_INVALID, "%.*s has no records", FMT(firm->name));
    struct scan *scan =
        scan_records(txn, entity->number,
                     &(struct scan_range){.is_unbounded_from = true, .is_unbounded_to = true});
    struct scan_entry entry;
    bool is_filled = false;
    enum err err = scan_next(scan, &is_filled, &entry);
    scan_close(scan);
    if (err != ERR_NONE || is_filled) return err;
    firm->named_count = 0;
    return items_create(firm, txn, &records, nullptr);
}

static enum err firm_make(struct command_place *place, struct firm *firm)
{
    struct tenant tenant;
    const struct access *access = &place->access;
    enum err err = command_tenant_find(place, firm->name, &tenant);
    if (err == ERR_MISSING) {
        task_fault_clear(place->task);
        struct tenant_new wanted = {firm->name, firm->title, firm->email, firm->password};
        err = tenant_create(place->task, access, &wanted, &tenant);
    }
    TRY(err);
    firm->task = place->task;
    firm->model = tenant.model;
    firm->hooks = place->hooks;
    firm->work = (struct work){.run = firm_fill, .arena = place->task->arena};
    return store_write(access->store, &tenant.space, &firm->work);
}

/* What was begun. */

struct marking {
    struct work work;
    str state;
};

static enum err mark(struct work *work, struct txn *txn)
{
    struct marking *marking = (struct marking *)work;
    txn_system_put(txn, SYSTEM_JOB, demo_row, marking->state);
    return ERR_NONE;
}

/** The state is a MessagePack text, as every stored value is MessagePack. */
static enum err state_write(struct command_place *place, str state)
{
    struct buf bytes = buf_make(place->task->arena, 64);
    pack_text(&bytes, state);
    struct space instance = store_instance(place->access.store);
    struct marking marking = {.work = {.run = mark}, .state = buf_str(&bytes)};
    return store_write(place->access.store, &instance, &marking.work);
}

/** Empty when nothing was begun. */
static enum err state_read(struct command_place *place, str *state_out, bool *has_tenants_out)
{
    struct space instance = store_instance(place->access.store);
    struct txn *txn;
    str bytes = {};
    struct tenant tenant;
    TRY(txn_open(place->task, &instance, &txn));
    enum err err = txn_system_get(txn, SYSTEM_JOB, demo_row, place->task->arena, &bytes);
    if (err == ERR_MISSING) err = ERR_NONE;
    enum err first = err == ERR_NONE ? tenant_after(txn, &place->access, 0, &tenant) : err;
    txn_close(txn);
    *has_tenants_out = first == ERR_NONE;
    struct value state = value_of(bytes);
    *state_out = state.kind == VALUE_TEXT ? state.text : (str){};
    return first == ERR_MISSING ? ERR_NONE : first;
}

enum err demo_make(struct command_place *place, str folder)
{
    require(place->access.model != nullptr);
    str state;
    bool has_tenants;
    TRY(state_read(place, &state, &has_tenants));
    if (!str_eq(state, S("filling"))) {
        if (has_tenants) return ERR_NONE;
        TRY(state_write(place, S("filling")));
    }
    uint32_t count;
    struct firm *firms = arena_new(place->task->arena, struct firm, DEMO_FIRMS_MAX);
    TRY(firms_read(place->task, folder, firms, &count));
    for (uint32_t at = 0; at < count; at++) TRY(firm_make(place, &firms[at]));
    return state_write(place, S("done"));
}

enum err demo_show(struct command_place *place, str folder, const struct console *console)
{
    str state;
    bool has_tenants;
    TRY(state_read(place, &state, &has_tenants));
    if (!str_eq(state, S("done"))) return ERR_NONE;
    uint32_t count;
    struct firm *firms = arena_new(place->task->arena, struct firm, DEMO_FIRMS_MAX);
    TRY(firms_read(place->task, folder, firms, &count));
    for (uint32_t at = 0; at < count; at++) {
        struct tenant tenant;
        if (command_tenant_find(place, firms[at].name, &tenant) != ERR_NONE) continue;
        str address = command_address(place, firms[at].name);
        console_print(console, "%.*s\n    %.*s\n    sign in as %.*s with %.*s\n",
                      FMT(firms[at].title), FMT(address), FMT(firms[at].email),
                      FMT(firms[at].password));
    }
    task_fault_clear(place->task);
    return ERR_NONE;
}
