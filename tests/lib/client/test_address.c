#include "lib/client/address.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>

static bool is_public(const char *text)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};

    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
        return address_is_public((const struct sockaddr *)&v4, sizeof(v4));
    cr_assert_eq(inet_pton(AF_INET6, text, &v6.sin6_addr), 1, "%s", text);
    return address_is_public((const struct sockaddr *)&v6, sizeof(v6));
}

Test(address, is_public_when_the_internet_at_large_routes_it)
{
    static const char *const cases[] = {
        "1.1.1.1",     "9.255.255.255",  "11.0.0.0",         "100.63.255.255",    "100.128.0.0",
        "126.0.0.1",   "128.0.0.1",      "172.15.0.1",       "172.32.0.1",        "192.167.255.255",
        "192.169.0.1", "198.17.255.255", "198.20.0.1",       "223.255.255.255",   "2606:4700::1111",
        "2a00::1",     "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:0808:0808::1",
    };

    for (size_t i = 0; i < COUNT(cases); i++)
        cr_expect(is_public(cases[i]), "%s", cases[i]);
}

Test(address, is_not_public_inside_or_when_it_carries_what_is_inside)
{
    static const char *const cases[] = {
        "0.0.0.0",
        "10.0.0.1",
        "10.255.255.255",
        "100.64.0.1",
        "127.0.0.1",
        "127.255.255.255",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.2.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.19.255.255",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1",
        "fc00::1",
        "fd12::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:0001::1",
        "2001:db8::1",
        "2001::1",
        "64:ff9b:1::1",
        "4000::1",
    };
    const struct sockaddr local = {.sa_family = AF_UNIX};

    for (size_t i = 0; i < COUNT(cases); i++)
        cr_expect_not(is_public(cases[i]), "%s", cases[i]);
    cr_expect_not(address_is_public(&local, sizeof(local)), "a UNIX socket");
}

Test(address, is_not_read_past_its_end)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr = {htonl(0x01010101)}};

    cr_expect(address_is_public((const struct sockaddr *)&v4, sizeof(v4)));
    cr_expect_not(address_is_public((const struct sockaddr *)&v4, sizeof(v4) - 1));
}
