/* Random text that opens doors; what is stored is only its digest. */
#include "lib/crypto/token.h"

#include <sodium.h>

void token_make(char out[TOKEN_ROOM])
{
    uint8_t secret[32];

    crypto_random(secret, sizeof(secret));
    (void)sodium_bin2base64(out, TOKEN_ROOM, secret, sizeof(secret),
                            sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    crypto_wipe(secret, sizeof(secret));
}

void token_digest(const char *token, size_t len, uint8_t digest[HASH_BYTES])
{
    hash_sha256(token, len, digest);
}

void crypto_random(void *out, size_t len)
{
    ASSERT(sodium_init() >= 0);
    randombytes_buf(out, len);
}

uint32_t crypto_random_below(uint32_t bound)
{
    ASSERT(sodium_init() >= 0);
    return randombytes_uniform(bound);
}

void crypto_wipe(void *data, size_t len)
{
    sodium_memzero(data, len);
}
