/* Random text that opens doors; what is stored is only its digest. */
#include "lib/crypto/token.h"

#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "lib/base/text.h"

void token_make(char out[TOKEN_ROOM])
{
    uint8_t secret[32];

    crypto_random(secret, sizeof(secret));
    (void)sodium_bin2base64(out, TOKEN_ROOM, secret, sizeof(secret),
                            sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    crypto_wipe(secret, sizeof(secret));
}

void token_make_operator(char out[TOKEN_OPERATOR_ROOM])
{
    uint8_t random[4 + HASH_BYTES];
    char hex[2 * sizeof(random) + 1];

    crypto_random(random, sizeof(random));
    text_from_hex_bytes(random, sizeof(random), hex);
    (void)snprintf(out, TOKEN_OPERATOR_ROOM, TOKEN_OPERATOR_PREFIX "%.8s_%s", hex,
                   hex + 8); /* it fits to the byte */
    crypto_wipe(random, sizeof(random));
    crypto_wipe(hex, sizeof(hex));
}

bool token_operator_id(const char *token, char id[TOKEN_OPERATOR_ID_ROOM])
{
    static const char digits[] = "0123456789abcdef";
    const char *name = token + strlen(TOKEN_OPERATOR_PREFIX);

    if (!text_starts_with(token, TOKEN_OPERATOR_PREFIX) || strspn(name, digits) != 8 ||
        name[8] != '_' || strspn(name + 9, digits) != 64 || name[9 + 64] != '\0')
        return false;
    memcpy(id, name, 8);
    id[8] = '\0';
    return true;
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
