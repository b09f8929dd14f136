/*
 * A device's identity is its Ed25519 key: only a Mender device with such a key can be expected by
 * name; for all others an import counts how many claim tokens are needed. Attributes become tags:
 * what a device says of itself it says again when it joins.
 */
#include "cli/import.h"

#include <ctype.h>
#include <string.h>

#include "lib/base/bytes.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"

enum { TAGS_MAX = 64, TAG_NAME_MAX = 63, TAG_VALUE_MAX = 256, GROUP_NAME_MAX = 63, PEM_KEY = 44 };

static const struct json_limits limits = {
    .bytes_max = IMPORT_FILE_BYTES_MAX, .depth_max = 16, .containers_max = 4000000};

json_t *import_plan(void)
{
    return json_pack("{s:{}, s:{}}", "groups", "devices");
}

char *import_group_name(const char *name)
{
    char *out = mem_strndup(name, strnlen(name, GROUP_NAME_MAX));

    for (char *c = out; *c; c++) {
        if (!isalnum((unsigned char)*c) && !strchr("._-", *c))
            *c = '-';
    }
    return out;
}

/* --- devices -----------------------------------------------------------------------------------
 */

/* Borrowed; made when it is new. NULL: too many, or no id. */
static json_t *device_of(json_t *plan, const char *id, struct err *err)
{
    json_t *devices = json_object_get(plan, "devices");
    json_t *device = id ? json_object_get(devices, id) : NULL;

    if (device)
        return device;
    if (!id || id[0] == '\0') {
        (void)err_set(err, ERR_INVALID, "a device without an id");
        return NULL;
    }
    if (json_object_size(devices) >= IMPORT_DEVICES_MAX) {
        (void)err_set(err, ERR_LIMIT, "more than %d devices", IMPORT_DEVICES_MAX);
        return NULL;
    }
    device = json_pack("{s:{}}", "tags");
    ASSERT(json_object_set_new(devices, id, device) == 0);
    return device;
}

/* What cannot be a tag of ours is left out. */
static void add_tag(json_t *device, const char *name, const json_t *value)
{
    json_t *tags = json_object_get(device, "tags");
    AUTO_FREE char *clean = import_group_name(name);
    AUTO_FREE char *number =
        json_is_integer(value) ? mem_printf("%lld", (long long)json_integer_value(value)) : NULL;
    const char *text = number ? number : json_string_value(value);
    size_t len = text ? strlen(text) : 0;

    if (len < 1 || len > TAG_VALUE_MAX || clean[0] == '\0' || json_object_size(tags) >= TAGS_MAX)
        return;
    for (const char *c = text; *c; c++) {
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            return;
    }
    (void)json_object_set_new(tags, clean, json_string(text));
}

static void set_group(json_t *device, const char *name)
{
    AUTO_FREE char *group = name && name[0] ? import_group_name(name) : NULL;

    if (group)
        (void)json_object_set_new(device, "group", json_string(group));
}

/* --- hawkBit -----------------------------------------------------------------------------------
 */

static bool add_target(json_t *plan, const json_t *target, struct err *err)
{
    json_t *device =
        device_of(plan, json_string_value(json_object_get(target, "controllerId")), err);
    const char *name;
    json_t *value;

    if (!device)
        return false;
    set_group(device, json_string_value(json_object_get(target, "group")));
    add_tag(device, "name", json_object_get(target, "name"));
    add_tag(device, "description", json_object_get(target, "description"));
    add_tag(device, "type", json_object_get(target, "targetTypeName"));
    if (json_is_string(json_object_get(target, "securityToken")))
        (void)json_object_set_new(device, "had_token", json_true());
    json_object_foreach(json_object_get(json_iterable(target), "attributes"), name, value)
    {
        add_tag(device, name, value);
    }
    return true;
}

/* --- Mender ------------------------------------------------------------------------------------
 */

