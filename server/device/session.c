/*
 * A session begins with a nonce that the server need not remember, and ends in a token of which
 * it keeps the digest, in the database and in memory.
 */
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/text.h"
#include "lib/crypto/sign.h"
#include "lib/crypto/token.h"
#include "server/device/internal.h"
#include "server/device/nonce.h"
#include "server/limits.h"
#include "server/store/store_session.h"

struct opening {
    struct http_request *req;
    struct device_desk *desk;
    struct fleet_device *device;
    struct wire_session asked;
    struct store_session session;
    char token[TOKEN_ROOM];
};

static void answer_nonce(struct http_request *req, const struct device_desk *desk)
{
    struct wire_nonce_answer answer = {0};
    AUTO_BUF message;

    _Static_assert(NONCE_ROOM <= sizeof(answer.nonce), "a nonce fits");
    buf_init(&message, WIRE_REQUEST_BYTES_MAX);
    nonce_make(desk->place.nonce_key, clock_now_ms() + DEVICE_NONCE_MS, answer.nonce);
    wire_nonce_answer_format(&answer, &message);
    answer_message(req, &message);
}

static void on_stored(const struct db_result *result, const struct err *err, void *arg)
{
    struct opening *opening = arg;
    struct wire_session_answer answer = {.expires_ms = opening->session.expires_ms};
    AUTO_BUF message;

    (void)result;
    buf_init(&message, WIRE_REQUEST_BYTES_MAX);
    if (err) {
        http_answer_error(opening->req, err);
        return;
    }
    fleet_session_add(desk_index(opening->desk), opening->device, opening->session.digest,
                      opening->session.expires_ms);
    (void)text_copy(answer.token, sizeof(answer.token), opening->token);
    wire_session_answer_format(&answer, &message);
    answer_message(opening->req, &message);
    crypto_wipe(opening->token, sizeof(opening->token));
}

static bool check_signature(const struct opening *opening, struct err *err)
{
    AUTO_BUF said;

    buf_init(&said, DEVICE_CLAIM_BYTES_MAX);
    wire_session_signed_bytes(&opening->asked, &said);
    return sign_check(fleet_device_public_key(opening->device), said.data, said.len,
                      opening->asked.signature) ||
           err_set(err, ERR_DENIED, "the session is not signed by the device's key");
}

static void open_session(struct opening *opening)
{
    struct err err;

    if (!check_signature(opening, &err) ||
        (fleet_device_is_gone(opening->device) &&
         !err_set(&err, ERR_DENIED, "the device was decommissioned"))) {
        http_answer_error(opening->req, &err);
        return;
    }
    token_make(opening->token);
    token_digest(opening->token, strlen(opening->token), opening->session.digest);
    opening->session.device_id = fleet_device_row(opening->device);
    /* whole seconds: that is how the answer says it */
    opening->session.expires_ms = (clock_now_ms() + DEVICE_SESSION_MS) / 1000 * 1000;
    store_session_add(opening->desk->place.db, &opening->session, on_stored, opening);
}

static void on_found(const struct db_result *result, const struct err *err, void *arg)
{
    struct opening *opening = arg;

    if (err) {
        http_answer_error(opening->req, err);
        return;
    }
    opening->device = add_found(opening->desk, result);
    if (opening->device)
        open_session(opening);
    else
        http_answer_problem(opening->req, 410, "urn:slipway:problem:unknown-device",
                            "The device is not known here",
                            "it was never claimed, or not on this server");
}

void on_session(struct http_request *req, void *app)
{
    struct device_desk *desk = desk_of(app);
    struct opening *opening;
    struct err err;

    if (req->body_len == 0) {
        answer_nonce(req, desk);
        return;
    }
    opening = arena_alloc(req->arena, sizeof(*opening));
    opening->req = req;
    opening->desk = desk;
    if (!wire_session_parse(req->body, req->body_len, &opening->asked, &err) ||
        (!nonce_check(desk->place.nonce_key, opening->asked.nonce, clock_now_ms()) &&
         !err_set(&err, ERR_DENIED, "the nonce is not ours or too old"))) {
        http_answer_error(req, &err);
        return;
    }
    opening->device = fleet_index_find(desk_index(desk), opening->asked.device);
    if (opening->device)
        open_session(opening);
    else
        store_device_find(desk->place.db, opening->asked.device, on_found, opening);
}
