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

bool anchors_set_pins(json_t *anchors, const char *const *pins, size_t count, struct err *err)
{
    AUTO_JSON *list = json_array();

    for (size_t i = 0; i < count; i++) {
        uint8_t digest[HASH_BYTES];

        if (!text_to_hex_bytes(pins[i], strlen(pins[i]), digest, sizeof(digest)))
            return err_set(err, ERR_INVALID, "'%s' is no pin: 64 digits of hex", pins[i]);
        ASSERT(json_array_append_new(list, json_string(pins[i])) == 0);
    }
    set_new(anchors, "tls_pins", json_incref(list));
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
