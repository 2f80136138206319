/* The sets of rules that stand, kept by tenant, model and revision. */
#include <pthread.h>
#include <stdlib.h>

#include "base/random.h"
#include "base/require.h"
#include "record/models.h"
#include "rules/builtin.h"
#include "rules/rule.h"

constexpr uint32_t SET_BUCKETS = 1024;
constexpr uint32_t SETS_OF_TENANT_MAX = 3;
constexpr size_t SET_ARENA_BYTES_MAX = 128 * MIB;
constexpr size_t SCRATCH_BYTES_MAX = 8 * MIB; /** of reading one record */

static const str revision_key = {"revision", 8};

/** The set comes first, so that it leads to the whole. It holds its model. */
struct kept_set {
    struct rule_set set;
    struct id tenant;
    uint32_t holders; /** tasks; under the lock */
    bool is_dropped;  /** out of the table; goes with its last holder */
    struct arena arena;
    struct rule_sets *sets;
    struct kept_set *beside; /** in its bucket, or in a list of those that go */
    struct kept_set *newer, *older;
};

struct rule_sets {
    const struct model *model;
    str builtin;
    struct rule_stretch builtins;
    struct arena arena; /** of the built-in ones */
    pthread_mutex_t lock;
    struct kept_set *buckets[SET_BUCKETS];
    struct kept_set *newest, *oldest; /** by last use */
    size_t bytes;
};

static struct kept_set **bucket_of(struct rule_sets *sets, const struct id *tenant)
{
    uint32_t number;
    memcpy(&number, tenant->bytes + sizeof tenant->bytes - sizeof number, sizeof number);
    return &sets->buckets[(number * 2654435761U) % SET_BUCKETS];
}

static void free_all(struct kept_set *list)
{
    while (list != nullptr) {
        struct kept_set *next = list->beside;
        arena_drop(&list->arena);
        memory_give(list);
        list = next;
    }
}

/* Under the lock. */

static void unlink_use(struct rule_sets *sets, struct kept_set *kept)
{
    *(kept->newer != nullptr ? &kept->newer->older : &sets->newest) = kept->older;
    *(kept->older != nullptr ? &kept->older->newer : &sets->oldest) = kept->newer;
    kept->newer = kept->older = nullptr;
}

static void link_newest(struct rule_sets *sets, struct kept_set *kept)
{
    kept->older = sets->newest;
    *(sets->newest != nullptr ? &sets->newest->newer : &sets->oldest) = kept;
    sets->newest = kept;
}

static struct kept_set *find(struct rule_sets *sets, const struct id *tenant,
                             const struct model *model, int64_t revision)
{
    struct kept_set *kept = *bucket_of(sets, tenant);
    while (kept != nullptr && (!id_eq(kept->tenant, *tenant) || kept->set.model != model ||
                               kept->set.revision != revision))
        kept = kept->beside;
    return kept;
}

/** Out of the table; into the list of those that go, when nobody holds it. */
static void take_out(struct rule_sets *sets, struct kept_set *kept, struct kept_set **gone)
{
    struct kept_set **at = bucket_of(sets, &kept->tenant);
    while (*at != kept) at = &(*at)->beside;
    *at = kept->beside;
    unlink_use(sets, kept);
    sets->bytes -= kept->arena.used_bytes;
    kept->is_dropped = true;
    if (kept->holders > 0) return;
    kept->beside = *gone;
    *gone = kept;
}

/** Only the newest of a tenant are asked for again, and only so many of all. */
static struct kept_set *shrink(struct rule_sets *sets, const struct id *tenant)
{
    struct kept_set *gone = nullptr;
    uint32_t seen = 0;
    for (struct kept_set *at = *bucket_of(sets, tenant), *beside; at != nullptr; at = beside) {
        beside = at->beside;
        bool is_other = !id_eq(at->tenant, *tenant);
        if (!is_other && ++seen > SETS_OF_TENANT_MAX) take_out(sets, at, &gone);
    }
    while (sets->bytes > RULE_SETS_BYTES_MAX && sets->oldest != sets->newest)
        take_out(sets, sets->oldest, &gone);
    return gone;
}

