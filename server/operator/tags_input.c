/* Names are those that a filter may say as tag.NAME without quotes; values are for people. */
#include "server/operator/tags_input.h"

#include <string.h>

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("._-", c));
}

bool tag_name_is_good(const char *name)
{
    size_t len = strlen(name);

    for (size_t i = 0; i < len; i++) {
        if (!is_name_char(name[i]))
            return false;
    }
    return len >= 1 && len <= TAG_NAME_MAX;
}

bool tag_value_is_good(const char *value)
{
    size_t len = strlen(value);

    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)value[i] < ' ' || value[i] == 0x7f)
            return false;
    }
    return len >= 1 && len <= TAG_VALUE_MAX;
}

bool tags_check(const json_t *tags, const char *path, bool nulls, struct err *err)
{
    const char *name;
    json_t *value;

    if (!json_is_object(tags))
        return err_set(err, ERR_INVALID, "'%s' is not an object", path);
    if (json_object_size(tags) > TAGS_MAX)
        return err_set(err, ERR_INVALID, "'%s' has more than %d tags", path, TAGS_MAX);
    json_object_foreach(json_iterable(tags), name, value)
    {
        if (!tag_name_is_good(name))
            return err_set(err, ERR_INVALID,
                           "'%s': a tag's name has 1 to %d letters, digits and '._-': '%.80s'",
                           path, TAG_NAME_MAX, name);
        if ((!nulls || !json_is_null(value)) &&
            (!json_is_string(value) || !tag_value_is_good(json_string_value(value))))
            return err_set(err, ERR_INVALID, "field '%s.%s' is not a text of 1 to %d bytes", path,
                           name, TAG_VALUE_MAX);
    }
    return true;
}
