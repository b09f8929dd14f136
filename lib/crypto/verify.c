/* A table of schemes over OpenSSL's EVP. The PEM text is hostile: it must be short, hold exactly
 * one public key of the right kind, and nothing behind it but white space. */
#include "lib/crypto/verify.h"

#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

static bool is_p256(const EVP_PKEY *key);
static bool is_rsa(const EVP_PKEY *key);
static bool set_nothing(EVP_PKEY_CTX *ctx);
static bool set_pss(EVP_PKEY_CTX *ctx);

static const struct scheme {
    bool (*is_kind)(const EVP_PKEY *key);
    bool (*set)(EVP_PKEY_CTX *ctx);
    const char *numbers[2]; /* that make the public key */
} schemes[] = {
    [VERIFY_ECDSA_P256] = {is_p256,
                           set_nothing,
                           {OSSL_PKEY_PARAM_EC_PUB_X, OSSL_PKEY_PARAM_EC_PUB_Y}},
    [VERIFY_RSA_PSS] = {is_rsa, set_pss, {OSSL_PKEY_PARAM_RSA_N, OSSL_PKEY_PARAM_RSA_E}},
};
_Static_assert(COUNT(schemes) == VERIFY_SCHEME_COUNT, "every scheme has its row");

enum { RSA_BITS_MIN = 2048, RSA_BITS_MAX = 8192 };

static bool is_p256(const EVP_PKEY *key)
{
    char group[32];
    size_t len;

    return EVP_PKEY_is_a(key, "EC") &&
           EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof(group),
                                          &len) == 1 &&
           strcmp(group, "prime256v1") == 0;
}

static bool is_rsa(const EVP_PKEY *key)
{
    int bits = EVP_PKEY_get_bits(key);

    return EVP_PKEY_is_a(key, "RSA") && bits >= RSA_BITS_MIN && bits <= RSA_BITS_MAX;
}

static bool set_nothing(EVP_PKEY_CTX *ctx)
{
    return ctx != NULL;
}

static bool set_pss(EVP_PKEY_CTX *ctx)
{
    return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_AUTO) == 1 &&
           EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, EVP_sha256()) == 1;
}

static EVP_PKEY *read_key(enum verify_scheme scheme, const char *pem)
{
    size_t len = strnlen(pem, VERIFY_PEM_BYTES_MAX + 1);
    EVP_PKEY *key = NULL;
    char rest[2];
    BIO *bio;

    if (len > VERIFY_PEM_BYTES_MAX || strncmp(pem, "-----BEGIN PUBLIC KEY-----", 26) != 0)
        return NULL;
    bio = BIO_new_mem_buf(pem, (int)len);
    ASSERT(bio);
    key = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
    while (key && BIO_read(bio, rest, 1) == 1) {
        if (!strchr(" \t\r\n", rest[0])) {
            EVP_PKEY_free(key);
            key = NULL;
        }
    }
    (void)BIO_free(bio); /* of our own memory: nothing to fail */
    if (key && !schemes[scheme].is_kind(key)) {
        EVP_PKEY_free(key);
        key = NULL;
    }
    if (!key)
        ERR_clear_error(); /* a thread's queue is TLS's, too */
    return key;
}

bool verify_pem_is(enum verify_scheme scheme, const char *pem)
{
    EVP_PKEY *key = read_key(scheme, pem);

    EVP_PKEY_free(key);
    return key != NULL;
}

static bool add_number(const EVP_PKEY *key, const char *name, struct sha256 *hash)
{
    uint8_t bytes[RSA_BITS_MAX / 8] = {0};
    BIGNUM *number = NULL;
    bool good = EVP_PKEY_get_bn_param(key, name, &number) == 1 &&
                BN_bn2binpad(number, bytes, (int)sizeof(bytes)) == (int)sizeof(bytes);

    BN_free(number);
    if (good)
        sha256_add(hash, bytes, sizeof(bytes));
    return good;
}

bool verify_pem_identity(enum verify_scheme scheme, const char *pem, uint8_t out[HASH_BYTES])
{
    AUTO_SHA256 struct sha256 *hash = sha256_new();
    EVP_PKEY *key = read_key(scheme, pem);
    const uint8_t kind = (uint8_t)scheme;
    bool good = key != NULL;

    sha256_add(hash, &kind, sizeof(kind));
    for (size_t i = 0; good && i < COUNT(schemes[scheme].numbers); i++)
        good = add_number(key, schemes[scheme].numbers[i], hash);
    EVP_PKEY_free(key);
    if (good)
        sha256_peek(hash, out);
    else
        ERR_clear_error();
    return good;
}

bool verify_pem(enum verify_scheme scheme, const char *pem, const void *data, size_t len,
                const uint8_t *sig, size_t sig_len)
{
    EVP_PKEY *key = sig_len <= VERIFY_SIG_BYTES_MAX ? read_key(scheme, pem) : NULL;
    EVP_PKEY_CTX *key_ctx = NULL;
    EVP_MD_CTX *ctx;
    bool good;

    if (!key)
        return false;
    ctx = EVP_MD_CTX_new();
    ASSERT(ctx);
    good = EVP_DigestVerifyInit(ctx, &key_ctx, EVP_sha256(), NULL, key) == 1 &&
           schemes[scheme].set(key_ctx) && EVP_DigestVerify(ctx, sig, sig_len, data, len) == 1;
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(key);
    if (!good)
        ERR_clear_error();
    return good;
}
