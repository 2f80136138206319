#include "base/err.h"

#include "base/require.h"

struct err_row {
    int status;
    str slug;
    str title;
};

static const struct err_row rows[] = {
#define X(name, status, slug, title) {status, {slug, sizeof slug - 1}, {title, sizeof title - 1}},
    ERR_LIST(X)
#undef X
};

static const struct err_row *row_of(enum err err)
{
    require(err < sizeof rows / sizeof rows[0]);
    return &rows[err];
}

int err_status(enum err err)
{
    return row_of(err)->status;
}

str err_slug(enum err err)
{
    return row_of(err)->slug;
}

str err_title(enum err err)
{
    return row_of(err)->title;
}
