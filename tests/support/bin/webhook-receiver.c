/*
 * webhook-receiver PORT-FILE LOG SECRET-FILE: takes what webhooks post, for stories. Its port (any
 * free one) goes to the file. Each delivery is a line of the log: id, event, "good" or "bad"
 * signature. While LOG.refuse exists it answers 500 and logs "refused".
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/crypto/hash.h"

enum { REQUEST_BYTES_MAX = 1 << 20, SECRET_BYTES = 32 };

static void require(bool good, const char *what)
{
    if (good)
        return;
    perror(what);
    exit(1);
}

static int listen_somewhere(const char *port_file)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    FILE *out;

    require(bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0, "bind");
    require(listen(fd, 64) == 0, "listen");
    require(getsockname(fd, (struct sockaddr *)&address, &len) == 0, "getsockname");
    out = fopen(port_file, "w");
    require(out && fprintf(out, "%u\n", ntohs(address.sin_port)) > 0 && fclose(out) == 0, "port");
    return fd;
}

/* The value of a header line, to its end; "" when it is not there. */
static char *header(const char *head, const char *name)
{
    AUTO_FREE char *begin = mem_printf("\r\n%s: ", name);
    const char *at = strstr(head, begin);

    if (!at)
        return mem_strdup("");
    at += strlen(begin);
    return mem_strndup(at, strcspn(at, "\r"));
}

static bool receive(int fd, struct buf *in, const char **body)
{
    for (;;) {
        uint8_t *room = buf_reserve(in, 65536);
        ssize_t len = room ? recv(fd, room, 65536, 0) : -1;
        const char *end;

        if (len <= 0)
            return false;
        in->len += (size_t)len;
        room[len] = '\0';
        end = strstr(buf_text(in), "\r\n\r\n");
        if (end) {
            AUTO_FREE char *length = header(buf_text(in), "Content-Length");

            *body = end + 4;
            if (strlen(*body) >= strtoul(length, NULL, 10))
                return true;
        }
    }
}

/* "t=SECONDS,v1=HEX" over "SECONDS.BODY". */
static bool is_signed(const char *signature, const char *body, const uint8_t *secret)
{
    const char *hex = strstr(signature, ",v1=");
    AUTO_FREE char *text = NULL;
    uint8_t mac[HASH_BYTES];
    char expected[HASH_HEX_ROOM];

    if (!text_starts_with(signature, "t=") || !hex)
        return false;
    text = mem_printf("%.*s.%s", (int)(hex - signature - 2), signature + 2, body);
    hash_hmac(secret, SECRET_BYTES, text, strlen(text), mac);
    text_from_hex_bytes(mac, sizeof(mac), expected);
    return text_equal(expected, hex + 4);
}

static void serve(int fd, const char *log, const uint8_t *secret)
{
    AUTO_FREE char *refuse = mem_printf("%s.refuse", log);
    bool is_refusing = access(refuse, F_OK) == 0;
    const char *answer = is_refusing ? "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"
                                     : "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    const char *body;
    AUTO_BUF in;

    buf_init(&in, REQUEST_BYTES_MAX);
    if (receive(fd, &in, &body)) {
        AUTO_FREE char *id = header(buf_text(&in), "Slipway-Delivery");
        AUTO_FREE char *event = header(buf_text(&in), "Slipway-Event");
        AUTO_FREE char *signature = header(buf_text(&in), "Slipway-Signature");
        FILE *out = fopen(log, "a");

        require(out &&
                    fprintf(out, "%s %s %s\n", id, event,
                            is_refusing                          ? "refused"
                            : is_signed(signature, body, secret) ? "good"
                                                                 : "bad") > 0 &&
                    fclose(out) == 0,
                "log");
        (void)!write(fd, answer, strlen(answer)); /* who hangs up tries again */
    }
    (void)close(fd);
}

int main(int argc, char **argv)
{
    uint8_t secret[SECRET_BYTES] = {0};
    int fd;

    require(argc == 4, "usage: webhook-receiver PORT-FILE LOG SECRET-FILE");
    fd = listen_somewhere(argv[1]);
    for (;;) {
        int client = accept(fd, NULL, NULL);
        FILE *file = fopen(argv[3], "r"); /* written when the webhook was made: read each time */
        char hex[2 * SECRET_BYTES + 1] = "";

        require(client >= 0, "accept");
        if (file) {
            (void)!fread(hex, 1, sizeof(hex) - 1, file);
            (void)fclose(file);
        }
        (void)!text_to_hex_bytes(hex, strlen(hex), secret, sizeof(secret));
        serve(client, argv[2], secret);
    }
}
