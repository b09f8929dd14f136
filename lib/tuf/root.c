/*
 * The root: which keys sign which role, and the step from one root to the next. Expiry is judged
 * only for the last root of a chain (refresh.c), for a device may have slept for years.
 */
#include <inttypes.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/tuf/internal.h"

static bool parse_rules(struct tuf_root *root, struct err *err)
{
    struct flat_value body = tuf_doc_body(&root->doc);
    struct flat_value keys;
    struct flat_value roles;
    bool consistent;

    if (!tuf_field_bool(body, "consistent_snapshot", &consistent, err) ||
        !tuf_field_object(body, "keys", &keys, err) ||
        !tuf_field_object(body, "roles", &roles, err))
        return false;
    if (!consistent)
        return err_refuse(err, REFUSAL_JSON_STRICT, "consistent_snapshot is not true");
    if (!tuf_keys_parse(keys, TUF_KEYS_MAX, &root->keys, err))
        return false;
    memcpy(root->keys->sha256, root->doc.sha256, HASH_BYTES);
    for (int role = 0; role < TUF_ROLE_COUNT; role++) {
        const char *name = tuf_role_name((enum tuf_role)role);
        struct flat_value rule;

        if (!tuf_field_object(roles, name, &rule, err) ||
            !tuf_rule_parse(rule, name, root->keys, &root->rules[role], err))
            return false;
    }
    return true;
}

void tuf_root_done(struct tuf_root *root)
{
    tuf_doc_done(&root->doc);
    tuf_keys_unref(root->keys);
    *root = (struct tuf_root){0};
}

bool tuf_root_parse(const struct buf *text, struct tuf_root *out, struct err *err)
{
    *out = (struct tuf_root){0};
    if (!tuf_doc_parse(TUF_ROOT, tuf_role_name(TUF_ROOT), text, &out->doc, err))
        return false;
    if (!parse_rules(out, err)) {
        tuf_root_done(out);
        return err_wrap(err, "root");
    }
    return true;
}

static bool signed_by(const struct tuf_root *root, const struct tuf_root *signer, enum refusal few,
                      const struct tuf_io *io, struct err *err)
{
    return tuf_doc_verify(&root->doc, signer->keys, &signer->rules[TUF_ROOT], few, io, err);
}

bool tuf_root_verify_itself(const struct tuf_root *root, enum refusal few, const struct tuf_io *io,
                            struct err *err)
{
    return signed_by(root, root, few, io, err);
}

bool tuf_root_follows(const struct tuf_root *old, const struct tuf_root *fresh,
                      const struct tuf_io *io, struct err *err)
{
    if (fresh->doc.version != old->doc.version + 1)
        return err_refuse(err, REFUSAL_ROOT_VERSION,
                          "root %" PRIu64 " does not follow root %" PRIu64, fresh->doc.version,
                          old->doc.version);
    return signed_by(fresh, old, REFUSAL_ROOT_OLD_THRESHOLD, io, err) &&
           signed_by(fresh, fresh, REFUSAL_ROOT_NEW_THRESHOLD, io, err);
}

bool tuf_root_rotates(const struct tuf_root *a, const struct tuf_root *b, enum tuf_role role)
{
    const struct tuf_rule *rule = &a->rules[role];

    if (rule->count != b->rules[role].count)
        return true;
    for (size_t i = 0; i < rule->count; i++) {
        if (!tuf_rule_key(&b->rules[role], b->keys, a->keys->items[rule->keys[i]].keyid))
            return true;
    }
    return false;
}
