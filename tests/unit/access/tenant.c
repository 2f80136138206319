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

static bool is_host(const char *host)
{
    return host_fault(str_of(host), S("crm.example.com")).len == 0;
}

/** So many times a letter, as part of a name. */
static const char *letters(uint32_t count)
{
    static char text[300];
    memset(text, 'a', sizeof text);
    text[count] = 0;
    return text;
}

TEST(test_tenant__takes_host_names_of_labels)
{
    check(is_host("a.b"));
    check(is_host("crm.client-9.example"));
    check(is_host("0-0.9.z0"));
    check(is_host("127.0.0.1a"));
    check(!is_host("127.0.0.1"));
    check(!is_host("a.09"));
    check(!is_host(""));
    check(!is_host("a"));
    check(!is_host("a..b"));
    check(!is_host(".a.b"));
    check(!is_host("a.b."));
    check(!is_host("-a.b"));
    check(!is_host("a-.b"));
    check(!is_host("a.b-"));
    check(!is_host("A.b"));
    check(!is_host("a_a.b"));
    check(!is_host("a.b:80"));
    check(!is_host("{.b") && !is_host("`.b") && !is_host("/.b") && !is_host(":.b"));
}

TEST(test_tenant__takes_host_names_up_to_their_lengths)
{
    char host[300];
    for (uint32_t len = 63; len <= 64; len++) {
        snprintf(host, sizeof host, "%s.b", letters(len));
        check_int(is_host(host), len == 63);
    }
    /* Three labels of 63 letters and their dots are 192. */
    const char *label = letters(63);
    for (uint32_t len = 253; len <= 254; len++) {
        snprintf(host, sizeof host, "%s.%s.%s.%.*s", label, label, label, (int)(len - 192 - 2),
                 label);
        strncat(host, ".b", sizeof host - strlen(host) - 1);
        check_int(strlen(host), len);
        check_int(is_host(host), len == 253);
    }
}

TEST(test_tenant__refuses_host_names_of_the_instances_own_domain)
{
    check(!is_host("crm.example.com"));
    check(!is_host("acme.crm.example.com"));
    check(!is_host("a.b.crm.example.com"));
    check(is_host("acrm.example.com"));
    check(is_host("example.com"));
    check(is_host("crm.example.com.b"));
}
