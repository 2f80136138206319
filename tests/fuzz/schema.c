/* schema: whatever stands in a schema, model_make refuses it with a fault or makes a model that
 *  holds together:
 * every pointer leads into it, and each kind reads, orders and writes its default.
 *
 * The first byte says how the rest is taken: as encoded bytes, as JSON, or as changes (place,
 * byte) of a
 * sound schema, so that the depths are reached too. */
#include <stdint.h>

#include "base/limits.h"
#include "base/random.h"
#include "base/require.h"
#include "model/kind.h"
#include "value/json.h"

#define FIELD(kind, name, number, words) \
    "{\"at\":\"x:1\",\"kind\":\"" kind "\",\"name\":\"" name "\",\"number\":" number \
    ",\"attributes\":{" words "}}"
#define ENTITY(name, number, words, fields) \
    "{\"at\":\"x:1\",\"name\":\"" name "\",\"attributes\":{\"number\":" number \
    ",\"plural\":\"" name "s\",\"title\":\"name\"" words \
    "},\"fields\":[" FIELD("text", "name", "1", "\"search\":true") fields "]}"

/* clang-format off */
static const str sound = S(
    "{\"version\":1,\"entities\":["
    ENTITY("user", "1", "",
        "," FIELD("emails", "mails", "2", "\"unique\":true,\"synonyms\":[\"mail\",\"post\"]")
        "," FIELD("text", "code", "3",
                  "\"pattern\":\"[a-z]{2,5}(x|y)+\",\"default\":\"abx\",\"max\":9"))
    "," ENTITY("settings", "2", ",\"single\":true", "," FIELD("boolean", "lenient", "2", ""))
    "," ENTITY("thing", "3", "",
        "," FIELD("reference", "main", "2",
                  "\"to\":\"user\",\"through\":\"link.is_main\",\"required\":true,"
                  "\"waived_by\":\"lenient\",\"made_when\":{\"kind\":\"big\"},"
                  "\"made_from\":{\"name\":\"name\"}")
        "," FIELD("choice", "kind", "3", "\"set\":\"thing.kind\",\"default\":\"big\"")
        "," FIELD("decimal", "hours", "4", "\"scale\":2,\"min\":0,\"max\":24,\"default\":1.5")
        "," FIELD("money", "price", "5",
                  "\"min\":1,\"default\":{\"amount\":5,\"currency\":\"EUR\"}")
        "," FIELD("phones", "phones", "6", "\"synonyms\":{\"fax\":\"fax\"},\"max\":3"))
    "," ENTITY("link", "4", ",\"via\":\"thing\"",
        "," FIELD("reference", "thing", "2",
                  "\"to\":\"thing\",\"required\":true,\"on_delete\":\"cascade\"")
        "," FIELD("reference", "person", "3", "\"to\":\"user\",\"required\":true")
        "," FIELD("boolean", "is_main", "4", "\"one_of\":{\"per\":\"thing\",\"at_least\":1}"))
    "],\"sets\":[{\"at\":\"x:1\",\"name\":\"thing.kind\",\"attributes\":{\"label\":\"Kinds\"},"
    "\"choices\":[{\"value\":\"big\","
    "\"attributes\":{\"label\":\"Big\",\"color\":\"#ff00aa\"}}]}]}");
/* clang-format on */

static bool is_in(const struct model *model, const struct entity *entity)
{
    return entity >= model->entities && entity < model->entities + model->entity_count;
}

static void try_default(struct task *task, const struct field *field)
{
    struct value given = value_of(field->initial);
    struct buf stored = buf_make(task->arena, RECORD_BYTES_MAX);
    struct buf json = buf_make(task->arena, RECORD_BYTES_MAX);
    require(field->kind_of->read(task, field, &given, &stored));
    struct value value = value_of(buf_str(&stored));
    if (value.kind == VALUE_NIL) return;
    field->kind_of->write(&json, field, &value);
    (void)field->kind_of->order(task->arena, field, &value);
    if (field->kind_of->words != nullptr) (void)field->kind_of->words(task->arena, field, &value);
    struct buf again = buf_make(task->arena, RECORD_BYTES_MAX);
    require(json_read(task, buf_str(&json), &again) == ERR_NONE);
}

static void check_field(struct task *task, const struct model *model, const struct field *field)
{
    bool is_reference = field->kind == FIELD_REFERENCE || field->kind == FIELD_REFERENCES;
    bool is_choice = field->kind == FIELD_CHOICE || field->kind == FIELD_CHOICES;
    require(is_in(model, field->entity));
    require(entity_field(field->entity, field->name) == field);
    require(entity_field_by_number(field->entity, field->number) == field);
    require(field->kind_of == kind_of(field->kind));
    require(is_reference == (field->to != nullptr));
    require(field->to == nullptr || is_in(model, field->to));
    require(!is_choice || model_set(model, field->set->name) == field->set);
    if (field->through.link != nullptr) {
        require(field->through.parent->to == field->entity);
        require(field->through.target == nullptr || field->through.target->to == field->to);
    }
    if (field->initial.len > 0) try_default(task, field);
}

static void check_model(struct task *task, const struct model *model)
{
    for (uint32_t i = 0; i < model->entity_count; i++) {
        const struct entity *entity = &model->entities[i];
        require(model_entity(model, entity->name) == entity);
        require(model_collection(model, entity->plural) == entity);
        require(model_entity_by_number(model, entity->number) == entity);
        require(entity->title != nullptr && entity->title->entity == entity);
        require(entity->via == nullptr || entity->via->entity == entity);
        for (uint32_t j = 0; j < entity->field_count; j++)
            check_field(task, model, &entity->fields[j]);
        for (uint32_t j = 0; j < entity->referrer_count; j++)
            require(entity->referrers[j]->to == entity);
        for (uint32_t j = 0; j < entity->under_count; j++)
            require(entity->under[j]->via->to == entity);
    }
}

/** A sound schema with up to a hundred bytes changed, or nothing when its JSON no longer reads. */
static bool changed_schema(struct task *task, str changes, struct buf *schema)
{
    char *json = arena_take_raw(task->arena, sound.len);
    memcpy(json, sound.at, sound.len);
    for (size_t i = 0; i + 3 <= changes.len && i < 300; i += 3) {
        size_t at = ((size_t)(uint8_t)changes.at[i] << 8 | (uint8_t)changes.at[i + 1]) % sound.len;
        json[at] = changes.at[i + 2];
    }
    return json_read(task, (str){json, sound.len}, schema) == ERR_NONE;
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *input, size_t len)
{
    static struct arena arena;
    if (arena.soft_cap_bytes == 0) arena_init(&arena, 64 * MIB);
    if (len == 0) return 0;
    random_seed(1);
    struct task task;
    task_init(&task, &arena);
    str rest = {(const char *)input + 1, len - 1};
    struct buf schema = buf_make(&arena, SCHEMA_BYTES_MAX);
    bool is_schema = true;
    if (input[0] % 4 == 0) buf_put(&schema, rest);
    else if (input[0] % 4 == 1) is_schema = json_read(&task, rest, &schema) == ERR_NONE;
    else is_schema = changed_schema(&task, rest, &schema);
    const struct model *model = nullptr;
    if (is_schema && model_make(&task, &arena, buf_str(&schema), &model) == ERR_NONE)
        check_model(&task, model);
    else require(model == nullptr && task.fault.detail.len > 0);
    require(len > 1 || input[0] % 4 < 2 || model != nullptr);
    arena_clear(&arena);
    return 0;
}
