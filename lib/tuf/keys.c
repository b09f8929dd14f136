/*
 * Keys and the counting of signatures. A key counts once, whatever it is called: its id must be
 * the hash of the key object, and one public key under two ids refuses the whole root. A key of
 * a scheme we do not know is skipped, so that new schemes can come beside old ones.
 */
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/crypto/sign.h"
#include "lib/tuf/internal.h"

enum { KEY_BYTES_MAX = 16384 };

bool tuf_keyid_of(const json_t *key, char out[TUF_KEYID_ROOM], struct err *err)
{
    uint8_t hash[HASH_BYTES];
    AUTO_BUF text;

    buf_init(&text, KEY_BYTES_MAX);
    if (!json_canonical(key, &text, err))
        return false;
    hash_sha256(text.data, text.len, hash);
    text_from_hex_bytes(hash, sizeof(hash), out);
    return true;
}

static const char *text_or_empty(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text ? text : "";
}

static bool parse_key(const char *keyid, const json_t *key, struct tuf_key *out, struct err *err)
{
    char expected[TUF_KEYID_ROOM];

    if (!json_is_object(key))
        return err_refuse(err, REFUSAL_JSON_STRICT, "key '%.64s' is not an object", keyid);
    if (!tuf_keyid_of(key, expected, err))
        return tuf_malformed(err);
    if (strcmp(keyid, expected) != 0)
        return err_refuse(err, REFUSAL_KEYID_MISMATCH, "key '%.64s' has the id '%s'", keyid,
                          expected);
    out->keyid = keyid;
    out->public_text = text_or_empty(json_object_get(key, "keyval"), "public");
    out->usable = text_equal(text_or_empty(key, "keytype"), "ed25519") &&
                  text_equal(text_or_empty(key, "scheme"), "ed25519") &&
                  text_to_hex_bytes(out->public_text, strlen(out->public_text), out->public_key,
                                    sizeof(out->public_key));
    return true;
}

static bool check_twice(const struct tuf_root *root, struct err *err)
{
    for (size_t i = 0; i < root->key_count; i++) {
        for (size_t j = 0; j < i; j++) {
            const char *text = root->keys[i].public_text;

            if (text[0] && text_equal(text, root->keys[j].public_text))
                return err_refuse(err, REFUSAL_KEY_DUPLICATE, "keys '%.16s' and '%.16s' are one",
                                  root->keys[j].keyid, root->keys[i].keyid);
        }
    }
    return true;
}

bool tuf_keys_parse(const json_t *keys, struct tuf_root *out, struct err *err)
{
    const char *keyid;
    json_t *key;

    if (json_object_size(keys) > TUF_KEYS_MAX)
        return err_refuse(err, REFUSAL_JSON_STRICT, "more than %d keys", TUF_KEYS_MAX);
    out->keys = mem_array(json_object_size(keys), sizeof(*out->keys));
    json_object_foreach(json_iterable(keys), keyid, key)
    {
        if (!parse_key(keyid, key, &out->keys[out->key_count], err))
            return false;
        out->key_count++;
    }
    return check_twice(out, err);
}

static const struct tuf_key *find_key(const struct tuf_root *root, const char *keyid)
{
    for (size_t i = 0; i < root->key_count; i++) {
        if (text_equal(root->keys[i].keyid, keyid))
            return &root->keys[i];
    }
    return NULL;
}

static const char *signature_keyid(const struct tuf_doc *doc, size_t at)
{
    return text_or_empty(json_array_get(doc->signatures, at), "keyid");
}

static bool check_signature_ids(const struct tuf_doc *doc, struct err *err)
{
    for (size_t i = 0; i < json_array_size(doc->signatures); i++) {
        const char *keyid = signature_keyid(doc, i);

        if (keyid[0] == '\0')
            return err_refuse(err, REFUSAL_JSON_STRICT, "signature %zu has no keyid", i + 1);
        for (size_t j = 0; j < i; j++) {
            if (text_equal(keyid, signature_keyid(doc, j)))
                return err_refuse(err, REFUSAL_SIG_DUPLICATE_KEYID, "%s: key '%.16s' signed twice",
                                  tuf_role_name(doc->role), keyid);
        }
    }
    return true;
}

/* An empty, wrong or unknown signature beside good ones is no error. */
static bool is_good(const struct tuf_doc *doc, size_t at, const struct tuf_root *root,
                    const struct buf *signed_bytes)
{
    const char *keyid = signature_keyid(doc, at);
    const char *sig = text_or_empty(json_array_get(doc->signatures, at), "sig");
    const struct tuf_key *key;
    uint8_t raw[SIGN_BYTES];

    if (!tuf_root_lists(root, doc->role, keyid))
        return false;
    key = find_key(root, keyid);
    return key && key->usable && text_to_hex_bytes(sig, strlen(sig), raw, sizeof(raw)) &&
           sign_check(key->public_key, signed_bytes->data, signed_bytes->len, raw);
}

static bool count_signatures(const struct tuf_doc *doc, const struct tuf_root *root,
                             enum refusal few, struct err *err)
{
    uint64_t good = 0;
    AUTO_BUF signed_bytes;

    buf_init(&signed_bytes, doc->len); /* the canonical form is never longer */
    if (!check_signature_ids(doc, err))
        return false;
    if (!json_canonical(doc->body, &signed_bytes, err))
        return tuf_malformed(err);
    for (size_t i = 0; i < json_array_size(doc->signatures); i++)
        good += is_good(doc, i, root, &signed_bytes);
    if (good < root->rules[doc->role].threshold)
        return err_refuse(err, few, "%s %llu has %llu good signatures of %llu",
                          tuf_role_name(doc->role), (unsigned long long)doc->version,
                          (unsigned long long)good,
                          (unsigned long long)root->rules[doc->role].threshold);
    return true;
}

bool tuf_doc_verify(const struct tuf_doc *doc, const struct tuf_root *root, enum refusal few,
                    const struct tuf_io *io, struct err *err)
{
    uint8_t digest[HASH_BYTES];
    AUTO_BUF key;

    buf_init(&key, 1 + (2 * HASH_BYTES));
    if (!io || !io->seen)
        return count_signatures(doc, root, few, err);
    buf_add_u8(&key, (uint8_t)doc->role);
    buf_add(&key, root->doc.sha256, HASH_BYTES);
    buf_add(&key, doc->sha256, HASH_BYTES);
    hash_sha256(key.data, key.len, digest);
    if (io->seen(io->arg, digest))
        return true;
    if (!count_signatures(doc, root, few, err))
        return false;
    io->remember(io->arg, digest);
    return true;
}
