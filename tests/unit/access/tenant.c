#include "test.h"

#include "access/tenant.h"

static bool is_taken(const char *name)
{
    return tenant_name_fault(str_of(name)).len == 0;
}

TEST(test_tenant__takes_names_that_are_host_labels)
{
    check(is_taken("acme"));
    check(is_taken("a1"));
    check(is_taken("4you"));
    check(is_taken("north-wind-2"));
    check(is_taken("abcdefghijabcdefghijabcdefghijabcdefghij"));
}

TEST(test_tenant__refuses_names_that_are_no_host_labels)
{
    check(!is_taken(""));
    check(!is_taken("a"));
    check(!is_taken("abcdefghijabcdefghijabcdefghijabcdefghijk"));
    check(!is_taken("Acme"));
    check(!is_taken("acme inc"));
    check(!is_taken("acme.inc"));
    check(!is_taken("acme_inc"));
    check(!is_taken("-acme"));
    check(!is_taken("acme-"));
    check(!is_taken("xn--80ak6aa92e"));
    check(!is_taken("caf\xc3\xa9"));
    check(tenant_name_fault((str){"ac\0me", 5}).len > 0);
}

TEST(test_tenant__refuses_names_that_mean_the_server)
{
    check(!is_taken("www"));
    check(!is_taken("api"));
    check(!is_taken("admin"));
    check(!is_taken("portal"));
    check(!is_taken("acme-portal"));
    check(is_taken("admins"));
}

static bool reads(const char *host, const char *domain, const char *name, enum door door)
{
    str name_read;
    enum door door_read;
    if (!tenant_host_read(str_of(host), str_of(domain), &name_read, &door_read)) return false;
    return str_eq(name_read, str_of(name)) && door_read == door;
}

TEST(test_tenant__host_leads_to_name_and_door)
{
    check(reads("acme.localhost", "localhost", "acme", DOOR_STAFF));
    check(reads("acme-portal.localhost", "localhost", "acme", DOOR_PORTAL));
    check(reads("acme.crm.example.com", "crm.example.com", "acme", DOOR_STAFF));
}

TEST(test_tenant__other_hosts_lead_nowhere)
{
    str name;
    enum door door;
    const char *hosts[] = {"",
                           "localhost",
                           ".localhost",
                           "127.0.0.1",
                           "acmelocalhost",
                           "a.acme.localhost",
                           "acme.example.com",
                           "-portal.localhost",
                           "acme.localhost.",
                           "acme.localhost.example"};
    for (size_t at = 0; at < sizeof hosts / sizeof hosts[0]; at++)
        check(!tenant_host_read(str_of(hosts[at]), S("localhost"), &name, &door));
}
