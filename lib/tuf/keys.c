/*
 * Keys and the counting of signatures. A key counts once, whatever it is called: its id must be
 * the hash of the key object, and one public key under two ids refuses the whole document. A key
 * of a scheme we do not know is skipped, so that new schemes can come beside old ones.
 */
#include <inttypes.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/crypto/sign.h"
#include "lib/crypto/verify.h"
#include "lib/tuf/internal.h"

/* --- schemes -----------------------------------------------------------------------------------
 */

struct tuf_scheme {
    const char *keytype;
    const char *name;
    /* Is key->text well formed? */
    bool (*prepare)(struct tuf_key *key);
    bool (*check)(const struct tuf_key *key, const void *data, size_t len, const uint8_t *sig,
                  size_t sig_len);
};

static bool prepare_ed25519(struct tuf_key *key)
{
    if (!text_to_hex_bytes(key->text, strlen(key->text), key->public_key, sizeof(key->public_key)))
        return false;
    hash_sha256(key->public_key, sizeof(key->public_key), key->identity);
    return true;
}

static bool check_ed25519(const struct tuf_key *key, const void *data, size_t len,
                          const uint8_t *sig, size_t sig_len)
{
    return sig_len == SIGN_BYTES && sign_check(key->public_key, data, len, sig);
}

static bool prepare_ecdsa(struct tuf_key *key)
{
    return verify_pem_identity(VERIFY_ECDSA_P256, key->text, key->identity);
}

static bool prepare_rsa(struct tuf_key *key)
{
    return verify_pem_identity(VERIFY_RSA_PSS, key->text, key->identity);
}

static bool check_ecdsa(const struct tuf_key *key, const void *data, size_t len, const uint8_t *sig,
                        size_t sig_len)
{
    return verify_pem(VERIFY_ECDSA_P256, key->text, data, len, sig, sig_len);
}

static bool check_rsa(const struct tuf_key *key, const void *data, size_t len, const uint8_t *sig,
                      size_t sig_len)
{
    return verify_pem(VERIFY_RSA_PSS, key->text, data, len, sig, sig_len);
}

/* clang-format off */
static const struct tuf_scheme schemes[] = {
    {"ed25519",             "ed25519",             prepare_ed25519, check_ed25519},
    {"ecdsa",               "ecdsa-sha2-nistp256", prepare_ecdsa,   check_ecdsa},
    {"ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256", prepare_ecdsa,   check_ecdsa},
    {"rsa",                 "rsassa-pss-sha256",   prepare_rsa,     check_rsa},
};
/* clang-format on */

bool tuf_key_signed(const struct tuf_key *key, const void *data, size_t len, const char *sig_hex)
{
    uint8_t sig[TUF_SIG_BYTES_MAX];
    size_t sig_len = strlen(sig_hex) / 2;

    return key->scheme && sig_len <= sizeof(sig) &&
           text_to_hex_bytes(sig_hex, strlen(sig_hex), sig, sig_len) &&
           key->scheme->check(key, data, len, sig, sig_len);
}

/* --- the keys of a document --------------------------------------------------------------------
 */

/* Some make the id over all fields of the key object, some only over those of TUF itself. */
static bool keyid_is_of(const char *keyid, struct flat_value key, struct err *err)
{
    static const char *const fields[] = {"keytype", "keyval", "scheme"}; /* sorted */
    char hex[TUF_KEYID_ROOM];
    uint8_t hash[HASH_BYTES];
    AUTO_BUF text;

    buf_init(&text, TUF_ROOT_BYTES_MAX);
    if (!flat_canonical(key, &text, err))
        return false;
    hash_sha256(text.data, text.len, hash);
    text_from_hex_bytes(hash, sizeof(hash), hex);
    if (text_equal(hex, keyid))
        return true;
    buf_reset(&text);
    for (size_t i = 0; i < COUNT(fields); i++) {
        buf_printf(&text, "%s\"%s\":", i ? "," : "{", fields[i]);
        if (!flat_some(flat_get(key, fields[i])) ||
            !flat_canonical(flat_get(key, fields[i]), &text, err))
            break;
    }
    buf_add_text(&text, "}");
    hash_sha256(text.data, text.len, hash);
    text_from_hex_bytes(hash, sizeof(hash), hex);
    return text_equal(hex, keyid);
}

static void find_scheme(struct flat_value key, struct tuf_key *out)
{
    for (size_t i = 0; i < COUNT(schemes); i++) {
        if (!flat_text_is(flat_get(key, "keytype"), schemes[i].keytype) ||
            !flat_text_is(flat_get(key, "scheme"), schemes[i].name))
            continue;
        if (schemes[i].prepare(out))
            out->scheme = &schemes[i];
        else
            out->malformed = true;
    }
}

