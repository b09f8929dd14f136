#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/json/json.h"
#include "lib/os/file.h"

Test(json_canonical, sorts_by_bytes_and_escapes_only_quote_and_backslash)
{
    static const struct {
        const char *text;
        const char *canonical;
    } cases[] = {
        {"{}", "{}"},
        {" [ 1 , -2 , true , false , null ] ", "[1,-2,true,false,null]"},
        {"{\"b\":1,\"a\":2,\"B\":{\"z\":[],\"y\":{}}}",
         "{\"B\":{\"y\":{},\"z\":[]},\"a\":2,\"b\":1}"},
        {"{\"ab\":1,\"a\":2,\"\":3}", "{\"\":3,\"a\":2,\"ab\":1}"},
        {"{\"\\uffee\":1,\"\\ud83d\\ude80\":2}", "{\"\xef\xbf\xae\":1,\"\xf0\x9f\x9a\x80\":2}"},
        {"\"a\\n\\t\\\"\\\\\\/\\u0001\"", "\"a\n\t\\\"\\\\/\x01\""},
        {"9007199254740991", "9007199254740991"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO_JSON *tree = json_loadb(cases[i].text, strlen(cases[i].text), JSON_DECODE_ANY, NULL);
        AUTO_BUF out;
        struct err err = {0};

        cr_assert(tree, "%s", cases[i].text);
        buf_init(&out, 1000);
        cr_expect(json_canonical(tree, &out, &err), "%s", err.text);
        cr_expect_str_eq(buf_text(&out), cases[i].canonical, "%s", cases[i].text);
    }
}

Test(json_canonical, refuses_reals_and_what_does_not_fit)
{
    AUTO_JSON *real = json_pack("{s:[f]}", "a", 1.0);
    AUTO_JSON *text = json_string("0123456789");
    AUTO_BUF out;
    struct err err = {0};

    buf_init(&out, 8);
    cr_expect_not(json_canonical(real, &out, &err));
    cr_expect_eq(err.code, ERR_INVALID);
    buf_reset(&out);
    cr_expect_not(json_canonical(text, &out, &err));
    cr_expect_eq(err.code, ERR_LIMIT);
}

/* The vectors that two independent implementations agree on, when they are at hand. */
static bool load_vectors(json_t **out)
{
    const char *dir = getenv("SLIPWAY_SHARED");
    AUTO_FREE char *path =
        mem_printf("%s/acceptance/canonical-json-vectors.json", dir ? dir : "../shared");
    AUTO_BUF text;
    struct err err = {0};

    buf_init(&text, 1 << 20);
    if (!file_read(path, &text, &err)) {
        (void)printf("skipped: %s\n", err.text);
        return false;
    }
    *out = json_loadb(buf_text(&text), text.len, 0, NULL);
    return *out != NULL;
}

Test(json_canonical, agrees_with_the_published_vectors)
{
    AUTO_JSON *vectors = NULL;

    if (!load_vectors(&vectors))
        cr_skip_test("the shared vectors are not here");
    cr_assert_geq(json_array_size(vectors), 25);
    for (size_t i = 0; i < json_array_size(vectors); i++) {
        json_t *vector = json_array_get(vectors, i);
        const char *input = json_string_value(json_object_get(vector, "input"));
        AUTO_JSON *tree = json_loadb(input, strlen(input), JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        AUTO_BUF out;
        AUTO_FREE char *hex = NULL;
        struct err err = {0};

        cr_assert(tree, "%s", input);
        buf_init(&out, 10000);
        cr_expect(json_canonical(tree, &out, &err), "%s", input);
        hex = mem_alloc(2 * out.len + 1);
        text_from_hex_bytes(out.data, out.len, hex);
        cr_expect_str_eq(hex, json_string_value(json_object_get(vector, "canonical_hex")), "%s",
                         input);
    }
}
