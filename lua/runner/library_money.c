/* Money: tables {amount, currency} with the amount in minor units, whole. Two currencies are never
 * mixed, nothing overflows in silence, and what must be rounded is rounded as on paper: on the
 * decimal that a factor is written as, halves away from zero. */
#include <math.h>
#include <stdckdint.h>
#include <stdio.h>

#include "base/require.h"
#include "base/wide.h"
#include "library.h"
#include "value/text.h"

constexpr lua_Integer SHARES_MAX = 1000;
constexpr int FACTOR_DIGITS = 15; /** of a float that are a decimal's own */
constexpr int64_t WEIGHT_MAX = 1'000'000'000;

struct money {
    int64_t amount;
    char currency[4];
    uint8_t scale;
};

[[noreturn]] static void overflow(lua_State *state)
{
    luaL_error(state, "the amount of money is out of range");
    require(false);
}

static void read_currency(lua_State *state, str code, int at, struct money *money)
{
    bool is_known = currency_scale(code, &money->scale);
    luaL_argcheck(state, is_known, at, "is no currency such as EUR");
    memcpy(money->currency, code.at, 3);
    money->currency[3] = 0;
}

/** Money on `at`: what has an amount and a currency. */
static struct money money_at(lua_State *state, int at)
{
    struct money money = {};
    int is_whole;
    budget_charge(state, 4);
    bool is_object = lua_istable(state, at) || lua_isuserdata(state, at);
    if (!is_object) luaL_typeerror(state, at, "money");
    lua_getfield(state, at, "currency");
    luaL_argcheck(state, lua_type(state, -1) == LUA_TSTRING, at, "is no money: no currency");
    read_currency(state, text_of(state, lua_gettop(state)), at, &money);
    lua_getfield(state, at, "amount");
    money.amount = lua_tointegerx(state, -1, &is_whole);
    luaL_argcheck(state, is_whole != 0, at, "is no money: its amount is not whole");
    lua_pop(state, 2);
    return money;
}

static int push_money(lua_State *state, const struct money *like, int64_t amount)
{
    lua_createtable(state, 0, 2);
    lua_pushinteger(state, amount);
    lua_setfield(state, -2, "amount");
    lua_pushstring(state, like->currency);
    lua_setfield(state, -2, "currency");
    return 1;
}

static struct money same_currency(lua_State *state, int at, const struct money *as)
{
    struct money money = money_at(state, at);
    if (strcmp(money.currency, as->currency) != 0)
        luaL_error(state, "%s and %s cannot be mixed", as->currency, money.currency);
    return money;
}

static int money_make(lua_State *state)
{
    struct money money = {};
    int is_whole;
    double amount = luaL_checknumber(state, 1);
    read_currency(state, text_of(state, 2), 2, &money);
    money.amount = lua_tointegerx(state, 1, &is_whole);
    if (is_whole == 0) {
        amount = round(amount);
        if (!(amount >= -0x1p63 && amount < 0x1p63)) overflow(state);
        money.amount = (int64_t)amount;
    }
    return push_money(state, &money, money.amount);
}

static int money_parse(lua_State *state)
{
    struct money money = {};
    str text = str_trim(text_of(state, 1));
    read_currency(state, text_of(state, 2), 2, &money);
    if (!decimal_parse(text, money.scale, &money.amount)) return push_nil(state);
    return push_money(state, &money, money.amount);
}

static int money_add(lua_State *state)
{
    int64_t sum;
    struct money one = money_at(state, 1), other = same_currency(state, 2, &one);
    if (ckd_add(&sum, one.amount, other.amount)) overflow(state);
    return push_money(state, &one, sum);
}

static int money_subtract(lua_State *state)
{
    int64_t rest;
    struct money one = money_at(state, 1), other = same_currency(state, 2, &one);
    if (ckd_sub(&rest, one.amount, other.amount)) overflow(state);
    return push_money(state, &one, rest);
}

static int money_sum(lua_State *state)
{
    struct money first = {};
    int64_t sum = 0;
    lua_Integer count = list_of(state, 1);
    for (lua_Integer at = 1; at <= count; at++) {
        lua_rawgeti(state, 1, at);
        int top = lua_gettop(state);
        struct money money = at == 1 ? money_at(state, top) : same_currency(state, top, &first);
        if (at == 1) first = money;
        if (ckd_add(&sum, sum, money.amount)) overflow(state);
        lua_pop(state, 1);
    }
    return count == 0 ? push_nil(state) : push_money(state, &first, sum);
}

/* A factor is read as the decimal it is written as: 0.145, not the float beside it. */

struct decimal {
    int64_t digits;
    int exponent; /** of ten */
};

