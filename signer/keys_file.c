/*
 * One file per key, "DIR/TENANT.LABEL.key": a line that says what it is, then the box. The box
 * holds the seed and the key's name, so that a file cannot be given another name.
 *
 * The master key is where the operator says, or in systemd's credentials, or in the folder itself,
 * where it is made with the first key: then it protects a backup that leaves it out, no more.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/crypto/seal.h"
#include "lib/crypto/token.h"
#include "lib/os/file.h"
#include "signer/keys.h"

static const char magic[] = "slipway-online-key-1\n";

enum {
    MAGIC_BYTES = sizeof(magic) - 1,
    NAME_BYTES_MAX = SIGNER_TENANT_MAX + 16,
    SECRET_BYTES_MAX = SIGNER_SEED_BYTES + NAME_BYTES_MAX,
    FILE_BYTES_MAX = MAGIC_BYTES + SEAL_OVERHEAD_BYTES + SECRET_BYTES_MAX,
};

struct key_folder {
    char *dir;
    struct seal_key *master;
};

static void folder_close(void *self)
{
    struct key_folder *folder = self;

    seal_key_free(folder->master);
    mem_free(folder->dir);
    mem_free(folder);
}

/* The caller frees. */
static char *master_path(const struct key_options *options)
{
    const char *credentials = getenv("CREDENTIALS_DIRECTORY");
    AUTO_FREE char *credential = NULL;

    if (options->master_key)
        return mem_strdup(options->master_key);
    if (credentials) {
        credential = mem_printf("%s/slipway-signer-master", credentials);
        if (file_exists(credential))
            return TAKE(credential);
    }
    return mem_printf("%s/master-key", options->dir);
}

/* A master key is made where there is none; boxes that it does not open say so by themselves. */
static bool open_master(const char *path, struct seal_key **out, struct err *err)
{
    AUTO_SEAL_KEY struct seal_key *fresh = NULL;

    if (file_exists(path))
        return seal_key_load(path, out, err);
    fresh = seal_key_new();
    if (!seal_key_save(fresh, path, err))
        return err_wrap(err, "could not make a master key");
    *out = TAKE(fresh);
    return true;
}

static bool folder_open(const struct key_options *options, void **self, struct err *err)
{
    AUTO_FREE char *path = master_path(options);
    struct seal_key *master = NULL;
    struct key_folder *folder;

    if (!file_make_dirs(options->dir, 0700, err) || !open_master(path, &master, err))
        return false;
    folder = mem_alloc(sizeof(*folder));
    folder->dir = mem_strdup(options->dir);
    folder->master = master;
    *self = folder;
    return true;
}

static char *path_of(const struct key_folder *folder, const char *name)
{
    return mem_printf("%s/%s.key", folder->dir, name);
}

/* The opened box: the seed and the name, both as they should be? */
static bool read_secret(const struct key_folder *folder, const struct buf *file, const char *name,
                        uint8_t secret[SECRET_BYTES_MAX], struct err *err)
{
    size_t len = SIGNER_SEED_BYTES + strlen(name);
    const uint8_t *box = file->data + MAGIC_BYTES;

    if (file->len != MAGIC_BYTES + SEAL_OVERHEAD_BYTES + len ||
        !crypto_equal(file->data, magic, MAGIC_BYTES))
        return err_set(err, ERR_INVALID, "the file is no online key's");
    return seal_open(folder->master, box, file->len - MAGIC_BYTES, secret, err) &&
           (crypto_equal(secret + SIGNER_SEED_BYTES, name, strlen(name)) ||
            err_set(err, ERR_INVALID, "the file was another key's"));
}

static bool folder_load(void *self, const char *name, void **key, struct err *err)
{
    const struct key_folder *folder = self;
    AUTO_FREE char *path = path_of(folder, name);
    uint8_t secret[SECRET_BYTES_MAX];
    bool good;
    AUTO_BUF file;

    buf_init(&file, FILE_BYTES_MAX);
    if (!file_read(path, &file, err))
        return false;
    good = read_secret(folder, &file, name, secret, err);
    if (good)
        *key = sign_key_from_seed(secret);
    crypto_wipe(secret, sizeof(secret));
    return good;
}

static bool folder_import(void *self, const char *name, const uint8_t seed[SIGNER_SEED_BYTES],
                          void **key, struct err *err)
{
    const struct key_folder *folder = self;
    AUTO_FREE char *path = path_of(folder, name);
    uint8_t secret[SECRET_BYTES_MAX];
    size_t name_len = strlen(name);
    AUTO_BUF file;

    ASSERT(name_len <= NAME_BYTES_MAX);
    buf_init(&file, FILE_BYTES_MAX);
    for (size_t i = 0; i < SIGNER_SEED_BYTES + name_len; i++)
        secret[i] = i < SIGNER_SEED_BYTES ? seed[i] : (uint8_t)name[i - SIGNER_SEED_BYTES];
    buf_add(&file, magic, MAGIC_BYTES);
    seal_close(folder->master, secret, SIGNER_SEED_BYTES + name_len, &file);
    crypto_wipe(secret, sizeof(secret));
    if (!file_create(path, 0600, file.data, file.len, err))
        return false;
    *key = sign_key_from_seed(seed);
    return true;
}

static bool folder_make(void *self, const char *name, void **key, struct err *err)
{
    AUTO_SIGN_KEY struct sign_key *fresh = sign_key_new();
    uint8_t seed[SIGNER_SEED_BYTES];
    bool good;

    sign_key_seed(fresh, seed);
    good = folder_import(self, name, seed, key, err);
    crypto_wipe(seed, sizeof(seed));
    return good;
}

static const uint8_t *pair_public(const void *key)
{
    return sign_key_public(key);
}

static bool pair_sign(const void *key, const void *data, size_t len, uint8_t sig[SIGN_BYTES],
                      struct err *err)
{
    (void)err; /* arithmetic in memory */
    sign_make(key, data, len, sig);
    return true;
}

static void pair_drop(void *key)
{
    sign_key_free(key);
}

const struct key_backend key_backend_file = {
    .name = "file",
    .open = folder_open,
    .close = folder_close,
    .load = folder_load,
    .make = folder_make,
    .import = folder_import,
    .public_key = pair_public,
    .sign = pair_sign,
    .drop = pair_drop,
};
