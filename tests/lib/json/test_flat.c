/* The flat document: what it refuses, what it finds, and its canonical form. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/json/flat.h"
#include "lib/json/json.h"

static bool parses(const char *text, size_t len)
{
    struct err err = {0};
    struct flat doc;
    bool good = flat_parse(text, len, &flat_limits_metadata, &doc, &err);

    if (!good)
        cr_assert(err.refusal == REFUSAL_JSON_STRICT || err.code == ERR_LIMIT, "%s", err.text);
    flat_done(&doc);
    return good;
}

Test(json_flat, takes_every_kind_of_value)
{
    static const char *const good[] = {
        "{}",
        "[]",
        " [ ] ",
        "\"\"",
        "0",
        "9007199254740991",
        "true",
        "false",
        "null",
        "{\"a\":{\"b\":[1,2,{\"c\":null}]},\"d\":\"x\"}",
        "\"\\ud83d\\ude00\"",
        "\"\xf0\x9f\x98\x80\"",
        "[[],[[]],{}]",
        "\"\\u0001\"",
    };

    for (size_t i = 0; i < COUNT(good); i++)
        cr_expect(parses(good[i], strlen(good[i])), "%s", good[i]);
}

Test(json_flat, refuses_what_is_not_strict)
{
    static const char *const bad[] = {
        "",
        " ",
        "{",
        "[",
        "\"",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "[1,]",
        "[,1]",
        "{,}",
        "[1 2]",
        "{} {}",
        "{}x",
        "01",
        "-1",
        "-0",
        "1.0",
        "1e3",
        "9007199254740992",
        "99999999999999999999",
        "1152921504606846976",
        "tru",
        "nul",
        "True",
        "{\"a\":1,\"a\":2}",
        "{\"a\":1,\"\\u0061\":2}",
        "{\"x\":{\"b\":1,\"c\":2,\"b\":3}}",
        "\"\\u0000\"",
        "\"\\ud800\"",
        "\"\\udc00\"",
        "\"\\ud800\\u0041\"",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\n\"",
        "\"\x01\"",
        "\"\xff\"",
        "\"\xc0\x80\"",
        "\"\xed\xa0\x80\"",
        "\"\xf4\x90\x80\x80\"",
        "\"\xe2\x82\"",
        "\xef\xbb\xbf{}",
        "{1:2}",
        "[1}",
        "{\"a\":1]",
        "'a'",
        "// x\n1",
        "NaN",
    };

    for (size_t i = 0; i < COUNT(bad); i++)
        cr_expect(!parses(bad[i], strlen(bad[i])), "%s", bad[i]);
    cr_expect(!parses("\"a\0b\"", 5));
    cr_expect(!parses("1\0", 2));
}

Test(json_flat, bounds_the_depth)
{
    char text[20000];

    for (unsigned depth = 31; depth <= 33; depth++) {
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        cr_expect_eq(parses(text, (size_t)depth * 2), depth <= flat_limits_metadata.depth_max, "%u",
                     depth);
    }
    memset(text, '[', 10000);
    memset(text + 10000, ']', 10000);
    cr_expect_not(parses(text, sizeof(text)));
}

Test(json_flat, bounds_length_and_values)
{
    const struct flat_limits tight = {.bytes_max = 100, .nodes_max = 5, .depth_max = 4};
    struct err err = {0};
    struct flat doc;

    cr_expect(flat_parse("[1,2,3,4]", 9, &tight, &doc, &err), "%s", err.text);
    flat_done(&doc);
    cr_expect_not(flat_parse("[1,2,3,4,5]", 11, &tight, &doc, &err));
    cr_expect_eq(err.code, ERR_LIMIT);
    cr_expect_null(doc.nodes);
    cr_expect_not(flat_parse("[1]", 101, &tight, &doc, &err));
    cr_expect_eq(err.code, ERR_LIMIT);
}

Test(json_flat, a_document_of_commas_costs_no_more_than_it_may)
{
    enum { LEN = 100001 };
    char *text = mem_array(LEN, 1);
    struct err err = {0};
    struct flat doc;

    for (size_t i = 0; i < LEN; i++)
        text[i] = "0,"[i % 2 == 0];
    text[0] = '[';
    text[LEN - 1] = ']';
    cr_expect_not(flat_parse(text, LEN, &flat_limits_metadata, &doc, &err));
    cr_expect_eq(err.code, ERR_LIMIT);
    mem_free(text);
}

Test(json_flat, finds_members_items_and_their_order)
{
    static const char text[] = "{\"b\":[10,{\"x\":true},\"t\"],\"a\":7,\"\\u0063\":\"q\\\"\\n\"}";
    struct err err = {0};
    AUTO_FLAT doc;
    struct flat_value root, list, value;
    uint64_t number;
    char copy[8];

    cr_assert(flat_parse(text, strlen(text), &flat_limits_metadata, &doc, &err), "%s", err.text);
    root = flat_root(&doc);
    cr_assert(flat_is(root, FLAT_OBJECT));
    cr_assert_eq(flat_count(root), 3);
    list = flat_get(root, "b");
    cr_assert_eq(flat_count(list), 3);
    cr_assert(flat_number(flat_item(list, 0), &number));
    cr_assert_eq(number, 10);
    cr_assert(flat_is(flat_get(flat_item(list, 1), "x"), FLAT_TRUE));
    cr_assert(flat_text_is(flat_item(list, 2), "t"));
    cr_assert_not(flat_some(flat_item(list, 3)));
    value = flat_first(root);
    cr_assert(flat_text_is(flat_key(value), "b"));
    value = flat_next(value);
    cr_assert(flat_text_is(flat_key(value), "a"));
    value = flat_next(value);
    cr_assert(flat_text_is(flat_key(value), "c"));
    cr_assert_not(flat_some(flat_next(value)));
    cr_assert_not(flat_some(flat_get(root, "d")));
    cr_assert_not(flat_some(flat_get(list, "b")));
    cr_assert_eq(flat_text_len(flat_get(root, "c")), 3);
    cr_assert_not(flat_text_copy(flat_get(root, "c"), copy, 3));
    cr_assert(flat_text_copy(flat_get(root, "c"), copy, 4));
    cr_assert_str_eq(copy, "q\"\n");
    cr_assert_not(flat_number(flat_get(root, "c"), &number));
    cr_assert_not(flat_some(flat_next(root)));
}

Test(json_flat, compares_texts_whole)
{
    struct err err = {0};
    AUTO_FLAT doc;

    cr_assert(flat_parse("\"abc\"", 5, &flat_limits_metadata, &doc, &err));
    cr_expect(flat_text_is(flat_root(&doc), "abc"));
    cr_expect_not(flat_text_is(flat_root(&doc), "ab"));
    cr_expect_not(flat_text_is(flat_root(&doc), "abcd"));
    cr_expect_not(flat_text_is(flat_root(&doc), ""));
}

Test(json_flat, reads_hex_exactly)
{
    struct err err = {0};
    uint8_t out[2];
    AUTO_FLAT doc;

    cr_assert(flat_parse("[\"0aff\",\"0AFF\",\"0af\",\"0aff0\",7]", 31, &flat_limits_metadata, &doc,
                         &err));
    cr_expect(flat_hex(flat_item(flat_root(&doc), 0), out, 2));
    cr_expect(out[0] == 0x0a && out[1] == 0xff);
    for (size_t i = 1; i < 5; i++)
        cr_expect_not(flat_hex(flat_item(flat_root(&doc), i), out, 2), "%zu", i);
}

static void canonical_is(const char *text, const char *wanted)
{
    struct err err = {0};
    AUTO_FLAT doc;
    AUTO_BUF out;

    buf_init(&out, 1000000);
    cr_assert(flat_parse(text, strlen(text), &flat_limits_metadata, &doc, &err), "%s", err.text);
    cr_assert(flat_canonical(flat_root(&doc), &out, &err));
    cr_expect_str_eq(buf_text(&out), wanted);
}

Test(json_flat, writes_the_canonical_form)
{
    canonical_is(" { \"b\" : 1 , \"a\" : [ true , null ] } ", "{\"a\":[true,null],\"b\":1}");
    canonical_is("{\"\\u0062\":1,\"a\\/b\":\"\\n\\\"\\\\\"}", "{\"a/b\":\"\n\\\"\\\\\",\"b\":1}");
    canonical_is("{\"\xee\x80\x80\":1,\"\xf0\x9f\x98\x80\":2,\"z\":3}",
                 "{\"z\":3,\"\xee\x80\x80\":1,\"\xf0\x9f\x98\x80\":2}");
    canonical_is("{\"ab\":1,\"a\":2,\"\":3}", "{\"\":3,\"a\":2,\"ab\":1}");
}

/* "input" is a value, "canonical" the text that two other implementations agree on. */
Test(json_flat, agrees_with_other_implementations)
{
    const char *shared = getenv("SLIPWAY_SHARED");
    AUTO_FREE char *path =
        mem_printf("%s/acceptance/canonical-json-vectors.json", shared ? shared : "../shared");
    json_error_t error;
    AUTO_JSON *vectors = json_load_file(path, JSON_DECODE_ANY, &error);
    const json_t *list = json_is_array(vectors) ? vectors : json_object_get(vectors, "vectors");
    const json_t *vector;
    size_t i;

    if (!vectors)
        cr_skip_test("there is no '%s': %s", path, error.text);
    cr_assert_gt(json_array_size(list), 20);
    json_array_foreach(list, i, vector)
    {
        const char *input = json_string_value(json_object_get(vector, "input"));
        const char *hex = json_string_value(json_object_get(vector, "canonical_hex"));

        AUTO_FREE char *wanted = mem_array(strlen(hex) / 2 + 1, 1);
        bool refused =
            (strchr(input, '-') && !strchr(input, '"')) || strstr(input, "\\u0000") != NULL;

        cr_assert(text_to_hex_bytes(hex, strlen(hex), (uint8_t *)wanted, strlen(hex) / 2));
        if (refused) /* canonical elsewhere, but not in update metadata */
            cr_expect(!parses(input, strlen(input)), "%s", input);
        else
            canonical_is(input, wanted);
    }
}
