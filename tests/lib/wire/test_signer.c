#include "lib/wire/signer.h"

#include <criterion/criterion.h>
#include <string.h>

#define DEVICE "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static const uint8_t seed[SIGNER_SEED_BYTES] = "0123456789abcdef0123456789abcde";

static const struct signer_ask asks[] = {
    {.op = SIGNER_PING},
    {.op = SIGNER_KEYS, .tenant = "default"},
    {.op = SIGNER_SIGN,
     .tenant = "a",
     .label = SIGNER_TIMESTAMP,
     .data = (const uint8_t *)"{}",
     .len = 2},
    {.op = SIGNER_SIGN,
     .tenant = "a-b",
     .label = SIGNER_DIRECTOR,
     .device = DEVICE,
     .keyid = DEVICE,
     .data = (const uint8_t *)"{}",
     .len = 2},
    {.op = SIGNER_NEXT, .tenant = "a-b", .label = SIGNER_TIME},
    {.op = SIGNER_IMPORT, .tenant = "a9", .label = SIGNER_TIME, .data = seed, .len = sizeof(seed)},
    {.op = SIGNER_PUBLISHED, .tenant = "a9", .data = (const uint8_t *)"{ }", .len = 3},
};

Test(signer_wire, a_request_comes_back_from_its_frame_as_it_was)
{
    for (size_t i = 0; i < COUNT(asks); i++) {
        struct signer_ask back;
        struct err err = {0};
        size_t len;
        bool whole;
        AUTO_BUF frame;

        buf_init(&frame, SIGNER_FRAME_BYTES_MAX);
        signer_ask_format(&asks[i], &frame);
        cr_assert(signer_frame_find(frame.data, frame.len, &whole, &len, &err) && whole);
        cr_assert_eq(len, frame.len - 4);
        cr_assert(signer_ask_parse(frame.data + 4, len, &back, &err), "%zu: %s", i, err.text);

        cr_expect_eq(back.op, asks[i].op);
        cr_expect_str_eq(back.tenant, asks[i].tenant);
        cr_expect_eq(back.label, asks[i].label);
        cr_expect_str_eq(back.device, asks[i].device);
        cr_assert_eq(back.len, asks[i].len);
        cr_expect(back.len == 0 || memcmp(back.data, asks[i].data, back.len) == 0);
    }
}

Test(signer_wire, refuses_a_request_with_one_byte_less)
{
    for (size_t i = 0; i < COUNT(asks); i++) {
        bool has_data = asks[i].op == SIGNER_SIGN || asks[i].op == SIGNER_PUBLISHED;
        AUTO_BUF frame;

        buf_init(&frame, SIGNER_FRAME_BYTES_MAX);
        signer_ask_format(&asks[i], &frame);
        /* Of data of any length only the loss of the last byte can be seen. */
        for (size_t len = 0; len < frame.len - 4 - (has_data ? asks[i].len - 1 : 0); len++) {
            struct signer_ask back;
            struct err err = {0};

            cr_expect_not(signer_ask_parse(frame.data + 4, len, &back, &err), "%zu %zu", i, len);
            cr_expect_eq(err.code, ERR_INVALID);
        }
    }
}

Test(signer_wire, refuses_requests_that_are_not_ours)
{
    static const struct {
        const char *what;
        const char *data;
        size_t len;
    } cases[] = {
        {"another protocol", "\2\0", 2},
        {"an unknown request", "\1\5", 2},
        {"data behind a ping", "\1\0x", 3},
        {"a tenant in upper case", "\1\1\1A", 4},
        {"a tenant that is a path", "\1\1\2..", 5},
        {"a tenant that looks like an option", "\1\1\2-a", 5},
        {"no tenant", "\1\1\0", 3},
        {"a tenant longer than the message", "\1\1\5ab", 5},
        {"an unknown label", "\1\2\1a\4\0x", 7},
        {"a device flag of two", "\1\2\1a\2\2x", 7},
        {"nothing to sign", "\1\2\1a\2\0", 6},
        {"a seed that is too short", "\1\3\1a\1short", 10},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct signer_ask ask;
        struct err err = {0};

        cr_expect_not(signer_ask_parse(cases[i].data, cases[i].len, &ask, &err), "%s",
                      cases[i].what);
        cr_expect_eq(err.code, ERR_INVALID, "%s", cases[i].what);
    }
}

