#include "lib/wire/device.h"

#include <criterion/criterion.h>
#include <string.h>

#include "lib/base/text.h"

#define HEX64 "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define HEX128 HEX64 HEX64
#define UUID "0f8fad5b-d9cb-469f-a165-70867728950e"

typedef bool parse_fn(const void *, size_t, void *, struct err *);
typedef void format_fn(const void *, struct buf *);

#define MESSAGE(type)                                                                              \
    static bool parse_##type(const void *data, size_t len, void *out, struct err *err)             \
    {                                                                                              \
        return wire_##type##_parse(data, len, out, err);                                           \
    }                                                                                              \
    static void format_##type(const void *message, struct buf *out)                                \
    {                                                                                              \
        wire_##type##_format(message, out);                                                        \
    }
MESSAGE(claim)
MESSAGE(claim_answer)
MESSAGE(nonce_answer)
MESSAGE(session)
MESSAGE(session_answer)
MESSAGE(poll)
MESSAGE(poll_answer)
MESSAGE(activate)
MESSAGE(activate_answer)
MESSAGE(attributes)
MESSAGE(report)

static union {
    struct wire_claim claim;
    struct wire_claim_answer claim_answer;
    struct wire_session session;
    struct wire_poll poll;
    struct wire_poll_answer poll_answer;
    struct wire_attributes attributes;
    struct wire_report report;
} first, second;

#define GRANT                                                                                      \
    "\"deployment\":\"" UUID "\",\"action\":\"install\",\"targets\":[{\"path\":\"os/A/2/root."     \
    "img\",\"sha256\":\"" HEX64 "\"}],\"deltas\":[{\"path\":\"deltas/" HEX64                       \
    "\",\"sha256\":\"" HEX64 "\",\"length\":77,\"from\":\"" HEX64 "\"}],\"conditions\":{}"

Test(wire_device, formats_again_exactly_what_it_parsed)
{
    static const struct {
        parse_fn *parse;
        format_fn *format;
        const char *text;
    } cases[] = {
        {parse_claim, format_claim,
         "{\"public_key\":\"" HEX64 "\",\"claim\":\"T\\\"\\\\\\u0001\",\"hwid\":\"qemu-\xc3\xa9\","
         "\"signature\":\"" HEX128 "\"}"},
        {parse_claim_answer, format_claim_answer,
         "{\"tenant\":\"t\",\"product\":\"p\",\"group\":\"g\",\"device\":\"" HEX64 "\","
         "\"image_base\":\"http://h/t/t/image\",\"director_base\":\"\"}"},
        {parse_nonce_answer, format_nonce_answer, "{\"nonce\":\"abc\"}"},
        {parse_session, format_session,
         "{\"device\":\"" HEX64 "\",\"nonce\":\"abc\",\"signature\":\"" HEX128 "\"}"},
        {parse_session_answer, format_session_answer,
         "{\"token\":\"abc\",\"expires\":\"2026-01-31T00:00:00Z\"}"},
        {parse_poll, format_poll,
         "{\"assignment\":0,\"installed\":[],\"attributes_hash\":\"\",\"timestamp_expires\":\"\"}"},
        {parse_poll, format_poll,
         "{\"assignment\":9007199254740991,\"installed\":[\"" HEX64 "\",\"" HEX64
         "\"],\"attributes_hash\":\"" HEX64 "\",\"timestamp_expires\":\"2026-01-31T00:00:00Z\"}"},
        {parse_poll_answer, format_poll_answer, "{\"assignment\":3,\"next_poll_s\":60}"},
        {parse_poll_answer, format_poll_answer,
         "{\"assignment\":3,\"next_poll_s\":60,\"attributes\":true," GRANT "}"},
        {parse_activate, format_activate, "{\"deployment\":\"" UUID "\",\"assignment\":4}"},
        {parse_activate_answer, format_activate_answer, "{\"go\":true}"},
        {parse_activate_answer, format_activate_answer,
         "{\"go\":false,\"reason\":\"paused\",\"retry_s\":30}"},
        {parse_attributes, format_attributes, "{}"},
        {parse_attributes, format_attributes, "{\"arch\":\"x86\",\"zone\":\"Europe/Rome\"}"},
        {parse_report, format_report,
         "{\"epoch\":\"00112233445566778899aabbccddeeff\",\"seq\":1,\"deployment\":\"" UUID
         "\",\"state\":\"rolled-back\",\"reason\":\"HEALTH\",\"detail\":\"exit 1\","
         "\"image\":\"" HEX64 "\",\"bytes\":5,\"time\":\"2026-01-31T00:00:00Z\"}"},
        {parse_report, format_report,
         "{\"epoch\":\"00112233445566778899aabbccddeeff\",\"seq\":2,\"deployment\":\"\","
         "\"state\":\"\",\"reason\":\"TIMESTAMP_EXPIRED\",\"detail\":\"\",\"image\":\"\","
         "\"bytes\":0,\"time\":\"2026-01-31T00:00:00Z\"}"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO_BUF out;
        struct err err = {0};

        buf_init(&out, WIRE_REQUEST_BYTES_MAX);
        cr_assert(cases[i].parse(cases[i].text, strlen(cases[i].text), &first, &err), "%s: %s",
                  cases[i].text, err.text);
        cases[i].format(&first, &out);
        cr_expect_str_eq(buf_text(&out), cases[i].text);
        for (size_t len = 0; len < out.len; len++)
            cr_expect_not(cases[i].parse(cases[i].text, len, &second, &err), "cut at %zu", len);
    }
}

static void expect_refusals(parse_fn *parse, const char *const *texts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct err err = {0};

        cr_expect_not(parse(texts[i], strlen(texts[i]), &first, &err), "%s", texts[i]);
        cr_expect(err.code == ERR_INVALID || err.code == ERR_LIMIT, "%s", texts[i]);
        cr_expect_neq(err.text[0], '\0', "%s", texts[i]);
    }
}

