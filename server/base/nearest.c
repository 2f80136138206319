#include "base/nearest.h"

#include "base/require.h"

constexpr size_t NEAREST_BYTES_MAX = 64; /** longer ones are nobody's misspelling */

/** Levenshtein's distance; both texts have at most NEAREST_BYTES_MAX bytes. */
static size_t distance(str a, str b)
{
    require(b.len <= NEAREST_BYTES_MAX);
    size_t row[NEAREST_BYTES_MAX + 1];
    for (size_t j = 0; j <= b.len; j++) row[j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            size_t change = diagonal + (a.at[i - 1] != b.at[j - 1]);
            diagonal = row[j];
            size_t add = row[j - 1] + 1;
            size_t drop = row[j] + 1;
            row[j] = change < add ? change : add;
            if (drop < row[j]) row[j] = drop;
        }
    }
    return row[b.len];
}

str nearest(const str *names, size_t count, str name)
{
    if (name.len > NEAREST_BYTES_MAX) return S("");
    str found = S("");
    size_t least = name.len / 3 + 2;
    for (size_t i = 0; i < count; i++) {
        if (names[i].len > NEAREST_BYTES_MAX) continue;
        size_t here = distance(name, names[i]);
        if (here >= least || here >= names[i].len) continue;
        least = here;
        found = names[i];
    }
    return found;
}
