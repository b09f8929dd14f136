/* Blocking sockets with a time limit; the log has a lock, the rest is the thread's own. */
#include "tests/support/web.h"

#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/mem.h"

enum { REQUEST_BYTES_MAX = 1 << 20, ANSWER_BYTES_MAX = 8 << 20, SLOW_MS = 100 };

struct web {
    web_fn *fn;
    void *arg;
    int listener;
    char *origin;
    pthread_t thread;
    pthread_mutex_t lock;
    struct buf log;
    char *told;
    uint64_t sent;
};

static bool send_all(int fd, const void *data, size_t len)
{
    const uint8_t *at = data;

    while (len > 0) {
        ssize_t n = send(fd, at, len, MSG_NOSIGNAL);

        if (n <= 0)
            return false;
        at += n;
        len -= (size_t)n;
    }
    return true;
}

static size_t body_length(const char *head)
{
    const char *field = strcasestr(head, "\r\nContent-Length: ");

    return field ? strtoul(field + 18, NULL, 10) : 0;
}

/* The head and the body; false when there was no whole request. */
static bool receive(int fd, struct buf *in, size_t *head_len)
{
    for (;;) {
        char chunk[4096];
        const char *end = in->len ? memmem(in->data, in->len, "\r\n\r\n", 4) : NULL;
        ssize_t n;

        if (end) {
            *head_len = (size_t)(end + 4 - (const char *)in->data);
            if (in->len >= *head_len + body_length(buf_text(in)))
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

/* True when the client hung up within the time. */
static bool client_is_gone(int fd, int wait_ms)
{
    struct pollfd watched = {.fd = fd, .events = POLLIN | POLLRDHUP};

    return poll(&watched, 1, wait_ms) > 0;
}

static uint64_t send_without_end(int fd, const struct web_answer *answer)
{
    static const uint8_t zeros[65536];
    uint64_t sent = answer->body.len;

    if (!send_all(fd, answer->body.data, answer->body.len))
        return sent;
    while (send_all(fd, zeros, sizeof(zeros)))
        sent += sizeof(zeros);
    return sent;
}

static uint64_t send_slowly(int fd, const struct web_answer *answer)
{
    uint64_t sent = 0;

    while (sent < answer->body.len && !client_is_gone(fd, SLOW_MS)) {
        if (!send_all(fd, answer->body.data + sent, 1))
            break;
        sent++;
    }
    return sent;
}

static void send_answer(struct web *web, int fd, const struct web_answer *answer)
{
    char head[512];
    char length[64] = "";
    int len;

    if (answer->manner == WEB_DROPPED)
        return;
    if (answer->manner != WEB_ENDLESS)
        (void)snprintf(length, sizeof(length), "Content-Length: %zu\r\n", answer->body.len);
    len = snprintf(head, sizeof(head), "HTTP/1.0 %u Answer\r\n%s%s\r\n", answer->status, length,
                   answer->lines);
    ASSERT(len > 0 && (size_t)len < sizeof(head));
    if (!send_all(fd, head, (size_t)len))
        return;
    if (answer->manner == WEB_ENDLESS)
        web->sent = send_without_end(fd, answer);
    else if (answer->manner == WEB_SLOW)
        web->sent = send_slowly(fd, answer);
    else if (send_all(fd, answer->body.data, answer->body.len))
        web->sent = answer->body.len;
}

static void serve(struct web *web, int fd, struct buf *in, size_t head_len)
{
    struct web_answer answer = {.status = 404};
    struct web_request request = {0};
    struct buf body = {.data = in->data + head_len, .len = in->len - head_len};
    char method[16];
    char path[2048];

    if (sscanf(buf_text(in), "%15s %2047s", method, path) != 2)
        return;
    request = (struct web_request){method, path, &body};
    (void)pthread_mutex_lock(&web->lock);
    buf_printf(&web->log, "%s %s\n", method, path);
    (void)pthread_mutex_unlock(&web->lock);
    buf_init(&answer.body, ANSWER_BYTES_MAX);
    web->fn(web->arg, &request, &answer);
    if (answer.status == 404 && answer.body.len == 0)
        buf_add_text(&answer.body, "<html><body><h1>404 there is no such page</h1></body></html>");
    web->sent = 0;
    send_answer(web, fd, &answer);
    buf_done(&answer.body);
}

static void *run(void *arg)
{
    struct web *web = arg;

    for (;;) {
        int fd = accept(web->listener, NULL, NULL);
        size_t head_len = 0;
        AUTO_BUF in;

        buf_init(&in, REQUEST_BYTES_MAX);
        if (fd < 0)
            return NULL;
        if (receive(fd, &in, &head_len))
            serve(web, fd, &in, head_len);
        (void)close(fd);
    }
}

struct web *web_start(web_fn *fn, void *arg)
{
    struct web *web = mem_alloc(sizeof(*web));
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);

    web->fn = fn;
    web->arg = arg;
    buf_init(&web->log, 1 << 20);
    ASSERT(pthread_mutex_init(&web->lock, NULL) == 0);
    web->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ASSERT(bind(web->listener, (struct sockaddr *)&address, len) == 0);
    ASSERT(listen(web->listener, 16) == 0);
    ASSERT(getsockname(web->listener, (struct sockaddr *)&address, &len) == 0);
    web->origin = mem_printf("http://127.0.0.1:%u", (unsigned)ntohs(address.sin_port));
    ASSERT(pthread_create(&web->thread, NULL, run, web) == 0);
    return web;
}

void web_stop(struct web *web)
{
    if (!web)
        return;
    (void)shutdown(web->listener, SHUT_RDWR);
    (void)pthread_join(web->thread, NULL);
    (void)close(web->listener);
    (void)pthread_mutex_destroy(&web->lock);
    buf_done(&web->log);
    mem_free(web->origin);
    mem_free(web->told);
    mem_free(web);
}

const char *web_origin(const struct web *web)
{
    return web->origin;
}

const char *web_log(struct web *web)
{
    (void)pthread_mutex_lock(&web->lock);
    mem_free(web->told);
    web->told = mem_strdup(buf_text(&web->log));
    (void)pthread_mutex_unlock(&web->lock);
    return web->told;
}

void web_forget(struct web *web)
{
    (void)pthread_mutex_lock(&web->lock);
    buf_reset(&web->log);
    (void)pthread_mutex_unlock(&web->lock);
}

uint64_t web_sent(struct web *web)
{
    return web->sent;
}
