/* The version rises with every change, so that devices keep the newest they ever saw. */
#include "cli/trust/anchors.h"

#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/crypto/hash.h"

static void set_new(json_t *object, const char *name, json_t *value)
{
    int failed = json_object_set_new(object, name, value);

    ASSERT(failed == 0);
}

json_t *anchors_new(const json_t *time_key)
{
    json_t *made = json_pack("{s:s, s:i, s:[], s:[], s:[]}", "_type", "anchors", "version", 1,
                             "tls_pins", "device_cas", "next");

    ASSERT(made);
    if (time_key)
        anchors_set_time_key(made, time_key);
    return made;
}

json_t *anchors_next(const json_t *anchors)
{
    json_t *next = json_deep_copy(anchors);

    ASSERT(next);
    set_new(next, "version",
            json_integer(json_integer_value(json_object_get(anchors, "version")) + 1));
    return next;
}

static bool pin_list(const char *const *pins, size_t count, json_t **out, struct err *err)
{
    AUTO_JSON *list = json_array();

    if (count > ANCHORS_PINS)
        return err_set(err, ERR_LIMIT, "devices take at most %d pins", ANCHORS_PINS);
    for (size_t i = 0; i < count; i++) {
        uint8_t digest[HASH_BYTES];

        if (!text_to_hex_bytes(pins[i], strlen(pins[i]), digest, sizeof(digest)))
            return err_set(err, ERR_INVALID, "'%s' is no pin: 64 digits of hex", pins[i]);
        ASSERT(json_array_append_new(list, json_string(pins[i])) == 0);
    }
    *out = TAKE(list);
    return true;
}

bool anchors_set_pins(json_t *anchors, const char *const *pins, size_t count, struct err *err)
{
    json_t *list;

    if (!pin_list(pins, count, &list, err))
        return false;
    set_new(anchors, "tls_pins", list);
    set_new(anchors, "next", json_array());
    return true;
}

bool anchors_add_pins(json_t *anchors, const char *activates, const char *const *pins, size_t count,
                      struct err *err)
{
    json_t *next = json_object_get(anchors, "next");
    int64_t time_ms;
    json_t *list = NULL;

    if (!text_to_time(activates, strlen(activates), &time_ms))
        return err_set(err, ERR_INVALID, "'%s' is no time like 2027-01-01T00:00:00Z", activates);
    if (!json_is_array(next)) {
        next = json_array();
        set_new(anchors, "next", next);
    }
    if (json_array_size(next) >= ANCHORS_NEXT)
        return err_set(err, ERR_LIMIT, "devices take at most %d values to come", ANCHORS_NEXT);
    if (!pin_list(pins, count, &list, err))
        return false;
    ASSERT(json_array_append_new(
               next, json_pack("{s:s, s:o}", "activates", activates, "tls_pins", list)) == 0);
    return true;
}

void anchors_set_time_key(json_t *anchors, const json_t *time_key)
{
    set_new(anchors, "time_key", json_deep_copy(time_key));
}

char *anchors_text(const json_t *anchors)
{
    AUTO_FREE char *text = json_text(anchors);

    return mem_printf("%s\n", text);
}
