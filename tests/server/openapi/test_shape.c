#include <criterion/criterion.h>

#include "lib/base/base.h"
#include "lib/base/mem.h"
#include "server/openapi/shape.h"

Test(shape, is_the_schema_it_says)
{
    static const struct {
        const char *shape;
        const char *schema;
    } cases[] = {
        {"text", "{\"type\":\"string\"}"},
        {"any", "{}"},
        {"text(1,63)", "{\"type\":\"string\",\"minLength\":1,\"maxLength\":63}"},
        {"int(0,100)", "{\"type\":\"integer\",\"minimum\":0,\"maximum\":100}"},
        {"time", "{\"type\":\"string\",\"format\":\"date-time\"}"},
        {"'a'|'b'", "{\"type\":\"string\",\"enum\":[\"a\",\"b\"]}"},
        {"'a'|null", "{\"anyOf\":[{\"type\":\"string\",\"enum\":[\"a\"]},{\"type\":\"null\"}]}"},
        {"[bool]", "{\"type\":\"array\",\"items\":{\"type\":\"boolean\"}}"},
        {"{}", "{\"type\":\"object\",\"additionalProperties\":false}"},
        {"{...}", "{\"type\":\"object\"}"},
        {"{*:int}", "{\"type\":\"object\",\"additionalProperties\":{\"type\":\"integer\"}}"},
        {"{a:text, b?:null, ...}",
         "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"},"
         "\"b\":{\"type\":\"null\"}},\"required\":[\"a\"]}"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO_JSON *schema = shape_schema(cases[i].shape);
        AUTO_FREE char *text = json_text(schema);

        cr_expect_str_eq(text, cases[i].schema, "%s is %s", cases[i].shape, text);
    }
}

Test(shape, lets_pass_what_fits_and_names_what_does_not)
{
    static const struct {
        const char *shape;
        const char *value;
        const char *refused; /* NULL: it fits */
    } cases[] = {
        {"int(1,3)", "1", NULL},
        {"int(1,3)", "3", NULL},
        {"int(1,3)", "4", "'x' is out of range"},
        {"int(1,3)", "0", "'x' is out of range"},
        {"int", "1.5", "'x' is no integer"},
        {"number", "1.5", NULL},
        {"text|null", "null", NULL},
        {"text|null", "7", "'x' is no null"},
        {"'a'|'b'", "\"b\"", NULL},
        {"'a'|'b'", "\"c\"", "'x' is none of the words"},
        {"{a:text}", "{\"a\":\"\"}", NULL},
        {"{a:text}", "{}", "'x.a' is missing"},
        {"{a?:text}", "{}", NULL},
        {"{a?:text}", "{\"b\":1}", "'x.b' is unknown"},
        {"{a?:text, ...}", "{\"b\":1}", NULL},
        {"{*:int}", "{\"b\":1}", NULL},
        {"{*:int}", "{\"b\":true}", "'x.b' is no integer"},
        {"[{a:int}]", "[{\"a\":1},{\"a\":\"\"}]", "'x[1].a' is no integer"},
        {"any", "[[]]", NULL},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO_JSON *schema = shape_schema(cases[i].shape);
        AUTO_JSON *value = json_loads(cases[i].value, JSON_DECODE_ANY, NULL);
        struct err err = {0};
        bool fits = shape_check(schema, value, "x", &err);

        cr_expect_eq(fits, cases[i].refused == NULL, "%s %s", cases[i].shape, cases[i].value);
        if (cases[i].refused)
            cr_expect_str_eq(err.text, cases[i].refused);
    }
}

Test(shape, has_an_example_that_fits)
{
    static const char *const shapes[] = {
        "text",     "uuid",   "hash", "time", "name",    "base64",
        "int(5,9)", "number", "bool", "null", "'a'|'b'", "[{a:int|null, b?:[time], ...}]",
        "{*:int}",  "any"};

    for (size_t i = 0; i < COUNT(shapes); i++) {
        AUTO_JSON *schema = shape_schema(shapes[i]);
        AUTO_JSON *example = shape_example(schema);
        struct err err = {0};

        cr_expect(shape_check(schema, example, "x", &err), "%s: %s", shapes[i], err.text);
    }
}
