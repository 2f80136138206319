/* What a run is told, says and decides by itself. */
#include "objects.h"

#include <lauxlib.h>

#include "base/fold.h"
#include "base/require.h"
#include "value/json.h"
#include "value/text.h"
#include "values.h"

/* Ending. */

/** That it is a field of the record, or a path into one. */
static void check_field(lua_State *state, const struct rule_run *run, str field)
{
    str first, rest;
    (void)str_cut(field, '.', &first, &rest);
    const struct catalog *catalog = talk_catalog(state, run->entity);
    if (catalog_field(catalog, first) != nullptr) return;
    str near = catalog_nearest(catalog, first);
    lua_pushlstring(state, near.at, near.len);
    luaL_error(state,
               near.len > 0 ? "there is no field `%s`; did you mean `%s`?"
                            : "there is no field `%s`",
               lua_tostring(state, 2), lua_tostring(state, -1));
}

static int reject(lua_State *state)
{
    struct rule_run *run = run_of(state);
    str field = {}, message = objects_text_at(state, 1, "a message for people");
    if (!lua_isnoneornil(state, 2)) field = objects_text_at(state, 2, "the name of a field");
    if (field.len > 0) check_field(state, run, field);
    run_set_message(run, message.len > 0 ? message : S("Rejected by a rule"));
    run_set_field(run, field);
    run->end = RUN_REJECTED;
    budget_stop(state, BUDGET_STOPPED);
}

/* The log. */

/** Gives the table at place 1 as JSON in the run's buffer, as far as a line may show it. */
static int write_json(lua_State *state)
{
    struct rule_run *run = run_of(state);
    /* Many tables in one line take no more memory than one. */
    arena_clear(&run->going);
    struct buf packed = buf_make(&run->going, FRAME_BYTES_MAX);
    struct buf json = buf_make(&run->going, FRAME_BYTES_MAX);
    values_pack(state, 1, &packed, S("log"), VALUES_PLAIN);
    struct value value = value_of(buf_str(&packed));
    json_write(&json, &value);
    buf_put(&run->line_text, utf8_first(buf_str(&json), RULE_LOG_LINE_BYTES_MAX));
    return 0;
}

static void put_table(lua_State *state, struct rule_run *run, int at)
{
    size_t from = run->line_text.len;
    lua_pushcfunction(state, write_json);
    lua_pushvalue(state, at);
    int outcome = lua_pcall(state, 1, 0, 0);
    if (outcome == LUA_OK) return;
    if (outcome == LUA_ERRMEM || run->budget->end != BUDGET_LEFT) (void)lua_error(state);
    lua_pop(state, 1);
    run->line_text.len = from;
    buf_put(&run->line_text, S("table"));
}

static void put_shown(lua_State *state, struct rule_run *run, int at)
{
    str text = {};
    struct buf *out = &run->line_text;
    switch (lua_type(state, at)) {
    case LUA_TNIL:
        buf_put(out, S("nil"));
        return;
    case LUA_TBOOLEAN:
        buf_put(out, lua_toboolean(state, at) != 0 ? S("true") : S("false"));
        return;
    case LUA_TNUMBER:
    case LUA_TSTRING:
        text.at = lua_tolstring(state, at, &text.len);
        budget_charge_bytes(state, text.len);
        buf_put(out, str_first(text, RULE_LOG_LINE_BYTES_MAX));
        return;
    case LUA_TTABLE:
        put_table(state, run, at);
        return;
    case LUA_TUSERDATA:
        if (luaL_getmetafield(state, at, "__name") == LUA_TSTRING)
            buf_put(out, str_of(lua_tostring(state, -1)));
        return;
    default:
        buf_put(out, str_of(luaL_typename(state, at)));
    }
}

static int log_line(lua_State *state)
{
    struct rule_run *run = run_of(state);
    int count = lua_gettop(state);
    budget_charge(state, 10);
    run->line_text.len = 0;
    for (int at = 1; at <= count && run->line_text.len < RULE_LOG_LINE_BYTES_MAX; at++) {
        if (at > 1) buf_put_byte(&run->line_text, ' ');
        put_shown(state, run, at);
    }
    run_log(run, buf_str(&run->line_text));
    return 0;
}

/* Chance, from the change's seed. */

static uint64_t rotate(uint64_t bits, int by)
{
    return bits << by | bits >> (64 - by);
}

