/*
 * Many devices that report without pause and write down what was acknowledged.
 *     reporters HOST PORT CLAIM HWID COUNT ACKS
 *
 * Each thread is a device: it claims, opens a session, polls until it is granted the running
 * deployment, then reports steps of it, one after the other. A report that was not answered with
 * 200 is sent again, the same, until it is. Each acknowledged one becomes a line "DEVICE EPOCH
 * SEQ" in the file ACKS, written with one write() after the answer came. Runs until killed.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/text.h"
#include "lib/crypto/sign.h"
#include "lib/crypto/token.h"
#include "lib/wire/device.h"

enum { ANSWER_BYTES_MAX = 65536, PAUSE_MS = 50 };

static struct sockaddr_in server;
static const char *claim_token;
static const char *hwid;
static int acks_fd;

struct reporter {
    int fd; /* -1: not connected */
    struct sign_key *key;
    uint8_t device[HASH_BYTES];
    char token[WIRE_TOKEN_ROOM];
    char deployment[WIRE_UUID_ROOM];
    uint8_t epoch[WIRE_EPOCH_BYTES];
    uint64_t seq;
};

static void pause_ms(int ms)
{
    (void)poll(NULL, 0, ms);
}

static void hang_up(struct reporter *me)
{
    if (me->fd >= 0)
        (void)close(me->fd);
    me->fd = -1;
}

