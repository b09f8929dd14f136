/* Key pairs in one token, labelled "slipway.TENANT.LABEL". A handle belongs to the open token. */
#include "lib/base/mem.h"
#include "lib/crypto/pkcs11.h"
#include "signer/keys.h"

static void token_close(void *self)
{
    pkcs11_close(self);
}

static bool token_open(const struct key_options *options, void **self, struct err *err)
{
    struct pkcs11 *token;

    if (!options->module || !options->token || !options->pin_file)
        return err_set(err, ERR_INVALID, "the backend pkcs11 takes --module, --token, --pin-file");
    if (!pkcs11_open(options->module, options->token, options->pin_file, &token, err))
        return false;
    *self = token;
    return true;
}

static char *label_of(const char *name)
{
    return mem_printf("slipway.%s", name);
}

/* Only Ed25519 keys are ours; who labelled another kind so has to look. */
static bool take(struct pkcs11_key *found, void **key, struct err *err)
{
    if (pkcs11_key_kind(found) != PKCS11_ED25519)
        return err_set(err, ERR_INVALID, "the token's key is not Ed25519");
    *key = found;
    return true;
}

static bool token_load(void *self, const char *name, void **key, struct err *err)
{
    AUTO_FREE char *label = label_of(name);
    struct pkcs11_key *found;

    return pkcs11_find(self, label, &found, err) && take(found, key, err);
}

static bool token_make(void *self, const char *name, void **key, struct err *err)
{
    AUTO_FREE char *label = label_of(name);
    struct pkcs11_key *fresh;

    return pkcs11_generate(self, PKCS11_ED25519, label, &fresh, err) && take(fresh, key, err);
}

static bool token_import(void *self, const char *name, const uint8_t seed[SIGNER_SEED_BYTES],
                         void **key, struct err *err)
{
    AUTO_FREE char *label = label_of(name);
    struct pkcs11_key *fresh;

    return pkcs11_import(self, seed, label, &fresh, err) && take(fresh, key, err);
}

static const uint8_t *handle_public(const void *key)
{
    return pkcs11_key_public(key);
}

static bool handle_sign(const void *key, const void *data, size_t len, uint8_t sig[SIGN_BYTES],
                        struct err *err)
{
    uint8_t made[PKCS11_SIG_MAX];
    size_t made_len;

    if (!pkcs11_sign(key, data, len, made, &made_len, err))
        return false;
    if (made_len != SIGN_BYTES)
        return err_set(err, ERR_SYSTEM, "the token's signature has %zu bytes", made_len);
    for (size_t i = 0; i < SIGN_BYTES; i++)
        sig[i] = made[i];
    return true;
}

static void handle_drop(void *key)
{
    (void)key; /* it goes with the token */
}

const struct key_backend key_backend_pkcs11 = {
    .name = "pkcs11",
    .open = token_open,
    .close = token_close,
    .load = token_load,
    .make = token_make,
    .import = token_import,
    .public_key = handle_public,
    .sign = handle_sign,
    .drop = handle_drop,
};
