/* Keys that never leave their token. The token is open as long as the ring is; the first of its
 * keys closes it. */
#include <string.h>

#include "cli/trust/keyring.h"
#include "lib/base/mem.h"
#include "lib/crypto/pkcs11.h"

_Static_assert((int)KEYRING_SIG_MAX >= (int)PKCS11_SIG_MAX, "every signature fits");

/* What `slipway init` and `keys new` call their keys. */
static const char *const usual_labels[] = {"root", "director-root", "targets", "os", "release"};

struct token_key {
    struct pkcs11 *token; /* owned by the first key of it, NULL for the others */
    struct pkcs11_key *key;
};

static bool token_sign(void *state, const void *data, size_t len, uint8_t out[KEYRING_SIG_MAX],
                       size_t *out_len, struct err *err)
{
    const struct token_key *key = state;

    return pkcs11_sign(key->key, data, len, out, out_len, err);
}

static void token_close(void *state)
{
    struct token_key *key = state;

    pkcs11_close(key->token);
    mem_free(key);
}

static const struct key_source token_source = {"pkcs11", token_sign, token_close};

static json_t *public_json(const struct pkcs11_key *key)
{
    json_t *made;

    if (pkcs11_key_kind(key) == PKCS11_ED25519)
        return tuf_key_json(pkcs11_key_public(key));
    made = json_pack("{s:s, s:s, s:{s:s}}", "keytype", "ecdsa", "scheme", "ecdsa-sha2-nistp256",
                     "keyval", "public", pkcs11_key_pem(key));
    ASSERT(made);
    return made;
}

/* `*owner` goes to the first key. */
static bool add_key(struct keyring *ring, const struct keyring_token *token, const char *label,
                    struct pkcs11_key *key, struct pkcs11 **owner, struct err *err)
{
    AUTO_FREE char *name = mem_printf("token:%s/%s", token->token, label);
    AUTO_JSON *json = public_json(key);
    struct token_key *state = mem_alloc(sizeof(*state));

    *state = (struct token_key){.token = TAKE(*owner), .key = key};
    return keyring_add(
        ring,
        &(struct keyring_key){.label = name, .key = json, .source = &token_source, .state = state},
        err);
}

bool keyring_add_token(struct keyring *ring, const struct keyring_token *token, struct err *err)
{
    const char *const *labels = token->key_label_count ? token->key_labels : usual_labels;
    size_t count = token->key_label_count ? token->key_label_count : COUNT(usual_labels);
    AUTO_PKCS11 *owner = NULL;
    struct pkcs11 *opened;
    size_t found = 0;

    if (!token->token || !token->pin_file)
        return err_set(err, ERR_INVALID, "--pkcs11 needs --token and --pin-file");
    if (!pkcs11_open(token->module, token->token, token->pin_file, &owner, err))
        return false;
    opened = owner;
    for (size_t i = 0; i < count; i++) {
        struct pkcs11_key *key;

        if (!pkcs11_find(opened, labels[i], &key, err)) {
            if (err->code != ERR_NOT_FOUND || token->key_label_count > 0)
                return false;
            continue;
        }
        if (!add_key(ring, token, labels[i], key, &owner, err))
            return false;
        found++;
    }
    return found > 0 ||
           err_set(err, ERR_NOT_FOUND, "token '%s' has no key with a usual label: give --key-label",
                   token->token);
}

bool keyring_token_make(const struct keyring_token *token, const char *label, json_t **out,
                        struct err *err)
{
    AUTO_PKCS11 *opened = NULL;
    struct pkcs11_key *key;

    if (!token->token || !token->pin_file)
        return err_set(err, ERR_INVALID, "--pkcs11 needs --token and --pin-file");
    if (!pkcs11_open(token->module, token->token, token->pin_file, &opened, err) ||
        !pkcs11_generate(opened, PKCS11_ED25519, label, &key, err))
        return false;
    *out = public_json(key);
    return true;
}
