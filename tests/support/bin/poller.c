/*
 * One device that claims, opens a session and polls, one poll after the other.
 *     poller HOST PORT CLAIM HWID INSTALLED POLLS
 *
 * INSTALLED is the sha256 (hex) of what it says it runs. Ends with 0 when every poll was answered
 * with 200; prints how many there were.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/text.h"
#include "lib/crypto/sign.h"
#include "lib/wire/device.h"

enum { BYTES_MAX = 65536 };

static int fd = -1;
static char token[WIRE_TOKEN_ROOM];

/* One answer on the connection: its status; the body is left in `in`. */
static int read_answer(struct buf *in)
{
    const char *end = NULL;
    const char *length;
    size_t head, body;
    int status;

    while (!end) {
        char chunk[4096];
        ssize_t n = recv(fd, chunk, sizeof(chunk), 0);

        if (n <= 0)
            return 0;
        buf_add(in, chunk, (size_t)n);
        end = strstr(buf_text(in), "\r\n\r\n");
    }
    head = (size_t)(end - buf_text(in)) + 4;
    length = strcasestr(buf_text(in), "\r\nContent-Length: ");
    body = length && length < end ? strtoul(length + 18, NULL, 10) : 0;
    while (in->len < head + body) {
        char chunk[4096];
        ssize_t n = recv(fd, chunk, sizeof(chunk), 0);

        if (n <= 0)
            return 0;
        buf_add(in, chunk, (size_t)n);
    }
    status = (int)strtol(buf_text(in) + 9, NULL, 10);
    buf_consume(in, head);
    return status;
}

static int ask(const char *what, const struct buf *body, struct buf *answer)
{
    AUTO_BUF out;

    buf_init(&out, BYTES_MAX);
    buf_reset(answer);
    buf_printf(&out, "POST /device/v1/%s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %zu\r\n",
               what, body ? body->len : 0);
    if (token[0])
        buf_printf(&out, "Authorization: Bearer %s\r\n", token);
    buf_add_text(&out, "\r\n");
    if (body)
        buf_add(&out, body->data, body->len);
    if (send(fd, out.data, out.len, MSG_NOSIGNAL) != (ssize_t)out.len)
        return 0;
    return read_answer(answer);
}

static bool join(struct sign_key *key, const char *claim_text, const char *hwid, struct buf *answer)
{
    struct wire_claim claim = {0};
    struct wire_session session = {0};
    struct wire_nonce_answer nonce;
    struct wire_session_answer opened;
    struct err err;
    AUTO_BUF said;
    AUTO_BUF body;

    buf_init(&said, BYTES_MAX);
    buf_init(&body, BYTES_MAX);
    memcpy(claim.public_key, sign_key_public(key), sizeof(claim.public_key));
    (void)text_copy(claim.claim, sizeof(claim.claim), claim_text);
    (void)text_copy(claim.hwid, sizeof(claim.hwid), hwid);
    wire_claim_signed_bytes(&claim, &said);
    sign_make(key, said.data, said.len, claim.signature);
    wire_claim_format(&claim, &body);
    if (ask("claim", &body, answer) != 200 || ask("session", NULL, answer) != 200 ||
        !wire_nonce_answer_parse(answer->data, answer->len, &nonce, &err))
        return false;
    hash_blake2b(sign_key_public(key), SIGN_PUBLIC_BYTES, session.device);
    memcpy(session.nonce, nonce.nonce, sizeof(session.nonce));
    buf_reset(&said);
    wire_session_signed_bytes(&session, &said);
    sign_make(key, said.data, said.len, session.signature);
    buf_reset(&body);
    wire_session_format(&session, &body);
    if (ask("session", &body, answer) != 200 ||
        !wire_session_answer_parse(answer->data, answer->len, &opened, &err))
        return false;
    memcpy(token, opened.token, sizeof(token));
    return true;
}

static unsigned long poll_often(const struct wire_poll *first, unsigned long count,
                                struct buf *answer)
{
    struct wire_poll poll = *first;
    struct wire_poll_answer offered;
    unsigned long done = 0;
    struct err err;

    for (; done < count; done++) {
        AUTO_BUF body;

        buf_init(&body, BYTES_MAX);
        wire_poll_format(&poll, &body);
        if (ask("poll", &body, answer) != 200 ||
            !wire_poll_answer_parse(answer->data, answer->len, &offered, &err))
            break;
        poll.assignment = offered.assignment;
    }
    return done;
}

int main(int argc, char **argv)
{
    AUTO_SIGN_KEY struct sign_key *key = sign_key_new();
    struct sockaddr_in server = {.sin_family = AF_INET};
    struct wire_poll poll = {.installed_count = 1};
    AUTO_BUF answer;
    unsigned long wanted, done;

    buf_init(&answer, BYTES_MAX);
    if (argc != 7 || !text_to_hex_bytes(argv[5], strlen(argv[5]), poll.installed[0], HASH_BYTES))
        return 2;
    server.sin_port = htons((uint16_t)strtoul(argv[2], NULL, 10));
    wanted = strtoul(argv[6], NULL, 10);
    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (inet_pton(AF_INET, argv[1], &server.sin_addr) != 1 ||
        connect(fd, (struct sockaddr *)&server, sizeof(server)) != 0 ||
        !join(key, argv[3], argv[4], &answer))
        return 1;
    (void)poll_often(&poll, 1, &answer); /* what it runs is new to the server once */
    (void)puts("joined");
    (void)fflush(stdout);
    (void)getchar(); /* until the story has looked */
    done = poll_often(&poll, wanted, &answer);
    (void)printf("%lu\n", done);
    (void)fflush(stdout);
    return done == wanted ? 0 : 1;
}
