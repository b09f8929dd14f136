/* Trees in, trees out; what lib/tuf's builders make for a first version is edited here for every
 * later one. */
#include "cli/trust/edit.h"

#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"

static void set_new(json_t *object, const char *name, json_t *value)
{
    int failed = json_object_set_new(object, name, value);

    ASSERT(failed == 0);
}

static void set_expiry(json_t *body, int64_t now_ms, uint64_t days)
{
    char expires[TEXT_TIME_ROOM];

    text_from_time(now_ms + ((int64_t)days * EDIT_DAY_MS), expires);
    set_new(body, "expires", json_string(expires));
}

json_t *edit_next(const json_t *body, int64_t now_ms, uint64_t days)
{
    json_t *next = json_deep_copy(body);
    json_int_t version = json_integer_value(json_object_get(body, "version"));

    ASSERT(next);
    set_new(next, "version", json_integer(version + 1));
    set_expiry(next, now_ms, days);
    return next;
}

json_t *edit_targets_new(int64_t now_ms, uint64_t days)
{
    AUTO_JSON *none = json_object();

    return tuf_make_targets(1, now_ms + ((int64_t)days * EDIT_DAY_MS), none, NULL);
}

json_t *edit_targets(const json_t *body)
{
    return json_object_get(body, "targets");
}

/* --- rules and keys --------------------------------------------------------------------------- */

static json_t *delegated_rule(const json_t *delegations, const char *role)
{
    json_t *succinct = json_object_get(delegations, "succinct_roles");
    const json_t *roles = json_object_get(delegations, "roles");
    json_t *item;
    size_t i;

    json_array_foreach(roles, i, item)
    {
        if (text_equal(json_string_value(json_object_get(item, "name")), role))
            return item;
    }
    if (succinct && text_equal(json_string_value(json_object_get(succinct, "name_prefix")), role))
        return succinct;
    return NULL;
}

static bool is_root(const json_t *body)
{
    const char *type = json_string_value(json_object_get(body, "_type"));

    return type && text_equal(type, "root");
}

json_t *edit_rule(const json_t *body, const char *role)
{
    if (is_root(body))
        return json_object_get(json_object_get(body, "roles"), role);
    return delegated_rule(json_object_get(body, "delegations"), role);
}

json_t *edit_keys(json_t *body)
{
    json_t *holder = body;

    if (!is_root(body)) {
        holder = json_object_get(body, "delegations");
        if (!holder) {
            holder = json_object();
            set_new(body, "delegations", holder);
        }
    }
    if (!json_object_get(holder, "keys"))
        set_new(holder, "keys", json_object());
    return json_object_get(holder, "keys");
}

static bool rule_names(const json_t *rule, const char *keyid)
{
    const json_t *item;
    size_t i;

    json_array_foreach(json_object_get(rule, "keyids"), i, item)
    {
        if (text_equal(json_string_value(item), keyid))
            return true;
    }
    return false;
}

static bool anybody_names(const json_t *body, const char *keyid)
{
    const json_t *delegations = json_object_get(body, "delegations");
    const json_t *item;
    const char *name;
    json_t *rule;
    size_t i;

    if (is_root(body)) {
        json_object_foreach(json_object_get(body, "roles"), name, rule)
        {
            if (rule_names(rule, keyid))
                return true;
        }
        return false;
    }
    json_array_foreach(json_object_get(delegations, "roles"), i, item)
    {
        if (rule_names(item, keyid))
            return true;
    }
    return rule_names(json_object_get(delegations, "succinct_roles"), keyid);
}

static void drop_unused_keys(json_t *body)
{
    json_t *keys = edit_keys(body);
    const char *keyid;
    void *next;
    json_t *key;

    json_object_foreach_safe(keys, next, keyid, key)
    {
        if (!anybody_names(body, keyid))
            (void)json_object_del(keys, keyid); /* it is there */
    }
}

static bool add_keys(json_t *body, const json_t *keys, json_t *keyids, struct err *err)
{
    json_t *known = edit_keys(body);
    json_t *key;
    size_t i;

    json_array_foreach(keys, i, key)
    {
        char keyid[TUF_KEYID_ROOM];

        if (!tuf_keyid_of(key, keyid, err))
            return false;
        set_new(known, keyid, json_deep_copy(key));
        ASSERT(json_array_append_new(keyids, json_string(keyid)) == 0);
    }
    return true;
}

