/* A key's name in its backend is "TENANT.LABEL", of later generations "TENANT.LABEL.N". */
#include "signer/keys.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"

static const struct key_backend *const backends[] = {&key_backend_file, &key_backend_pkcs11};

const struct key_backend *key_backend_find(const char *name)
{
    for (size_t i = 0; i < COUNT(backends); i++) {
        if (text_equal(backends[i]->name, name))
            return backends[i];
    }
    return NULL;
}

/* As update metadata names keys: the hash of the canonical key object. */
static void make_keyid(const uint8_t *public_key, char out[HASH_HEX_ROOM])
{
    char hex[SIGN_PUBLIC_HEX_ROOM];
    uint8_t digest[HASH_BYTES];
    AUTO_FREE char *object = NULL;

    text_from_hex_bytes(public_key, SIGN_PUBLIC_BYTES, hex);
    object = mem_printf("{\"keytype\":\"ed25519\",\"keyval\":{\"public\":\"%s\"},"
                        "\"scheme\":\"ed25519\"}",
                        hex);
    hash_sha256(object, strlen(object), digest);
    text_from_hex_bytes(digest, sizeof(digest), out);
}

static char *name_of(const struct key_name *name)
{
    const char *label = signer_label_name(name->label);

    if (name->generation == 0)
        return mem_printf("%s.%s", name->tenant, label);
    return mem_printf("%s.%s.%llu", name->tenant, label, (unsigned long long)name->generation);
}

static void take(const struct key_shelf *shelf, void *key, struct online_key *out)
{
    *out = (struct online_key){.backend = shelf->backend, .key = key};
    make_keyid(shelf->backend->public_key(key), out->keyid);
}

bool online_key_open(const struct key_shelf *shelf, const struct key_name *wanted,
                     enum key_wish wish, struct online_key *out, struct err *err)
{
    AUTO_FREE char *name = name_of(wanted);
    void *key;
    bool good = shelf->backend->load(shelf->self, name, &key, err);

    if (!good && err->code == ERR_NOT_FOUND && wish == KEY_MADE)
        good = shelf->backend->make(shelf->self, name, &key, err);
    if (!good)
        return err_wrap(err, "key '%s'", name);
    take(shelf, key, out);
    return true;
}

bool online_key_import(const struct key_shelf *shelf, const char *tenant, enum signer_label label,
                       const uint8_t seed[SIGNER_SEED_BYTES], struct online_key *out,
                       struct err *err)
{
    const struct key_name first = {.tenant = tenant, .label = label};
    AUTO_FREE char *name = name_of(&first);
    AUTO_SIGN_KEY struct sign_key *pair = sign_key_from_seed(seed);
    struct online_key there = {0};
    void *key;

    if (online_key_open(shelf, &first, KEY_EXISTING, &there, err)) {
        if (crypto_equal(online_key_public(&there), sign_key_public(pair), SIGN_PUBLIC_BYTES)) {
            *out = there;
            return true;
        }
        online_key_close(&there);
        return err_set(err, ERR_CONFLICT, "there is another key '%s' already", name);
    }
    if (err->code != ERR_NOT_FOUND)
        return false;
    if (!shelf->backend->import(shelf->self, name, seed, &key, err))
        return err_wrap(err, "key '%s'", name);
    take(shelf, key, out);
    return true;
}

void online_key_close(struct online_key *key)
{
    if (key->backend)
        key->backend->drop(key->key);
    *key = (struct online_key){0};
}

const uint8_t *online_key_public(const struct online_key *key)
{
    ASSERT(key->backend);
    return key->backend->public_key(key->key);
}

bool online_key_sign(const struct online_key *key, const void *data, size_t len,
                     struct signer_signature *out, struct err *err)
{
    if (!key->backend->sign(key->key, data, len, out->sig, err))
        return false;
    memcpy(out->keyid, key->keyid, sizeof(out->keyid));
    return true;
}
