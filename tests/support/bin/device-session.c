/*
 * Opens a session as a provisioned device and prints its token: what a thief of the device's key
 * could do.    device-session STATE URL
 */
#include <stdio.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/client/client.h"
#include "lib/crypto/hash.h"
#include "lib/crypto/sign.h"
#include "lib/wire/device.h"

enum { ANSWER_BYTES_MAX = 65536 };

static bool post(struct client *client, const struct buf *body, struct buf *answer, struct err *err)
{
    const struct client_request request = {.method = "POST",
                                           .url = "/device/v1/session",
                                           .body = body->data,
                                           .body_len = body->len,
                                           .answer_bytes_max = ANSWER_BYTES_MAX};
    AUTO_CLIENT_ANSWER got = {0};

    if (!client_send(client, &request, &got, err) || !client_answer_check(&got, err))
        return false;
    buf_reset(answer);
    buf_add(answer, got.body.data, got.body.len);
    return true;
}

static bool run(const char *state, const char *url, struct err *err)
{
    const struct client_options options = {.origin = url, .user_agent = "device-session"};
    AUTO_FREE char *path = mem_printf("%s/identity.key", state);
    AUTO_SIGN_KEY struct sign_key *key = NULL;
    struct wire_nonce_answer nonce;
    struct wire_session request = {0};
    struct wire_session_answer session;
    struct client *client = NULL;
    bool good;
    AUTO_BUF bytes;
    AUTO_BUF answer;

    buf_init(&bytes, ANSWER_BYTES_MAX);
    buf_init(&answer, ANSWER_BYTES_MAX);
    if (!sign_key_load(path, &key, err) || !client_open(&options, &client, err))
        return false;
    hash_blake2b(sign_key_public(key), SIGN_PUBLIC_BYTES, request.device);
    good = post(client, &bytes, &answer, err) &&
           wire_nonce_answer_parse(answer.data, answer.len, &nonce, err);
    if (good) {
        (void)text_copy(request.nonce, sizeof(request.nonce), nonce.nonce); /* the same room */
        wire_session_signed_bytes(&request, &bytes);
        sign_make(key, bytes.data, bytes.len, request.signature);
        buf_reset(&bytes);
        wire_session_format(&request, &bytes);
        good = post(client, &bytes, &answer, err) &&
               wire_session_answer_parse(answer.data, answer.len, &session, err);
    }
    client_close(client);
    if (good)
        (void)printf("%s\n", session.token);
    return good;
}

int main(int argc, char **argv)
{
    struct err err = {0};

    if (argc != 3) {
        (void)fprintf(stderr, "usage: device-session STATE URL\n");
        return 2;
    }
    if (run(argv[1], argv[2], &err))
        return 0;
    (void)fprintf(stderr, "device-session: %s\n", err.text);
    return 1;
}
