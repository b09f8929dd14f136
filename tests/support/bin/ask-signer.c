/*
 * What a thief with the server's rights can do: asks slipway-signer for one signature, over its
 * socket.
 *
 *     ask-signer SOCKET TENANT LABEL [DEVICE]     the canonical bytes on standard input
 *
 * Prints "signed KEYID SIG" or "refused CODE SENTENCE".
 */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/os/unix.h"
#include "lib/wire/signer.h"

enum { PATIENCE_MS = 20000, READ_BYTES = 64 << 10 };

static void read_input(struct buf *out)
{
    ssize_t len = 1;

    while (len > 0) {
        uint8_t *at = buf_reserve(out, READ_BYTES);

        len = at ? read(STDIN_FILENO, at, READ_BYTES) : 0;
        out->len += len > 0 ? (size_t)len : 0;
    }
}

static bool wait_for(int fd, short events)
{
    struct pollfd ready = {.fd = fd, .events = events};

    return poll(&ready, 1, PATIENCE_MS) == 1;
}

static bool exchange(const char *socket, struct buf *frame, struct signer_answer *out,
                     struct err *err)
{
    AUTO_CLOSE int fd = -1;
    size_t message = 0;
    bool whole = false;

    if (!unix_connect(socket, &fd, err))
        return false;
    while (frame->len > 0 && wait_for(fd, POLLOUT)) {
        ssize_t len = send(fd, frame->data, frame->len, MSG_NOSIGNAL);

        if (len <= 0)
            return err_system(err, "could not send");
        buf_consume(frame, (size_t)len);
    }
    while (!whole && wait_for(fd, POLLIN)) {
        uint8_t *at = buf_reserve(frame, READ_BYTES);
        ssize_t len = recv(fd, at, READ_BYTES, 0);

        if (len <= 0)
            return err_set(err, ERR_UNAVAILABLE, "the signer hung up");
        frame->len += (size_t)len;
        if (!signer_frame_find(frame->data, frame->len, &whole, &message, err))
            return false;
    }
    return signer_answer_parse(frame->data + 4, message, out, err);
}

static int ask(const char *socket, const struct signer_ask *request)
{
    struct signer_answer answer = {0};
    char sig[SIGN_HEX_ROOM];
    struct err err = {0};
    AUTO_BUF frame;

    buf_init(&frame, (size_t)2 * SIGNER_FRAME_BYTES_MAX);
    signer_ask_format(request, &frame);
    if (!exchange(socket, &frame, &answer, &err)) {
        (void)fprintf(stderr, "ask-signer: %s\n", err.text);
        return 1;
    }
    if (answer.refused)
        return printf("refused %s %s\n", err_code_name(answer.err.code), answer.err.text) < 0;
    text_from_hex_bytes(answer.signature.sig, SIGN_BYTES, sig);
    return printf("signed %s %s\n", answer.signature.keyid, sig) < 0;
}

int main(int argc, char **argv)
{
    struct signer_ask request = {.op = SIGNER_SIGN};
    AUTO_BUF input;

    buf_init(&input, SIGNER_DATA_BYTES_MAX + READ_BYTES);
    if (argc < 4 || argc > 5 || !signer_label_parse(argv[3], &request.label) ||
        !text_copy(request.tenant, sizeof(request.tenant), argv[2]) ||
        (argc == 5 && !text_copy(request.device, sizeof(request.device), argv[4]))) {
        (void)fputs("usage: ask-signer SOCKET TENANT LABEL [DEVICE]\n", stderr);
        return 2;
    }
    read_input(&input);
    request.data = input.data;
    request.len = input.len;
    return ask(argv[1], &request);
}
