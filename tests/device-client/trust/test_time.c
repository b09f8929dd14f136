#include "device-client/trust/time.h"

#include <criterion/criterion.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/tuf/tuf.h"

#define DAY_MS (INT64_C(86400) * 1000)

Test(trust_time, never_goes_back_and_refuses_a_long_jump)
{
    static const struct {
        int64_t lower_ms, clock_ms, now_ms;
        bool ok;
    } cases[] = {
        {0, 5 * DAY_MS, 5 * DAY_MS, true},
        {10 * DAY_MS, 11 * DAY_MS, 11 * DAY_MS, true},
        {10 * DAY_MS, 2 * DAY_MS, 10 * DAY_MS, true},
        {10 * DAY_MS, 410 * DAY_MS, 410 * DAY_MS, true},
        {10 * DAY_MS, 410 * DAY_MS + 1, 0, false},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t now_ms = 0;
        struct err err = {0};

        cr_expect_eq(trust_time(cases[i].lower_ms, cases[i].clock_ms, &now_ms, &err), cases[i].ok,
                     "case %zu", i);
        cr_expect_eq(now_ms, cases[i].now_ms, "case %zu", i);
        cr_expect_eq(err.refusal, cases[i].ok ? REFUSAL_NONE : REFUSAL_TIME_JUMP, "case %zu", i);
    }
}

Test(trust_time, knows_when_the_program_was_built)
{
    cr_expect_geq(time_built_ms(), INT64_C(1700000000000), "the Makefile said it");
}

static const uint8_t nonce[TIME_NONCE_BYTES] = {1, 2, 3};
static const uint8_t seed[32] = {9};
static const uint8_t other_seed[32] = {8};

/* What a server says; NULL members are the honest ones. */
struct said {
    const char *type;
    const char *time;
    const uint8_t *nonce;
    const uint8_t *seed;
    int64_t took_ms;
};

static void say(const struct said *said, struct buf *out)
{
    AUTO_SIGN_KEY struct sign_key *key = sign_key_from_seed(said->seed ? said->seed : seed);
    const struct sign_key *keys[] = {key};
    char hex[2 * TIME_NONCE_BYTES + 1];
    AUTO_JSON *body = NULL;
    struct err err = {0};

    text_from_hex_bytes(said->nonce ? said->nonce : nonce, TIME_NONCE_BYTES, hex);
    body = json_pack("{s:s, s:s, s:s}", "_type", said->type ? said->type : "time", "nonce", hex,
                     "time", said->time ? said->time : "2026-11-23T01:02:03Z");
    cr_assert(tuf_sign_document(body, keys, 1, out, &err), "%s", err.text);
}

static void make_anchors(struct anchors *out)
{
    AUTO_SIGN_KEY struct sign_key *key = sign_key_from_seed(seed);
    AUTO_JSON *json = json_pack("{s:s, s:i, s:o}", "_type", "anchors", "version", 1, "time_key",
                                tuf_key_json(sign_key_public(key)));
    AUTO_FREE char *text = json_text(json);
    struct err err = {0};

    cr_assert(anchors_parse(text, strlen(text), out, &err), "%s", err.text);
}

Test(time_answer, is_taken_for_the_own_nonce_signed_and_in_time_only)
{
    static const uint8_t other_nonce[TIME_NONCE_BYTES] = {1, 2, 4};
    static const struct {
        const char *what;
        struct said said;
        enum refusal refusal;
    } cases[] = {
        {"an honest answer", {.type = NULL}, REFUSAL_NONE},
        {"after exactly a minute", {.took_ms = 60000}, REFUSAL_NONE},
        {"after a minute and 1 ms", {.took_ms = 60001}, REFUSAL_TIME_LATE},
        {"5 minutes late", {.took_ms = 300000}, REFUSAL_TIME_LATE},
        {"from before it was asked", {.took_ms = -1}, REFUSAL_TIME_LATE},
        {"to another question", {.nonce = other_nonce}, REFUSAL_TIME_NONCE},
        {"signed by somebody else", {.seed = other_seed}, REFUSAL_TIME_SIGNATURE},
        {"another kind of document", {.type = "timestamp"}, REFUSAL_TIME_SIGNATURE},
        {"no time", {.time = "soon"}, REFUSAL_TIME_SIGNATURE},
        {"both late and for another question",
         {.nonce = other_nonce, .took_ms = 300000},
         REFUSAL_TIME_NONCE},
    };
    struct anchors anchors;

    make_anchors(&anchors);
    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO_BUF answer;
        int64_t time_ms = 0;
        struct err err = {0};

        buf_init(&answer, TIME_ANSWER_BYTES_MAX);
        say(&cases[i].said, &answer);
        cr_expect_eq(
            time_answer_check(&anchors, &answer, nonce, cases[i].said.took_ms, &time_ms, &err),
            cases[i].refusal == REFUSAL_NONE, "%s: %s", cases[i].what, err.text);
        cr_expect_eq(err.refusal, cases[i].refusal, "%s: %s", cases[i].what, err.text);
        cr_expect_eq(time_ms, cases[i].refusal ? 0 : INT64_C(1795395723000), "%s: %lld",
                     cases[i].what, (long long)time_ms);
    }
}

Test(time_answer, that_was_changed_anywhere_is_refused)
{
    struct said honest = {.type = NULL};
    struct anchors anchors;
    AUTO_BUF answer;

    make_anchors(&anchors);
    buf_init(&answer, TIME_ANSWER_BYTES_MAX);
    say(&honest, &answer);
    for (size_t i = 0; i < answer.len; i++) {
        int64_t time_ms;
        struct err err = {0};

        answer.data[i] ^= 1;
        cr_expect_not(time_answer_check(&anchors, &answer, nonce, 0, &time_ms, &err), "byte %zu",
                      i);
        cr_expect_eq(err.refusal, REFUSAL_TIME_SIGNATURE, "byte %zu: %s", i, err.text);
        answer.data[i] ^= 1;
    }
}

Test(time_ask, is_the_servers_form)
{
    AUTO_BUF text;

    buf_init(&text, 1000);
    time_ask_format(nonce, "acme", &text);
    cr_expect_str_eq(buf_text(&text),
                     "{\"nonce\":\"010203000000000000000000000000000000000000000000000000"
                     "0000000000\",\"tenant\":\"acme\"}");
}
