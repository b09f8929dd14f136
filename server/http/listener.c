/*
 * One listening socket per worker on the same port (SO_REUSEPORT): the kernel spreads the
 * connections. At the limit of connections we stop accepting and the kernel's queue waits.
 *
 * Deadlines are looked at once a second for all connections: cheaper in memory and time than a
 * timer each, and a second is exact enough for them.
 */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/crypto/token.h"
#include "server/http/internal.h"

static bool make_listener(const struct addrinfo *info, int *out, struct err *err)
{
    AUTO_CLOSE int fd = socket(info->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1;

    if (fd < 0)
        return err_system(err, "could not make a socket");
    /* Accepted sockets inherit TCP_NODELAY, which saves a call for each. */
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) != 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0)
        return err_system(err, "could not set up a socket");
    if (bind(fd, info->ai_addr, info->ai_addrlen) != 0 || listen(fd, HTTP_BACKLOG) != 0)
        return err_system(err, "could not bind");
    *out = TAKE_FD(fd);
    return true;
}

static bool bind_listener(const struct http_options *options, int *out, struct err *err)
{
    const struct addrinfo hints = {
        .ai_family = AF_UNSPEC,
        .ai_socktype = SOCK_STREAM,
        .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
    };
    struct addrinfo *info;
    char service[16];
    bool good;

    (void)snprintf(service, sizeof(service), "%u", options->port); /* always fits */
    if (getaddrinfo(options->address, service, &hints, &info) != 0)
        return err_set(err, ERR_INVALID, "'%s' is no IP address to listen on", options->address);
    good = make_listener(info, out, err) ||
           err_wrap(err, "could not listen on %s port %u", options->address, options->port);
    freeaddrinfo(info);
    return good;
}

static unsigned bound_port(int fd)
{
    struct sockaddr_storage address = {0};
    socklen_t len = sizeof(address);
    struct sockaddr_in6 v6;
    struct sockaddr_in v4;

    ASSERT(getsockname(fd, (struct sockaddr *)&address, &len) == 0);
    memcpy(&v6, &address, sizeof(v6));
    memcpy(&v4, &address, sizeof(v4));
    return ntohs(address.ss_family == AF_INET6 ? v6.sin6_port : v4.sin_port);
}

static void set_accepting(struct http_server *server, bool accepting)
{
    if (!server->listening || accepting == server->accepting)
        return;
    server->accepting = accepting;
    loop_event_set(server->listening, accepting ? LOOP_READ : 0);
}

static uint64_t open_count(const struct http_server *server)
{
    return atomic_load_explicit(&server->open, memory_order_relaxed);
}

static void on_accept(int fd, int what, void *arg)
{
    struct http_server *server = arg;

    (void)what;
    for (int i = 0; i < HTTP_ACCEPT_MAX; i++) {
        int client;

        if (open_count(server) >= HTTP_CONNECTIONS_MAX) {
            set_accepting(server, false);
            return;
        }
        client = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (client >= 0) {
            server_count(&server->accepted, 1);
            server_count(&server->open, 1);
            connection_new(server, client);
        } else if (errno == EAGAIN) {
            return;
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            set_accepting(server, false); /* until a connection closes or the next sweep */
            return;
        }
        /* Anything else is the end of that one client (accept(2)). */
    }
}

static void on_sweep(void *arg)
{
    struct http_server *server = arg;
    int64_t now_mono_ms = clock_mono_ms();

    LIST_EACH(link, &server->connections)
    {
        connection_sweep(LIST_OF(link, struct connection, link), now_mono_ms);
    }
    if (open_count(server) < HTTP_CONNECTIONS_MAX)
        set_accepting(server, true);
    loop_timer_set(server->sweep, HTTP_SWEEP_MS);
}

/* --- draining -----------------------------------------------------------------------------------
 */

