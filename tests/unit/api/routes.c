#include "test.h"

#include "api/records.h"
#include "api/routes.h"

static const struct entity entities[] = {
    {.number = 1, .name = {"settings", 8}, .plural = {"settings", 8}, .is_single = true},
    {.number = 10, .name = {"client", 6}, .plural = {"clients", 7}},
};
static const struct model model = {.entity_count = 2, .entities = entities};

#define ID "01890000-0000-7000-8000-00000000000a"

static struct route_match matched(const char *method, const char *path)
{
    return route_match(&model, method_of(str_of(method)), str_of(path));
}

static bool leads_to(const char *method, const char *path, enum err (*run)(struct call *call))
{
    struct route_match match = matched(method, path);
    return match.route != nullptr && match.route->run == run;
}

TEST(test_routes__paths_lead_to_their_functions)
{
    check(leads_to("GET", "/api/v1/clients", records_list));
    check(leads_to("HEAD", "/api/v1/clients", records_list));
    check(leads_to("POST", "/api/v1/clients", records_create));
    check(leads_to("GET", "/api/v1/clients/" ID, records_read));
    check(leads_to("PATCH", "/api/v1/clients/" ID, records_patch));
    check(leads_to("DELETE", "/api/v1/clients/" ID, records_delete));
    check(leads_to("GET", "/api/v1/clients/" ID "/history", records_history));
    check(leads_to("GET", "/api/v1/changes", records_changes));
    check(leads_to("PATCH", "/api/v1/settings/" ID, records_patch));
}

TEST(test_routes__match_names_entity_and_record)
{
    struct route_match match = matched("GET", "/api/v1/clients/" ID "/history");
    check(match.entity == &entities[1]);
    struct id id;
    check(id_parse(S(ID), &id));
    check(id_eq(match.record, id));
}

TEST(test_routes__other_paths_lead_nowhere)
{
    const char *paths[] = {"",
                           "/nothing",
                           "/api",
                           "/api/v1",
                           "/api/v1/",
                           "/api/v1/nothing",
                           "/api/v1/client",
                           "/api/v1/Clients",
                           "/api/v1/clients/",
                           "/api/v1//clients",
                           "/api/v1/clients/not-an-id",
                           "/api/v1/clients/" ID "/",
                           "/api/v1/clients/" ID "/nothing",
                           "/api/v1/clients/" ID "/history/more",
                           "/api/v1/clients//history",
                           ("/api/v1/me/" ID),
                           "/api/v1/{collection}",
                           "/api/v2/clients",
                           "/healthz/"};
    for (size_t at = 0; at < sizeof paths / sizeof paths[0]; at++) {
        struct route_match match = matched("GET", paths[at]);
        check(match.route == nullptr);
        check_int(match.methods, 0);
    }
}

static void allows(const char *method, const char *path, const char *methods)
{
    struct test_task test;
    test_task_init(&test);
    struct route_match match = matched(method, path);
    check(match.route == nullptr);
    check_str(methods_write(&test.arena, match.methods), str_of(methods));
    test_task_drop(&test);
}

TEST(test_routes__unserved_methods_are_told_what_is_served)
{
    allows("PUT", "/api/v1/clients", "GET, HEAD, POST");
    allows("DELETE", "/api/v1/clients", "GET, HEAD, POST");
    allows("POST", "/api/v1/clients/" ID, "GET, HEAD, PATCH, DELETE");
    allows("POST", "/api/v1/me", "GET, HEAD");
    allows("GET", "/api/v1/session", "POST, DELETE");
    allows("OPTIONS", "/", "GET, HEAD");
}

TEST(test_routes__single_records_are_neither_made_nor_deleted)
{
    allows("POST", "/api/v1/settings", "GET, HEAD");
    allows("DELETE", "/api/v1/settings/" ID, "GET, HEAD, PATCH");
}

TEST(test_routes__every_change_needs_to_know_who_asks)
{
    for (uint32_t at = 0; at < route_count; at++) {
        const struct route *route = &routes[at];
        check(route->run != nullptr && route->summary.len > 0 && route->answers != nullptr);
        /* But what begins a session: its secret stands in the body. */
        bool is_of_sessions = str_starts(route->pattern, S("/api/v1/session/"));
        if (route->road == ROAD_LANE && !is_of_sessions) check(route->need == NEED_IDENTITY);
        if (route->method == METHOD_GET)
            check(route->road != ROAD_LANE && route->road != ROAD_HASHING);
        if (str_starts(route->pattern, S("/api/"))) check(route->need != NEED_NOTHING);
    }
}

TEST(test_routes__every_call_says_what_right_it_needs)
{
    for (uint32_t at = 0; at < route_count; at++) {
        const struct route *route = &routes[at];
        bool is_of_records = str_starts(route->pattern, S("/api/v1/{collection}"));
        if (route->need == NEED_IDENTITY) check(route->right != RIGHT_UNSAID);
        if (route->need < NEED_NO_FALSE) check_int(route->right, RIGHT_UNSAID);
        check((route->right == RIGHT_ENTITY) == (route->may != 0));
        check((route->may & ~SCOPE_EVERYTHING) == 0);
        if (route->right_of != 0) check_int(route->right, RIGHT_ENTITY);
        if (is_of_records) check(route->right == RIGHT_ENTITY || route->right == RIGHT_EVERYTHING);
    }
}

TEST(test_records__if_none_match_takes_lists_and_weak_tags)
{
    struct etag etag = {3, 7};
    check(tags_name(S("\"3.7\""), etag));
    check(tags_name(S("W/\"3.7\""), etag));
    check(tags_name(S("\"1.1\" , \"3.7\""), etag));
    check(tags_name(S("nonsense, \"3.7\""), etag));
    check(tags_name(S("*"), etag));
    check(!tags_name(S(""), etag));
    check(!tags_name(S("\"3.8\""), etag));
    check(!tags_name(S("\"4.7\""), etag));
    check(!tags_name(S("3.7"), etag));
}

static int64_t revision_wanted(const char *if_match, bool *is_any)
{
    struct etag tag;
    check(if_match_read(str_of(if_match), (struct etag){3, 7}, is_any, &tag));
    return tag.revision;
}

TEST(test_records__if_match_compares_strong_tags_only)
{
    bool is_any;
    check_int(revision_wanted("\"3.7\"", &is_any), 3);
    check(!is_any);
    check_int(revision_wanted("\"3.2\"", &is_any), 3);
    check_int(revision_wanted("\"1.1\", \"3.7\"", &is_any), 3);
    check_int(revision_wanted("\"1.1\", \"2.2\"", &is_any), 1);
    check_int(revision_wanted("W/\"3.7\"", &is_any), -1);
    check_int(revision_wanted("\"of another kind\"", &is_any), -1);
    check(!is_any);
    (void)revision_wanted(" * ", &is_any);
    check(is_any);
}

TEST(test_records__if_match_that_is_no_tag_is_refused)
{
    struct etag tag;
    bool is_any;
    const char *lists[] = {"nonsense", "3.7", "\"", "\"3.7\",", "\"1.1\", nonsense", ",", "**"};
    for (size_t at = 0; at < sizeof lists / sizeof lists[0]; at++) {
        bool is_read = if_match_read(str_of(lists[at]), (struct etag){9, 9}, &is_any, &tag);
        /* A comma at the end is allowed by the grammar of lists (RFC 9110, 5.6.1). */
        check(is_read == (strcmp(lists[at], "\"3.7\",") == 0));
    }
}
