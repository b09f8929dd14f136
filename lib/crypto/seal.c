/* The key file is one line of hex, as those of signing keys. */
#include "lib/crypto/seal.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/crypto/hash.h"
#include "lib/os/file.h"

_Static_assert(SEAL_OVERHEAD_BYTES == crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES,
               "the header says how long a box is");

/* "slipway-master-key-1 " and 64 hex digits and a newline. */
static const char file_magic[] = "slipway-master-key-1 ";
enum {
    KEY_BYTES = crypto_secretbox_KEYBYTES,
    MAGIC_BYTES = sizeof(file_magic) - 1,
    FILE_BYTES = MAGIC_BYTES + 2 * KEY_BYTES + 1,
};

struct seal_key {
    uint8_t bytes[KEY_BYTES];
};

static struct seal_key *key_alloc(void)
{
    struct seal_key *key;

    ASSERT(sodium_init() >= 0);
    key = sodium_malloc(sizeof(*key)); /* locked where the limits allow, never in a core file */
    ASSERT(key);
    return key;
}

struct seal_key *seal_key_new(void)
{
    struct seal_key *key = key_alloc();

    crypto_secretbox_keygen(key->bytes);
    return key;
}

void seal_key_free(struct seal_key *key)
{
    sodium_free(key); /* wipes; accepts NULL */
}

void cleanup_seal_key(struct seal_key **key)
{
    seal_key_free(*key);
}

bool seal_key_load(const char *path, struct seal_key **out, struct err *err)
{
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    AUTO_SEAL_KEY struct seal_key *key = NULL;
    char text[FILE_BYTES + 1];
    struct stat info;
    bool good;

    if (fd < 0 || fstat(fd, &info) != 0)
        return err_system(err, "could not open master key '%s'", path);
    if (info.st_mode & 077)
        return err_set(err, ERR_DENIED, "master key '%s' may be read by others, make it mode 0600",
                       path);
    key = key_alloc();
    good = read(fd, text, sizeof(text)) == FILE_BYTES &&
           crypto_equal(text, file_magic, MAGIC_BYTES) && text[FILE_BYTES - 1] == '\n' &&
           text_to_hex_bytes(text + MAGIC_BYTES, (size_t)2 * KEY_BYTES, key->bytes, KEY_BYTES);
    sodium_memzero(text, sizeof(text));
    if (!good)
        return err_set(err, ERR_INVALID, "'%s' is not a master key", path);
    *out = TAKE(key);
    return true;
}

bool seal_key_save(const struct seal_key *key, const char *path, struct err *err)
{
    char text[FILE_BYTES + 1];
    bool good;

    memcpy(text, file_magic, MAGIC_BYTES);
    text_from_hex_bytes(key->bytes, KEY_BYTES, text + MAGIC_BYTES);
    text[FILE_BYTES - 1] = '\n';
    good = file_create(path, 0600, text, FILE_BYTES, err);
    sodium_memzero(text, sizeof(text));
    return good;
}

void seal_close(const struct seal_key *key, const void *data, size_t len, struct buf *out)
{
    uint8_t *at = buf_reserve(out, len + SEAL_OVERHEAD_BYTES);

    if (!at)
        return;
    randombytes_buf(at, crypto_secretbox_NONCEBYTES);
    ASSERT(crypto_secretbox_easy(at + crypto_secretbox_NONCEBYTES, data, len, at, key->bytes) == 0);
    out->len += len + SEAL_OVERHEAD_BYTES;
}

bool seal_open(const struct seal_key *key, const void *box, size_t box_len, uint8_t *out,
               struct err *err)
{
    const uint8_t *nonce = box;

    if (box_len < SEAL_OVERHEAD_BYTES ||
        crypto_secretbox_open_easy(out, nonce + crypto_secretbox_NONCEBYTES,
                                   box_len - crypto_secretbox_NONCEBYTES, nonce, key->bytes) != 0)
        return err_set(err, ERR_DENIED, "the box was altered, or closed with another master key");
    return true;
}
