#include "record/models.h"

#include <pthread.h>

#include "base/require.h"
#include "record/shape.h"

constexpr uint32_t MODEL_BUCKETS = 1024;
constexpr uint32_t REVISIONS_KEPT_MAX = 2; /** of one tenant */
constexpr size_t MODEL_ARENA_BYTES_MAX = 64 * MIB;

static const str revision_key = {"revision", 8};
static const str declared_key = {"declared", 8};

/** The model comes first, so that it leads to the whole. */
struct kept_model {
    struct model model;
    uint32_t tenant; /** 0: the schema's own */
    int64_t revision;
    uint32_t holders; /** tasks; under the lock */
    bool is_dropped;  /** out of the table; goes with its last holder */
    str text;
    struct arena arena;
    struct kept_model *beside; /** in its bucket */
    struct kept_model *newer, *older;
};

struct models {
    struct models_options options;
    struct kept_model base;
    pthread_mutex_t lock;
    struct kept_model *buckets[MODEL_BUCKETS];
    struct kept_model *newest, *oldest; /** by last use */
    size_t bytes;
};

static struct kept_model *kept_of(const struct model *model)
{
    return (struct kept_model *)model;
}

static struct kept_model **bucket_of(struct models *models, uint32_t tenant)
{
    return &models->buckets[(tenant * 2654435761U) % MODEL_BUCKETS];
}

static void kept_free(struct kept_model *kept)
{
    arena_drop(&kept->arena);
    memory_give((void *)kept->text.at);
    memory_give(kept);
}

static void free_all(struct kept_model *list)
{
    while (list != nullptr) {
        struct kept_model *next = list->beside;
        kept_free(list);
        list = next;
    }
}

/* Under the lock. */

static void unlink_use(struct models *models, struct kept_model *kept)
{
    *(kept->newer != nullptr ? &kept->newer->older : &models->newest) = kept->older;
    *(kept->older != nullptr ? &kept->older->newer : &models->oldest) = kept->newer;
    kept->newer = kept->older = nullptr;
}

static void link_newest(struct models *models, struct kept_model *kept)
{
    kept->older = models->newest;
    *(models->newest != nullptr ? &models->newest->newer : &models->oldest) = kept;
    models->newest = kept;
}

static struct kept_model *find(struct models *models, uint32_t tenant, int64_t revision)
{
    struct kept_model *kept = *bucket_of(models, tenant);
    while (kept != nullptr && (kept->tenant != tenant || kept->revision != revision))
        kept = kept->beside;
    return kept;
}

static void take_out(struct models *models, struct kept_model *kept)
{
    struct kept_model **at = bucket_of(models, kept->tenant);
    while (*at != kept) at = &(*at)->beside;
    *at = kept->beside;
    unlink_use(models, kept);
    models->bytes -= kept->arena.used_bytes + kept->text.len;
    kept->is_dropped = true;
}

/** Of one tenant's models only the last two are asked for: that of the newest commit, and that of a
 *  change under way or of a snapshot just before it. */
static struct kept_model *drop_older(struct models *models, uint32_t tenant)
{
    struct kept_model *gone = nullptr;
    uint32_t seen = 0;
    for (struct kept_model *at = *bucket_of(models, tenant), *beside; at != nullptr; at = beside) {
        beside = at->beside;
        if (at->tenant != tenant || ++seen <= REVISIONS_KEPT_MAX) continue;
        take_out(models, at);
        if (at->holders > 0) continue;
        at->beside = gone;
        gone = at;
    }
    return gone;
}

/** Takes out what is too much; those that nobody holds go into the list that is returned. */
static struct kept_model *shrink(struct models *models, struct kept_model *gone)
{
    while (models->bytes > MODELS_BYTES_MAX && models->oldest != models->newest) {
        struct kept_model *oldest = models->oldest;
        take_out(models, oldest);
        if (oldest->holders > 0) continue;
        oldest->beside = gone;
        gone = oldest;
    }
    return gone;
}

/* Holding. */

static void release(void *thing)
{
    struct kept_model *kept = thing;
    struct models *models = kept->model.models;
    pthread_mutex_lock(&models->lock);
    require(kept->holders > 0);
    kept->holders--;
    bool is_last = kept->holders == 0 && kept->is_dropped;
    pthread_mutex_unlock(&models->lock);
    if (is_last) kept_free(kept);
}

/** The kept model, held by the task once more; nullptr when there is none. */
static const struct model *hold(struct models *models, struct task *task, uint32_t tenant,
                                int64_t revision)
{
    struct arena_held *held = arena_new(task->arena, struct arena_held, 1);
    pthread_mutex_lock(&models->lock);
    struct kept_model *kept = find(models, tenant, revision);
    bool is_held = kept != nullptr && arena_holds(task->arena, kept);
    if (kept != nullptr) {
        if (!is_held) kept->holders++;
        unlink_use(models, kept);
        link_newest(models, kept);
    }
    pthread_mutex_unlock(&models->lock);
    if (kept == nullptr) return nullptr;
    *held = (struct arena_held){.release = release, .thing = kept};
    if (!is_held) arena_hold(task->arena, held);
    return &kept->model;
}

void model_hold(struct task *task, const struct model *model)
{
    struct models *models = model->models;
    struct kept_model *kept = kept_of(model);
    if (models == nullptr || kept->tenant == 0 || arena_holds(task->arena, kept)) return;
    struct arena_held *held = arena_new(task->arena, struct arena_held, 1);
    *held = (struct arena_held){.release = release, .thing = kept};
    pthread_mutex_lock(&models->lock);
    kept->holders++;
    pthread_mutex_unlock(&models->lock);
    arena_hold(task->arena, held);
}

