/** model_test: a small schema as JSON, and one field made by hand; for the tests of this folder. */
#pragma once

#include "base/limits.h"
#include "model/kind.h"
#include "test.h"
#include "value/json.h"

#define JSON_USER \
    "{\"at\":\"schema/" \
    "user.lua:1\",\"name\":\"user\",\"attributes\":{\"number\":1,\"plural\":\"users\",\"title\":" \
    "\"name\"}," \
    "\"fields\":[{\"at\":\"schema/" \
    "user.lua:2\",\"kind\":\"text\",\"name\":\"name\",\"number\":1,\"attributes\":{}}]}"
#define JSON_SETTINGS \
    "{\"at\":\"\",\"name\":\"settings\",\"attributes\":{\"number\":2,\"plural\":\"settings\"," \
    "\"title\":\"name\",\"single\":true}," \
    "\"fields\":[{\"at\":\"\",\"kind\":\"text\",\"name\":\"name\",\"number\":1,\"attributes\":{}}" \
    "," \
    "{\"at\":\"\",\"kind\":\"boolean\",\"name\":\"lenient\",\"number\":2,\"attributes\":{}}]}"
#define JSON_SETS \
    "[{\"at\":\"schema/thing.lua:9\",\"name\":\"thing.kind\",\"attributes\":{}," \
    "\"choices\":[{\"value\":\"big\",\"attributes\":{\"label\":\"Big " \
    "one\"}},{\"value\":\"small\",\"attributes\":{\"label\":\"Small one\"}}]}," \
    "{\"at\":\"\",\"name\":\"thing.tag\",\"attributes\":{\"open\":true},\"choices\":[]}]"

/** A field as JSON: kind, name, number, attributes. */
#define JSON_FIELD(kind, name, number, attributes) \
    "{\"at\":\"schema/thing.lua:5\",\"kind\":\"" kind "\",\"name\":\"" name \
    "\",\"number\":" #number ",\"attributes\":{" attributes "}}"

[[maybe_unused]] static str test_encode(struct test_task *test, str json)
{
    struct buf out = buf_make(&test->arena, SCHEMA_BYTES_MAX);
    check_int(json_read(&test->task, json, &out), ERR_NONE);
    return buf_str(&out);
}

/** A schema with the entities user, settings and these. */
[[maybe_unused]] static str test_schema(struct test_task *test, const char *entities,
                                        const char *sets)
{
    str json = arena_print(&test->arena, "{\"version\":1,\"entities\":[%s,%s%s%s],\"sets\":%s}",
                           JSON_USER, JSON_SETTINGS, entities[0] == 0 ? "" : ",", entities, sets);
    return test_encode(test, json);
}

/** … with one entity `thing` of these fields, beside its title. */
[[maybe_unused]] static str test_thing(struct test_task *test, const char *attributes,
                                       const char *fields)
{
    str entity = arena_print(
        &test->arena,
        "{\"at\":\"schema/"
        "thing.lua:3\",\"name\":\"thing\",\"attributes\":{\"number\":7,\"plural\":\"things\","
        "\"title\":\"name\"%s},\"fields\":[%s%s%s]}%c",
        attributes, JSON_FIELD("text", "name", 1, ""), fields[0] == 0 ? "" : ",", fields, 0);
    return test_schema(test, entity.at, JSON_SETS);
}

[[maybe_unused]] static struct field test_field(enum field_kind kind)
{
    return (struct field){.kind = kind, .kind_of = kind_of(kind), .name = S("f"), .number = 1};
}

[[maybe_unused]] static void test_faults_clear(struct test_task *test)
{
    test->task.fault = (struct fault){};
}
