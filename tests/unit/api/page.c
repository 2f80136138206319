#include "test.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/page.h"

static void file_write(const char *folder, const char *name, const char *text)
{
    char path[TEST_PATH_BYTES + 32];
    check(snprintf(path, sizeof path, "%s/%s", folder, name) < (int)sizeof path);
    FILE *file = fopen(path, "w");
    check(file != nullptr);
    check(fputs(text, file) >= 0);
    check(fclose(file) == 0);
}

static void file_remove(const char *folder, const char *name)
{
    char path[TEST_PATH_BYTES + 32];
    check(snprintf(path, sizeof path, "%s/%s", folder, name) < (int)sizeof path);
    check(remove(path) == 0);
}

TEST(test_page__reads_files_with_types_and_tags)
{
    struct test_task test;
    test_task_init(&test);
    char folder[TEST_PATH_BYTES], inner[TEST_PATH_BYTES + 8];
    test_folder_make(folder);
    snprintf(inner, sizeof inner, "%s/deep", folder);
    check(mkdir(inner, 0700) == 0);
    file_write(folder, "index.html", "<!doctype html>");
    file_write(folder, "app.js", "1;");
    file_write(folder, ".hidden", "x");
    file_write(inner, "b.css", "p{}");
    struct page page;
    check_int(page_make(&test.task, &test.arena, str_of(folder), &page), ERR_NONE);
    check_int(page.file_count, 3);
    const struct page_file *script = page_find(&page, S("/app.js"));
    check(script != nullptr);
    check_str(script->bytes, S("1;"));
    check_str(script->type, S("text/javascript; charset=utf-8"));
    check(script->etag.len > 10 && script->etag.at[0] == '"');
    check(page_find(&page, S("/deep/b.css")) != nullptr);
    check(page_find(&page, S("/.hidden")) == nullptr);
    check(page_find(&page, S("/app.js/")) == nullptr);
    check(page_find(&page, S("app.js")) == nullptr);
    check_str(page.home.bytes, S("<!doctype html>"));
    check(!str_eq(page.home.etag, script->etag));
    file_remove(inner, "b.css");
    check(rmdir(inner) == 0);
    file_remove(folder, ".hidden");
    file_remove(folder, "app.js");
    file_remove(folder, "index.html");
    check(rmdir(folder) == 0);
    test_task_drop(&test);
}

TEST(test_page__without_files_lists_the_entry_points)
{
    struct test_task test;
    test_task_init(&test);
    struct page page;
    check_int(page_make(&test.task, &test.arena, S(""), &page), ERR_NONE);
    str html = page.home.bytes;
    check(str_starts(html, S("<!doctype html>")));
    check(memmem(html.at, html.len, "/api/v1/{collection}/{id}/history", 33) != nullptr);
    check(page_find(&page, S("/")) == nullptr);
    check(!str_eq(page.home.bytes, page.portal.bytes));
    test_task_drop(&test);
}

TEST(test_page__folder_that_is_not_there_is_said)
{
    struct test_task test;
    test_task_init(&test);
    struct page page;
    check_int(page_make(&test.task, &test.arena, S("/nonexistent/page"), &page), ERR_SYSTEM);
    check(memmem(test.task.fault.detail.at, test.task.fault.detail.len, "/nonexistent/page", 17) !=
          nullptr);
    test_task_drop(&test);
}
