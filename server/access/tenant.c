#include "access/tenant.h"

#include "access/password.h"
#include "access/user.h"
#include "base/fold.h"
#include "base/require.h"
#include "record/models.h"
#include "record/record.h"
#include "value/value.h"

constexpr size_t TENANT_ROW_BYTES_MAX = 2048;

static const str portal_suffix = {"-portal", 7};
static const str state_active = {"active", 6};
static const str state_suspended = {"suspended", 9};

/** Names that a person would take for the server's own. */
static const char *const reserved[] = {
    "abuse",   "account",  "admin",  "api",       "app",       "assets",  "atrium", "auth",
    "billing", "blog",     "cdn",    "dashboard", "dev",       "dns",     "docs",   "ftp",
    "help",    "host",     "imap",   "info",      "localhost", "login",   "mail",   "metrics",
    "mx",      "news",     "ns",     "ns1",       "ns2",       "pop",     "portal", "postmaster",
    "root",    "security", "shop",   "signin",    "signup",    "smtp",    "static", "status",
    "store",   "support",  "system", "tenant",    "webmaster", "webmail", "www",
};

/* Names. */

static bool is_name_byte(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '-';
}

str tenant_name_fault(str name)
{
    if (name.len < TENANT_NAME_BYTES_MIN) return S("is shorter than 2 characters");
    if (name.len > TENANT_NAME_BYTES_MAX) return S("is longer than 40 characters");
    for (size_t at = 0; at < name.len; at++)
        if (!is_name_byte(name.at[at]))
            return S("may hold only lower-case letters, digits and hyphens");
    if (name.at[0] == '-' || name.at[name.len - 1] == '-')
        return S("may not begin or end with a hyphen");
    /* Such labels belong to internationalised names (RFC 5891, 4.2.3.1). */
    if (name.len >= 4 && name.at[2] == '-' && name.at[3] == '-')
        return S("may not have hyphens in the third and fourth place");
    if (str_ends(name, portal_suffix)) return S("may not end in -portal, which names its portal");
    for (size_t at = 0; at < sizeof reserved / sizeof reserved[0]; at++)
        if (str_eq(name, str_of(reserved[at]))) return S("is reserved");
    return S("");
}

bool tenant_host_read(str host, str domain, str *name_out, enum door *door_out)
{
    if (host.len <= domain.len + 1 || !str_ends(host, domain)) return false;
    str label = str_first(host, host.len - domain.len - 1);
    if (host.at[label.len] != '.' || str_find_byte(label, '.') != SIZE_MAX) return false;
    bool is_portal = str_ends(label, portal_suffix);
    *door_out = is_portal ? DOOR_PORTAL : DOOR_STAFF;
    *name_out = is_portal ? str_first(label, label.len - portal_suffix.len) : label;
    return name_out->len >= TENANT_NAME_BYTES_MIN && name_out->len <= TENANT_NAME_BYTES_MAX;
}

/* Rows. */

static void number_write(uint32_t number, char out[4])
{
    for (int at = 3; at >= 0; at--, number >>= 8) out[at] = (char)(number & 0xff);
}

static uint32_t number_read(str key)
{
    uint32_t number = 0;
    for (size_t at = 0; at < key.len && at < 4; at++) number = number << 8 | (uint8_t)key.at[at];
    return number;
}

void tenant_row_put(struct txn *txn, const struct tenant *tenant)
{
    struct buf row = buf_make(txn_task(txn)->arena, TENANT_ROW_BYTES_MAX);
    pack_map(&row, 4);
    pack_text(&row, S("name"));
    pack_text(&row, tenant->name);
    pack_text(&row, S("title"));
    pack_text(&row, tenant->title);
    pack_text(&row, S("uuid"));
    pack_bytes(&row, id_bytes(&tenant->space.uuid));
    pack_text(&row, S("state"));
    pack_text(&row, tenant->is_suspended ? state_suspended : state_active);
    require(!buf_is_over(&row));
    char key[4];
    number_write(tenant->space.number, key);
    txn_system_put(txn, SYSTEM_TENANT, (str){key, sizeof key}, buf_str(&row));
    struct buf name_row = buf_make(txn_task(txn)->arena, 16);
    pack_int(&name_row, tenant->space.number);
    txn_system_put(txn, SYSTEM_TENANT_NAME, tenant->name, buf_str(&name_row));
    tenant_gone_drop(txn, tenant->space.number);
}

