/* SHA-256 by OpenSSL's EVP with a context kept per object: the one-shot call looks the algorithm
 * up again each time, which costs more than hashing a token. */
#include "lib/crypto/hash.h"

#include <string.h>

#include <openssl/evp.h>
#include <sodium.h>

#include "lib/base/mem.h"

struct sha256 {
    EVP_MD_CTX *ctx;
};

struct sha256 *sha256_new(void)
{
    struct sha256 *hash = mem_alloc(sizeof(*hash));

    hash->ctx = EVP_MD_CTX_new();
    ASSERT(hash->ctx && EVP_DigestInit_ex(hash->ctx, EVP_sha256(), NULL) == 1);
    return hash;
}

void sha256_free(struct sha256 *hash)
{
    if (!hash)
        return;
    EVP_MD_CTX_free(hash->ctx);
    mem_free(hash);
}

void cleanup_sha256(struct sha256 **hash)
{
    sha256_free(*hash);
}

void sha256_add(struct sha256 *hash, const void *data, size_t len)
{
    ASSERT(EVP_DigestUpdate(hash->ctx, data, len) == 1);
}

void sha256_peek(const struct sha256 *hash, uint8_t out[HASH_BYTES])
{
    EVP_MD_CTX *copy = EVP_MD_CTX_new();

    ASSERT(copy && EVP_MD_CTX_copy_ex(copy, hash->ctx) == 1);
    ASSERT(EVP_DigestFinal_ex(copy, out, NULL) == 1);
    EVP_MD_CTX_free(copy);
}

void sha256_end(struct sha256 *hash, uint8_t out[HASH_BYTES])
{
    ASSERT(EVP_DigestFinal_ex(hash->ctx, out, NULL) == 1);
}

void sha256_restart(struct sha256 *hash)
{
    ASSERT(EVP_DigestInit_ex(hash->ctx, NULL, NULL) == 1);
}

void hash_sha256(const void *data, size_t len, uint8_t out[HASH_BYTES])
{
    AUTO_SHA256 struct sha256 *hash = sha256_new();

    sha256_add(hash, data, len);
    ASSERT(EVP_DigestFinal_ex(hash->ctx, out, NULL) == 1);
}

void hash_sha512(const void *data, size_t len, uint8_t out[HASH512_BYTES])
{
    ASSERT(EVP_Digest(data, len, out, NULL, EVP_sha512(), NULL) == 1);
}

void hash_blake2b(const void *data, size_t len, uint8_t out[HASH_BYTES])
{
    hash_blake2b_pair(data, len, NULL, 0, out);
}

void hash_blake2b_pair(const void *a, size_t a_len, const void *b, size_t b_len,
                       uint8_t out[HASH_BYTES])
{
    crypto_generichash_state state;

    ASSERT(crypto_generichash_init(&state, NULL, 0, HASH_BYTES) == 0);
    ASSERT(crypto_generichash_update(&state, a, a_len) == 0);
    if (b_len)
        ASSERT(crypto_generichash_update(&state, b, b_len) == 0);
    ASSERT(crypto_generichash_final(&state, out, HASH_BYTES) == 0);
}

void hash_mac(const uint8_t *key, const void *data, size_t len, uint8_t out[HASH_BYTES])
{
    ASSERT(crypto_generichash(out, HASH_BYTES, data, len, key, HASH_BYTES) == 0);
}

void hash_hmac(const void *key, size_t key_len, const void *data, size_t len,
               uint8_t out[HASH_BYTES])
{
    crypto_auth_hmacsha256_state state;

    ASSERT(crypto_auth_hmacsha256_init(&state, key, key_len) == 0);
    ASSERT(crypto_auth_hmacsha256_update(&state, data, len) == 0);
    ASSERT(crypto_auth_hmacsha256_final(&state, out) == 0);
    sodium_memzero(&state, sizeof(state));
}

bool crypto_equal(const void *a, const void *b, size_t len)
{
    return sodium_memcmp(a, b, len) == 0;
}