Test(wire_device, refuses_requests_that_are_not_exactly_right)
{
    static const char *const polls[] = {
        "",
        "[]",
        "{\"assignment\":1}",
        "{\"assignment\":1,\"assignment\":1,\"installed\":[],\"attributes_hash\":\"\","
        "\"timestamp_expires\":\"\"}",
        "{\"assignment\":1,\"installed\":[],\"attributes_hash\":\"\",\"timestamp_expires\":\"\","
        "\"more\":1}",
        "{\"assignment\":1,\"installed\":[],\"attributes_hash\":\"\",\"timestamp_expires\":\"\"}x",
        "{\"assignment\":-1,\"installed\":[],\"attributes_hash\":\"\",\"timestamp_expires\":\"\"}",
        "{\"assignment\":1.0,\"installed\":[],\"attributes_hash\":\"\",\"timestamp_expires\":\"\"}",
        "{\"assignment\":01,\"installed\":[],\"attributes_hash\":\"\",\"timestamp_expires\":\"\"}",
        "{\"assignment\":9007199254740992,\"installed\":[],\"attributes_hash\":\"\","
        "\"timestamp_expires\":\"\"}",
        "{\"assignment\":1,\"installed\":[\"00\"],\"attributes_hash\":\"\","
        "\"timestamp_expires\":\"\"}",
        "{\"assignment\":1,\"installed\":[],\"attributes_hash\":\"\","
        "\"timestamp_expires\":\"2026-02-31T00:00:00Z\"}",
        "{\"assignment\":1,\"installed\":[,],\"attributes_hash\":\"\",\"timestamp_expires\":\"\"}",
        "{\"assignment\":null,\"installed\":[],\"attributes_hash\":\"\","
        "\"timestamp_expires\":\"\"}",
    };

    expect_refusals(parse_poll, polls, COUNT(polls));
}

Test(wire_device, refuses_texts_that_are_not_valid_utf8_or_hold_nul)
{
    static const char *const nonces[] = {
        "{\"nonce\":\"\"}",
        "{\"nonce\":\"\\u0000\"}",
        "{\"nonce\":\"\\ud800\"}",
        "{\"nonce\":\"\\ud800\\u0041\"}",
        "{\"nonce\":\"\\udc00\"}",
        "{\"nonce\":\"\\x\"}",
        "{\"nonce\":\"\x01\"}",
        "{\"nonce\":\"\xff\"}",
        "{\"nonce\":\"\xc0\x80\"}",
        "{\"nonce\":\"\xe0\x80\x80\"}",
        "{\"nonce\":\"\xed\xa0\x80\"}",
        "{\"nonce\":\"\xf4\x90\x80\x80\"}",
        "{\"nonce\":\"\xe2\x82\"}",
    };
    struct wire_nonce_answer answer;
    struct err err = {0};
    static const char pair[] = "{\"nonce\":\"\\ud83d\\ude00\"}";

    expect_refusals(parse_nonce_answer, nonces, COUNT(nonces));
    cr_assert(wire_nonce_answer_parse(pair, strlen(pair), &answer, &err));
    cr_expect_str_eq(answer.nonce, "\xf0\x9f\x98\x80");
}

