#include "device-client/transport/transport.h"

#include <criterion/criterion.h>
#include <string.h>

#include "lib/base/text.h"
#include "tests/support/scripted.h"

#define JSON(status, body)                                                                         \
    {                                                                                              \
        .text = "HTTP/1.1 " status "\r\nConnection: close\r\n\r\n" body                            \
    }
#define NONCE JSON("200 OK", "{\"nonce\":\"n\"}")
#define TOKEN(text) JSON("200 OK", "{\"token\":\"" text "\",\"expires\":\"2030-01-01T00:00:00Z\"}")

struct talk {
    struct sign_key *key;
    struct scripted *server;
    struct transport *transport;
    struct buf message;
    struct buf answer;
};

static void begin(struct talk *talk, const struct scripted_answer *script, size_t count)
{
    struct err err = {0};

    talk->key = sign_key_new();
    talk->server = scripted_start(script, count);
    const struct transport_options options = {.origin = scripted_origin(talk->server),
                                              .key = talk->key};
    cr_assert(transport_open(&options, &talk->transport, &err), "%s", err.text);
    buf_init(&talk->message, 100);
    buf_init(&talk->answer, 1000);
    buf_add_text(&talk->message, "{}");
}

static bool say(struct talk *talk, struct err *err)
{
    buf_reset(&talk->answer);
    return transport_send(talk->transport, "POST", "/device/v1/poll", &talk->message, &talk->answer,
                          err);
}

static const char *end(struct talk *talk)
{
    transport_close(talk->transport);
    sign_key_free(talk->key);
    buf_done(&talk->message);
    buf_done(&talk->answer);
    return scripted_stop(talk->server);
}

Test(transport, makes_one_session_and_keeps_it)
{
    static const struct scripted_answer script[] = {NONCE, TOKEN("first"), JSON("200 OK", "one"),
                                                    JSON("200 OK", "two")};
    struct talk talk;
    struct err err = {0};
    const char *seen;

    begin(&talk, script, COUNT(script));
    cr_assert(say(&talk, &err), "%s", err.text);
    cr_expect_str_eq(buf_text(&talk.answer), "one");
    cr_assert(say(&talk, &err), "%s", err.text);
    cr_expect_str_eq(buf_text(&talk.answer), "two");
    seen = end(&talk);
    cr_expect_not_null(strstr(seen, "POST /device/v1/poll HTTP/1.1"));
    cr_expect_not_null(strstr(seen, "Authorization: Bearer first\r\n"));
}

Test(transport, makes_a_new_session_when_the_token_is_refused)
{
    static const struct scripted_answer script[] = {
        NONCE, TOKEN("first"),  JSON("200 OK", "one"), JSON("401 Unauthorized", "{}"),
        NONCE, TOKEN("second"), JSON("200 OK", "two")};
    struct talk talk;
    struct err err = {0};

    begin(&talk, script, COUNT(script));
    cr_assert(say(&talk, &err), "%s", err.text);
    cr_assert(say(&talk, &err), "%s", err.text);
    cr_expect_str_eq(buf_text(&talk.answer), "two");
    cr_expect_not_null(strstr(end(&talk), "Authorization: Bearer second\r\n"));
}

Test(transport, asks_only_once_again_and_reports_a_refusal)
{
    static const struct scripted_answer script[] = {NONCE, TOKEN("first"),
                                                    JSON("401 Unauthorized", "{\"title\":\"no\"}")};
    struct talk talk;
    struct err err = {0};

    begin(&talk, script, COUNT(script));
    cr_expect_not(say(&talk, &err));
    cr_expect_eq(err.code, ERR_DENIED);
    (void)end(&talk);
}

Test(transport, knows_that_the_server_does_not_know_it)
{
    static const struct scripted_answer script[] = {NONCE, JSON("410 Gone", "{}"), NONCE,
                                                    TOKEN("t"), JSON("200 OK", "{}")};
    struct talk talk;
    struct err err = {0};

    begin(&talk, script, COUNT(script));
    cr_expect_not(say(&talk, &err));
    cr_expect(transport_is_unknown(talk.transport));
    cr_assert(say(&talk, &err), "%s", err.text);
    cr_expect_not(transport_is_unknown(talk.transport));
    (void)end(&talk);
}

Test(transport, remembers_when_the_server_wants_to_be_asked_again)
{
    static const struct scripted_answer script[] = {
        {.text = "HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nConnection: close\r\n\r\n"}};
    struct talk talk;
    struct err err = {0};

    begin(&talk, script, COUNT(script));
    cr_expect_not(say(&talk, &err));
    cr_expect_eq(err.code, ERR_UNAVAILABLE);
    cr_expect_eq(transport_retry_after_s(talk.transport), 7);
    (void)end(&talk);
}

Test(transport, signs_its_claim_with_the_identity_key)
{
    static const struct scripted_answer script[] = {
        JSON("200 OK", "{\"tenant\":\"t\",\"product\":\"p\",\"group\":\"g\",\"device\":\""
                       "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\","
                       "\"image_base\":\"http://h/t/t/image\",\"director_base\":\"\"}")};
    struct wire_claim_answer answer;
    struct talk talk;
    char longer[WIRE_TOKEN_ROOM + 1];
    struct err err = {0};

    begin(&talk, script, COUNT(script));
    memset(longer, 'x', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    cr_expect_not(transport_claim(talk.transport, longer, "board", &answer, &err));
    cr_assert(transport_claim(talk.transport, "TOKEN", "board", &answer, &err), "%s", err.text);
    cr_expect_str_eq(answer.image_base, "http://h/t/t/image");
    cr_expect(text_starts_with(end(&talk), "POST /device/v1/claim"));
}

Test(transport, a_session_that_was_not_made_is_no_refusal_of_the_message)
{
    static const struct scripted_answer scripts[][2] = {
        {JSON("200 OK", "<html>please log in</html>")},
        {JSON("400 Bad Request", "{}")},
        {NONCE, JSON("409 Conflict", "{}")},
    };

    for (size_t i = 0; i < COUNT(scripts); i++) {
        struct talk talk;
        struct err err = {0};

        begin(&talk, scripts[i], i == 2 ? 2 : 1);
        cr_expect_not(say(&talk, &err));
        cr_expect_eq(err.code, ERR_UNAVAILABLE, "case %zu: %s", i, err.text);
        (void)end(&talk);
    }
}