static bool parse_key(struct flat_value key, struct tuf_key *out, struct err *err)
{
    char text[TUF_PUBLIC_TEXT_MAX] = "";

    if (!flat_text_copy(flat_key(key), out->keyid, sizeof(out->keyid)))
        return err_refuse(err, REFUSAL_KEYID_MISMATCH, "a key's id is too long");
    if (!flat_is(key, FLAT_OBJECT))
        return err_refuse(err, REFUSAL_JSON_STRICT, "key '%.64s' is not an object", out->keyid);
    if (!keyid_is_of(out->keyid, key, err))
        return err_refuse(err, REFUSAL_KEYID_MISMATCH, "key '%.64s' is another key", out->keyid);
    if (!flat_text_copy(flat_get(flat_get(key, "keyval"), "public"), text, sizeof(text)))
        text[0] = '\0';
    out->text = mem_strdup(text);
    hash_sha256(text, strlen(text), out->identity); /* unless the scheme knows better */
    find_scheme(key, out);
    return true;
}

static bool check_twice(const struct tuf_keys *keys, struct err *err)
{
    for (size_t i = 0; i < keys->count; i++) {
        const struct tuf_key *key = &keys->items[i];

        for (size_t j = 0; key->text[0] && j < i; j++) {
            if (crypto_equal(key->identity, keys->items[j].identity, HASH_BYTES))
                return err_refuse(err, REFUSAL_KEY_DUPLICATE, "keys '%.16s' and '%.16s' are one",
                                  keys->items[j].keyid, key->keyid);
        }
    }
    return true;
}

struct tuf_keys *tuf_keys_ref(struct tuf_keys *keys)
{
    keys->refs++;
    return keys;
}

void tuf_keys_unref(struct tuf_keys *keys)
{
    if (!keys || --keys->refs > 0)
        return;
    for (size_t i = 0; i < keys->count; i++)
        mem_free(keys->items[i].text);
    mem_free(keys);
}

bool tuf_keys_parse(struct flat_value value, size_t count_max, struct tuf_keys **out,
                    struct err *err)
{
    size_t count = flat_count(value);
    struct tuf_keys *keys;
    bool good = true;

    if (count > count_max)
        return err_refuse(err, REFUSAL_JSON_STRICT, "more than %zu keys", count_max);
    keys = mem_alloc(sizeof(*keys) + count * sizeof(keys->items[0]));
    keys->refs = 1;
    for (struct flat_value at = flat_first(value); good && flat_some(at); at = flat_next(at)) {
        ASSERT(keys->count < count);
        good = parse_key(at, &keys->items[keys->count++], err);
    }
    if (!good || !check_twice(keys, err)) {
        tuf_keys_unref(keys);
        return false;
    }
    *out = keys;
    return true;
}

/* --- rules -------------------------------------------------------------------------------------
 */

static bool check_keyids(struct flat_value keyids, const char *role, struct err *err)
{
    for (struct flat_value at = flat_first(keyids); flat_some(at); at = flat_next(at)) {
        if (!flat_is(at, FLAT_TEXT))
            return err_refuse(err, REFUSAL_JSON_STRICT, "a keyid of '%.64s' is not a text", role);
        for (struct flat_value other = flat_first(keyids); other.at != at.at;
             other = flat_next(other)) {
            if (flat_equal(at, other))
                return err_refuse(err, REFUSAL_KEY_DUPLICATE, "role '%.64s' lists a key twice",
                                  role);
        }
    }
    return true;
}

bool tuf_rule_parse(struct flat_value object, const char *name, const struct tuf_keys *keys,
                    struct tuf_rule *out, struct err *err)
{
    struct flat_value keyids;

    *out = (struct tuf_rule){0};
    if (!tuf_field_u64(object, "threshold", 1, &out->threshold, err) ||
        !tuf_field_array(object, "keyids", TUF_KEYS_MAX, &keyids, err))
        return err_wrap(err, "role '%.64s'", name);
    if (out->threshold > TUF_KEYS_MAX)
        return err_refuse(err, REFUSAL_JSON_STRICT, "the threshold of '%.64s' is above %d", name,
                          TUF_KEYS_MAX);
    if (!check_keyids(keyids, name, err))
        return false;
    for (struct flat_value at = flat_first(keyids); flat_some(at); at = flat_next(at)) {
        for (size_t i = 0; i < keys->count; i++) {
            if (flat_text_is(at, keys->items[i].keyid))
                out->keys[out->count++] = (uint16_t)i;
        }
    }
    return true;
}

