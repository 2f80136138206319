#include "test.h"

#include "base/err.h"

TEST(test_err__has_status_slug_and_title)
{
    check_int(err_status(ERR_MISSING), 404);
    check_str(err_slug(ERR_TOO_LARGE), S("too-large"));
    check_str(err_title(ERR_FORBIDDEN), S("Not allowed"));
    check_int(err_status(ERR_FULL), 503);
}

TEST(test_err__slugs_differ)
{
    for (int a = 0; a <= ERR_FULL; a++)
        for (int b = 0; b < a; b++) check(!str_eq(err_slug((enum err)a), err_slug((enum err)b)));
}
