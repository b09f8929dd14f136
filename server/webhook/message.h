#pragma once
/*
 * What a webhook sends, and when it is tried again. Pure.
 *
 * The signature, in the header Slipway-Signature, is "t=SECONDS,v1=HEX", HEX being the HMAC-SHA256
 * with the webhook's secret (32 bytes) over "SECONDS.BODY": the time is signed, so that a receiver
 * can refuse what is old.
 */
#include "lib/base/buf.h"
#include "lib/crypto/hash.h"

enum webhook_template {
    WEBHOOK_JSON,  /* the event as the stream shows it, with the delivery's id */
    WEBHOOK_EMAIL, /* {"subject", "text"}: for a gateway that sends mail */
    WEBHOOK_CHAT,  /* {"text"}: what chat programs take */
    WEBHOOK_TEMPLATE_COUNT,
};

const char *webhook_template_name(enum webhook_template template);
MUST_USE bool webhook_template_parse(const char *name, enum webhook_template *out);

/* An event's name, a family ("issue.*") or "*". */
bool webhook_event_is_known(const char *name);
/* The names, NULL-terminated. */
extern const char *const webhook_events[];

struct webhook_event {
    const char *delivery; /* id */
    const char *event;
    const char *at;     /* RFC 3339 */
    const char *object; /* a JSON object */
};

enum { WEBHOOK_BODY_BYTES_MAX = 64 << 10, WEBHOOK_SIGNATURE_ROOM = 96, WEBHOOK_SECRET_BYTES = 32 };

/* The body, appended. False for an object that is none. */
MUST_USE bool webhook_body(enum webhook_template template, const struct webhook_event *event,
                           struct buf *out);
void webhook_signature(const uint8_t secret[WEBHOOK_SECRET_BYTES], int64_t now_s, const void *body,
                       size_t len, char out[WEBHOOK_SIGNATURE_ROOM]);
/* How long until the next try after `tries` (from 1) failed; -1: it is given up. `dice` is random:
 * it spreads the waits by a fifth to either side. */
int64_t webhook_wait_ms(unsigned tries, uint32_t dice);