static void gone_put(struct txn *txn, uint32_t number, struct id uuid)
{
    char key[4];
    struct buf row = buf_make(txn_task(txn)->arena, 64);
    pack_map(&row, 1);
    pack_text(&row, S("uuid"));
    pack_bytes(&row, id_bytes(&uuid));
    number_write(number, key);
    txn_system_put(txn, SYSTEM_GONE, (str){key, sizeof key}, buf_str(&row));
}

void tenant_gone_drop(struct txn *txn, uint32_t number)
{
    char key[4];
    number_write(number, key);
    txn_system_delete(txn, SYSTEM_GONE, (str){key, sizeof key});
}

/** None of its host names leads anywhere. */
static void hosts_drop(struct txn *txn, uint32_t number)
{
    str host = S("");
    uint32_t owner;
    enum door door;
    while (host_after(txn, host, &host, &owner, &door) == ERR_NONE)
        if (owner == number) txn_system_delete(txn, SYSTEM_TENANT_HOST, host);
}

void tenant_row_drop(struct txn *txn, const struct tenant *tenant)
{
    char key[4];
    number_write(tenant->space.number, key);
    txn_system_delete(txn, SYSTEM_TENANT, (str){key, sizeof key});
    txn_system_delete(txn, SYSTEM_TENANT_NAME, tenant->name);
    hosts_drop(txn, tenant->space.number);
    gone_put(txn, tenant->space.number, tenant->space.uuid);
}

enum err tenant_gone_after(struct txn *txn, uint32_t after, struct space *space_out)
{
    char after_key[4];
    number_write(after, after_key);
    str from = after == 0 ? S("") : (str){after_key, sizeof after_key};
    str key, row;
    struct value uuid;
    struct id id;
    TRY(txn_system_after(txn, SYSTEM_GONE, from, txn_task(txn)->arena, &key, &row));
    if (key.len != 4 || !value_find_text(row, S("uuid"), &uuid) || uuid.kind != VALUE_BYTES ||
        !id_of_bytes(uuid.text, &id))
        return ERR_CORRUPT;
    *space_out = store_space(txn_space(txn)->store, number_read(key), id);
    return ERR_NONE;
}

static bool tenant_row_read(const struct access *access, uint32_t number, str row,
                            struct tenant *tenant_out)
{
    struct value name, title, uuid, state;
    if (!value_find_text(row, S("name"), &name) || name.kind != VALUE_TEXT) return false;
    if (!value_find_text(row, S("title"), &title) || title.kind != VALUE_TEXT) return false;
    if (!value_find_text(row, S("uuid"), &uuid) || uuid.kind != VALUE_BYTES) return false;
    if (!value_find_text(row, S("state"), &state) || state.kind != VALUE_TEXT) return false;
    struct id id;
    if (!id_of_bytes(uuid.text, &id)) return false;
    *tenant_out = (struct tenant){
        .space = store_space(access->store, number, id),
        .name = name.text,
        .title = title.text,
        .is_suspended = str_eq(state.text, state_suspended),
        .model = access->model,
    };
    return true;
}

static enum err tenant_of_number(struct txn *txn, const struct access *access, uint32_t number,
                                 struct tenant *tenant_out)
{
    char key[4];
    str row;
    number_write(number, key);
    struct arena *arena = txn_task(txn)->arena;
    TRY(txn_system_get(txn, SYSTEM_TENANT, (str){key, sizeof key}, arena, &row));
    return tenant_row_read(access, number, row, tenant_out) ? ERR_NONE : ERR_CORRUPT;
}

enum err tenant_enter_number(struct txn *txn, const struct access *access, uint32_t number,
                             struct tenant *tenant_out)
{
    TRY(tenant_of_number(txn, access, number, tenant_out));
    txn_enter(txn, &tenant_out->space);
    return model_of(txn_task(txn), txn, access->model, &tenant_out->model);
}

enum err tenant_of_name(struct txn *txn, const struct access *access, str name,
                        struct tenant *tenant_out)
{
    struct arena *arena = txn_task(txn)->arena;
    if (name.len < TENANT_NAME_BYTES_MIN || name.len > TENANT_NAME_BYTES_MAX) return ERR_MISSING;
    str row;
    TRY(txn_system_get(txn, SYSTEM_TENANT_NAME, name, arena, &row));
    struct value number = value_of(row);
    if (number.kind != VALUE_INT || number.integer <= 0 || number.integer > UINT32_MAX)
        return ERR_CORRUPT;
    return tenant_of_number(txn, access, (uint32_t)number.integer, tenant_out);
}