/** Puts a new one into the table, unless another thread was faster. */
static void keep(struct models *models, struct kept_model *made)
{
    pthread_mutex_lock(&models->lock);
    struct kept_model *gone = made;
    if (find(models, made->tenant, made->revision) == nullptr) {
        struct kept_model **bucket = bucket_of(models, made->tenant);
        made->beside = *bucket;
        *bucket = made;
        link_newest(models, made);
        models->bytes += made->arena.used_bytes;
        gone = shrink(models, drop_older(models, made->tenant));
    } else {
        made->beside = nullptr;
    }
    pthread_mutex_unlock(&models->lock);
    free_all(gone);
}

enum err models_make(struct models *models, struct task *task, const struct space *space,
                     int64_t revision, str declared, const struct model **model_out)
{
    struct kept_model *made = memory_take(sizeof *made);
    arena_init(&made->arena, MODEL_ARENA_BYTES_MAX);
    str whole = model_extend(task->arena, models->options.schema, declared);
    const struct model *model;
    enum err err = whole.len == 0
                       ? fail(task, ERR_TOO_LARGE, "a firm's own fields and choices are too many")
                       : model_make(task, &made->arena, whole, &model);
    if (err != ERR_NONE) {
        kept_free(made);
        return err;
    }
    made->model = *model;
    made->model.models = models;
    made->tenant = space->number;
    made->revision = revision;
    keep(models, made);
    *model_out = hold(models, task, space->number, revision);
    return *model_out != nullptr ? ERR_NONE
                                 : fail(task, ERR_FULL, "too many models are in use at once");
}

enum err model_of(struct task *task, struct txn *txn, const struct model *base,
                  const struct model **model_out)
{
    struct models *models = base->models;
    *model_out = base;
    if (models == nullptr) return ERR_NONE;
    *model_out = &models->base.model;
    str row;
    enum err err = txn_system_get(txn, SYSTEM_MODEL, revision_key, task->arena, &row);
    if (err == ERR_MISSING) return ERR_NONE;
    TRY(err);
    struct value revision = value_of(row);
    if (revision.kind != VALUE_INT)
        return fail(task, ERR_CORRUPT, "the stored revision of this firm's model is damaged");
    const struct space *space = txn_space(txn);
    const struct model *kept = hold(models, task, space->number, revision.integer);
    if (kept != nullptr) return *model_out = kept, ERR_NONE;
    TRY(txn_system_get(txn, SYSTEM_MODEL, declared_key, task->arena, &row));
    return models_make(models, task, space, revision.integer, row, model_out);
}

enum err model_verify(struct task *task, struct txn *txn, const struct model *model)
{
    if (model->models == nullptr) return ERR_NONE;
    str row;
    enum err err = txn_system_get(txn, SYSTEM_MODEL, revision_key, task->arena, &row);
    if (err != ERR_NONE && err != ERR_MISSING) return err;
    struct value revision = {.kind = VALUE_INT};
    if (err == ERR_NONE) revision = value_of(row);
    if (revision.kind == VALUE_INT && revision.integer == kept_of(model)->revision) return ERR_NONE;
    return fail(task, ERR_FULL, "the fields of this firm were changed meanwhile; try again");
}

bool model_is_same(const struct model *a, const struct model *b)
{
    return a == b || (a->models != nullptr && a->models == b->models &&
                      kept_of(a)->tenant == kept_of(b)->tenant &&
                      kept_of(a)->revision == kept_of(b)->revision);
}

int64_t model_revision(const struct model *model)
{
    return model->models == nullptr ? 0 : kept_of(model)->revision;
}

/* The text. */

str model_text(const struct model *model)
{
    if (model->models == nullptr) return S("");
    pthread_mutex_lock(&model->models->lock);
    str text = kept_of(model)->text;
    pthread_mutex_unlock(&model->models->lock);
    return text;
}

void model_text_keep(const struct model *model, str text)
{
    struct models *models = model->models;
    if (models == nullptr || text.len == 0) return;
    struct kept_model *kept = kept_of(model);
    char *copy = memory_take(text.len);
    memcpy(copy, text.at, text.len);
    pthread_mutex_lock(&models->lock);
    struct kept_model *gone = nullptr;
    bool is_first = kept->text.len == 0;
    if (is_first) {
        kept->text = (str){copy, text.len};
        if (kept->tenant != 0 && !kept->is_dropped) models->bytes += text.len;
        gone = shrink(models, nullptr);
    }
    pthread_mutex_unlock(&models->lock);
    if (!is_first) memory_give(copy);
    free_all(gone);
}

/* Life. */

const struct model *models_base(const struct models *models)
{
    return &models->base.model;
}

const struct models_options *models_options(const struct models *models)
{
    return &models->options;
}

enum err models_open(struct task *task, const struct models_options *options,
                     struct models **models_out)
{
    TRY(shape_fits_model(task, options->model));
    struct models *models = memory_take(sizeof *models);
    models->options = *options;
    models->base.model = *options->model;
    models->base.model.models = models;
    arena_init(&models->base.arena, MODEL_ARENA_BYTES_MAX);
    require(pthread_mutex_init(&models->lock, nullptr) == 0);
    *models_out = models;
    return ERR_NONE;
}

void models_close(struct models *models)
{
    while (models->oldest != nullptr) {
        struct kept_model *oldest = models->oldest;
        require(oldest->holders == 0);
        take_out(models, oldest);
        kept_free(oldest);
    }
    arena_drop(&models->base.arena);
    memory_give((void *)models->base.text.at);
    pthread_mutex_destroy(&models->lock);
    memory_give(models);
}