static void on_drained(void *arg)
{
    struct http_server *server = arg;
    loop_fn *drained = server->drained;

    if (!drained)
        return;
    server->drained = NULL;
    loop_timer_cancel(server->drain_timer);
    drained(server->drained_arg);
}

static void stop_listening(struct http_server *server)
{
    loop_event_free(server->listening);
    server->listening = NULL;
    if (server->listen_fd >= 0)
        (void)close(server->listen_fd);
    server->listen_fd = -1;
}

void http_server_drain(struct http_server *server, int64_t timeout_ms, loop_fn *done, void *arg)
{
    ASSERT(!server->draining);
    server->draining = true;
    server->drained = done;
    server->drained_arg = arg;
    stop_listening(server);
    loop_timer_set(server->drain_timer, timeout_ms);
    LIST_EACH(link, &server->connections)
    {
        connection_drain(LIST_OF(link, struct connection, link));
    }
    if (open_count(server) == 0)
        loop_timer_set(server->drain_timer, 0);
}

void server_connection_closed(struct http_server *server)
{
    atomic_store_explicit(&server->open, open_count(server) - 1, memory_order_relaxed);
    set_accepting(server, true);
    if (server->draining && server->drained && open_count(server) == 0)
        loop_timer_set(server->drain_timer, 0);
}

/* --- opening and closing ------------------------------------------------------------------------
 */

bool http_server_open(struct loop *loop, const struct http_options *options,
                      const struct http_app *app, struct http_server **out, struct err *err)
{
    struct http_server *server;
    int fd = -1;

    if (!bind_listener(options, &fd, err))
        return false;
    server = mem_alloc(sizeof(*server));
    server->loop = loop;
    server->app = app;
    server->tls = options->tls;
    server->worker = options->worker;
    server->listen_fd = fd;
    server->port = bound_port(fd);
    crypto_random(&server->run_id, sizeof(server->run_id));
    list_init(&server->connections);
    list_init(&server->exchanges);
    list_init(&server->finished);
    buf_init(&server->answer, HTTP_ANSWER_BYTES_MAX);
    server->latencies = latency_new(app);
    server->accepting = true;
    server->listening = loop_event_new(loop, fd, LOOP_READ, on_accept, server);
    server->drain_timer = loop_timer_new(loop, on_drained, server);
    server->sweep = loop_timer_new(loop, on_sweep, server);
    loop_timer_set(server->sweep, HTTP_SWEEP_MS);
    *out = server;
    return true;
}

static void server_free(void *arg)
{
    struct http_server *server = arg;

    while (server->arena_count)
        arena_free(server->arenas[--server->arena_count]);
    buf_done(&server->answer);
    mem_free(server->latencies);
    mem_free(server);
}

void http_server_close(struct http_server *server)
{
    if (!server)
        return;
    server->drained = NULL;
    stop_listening(server);
    while (!list_is_empty(&server->connections)) /* handlers that learn of it may close others */
        connection_close(LIST_OF(server->connections.next, struct connection, link));
    /* What handlers still hold is freed when they answer. */
    LIST_EACH(link, &server->exchanges)
    {
        struct exchange *exchange = LIST_OF(link, struct exchange, link);

        exchange->server = NULL;
        list_remove(&exchange->link);
    }
    loop_timer_free(server->sweep);
    loop_timer_free(server->drain_timer);
    loop_defer_free(server->loop, server_free, server);
}

unsigned http_server_port(const struct http_server *server)
{
    return server->port;
}

void http_server_stats(const struct http_server *server, struct http_stats *out)
{
    *out = (struct http_stats){
        .connections = atomic_load_explicit(&server->accepted, memory_order_relaxed),
        .open = open_count(server),
        .requests = atomic_load_explicit(&server->requests, memory_order_relaxed),
        .refused = atomic_load_explicit(&server->refused, memory_order_relaxed),
        .bytes_sent = atomic_load_explicit(&server->bytes_sent, memory_order_relaxed),
    };
}
