#include <string.h>

#include <criterion/criterion.h>

#include "lib/base/text.h"
#include "server/operator/expected_input.h"

#define HEX "00000000000000000000000000000000000000000000000000000000000000aa"

static bool parse(struct arena *arena, const char *text, const char *group,
                  struct expected_list *out, struct err *err)
{
    const struct expected_lines lines = {text, strlen(text), 40, group};

    return expected_parse(&lines, arena, out, err);
}

Test(expected_input, reads_lines_of_ids_and_keys)
{
    struct arena *arena = arena_new();
    struct expected_list list;
    struct err err = {0};
    uint8_t key[HASH_BYTES] = {0}, hash[HASH_BYTES];

    cr_assert(parse(arena,
                    "{\"device\":\"" HEX "\",\"group\":\"cam/production\",\"tags\":{\"a\":\"b\"}}\n"
                    "{\"public_key\":\"" HEX "\"}\n",
                    "cam/lab", &list, &err),
              "%s", err.text);
    cr_assert_eq(list.count, 2);
    cr_expect_eq(list.devices[0][31], 0xaa);
    cr_expect_str_eq(list.groups[0], "cam/production");
    cr_expect_str_eq(list.groups[1], "cam/lab");
    cr_expect_str_eq(list.tags[0], "{\"a\":\"b\"}");
    cr_expect_str_eq(list.tags[1], "{}");
    key[31] = 0xaa;
    hash_blake2b(key, sizeof(key), hash);
    cr_expect_arr_eq(list.devices[1], hash, HASH_BYTES);
    arena_free(arena);
}

Test(expected_input, names_the_line_that_is_wrong)
{
    static const struct {
        const char *second;
        const char *says;
    } cases[] = {
        {"", "line 41: it is empty"},
        {"{", "line 41: "},
        {"[]", "line 41: it is not a JSON object"},
        {"{\"group\":\"g\"}", "line 41: one of"},
        {"{\"device\":\"" HEX "\",\"public_key\":\"" HEX "\"}", "line 41: one of"},
        {"{\"device\":\"aa\"}", "line 41: field 'device'"},
        {"{\"public_key\":7}", "line 41: field 'public_key'"},
        {"{\"device\":\"" HEX "\",\"group\":\"\"}", "line 41: field 'group'"},
        {"{\"device\":\"" HEX "\",\"group\":7}", "line 41: field 'group'"},
        {"{\"device\":\"" HEX "\",\"tag\":{}}", "line 41: "},
        {"{\"device\":\"" HEX "\",\"tags\":[]}", "line 41: 'tags'"},
        {"{\"device\":\"" HEX "\",\"tags\":{\"a\":7}}", "line 41: field 'tags.a'"},
        {"{\"device\":\"" HEX "\"} x", "line 41: "},
        {"{\"device\":\"" HEX "\"}\r", NULL}, /* JSON's own blank */
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct arena *arena = arena_new();
        struct expected_list list;
        struct err err = {0};
        AUTO_BUF text;

        buf_init(&text, 4096);
        buf_printf(&text, "{\"device\":\"" HEX "\"}\n%s\n", cases[i].second);
        cr_expect_eq(parse(arena, buf_text(&text), "g", &list, &err), cases[i].says == NULL, "%s",
                     cases[i].second);
        if (cases[i].says)
            cr_expect(text_starts_with(err.text, cases[i].says), "%s: %s", cases[i].second,
                      err.text);
        arena_free(arena);
    }
}

Test(expected_input, needs_a_group_from_somewhere)
{
    struct arena *arena = arena_new();
    struct expected_list list;
    struct err err = {0};

    cr_expect_not(parse(arena, "{\"device\":\"" HEX "\"}", NULL, &list, &err));
    cr_expect_str_eq(err.text, "line 40: field 'group' is missing");
    arena_free(arena);
}

Test(expected_input, takes_two_thousand_lines_and_not_one_more)
{
    struct arena *arena = arena_new();
    struct expected_list list;
    struct err err = {0};
    AUTO_BUF text;

    buf_init(&text, 1 << 20);
    for (int i = 0; i < EXPECTED_LINES_MAX; i++)
        buf_printf(&text, "{\"device\":\"%064x\"}\n", (unsigned)i);
    cr_expect(parse(arena, buf_text(&text), "g", &list, &err), "%s", err.text);
    cr_expect_eq(list.count, EXPECTED_LINES_MAX);
    buf_add_text(&text, "x");
    cr_expect_not(parse(arena, buf_text(&text), "g", &list, &err));
    cr_expect_eq(err.code, ERR_LIMIT);
    cr_expect_not(parse(arena, "", "g", &list, &err));
    cr_expect_eq(err.code, ERR_INVALID);
    arena_free(arena);
}
