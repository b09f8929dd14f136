#pragma once
/*
 * The agent's way to its server: sessions and device messages. Tokens live in memory only and go
 * to the server's origin only. Blocks; a request ends early when `go_on` says so.
 */
#include "lib/client/client.h"
#include "lib/crypto/sign.h"
#include "lib/wire/device.h"

struct transport;

struct transport_options {
    const char *origin;
    const char *ca_file;        /* or NULL */
    const struct sign_key *key; /* the device's identity; outlives the transport */
    /* Asked now and then while waiting; false ends the request. May be NULL. */
    bool (*go_on)(void *arg);
    void *arg;
};

MUST_USE bool transport_open(const struct transport_options *options, struct transport **out,
                             struct err *err);
void transport_close(struct transport *transport);

/* The device's id: BLAKE2b-256 of its public key. */
void transport_device_id(const struct sign_key *key, uint8_t out[HASH_BYTES]);

MUST_USE bool transport_claim(struct transport *transport, const char *claim, const char *hwid,
                              struct wire_claim_answer *out, struct err *err);
/* Sends a device message in a session, which is made when there is none or it was refused. The
 * answer's body is appended to `answer`. */
MUST_USE bool transport_send(struct transport *transport, const char *method, const char *path,
                             const struct buf *body, struct buf *answer, struct err *err);
/* Any other request: metadata and files, without a token. A device that slept for years may not be
 * able to verify the server any more (PIN_MISMATCH): then it is asked unverified, since what it
 * gives is verified by its signatures. The caller gives its answer back. */
MUST_USE bool transport_get(struct transport *transport, const struct client_request *request,
                            struct client_answer *out, struct err *err);

/* A GET of a path at the server in a session, for what is this device's alone. Any status but 401
 * is a success. */
MUST_USE bool transport_get_own(struct transport *transport, const struct client_request *request,
                                struct client_answer *out, struct err *err);
/* The keys the server may have from now on; none: any. See client_set_pins(). */
void transport_set_pins(struct transport *transport, const uint8_t (*pins)[HASH_BYTES],
                        size_t count);
/* POST without a token, also to a server that TLS does not verify: for the attested time. */
MUST_USE bool transport_post_open(struct transport *transport, const char *path,
                                  const struct buf *body, struct buf *answer, struct err *err);

/* The last answer to a session said that the server does not know the device (410). */
bool transport_is_unknown(const struct transport *transport);
/* Seconds of the last answer's Retry-After, 0 when there was none. */
uint64_t transport_retry_after_s(const struct transport *transport);
