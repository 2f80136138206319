#include "api/accept.h"

constexpr uint32_t RANGES_MAX = 32; /** of one header; what follows is not looked at */
constexpr int WEIGHT_FULL = 1000;

/** How closely a range names a type. */
enum closeness : uint8_t { CLOSENESS_NONE, CLOSENESS_ANY, CLOSENESS_FAMILY, CLOSENESS_NAMED };
constexpr int CLOSENESS_COUNT = 4;

static enum closeness closeness_of(str range, str type)
{
    str family, sub;
    (void)str_cut(range, '/', &family, &sub);
    if (str_eq(range, S("*/*"))) return CLOSENESS_ANY;
    if (str_eq_nocase(range, type)) return CLOSENESS_NAMED;
    bool is_family = str_eq(sub, S("*")) && type.len > family.len && type.at[family.len] == '/' &&
                     str_eq_nocase(family, str_first(type, family.len));
    return is_family ? CLOSENESS_FAMILY : CLOSENESS_NONE;
}

/** `0`, `0.5`, `1.000` in thousandths; what is no such number counts in full. */
static int quality_read(str text)
{
    if (text.len == 0 || (text.at[0] != '0' && text.at[0] != '1')) return WEIGHT_FULL;
    int thousandths = text.at[0] == '1' ? WEIGHT_FULL : 0;
    if (text.len == 1) return thousandths;
    if (text.at[1] != '.' || text.len > 5) return WEIGHT_FULL;
    int place = WEIGHT_FULL / 10;
    for (size_t at = 2; at < text.len; at++, place /= 10) {
        if (text.at[at] < '0' || text.at[at] > '9') return WEIGHT_FULL;
        thousandths += (text.at[at] - '0') * place;
    }
    return thousandths < WEIGHT_FULL ? thousandths : WEIGHT_FULL;
}

static int quality_of(str parameters)
{
    for (str parameter; parameters.len > 0;) {
        str name, value;
        (void)str_cut(parameters, ';', &parameter, &parameters);
        (void)str_cut(parameter, '=', &name, &value);
        if (str_eq_nocase(str_trim(name), S("q"))) return quality_read(str_trim(value));
    }
    return WEIGHT_FULL;
}

int accept_weight(str accept, str type)
{
    enum closeness closest = CLOSENESS_NONE;
    int quality = 0;
    accept = str_trim(accept);
    if (accept.len == 0) return WEIGHT_FULL * CLOSENESS_COUNT;
    for (uint32_t at = 0; accept.len > 0 && at < RANGES_MAX; at++) {
        str item, range, parameters;
        (void)str_cut(accept, ',', &item, &accept);
        (void)str_cut(item, ';', &range, &parameters);
        enum closeness closeness = closeness_of(str_trim(range), type);
        if (closeness <= closest) continue;
        closest = closeness;
        quality = quality_of(parameters);
    }
    return quality == 0 ? 0 : quality * CLOSENESS_COUNT + closest;
}

enum form accept_form(str accept)
{
    if (accept.len == 0 || str_eq(accept, S("*/*"))) return FORM_JSON;
    int pack = accept_weight(accept, S("application/msgpack"));
    int json = accept_weight(accept, S("application/json"));
    /* Whoever takes problem documents can read the others. */
    int problem = accept_weight(accept, S("application/problem+json"));
    if (problem > json) json = problem;
    if (pack > json) return FORM_PACK;
    return json > 0 ? FORM_JSON : FORM_NONE;
}