static struct decimal decimal_of(lua_State *state, int at)
{
    struct decimal decimal = {};
    if (lua_isinteger(state, at)) {
        decimal.digits = lua_tointeger(state, at);
        return decimal;
    }
    char shown[40];
    double factor = luaL_checknumber(state, at);
    luaL_argcheck(state, isfinite(factor), at, "is no finite number");
    /* -1.23456789012345e-07 */
    int len = snprintf(shown, sizeof shown, "%.*e", FACTOR_DIGITS - 1, factor);
    require(len > 0 && len < (int)sizeof shown);
    str mantissa, exponent, whole, fraction;
    int64_t high, low, power;
    (void)str_cut((str){shown, (size_t)len}, 'e', &mantissa, &exponent);
    (void)str_cut(mantissa, '.', &whole, &fraction);
    if (exponent.len > 0 && exponent.at[0] == '+') exponent = str_from(exponent, 1);
    bool is_read = str_to_int64(whole, &high) && str_to_int64(fraction, &low) &&
                   str_to_int64(exponent, &power);
    require(is_read);
    int64_t scale = 1;
    for (size_t digit = 0; digit < fraction.len; digit++) scale *= 10;
    decimal.digits = high * scale + (shown[0] == '-' ? -low : low);
    decimal.exponent = (int)power - (int)fraction.len;
    return decimal;
}

/** number × 10^exponent to a whole one, halves away from zero; false when it does not fit. */
static bool scale_whole(wide number, int exponent, int64_t *whole_out)
{
    int64_t rest = 0;
    /* The last digit that goes decides: below 5, or not. */
    for (; exponent < 0 && number != 0; exponent++) number = wide_divide(number, 10, &rest);
    if (exponent < 0) rest = 0;
    if (rest >= 5) number++;
    if (rest <= -5) number--;
    for (; exponent > 0 && number != 0; exponent--) {
        if (number > INT64_MAX || number < INT64_MIN) return false;
        number = wide_product((int64_t)number, 10);
    }
    *whole_out = (int64_t)number;
    return number <= INT64_MAX && number >= INT64_MIN;
}

static int money_times(lua_State *state)
{
    int64_t product;
    struct money money = money_at(state, 1);
    budget_charge(state, 30);
    struct decimal factor = decimal_of(state, 2);
    wide exact = wide_product(money.amount, factor.digits);
    if (!scale_whole(exact, factor.exponent, &product)) overflow(state);
    return push_money(state, &money, product);
}

/** The weights of a list, or of so many equal parts. */
static uint32_t read_weights(lua_State *state, int at, int64_t **weights_out)
{
    bool is_count = lua_type(state, at) == LUA_TNUMBER;
    lua_Integer count = is_count ? luaL_checkinteger(state, at) : list_of(state, at);
    luaL_argcheck(state, count >= 1 && count <= SHARES_MAX, at, "is 1 to 1000 parts");
    budget_charge(state, (uint64_t)count * 4);
    int64_t *weights = room_of(state, (size_t)count * sizeof(int64_t));
    for (lua_Integer of = 1; of <= count; of++) {
        int is_whole = 1;
        weights[of - 1] = 1;
        if (is_count) continue;
        lua_rawgeti(state, at, of);
        weights[of - 1] = lua_tointegerx(state, -1, &is_whole);
        bool is_weight = is_whole != 0 && weights[of - 1] >= 0 && weights[of - 1] <= WEIGHT_MAX;
        luaL_argcheck(state, is_weight, at, "has a weight that is not whole, from 0 to 10^9");
        lua_pop(state, 1);
    }
    *weights_out = weights;
    return (uint32_t)count;
}

/** Toward zero; by at most 1000 × 10^9. */
static int64_t divide(wide number, int64_t by)
{
    wide_bits left = number < 0 ? (wide_bits)0 - (wide_bits)number : (wide_bits)number, rest = 0;
    uint64_t quotient = 0;
    for (int bit = 127; bit >= 0; bit--) {
        rest = rest << 1 | (left >> bit & 1);
        quotient <<= 1;
        if (rest < (wide_bits)(uint64_t)by) continue;
        rest -= (wide_bits)(uint64_t)by;
        quotient |= 1;
    }
    return number < 0 ? (int64_t)(0 - quotient) : (int64_t)quotient;
}

