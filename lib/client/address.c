/* Two tables of prefixes, from the registries of special-purpose addresses (RFC 6890). What is not
 * known is not public. */
#include "lib/client/address.h"

#include <netinet/in.h>
#include <string.h>

/* clang-format off */
static const struct {
    uint32_t prefix;
    unsigned bits;
} special4[] = {
    {0x00000000, 8},  /* this network */
    {0x0a000000, 8},  /* private */
    {0x64400000, 10}, /* carrier-grade NAT */
    {0x7f000000, 8},  /* loopback */
    {0xa9fe0000, 16}, /* link local: the metadata service of clouds, too */
    {0xac100000, 12}, /* private */
    {0xc0000000, 24}, /* protocol assignments */
    {0xc0000200, 24}, /* documentation */
    {0xc0586300, 24}, /* 6to4 relays */
    {0xc0a80000, 16}, /* private */
    {0xc6120000, 15}, /* benchmarks */
    {0xc6336400, 24}, /* documentation */
    {0xcb007100, 24}, /* documentation */
    {0xe0000000, 3},  /* multicast, reserved, broadcast */
};

static const struct {
    uint8_t prefix[4];
    unsigned bits;
} special6[] = {
    {{0x20, 0x01, 0x0d, 0xb8}, 32}, /* documentation */
    {{0x20, 0x01, 0x00, 0x00}, 23}, /* protocol assignments, Teredo */
    {{0x3f, 0xff, 0x00, 0x00}, 20}, /* documentation */
};
/* clang-format on */

static bool is_public4(uint32_t address)
{
    for (size_t i = 0; i < COUNT(special4); i++) {
        if ((address ^ special4[i].prefix) >> (32 - special4[i].bits) == 0)
            return false;
    }
    return true;
}

static uint32_t big_endian(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static bool is_public6(const uint8_t *at)
{
    static const uint8_t nat64[12] = {0x00, 0x64, 0xff, 0x9b};
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

    if (memcmp(at, mapped, sizeof(mapped)) == 0 || memcmp(at, nat64, sizeof(nat64)) == 0)
        return is_public4(big_endian(at + 12));
    if (at[0] == 0x20 && at[1] == 0x02)
        return is_public4(big_endian(at + 2));
    if (at[0] >> 5 != 1) /* only 2000::/3 is given out */
        return false;
    for (size_t i = 0; i < COUNT(special6); i++) {
        if ((big_endian(at) ^ big_endian(special6[i].prefix)) >> (32 - special6[i].bits) == 0)
            return false;
    }
    return true;
}

bool address_is_public(const struct sockaddr *address, socklen_t len)
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;

    if (address->sa_family == AF_INET && len >= sizeof(v4)) {
        memcpy(&v4, address, sizeof(v4));
        return is_public4(ntohl(v4.sin_addr.s_addr));
    }
    if (address->sa_family == AF_INET6 && len >= sizeof(v6)) {
        memcpy(&v6, address, sizeof(v6));
        return is_public6(v6.sin6_addr.s6_addr);
    }
    return false;
}