/* Holding. */

static void release(void *thing)
{
    struct kept_set *kept = thing;
    struct rule_sets *sets = kept->sets;
    pthread_mutex_lock(&sets->lock);
    require(kept->holders > 0);
    kept->holders--;
    bool is_last = kept->holders == 0 && kept->is_dropped;
    pthread_mutex_unlock(&sets->lock);
    if (!is_last) return;
    kept->beside = nullptr;
    free_all(kept);
}

/** Tenants that have added nothing share one set: nil is its owner. */
static struct id owner_of(const struct rule_sets *sets, const struct view *view, int64_t revision)
{
    bool is_shared = revision == 0 && view->model == sets->model;
    return is_shared ? (struct id){} : txn_space(view->txn)->uuid;
}

/** The kept set, held by the task once more; nullptr when there is none. */
static const struct rule_set *hold(struct rule_sets *sets, const struct view *view,
                                   int64_t revision)
{
    struct arena *arena = view->task->arena;
    struct arena_held *held = arena_new(arena, struct arena_held, 1);
    pthread_mutex_lock(&sets->lock);
    struct id owner = owner_of(sets, view, revision);
    struct kept_set *kept = find(sets, &owner, view->model, revision);
    bool is_held = kept != nullptr && arena_holds(arena, kept);
    if (kept != nullptr) {
        if (!is_held) kept->holders++;
        unlink_use(sets, kept);
        link_newest(sets, kept);
    }
    pthread_mutex_unlock(&sets->lock);
    if (kept == nullptr) return nullptr;
    *held = (struct arena_held){.release = release, .thing = kept};
    if (!is_held) arena_hold(arena, held);
    return &kept->set;
}

/** Puts a new one into the table, unless another thread was faster. */
static void keep(struct rule_sets *sets, struct kept_set *made)
{
    pthread_mutex_lock(&sets->lock);
    struct kept_set *gone = made;
    made->beside = nullptr;
    if (find(sets, &made->tenant, made->set.model, made->set.revision) == nullptr) {
        struct kept_set **bucket = bucket_of(sets, &made->tenant);
        made->beside = *bucket;
        *bucket = made;
        link_newest(sets, made);
        sets->bytes += made->arena.used_bytes;
        gone = shrink(sets, &made->tenant);
    }
    pthread_mutex_unlock(&sets->lock);
    free_all(gone);
}

/* Built-in ones. */

static bool read_builtin(const struct view *view, struct arena *arena,
                         const struct builtin_one *one, struct rule *rule)
{
    bool is_read =
        rule_read_values(view, arena, builtin_id(one->name), &one->attributes.bytes, 1, rule);
    rule->is_builtin = true;
    return is_read;
}

struct rule_stretch rule_sets_builtin(const struct rule_sets *sets)
{
    return sets->builtins;
}

/* Making. */

/** A set while it is made. */
struct making {
    struct rule_sets *sets;
    const struct view *view;
    struct kept_set *kept;
    struct arena scratch; /** what is here while it is made */
    struct rule *rules;   /** RULES_OF_TENANT_MAX, and the built-in ones */
    uint32_t count;
    uint32_t replaced_count;
    str *replaced; /** names of built-in ones that a record stands in place of */
};

static void read_own(struct making *making, const struct view *view, const struct record *record)
{
    str values = record_values(view, record);
    str state = value_text_in(values, S("state")), builtin = value_text_in(values, S("builtin"));
    if (str_eq(state, S("draft"))) return;
    if (builtin.len > 0)
        making->replaced[making->replaced_count++] = arena_copy(&making->scratch, builtin);
    if (!str_eq(state, S("active"))) return;
    struct rule *rule = &making->rules[making->count];
    (void)rule_read_values(view, &making->kept->arena, record->id, &values, 1, rule);
    /* Of an entity that is gone there is nothing left to be changed. */
    if (rule->entity != nullptr) making->count++;
}

