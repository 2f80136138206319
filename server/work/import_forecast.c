#include "work/import_forecast.h"

#include "base/crypto.h"
#include "base/require.h"

constexpr uint32_t SEEN_CAPACITY_FIRST = 4096;

void forecast_begin(struct import_forecast *forecast, struct arena *arena,
                    const struct import_plan *plan)
{
    forecast->tally = (struct rule_tally){.arena = arena};
    forecast->ruled_rows = 0;
    for (uint32_t at = 0; at < plan->group_count; at++)
        forecast->changed[at] = arena_new(arena, uint64_t, plan->groups[at].entity->field_count);
}

void forecast_end(struct import_forecast *forecast)
{
    memory_give(forecast->seen);
    forecast->seen = nullptr;
}

static uint64_t hash_of_value(const struct field *field, str ordered)
{
    static const struct short_key no_secret = {};
    char name[4] = {(char)(field->entity->number >> 8), (char)field->entity->number,
                    (char)(field->number >> 8), (char)field->number};
    uint64_t hash = short_hash(&no_secret, (str){name, sizeof name}, ordered);
    return hash == 0 ? 1 : hash;
}

static uint64_t *place_of(const struct import_forecast *forecast, uint64_t hash)
{
    uint32_t mask = forecast->seen_capacity - 1;
    uint32_t at = (uint32_t)hash & mask;
    while (forecast->seen[at] != 0 && forecast->seen[at] != hash) at = (at + 1) & mask;
    return &forecast->seen[at];
}

bool forecast_has(const struct import_forecast *forecast, const struct field *field, str ordered)
{
    require(ordered.len > 0);
    if (forecast->seen == nullptr) return false;
    return *place_of(forecast, hash_of_value(field, ordered)) != 0;
}

static void widen(struct import_forecast *forecast)
{
    struct import_forecast wider = *forecast;
    wider.seen_capacity =
        forecast->seen_capacity == 0 ? SEEN_CAPACITY_FIRST : 2 * forecast->seen_capacity;
    wider.seen = memory_take(wider.seen_capacity * sizeof wider.seen[0]);
    for (uint32_t at = 0; at < forecast->seen_capacity; at++)
        if (forecast->seen[at] != 0) *place_of(&wider, forecast->seen[at]) = forecast->seen[at];
    memory_give(forecast->seen);
    *forecast = wider;
}

void forecast_note(struct import_forecast *forecast, const struct field *field, str ordered)
{
    require(ordered.len > 0);
    if (forecast->seen_count == FORECAST_SEEN_MAX) return;
    if (2 * forecast->seen_count >= forecast->seen_capacity) widen(forecast);
    uint64_t hash = hash_of_value(field, ordered);
    uint64_t *place = place_of(forecast, hash);
    forecast->seen_count += *place == 0;
    *place = hash;
}

void forecast_count(struct import_forecast *forecast, const struct import_plan *plan,
                    uint32_t group, str before, str after)
{
    const struct entity *entity = plan->groups[group].entity;
    for (uint32_t at = 0; at < entity->field_count; at++) {
        const struct field *field = &entity->fields[at];
        if (field->is_system || !scope_sees_field(plan->scope, field)) continue;
        struct value was = {}, is = {};
        (void)value_find(before, field->number, &was);
        (void)value_find(after, field->number, &is);
        if (!str_eq(was.bytes, is.bytes)) forecast->changed[group][at]++;
    }
}