static int money_share(lua_State *state)
{
    int64_t *weights, total = 0, left;
    struct money money = money_at(state, 1);
    lua_settop(state, 2);
    uint32_t count = read_weights(state, 2, &weights);
    for (uint32_t at = 0; at < count; at++) total += weights[at];
    luaL_argcheck(state, total > 0, 2, "has no weight above 0");
    lua_createtable(state, (int)count, 0);
    left = money.amount;
    budget_charge(state, (uint64_t)count * 40);
    /* Each gets its part cut to whole units; what is left then goes one by one to the first. */
    for (uint32_t at = 0; at < count; at++)
        left -= divide(wide_product(money.amount, weights[at]), total);
    for (uint32_t at = 0; at < count; at++) {
        int64_t part = divide(wide_product(money.amount, weights[at]), total);
        int64_t more = weights[at] == 0 || left == 0 ? 0 : left > 0 ? 1 : -1;
        left -= more;
        (void)push_money(state, &money, part + more);
        lua_rawseti(state, -2, (lua_Integer)at + 1);
    }
    require(left == 0);
    return 1;
}

static int money_compare(lua_State *state)
{
    struct money one = money_at(state, 1), other = same_currency(state, 2, &one);
    lua_pushinteger(state, one.amount < other.amount ? -1 : one.amount > other.amount);
    return 1;
}

static int money_is_zero(lua_State *state)
{
    return push_boolean(state, money_at(state, 1).amount == 0);
}

static int money_format(lua_State *state)
{
    struct making making;
    struct money money = money_at(state, 1);
    str point = text_or(state, 2, S(".")), between = text_or(state, 3, S(""));
    struct buf decimal = buf_make(scratch_arena(), 32);
    decimal_write(&decimal, money.amount, money.scale);
    str whole, fraction;
    bool has_point = str_cut(buf_str(&decimal), '.', &whole, &fraction);
    char copy[32];
    require(decimal.len < sizeof copy);
    making_begin(&making, state);
    memcpy(copy, whole.at, decimal.len);
    whole.at = copy;
    fraction.at = copy + whole.len + 1;
    for (size_t at = 0; at < whole.len; at++) {
        size_t behind = whole.len - at;
        bool is_digit = at > 0 && whole.at[at - 1] != '-';
        if (is_digit && behind % 3 == 0) making_put(&making, between);
        making_put_byte(&making, whole.at[at]);
    }
    if (has_point) {
        making_put(&making, point);
        making_put(&making, fraction);
    }
    making_put_byte(&making, ' ');
    making_put(&making, str_of(money.currency));
    return making_push(&making);
}

static const struct view_name names[] = {
    {nullptr, "money", "money(amount, currency)",
     "Money of so many minor units (cents): a table {amount, currency}. An amount that is not "
     "whole is rounded, halves away from zero.",
     "money(1250, \"EUR\").amount == 1250", money_make},
    {"money", "add", "money.add(a, b)", "The sum. Two currencies are an error.",
     "money.add(money(1000, \"EUR\"), money(250, \"EUR\")).amount == 1250", money_add},
    {"money", "compare", "money.compare(a, b)", "-1, 0 or 1: a is less, the same or more.",
     "money.compare(money(1, \"EUR\"), money(2, \"EUR\")) == -1", money_compare},
    {"money", "format", "money.format(m[, point[, between]])",
     "Shows it: with a decimal point, and what stands between groups of three digits.",
     "money.format(money(123456, \"EUR\"), \",\", \".\") == \"1.234,56 EUR\"", money_format},
    {"money", "is_zero", "money.is_zero(m)", "Whether its amount is 0.",
     "money.is_zero(money(0, \"JPY\"))", money_is_zero},
    {"money", "parse", "money.parse(text, currency)",
     "Money of a decimal number as text (12.50), or nil when it is none of that currency.",
     "money.parse(\"12.50\", \"EUR\").amount == 1250", money_parse},
    {"money", "share", "money.share(m, parts)",
     "A list of so many parts, or of one for each whole weight of a list, that make up the money "
     "exactly; what does not divide goes to the first ones, a unit each.",
     "money.share(money(1000, \"EUR\"), 3)[1].amount == 334", money_share},
    {"money", "subtract", "money.subtract(a, b)", "a less b.",
     "money.subtract(money(1000, \"EUR\"), money(250, \"EUR\")).amount == 750", money_subtract},
    {"money", "sum", "money.sum(list)", "The sum of a list of money; nil of an empty one.",
     "money.sum({money(1, \"EUR\"), money(2, \"EUR\")}).amount == 3", money_sum},
    {"money", "times", "money.times(m, factor)",
     "So many times the money, rounded to whole units, halves away from zero. The factor counts "
     "as the decimal it is written as.",
     "money.times(money(100, \"EUR\"), 0.145).amount == 15", money_times},
};
const struct view_part library_money = {.names = names, .count = sizeof names / sizeof *names};
