/* Typed fields of a flat document. Signed metadata has no second chance: whatever is not as asked
 * for is JSON_STRICT. */
#include <string.h>

#include "lib/base/text.h"
#include "lib/tuf/internal.h"

static const uint64_t number_max = (UINT64_C(1) << 53) - 1;

bool tuf_malformed(struct err *err)
{
    if (err->refusal == REFUSAL_NONE) {
        err->code = ERR_UNTRUSTED;
        err->refusal = REFUSAL_JSON_STRICT;
    }
    return false;
}

bool tuf_field_has(struct flat_value object, const char *name)
{
    struct flat_value value = flat_get(object, name);

    return flat_some(value) && !flat_is(value, FLAT_NULL);
}

static bool refuse(const char *name, const char *what, struct err *err)
{
    return err_refuse(err, REFUSAL_JSON_STRICT, "'%.80s' is missing or not %s", name, what);
}

bool tuf_field_u64(struct flat_value object, const char *name, uint64_t min, uint64_t *out,
                   struct err *err)
{
    uint64_t value = 0;

    if (!flat_number(flat_get(object, name), &value) || value < min || value > number_max)
        return refuse(name, min ? "a number above 0" : "a number", err);
    *out = value;
    return true;
}

bool tuf_field_optional(struct flat_value object, const char *name, uint64_t *out, struct err *err)
{
    *out = 0;
    return !tuf_field_has(object, name) || tuf_field_u64(object, name, 0, out, err);
}

bool tuf_field_text(struct flat_value object, const char *name, char *out, size_t room,
                    struct err *err)
{
    return flat_text_copy(flat_get(object, name), out, room) ||
           refuse(name, "a text of fitting length", err);
}

bool tuf_field_time(struct flat_value object, const char *name, int64_t *out_ms, struct err *err)
{
    char text[TEXT_TIME_ROOM];

    if (!flat_text_copy(flat_get(object, name), text, sizeof(text)) ||
        !text_to_time(text, strlen(text), out_ms))
        return refuse(name, "a time", err);
    return true;
}

bool tuf_field_optional_time(struct flat_value object, const char *name, int64_t *out_ms,
                             struct err *err)
{
    *out_ms = 0;
    return !tuf_field_has(object, name) || tuf_field_time(object, name, out_ms, err);
}

bool tuf_field_bool(struct flat_value object, const char *name, bool *out, struct err *err)
{
    struct flat_value value = flat_get(object, name);

    if (!flat_is(value, FLAT_TRUE) && !flat_is(value, FLAT_FALSE))
        return refuse(name, "true or false", err);
    *out = flat_is(value, FLAT_TRUE);
    return true;
}

bool tuf_field_object(struct flat_value object, const char *name, struct flat_value *out,
                      struct err *err)
{
    struct flat_value value = flat_get(object, name);

    if (!flat_is(value, FLAT_OBJECT))
        return refuse(name, "an object", err);
    *out = value;
    return true;
}

bool tuf_field_array(struct flat_value object, const char *name, size_t count_max,
                     struct flat_value *out, struct err *err)
{
    struct flat_value value = flat_get(object, name);

    if (!flat_is(value, FLAT_ARRAY))
        return refuse(name, "a list", err);
    if (flat_count(value) > count_max)
        return err_refuse(err, REFUSAL_JSON_STRICT, "'%.80s' has more than %zu items", name,
                          count_max);
    *out = value;
    return true;
}
