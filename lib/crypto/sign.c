/* Ed25519 by libsodium, which is the fastest verifier at hand; the key file is one line of hex. */
#include "lib/crypto/sign.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/os/file.h"

/* "slipway-ed25519-seed-1 " and 64 hex digits and a newline. */
static const char file_magic[] = "slipway-ed25519-seed-1 ";
enum { FILE_BYTES = sizeof(file_magic) - 1 + 64 + 1 };

struct sign_key {
    uint8_t public_key[crypto_sign_PUBLICKEYBYTES];
    uint8_t secret_key[crypto_sign_SECRETKEYBYTES];
};

static struct sign_key *key_alloc(void)
{
    struct sign_key *key;

    ASSERT(sodium_init() >= 0);
    /* Guarded and locked where the limits allow; never swapped, never in a core file. */
    key = sodium_malloc(sizeof(*key));
    ASSERT(key);
    return key;
}

struct sign_key *sign_key_new(void)
{
    struct sign_key *key = key_alloc();

    ASSERT(crypto_sign_keypair(key->public_key, key->secret_key) == 0);
    return key;
}

struct sign_key *sign_key_from_seed(const uint8_t seed[32])
{
    struct sign_key *key = key_alloc();

    ASSERT(crypto_sign_seed_keypair(key->public_key, key->secret_key, seed) == 0);
    return key;
}

void sign_key_free(struct sign_key *key)
{
    sodium_free(key); /* wipes; accepts NULL */
}

void cleanup_sign_key(struct sign_key **key)
{
    sign_key_free(*key);
}

void sign_key_seed(const struct sign_key *key, uint8_t seed[32])
{
    ASSERT(crypto_sign_ed25519_sk_to_seed(seed, key->secret_key) == 0);
}

const uint8_t *sign_key_public(const struct sign_key *key)
{
    return key->public_key;
}

void sign_make(const struct sign_key *key, const void *data, size_t len, uint8_t out[SIGN_BYTES])
{
    ASSERT(crypto_sign_detached(out, NULL, data, len, key->secret_key) == 0);
}

bool sign_check(const uint8_t public_key[SIGN_PUBLIC_BYTES], const void *data, size_t len,
                const uint8_t signature[SIGN_BYTES])
{
    return crypto_sign_verify_detached(signature, data, len, public_key) == 0;
}

bool sign_key_load(const char *path, struct sign_key **out, struct err *err)
{
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    char text[FILE_BYTES + 1];
    uint8_t seed[32];
    struct stat info;
    ssize_t len;
    bool good;

    if (fd < 0 || fstat(fd, &info) != 0)
        return err_system(err, "could not open key file '%s'", path);
    if (info.st_mode & 077)
        return err_set(err, ERR_DENIED, "key file '%s' may be read by others, make it mode 0600",
                       path);
    len = read(fd, text, sizeof(text));
    good = len == FILE_BYTES && memcmp(text, file_magic, sizeof(file_magic) - 1) == 0 &&
           text_to_hex_bytes(text + sizeof(file_magic) - 1, 64, seed, sizeof(seed)) &&
           text[FILE_BYTES - 1] == '\n';
    if (good)
        *out = sign_key_from_seed(seed);
    sodium_memzero(text, sizeof(text));
    sodium_memzero(seed, sizeof(seed));
    return good || err_set(err, ERR_INVALID, "'%s' is not a key file", path);
}

bool sign_key_save(const struct sign_key *key, const char *path, struct err *err)
{
    char text[FILE_BYTES + 1];
    uint8_t seed[32];
    bool good;

    sign_key_seed(key, seed);
    memcpy(text, file_magic, sizeof(file_magic) - 1);
    text_from_hex_bytes(seed, sizeof(seed), text + sizeof(file_magic) - 1);
    text[FILE_BYTES - 1] = '\n';
    good = file_create(path, 0600, text, FILE_BYTES, err);
    sodium_memzero(text, sizeof(text));
    sodium_memzero(seed, sizeof(seed));
    return good;
}
