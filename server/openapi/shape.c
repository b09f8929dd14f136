/* Recursive descent; the texts are few and ours, so what does not fit is a bug and not an error. */
#include "server/openapi/shape.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"

static const char names_at[] = "#/components/schemas/";

struct word {
    const char *name;
    const char *type;
    const char *format;
    const char *pattern;
    const char *example; /* of a text */
};

/* clang-format off */
static const struct word words[] = {
    {"text",   "string",  NULL,        NULL,                    "text"},
    {"int",    "integer", NULL,        NULL,                    NULL},
    {"number", "number",  NULL,        NULL,                    NULL},
    {"bool",   "boolean", NULL,        NULL,                    NULL},
    {"null",   "null",    NULL,        NULL,                    NULL},
    {"uuid",   "string",  "uuid",      NULL,                    "0193e2c5-7a10-7cc3-9d7e-6d1f4b8a2e30"},
    {"hash",   "string",  NULL,        "^[0-9a-f]{64}$",
     "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"},
    {"time",   "string",  "date-time", NULL,                    "2026-11-23T04:05:06Z"},
    {"name",   "string",  NULL,        "^[A-Za-z0-9._-]{1,63}$", "name"},
    {"base64", "string",  NULL,        "^[A-Za-z0-9+/=]*$",     "AAAA"},
};
/* clang-format on */

static json_t *parse_choice(const char **at);

static void skip_space(const char **at)
{
    *at += strspn(*at, " \n");
}

static bool take(const char **at, const char *token)
{
    skip_space(at);
    if (!text_starts_with(*at, token))
        return false;
    *at += strlen(token);
    return true;
}

