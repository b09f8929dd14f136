/*
 * A hostile network between an agent and its server.   tamper-proxy RULES LOG HOST PORT
 *
 * Listens on a free port of 127.0.0.1 (printed first), forwards each request to HOST:PORT and
 * changes answers as files in the folder RULES say. A file is named after the request's path with
 * '/' as '%', and a suffix:
 *     NAME.body     the answer's body is this file instead, status 200
 *     NAME.once     the same, but the rule is used once
 *     NAME.status   the answer is this status, without a body
 *     NAME.cut      the connection dies after so many body bytes; a line for each request, in turn
 * Rules are looked up for every request. LOG gets a line per answer: METHOD PATH STATUS BYTES,
 * BYTES being the body bytes that were handed to the client's socket.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/os/file.h"

enum { HEAD_BYTES_MAX = 16384, FILE_BYTES_MAX = 64 << 20 };

static const char *rules;
static const char *log_path;
static struct sockaddr_in upstream;
static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;

struct exchange {
    int client;
    int server;
    char method[16];
    char path[1024];
    int status;
    uint64_t sent;
    uint64_t cut; /* UINT64_MAX: none */
};

static bool send_all(int fd, const void *data, size_t len)
{
    const char *at = data;

    while (len > 0) {
        ssize_t n = send(fd, at, len, MSG_NOSIGNAL);

        if (n <= 0)
            return false;
        at += n;
        len -= (size_t)n;
    }
    return true;
}

/* Reads up to and including the empty line; what follows it stays in `in` behind *head_len. */
static bool read_head(int fd, struct buf *in, size_t *head_len)
{
    for (;;) {
        char chunk[4096];
        const char *end = in->len ? memmem(in->data, in->len, "\r\n\r\n", 4) : NULL;
        ssize_t n;

        if (end) {
            *head_len = (size_t)(end - (const char *)in->data) + 4;
            return true;
        }
        n = recv(fd, chunk, sizeof(chunk), 0);
        if (n <= 0)
            return false;
        buf_add(in, chunk, (size_t)n);
        if (in->failed)
            return false;
    }
}

static char *rule_path(const struct exchange *ex, const char *suffix)
{
    char *path = mem_printf("%s/%s.%s", rules, ex->path, suffix);

    for (char *at = path + strlen(rules) + 1; *at; at++)
        if (*at == '/')
            *at = '%';
    return path;
}

static bool rule_read(const struct exchange *ex, const char *suffix, struct buf *out)
{
    AUTO_FREE char *path = rule_path(ex, suffix);
    struct err err = {0};

    return file_exists(path) && file_read(path, out, &err);
}

static uint64_t rule_cut(const struct exchange *ex)
{
    AUTO_FREE char *path = rule_path(ex, "cut");
    AUTO_BUF text;
    uint64_t cut = UINT64_MAX;
    const char *rest;
    struct err err;

    buf_init(&text, 1024);
    if (!rule_read(ex, "cut", &text))
        return cut;
    cut = strtoull(buf_text(&text), NULL, 10);
    rest = strchr(buf_text(&text), '\n');
    if (!rest || !rest[1])
        (void)unlink(path);
    else if (!file_write(path, 0644, rest + 1, strlen(rest + 1), &err))
        (void)fprintf(stderr, "tamper-proxy: %s\n", err.text);
    return cut;
}

static void send_body(struct exchange *ex, const void *data, size_t len)
{
    if (len > ex->cut - ex->sent)
        len = (size_t)(ex->cut - ex->sent);
    if (send_all(ex->client, data, len))
        ex->sent += len;
}

static void send_own(struct exchange *ex, int status, const struct buf *body)
{
    char head[256];
    int len = snprintf(head, sizeof(head),
                       "HTTP/1.1 %d Tampered\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n",
                       status, body->len);

    ex->status = status;
    if (send_all(ex->client, head, (size_t)len))
        send_body(ex, buf_text(body), body->len);
}

