#include "device-client/trust/anchors.h"

#include <criterion/criterion.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/tuf/tuf.h"

#define PIN_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define PIN_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define KEY "{\"keytype\":\"ed25519\",\"keyval\":{\"public\":\"" PIN_A "\"},\"scheme\":\"ed25519\"}"
#define DAY_MS (INT64_C(86400) * 1000)

static bool parse(const char *text, struct anchors *out, struct err *err)
{
    return anchors_parse(text, strlen(text), out, err);
}

static const char rsa_time_key[] =
    "{\"_type\":\"anchors\",\"version\":1,\"time_key\":{\"keytype\":\"rsa\",\"keyval\":{"
    "\"public\":\"aa\"},\"scheme\":\"ed25519\"}}";

Test(anchors, say_pins_and_time_keys_and_what_comes_next)
{
    static const char text[] =
        "{\"_type\":\"anchors\",\"version\":3,\"tls_pins\":[\"" PIN_A "\"],\"time_key\":" KEY
        ",\"device_cas\":[],\"news\":{},\"next\":[{\"activates\":\"1970-01-11T00:00:00Z\","
        "\"tls_pins\":[\"" PIN_B "\"]}]}";
    uint8_t pins[ANCHORS_PINS_ALL_MAX][HASH_BYTES];
    uint8_t public_key[SIGN_PUBLIC_BYTES];
    char keyid[TUF_KEYID_ROOM];
    struct anchors anchors;
    struct err err = {0};

    memset(public_key, 0xaa, sizeof(public_key));
    tuf_keyid(public_key, keyid);
    cr_assert(parse(text, &anchors, &err), "%s", err.text);
    cr_expect_eq(anchors.version, 3);
    cr_expect(anchors_has_time(&anchors));
    cr_expect_eq(anchors_pins(&anchors, 10 * DAY_MS - 1, pins), 1);
    cr_expect_eq(pins[0][31], 0xaa);
    cr_expect_eq(anchors_pins(&anchors, 10 * DAY_MS, pins), 2, "the next ones from their day on");
    cr_expect_eq(pins[1][0], 0xbb);
    cr_expect_not_null(anchors_time_key(&anchors, keyid), "the id is TUF's");
    cr_expect_null(anchors_time_key(&anchors, PIN_B));
}

Test(anchors, may_say_nothing_but_their_version)
{
    struct anchors anchors;
    uint8_t pins[ANCHORS_PINS_ALL_MAX][HASH_BYTES];
    struct err err = {0};

    cr_assert(parse("{\"_type\":\"anchors\",\"version\":1}", &anchors, &err), "%s", err.text);
    cr_expect_eq(anchors_pins(&anchors, INT64_MAX, pins), 0);
    cr_expect_not(anchors_has_time(&anchors));
}

Test(anchors, refuse_what_is_malformed)
{
    static const char *const cases[] = {
        "",
        "[]",
        "{\"_type\":\"anchors\"}",
        "{\"_type\":\"targets\",\"version\":1}",
        "{\"_type\":\"anchors\",\"version\":0}",
        "{\"_type\":\"anchors\",\"version\":1,\"version\":2}",
        "{\"_type\":\"anchors\",\"version\":1}x",
        "{\"_type\":\"anchors\",\"version\":1,\"tls_pins\":\"aa\"}",
        "{\"_type\":\"anchors\",\"version\":1,\"tls_pins\":[\"aa\"]}",
        "{\"_type\":\"anchors\",\"version\":1,\"tls_pins\":[7]}",
        "{\"_type\":\"anchors\",\"version\":1,\"time_key\":{}}",
        rsa_time_key,
        "{\"_type\":\"anchors\",\"version\":1,\"next\":{}}",
        "{\"_type\":\"anchors\",\"version\":1,\"next\":[{}]}",
        "{\"_type\":\"anchors\",\"version\":1,\"next\":[{\"activates\":\"2027-01-01\"}]}",
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct anchors anchors;
        struct err err = {0};

        cr_expect_not(parse(cases[i], &anchors, &err), "%s", cases[i]);
        cr_expect_eq(err.refusal, REFUSAL_ANCHORS_FORMAT, "%s", cases[i]);
        cr_expect_eq(anchors.version, 0);
        cr_expect_eq(anchors.set_count, 0);
    }
}

Test(anchors, take_at_most_16_pins_and_8_next_values)
{
    for (size_t count = 16; count <= 17; count++) {
        struct anchors anchors;
        struct err err = {0};
        AUTO_BUF text;

        buf_init(&text, 4096);
        buf_add_text(&text, "{\"_type\":\"anchors\",\"version\":1,\"tls_pins\":[");
        for (size_t i = 0; i < count; i++)
            buf_add_text(&text, i ? ",\"" PIN_A "\"" : "\"" PIN_A "\"");
        buf_add_text(&text, "]}");
        cr_expect_eq(parse(buf_text(&text), &anchors, &err), count == 16, "%zu pins", count);
    }
    for (size_t count = 8; count <= 9; count++) {
        struct anchors anchors;
        struct err err = {0};
        AUTO_BUF text;

        buf_init(&text, 4096);
        buf_add_text(&text, "{\"_type\":\"anchors\",\"version\":1,\"next\":[");
        for (size_t i = 0; i < count; i++)
            buf_printf(&text, "%s{\"activates\":\"2027-01-01T00:00:00Z\"}", i ? "," : "");
        buf_add_text(&text, "]}");
        cr_expect_eq(parse(buf_text(&text), &anchors, &err), count == 8, "%zu next", count);
    }
}
