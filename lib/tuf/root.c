/*
 * The root: which keys sign which role, and the step from one root to the next. Expiry is judged
 * only for the last root of a chain (refresh.c), for a device may have slept for years.
 */
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/tuf/internal.h"

static bool check_keyids(const json_t *keyids, const char *role, struct err *err)
{
    for (size_t i = 0; i < json_array_size(keyids); i++) {
        const json_t *keyid = json_array_get(keyids, i);

        if (!json_is_string(keyid))
            return err_refuse(err, REFUSAL_JSON_STRICT, "a keyid of '%s' is not a text", role);
        for (size_t j = 0; j < i; j++) {
            if (json_equal(keyid, json_array_get(keyids, j)))
                return err_refuse(err, REFUSAL_KEY_DUPLICATE, "role '%s' lists a key twice", role);
        }
    }
    return true;
}

static bool parse_rule(struct tuf_root *root, const json_t *roles, enum tuf_role role,
                       struct err *err)
{
    const char *name = tuf_role_name(role);
    json_t *rule;
    json_t *keyids;

    if (!json_field_object(roles, "signed.roles", name, &rule, err) ||
        !json_field_u64(rule, name, "threshold", 1, TUF_KEYS_MAX, &root->rules[role].threshold,
                        err) ||
        !json_field_array(rule, name, "keyids", TUF_KEYS_MAX, &keyids, err))
        return tuf_malformed(err);
    root->rules[role].keyids = keyids;
    return check_keyids(keyids, name, err);
}

static bool parse_rules(struct tuf_root *root, struct err *err)
{
    json_t *keys;
    json_t *roles;
    bool consistent;

    if (!json_field_bool(root->doc.body, "signed", "consistent_snapshot", &consistent, err) ||
        !json_field_object(root->doc.body, "signed", "keys", &keys, err) ||
        !json_field_object(root->doc.body, "signed", "roles", &roles, err))
        return tuf_malformed(err);
    if (!consistent)
        return err_refuse(err, REFUSAL_JSON_STRICT, "consistent_snapshot is not true");
    if (!tuf_keys_parse(keys, root, err))
        return false;
    for (int role = 0; role < TUF_ROLE_COUNT; role++) {
        if (!parse_rule(root, roles, (enum tuf_role)role, err))
            return false;
    }
    return true;
}

void tuf_root_done(struct tuf_root *root)
{
    tuf_doc_done(&root->doc);
    mem_free(root->keys);
    *root = (struct tuf_root){0};
}

bool tuf_root_parse(const void *data, size_t len, struct tuf_root *out, struct err *err)
{
    *out = (struct tuf_root){0};
    if (!tuf_doc_parse(TUF_ROOT, data, len, &out->doc, err))
        return false;
    if (!parse_rules(out, err)) {
        tuf_root_done(out);
        return err_wrap(err, "root");
    }
    return true;
}

bool tuf_root_follows(const struct tuf_root *old, const struct tuf_root *fresh,
                      const struct tuf_io *io, struct err *err)
{
    if (fresh->doc.version != old->doc.version + 1)
        return err_refuse(err, REFUSAL_ROOT_VERSION, "root %llu does not follow root %llu",
                          (unsigned long long)fresh->doc.version,
                          (unsigned long long)old->doc.version);
    return tuf_doc_verify(&fresh->doc, old, REFUSAL_ROOT_OLD_THRESHOLD, io, err) &&
           tuf_doc_verify(&fresh->doc, fresh, REFUSAL_ROOT_NEW_THRESHOLD, io, err);
}

bool tuf_root_lists(const struct tuf_root *root, enum tuf_role role, const char *keyid)
{
    const json_t *keyids = root->rules[role].keyids;

    for (size_t i = 0; i < json_array_size(keyids); i++) {
        if (text_equal(json_string_value(json_array_get(keyids, i)), keyid))
            return true;
    }
    return false;
}

bool tuf_root_rotates(const struct tuf_root *a, const struct tuf_root *b, enum tuf_role role)
{
    const json_t *keyids = a->rules[role].keyids;

    if (json_array_size(keyids) != json_array_size(b->rules[role].keyids))
        return true;
    for (size_t i = 0; i < json_array_size(keyids); i++) {
        if (!tuf_root_lists(b, role, json_string_value(json_array_get(keyids, i))))
            return true;
    }
    return false;
}