/* The request goes on with its connection closed after the answer. */
static bool forward_request(struct exchange *ex, struct buf *in, size_t head_len)
{
    static const char close_line[] = "Connection: close\r\n\r\n";
    const char *length = strcasestr(buf_text(in), "\r\nContent-Length:");
    uint64_t body =
        length && length < buf_text(in) + head_len ? strtoull(length + 17, NULL, 10) : 0;
    size_t rest = in->len - head_len;

    if (!send_all(ex->server, in->data, head_len - 2) ||
        !send_all(ex->server, close_line, sizeof(close_line) - 1) ||
        !send_all(ex->server, in->data + head_len, rest))
        return false;
    while (body > rest) {
        char chunk[16384];
        ssize_t n = recv(ex->client, chunk, sizeof(chunk), 0);

        if (n <= 0 || !send_all(ex->server, chunk, (size_t)n))
            return false;
        body -= (uint64_t)n;
    }
    return true;
}

static void forward_answer(struct exchange *ex)
{
    AUTO_BUF in;
    size_t head_len;
    char chunk[16384];
    ssize_t n;

    buf_init(&in, HEAD_BYTES_MAX);
    if (!read_head(ex->server, &in, &head_len))
        return;
    ex->status = (int)strtol(buf_text(&in) + 9, NULL, 10);
    if (!send_all(ex->client, in.data, head_len))
        return;
    send_body(ex, in.data + head_len, in.len - head_len);
    while (ex->sent < ex->cut && (n = recv(ex->server, chunk, sizeof(chunk), 0)) > 0) {
        uint64_t before = ex->sent;

        send_body(ex, chunk, (size_t)n);
        if (ex->sent == before)
            return;
    }
}

static void log_answer(const struct exchange *ex)
{
    char line[1200];
    int len = snprintf(line, sizeof(line), "%s %s %d %llu\n", ex->method, ex->path, ex->status,
                       (unsigned long long)ex->sent);

    (void)pthread_mutex_lock(&log_lock);
    AUTO_CLOSE int fd = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd >= 0)
        (void)!write(fd, line, (size_t)len);
    (void)pthread_mutex_unlock(&log_lock);
}

static void answer(struct exchange *ex, struct buf *in, size_t head_len)
{
    AUTO_BUF own;

    buf_init(&own, FILE_BYTES_MAX);
    AUTO_FREE char *once = rule_path(ex, "once");

    ex->cut = rule_cut(ex);
    if (rule_read(ex, "status", &own)) {
        int status = (int)strtol(buf_text(&own), NULL, 10);

        buf_reset(&own);
        send_own(ex, status, &own);
    } else if (rule_read(ex, "once", &own)) {
        (void)unlink(once);
        send_own(ex, 200, &own);
    } else if (rule_read(ex, "body", &own)) {
        send_own(ex, 200, &own);
    } else {
        ex->server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (connect(ex->server, (struct sockaddr *)&upstream, sizeof(upstream)) == 0 &&
            forward_request(ex, in, head_len))
            forward_answer(ex);
    }
    log_answer(ex);
}

static void *serve(void *arg)
{
    struct exchange *ex = arg;
    AUTO_BUF in;
    size_t head_len;

    buf_init(&in, HEAD_BYTES_MAX);
    if (read_head(ex->client, &in, &head_len) &&
        sscanf(buf_text(&in), "%15s %1023s", ex->method, ex->path) == 2)
        answer(ex, &in, head_len);
    (void)shutdown(ex->client, SHUT_RDWR);
    (void)close(ex->client);
    if (ex->server >= 0)
        (void)close(ex->server);
    mem_free(ex);
    return NULL;
}

int main(int argc, char **argv)
{
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(here);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (argc != 5)
        return 2;
    rules = argv[1];
    log_path = argv[2];
    upstream = (struct sockaddr_in){.sin_family = AF_INET,
                                    .sin_port = htons((uint16_t)strtoul(argv[4], NULL, 10))};
    if (inet_pton(AF_INET, argv[3], &upstream.sin_addr) != 1 || listener < 0 ||
        bind(listener, (struct sockaddr *)&here, len) != 0 || listen(listener, 64) != 0 ||
        getsockname(listener, (struct sockaddr *)&here, &len) != 0)
        return 1;
    (void)printf("%u\n", ntohs(here.sin_port));
    (void)fflush(stdout);
    for (;;) {
        struct exchange *ex;
        pthread_t thread;
        int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

        if (client < 0)
            continue;
        ex = mem_alloc(sizeof(*ex));
        *ex = (struct exchange){.client = client, .server = -1};
        if (pthread_create(&thread, NULL, serve, ex) == 0)
            (void)pthread_detach(thread);
    }
}