const struct tuf_key *tuf_rule_key(const struct tuf_rule *rule, const struct tuf_keys *keys,
                                   const char *keyid)
{
    for (size_t i = 0; i < rule->count; i++) {
        if (text_equal(keys->items[rule->keys[i]].keyid, keyid))
            return &keys->items[rule->keys[i]];
    }
    return NULL;
}

bool tuf_rule_is_sound(const struct tuf_rule *rule, const struct tuf_keys *keys, const char *name,
                       struct err *err)
{
    size_t usable = 0;

    for (size_t i = 0; i < rule->count; i++) {
        const struct tuf_key *key = &keys->items[rule->keys[i]];

        if (key->malformed)
            return err_refuse(err, REFUSAL_JSON_STRICT, "key '%.16s' of '%.64s' is not well formed",
                              key->keyid, name);
        usable += key->scheme != NULL;
    }
    if (usable >= rule->threshold)
        return true;
    return err_refuse(err, REFUSAL_JSON_STRICT,
                      "'%.64s' needs %" PRIu64 " signatures and has %zu usable keys", name,
                      rule->threshold, usable);
}

/* --- signatures --------------------------------------------------------------------------------
 */

static bool check_signature_ids(const struct tuf_doc *doc, struct err *err)
{
    struct flat_value all = flat_get(flat_root(&doc->flat), "signatures");
    size_t number = 0;

    for (struct flat_value at = flat_first(all); flat_some(at); at = flat_next(at)) {
        struct flat_value keyid = flat_get(at, "keyid");

        number++;
        if (flat_text_len(keyid) == 0)
            return err_refuse(err, REFUSAL_JSON_STRICT, "signature %zu has no keyid", number);
        for (struct flat_value other = flat_first(all); other.at != at.at;
             other = flat_next(other)) {
            if (flat_equal(keyid, flat_get(other, "keyid")))
                return err_refuse(err, REFUSAL_SIG_DUPLICATE_KEYID,
                                  "%s: key of signature %zu signed twice", doc->name, number);
        }
    }
    return true;
}

/* An empty, wrong or unknown signature beside good ones is no error. */
static bool is_good(struct flat_value signature, const struct tuf_keys *keys,
                    const struct tuf_rule *rule, const struct buf *signed_bytes)
{
    char keyid[TUF_KEYID_ROOM];
    char sig[2 * TUF_SIG_BYTES_MAX + 1];
    const struct tuf_key *key;

    if (!flat_text_copy(flat_get(signature, "keyid"), keyid, sizeof(keyid)) ||
        !flat_text_copy(flat_get(signature, "sig"), sig, sizeof(sig)))
        return false;
    key = tuf_rule_key(rule, keys, keyid);
    return key && tuf_key_signed(key, signed_bytes->data, signed_bytes->len, sig);
}

static bool count_signatures(const struct tuf_doc *doc, const struct tuf_keys *keys,
                             const struct tuf_rule *rule, enum refusal few, struct err *err)
{
    struct flat_value all = flat_get(flat_root(&doc->flat), "signatures");
    uint64_t good = 0;
    AUTO_BUF signed_bytes;

    buf_init(&signed_bytes, doc->len); /* the canonical form is never longer */
    if (!check_signature_ids(doc, err))
        return false;
    if (!flat_canonical(tuf_doc_body(doc), &signed_bytes, err))
        return tuf_malformed(err);
    for (struct flat_value at = flat_first(all); flat_some(at); at = flat_next(at))
        good += is_good(at, keys, rule, &signed_bytes);
    if (good < rule->threshold)
        return err_refuse(err, few, "%s %" PRIu64 " has %" PRIu64 " good signatures of %" PRIu64,
                          doc->name, doc->version, good, rule->threshold);
    return true;
}

bool tuf_doc_verify(const struct tuf_doc *doc, const struct tuf_keys *keys,
                    const struct tuf_rule *rule, enum refusal few, const struct tuf_io *io,
                    struct err *err)
{
    uint8_t digest[HASH_BYTES];
    AUTO_BUF memo;

    buf_init(&memo, TUF_ROLE_NAME_MAX + 1 + 2 * HASH_BYTES);
    if (!io || !io->seen)
        return count_signatures(doc, keys, rule, few, err);
    buf_add(&memo, keys->sha256, HASH_BYTES);
    buf_add(&memo, doc->sha256, HASH_BYTES);
    buf_add_text(&memo, doc->name);
    hash_sha256(memo.data, memo.len, digest);
    if (io->seen(io->arg, digest))
        return true;
    if (!count_signatures(doc, keys, rule, few, err))
        return false;
    io->remember(io->arg, digest);
    return true;
}