Test(wire_device, skips_fields_it_does_not_know_in_answers_only)
{
    static const char text[] =
        " { \"new\" : [1,{\"a\":[true,null,-1.5e3]},\"x\"] , \"assignment\":3,"
        "\"next_poll_s\":60 } ";
    static const char deep[] = "{\"assignment\":3,\"next_poll_s\":60,\"d\":[[[[[[[[[]]]]]]]]]}";
    struct err err = {0};

    cr_assert(wire_poll_answer_parse(text, strlen(text), &first.poll_answer, &err), "%s", err.text);
    cr_expect_eq(first.poll_answer.assignment, 3);
    cr_expect_not(wire_poll_answer_parse(deep, strlen(deep), &first.poll_answer, &err));
    cr_expect_eq(err.code, ERR_LIMIT);
}

Test(wire_device, refuses_half_a_grant)
{
    static const char *const answers[] = {
        "{\"assignment\":3,\"next_poll_s\":0}",
        "{\"assignment\":3,\"next_poll_s\":1,\"deployment\":\"" UUID "\"}",
        "{\"assignment\":3,\"next_poll_s\":1,\"targets\":[{\"path\":\"a\",\"sha256\":\"" HEX64
        "\"}]}",
        "{\"assignment\":3,\"next_poll_s\":1,\"deployment\":\"" UUID
        "\",\"action\":\"install\",\"targets\":[],\"deltas\":[]}",
        "{\"assignment\":3,\"next_poll_s\":1,\"deployment\":\"" UUID
        "\",\"action\":\"erase\",\"targets\":[{\"path\":\"a\",\"sha256\":\"" HEX64
        "\"}],\"deltas\":[]}",
        "{\"assignment\":3,\"next_poll_s\":1,\"deployment\":\"" UUID
        "\",\"action\":\"install\",\"targets\":[{\"path\":\"../a\",\"sha256\":\"" HEX64
        "\"}],\"deltas\":[]}",
        "{\"assignment\":3,\"next_poll_s\":1,\"deployment\":\"" UUID
        "\",\"action\":\"install\",\"targets\":[{\"path\":\"a//b\",\"sha256\":\"" HEX64
        "\"}],\"deltas\":[]}",
    };

    expect_refusals(parse_poll_answer, answers, COUNT(answers));
}

#define WINDOWED                                                                                   \
    "{\"assignment\":3,\"next_poll_s\":60,\"report_s\":60,\"deployment\":\"" UUID                  \
    "\",\"action\":\"install\",\"targets\":[{\"path\":\"os/a\",\"sha256\":\"" HEX64                \
    "\"}],\"deltas\":[]"

Test(wire_device, carries_the_window_of_a_grant)
{
    static const char text[] =
        WINDOWED ",\"conditions\":{\"window\":{\"days\":[\"mon\",\"sun\"],\"start\":\"22:30\","
                 "\"end\":\"05:00\"},\"activate_before\":3600}}";
    static const char older[] = WINDOWED "}";
    static const char stranger[] = WINDOWED ",\"conditions\":{\"moon\":[1]}}";
    const struct wire_poll_answer *answer = &first.poll_answer;
    struct err err = {0};
    AUTO_BUF out;

    buf_init(&out, WIRE_REQUEST_BYTES_MAX);
    cr_assert(wire_poll_answer_parse(text, strlen(text), &first.poll_answer, &err), "%s", err.text);
    cr_expect(answer->conditions.window.set);
    cr_expect_eq(answer->conditions.window.days, 1 << 0 | 1 << 6);
    cr_expect_eq(answer->conditions.window.start_min, 22 * 60 + 30);
    cr_expect_eq(answer->conditions.window.end_min, 5 * 60);
    cr_expect_eq(answer->conditions.activate_before.value, 3600);
    cr_expect_eq(answer->report_s.value, 60);
    wire_poll_answer_format(answer, &out);
    cr_expect_str_eq(buf_text(&out), text);
    cr_assert(wire_poll_answer_parse(older, strlen(older), &first.poll_answer, &err), "%s",
              err.text);
    cr_expect_not(answer->conditions.window.set);
    cr_expect(wire_poll_answer_parse(stranger, strlen(stranger), &first.poll_answer, &err));
}