/* The last 32 bytes of a PEM block that holds an Ed25519 public key, as hex. */
static bool ed25519_of(const char *pem, char out[65])
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    static const uint8_t head[12] = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03,
                                     0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};
    const char *at = strstr(pem, "-----BEGIN PUBLIC KEY-----");
    uint8_t bytes[PEM_KEY];
    size_t len = 0;
    uint32_t bits = 0;
    unsigned have = 0;

    if (!at)
        return false;
    for (at += strlen("-----BEGIN PUBLIC KEY-----"); *at && *at != '-'; at++) {
        const char *digit = strchr(alphabet, *at);

        if (!digit)
            continue; /* a line's end, '=' */
        bits = bits << 6 | (uint32_t)(digit - alphabet);
        have += 6;
        if (have < 8)
            continue;
        if (len == sizeof(bytes))
            return false;
        have -= 8;
        bytes[len++] = (uint8_t)(bits >> have);
    }
    for (size_t i = 0; i < sizeof(head); i++) {
        if (len != sizeof(bytes) || bytes[i] != head[i])
            return false;
    }
    text_from_hex_bytes(bytes + sizeof(head), 32, out);
    return true;
}

static void add_keys(json_t *device, const json_t *sets)
{
    const json_t *set;
    size_t i;

    json_array_foreach(sets, i, set)
    {
        const char *pem = json_string_value(json_object_get(set, "pubkey"));
        const char *status = json_string_value(json_object_get(set, "status"));
        char key[65];

        if (pem && status && text_equal(status, "accepted") && ed25519_of(pem, key))
            (void)json_object_set_new(device, "public_key", json_string(key));
    }
}

static bool add_mender(json_t *plan, const json_t *item, struct err *err)
{
    const char *status = json_string_value(json_object_get(item, "status"));
    json_t *device;
    const json_t *attribute;
    size_t i;

    if (status && (text_equal(status, "rejected") || text_equal(status, "noauth")))
        return true; /* never was one of the fleet */
    device = device_of(plan, json_string_value(json_object_get(item, "id")), err);
    if (!device)
        return false;
    add_keys(device, json_object_get(item, "auth_sets"));
    json_array_foreach(json_object_get(item, "attributes"), i, attribute)
    {
        const char *name = json_string_value(json_object_get(attribute, "name"));
        const char *scope = json_string_value(json_object_get(attribute, "scope"));
        const json_t *value = json_object_get(attribute, "value");

        if (name && scope && text_equal(scope, "system") && text_equal(name, "group"))
            set_group(device, json_string_value(value));
        else if (name && scope && (text_equal(scope, "tags") || text_equal(scope, "inventory")))
            add_tag(device, name, value);
    }
    return true;
}

/* --- files -------------------------------------------------------------------------------------
 */

bool import_add(json_t *plan, enum import_kind kind, const void *text, size_t len, struct err *err)
{
    AUTO_JSON *tree = NULL;
    const json_t *list;
    const json_t *item;
    size_t i;

    if (!json_parse(text, len, &limits, &tree, err))
        return false;
    list = kind == IMPORT_HAWKBIT && json_is_object(tree) ? json_object_get(tree, "content") : tree;
    if (!json_is_array(list))
        return err_set(err, ERR_INVALID, "not a list of %s",
                       kind == IMPORT_HAWKBIT ? "targets" : "devices");
    json_array_foreach(list, i, item)
    {
        if (!json_is_object(item) ||
            !(kind == IMPORT_HAWKBIT ? add_target(plan, item, err) : add_mender(plan, item, err)))
            return json_is_object(item) ? err_wrap(err, "item %zu", i)
                                        : err_set(err, ERR_INVALID, "item %zu is no object", i);
    }
    return true;
}

void import_settle(json_t *plan, const char *fallback)
{
    json_t *groups = json_object_get(plan, "groups");
    const char *id;
    json_t *device;

    json_object_foreach(json_object_get(plan, "devices"), id, device)
    {
        const char *group = json_string_value(json_object_get(device, "group"));
        json_int_t count;

        if (!group) {
            (void)json_object_set_new(device, "group", json_string(fallback));
            group = fallback;
        }
        count = json_integer_value(json_object_get(groups, group));
        count += json_object_get(device, "public_key") ? 0 : 1;
        (void)json_object_set_new(groups, group, json_integer(count));
    }
}
