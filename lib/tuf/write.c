/* Making documents. The file's own spacing and order mean nothing: signatures are over the
 * canonical form, and control characters raw in it would not even be JSON. */
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/crypto/sign.h"
#include "lib/tuf/internal.h"

static const char spec_version[] = "1.0.31";

json_t *tuf_key_json(const uint8_t *public_key)
{
    char hex[SIGN_PUBLIC_HEX_ROOM];
    json_t *key;

    text_from_hex_bytes(public_key, SIGN_PUBLIC_BYTES, hex);
    key = json_pack("{s:s, s:s, s:{s:s}}", "keytype", "ed25519", "scheme", "ed25519", "keyval",
                    "public", hex);
    ASSERT(key);
    return key;
}

void tuf_keyid(const uint8_t *public_key, char out[TUF_KEYID_ROOM])
{
    AUTO_JSON *key = tuf_key_json(public_key);
    struct err err = {0};
    bool good = tuf_keyid_of(key, out, &err);

    ASSERT(good);
}

static json_t *make_head(enum tuf_role role, uint64_t version, int64_t expires_ms)
{
    char expires[TEXT_TIME_ROOM];
    json_t *head;

    text_from_time(expires_ms, expires);
    head = json_pack("{s:s, s:s, s:I, s:s}", "_type", tuf_role_name(role), "spec_version",
                     spec_version, "version", (json_int_t)version, "expires", expires);
    ASSERT(head);
    return head;
}

static void set_new(json_t *object, const char *name, json_t *value)
{
    int failed = json_object_set_new(object, name, value);

    ASSERT(failed == 0);
}

static bool make_rule(const struct tuf_root_plan *plan, enum tuf_role role, json_t *keys,
                      json_t *roles, struct err *err)
{
    json_t *keyids = json_array();

    set_new(roles, tuf_role_name(role),
            json_pack("{s:o, s:I}", "keyids", keyids, "threshold",
                      (json_int_t)plan->roles[role].threshold));
    for (size_t i = 0; i < plan->roles[role].count; i++) {
        char keyid[TUF_KEYID_ROOM];

        if (!tuf_keyid_of(plan->roles[role].keys[i], keyid, err))
            return false;
        set_new(keys, keyid, json_deep_copy(plan->roles[role].keys[i]));
        ASSERT(json_array_append_new(keyids, json_string(keyid)) == 0);
    }
    return true;
}

bool tuf_make_root(const struct tuf_root_plan *plan, json_t **out, struct err *err)
{
    AUTO_JSON *root = make_head(TUF_ROOT, plan->version, plan->expires_ms);
    json_t *keys = json_object();
    json_t *roles = json_object();

    set_new(root, "consistent_snapshot", json_true());
    set_new(root, "keys", keys);
    set_new(root, "roles", roles);
    for (int role = 0; role < TUF_ROLE_COUNT; role++) {
        if (!make_rule(plan, (enum tuf_role)role, keys, roles, err))
            return false;
    }
    *out = TAKE(root);
    return true;
}

json_t *tuf_make_targets(uint64_t version, int64_t expires_ms, const json_t *targets)
{
    json_t *body = make_head(TUF_TARGETS, version, expires_ms);

    set_new(body, "targets", json_deep_copy(targets));
    return body;
}

static json_t *make_meta(json_t *body, const char *name, const struct tuf_file *file)
{
    char hex[HASH_HEX_ROOM];

    text_from_hex_bytes(file->sha256, HASH_BYTES, hex);
    set_new(body, "meta",
            json_pack("{s:{s:I, s:I, s:{s:s}}}", name, "version", (json_int_t)file->version,
                      "length", (json_int_t)file->length, "hashes", "sha256", hex));
    return body;
}

json_t *tuf_make_snapshot(uint64_t version, int64_t expires_ms, uint64_t targets_version,
                          uint64_t targets_length, const uint8_t targets_sha256[HASH_BYTES])
{
    struct tuf_file file = {.version = targets_version, .length = targets_length};

    memcpy(file.sha256, targets_sha256, HASH_BYTES);
    return make_meta(make_head(TUF_SNAPSHOT, version, expires_ms), "targets.json", &file);
}

json_t *tuf_make_timestamp(uint64_t version, int64_t expires_ms, uint64_t snapshot_version,
                           uint64_t snapshot_length, const uint8_t snapshot_sha256[HASH_BYTES])
{
    struct tuf_file file = {.version = snapshot_version, .length = snapshot_length};

    memcpy(file.sha256, snapshot_sha256, HASH_BYTES);
    return make_meta(make_head(TUF_TIMESTAMP, version, expires_ms), "snapshot.json", &file);
}

static void add_signature(json_t *signatures, const struct sign_key *key, const struct buf *text)
{
    char keyid[TUF_KEYID_ROOM];
    uint8_t raw[SIGN_BYTES];
    char hex[SIGN_HEX_ROOM];

    tuf_keyid(sign_key_public(key), keyid);
    sign_make(key, text->data, text->len, raw);
    text_from_hex_bytes(raw, sizeof(raw), hex);
    ASSERT(json_array_append_new(signatures, json_pack("{s:s, s:s}", "keyid", keyid, "sig", hex)) ==
           0);
}

bool tuf_sign_document(const json_t *signed_part, const struct sign_key *const *keys, size_t count,
                       struct buf *out, struct err *err)
{
    AUTO_JSON *document = json_object();
    json_t *signatures = json_array();
    AUTO_FREE char *text = NULL;
    AUTO_BUF canonical;

    buf_init(&canonical, TUF_TARGETS_BYTES_MAX);
    set_new(document, "signatures", signatures);
    set_new(document, "signed", json_incref(json_iterable(signed_part)));
    if (!json_canonical(signed_part, &canonical, err))
        return false;
    for (size_t i = 0; i < count; i++)
        add_signature(signatures, keys[i], &canonical);

    text = json_text(document);
    buf_add_text(out, text);
    buf_add_text(out, "\n");
    if (out->failed)
        return err_set(err, ERR_LIMIT, "the document is longer than %zu bytes", out->max);
    return true;
}
