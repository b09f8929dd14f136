/* Making documents. The file's own spacing and order mean nothing: signatures are over the
 * canonical form, and control characters raw in it would not even be JSON. */
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/crypto/sign.h"
#include "lib/tuf/internal.h"

static const char spec_version[] = "1.0.31";

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

json_t *tuf_make_targets(uint64_t version, int64_t expires_ms, const json_t *targets,
                         const json_t *delegations)
{
    json_t *body = make_head(TUF_TARGETS, version, expires_ms);

    set_new(body, "targets", json_deep_copy(targets));
    if (delegations)
        set_new(body, "delegations", json_deep_copy(delegations));
    return body;
}

static json_t *make_meta(json_t *body, const struct tuf_listed *listed, size_t count)
{
    json_t *meta = json_object();

    set_new(body, "meta", meta);
    for (size_t i = 0; i < count; i++) {
        AUTO_FREE char *name = mem_printf("%s.json", listed[i].name);
        char hex[HASH_HEX_ROOM];

        text_from_hex_bytes(listed[i].sha256, HASH_BYTES, hex);
        set_new(meta, name,
                json_pack("{s:I, s:I, s:{s:s}}", "version", (json_int_t)listed[i].version, "length",
                          (json_int_t)listed[i].length, "hashes", "sha256", hex));
    }
    return body;
}

json_t *tuf_make_snapshot(uint64_t version, int64_t expires_ms, const struct tuf_listed *listed,
                          size_t count)
{
    return make_meta(make_head(TUF_SNAPSHOT, version, expires_ms), listed, count);
}

json_t *tuf_make_timestamp(uint64_t version, int64_t expires_ms, uint64_t snapshot_version,
                           uint64_t snapshot_length, const uint8_t snapshot_sha256[HASH_BYTES])
{
    struct tuf_listed listed = {
        .name = "snapshot", .version = snapshot_version, .length = snapshot_length};

    memcpy(listed.sha256, snapshot_sha256, HASH_BYTES);
    return make_meta(make_head(TUF_TIMESTAMP, version, expires_ms), &listed, 1);
}

/* --- delegations -------------------------------------------------------------------------------
 */

static json_t *text_list(const char *const *texts, size_t count)
{
    json_t *list = json_array();

    for (size_t i = 0; i < count; i++)
        ASSERT(json_array_append_new(list, json_string(texts[i])) == 0);
    return list;
}

static json_t *make_delegation(const struct tuf_delegation_plan *plan, const char *name_field)
{
    json_t *role = json_object();

    set_new(role, name_field, json_string(plan->name));
    set_new(role, "keyids", text_list(plan->keyids, plan->keyid_count));
    set_new(role, "threshold", json_integer((json_int_t)plan->threshold));
    if (plan->hwid_count)
        set_new(role, "x-hwids", text_list(plan->hwids, plan->hwid_count));
    return role;
}

json_t *tuf_delegation_json(const struct tuf_delegation_plan *plan)
{
    json_t *role = make_delegation(plan, "name");

    set_new(role, "paths", text_list(plan->paths, plan->path_count));
    set_new(role, "terminating", json_boolean(plan->terminating));
    return role;
}

json_t *tuf_succinct_json(const struct tuf_delegation_plan *plan, unsigned bits)
{
    json_t *roles = make_delegation(plan, "name_prefix");

    set_new(roles, "bit_length", json_integer((json_int_t)bits));
    return roles;
}

bool tuf_delegations_json(const json_t *const *keys, size_t count, json_t *roles, json_t *succinct,
                          json_t **out, struct err *err)
{
    AUTO_JSON *delegations = json_object();
    json_t *list = json_object();

    ASSERT(!roles != !succinct);
    set_new(delegations, "keys", list);
    set_new(delegations, roles ? "roles" : "succinct_roles", roles ? roles : succinct);
    for (size_t i = 0; i < count; i++) {
        char keyid[TUF_KEYID_ROOM];

        if (!tuf_keyid_of(keys[i], keyid, err))
            return false;
        set_new(list, keyid, json_deep_copy(keys[i]));
    }
    *out = TAKE(delegations);
    return true;
}

/* --- signing -----------------------------------------------------------------------------------
 */

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

void tuf_add_canonical(struct buf *out, const struct buf *canonical)
{
    for (size_t i = 0; i < canonical->len; i++) {
        if (canonical->data[i] < ' ')
            buf_printf(out, "\\u%04x", canonical->data[i]);
        else
            buf_add_u8(out, canonical->data[i]);
    }
}

bool tuf_join(const struct buf *signed_bytes, const json_t *signatures, struct buf *out,
              struct err *err)
{
    AUTO_FREE char *list = json_text(signatures);

    buf_add_text(out, "{\"signatures\":");
    buf_add_text(out, list);
    buf_add_text(out, ",\"signed\":");
    tuf_add_canonical(out, signed_bytes);
    buf_add_text(out, "}\n");
    if (out->failed)
        return err_set(err, ERR_LIMIT, "the document is longer than %zu bytes", out->max);
    return true;
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
