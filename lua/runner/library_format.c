/* string.format: C's own forms within bounds, and no address. */
#include <stdio.h>

#include "base/require.h"
#include "library_string.h"

constexpr size_t SPEC_BYTES_MAX = 16;
constexpr size_t NUMBER_BYTES_MAX = 512; /** of 1e308 with 99 digits behind the point */

/** One `%-8.3f`. */
struct spec {
    char text[SPEC_BYTES_MAX]; /** for snprintf */
    size_t width;
    size_t precision; /** SIZE_MAX: none */
    bool is_left;
    char kind;
};

static size_t read_digits(lua_State *state, struct cursor *form)
{
    size_t number = 0, count = 0;
    for (; form->at < form->end && *form->at >= '0' && *form->at <= '9'; form->at++) {
        if (++count > 2) luaL_error(state, "invalid conversion: width or precision above 99");
        number = number * 10 + (size_t)(*form->at - '0');
    }
    return number;
}

static struct spec read_spec(lua_State *state, struct cursor *form)
{
    struct spec spec = {.precision = SIZE_MAX};
    char flags[6];
    size_t count = 0;
    while (form->at < form->end && str_find_byte(S("-+ #0"), *form->at) != SIZE_MAX) {
        if (count == sizeof flags - 1) luaL_error(state, "invalid conversion: repeated flags");
        spec.is_left = spec.is_left || *form->at == '-';
        flags[count++] = *form->at++;
    }
    flags[count] = 0;
    spec.width = read_digits(state, form);
    if (form->at < form->end && *form->at == '.') {
        form->at++;
        spec.precision = read_digits(state, form);
    }
    spec.kind = form->at < form->end ? *form->at++ : 0;
    bool is_known = spec.kind != 0 && str_find_byte(S("dioxXeEfFgGcsq"), spec.kind) != SIZE_MAX;
    if (!is_known) luaL_error(state, "format knows %%d %%f %%e %%g %%x %%o %%s %%q %%c and %%%%");
    bool is_whole = str_find_byte(S("dioxX"), spec.kind) != SIZE_MAX;
    const char *size = is_whole ? "ll" : "";
    char kind[2] = {spec.kind, 0}, width[8] = "", precision[8] = "";
    if (spec.width > 0) (void)snprintf(width, sizeof width, "%zu", spec.width);
    if (spec.precision != SIZE_MAX)
        (void)snprintf(precision, sizeof precision, ".%zu", spec.precision);
    int len =
        snprintf(spec.text, sizeof spec.text, "%%%s%s%s%s%s", flags, width, precision, size, kind);
    require(len > 0 && len < (int)sizeof spec.text);
    return spec;
}

/** A text in its width. */
static void put_text(struct making *making, const struct spec *spec, str text)
{
    if (spec->precision < text.len) text.len = spec->precision;
    size_t gap = text.len < spec->width ? spec->width - text.len : 0;
    if (spec->is_left) making_put(making, text);
    if (gap > 0) memset(making_room(making, gap), ' ', gap);
    if (!spec->is_left) making_put(making, text);
}

/** In quotes, as Lua reads it. */
static void put_quoted(struct making *making, str text)
{
    making_put_byte(making, '"');
    budget_charge(making->state, text.len / 8);
    for (size_t at = 0; at < text.len; at++) {
        uint8_t byte = (uint8_t)text.at[at];
        char code[8];
        if (byte == '"' || byte == '\\' || byte == '\n') {
            making_put_byte(making, '\\');
            making_put_byte(making, (char)byte);
        } else if (byte < ' ' || byte == 0x7F) {
            int len = snprintf(code, sizeof code, "\\%03d", byte);
            making_put(making, (str){code, (size_t)len});
        } else {
            making_put_byte(making, (char)byte);
        }
    }
    making_put_byte(making, '"');
}

static void put_number(struct making *making, const struct spec *spec, int argument)
{
    lua_State *state = making->state;
    bool is_whole = str_find_byte(S("dioxX"), spec->kind) != SIZE_MAX;
    char shown[NUMBER_BYTES_MAX];
    int len;
    /* Some hundred digits of a large number are made even when few are asked for. */
    budget_charge(state,
                  is_whole ? 20 : 60 + (spec->precision == SIZE_MAX ? 0 : 2 * spec->precision));
    if (is_whole) {
        long long whole = (long long)luaL_checkinteger(state, argument);
        len = snprintf(shown, sizeof shown, spec->text, whole);
    } else {
        double number = luaL_checknumber(state, argument);
        /* C shows the sign of what is no number, which is chance. */
        if (number != number) {
            put_text(making, &(struct spec){.width = spec->width, .precision = SIZE_MAX}, S("nan"));
            return;
        }
        len = snprintf(shown, sizeof shown, spec->text, number);
    }
    require(len >= 0 && len < (int)sizeof shown);
    making_put(making, (str){shown, (size_t)len});
}

static void put_one(struct making *making, const struct spec *spec, int argument)
{
    lua_State *state = making->state;
    luaL_checkany(state, argument);
    switch (spec->kind) {
    case 's':
        put_text(making, spec, push_shown(state, argument));
        lua_pop(state, 1);
        return;
    case 'q':
        luaL_argcheck(state, spec->width == 0 && spec->precision == SIZE_MAX, 1,
                      "%q takes no width");
        put_quoted(making, text_of(state, argument));
        return;
    case 'c': {
        char byte = (char)luaL_checkinteger(state, argument);
        put_text(making, spec, (str){&byte, 1});
        return;
    }
    default:
        put_number(making, spec, argument);
    }
}

int string_format(lua_State *state)
{
    struct making making;
    struct cursor form = cursor_of(text_of(state, 1));
    int argument = 1, count = lua_gettop(state);
    making_begin(&making, state);
    while (form.at < form.end) {
        str rest = str_between(form.at, form.end);
        size_t plain = str_find_byte(rest, '%');
        making_put(&making, str_first(rest, plain));
        if (plain == SIZE_MAX) break;
        form.at += plain + 1;
        if (form.at < form.end && *form.at == '%') {
            making_put_byte(&making, *form.at++);
            continue;
        }
        struct spec spec = read_spec(state, &form);
        if (++argument > count) return luaL_argerror(state, argument, "no value");
        put_one(&making, &spec, argument);
    }
    return making_push(&making);
}
