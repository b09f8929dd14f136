/*
 * The canonical form that signatures are made over (OLPC): keys sorted by their UTF-8 bytes, no
 * white space, only '"' and '\' escaped and everything else raw, integers in plain decimal.
 * jansson's own dumper is not this: it escapes control characters.
 */
#include "lib/json/json.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"

struct member {
    const char *key;
    size_t key_len;
    const json_t *value;
};

static bool write_value(const json_t *value, struct buf *out);

static void write_string(const char *text, size_t len, struct buf *out)
{
    size_t from = 0;

    buf_add_u8(out, '"');
    for (size_t i = 0; i < len; i++) {
        if (text[i] != '"' && text[i] != '\\')
            continue;
        buf_add(out, text + from, i - from);
        buf_add_u8(out, '\\');
        from = i;
    }
    buf_add(out, text + from, len - from);
    buf_add_u8(out, '"');
}

static int compare_members(const void *a, const void *b)
{
    const struct member *left = a;
    const struct member *right = b;
    size_t common = left->key_len < right->key_len ? left->key_len : right->key_len;
    int order = memcmp(left->key, right->key, common);

    if (order != 0)
        return order;
    return (left->key_len > right->key_len) - (left->key_len < right->key_len);
}

static bool write_object(const json_t *object, struct buf *out)
{
    size_t count = json_object_size(object);
    AUTO_FREE struct member *members = mem_array(count + 1, sizeof(*members));
    json_t *walked = json_iterable(object);
    size_t n = 0;
    bool good = true;

    for (void *iter = json_object_iter(walked); iter; iter = json_object_iter_next(walked, iter)) {
        members[n].key = json_object_iter_key(iter);
        members[n].key_len = json_object_iter_key_len(iter);
        members[n++].value = json_object_iter_value(iter);
    }
    qsort(members, n, sizeof(*members), compare_members);

    buf_add_u8(out, '{');
    for (size_t i = 0; i < n && good; i++) {
        if (i > 0)
            buf_add_u8(out, ',');
        write_string(members[i].key, members[i].key_len, out);
        buf_add_u8(out, ':');
        good = write_value(members[i].value, out);
    }
    buf_add_u8(out, '}');
    return good;
}

static bool write_array(const json_t *array, struct buf *out)
{
    bool good = true;

    buf_add_u8(out, '[');
    for (size_t i = 0; i < json_array_size(array) && good; i++) {
        if (i > 0)
            buf_add_u8(out, ',');
        good = write_value(json_array_get(array, i), out);
    }
    buf_add_u8(out, ']');
    return good;
}

/* False for a real number: it has no canonical form. */
static bool write_value(const json_t *value, struct buf *out)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return write_object(value, out);
    case JSON_ARRAY:
        return write_array(value, out);
    case JSON_STRING:
        write_string(json_string_value(value), json_string_length(value), out);
        return true;
    case JSON_INTEGER:
        buf_printf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        return true;
    case JSON_TRUE:
        buf_add_text(out, "true");
        return true;
    case JSON_FALSE:
        buf_add_text(out, "false");
        return true;
    case JSON_NULL:
        buf_add_text(out, "null");
        return true;
    case JSON_REAL:
        return false;
    }
    return false;
}

bool json_canonical(const json_t *tree, struct buf *out, struct err *err)
{
    if (!write_value(tree, out))
        return err_set(err, ERR_INVALID, "a number that is not an integer has no canonical form");
    if (out->failed)
        return err_set(err, ERR_LIMIT, "canonical JSON is longer than %zu bytes", out->max);
    return true;
}
