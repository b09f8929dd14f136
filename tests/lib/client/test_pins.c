#include "lib/client/pins.h"

#include <criterion/criterion.h>

#include "lib/base/mem.h"

Test(pins, are_what_curl_wants)
{
    uint8_t pins[2][HASH_BYTES] = {{0}};
    AUTO_FREE char *one = NULL;
    AUTO_FREE char *two = NULL;

    hash_sha256("", 0, pins[0]);
    one = pins_format((const uint8_t(*)[HASH_BYTES])pins, 1);
    cr_expect_str_eq(one, "sha256//47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
    two = pins_format((const uint8_t(*)[HASH_BYTES])pins, 2);
    cr_expect_str_eq(two, "sha256//47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=;"
                          "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
}
