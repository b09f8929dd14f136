/* One thread, blocking sockets; the script bounds what it does. */
#include "tests/support/scripted.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/mem.h"
#include "lib/os/file.h"

enum { CONNECTIONS_MAX = 64 };

struct scripted {
    struct scripted *next;
    const struct scripted_answer *answers;
    size_t count;
    int listener;
    int held[CONNECTIONS_MAX];
    size_t held_count;
    char *origin;
    struct buf seen;
    pthread_t thread;
};

/* What a server saw is asked for after it stopped: it lives as long as the test's process. */
static struct scripted *all;

/* An unread body would turn our close into a reset. Uploads are not ours to wait for. */
static void read_body(const char *head, int fd)
{
    const char *field = strstr(head, "Content-Length: ");
    char c;

    if (!field || strstr(head, "Expect: "))
        return;
    for (long left = strtol(field + 16, NULL, 10); left > 0; left--)
        if (read(fd, &c, 1) != 1)
            return;
}

static void read_request(struct scripted *server, int fd)
{
    size_t start = server->seen.len;
    char last[5] = {0};
    char c;

    while (strcmp(last, "\r\n\r\n") != 0 && read(fd, &c, 1) == 1) {
        memmove(last, last + 1, 3);
        last[3] = c;
        buf_add(&server->seen, &c, 1);
    }
    read_body(buf_text(&server->seen) + start, fd);
}

static void *play(void *arg)
{
    struct scripted *server = arg;
    struct err err = {0};

    for (size_t i = 0; i < server->count; i++) {
        const struct scripted_answer *answer = &server->answers[i];
        int fd = accept(server->listener, NULL, NULL);

        if (fd < 0)
            return NULL;
        read_request(server, fd);
        if (!answer->close_silently)
            (void)!file_write_all(fd, answer->text, strlen(answer->text), &err);
        if (answer->more)
            (void)!file_write_all(fd, answer->more, strlen(answer->more), &err);
        if (answer->hold_open)
            server->held[server->held_count++] = fd;
        else
            (void)close(fd);
    }
    return NULL;
}

struct scripted *scripted_start(const struct scripted_answer *answers, size_t count)
{
    struct scripted *server = mem_alloc(sizeof(*server));
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);

    ASSERT(count <= CONNECTIONS_MAX);
    server->next = all;
    all = server;
    server->answers = answers;
    server->count = count;
    buf_init(&server->seen, 1 << 20);
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ASSERT(bind(server->listener, (struct sockaddr *)&address, len) == 0);
    ASSERT(listen(server->listener, 16) == 0);
    ASSERT(getsockname(server->listener, (struct sockaddr *)&address, &len) == 0);
    server->origin = mem_printf("http://127.0.0.1:%u", (unsigned)ntohs(address.sin_port));
    ASSERT(pthread_create(&server->thread, NULL, play, server) == 0);
    return server;
}

const char *scripted_origin(const struct scripted *server)
{
    return server->origin;
}

const char *scripted_stop(struct scripted *server)
{
    (void)shutdown(server->listener, SHUT_RDWR);
    (void)pthread_join(server->thread, NULL);
    for (size_t i = 0; i < server->held_count; i++)
        (void)close(server->held[i]);
    (void)close(server->listener);
    return buf_text(&server->seen);
}