/** xoroshiro128++ of Blackman and Vigna, 2019. */
static uint64_t draw(struct rule_run *run)
{
    uint64_t one = run->chance[0], other = run->chance[1];
    uint64_t drawn = rotate(one + other, 17) + one;
    other ^= one;
    run->chance[0] = rotate(one, 49) ^ other ^ (other << 21);
    run->chance[1] = rotate(other, 28);
    return drawn;
}

static void seed_chance(struct rule_run *run)
{
    require(run->seed.len == 16);
    memcpy(run->chance, run->seed.at, 16);
    /* Only zeros would give zeros for ever. */
    if ((run->chance[0] | run->chance[1]) == 0) run->chance[0] = 0x9e3779b97f4a7c15;
}

static int chance(lua_State *state)
{
    struct rule_run *run = run_of(state);
    lua_Integer least = 1, most = 1;
    budget_charge(state, 2);
    if (lua_gettop(state) == 0) {
        lua_pushnumber(state, (double)(draw(run) >> 11) * 0x1p-53);
        return 1;
    }
    if (lua_isnoneornil(state, 2)) {
        most = luaL_checkinteger(state, 1);
    } else {
        least = luaL_checkinteger(state, 1);
        most = luaL_checkinteger(state, 2);
    }
    luaL_argcheck(state, least <= most, lua_gettop(state), "leaves nothing to choose from");
    uint64_t span = (uint64_t)most - (uint64_t)least + 1, drawn = draw(run);
    /* What is left over at the end would make the first numbers more likely. */
    while (span > 0 && drawn >= UINT64_MAX - UINT64_MAX % span) {
        budget_charge(state, 1);
        drawn = draw(run);
    }
    lua_pushinteger(state, (lua_Integer)((uint64_t)least + (span > 0 ? drawn % span : drawn)));
    return 1;
}

/* Values. */

static void set_text(lua_State *state, int env, const char *name, str text)
{
    lua_pushlstring(state, text.at, text.len);
    lua_setfield(state, env, name);
}

void objects_set_run(lua_State *state)
{
    int env = lua_gettop(state);
    struct rule_run *run = run_of(state);
    struct value input = value_of(run->input);
    values_open(state);
    lua_pushvalue(state, -1);
    lua_setfield(state, LUA_REGISTRYINDEX, OBJECTS_NULL);
    lua_setfield(state, env, "null");
    arena_clear(&run->going);
    struct buf now = buf_make(&run->going, 100);
    time_write(&now, run->now_ms);
    set_text(state, env, "now", buf_str(&now));
    set_text(state, env, "today", run->today);
    set_text(state, env, "operation", run->operation);
    set_text(state, env, "point", run->point);
    values_push(state, &input);
    lua_setfield(state, env, "input");
    seed_chance(run);
    require(lua_gettop(state) == env);
}

static const struct view_name names[] = {
    {nullptr, "reject", "reject(message [, field])",
     "Refuses the whole change, with a message for who makes it, on a field of the record. The "
     "script ends here, and nothing can catch it.",
     nullptr, reject},
    {nullptr, "log", "log(value, …)",
     "Writes a line into the trace of this run, tables as JSON: at most 100 lines of 1 KiB.",
     "log(\"so far\", 3, {a = 1}) == nil", log_line},
    {nullptr, "random", "random([[m,] n])",
     "A whole number from m (or 1) to n, each as likely; without arguments a number from 0 to "
     "below "
     "1. The same run, done again, draws the same.",
     "random(6) >= 1 and random(10, 20) <= 20 and random() < 1", chance},
    {nullptr, "now", "now", "The time of the change, RFC 3339 in UTC.",
     "now == \"2026-11-22T10:30:00.000Z\"", nullptr},
    {nullptr, "today", "today", "The day of the change, in UTC.", "today == \"2026-11-22\"",
     nullptr},
    {nullptr, "operation", "operation",
     "What is done with the record: `create`, `update` or `delete`.", "operation == \"update\"",
     nullptr},
    {nullptr, "point", "point",
     "Where the rule runs: `before`, `after`, `check`, `settled`, `schedule` or `action`.",
     "point == \"before\"", nullptr},
    {nullptr, "input", "input",
     "What an `action` was given, or what an import did, for a rule that runs once with all rows; "
     "else nil.",
     "input.copies == 2", nullptr},
    {nullptr, "null", "null",
     "Stands for no value in a table of values or conditions, where `nil` would leave the member "
     "out.",
     "null ~= nil", nullptr},
};
const struct view_part objects_run_part = {names, sizeof names / sizeof *names, nullptr};
