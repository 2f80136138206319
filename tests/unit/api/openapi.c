#include "fixture.h"

#include "api/openapi.h"
#include "api/routes.h"
#include "model/kind.h"

static struct fixture fixture;
static str document;

/** The document of the real schema. */
static void make_document(void)
{
    if (document.len > 0) return;
    fixture_init(&fixture);
    document = openapi_make(&fixture.test.arena, fixture.model, DOOR_STAFF).bytes;
    check(document.len > 0);
}

/** Whether the document has a component of this name: `"NAME":{` stands nowhere else. */
static bool has_component(str name)
{
    char wanted[256];
    int len = snprintf(wanted, sizeof wanted, "\"%.*s\":{", FMT(name));
    check(len > 0 && (size_t)len < sizeof wanted);
    return memmem(document.at, document.len, wanted, (size_t)len) != nullptr;
}

TEST(test_openapi__every_route_is_described)
{
    for (uint32_t at = 0; at < route_count; at++) {
        const struct route *route = &routes[at];
        if (route->answers == nullptr || strlen(route->answers) < 5)
            fprintf(stderr, "%.*s has no answers\n", FMT(route->pattern));
        check(route->answers != nullptr && strlen(route->answers) >= 5);
        check(!route->has_body || route->body != nullptr);
        check(route->summary.len > 0);
    }
}

TEST(test_openapi__every_reference_leads_somewhere)
{
    make_document();
    static const str mark = S("{\"$ref\":\"#/components/");
    str rest = document;
    uint32_t count = 0;
    for (;;) {
        const char *found = memmem(rest.at, rest.len, mark.at, mark.len);
        if (found == nullptr) break;
        rest = str_from(str_between(found, rest.at + rest.len), mark.len);
        str section, name, more;
        check(str_cut(rest, '/', &section, &more));
        check(str_cut(more, '"', &name, &more));
        if (!has_component(name)) fprintf(stderr, "api/components.json: no %.*s\n", FMT(name));
        check(has_component(name));
        count++;
    }
    check(count > 100);
}

TEST(test_openapi__no_name_is_left_open)
{
    make_document();
    check(memmem(document.at, document.len, "{entity}", 8) == nullptr);
    check(memmem(document.at, document.len, "{label}", 7) == nullptr);
    check(memmem(document.at, document.len, "{collection}", 12) == nullptr);
    fixture_drop(&fixture);
    document = (str){};
}

TEST(test_openapi__every_kind_has_an_example)
{
    for (int kind = 0; kind < FIELD_KIND_COUNT; kind++)
        check(kind_of((enum field_kind)kind)->example.len > 0);
}
