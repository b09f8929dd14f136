/* A session is two messages: fetch a nonce, sign it. A 401 answer drops the session, and the
 * message is sent once more in a new one. */
#include "device-client/transport/transport.h"

#include <string.h>

#include "device-client/limits.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/crypto/token.h"

struct transport {
    struct client *client;
    const struct sign_key *key;
    bool (*go_on)(void *arg);
    void *arg;
    char token[WIRE_TOKEN_ROOM]; /* "" when there is no session */
    bool unknown;
    uint64_t retry_after_s;
};

bool transport_open(const struct transport_options *options, struct transport **out,
                    struct err *err)
{
    const struct client_options client_options = {
        .origin = options->origin,
        .ca_file = options->ca_file,
        .user_agent = "slipway-agent/1",
    };
    struct transport *transport = mem_alloc(sizeof(*transport));

    transport->key = options->key;
    transport->go_on = options->go_on;
    transport->arg = options->arg;
    if (!client_open(&client_options, &transport->client, err)) {
        transport_close(transport);
        return false;
    }
    *out = transport;
    return true;
}

void transport_close(struct transport *transport)
{
    if (!transport)
        return;
    client_close(transport->client);
    crypto_wipe(transport->token, sizeof(transport->token));
    mem_free(transport);
}

void transport_device_id(const struct sign_key *key, uint8_t out[HASH_BYTES])
{
    hash_blake2b(sign_key_public(key), SIGN_PUBLIC_BYTES, out);
}

/* --- requests --------------------------------------------------------------------------------- */

static bool on_progress(void *arg, uint64_t done, uint64_t total)
{
    const struct transport *transport = arg;

    (void)done;
    (void)total;
    return !transport->go_on || transport->go_on(transport->arg);
}

/* The callbacks of a request get its own arg; ours is asked through the request's when it has
 * none of its own. */
static bool send(struct transport *transport, const struct client_request *request,
                 struct client_answer *out, struct err *err)
{
    struct client_request own = *request;

    if (!own.on_head && !own.on_body) {
        own.on_progress = on_progress;
        own.arg = transport;
    }
    transport->retry_after_s = 0;
    if (!client_send(transport->client, &own, out, err))
        return false;
    if (out->has_retry_after)
        transport->retry_after_s = out->retry_after_s;
    return true;
}

bool transport_get(struct transport *transport, const struct client_request *request,
                   struct client_answer *out, struct err *err)
{
    struct client_request open = *request;

    ASSERT(!request->bearer);
    if (send(transport, request, out, err))
        return true;
    if (err->refusal != REFUSAL_PIN_MISMATCH)
        return false;
    *err = (struct err){0};
    open.unverified = true;
    return send(transport, &open, out, err);
}

void transport_set_pins(struct transport *transport, const uint8_t (*pins)[HASH_BYTES],
                        size_t count)
{
    client_set_pins(transport->client, pins, count);
}

bool transport_post_open(struct transport *transport, const char *path, const struct buf *body,
                         struct buf *answer, struct err *err)
{
    const struct client_request request = {
        .method = "POST",
        .url = path,
        .body = body->data,
        .body_len = body->len,
        .answer_bytes_max = answer->max,
        .total_ms = MESSAGE_MS_MAX,
    };
    AUTO_CLIENT_ANSWER got = {0};

    if (!transport_get(transport, &request, &got, err) || !client_answer_check(&got, err))
        return err_wrap(err, "%s", path);
    buf_add(answer, got.body.data, got.body.len);
    return !answer->failed || err_set(err, ERR_LIMIT, "%s: the answer is too long", path);
}

struct message {
    const char *method;
    const char *path;
    const struct buf *body;
};

/* *status is set whenever there was an answer. */
static bool exchange(struct transport *transport, const struct message *message, struct buf *answer,
                     unsigned *status, struct err *err)
{
    const struct client_request request = {
        .method = message->method,
        .url = message->path,
        .bearer = transport->token[0] ? transport->token : NULL,
        .body = message->body->data,
        .body_len = message->body->len,
        .answer_bytes_max = ANSWER_BYTES_MAX,
        .total_ms = MESSAGE_MS_MAX,
    };
    AUTO_CLIENT_ANSWER got = {0};

    *status = 0;
    if (!send(transport, &request, &got, err))
        return err_wrap(err, "%s", message->path);
    *status = got.status;
    if (!client_answer_check(&got, err))
        return err_wrap(err, "%s", message->path);
    buf_add(answer, got.body.data, got.body.len);
    return !answer->failed || err_set(err, ERR_LIMIT, "%s: the answer is too long", message->path);
}

/* --- claim and session --------------------------------------------------------------------------
 */

