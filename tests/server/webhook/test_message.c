#include "server/webhook/message.h"

#include <criterion/criterion.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/json/json.h"

static const struct webhook_event halted = {
    .delivery = "6e9c995f-575e-4a24-a337-df56d6b982de",
    .event = "deployment.halted",
    .at = "2026-11-22T18:00:00Z",
    .object = "{\"group\":\"production\",\"reason\":\"3 of 9 failed\",\"release\":\"v2\","
              "\"phase\":2,\"odd\":[1]}",
};

Test(webhook_message, says_the_same_in_each_template)
{
    static const char *const expected[] = {
        [WEBHOOK_JSON] = "{\"id\":\"6e9c995f-575e-4a24-a337-df56d6b982de\","
                         "\"event\":\"deployment.halted\",\"at\":\"2026-11-22T18:00:00Z\","
                         "\"object\":{\"group\":\"production\",\"reason\":\"3 of 9 failed\","
                         "\"release\":\"v2\",\"phase\":2,\"odd\":[1]}}",
        [WEBHOOK_CHAT] = "{\"text\":\"Deployment halted: release v2 in group production, phase 2: "
                         "3 of 9 failed\"}",
    };

    for (size_t i = 0; i < COUNT(expected); i++) {
        AUTO_BUF body;

        buf_init(&body, WEBHOOK_BODY_BYTES_MAX);
        cr_assert(webhook_body((enum webhook_template)i, &halted, &body));
        if (expected[i])
            cr_expect_str_eq(buf_text(&body), expected[i]);
    }
}

Test(webhook_message, as_mail_has_a_subject_of_one_line_and_everything_in_its_text)
{
    AUTO_JSON *tree = NULL;
    AUTO_BUF body;
    const char *subject;

    buf_init(&body, WEBHOOK_BODY_BYTES_MAX);
    cr_assert(webhook_body(WEBHOOK_EMAIL, &halted, &body));
    tree = json_loads(buf_text(&body), 0, NULL);
    subject = json_string_value(json_object_get(tree, "subject"));
    cr_expect_str_eq(subject, "[Slipway] Deployment halted: release v2 in group production, phase "
                              "2: 3 of 9 failed");
    cr_expect(strstr(json_string_value(json_object_get(tree, "text")), "\"odd\""));
}

Test(webhook_message, of_an_object_that_is_none_is_refused)
{
    static const char *const cases[] = {"", "[]", "1", "{", "{\"a\":1,\"a\":2}"};

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct webhook_event event = halted;
        AUTO_BUF body;

        buf_init(&body, WEBHOOK_BODY_BYTES_MAX);
        event.object = cases[i];
        cr_expect_not(webhook_body(WEBHOOK_JSON, &event, &body), "'%s'", cases[i]);
    }
}

Test(webhook_message, too_long_for_its_buffer_is_refused_and_not_cut)
{
    AUTO_BUF body;

    buf_init(&body, 40);
    cr_expect_not(webhook_body(WEBHOOK_JSON, &halted, &body));
}

/* Computed with Python's hmac module. */
Test(webhook_message, is_signed_with_its_time)
{
    uint8_t secret[WEBHOOK_SECRET_BYTES];
    char signature[WEBHOOK_SIGNATURE_ROOM];
    char other[WEBHOOK_SIGNATURE_ROOM];

    memset(secret, 7, sizeof(secret));
    webhook_signature(secret, 1700000000, "{}", 2, signature);
    cr_expect_str_eq(
        signature,
        "t=1700000000,v1=7b24748c9a3d39ed07b08d270a9c3b5ae3b420a0cba2eb3337b0fd8b739e40cd");
    webhook_signature(secret, 1700000001, "{}", 2, other);
    cr_expect_str_neq(signature + 13, other + 13, "another time is another signature");
    webhook_signature(secret, 1700000000, "{ }", 3, other);
    cr_expect_str_neq(signature, other, "and so is another body");
}

Test(webhook_wait, doubles_and_more_until_about_a_day_is_over)
{
    int64_t sum_ms = 0;
    int64_t last_ms = 0;

    for (unsigned tries = 1; tries <= 7; tries++) {
        int64_t least_ms = webhook_wait_ms(tries, 0);
        int64_t most_ms = webhook_wait_ms(tries, 999);

        cr_expect_gt(least_ms, last_ms * 3 / 2, "try %u", tries);
        cr_expect_gt(most_ms, least_ms, "there is jitter");
        cr_expect_leq(most_ms - least_ms, least_ms / 2 + 1);
        last_ms = (least_ms + most_ms) / 2;
        sum_ms += last_ms;
    }
    cr_expect_eq(webhook_wait_ms(8, 0), -1, "eight tries");
    cr_expect_eq(webhook_wait_ms(0, 0), -1);
    cr_expect_gt(sum_ms, 22LL * 3600 * 1000);
    cr_expect_lt(sum_ms, 26LL * 3600 * 1000);
}

Test(webhook_event, names_are_a_closed_list)
{
    cr_expect(webhook_event_is_known("*"));
    cr_expect(webhook_event_is_known("issue.*"));
    cr_expect(webhook_event_is_known("deployment.rolled-back"));
    cr_expect_not(webhook_event_is_known("deployment"));
    cr_expect_not(webhook_event_is_known("deployment.gone"));
    cr_expect_not(webhook_event_is_known(""));
}
