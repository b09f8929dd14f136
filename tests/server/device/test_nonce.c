#include "server/device/nonce.h"

#include <criterion/criterion.h>
#include <string.h>

Test(nonce, is_good_until_its_time_and_only_with_its_key)
{
    const uint8_t key[HASH_BYTES] = {1}, other[HASH_BYTES] = {2};
    char nonce[NONCE_ROOM], again[NONCE_ROOM];

    nonce_make(key, 5000, nonce);
    nonce_make(key, 5000, again);

    cr_expect_str_neq(nonce, again, "each is another one");
    cr_expect(nonce_check(key, nonce, 4999));
    cr_expect_not(nonce_check(key, nonce, 5000), "too late");
    cr_expect_not(nonce_check(other, nonce, 0), "of another process");
}

Test(nonce, is_refused_when_any_character_was_changed)
{
    const uint8_t key[HASH_BYTES] = {1};
    char nonce[NONCE_ROOM];

    nonce_make(key, INT64_MAX, nonce);
    for (size_t i = 0; i < strlen(nonce); i++) {
        char was = nonce[i];

        nonce[i] = was == '0' ? '1' : '0';
        cr_expect_not(nonce_check(key, nonce, 0), "character %zu", i);
        nonce[i] = 'G';
        cr_expect_not(nonce_check(key, nonce, 0), "character %zu", i);
        nonce[i] = was;
    }
    cr_expect(nonce_check(key, nonce, 0));
    nonce[strlen(nonce) - 1] = '\0';
    cr_expect_not(nonce_check(key, nonce, 0), "cut short");
    cr_expect_not(nonce_check(key, "", 0));
}