static bool dial(struct reporter *me)
{
    struct timeval patience = {.tv_sec = 30};

    if (me->fd >= 0)
        return true;
    me->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (me->fd < 0)
        return false;
    (void)setsockopt(me->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    if (connect(me->fd, (struct sockaddr *)&server, sizeof(server)) == 0)
        return true;
    hang_up(me);
    return false;
}

/* Reads one answer; its status, or 0 when the connection died. The body is left in `in`. */
static int read_answer(int fd, struct buf *in)
{
    size_t body = SIZE_MAX;
    size_t head = 0;
    int status = 0;

    while (body == SIZE_MAX || in->len < head + body) {
        char chunk[4096];
        const char *end;
        ssize_t n = recv(fd, chunk, sizeof(chunk), 0);

        if (n <= 0)
            return 0;
        buf_add(in, chunk, (size_t)n);
        if (in->failed)
            return 0;
        end = strstr(buf_text(in), "\r\n\r\n");
        if (end && body == SIZE_MAX) {
            const char *length = strcasestr(buf_text(in), "\r\nContent-Length: ");

            head = (size_t)(end - buf_text(in)) + 4;
            body = length && length < end ? strtoull(length + 18, NULL, 10) : 0;
            status = (int)strtol(buf_text(in) + 9, NULL, 10);
        }
    }
    buf_consume(in, head);
    return status;
}

static int ask(struct reporter *me, const char *what, const struct buf *body, struct buf *answer)
{
    AUTO_BUF out;
    int status = 0;

    buf_init(&out, ANSWER_BYTES_MAX);
    buf_reset(answer);
    buf_printf(&out, "POST /device/v1/%s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %zu\r\n",
               what, body ? body->len : 0);
    if (me->token[0])
        buf_printf(&out, "Authorization: Bearer %s\r\n", me->token);
    buf_add_text(&out, "\r\n");
    if (body)
        buf_add(&out, body->data, body->len);
    if (dial(me) && send(me->fd, out.data, out.len, MSG_NOSIGNAL) == (ssize_t)out.len)
        status = read_answer(me->fd, answer);
    if (status == 0)
        hang_up(me);
    return status;
}

static bool do_claim(struct reporter *me, struct buf *answer)
{
    struct wire_claim claim = {0};
    AUTO_BUF body, bytes;
    bool good;

    buf_init(&body, ANSWER_BYTES_MAX);
    buf_init(&bytes, 1024);
    memcpy(claim.public_key, sign_key_public(me->key), sizeof(claim.public_key));
    (void)text_copy(claim.claim, sizeof(claim.claim), claim_token);
    (void)text_copy(claim.hwid, sizeof(claim.hwid), hwid);
    buf_printf(&bytes, "slipway-claim-1%s", claim_token);
    buf_add_u8(&bytes, 0);
    buf_add_text(&bytes, hwid);
    sign_make(me->key, bytes.data, bytes.len, claim.signature);
    wire_claim_format(&claim, &body);
    good = ask(me, "claim", &body, answer) == 200;
    buf_done(&body);
    buf_done(&bytes);
    return good;
}

static bool do_session(struct reporter *me, struct buf *answer)
{
    struct wire_nonce_answer nonce;
    struct wire_session_answer session;
    struct wire_session request = {0};
    char device[HASH_HEX_ROOM];
    char text[sizeof(request.nonce) + HASH_HEX_ROOM + 32];
    struct err err = {0};
    AUTO_BUF body;
    int len;

    buf_init(&body, ANSWER_BYTES_MAX);
    me->token[0] = '\0';
    if (ask(me, "session", NULL, answer) != 200 ||
        !wire_nonce_answer_parse(answer->data, answer->len, &nonce, &err))
        return false;
    memcpy(request.device, me->device, sizeof(request.device));
    memcpy(request.nonce, nonce.nonce, sizeof(request.nonce));
    text_from_hex_bytes(me->device, sizeof(me->device), device);
    len = snprintf(text, sizeof(text), "slipway-session-1%s%s", nonce.nonce, device);
    sign_make(me->key, text, (size_t)len, request.signature);
    wire_session_format(&request, &body);
    if (ask(me, "session", &body, answer) != 200 ||
        !wire_session_answer_parse(answer->data, answer->len, &session, &err))
        return false;
    memcpy(me->token, session.token, sizeof(me->token));
    return true;
}

static bool do_poll(struct reporter *me, struct buf *answer)
{
    struct wire_poll poll_request = {0};
    struct wire_poll_answer granted;
    struct err err = {0};
    AUTO_BUF body;

    buf_init(&body, ANSWER_BYTES_MAX);
    wire_poll_format(&poll_request, &body);
    if (ask(me, "poll", &body, answer) != 200 ||
        !wire_poll_answer_parse(answer->data, answer->len, &granted, &err) ||
        !granted.deployment[0])
        return false;
    memcpy(me->deployment, granted.deployment, sizeof(me->deployment));
    return true;
}

static void note_ack(const struct reporter *me)
{
    char device[HASH_HEX_ROOM], epoch[2 * WIRE_EPOCH_BYTES + 1], line[256];
    int len;

    text_from_hex_bytes(me->device, sizeof(me->device), device);
    text_from_hex_bytes(me->epoch, sizeof(me->epoch), epoch);
    len = snprintf(line, sizeof(line), "%s %s %llu\n", device, epoch, (unsigned long long)me->seq);
    (void)!write(acks_fd, line, (size_t)len);
}

static void report_for_ever(struct reporter *me, struct buf *answer)
{
    static const enum update_state steps[] = {UPDATE_DOWNLOADING, UPDATE_DOWNLOADING, UPDATE_STAGED,
                                              UPDATE_DOWNLOADING};

    for (me->seq = 1;; me->seq++) {
        struct wire_report report = {.seq = me->seq, .time_ms = clock_now_ms()};
        AUTO_BUF body;
        int status;

        buf_init(&body, ANSWER_BYTES_MAX);
        memcpy(report.epoch, me->epoch, sizeof(report.epoch));
        memcpy(report.deployment, me->deployment, sizeof(report.deployment));
        report.state = steps[(me->seq / 8) % COUNT(steps)];
        report.bytes = me->seq * 100;
        wire_report_format(&report, &body);
        while ((status = ask(me, "report", &body, answer)) != 200) {
            pause_ms(PAUSE_MS);
            if (status == 401 && !do_session(me, answer))
                pause_ms(PAUSE_MS);
        }
        note_ack(me);
    }
}

static void *live(void *arg)
{
    struct reporter me = {.fd = -1, .key = sign_key_new()};
    AUTO_BUF answer;

    (void)arg;
    buf_init(&answer, ANSWER_BYTES_MAX);
    hash_blake2b(sign_key_public(me.key), SIGN_PUBLIC_BYTES, me.device);
    crypto_random(me.epoch, sizeof(me.epoch));
    while (!do_claim(&me, &answer))
        pause_ms(PAUSE_MS);
    while (!do_session(&me, &answer))
        pause_ms(PAUSE_MS);
    while (!do_poll(&me, &answer))
        pause_ms(1000);
    report_for_ever(&me, &answer);
    return NULL;
}

int main(int argc, char **argv)
{
    if (argc != 7)
        return 2;
    server = (struct sockaddr_in){.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)strtoul(argv[2], NULL, 10))};
    if (inet_pton(AF_INET, argv[1], &server.sin_addr) != 1)
        return 2;
    claim_token = argv[3];
    hwid = argv[4];
    acks_fd = open(argv[6], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (acks_fd < 0)
        return 1;
    for (unsigned long i = 0; i < strtoul(argv[5], NULL, 10); i++) {
        pthread_attr_t small;
        pthread_t thread;

        if (pthread_attr_init(&small) != 0 || pthread_attr_setstacksize(&small, 1 << 20) != 0 ||
            pthread_create(&thread, &small, live, NULL) != 0)
            return 1;
    }
    for (;;)
        (void)pause();
}
