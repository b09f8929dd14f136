/* OpenSSL makes and signs with all of them, so our own code is not its own judge. */
#include "tests/support/test_key.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/tuf/tuf.h"

enum { PEM_ROOM = 1024, SIG_MAX = 512 };

struct test_key {
    enum test_key_kind kind;
    EVP_PKEY *pair;
    json_t *json;
    char id[TUF_KEYID_ROOM];
};

static const struct {
    const char *keytype;
    const char *scheme;
} kinds[] = {
    [TEST_KEY_ED25519] = {"ed25519", "ed25519"},
    [TEST_KEY_ECDSA] = {"ecdsa", "ecdsa-sha2-nistp256"},
    [TEST_KEY_RSA] = {"rsa", "rsassa-pss-sha256"},
};
_Static_assert(COUNT(kinds) == TEST_KEY_KIND_COUNT, "every kind has its row");

static EVP_PKEY *make_pair(enum test_key_kind kind)
{
    switch (kind) {
    case TEST_KEY_ED25519:
        return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    case TEST_KEY_ECDSA:
        return EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    case TEST_KEY_RSA:
        return EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)3072);
    case TEST_KEY_KIND_COUNT:
        break;
    }
    return NULL;
}

/* Hex for Ed25519, SubjectPublicKeyInfo in PEM for the others. */
static void public_text(const struct test_key *key, char out[PEM_ROOM])
{
    uint8_t raw[32];
    size_t len = sizeof(raw);
    BIO *bio;
    int got;

    if (key->kind == TEST_KEY_ED25519) {
        ASSERT(EVP_PKEY_get_raw_public_key(key->pair, raw, &len) == 1);
        text_from_hex_bytes(raw, len, out);
        return;
    }
    bio = BIO_new(BIO_s_mem());
    ASSERT(bio && PEM_write_bio_PUBKEY(bio, key->pair) == 1);
    got = BIO_read(bio, out, PEM_ROOM - 1);
    ASSERT(got > 0);
    out[got] = '\0';
    (void)BIO_free(bio);
}

struct test_key *test_key_new(enum test_key_kind kind)
{
    struct test_key *key = mem_alloc(sizeof(*key));
    char text[PEM_ROOM];
    struct err err = {0};

    key->kind = kind;
    key->pair = make_pair(kind);
    ASSERT(key->pair);
    public_text(key, text);
    key->json = json_pack("{s:s, s:s, s:{s:s}}", "keytype", kinds[kind].keytype, "scheme",
                          kinds[kind].scheme, "keyval", "public", text);
    ASSERT(tuf_keyid_of(key->json, key->id, &err));
    return key;
}

void test_key_free(struct test_key *key)
{
    if (!key)
        return;
    EVP_PKEY_free(key->pair);
    json_decref(key->json);
    mem_free(key);
}

const json_t *test_key_json(const struct test_key *key)
{
    return key->json;
}

const char *test_key_id(const struct test_key *key)
{
    return key->id;
}

json_t *test_key_sign(const struct test_key *key, const struct buf *bytes)
{
    const EVP_MD *md = key->kind == TEST_KEY_ED25519 ? NULL : EVP_sha256();
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *options = NULL;
    uint8_t sig[SIG_MAX];
    char hex[2 * SIG_MAX + 1];
    size_t len = sizeof(sig);

    ASSERT(ctx && EVP_DigestSignInit(ctx, &options, md, NULL, key->pair) == 1);
    if (key->kind == TEST_KEY_RSA)
        ASSERT(EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING) == 1 &&
               EVP_PKEY_CTX_set_rsa_pss_saltlen(options, RSA_PSS_SALTLEN_DIGEST) == 1);
    ASSERT(EVP_DigestSign(ctx, sig, &len, bytes->data, bytes->len) == 1);
    EVP_MD_CTX_free(ctx);
    text_from_hex_bytes(sig, len, hex);
    return json_pack("{s:s, s:s}", "keyid", key->id, "sig", hex);
}
