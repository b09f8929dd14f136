#include <criterion/criterion.h>

#include <string.h>

#include "lib/base/mem.h"
#include "lib/json/json.h"

Test(json_parse, refuses_what_parsers_disagree_about)
{
    static const struct {
        const char *what;
        const char *text;
        size_t len; /* 0: strlen */
    } cases[] = {
        {"nothing", "", 0},
        {"a duplicate key", "{\"version\":1,\"version\":9}", 0},
        {"a duplicate key inside", "{\"a\":{\"b\":1,\"b\":1}}", 0},
        {"a fraction", "{\"a\":1.0}", 0},
        {"an exponent", "[1e3]", 0},
        {"2^53", "[9007199254740992]", 0},
        {"2^60", "{\"a\":1152921504606846976}", 0},
        {"a number past 64 bits", "[99999999999999999999999]", 0},
        {"a negative number", "[-1]", 0},
        {"minus zero", "[-0]", 0},
        {"a leading zero", "[01]", 0},
        {"an escaped NUL", "\"a\\u0000b\"", 0},
        {"an escaped NUL in a key", "{\"a\\u0000b\":1}", 0},
        {"a raw NUL", "\"a\0b\"", 5},
        {"a NUL behind the value", "{}\0", 3},
        {"invalid UTF-8", "\"\xff\"", 0},
        {"an overlong form", "\"\xc0\xaf\"", 0},
        {"a lone surrogate", "\"\\ud800\"", 0},
        {"a byte order mark", "\xef\xbb\xbf{}", 0},
        {"trailing bytes", "{} x", 0},
        {"two values", "{}{}", 0},
        {"a raw newline in a string", "\"a\nb\"", 0},
        {"a trailing comma", "[1,]", 0},
        {"NaN", "[NaN]", 0},
        {"an open string", "\"abc\\", 0},
        {"an open object", "{\"a\":", 0},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        size_t len = cases[i].len ? cases[i].len : strlen(cases[i].text);
        json_t *tree = NULL;
        struct err err = {0};

        cr_expect_not(json_parse(cases[i].text, len, &json_limits_metadata, &tree, &err), "%s",
                      cases[i].what);
        cr_expect_eq(err.code, ERR_INVALID, "%s: %s", cases[i].what, err.text);
        cr_expect_null(tree, "%s", cases[i].what);
    }
}

Test(json_parse, accepts_the_ordinary)
{
    static const char *const cases[] = {
        "{}", "[]", "null", " {\"a\":[9007199254740991,0,true,\"-1.5e[{\"]}\n", "\"\\\"[[[\"",
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO_JSON *tree = NULL;
        struct err err = {0};

        cr_expect(json_parse(cases[i], strlen(cases[i]), &json_limits_metadata, &tree, &err),
                  "%s: %s", cases[i], err.text);
    }
}

static bool parse_repeated(const char *piece, size_t times, const char *end, struct err *err)
{
    AUTO_JSON *tree = NULL;
    AUTO_BUF text;

    buf_init(&text, 6000000);
    buf_add_u8(&text, '[');
    for (size_t i = 0; i < times; i++)
        buf_add_text(&text, piece);
    buf_add_text(&text, end);
    return json_parse(buf_text(&text), text.len, &json_limits_metadata, &tree, err);
}

Test(json_parse, stops_at_its_limits_before_spending)
{
    struct err err = {0};

    cr_expect_not(parse_repeated("[", 10000, "", &err));
    cr_expect_eq(err.code, ERR_LIMIT, "depth: %s", err.text);
    cr_expect_not(parse_repeated("{},", 100000, "1]", &err));
    cr_expect_eq(err.code, ERR_LIMIT, "containers: %s", err.text);
    cr_expect_not(parse_repeated("1111,", 1000000, "1]", &err));
    cr_expect_eq(err.code, ERR_LIMIT, "bytes: %s", err.text);
    cr_expect(parse_repeated("{},", 99999, "1]", &err), "%s", err.text);
    cr_expect(parse_repeated("[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]],", 2,
                             "1]", &err),
              "%s", err.text);
}

Test(json_parse, takes_other_numbers_where_the_limits_allow)
{
    static const struct json_limits loose = {
        .bytes_max = 100, .depth_max = 4, .containers_max = 4, .integers_only = false};
    AUTO_JSON *tree = NULL;
    struct err err = {0};

    cr_expect(json_parse("[-1.5]", 6, &loose, &tree, &err), "%s", err.text);
}

Test(json_text, keeps_the_order_of_keys)
{
    AUTO_JSON *tree = json_pack("{s:i, s:[b, n], s:s}", "z", 1, "a", 1, "m", "x");
    AUTO_FREE char *text = json_text(tree);

    cr_expect_str_eq(text, "{\"z\":1,\"a\":[true,null],\"m\":\"x\"}");
}