Test(wire_device, refuses_windows_that_are_none)
{
    static const char *const windows[] = {
        "{\"days\":[],\"start\":\"02:00\",\"end\":\"03:00\"}",
        "{\"days\":[\"mon\",\"mon\"],\"start\":\"02:00\",\"end\":\"03:00\"}",
        "{\"days\":[\"monday\"],\"start\":\"02:00\",\"end\":\"03:00\"}",
        "{\"days\":\"mon\",\"start\":\"02:00\",\"end\":\"03:00\"}",
        "{\"days\":[\"mon\"],\"start\":\"24:00\",\"end\":\"03:00\"}",
        "{\"days\":[\"mon\"],\"start\":\"2:00\",\"end\":\"03:00\"}",
        "{\"days\":[\"mon\"],\"start\":\"02:60\",\"end\":\"03:00\"}",
        "{\"days\":[\"mon\"],\"start\":\"02:00\"}",
    };
    static const char good[] = "{\"end\": \"23:59\", \"days\": [\"wed\"], \"start\": \"00:00\"}";
    struct window window;
    struct err err;

    cr_assert(wire_window_parse(good, strlen(good), &window, &err), "%s", err.text);
    cr_expect(window.set && window.days == 1 << 2 && window.start_min == 0);
    cr_expect_eq(window.end_min, WINDOW_DAY_MINUTES - 1);
    for (size_t i = 0; i < COUNT(windows); i++) {
        cr_expect_not(wire_window_parse(windows[i], strlen(windows[i]), &window, &err), "%s",
                      windows[i]);
        cr_expect_not(window.set, "%s", windows[i]);
    }
    cr_expect(text_starts_with(err.text, "field 'end' is missing"), "%s", err.text);
}

Test(wire_device, names_the_field_that_is_wrong)
{
    static const char text[] = "{\"assignment\":1,\"installed\":[\"" HEX64 "\",\"zz\"]}";
    struct err err = {0};

    cr_assert_not(wire_poll_parse(text, strlen(text), &first.poll, &err));
    cr_expect_str_eq(err.text, "field 'installed': entry 1: expected 64 hex digits");
}

Test(wire_device, refuses_lists_and_texts_past_their_limits)
{
    AUTO_BUF text;
    struct err err = {0};

    buf_init(&text, WIRE_REQUEST_BYTES_MAX);
    buf_add_text(&text, "{\"installed\":[");
    for (int i = 0; i <= WIRE_INSTALLED_MAX; i++)
        buf_printf(&text, "%s\"" HEX64 "\"", i ? "," : "");
    buf_add_text(&text, "]}");
    cr_expect_not(wire_poll_parse(text.data, text.len, &first.poll, &err));
    cr_expect_eq(err.code, ERR_LIMIT);

    buf_reset(&text);
    buf_printf(&text, "{\"nonce\":\"%0*d\"}", WIRE_NONCE_ROOM, 1);
    cr_expect_not(parse_nonce_answer(text.data, text.len, &first, &err));
    cr_expect_eq(err.code, ERR_LIMIT);
}

Test(wire_device, hashes_attributes_in_any_order_alike_and_refuses_twins)
{
    static const char one[] = "{\"b\":\"2\",\"a\":\"1\"}";
    static const char other[] = "{ \"a\":\"1\", \"b\":\"\\u0032\" }";
    static const char *const wrong[] = {"{\"a\":\"1\",\"a\":\"2\"}", "{\"\":\"1\"}", "{\"a\":1}",
                                        "{\"a\":\"\\n\"}"};
    uint8_t left[HASH_BYTES], right[HASH_BYTES];
    char hex[HASH_HEX_ROOM];
    struct err err = {0};

    cr_assert(wire_attributes_parse(one, strlen(one), &first.attributes, &err));
    wire_attributes_hash(&first.attributes, left);
    cr_assert(wire_attributes_parse(other, strlen(other), &first.attributes, &err));
    wire_attributes_hash(&first.attributes, right);
    cr_expect_arr_eq(left, right, HASH_BYTES);
    text_from_hex_bytes(left, HASH_BYTES, hex);
    cr_expect_str_eq(hex, "21f76dfbfe6dfe21f762080ef484112cf2952974cef30741fd1931e1c6d92112");
    expect_refusals(parse_attributes, wrong, COUNT(wrong));
}

Test(wire_device, signs_tag_token_nul_and_hwid)
{
    struct wire_claim claim = {.claim = "TOKEN", .hwid = "board"};
    struct wire_session session = {.nonce = "n"};
    AUTO_BUF out;

    buf_init(&out, 1000);
    wire_claim_signed_bytes(&claim, &out);
    cr_expect_eq(out.len, 26);
    cr_expect_arr_eq(out.data, "slipway-claim-1TOKEN\0board", 26);
    buf_reset(&out);
    wire_session_signed_bytes(&session, &out);
    cr_expect_eq(out.len, 17 + 1 + 64);
    cr_expect(text_starts_with(buf_text(&out), "slipway-session-1n000000"));
}

Test(wire_device, makes_any_text_a_valid_detail)
{
    char out[WIRE_DETAIL_ROOM];
    char longer[1000];

    wire_detail_copy(out, "a\nb\xc3\xa9");
    cr_expect_str_eq(out, "a?b??");
    memset(longer, 'x', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    wire_detail_copy(out, longer);
    cr_expect_eq(strlen(out), WIRE_DETAIL_ROOM - 1);
}
