/* The signature is looked at first: what is not signed says nothing, not even that its nonce is
 * wrong. */
#include "device-client/trust/time.h"

#include <string.h>

#include "device-client/limits.h"
#include "lib/base/text.h"
#include "lib/json/flat.h"

#ifndef BUILD_TIME_S /* the Makefile says it for this file */
#define BUILD_TIME_S 0
#endif

int64_t time_built_ms(void)
{
    return INT64_C(1000) * BUILD_TIME_S;
}

bool trust_time(int64_t lower_ms, int64_t clock_ms, int64_t *out_ms, struct err *err)
{
    if (lower_ms && clock_ms - lower_ms > TIME_JUMP_MS_MAX)
        return err_refuse(err, REFUSAL_TIME_JUMP,
                          "the clock is more than 400 days ahead of the last trusted time");
    *out_ms = clock_ms > lower_ms ? clock_ms : lower_ms;
    return true;
}

void time_ask_format(const uint8_t nonce[TIME_NONCE_BYTES], const char *tenant, struct buf *out)
{
    char hex[2 * TIME_NONCE_BYTES + 1];

    ASSERT(!strpbrk(tenant, "\"\\")); /* a tenant's name is a word */
    text_from_hex_bytes(nonce, TIME_NONCE_BYTES, hex);
    buf_add_text(out, "{\"nonce\":\"");
    buf_add_text(out, hex);
    buf_add_text(out, "\",\"tenant\":\"");
    buf_add_text(out, tenant);
    buf_add_text(out, "\"}");
}

static bool refuse(struct err *err, const char *what)
{
    return err_refuse(err, REFUSAL_TIME_SIGNATURE, "the attested time %s", what);
}

/* Signed by any of the anchors' time keys? */
static bool check_signatures(const struct anchors *anchors, struct flat_value root, struct err *err)
{
    AUTO_BUF body;
    struct flat_value list = flat_get(root, "signatures");

    buf_init(&body, TIME_ANSWER_BYTES_MAX);
    if (!flat_is(list, FLAT_ARRAY) || !flat_is(flat_get(root, "signed"), FLAT_OBJECT) ||
        !flat_canonical(flat_get(root, "signed"), &body, err))
        return refuse(err, "is not a signed document");
    for (struct flat_value at = flat_first(list); flat_some(at); at = flat_next(at)) {
        const struct anchors_set *set;
        char keyid[HASH_HEX_ROOM];
        uint8_t sig[SIGN_BYTES];

        if (!flat_text_copy(flat_get(at, "keyid"), keyid, sizeof(keyid)) ||
            !flat_hex(flat_get(at, "sig"), sig, sizeof(sig)))
            continue;
        set = anchors_time_key(anchors, keyid);
        if (set && sign_check(set->time_key, body.data, body.len, sig))
            return true;
    }
    return refuse(err, "is not signed by a time key");
}

static bool read_body(struct flat_value body, const uint8_t nonce[TIME_NONCE_BYTES],
                      int64_t *out_ms, struct err *err)
{
    uint8_t found[TIME_NONCE_BYTES];
    char time[TEXT_TIME_ROOM];

    if (!flat_text_is(flat_get(body, "_type"), "time") ||
        !flat_text_copy(flat_get(body, "time"), time, sizeof(time)) ||
        !text_to_time(time, strlen(time), out_ms))
        return refuse(err, "says no time");
    if (!flat_hex(flat_get(body, "nonce"), found, sizeof(found)) ||
        !crypto_equal(found, nonce, sizeof(found)))
        return err_refuse(err, REFUSAL_TIME_NONCE, "the attested time is for another question");
    return true;
}

bool time_answer_check(const struct anchors *anchors, const struct buf *answer,
                       const uint8_t nonce[TIME_NONCE_BYTES], int64_t took_ms, int64_t *out_ms,
                       struct err *err)
{
    static const struct flat_limits limits = {
        .bytes_max = TIME_ANSWER_BYTES_MAX, .nodes_max = 128, .depth_max = 6};
    AUTO_FLAT doc = {0};
    int64_t time_ms = 0;

    if (!flat_parse(answer->data, answer->len, &limits, &doc, err))
        return refuse(err, "is no strict JSON");
    if (!check_signatures(anchors, flat_root(&doc), err) ||
        !read_body(flat_get(flat_root(&doc), "signed"), nonce, &time_ms, err))
        return false;
    if (took_ms < 0 || took_ms > TIME_ROUND_TRIP_MS_MAX)
        return err_refuse(err, REFUSAL_TIME_LATE, "the attested time came after %lld ms",
                          (long long)took_ms);
    *out_ms = time_ms;
    return true;
}
