/* Typed fields: every getter looks the field up, checks type and range, and names the whole path
 * of what is wrong, so that an operator finds it in a long document. */
#include "lib/json/json.h"

#include <inttypes.h>
#include <string.h>

#include "lib/base/text.h"

enum { PATH_ROOM = 160 };

/* "path.name" in `out`; a path too long for an error message is cut. */
static const char *path_of(const char *path, const char *name, char *out)
{
    struct buf text;

    buf_init(&text, 64 << 10);
    buf_printf(&text, "%s%s%s", path, path[0] ? "." : "", name);
    (void)text_copy(out, PATH_ROOM, buf_text(&text)); /* cutting is what is wanted */
    buf_done(&text);
    return out;
}

static bool wrong(const char *path, const char *name, const char *what, struct err *err)
{
    char full[PATH_ROOM];

    return err_set(err, ERR_INVALID, "field '%s' %s", path_of(path, name, full), what);
}

static json_t *find(const json_t *object, const char *path, const char *name, struct err *err)
{
    json_t *value;

    if (!json_is_object(object)) {
        (void)err_set(err, ERR_INVALID, "'%.160s' is not an object", path[0] ? path : "document");
        return NULL;
    }
    value = json_object_get(object, name);
    if (!value)
        (void)wrong(path, name, "is missing", err);
    return value;
}

bool json_field_text(const json_t *object, const char *path, const char *name, size_t len_max,
                     const char **out, struct err *err)
{
    json_t *value = find(object, path, name, err);

    if (!value)
        return false;
    if (!json_is_string(value))
        return wrong(path, name, "is not a text", err);
    if (json_string_length(value) > len_max) {
        char full[PATH_ROOM];

        return err_set(err, ERR_INVALID, "field '%s' is longer than %zu bytes",
                       path_of(path, name, full), len_max);
    }
    *out = json_string_value(value);
    return true;
}

// NOLINTNEXTLINE(readability-function-size): a number is never read without its range
bool json_field_u64(const json_t *object, const char *path, const char *name, uint64_t min,
                    uint64_t max, uint64_t *out, struct err *err)
{
    json_t *value = find(object, path, name, err);
    json_int_t number;

    if (!value)
        return false;
    if (!json_is_integer(value))
        return wrong(path, name, "is not an integer", err);
    number = json_integer_value(value);
    if (number < 0 || (uint64_t)number < min || (uint64_t)number > max) {
        char full[PATH_ROOM];

        return err_set(err, ERR_INVALID, "field '%s' is not within %" PRIu64 " to %" PRIu64,
                       path_of(path, name, full), min, max);
    }
    *out = (uint64_t)number;
    return true;
}

bool json_field_bool(const json_t *object, const char *path, const char *name, bool *out,
                     struct err *err)
{
    json_t *value = find(object, path, name, err);

    if (!value)
        return false;
    if (!json_is_boolean(value))
        return wrong(path, name, "is neither true nor false", err);
    *out = json_is_true(value);
    return true;
}

bool json_field_object(const json_t *object, const char *path, const char *name, json_t **out,
                       struct err *err)
{
    json_t *value = find(object, path, name, err);

    if (!value)
        return false;
    if (!json_is_object(value))
        return wrong(path, name, "is not an object", err);
    *out = value;
    return true;
}

bool json_field_array(const json_t *object, const char *path, const char *name, size_t count_max,
                      json_t **out, struct err *err)
{
    json_t *value = find(object, path, name, err);

    if (!value)
        return false;
    if (!json_is_array(value))
        return wrong(path, name, "is not an array", err);
    if (json_array_size(value) > count_max) {
        char full[PATH_ROOM];

        return err_set(err, ERR_INVALID, "field '%s' has more than %zu items",
                       path_of(path, name, full), count_max);
    }
    *out = value;
    return true;
}

bool json_field_hex(const json_t *object, const char *path, const char *name, uint8_t *out,
                    size_t len, struct err *err)
{
    json_t *value = find(object, path, name, err);

    if (!value)
        return false;
    if (!json_is_string(value) ||
        !text_to_hex_bytes(json_string_value(value), json_string_length(value), out, len)) {
        char full[PATH_ROOM];

        return err_set(err, ERR_INVALID, "field '%s' is not %zu digits of lower-case hex",
                       path_of(path, name, full), 2 * len);
    }
    return true;
}

bool json_field_time(const json_t *object, const char *path, const char *name, int64_t *out_ms,
                     struct err *err)
{
    json_t *value = find(object, path, name, err);

    if (!value)
        return false;
    if (!json_is_string(value) ||
        !text_to_time(json_string_value(value), json_string_length(value), out_ms))
        return wrong(path, name, "is not a time like 2026-11-22T18:00:00Z", err);
    return true;
}

bool json_field_has(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);

    return value && !json_is_null(value);
}

bool json_fields_known(const json_t *object, const char *path, const char *const *names,
                       struct err *err)
{
    json_t *value;
    const char *key;

    if (!json_is_object(object))
        return err_set(err, ERR_INVALID, "'%.160s' is not an object", path[0] ? path : "document");
    json_object_foreach(json_iterable(object), key, value)
    {
        const char *const *name = names;

        while (*name && strcmp(*name, key) != 0)
            name++;
        if (!*name)
            return wrong(path, key, "is not known", err);
    }
    return true;
}