Test(signer_wire, a_frame_is_found_when_its_last_byte_is_there)
{
    static const uint8_t frame[] = {2, 0, 0, 0, 'a', 'b', 'c'};

    for (size_t len = 0; len <= sizeof(frame); len++) {
        struct err err = {0};
        size_t message = 0;
        bool whole;

        cr_assert(signer_frame_find(frame, len, &whole, &message, &err));
        cr_expect_eq(whole, len >= 6, "%zu", len);
    }
}

Test(signer_wire, a_frame_is_at_most_one_mebibyte_long)
{
    static const uint8_t longest[] = {0, 0, 0x10, 0};
    static const uint8_t longer[] = {1, 0, 0x10, 0};
    static const uint8_t huge[] = {0xff, 0xff, 0xff, 0xff};
    struct err err = {0};
    size_t message;
    bool whole;

    cr_expect(signer_frame_find(longest, 4, &whole, &message, &err) && !whole);
    cr_expect_not(signer_frame_find(longer, 4, &whole, &message, &err));
    cr_expect_eq(err.code, ERR_LIMIT);
    cr_expect_not(signer_frame_find(huge, 4, &whole, &message, &err));
}

static bool round_trip(const struct signer_answer *answer, struct signer_answer *back)
{
    struct err err = {0};
    AUTO_BUF frame;

    buf_init(&frame, SIGNER_FRAME_BYTES_MAX);
    signer_answer_format(answer, &frame);
    return signer_answer_parse(frame.data + 4, frame.len - 4, back, &err);
}

Test(signer_wire, an_answer_comes_back_as_it_was)
{
    struct signer_answer keys = {.op = SIGNER_KEYS};
    struct signer_answer signature = {.op = SIGNER_SIGN, .signature = {.keyid = DEVICE}};
    struct signer_answer back;

    memset(keys.keys.public_key, 7, sizeof(keys.keys.public_key));
    memset(signature.signature.sig, 9, SIGN_BYTES);
    keys.keys.signed_max = UINT64_C(1795395023001);

    cr_assert(round_trip(&keys, &back));
    cr_expect_arr_eq(back.keys.public_key, keys.keys.public_key, sizeof(keys.keys.public_key));
    cr_expect_eq(back.keys.signed_max, keys.keys.signed_max);
    cr_assert(round_trip(&signature, &back));
    cr_expect_str_eq(back.signature.keyid, DEVICE);
    cr_expect_arr_eq(back.signature.sig, signature.signature.sig, SIGN_BYTES);
    cr_assert(round_trip(&(struct signer_answer){.op = SIGNER_PING}, &back));
    cr_expect(!back.refused && back.op == SIGNER_PING);
}

Test(signer_wire, a_refusal_keeps_its_code_and_its_sentence_without_control_characters)
{
    struct signer_answer refusal = {.op = SIGNER_SIGN, .refused = true};
    struct signer_answer back;

    (void)err_set(&refusal.err, ERR_DENIED, "role 'a\nb' is dropped");

    cr_assert(round_trip(&refusal, &back));
    cr_expect(back.refused);
    cr_expect_eq(back.err.code, ERR_DENIED);
    cr_expect_str_eq(back.err.text, "role 'a?b' is dropped");
}

Test(signer_wire, refuses_answers_that_are_not_ours)
{
    static const struct {
        const char *what;
        const char *data;
        size_t len;
    } cases[] = {
        {"nothing", "", 0},
        {"an unknown request", "\0\5", 2},
        {"an unknown code", "\x20\0no", 4},
        {"keys that are cut short", "\0\1abc", 5},
        {"a signature that is cut short", "\0\2abc", 5},
        {"more than there is to say", "\0\0x", 3},
        {"a sentence of two lines", "\4\0a\nb", 5},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct signer_answer answer;
        struct err err = {0};

        cr_expect_not(signer_answer_parse(cases[i].data, cases[i].len, &answer, &err), "%s",
                      cases[i].what);
        cr_expect_eq(err.code, ERR_INVALID);
    }
}

Test(signer_wire, labels_have_names_that_are_read_again)
{
    enum signer_label back;

    for (unsigned i = 0; i < SIGNER_LABEL_COUNT; i++) {
        cr_assert(signer_label_parse(signer_label_name((enum signer_label)i), &back));
        cr_expect_eq(back, i);
    }
    cr_expect_not(signer_label_parse("root", &back));
}
