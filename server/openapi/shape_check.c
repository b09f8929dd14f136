/* As much of JSON Schema as shapes can say. Patterns are not looked at: each is one of few. */
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "server/openapi/shape.h"

static bool is_of_type(const char *type, const json_t *value)
{
    if (text_equal(type, "integer"))
        return json_is_integer(value);
    if (text_equal(type, "number"))
        return json_is_number(value);
    if (text_equal(type, "string"))
        return json_is_string(value);
    if (text_equal(type, "boolean"))
        return json_is_boolean(value);
    if (text_equal(type, "array"))
        return json_is_array(value);
    if (text_equal(type, "object"))
        return json_is_object(value);
    return json_is_null(value);
}

static bool check_members(const json_t *schema, const json_t *value, const char *path,
                          struct err *err)
{
    const json_t *members = json_object_get(schema, "properties");
    const json_t *others = json_object_get(schema, "additionalProperties");
    const char *name;
    json_t *member;

    json_object_foreach(json_iterable(value), name, member)
    {
        const json_t *own = json_object_get(members, name);
        AUTO_FREE char *inner = mem_printf("%s.%s", path, name);

        own = own ? own : others;
        if (json_is_false(own))
            return err_set(err, ERR_INVALID, "'%s' is unknown", inner);
        if (own && !shape_check(own, member, inner, err))
            return false;
    }
    return true;
}

static bool check_object(const json_t *schema, const json_t *value, const char *path,
                         struct err *err)
{
    const json_t *required = json_object_get(schema, "required");

    for (size_t i = 0; i < json_array_size(required); i++) {
        const char *name = json_string_value(json_array_get(required, i));

        if (!json_object_get(value, name))
            return err_set(err, ERR_INVALID, "'%s.%s' is missing", path, name);
    }
    return check_members(schema, value, path, err);
}

static bool check_list(const json_t *schema, const json_t *value, const char *path, struct err *err)
{
    for (size_t i = 0; i < json_array_size(value); i++) {
        AUTO_FREE char *inner = mem_printf("%s[%zu]", path, i);

        if (!shape_check(json_object_get(schema, "items"), json_array_get(value, i), inner, err))
            return false;
    }
    return true;
}

static bool check_words(const json_t *words, const json_t *value, const char *path, struct err *err)
{
    for (size_t i = 0; i < json_array_size(words); i++) {
        if (json_equal(json_array_get(words, i), value))
            return true;
    }
    return err_set(err, ERR_INVALID, "'%s' is none of the words", path);
}

static bool check_range(const json_t *schema, const json_t *value, const char *path,
                        struct err *err)
{
    const json_t *min = json_object_get(schema, "minimum");
    const json_t *max = json_object_get(schema, "maximum");

    if (!json_is_integer(value) || !min)
        return true;
    return (json_integer_value(value) >= json_integer_value(min) &&
            json_integer_value(value) <= json_integer_value(max)) ||
           err_set(err, ERR_INVALID, "'%s' is out of range", path);
}

static bool check_any_of(const json_t *choice, const json_t *value, const char *path,
                         struct err *err)
{
    for (size_t i = 0; i < json_array_size(choice); i++) {
        if (shape_check(json_array_get(choice, i), value, path, err))
            return true;
    }
    return false;
}

bool shape_check(const json_t *schema, const json_t *value, const char *path, struct err *err)
{
    const json_t *choice = json_object_get(schema, "anyOf");
    const json_t *words = json_object_get(schema, "enum");
    const char *type = json_string_value(json_object_get(schema, "type"));
    AUTO_JSON *named = shape_resolve(schema);

    if (named)
        return shape_check(named, value, path, err);
    if (choice)
        return check_any_of(choice, value, path, err);
    if (!type)
        return true;
    if (!is_of_type(type, value))
        return err_set(err, ERR_INVALID, "'%s' is no %s", path, type);
    if (words)
        return check_words(words, value, path, err);
    if (json_is_object(value))
        return check_object(schema, value, path, err);
    if (json_is_array(value))
        return check_list(schema, value, path, err);
    return check_range(schema, value, path, err);
}