bool transport_claim(struct transport *transport, const char *claim, const char *hwid,
                     struct wire_claim_answer *out, struct err *err)
{
    struct wire_claim request = {0};
    AUTO_BUF bytes;
    AUTO_BUF answer;
    const struct message message = {"POST", "/device/v1/claim", &bytes};
    unsigned status;

    buf_init(&bytes, WIRE_REQUEST_BYTES_MAX);
    buf_init(&answer, ANSWER_BYTES_MAX);
    if (!text_copy(request.claim, sizeof(request.claim), claim) ||
        !text_copy(request.hwid, sizeof(request.hwid), hwid))
        return err_set(err, ERR_INVALID, "the claim token or hardware id is too long");
    memcpy(request.public_key, sign_key_public(transport->key), SIGN_PUBLIC_BYTES);
    wire_claim_signed_bytes(&request, &bytes);
    sign_make(transport->key, bytes.data, bytes.len, request.signature);
    buf_reset(&bytes);
    wire_claim_format(&request, &bytes);
    return exchange(transport, &message, &answer, &status, err) &&
           wire_claim_answer_parse(answer.data, answer.len, out, err);
}

static bool post_session(struct transport *transport, const struct buf *body, struct buf *answer,
                         struct err *err)
{
    const struct message message = {"POST", "/device/v1/session", body};
    unsigned status;
    bool ok = exchange(transport, &message, answer, &status, err);

    if (status)
        transport->unknown = status == 410;
    return ok;
}

static bool open_session(struct transport *transport, struct err *err)
{
    struct wire_nonce_answer nonce = {0};
    struct wire_session request = {0};
    struct wire_session_answer session = {0};
    AUTO_BUF bytes;
    AUTO_BUF answer;

    buf_init(&bytes, WIRE_REQUEST_BYTES_MAX);
    buf_init(&answer, ANSWER_BYTES_MAX);
    if (!post_session(transport, &bytes, &answer, err) ||
        !wire_nonce_answer_parse(answer.data, answer.len, &nonce, err))
        return false;
    transport_device_id(transport->key, request.device);
    (void)text_copy(request.nonce, sizeof(request.nonce), nonce.nonce); /* the same room */
    wire_session_signed_bytes(&request, &bytes);
    sign_make(transport->key, bytes.data, bytes.len, request.signature);
    buf_reset(&bytes);
    wire_session_format(&request, &bytes);
    buf_reset(&answer);
    if (!post_session(transport, &bytes, &answer, err) ||
        !wire_session_answer_parse(answer.data, answer.len, &session, err))
        return false;
    (void)text_copy(transport->token, sizeof(transport->token), session.token); /* the same room */
    return true;
}

/* A session that was not made says nothing about the message that waits for it: whatever was
 * answered, the caller may only conclude that the message did not get there. */
static bool make_session(struct transport *transport, struct err *err)
{
    if (open_session(transport, err))
        return true;
    if (err->code == ERR_INVALID || err->code == ERR_LIMIT || err->code == ERR_CONFLICT)
        err->code = ERR_UNAVAILABLE;
    return false;
}

bool transport_send(struct transport *transport, const char *method, const char *path,
                    const struct buf *body, struct buf *answer, struct err *err)
{
    const struct message message = {method, path, body};
    bool had_session = transport->token[0] != '\0';
    unsigned status;

    if (!had_session && !make_session(transport, err))
        return false;
    if (exchange(transport, &message, answer, &status, err))
        return true;
    if (status != 401)
        return false;
    crypto_wipe(transport->token, sizeof(transport->token));
    if (!had_session)
        return false;
    return make_session(transport, err) && exchange(transport, &message, answer, &status, err);
}

static bool get_with_token(struct transport *transport, const struct client_request *request,
                           struct client_answer *out, struct err *err)
{
    struct client_request own = *request;

    own.bearer = transport->token;
    return send(transport, &own, out, err);
}

bool transport_get_own(struct transport *transport, const struct client_request *request,
                       struct client_answer *out, struct err *err)
{
    bool had_session = transport->token[0] != '\0';

    ASSERT(request->url[0] == '/');
    if ((!had_session && !make_session(transport, err)) ||
        !get_with_token(transport, request, out, err))
        return false;
    if (out->status != 401)
        return true;
    client_answer_done(out);
    *out = (struct client_answer){0};
    crypto_wipe(transport->token, sizeof(transport->token));
    if (!had_session)
        return err_set(err, ERR_UNAVAILABLE, "the server refuses the session it gave");
    return make_session(transport, err) && get_with_token(transport, request, out, err);
}

bool transport_is_unknown(const struct transport *transport)
{
    return transport->unknown;
}

uint64_t transport_retry_after_s(const struct transport *transport)
{
    return transport->retry_after_s;
}
