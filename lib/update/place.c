/* place / 2^64 < percent_milli / 100000 is compared in whole numbers of 128 bits, so that every
 * program draws the border at the same device. */
#include "lib/update/place.h"

#include <string.h>

#include "lib/crypto/hash.h"

__extension__ typedef unsigned __int128 wide;

uint64_t place_of(const char *salt, const uint8_t device[PLACE_DEVICE_BYTES])
{
    uint8_t hash[HASH_BYTES];
    uint64_t place = 0;

    hash_blake2b_pair(salt, strlen(salt), device, PLACE_DEVICE_BYTES, hash);
    for (size_t i = 0; i < 8; i++)
        place = place << 8 | hash[i];
    return place;
}

bool place_in_share(uint64_t place, uint32_t percent_milli)
{
    return (wide)place * PLACE_SHARE_ALL < (wide)percent_milli << 64;
}