enum err tenant_enter_name(struct txn *txn, const struct access *access, str name,
                           struct tenant *tenant_out)
{
    TRY(tenant_of_name(txn, access, name, tenant_out));
    txn_enter(txn, &tenant_out->space);
    return model_of(txn_task(txn), txn, access->model, &tenant_out->model);
}

enum err tenant_enter_host(struct txn *txn, const struct access *access, str host,
                           struct tenant *tenant_out)
{
    str name;
    enum door door;
    uint32_t number;
    if (tenant_host_read(host, access->domain, &name, &door)) {
        TRY(tenant_enter_name(txn, access, name, tenant_out));
    } else {
        TRY(host_find(txn, host, &number, &door));
        TRY(tenant_enter_number(txn, access, number, tenant_out));
    }
    tenant_out->door = door;
    return ERR_NONE;
}

enum err tenant_after(struct txn *txn, const struct access *access, uint32_t after,
                      struct tenant *tenant_out)
{
    char after_key[4];
    number_write(after, after_key);
    str from = after == 0 ? S("") : (str){after_key, sizeof after_key};
    str key, row;
    TRY(txn_system_after(txn, SYSTEM_TENANT, from, txn_task(txn)->arena, &key, &row));
    if (key.len != 4 || !tenant_row_read(access, number_read(key), row, tenant_out))
        return ERR_CORRUPT;
    return ERR_NONE;
}

enum err tenant_name_is_free(struct txn *txn, str name)
{
    str row;
    struct task *task = txn_task(txn);
    enum err err = txn_system_get(txn, SYSTEM_TENANT_NAME, name, task->arena, &row);
    if (err == ERR_MISSING) return ERR_NONE;
    TRY(err);
    task_fault(task, S("name"), S("taken"), "is the name of another tenant");
    return fail(task, ERR_CONFLICT, "there is a tenant named %.*s already", FMT(name));
}

enum err tenant_number_take(struct txn *txn, struct id uuid, uint32_t *number_out)
{
    str row;
    int64_t newest = 0;
    struct task *task = txn_task(txn);
    enum err err = txn_system_get(txn, SYSTEM_COUNTER, S("tenant"), task->arena, &row);
    if (err != ERR_MISSING) {
        TRY(err);
        struct value counter = value_of(row);
        if (counter.kind != VALUE_INT || counter.integer < 0) return ERR_CORRUPT;
        newest = counter.integer;
    }
    if (newest >= UINT32_MAX) return fail(task, ERR_FULL, "no tenant number is left");
    *number_out = (uint32_t)newest + 1;
    struct buf next = buf_make(task->arena, 16);
    pack_int(&next, *number_out);
    txn_system_put(txn, SYSTEM_COUNTER, S("tenant"), buf_str(&next));
    gone_put(txn, *number_out, uuid);
    return ERR_NONE;
}

/* Creation. */

struct creation {
    struct work work;
    struct task *task;
    const struct access *access;
    const struct tenant_new *wanted;
    str password_hash; /** empty: none */
    uint32_t number;
    struct id uuid;
};

static enum err creation_number(struct work *work, struct txn *txn)
{
    struct creation *self = (struct creation *)work;
    txn_set_task(txn, self->task);
    TRY(tenant_name_is_free(txn, self->wanted->name));
    return tenant_number_take(txn, self->uuid, &self->number);
}

static enum err settings_create(struct creation *self, struct change *change)
{
    const struct entity *settings = model_entity_by_number(self->access->model, SETTINGS_ENTITY);
    require(settings != nullptr && settings->is_single);
    struct buf given = buf_make(self->task->arena, TENANT_ROW_BYTES_MAX);
    pack_map(&given, 1);
    pack_text(&given, settings->title->name);
    pack_text(&given, self->wanted->title);
    struct value value = value_of(buf_str(&given));
    struct id id;
    TRY(record_create(change, settings, &value, &id));
    require(id_eq(id, self->uuid));
    return ERR_NONE;
}

