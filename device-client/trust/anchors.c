/* Fields are looked up by name in the flat document; a set is parsed the same way whether it is
 * the present one or comes later. */
#include "device-client/trust/anchors.h"

#include <string.h>

#include "lib/base/text.h"
#include "lib/json/flat.h"

static const struct flat_limits limits = {
    .bytes_max = ANCHORS_BYTES_MAX, .nodes_max = 4096, .depth_max = 8};

static bool refuse(struct err *err, const char *what)
{
    return err_refuse(err, REFUSAL_ANCHORS_FORMAT, "the trust anchors have %s", what);
}

static bool read_pins(struct flat_value set, struct anchors_set *out, struct err *err)
{
    struct flat_value list = flat_get(set, "tls_pins");

    if (!flat_some(list))
        return true;
    if (!flat_is(list, FLAT_ARRAY) || flat_count(list) > ANCHORS_PINS_MAX)
        return refuse(err, "no list of at most 16 pins");
    for (struct flat_value at = flat_first(list); flat_some(at); at = flat_next(at))
        if (!flat_hex(at, out->pins[out->pin_count++], HASH_BYTES))
            return refuse(err, "a pin that is no SHA-256");
    return true;
}

static void key_id(struct flat_value key, char out[HASH_HEX_ROOM])
{
    uint8_t hash[HASH_BYTES];
    struct err ignored = {0};
    AUTO_BUF text;

    buf_init(&text, ANCHORS_BYTES_MAX);
    if (!flat_canonical(key, &text, &ignored))
        buf_reset(&text); /* it was parsed from no more bytes than fit: cannot be */
    hash_sha256(text.data, text.len, hash);
    text_from_hex_bytes(hash, sizeof(hash), out);
}

static bool read_time_key(struct flat_value set, struct anchors_set *out, struct err *err)
{
    struct flat_value key = flat_get(set, "time_key");

    if (!flat_some(key) || flat_is(key, FLAT_NULL))
        return true;
    if (!flat_text_is(flat_get(key, "keytype"), "ed25519") ||
        !flat_text_is(flat_get(key, "scheme"), "ed25519") ||
        !flat_hex(flat_get(flat_get(key, "keyval"), "public"), out->time_key, SIGN_PUBLIC_BYTES))
        return refuse(err, "a time key that is no Ed25519 key");
    out->has_time_key = true;
    key_id(key, out->time_keyid);
    return true;
}

static bool read_set(struct flat_value set, struct anchors_set *out, struct err *err)
{
    return read_pins(set, out, err) && read_time_key(set, out, err);
}

static bool read_next(struct flat_value root, struct anchors *out, struct err *err)
{
    struct flat_value list = flat_get(root, "next");

    if (!flat_some(list))
        return true;
    if (!flat_is(list, FLAT_ARRAY) || flat_count(list) > ANCHORS_NEXT_MAX)
        return refuse(err, "no list of at most 8 next values");
    for (struct flat_value at = flat_first(list); flat_some(at); at = flat_next(at)) {
        struct anchors_set *set = &out->sets[out->set_count++];
        char time[TEXT_TIME_ROOM];

        if (!flat_text_copy(flat_get(at, "activates"), time, sizeof(time)) ||
            !text_to_time(time, strlen(time), &set->activates_ms))
            return refuse(err, "next values without a date");
        if (!read_set(at, set, err))
            return false;
    }
    return true;
}

static bool read_all(struct flat_value root, struct anchors *out, struct err *err)
{
    if (!flat_text_is(flat_get(root, "_type"), "anchors"))
        return refuse(err, "another type");
    if (!flat_number(flat_get(root, "version"), &out->version) || out->version == 0)
        return refuse(err, "no version");
    out->set_count = 1;
    return read_set(root, &out->sets[0], err) && read_next(root, out, err);
}

bool anchors_parse(const void *data, size_t len, struct anchors *out, struct err *err)
{
    AUTO_FLAT doc = {0};
    bool ok;

    *out = (struct anchors){0};
    if (!flat_parse(data, len, &limits, &doc, err))
        return err_refuse(err, REFUSAL_ANCHORS_FORMAT, "the trust anchors are no strict JSON");
    ok = read_all(flat_root(&doc), out, err);
    if (!ok)
        *out = (struct anchors){0};
    return ok;
}

size_t anchors_pins(const struct anchors *anchors, int64_t now_ms, uint8_t (*out)[HASH_BYTES])
{
    size_t count = 0;

    for (size_t i = 0; i < anchors->set_count; i++) {
        const struct anchors_set *set = &anchors->sets[i];

        for (size_t k = 0; set->activates_ms <= now_ms && k < set->pin_count; k++)
            memcpy(out[count++], set->pins[k], HASH_BYTES);
    }
    return count;
}

const struct anchors_set *anchors_time_key(const struct anchors *anchors, const char *keyid)
{
    for (size_t i = 0; i < anchors->set_count; i++)
        if (anchors->sets[i].has_time_key && text_equal(anchors->sets[i].time_keyid, keyid))
            return &anchors->sets[i];
    return NULL;
}

bool anchors_has_time(const struct anchors *anchors)
{
    for (size_t i = 0; i < anchors->set_count; i++)
        if (anchors->sets[i].has_time_key)
            return true;
    return false;
}