static enum err read_records(struct making *making, const struct entity *entity)
{
    const struct view *view = making->view;
    struct arena scratch;
    struct task quiet = {.arena = &scratch, .now_ms = view->task->now_ms};
    struct view inner = {&quiet, view->txn, view->model, view->scope};
    struct scan_range range = {.is_unbounded_from = true, .is_unbounded_to = true};
    struct scan *scan = scan_records(view->txn, entity->number, &range);
    struct scan_entry entry;
    enum err err;
    uint32_t count = 0;
    bool has_entry;
    arena_init(&scratch, SCRATCH_BYTES_MAX);
    while ((err = scan_next(scan, &has_entry, &entry)) == ERR_NONE && has_entry) {
        if (count++ == RULES_OF_TENANT_MAX) {
            err = fail(view->task, ERR_FULL, "a firm has at most %u rules", RULES_OF_TENANT_MAX);
            break;
        }
        struct record record = {entity, entry.id, entry.value};
        quiet.fault = (struct fault){};
        read_own(making, &inner, &record);
        arena_clear(&scratch);
    }
    scan_close(scan);
    arena_drop(&scratch);
    return err;
}

static void add_builtins(struct making *making)
{
    struct arena *arena = &making->kept->arena;
    struct task quiet = {.arena = arena, .now_ms = making->view->task->now_ms};
    struct view inner = {&quiet, making->view->txn, making->view->model, making->view->scope};
    struct builtin_walk walk = builtin_begin(making->sets->builtin);
    struct builtin_one one;
    while (builtin_next(&walk, &one)) {
        bool stands = str_eq(value_text_in(one.attributes.bytes, S("state")), S("active"));
        for (uint32_t of = 0; of < making->replaced_count && stands; of++)
            stands = !str_eq(making->replaced[of], one.name);
        if (!stands) continue;
        struct rule *rule = &making->rules[making->count];
        (void)read_builtin(&inner, arena, &one, rule);
        if (rule->entity != nullptr) making->count++;
    }
}

static int compare_rules(const void *a, const void *b)
{
    const struct rule *one = a, *other = b;
    if (one->entity->number != other->entity->number)
        return one->entity->number < other->entity->number ? -1 : 1;
    if (one->point != other->point) return one->point < other->point ? -1 : 1;
    if (one->priority != other->priority) return one->priority < other->priority ? -1 : 1;
    return memcmp(one->id.bytes, other->id.bytes, sizeof one->id.bytes);
}

static enum err read_all(struct making *making)
{
    const struct entity *entity = model_entity(making->view->model, S("rule"));
    uint32_t builtin_count = making->sets->builtins.count;
    making->rules = arena_new(&making->scratch, struct rule, RULES_OF_TENANT_MAX + builtin_count);
    making->replaced = arena_new(&making->scratch, str, RULES_OF_TENANT_MAX);
    if (entity != nullptr && making->kept->set.revision != 0) TRY(read_records(making, entity));
    add_builtins(making);
    if (making->count > 1)
        qsort(making->rules, making->count, sizeof *making->rules, compare_rules);
    struct rule_set *set = &making->kept->set;
    struct rule *rules = arena_new(&making->kept->arena, struct rule, making->count);
    if (making->count > 0) memcpy(rules, making->rules, making->count * sizeof *rules);
    set->rules = rules;
    set->rule_count = making->count;
    for (uint32_t at = 0; at < set->rule_count; at++)
        set->points[set->rules[at].entity->number] |= (uint8_t)(1 << set->rules[at].point);
    return ERR_NONE;
}

static enum err make(struct rule_sets *sets, const struct view *view, int64_t revision)
{
    struct kept_set *kept = memory_take(sizeof *kept);
    arena_init(&kept->arena, SET_ARENA_BYTES_MAX);
    kept->sets = sets;
    kept->tenant = owner_of(sets, view, revision);
    kept->set.model = view->model;
    kept->set.revision = revision;
    struct making making = {.sets = sets, .view = view, .kept = kept};
    arena_init(&making.scratch, SCRATCH_BYTES_MAX);
    enum err err = read_all(&making);
    arena_drop(&making.scratch);
    if (err != ERR_NONE) {
        free_all(kept);
        return err;
    }
    struct task holder = {.arena = &kept->arena};
    model_hold(&holder, view->model);
    keep(sets, kept);
    return ERR_NONE;
}

