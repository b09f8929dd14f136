#include "lib/update/place.h"

#include <criterion/criterion.h>
#include <string.h>

#include "lib/crypto/hash.h"

Test(update_place, is_the_first_eight_bytes_of_the_hash_big_endian)
{
    uint8_t device[PLACE_DEVICE_BYTES] = {1, 2, 3};
    uint8_t text[4 + PLACE_DEVICE_BYTES] = "salt";
    uint8_t hash[HASH_BYTES];
    uint64_t want = 0;

    memcpy(text + 4, device, sizeof(device));
    hash_blake2b(text, sizeof(text), hash);
    for (int i = 0; i < 8; i++)
        want = want * 256 + hash[i];

    cr_expect_eq(place_of("salt", device), want);
    cr_expect_neq(place_of("other", device), want);
}

Test(update_place, shares_are_exact_at_their_borders)
{
    static const struct {
        uint64_t place;
        uint32_t percent_milli;
        bool in;
    } cases[] = {
        {0, 0, false},
        {0, 1, true},
        {UINT64_MAX, PLACE_SHARE_ALL, true},
        {UINT64_MAX, PLACE_SHARE_ALL - 1, false},
        {UINT64_C(1) << 63, 50000, false},
        {(UINT64_C(1) << 63) - 1, 50000, true},
        {UINT64_C(922337203685477580), 5000, true},
        {UINT64_C(922337203685477581), 5000, false},
    };

    for (size_t i = 0; i < COUNT(cases); i++)
        cr_expect_eq(place_in_share(cases[i].place, cases[i].percent_milli), cases[i].in,
                     "case %zu", i);
}

Test(update_place, spreads_devices_evenly)
{
    unsigned in = 0;

    for (uint16_t i = 0; i < 10000; i++) {
        uint8_t device[PLACE_DEVICE_BYTES] = {(uint8_t)i, (uint8_t)(i >> 8)};

        in += place_in_share(place_of("even", device), 5000);
    }
    cr_expect(in > 400 && in < 600, "%u of 10000 in 5 %%", in);
}
