/*
 * Parsing hostile text. Before jansson sees a byte, one pass over the text counts depth and
 * containers (jansson's own depth limit is 2048, and an empty object of two bytes costs it about
 * two hundred), so what the parser may spend is known beforehand. After it, one pass over the
 * tree refuses the numbers that other parsers would read differently.
 */
#include "lib/json/json.h"

#include "lib/base/mem.h"

static const uint64_t integer_max = (UINT64_C(1) << 53) - 1;

const struct json_limits json_limits_metadata = {
    .bytes_max = 5000000,
    .depth_max = 32,
    .containers_max = 100000,
    .integers_only = true,
};

const struct json_limits json_limits_api = {
    .bytes_max = 1 << 20,
    .depth_max = 16,
    .containers_max = 20000,
    .integers_only = true,
};

void json_cleanup(json_t **tree)
{
    json_decref(*tree);
}

json_t *json_iterable(const json_t *tree)
{
    union {
        const json_t *in;
        json_t *out;
    } same = {.in = tree};

    return same.out;
}

/* The index of the quote that ends the string opened at `at`, or `len`. */
static size_t string_end(const char *text, size_t len, size_t at)
{
    for (at++; at < len && text[at] != '"'; at++) {
        if (text[at] == '\\')
            at++;
    }
    return at;
}

/* Not a check of the grammar, only of its costs. */
static bool check_costs(const char *text, size_t len, const struct json_limits *limits,
                        struct err *err)
{
    unsigned containers = 0;
    unsigned depth = 0;

    for (size_t at = 0; at < len; at++) {
        char c = text[at];

        if (c == '"') {
            at = string_end(text, len, at);
        } else if (c == '{' || c == '[') {
            if (++depth > limits->depth_max)
                return err_set(err, ERR_LIMIT, "JSON is nested deeper than %u", limits->depth_max);
            if (++containers > limits->containers_max)
                return err_set(err, ERR_LIMIT, "JSON has more than %u objects and arrays",
                               limits->containers_max);
        } else if ((c == '}' || c == ']') && depth > 0) {
            depth--;
        } else if (c == '-' && limits->integers_only) {
            return err_set(err, ERR_INVALID, "JSON has a negative number"); /* "-0" as well */
        }
    }
    return true;
}

/* As deep as the limits allowed. */
static bool check_numbers(json_t *tree, struct err *err)
{
    const char *key;
    json_t *value;
    size_t i;

    switch (json_typeof(tree)) {
    case JSON_OBJECT:
        json_object_foreach(tree, key, value)
        {
            if (!check_numbers(value, err))
                return false;
        }
        return true;
    case JSON_ARRAY:
        json_array_foreach(tree, i, value)
        {
            if (!check_numbers(value, err))
                return false;
        }
        return true;
    case JSON_INTEGER:
        if (json_integer_value(tree) < 0 || (uint64_t)json_integer_value(tree) > integer_max)
            return err_set(err, ERR_INVALID, "JSON has an integer outside 0 to 2^53 - 1");
        return true;
    case JSON_REAL:
        return err_set(err, ERR_INVALID, "JSON has a number that is not an integer");
    case JSON_STRING:
    case JSON_TRUE:
    case JSON_FALSE:
    case JSON_NULL:
        return true;
    }
    return true;
}

bool json_parse(const void *data, size_t len, const struct json_limits *limits, json_t **out,
                struct err *err)
{
    AUTO_JSON *tree = NULL;
    json_error_t why;

    if (len > limits->bytes_max)
        return err_set(err, ERR_LIMIT, "JSON of %zu bytes is longer than %zu", len,
                       limits->bytes_max);
    if (!check_costs(data, len, limits, err))
        return false;

    tree = json_loadb(data, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &why);
    if (!tree)
        return err_set(err, ERR_INVALID, "not JSON: %s (line %d)", why.text, why.line);
    if (limits->integers_only && !check_numbers(tree, err))
        return false;

    *out = TAKE(tree);
    return true;
}

char *json_text(const json_t *tree)
{
    char *text = json_dumps(tree, JSON_COMPACT | JSON_ENCODE_ANY);

    ASSERT(text);
    return text;
}