enum err rule_set_of(struct rule_sets *sets, const struct view *view,
                     const struct rule_set **set_out)
{
    str row;
    int64_t revision = 0;
    enum err err = txn_system_get(view->txn, SYSTEM_RULES, revision_key, view->task->arena, &row);
    if (err == ERR_NONE) {
        struct value value = value_of(row);
        if (value.kind != VALUE_INT || value.integer == 0)
            return fail(view->task, ERR_CORRUPT, "the stored revision of the rules is damaged");
        revision = value.integer;
    } else if (err != ERR_MISSING) {
        return err;
    }
    *set_out = hold(sets, view, revision);
    if (*set_out != nullptr) return ERR_NONE;
    TRY(make(sets, view, revision));
    *set_out = hold(sets, view, revision);
    return *set_out != nullptr ? ERR_NONE
                               : fail(view->task, ERR_FULL, "too many sets of rules are in use");
}

void rule_set_renew(struct change *change)
{
    struct buf row = buf_make(change->task->arena, 16);
    pack_int(&row, (int64_t)(random_uint64() >> 1) | 1);
    txn_system_put(change->txn, SYSTEM_RULES, revision_key, buf_str(&row));
}

/* Looking. */

static bool is_before(const struct rule *rule, const struct entity *entity, enum rule_point point)
{
    if (rule->entity->number != entity->number) return rule->entity->number < entity->number;
    return rule->point < point;
}

struct rule_stretch rule_set_at(const struct rule_set *set, const struct entity *entity,
                                enum rule_point point)
{
    if ((set->points[entity->number] & 1 << point) == 0) return (struct rule_stretch){};
    uint32_t from = 0, end = set->rule_count;
    while (from < end) {
        uint32_t middle = from + (end - from) / 2;
        if (is_before(&set->rules[middle], entity, point)) from = middle + 1;
        else end = middle;
    }
    uint32_t count = 0;
    while (from + count < set->rule_count && set->rules[from + count].entity == entity &&
           set->rules[from + count].point == point)
        count++;
    return (struct rule_stretch){count, set->rules + from};
}

const struct rule *rule_set_find(const struct rule_set *set, struct id rule)
{
    for (uint32_t at = 0; at < set->rule_count; at++)
        if (id_eq(set->rules[at].id, rule)) return &set->rules[at];
    return nullptr;
}

/* Life. */

enum err rule_sets_open(struct task *task, const struct model *model, str builtin,
                        struct rule_sets **sets_out)
{
    struct rule_sets *sets = memory_take(sizeof *sets);
    *sets = (struct rule_sets){.model = model, .builtin = builtin};
    arena_init(&sets->arena, SET_ARENA_BYTES_MAX);
    require(pthread_mutex_init(&sets->lock, nullptr) == 0);
    struct view view = {.task = task, .model = model};
    struct builtin_walk walk = builtin_begin(builtin);
    struct builtin_one one;
    struct rule *rules = arena_new(&sets->arena, struct rule, walk.left);
    while (builtin_next(&walk, &one))
        (void)read_builtin(&view, &sets->arena, &one, &rules[sets->builtins.count++]);
    sets->builtins.rules = rules;
    enum err err = task_faults(task);
    if (err == ERR_NONE) *sets_out = sets;
    else rule_sets_close(sets);
    return err;
}

void rule_sets_close(struct rule_sets *sets)
{
    struct kept_set *gone = nullptr;
    while (sets->oldest != nullptr) {
        require(sets->oldest->holders == 0);
        take_out(sets, sets->oldest, &gone);
    }
    free_all(gone);
    arena_drop(&sets->arena);
    pthread_mutex_destroy(&sets->lock);
    memory_give(sets);
}