static enum err owner_create(struct creation *self, struct change *change, struct id *user_out)
{
    const struct entity *user = model_entity_by_number(self->access->model, USER_ENTITY);
    require(user != nullptr);
    str name, host;
    str_cut(self->wanted->owner_email, '@', &name, &host);
    struct buf given = buf_make(self->task->arena, TENANT_ROW_BYTES_MAX);
    pack_map(&given, 3);
    pack_text(&given, entity_field_by_number(user, USER_EMAIL)->name);
    pack_text(&given, self->wanted->owner_email);
    pack_text(&given, entity_field_by_number(user, USER_NAME)->name);
    pack_text(&given, name);
    pack_text(&given, entity_field_by_number(user, USER_ROLE)->name);
    pack_text(&given, S("owner"));
    if (buf_is_over(&given)) return fail(self->task, ERR_TOO_LARGE, "the address is too long");
    struct value value = value_of(buf_str(&given));
    self->task->path = S("owner_");
    enum err err = record_create(change, user, &value, user_out);
    self->task->path = S("");
    return err;
}

/** In the new tenant's own lane: its key, its settings, its owner. */
static enum err creation_fill(struct work *work, struct txn *txn)
{
    struct creation *self = (struct creation *)work;
    txn_set_task(txn, self->task);
    txn_data_key_make(txn);
    struct scope scope = scope_system();
    struct change change = {
        .task = self->task,
        .txn = txn,
        .model = self->access->model,
        .scope = &scope,
        .cause = self->task->request_id,
    };
    TRY(settings_create(self, &change));
    struct id owner;
    TRY(owner_create(self, &change, &owner));
    if (self->password_hash.len > 0) password_row_put(txn, owner, self->password_hash);
    return change_finish(&change);
}

/** In the instance's lane: from now on the name leads to it. */
static enum err creation_name(struct work *work, struct txn *txn)
{
    struct creation *self = (struct creation *)work;
    txn_set_task(txn, self->task);
    TRY(tenant_name_is_free(txn, self->wanted->name));
    const struct tenant tenant = {
        .space = store_space(self->access->store, self->number, self->uuid),
        .name = self->wanted->name,
        .title = self->wanted->title,
    };
    tenant_row_put(txn, &tenant);
    return ERR_NONE;
}

static enum err creation_judge(struct task *task, const struct tenant_new *wanted)
{
    str fault = tenant_name_fault(wanted->name);
    if (fault.len > 0) task_fault(task, S("name"), S("name"), "%.*s", FMT(fault));
    if (str_trim(wanted->title).len == 0)
        task_fault(task, S("title"), S("required"), "a title is needed");
    else if (wanted->title.len > TENANT_TITLE_BYTES_MAX || !utf8_is_valid(wanted->title))
        task_fault(task, S("title"), S("text"), "is too long or not valid UTF-8");
    if (!utf8_is_valid(wanted->owner_email))
        task_fault(task, S("owner_email"), S("format"), "is not valid UTF-8");
    if (wanted->owner_password.len > 0) {
        struct password_owner owner = {wanted->owner_email, wanted->name};
        password_judge(task, S("owner_password"), wanted->owner_password, &owner);
    }
    return task_faults(task);
}

static enum err creation_step(struct creation *self, const struct space *space,
                              enum err (*run)(struct work *work, struct txn *txn))
{
    self->work = (struct work){.run = run, .arena = self->task->arena};
    return store_write(self->access->store, space, &self->work);
}

enum err tenant_create(struct task *task, const struct access *access,
                       const struct tenant_new *new_tenant, struct tenant *tenant_out)
{
    TRY(creation_judge(task, new_tenant));
    struct creation self = {
        .task = task, .access = access, .wanted = new_tenant, .uuid = id_make()};
    char hash[PASSWORD_HASH_BYTES_MAX];
    if (new_tenant->owner_password.len > 0) {
        TRY(password_make_hash(task, new_tenant->owner_password, hash));
        self.password_hash = str_of(hash);
    }
    struct space instance = store_instance(access->store);
    TRY(creation_step(&self, &instance, creation_number));
    struct space space = store_space(access->store, self.number, self.uuid);
    TRY(creation_step(&self, &space, creation_fill));
    TRY(creation_step(&self, &instance, creation_name));
    *tenant_out = (struct tenant){
        .space = space,
        .name = arena_copy(task->arena, new_tenant->name),
        .title = arena_copy(task->arena, new_tenant->title),
        .model = access->model,
    };
    return ERR_NONE;
}
