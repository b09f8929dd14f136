#include <criterion/criterion.h>

#include <string.h>

#include "lib/json/json.h"

static json_t *sample(void)
{
    json_t *tree = json_pack("{s:s, s:i, s:b, s:{}, s:[i,i], s:s, s:s, s:n, s:f}", "text", "abc",
                             "number", 7, "yes", 1, "object", "array", 1, 2, "hex", "00ff", "time",
                             "2026-11-22T18:00:00Z", "nothing", "real", 1.5);

    cr_assert(tree);
    return tree;
}

Test(json_field, gives_typed_values)
{
    AUTO_JSON *tree = sample();
    const char *text = NULL;
    uint64_t number = 0;
    bool yes = false;
    json_t *inner = NULL;
    uint8_t hex[2] = {0};
    int64_t time_ms = 0;
    struct err err = {0};

    cr_expect(json_field_text(tree, "", "text", 3, &text, &err) && strcmp(text, "abc") == 0);
    cr_expect(json_field_u64(tree, "", "number", 7, 7, &number, &err) && number == 7);
    cr_expect(json_field_bool(tree, "", "yes", &yes, &err) && yes);
    cr_expect(json_field_object(tree, "", "object", &inner, &err) && json_is_object(inner));
    cr_expect(json_field_array(tree, "", "array", 2, &inner, &err) && json_array_size(inner) == 2);
    cr_expect(json_field_hex(tree, "", "hex", hex, 2, &err) && hex[1] == 0xff);
    cr_expect(json_field_time(tree, "", "time", &time_ms, &err) && time_ms == 1795370400000);
    cr_expect(json_field_has(tree, "text"));
    cr_expect_not(json_field_has(tree, "nothing"));
    cr_expect_not(json_field_has(tree, "absent"));
}

#define REFUSED(call, words)                                                                       \
    do {                                                                                           \
        struct err err = {0};                                                                      \
        cr_expect_not(call, "%s", words);                                                          \
        cr_expect_eq(err.code, ERR_INVALID);                                                       \
        cr_expect_str_eq(err.text, words);                                                         \
    } while (0)

Test(json_field, names_the_path_of_what_is_wrong)
{
    AUTO_JSON *tree = sample();
    const char *text = NULL;
    uint64_t number = 0;
    bool yes = false;
    json_t *inner = NULL;
    uint8_t hex[3] = {0};
    int64_t time_ms = 0;

    REFUSED(json_field_text(tree, "a[2]", "b", 9, &text, &err), "field 'a[2].b' is missing");
    REFUSED(json_field_text(tree, "", "number", 9, &text, &err), "field 'number' is not a text");
    REFUSED(json_field_text(tree, "", "text", 2, &text, &err),
            "field 'text' is longer than 2 bytes");
    REFUSED(json_field_u64(tree, "", "text", 0, 9, &number, &err),
            "field 'text' is not an integer");
    REFUSED(json_field_u64(tree, "", "real", 0, 9, &number, &err),
            "field 'real' is not an integer");
    REFUSED(json_field_u64(tree, "p", "number", 8, 9, &number, &err),
            "field 'p.number' is not within 8 to 9");
    REFUSED(json_field_u64(tree, "p", "number", 1, 6, &number, &err),
            "field 'p.number' is not within 1 to 6");
    REFUSED(json_field_bool(tree, "", "number", &yes, &err),
            "field 'number' is neither true nor false");
    REFUSED(json_field_object(tree, "", "array", &inner, &err), "field 'array' is not an object");
    REFUSED(json_field_array(tree, "", "object", 9, &inner, &err),
            "field 'object' is not an array");
    REFUSED(json_field_array(tree, "", "array", 1, &inner, &err),
            "field 'array' has more than 1 items");
    REFUSED(json_field_hex(tree, "", "hex", hex, 3, &err),
            "field 'hex' is not 6 digits of lower-case hex");
    REFUSED(json_field_time(tree, "", "text", &time_ms, &err),
            "field 'text' is not a time like 2026-11-22T18:00:00Z");
    REFUSED(json_field_text(json_object_get(tree, "array"), "array", "x", 9, &text, &err),
            "'array' is not an object");
}

Test(json_fields_known, refuses_a_misspelt_name)
{
    static const char *const names[] = {"name", "phases", NULL};
    AUTO_JSON *good = json_pack("{s:i}", "name", 1);
    AUTO_JSON *bad = json_pack("{s:i, s:i}", "name", 1, "phase", 1);
    struct err good_err = {0};

    cr_expect(json_fields_known(good, "", names, &good_err));
    REFUSED(json_fields_known(bad, "x", names, &err), "field 'x.phase' is not known");
}