bool edit_set_keys(json_t *body, const char *role, const json_t *keys, uint64_t threshold,
                   struct err *err)
{
    json_t *rule = edit_rule(body, role);
    json_t *keyids;

    if (!rule)
        return err_set(err, ERR_NOT_FOUND, "there is no role '%s'", role);
    if (threshold == 0)
        threshold = (uint64_t)json_integer_value(json_object_get(rule, "threshold"));
    if (json_array_size(keys) < threshold || json_array_size(keys) > TUF_KEYS_MAX)
        return err_set(err, ERR_INVALID, "%s would have %zu keys for a threshold of %llu", role,
                       json_array_size(keys), (unsigned long long)threshold);
    keyids = json_array();
    set_new(rule, "keyids", keyids);
    set_new(rule, "threshold", json_integer((json_int_t)threshold));
    if (!add_keys(body, keys, keyids, err))
        return false;
    drop_unused_keys(body);
    return true;
}

json_t *edit_keys_of(const json_t *body, const char *role)
{
    const json_t *rule = edit_rule(body, role);
    const json_t *holder = is_root(body) ? body : json_object_get(body, "delegations");
    const json_t *known = json_object_get(holder, "keys");
    json_t *list = json_array();
    const json_t *item;
    size_t i;

    json_array_foreach(json_object_get(rule, "keyids"), i, item)
    {
        json_t *key = json_object_get(known, json_string_value(item));

        if (key)
            ASSERT(json_array_append(list, key) == 0);
    }
    return list;
}

/* --- delegations ------------------------------------------------------------------------------ */

static json_t *os_delegation(const char *role, const char *hwid, uint64_t threshold)
{
    AUTO_FREE char *paths = mem_printf("os/%s/*/*", hwid);
    const struct tuf_delegation_plan plan = {
        .name = role,
        .threshold = threshold,
        .paths = (const char *const[]){paths},
        .path_count = 1,
        .terminating = true,
        .hwids = (const char *const[]){hwid},
        .hwid_count = 1,
    };

    return tuf_delegation_json(&plan); /* its keys come with edit_set_keys() */
}

bool edit_delegate_os(json_t *body, const char *hwid, const json_t *keys, uint64_t threshold,
                      struct err *err)
{
    AUTO_FREE char *role = mem_printf("os-%s", hwid);
    json_t *delegations;

    if (!tuf_word_is_safe(hwid))
        return err_set(err, ERR_INVALID, "hardware id '%s' is not safe", hwid);
    if (edit_rule(body, role))
        return err_set(err, ERR_CONFLICT, "'%s' is delegated already", role);
    (void)edit_keys(body); /* makes "delegations" */
    delegations = json_object_get(body, "delegations");
    if (!json_object_get(delegations, "roles"))
        set_new(delegations, "roles", json_array());
    ASSERT(json_array_append_new(json_object_get(delegations, "roles"),
                                 os_delegation(role, hwid, threshold)) == 0);
    return edit_set_keys(body, role, keys, threshold, err);
}

json_t *edit_hwids(const json_t *body)
{
    const json_t *roles = json_object_get(json_object_get(body, "delegations"), "roles");
    json_t *list = json_array();
    const json_t *item;
    size_t i;

    json_array_foreach(roles, i, item)
    {
        const char *name = json_string_value(json_object_get(item, "name"));

        if (name && text_starts_with(name, "os-"))
            ASSERT(json_array_append_new(list, json_string(name + strlen("os-"))) == 0);
    }
    return list;
}

json_t *edit_trust_entry(const char *name, uint64_t counter, const void *data, size_t len)
{
    uint8_t digest[HASH_BYTES];
    char hex[HASH_HEX_ROOM];
    AUTO_FREE char *version = mem_printf("%llu", (unsigned long long)counter);
    json_t *entry;

    hash_sha256(data, len, digest);
    text_from_hex_bytes(digest, sizeof(digest), hex);
    entry = json_pack("{s:I, s:{s:s}, s:{s:s, s:{s:s, s:s, s:I, s:I}}}", "length", (json_int_t)len,
                      "hashes", "sha256", hex, "custom", "type", "trust", "match", "name", name,
                      "version", version, "release_counter", (json_int_t)counter, "security_epoch",
                      (json_int_t)0);
    ASSERT(entry);
    return entry;
}