static size_t word_len(const char *at)
{
    return strspn(at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.");
}

static void set(json_t *object, const char *name, json_t *value)
{
    ASSERT(json_object_set_new(object, name, value) == 0);
}

/* --- one term ----------------------------------------------------------------------------------
 */

static void parse_range(const char **at, json_t *schema, const char *type)
{
    bool is_text = text_equal(type, "string");
    char *end;

    if (!take(at, "("))
        return;
    set(schema, is_text ? "minLength" : "minimum", json_integer(strtoll(*at, &end, 10)));
    *at = end;
    ASSERT(take(at, ","));
    set(schema, is_text ? "maxLength" : "maximum", json_integer(strtoll(*at, &end, 10)));
    *at = end;
    ASSERT(take(at, ")"));
}

static json_t *parse_word(const char **at)
{
    size_t len = word_len(*at);
    json_t *schema = json_object();

    if (len == 3 && text_starts_with(*at, "any")) {
        *at += len;
        return schema;
    }
    for (size_t i = 0; i < COUNT(words); i++) {
        const struct word *word = &words[i];

        if (strlen(word->name) != len || !text_starts_with(*at, word->name))
            continue;
        *at += len;
        set(schema, "type", json_string(word->type));
        if (word->format)
            set(schema, "format", json_string(word->format));
        if (word->pattern)
            set(schema, "pattern", json_string(word->pattern));
        parse_range(at, schema, word->type);
        return schema;
    }
    ASSERT(false); /* a shape has a word that is none */
    return schema;
}

static json_t *parse_list(const char **at)
{
    json_t *schema = json_object();

    set(schema, "type", json_string("array"));
    set(schema, "items", parse_choice(at));
    ASSERT(take(at, "]"));
    return schema;
}

static void parse_member(const char **at, json_t *members, json_t *required)
{
    size_t len = word_len(*at);
    AUTO_FREE char *name = mem_strndup(*at, len);

    ASSERT(len > 0);
    *at += len;
    if (!take(at, "?"))
        ASSERT(json_array_append_new(required, json_string(name)) == 0);
    ASSERT(take(at, ":"));
    set(members, name, parse_choice(at));
}

static json_t *parse_object(const char **at)
{
    json_t *schema = json_object(), *members = json_object(), *required = json_array();
    json_t *others = json_false();

    set(schema, "type", json_string("object"));
    while (!take(at, "}")) {
        if (take(at, "...")) {
            others = NULL;
        } else if (take(at, "*")) {
            ASSERT(take(at, ":"));
            others = parse_choice(at);
        } else {
            parse_member(at, members, required);
        }
        ASSERT(take(at, ",") || **at == '}');
        skip_space(at);
    }
    if (json_object_size(members) > 0)
        set(schema, "properties", members);
    else
        json_decref(members);
    if (json_array_size(required) > 0)
        set(schema, "required", required);
    else
        json_decref(required);
    if (others)
        set(schema, "additionalProperties", others);
    return schema;
}

static json_t *parse_literal(const char **at)
{
    const char *end = strchr(*at, '\'');
    json_t *schema = json_object();
    json_t *list = json_array();

    ASSERT(end);
    ASSERT(json_array_append_new(list, json_stringn(*at, (size_t)(end - *at))) == 0);
    *at = end + 1;
    set(schema, "type", json_string("string"));
    set(schema, "enum", list);
    return schema;
}

static json_t *parse_name(const char **at)
{
    size_t len = word_len(*at);
    json_t *schema = json_object();

    set(schema, "$ref", json_sprintf("%s%.*s", names_at, (int)len, *at));
    *at += len;
    return schema;
}

json_t *shape_resolve(const json_t *schema)
{
    const char *ref = json_string_value(json_object_get(schema, "$ref"));

    if (!ref)
        return NULL;
    for (const struct shape_name *at = shape_names; at->name; at++) {
        if (text_equal(at->name, ref + sizeof(names_at) - 1))
            return shape_schema(at->shape);
    }
    ASSERT(false); /* a shape names one that is not there */
    return NULL;
}

static json_t *parse_term(const char **at)
{
    if (take(at, "{"))
        return parse_object(at);
    if (take(at, "["))
        return parse_list(at);
    if (take(at, "'"))
        return parse_literal(at);
    if (take(at, "#"))
        return parse_name(at);
    return parse_word(at);
}

/* --- choices -----------------------------------------------------------------------------------
 */

/* Words join one list; anything else is another alternative. */
static void add_alternative(json_t *choice, json_t *more)
{
    json_t *last = json_array_get(choice, json_array_size(choice) - 1);
    json_t *list = json_object_get(last, "enum");
    json_t *added = json_object_get(more, "enum");

    if (list && added)
        ASSERT(json_array_extend(list, added) == 0);
    else
        ASSERT(json_array_append(choice, more) == 0);
    json_decref(more);
}

static json_t *parse_choice(const char **at)
{
    json_t *choice = json_array();
    json_t *schema;

    ASSERT(json_array_append_new(choice, parse_term(at)) == 0);
    while (take(at, "|"))
        add_alternative(choice, parse_term(at));
    if (json_array_size(choice) == 1) {
        schema = json_incref(json_array_get(choice, 0));
        json_decref(choice);
        return schema;
    }
    schema = json_object();
    set(schema, "anyOf", choice);
    return schema;
}

json_t *shape_schema(const char *shape)
{
    const char *at = shape;
    json_t *schema = parse_choice(&at);

    skip_space(&at);
    ASSERT(*at == '\0');
    return schema;
}

/* --- examples ----------------------------------------------------------------------------------
 */

static json_t *example_text(const json_t *schema)
{
    const char *format = json_string_value(json_object_get(schema, "format"));
    const char *pattern = json_string_value(json_object_get(schema, "pattern"));

    for (size_t i = 0; i < COUNT(words); i++) {
        if (words[i].example &&
            (!format || (words[i].format && text_equal(words[i].format, format))) &&
            (!pattern || (words[i].pattern && text_equal(words[i].pattern, pattern))))
            return json_string(words[i].example);
    }
    return json_string("text");
}

static json_t *example_object(const json_t *schema)
{
    json_t *object = json_object();
    const char *name;
    json_t *member;

    json_object_foreach(json_object_get(json_iterable(schema), "properties"), name, member)
    {
        set(object, name, shape_example(member));
    }
    return object;
}

json_t *shape_example(const json_t *schema)
{
    const json_t *list = json_object_get(schema, "enum");
    const json_t *choice = json_object_get(schema, "anyOf");
    const char *type = json_string_value(json_object_get(schema, "type"));
    AUTO_JSON *named = shape_resolve(schema);
    json_t *least = json_object_get(schema, "minimum");
    json_t *array;

    if (named)
        return shape_example(named);
    if (choice)
        return shape_example(json_array_get(choice, 0));
    if (list)
        return json_incref(json_array_get(list, 0));
    if (!type || text_equal(type, "null"))
        return json_null();
    if (text_equal(type, "object"))
        return example_object(schema);
    if (text_equal(type, "array")) {
        array = json_array();
        ASSERT(json_array_append_new(array, shape_example(json_object_get(schema, "items"))) == 0);
        return array;
    }
    if (text_equal(type, "boolean"))
        return json_true();
    if (text_equal(type, "string"))
        return example_text(schema);
    return least ? json_incref(least) : json_integer(1);
}
