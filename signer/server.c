/* A client that speaks nonsense, or is somebody else, loses its connection; no answer is owed. */
#include "signer/server.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/log/log.h"
#include "lib/os/unix.h"

enum {
    READ_BYTES = 256 << 10,
    INPUT_BYTES_MAX = SIGNER_FRAME_BYTES_MAX + READ_BYTES,
    ANSWERS_PER_TURN_MAX = 1024,
    /* Beyond this a client that does not read is not read from. */
    OUTPUT_BYTES_HIGH = 1 << 20,
    OUTPUT_BYTES_MAX = OUTPUT_BYTES_HIGH + ANSWERS_PER_TURN_MAX * 512,
};

struct peer {
    int fd;
    struct buf in;
    struct buf out;
    bool has_more; /* whole requests are left for the next turn */
    bool gone;
};

struct server {
    const struct server_options *options;
    struct peer *peers[SERVER_CONNECTIONS_MAX];
    size_t count;
    bool is_stopping;
};

static void peer_free(struct peer *peer)
{
    (void)close(peer->fd);
    buf_done(&peer->in);
    buf_done(&peer->out);
    mem_free(peer);
}

static void drop_gone(struct server *server)
{
    size_t kept = 0;

    for (size_t i = 0; i < server->count; i++) {
        if (server->peers[i]->gone)
            peer_free(server->peers[i]);
        else
            server->peers[kept++] = server->peers[i];
    }
    server->count = kept;
}

/* --- connections -------------------------------------------------------------------------------
 */

static bool is_ours(const struct server *server, int fd)
{
    struct err err = {0};
    uid_t uid;

    if (!unix_peer_uid(fd, &uid, &err)) {
        LOG_WARNING("signer.stranger", "reason='%s'", err.text);
        return false;
    }
    if (uid == geteuid() || uid == server->options->uid)
        return true;
    LOG_WARNING("signer.stranger", "uid=%u", (unsigned)uid);
    return false;
}

static void take_peer(struct server *server, int fd)
{
    struct peer *peer;

    if (!is_ours(server, fd) || server->count == SERVER_CONNECTIONS_MAX) {
        (void)close(fd);
        return;
    }
    peer = mem_alloc(sizeof(*peer));
    peer->fd = fd;
    buf_init(&peer->in, INPUT_BYTES_MAX);
    buf_init(&peer->out, OUTPUT_BYTES_MAX);
    server->peers[server->count++] = peer;
}

static bool accept_all(struct server *server, struct err *err)
{
    int fd = 0;

    while (server->count < SERVER_CONNECTIONS_MAX) {
        if (!unix_accept(server->options->listen_fd, &fd, err))
            return false;
        if (fd < 0)
            return true;
        take_peer(server, fd);
    }
    return true;
}

/* --- requests ----------------------------------------------------------------------------------
 */

static void read_some(struct peer *peer)
{
    uint8_t *at = buf_reserve(&peer->in, READ_BYTES);
    ssize_t len;

    ASSERT(at); /* whole requests were taken out before */
    len = recv(peer->fd, at, READ_BYTES, 0);
    if (len > 0)
        peer->in.len += (size_t)len;
    else if (len == 0 || (errno != EAGAIN && errno != EINTR))
        peer->gone = true;
}

static void answer_one(const struct server *server, struct peer *peer, const uint8_t *message,
                       size_t len, int64_t now_ms)
{
    struct signer_answer answer;

    desk_answer(server->options->desk, message, len, now_ms, &answer);
    signer_answer_format(&answer, &peer->out);
    ASSERT(!peer->out.failed); /* the maximum has room for a turn's answers */
}

static void answer_all(const struct server *server, struct peer *peer, int64_t now_ms)
{
    size_t used = 0;
    size_t message_len = 0;
    unsigned count = 0;
    bool whole = true;

    peer->has_more = false;
    while (peer->out.len < OUTPUT_BYTES_HIGH) {
        struct err err = {0};

        if (!signer_frame_find(peer->in.data + used, peer->in.len - used, &whole, &message_len,
                               &err)) {
            LOG_WARNING("signer.bad_request", "reason='%s'", err.text);
            peer->gone = true;
            return;
        }
        if (!whole)
            break;
        if (count++ == ANSWERS_PER_TURN_MAX) {
            peer->has_more = true;
            break;
        }
        answer_one(server, peer, peer->in.data + used + 4, message_len, now_ms);
        used += 4 + message_len;
    }
    peer->has_more = peer->has_more || (whole && peer->out.len >= OUTPUT_BYTES_HIGH);
    buf_consume(&peer->in, used);
}

/* All that was answered since the last turn may leave, or none of it. */
static void settle(struct server *server)
{
    struct err err = {0};

    if (desk_settle(server->options->desk, &err))
        return;
    LOG_ERROR("signer.state_not_written", "reason='%s'", err.text);
    for (size_t i = 0; i < server->count; i++)
        server->peers[i]->gone = true;
}

static void send_some(struct peer *peer)
{
    ssize_t len;

    if (peer->out.len == 0 || peer->gone)
        return;
    len = send(peer->fd, peer->out.data, peer->out.len, MSG_NOSIGNAL);
    if (len > 0)
        buf_consume(&peer->out, (size_t)len);
    else if (len < 0 && errno != EAGAIN && errno != EINTR)
        peer->gone = true;
}

/* --- the loop ----------------------------------------------------------------------------------
 */

static bool wants_input(const struct peer *peer)
{
    return !peer->has_more && peer->out.len < OUTPUT_BYTES_HIGH;
}

/* A peer whose requests wait only for their turn makes the next one come at once. */
static int wait_for_events(struct server *server, struct pollfd *polls)
{
    int timeout_ms = -1;

    polls[0] = (struct pollfd){.fd = server->options->stop_fd, .events = POLLIN};
    polls[1] = (struct pollfd){.fd = server->options->listen_fd, .events = POLLIN};
    if (server->count == SERVER_CONNECTIONS_MAX)
        polls[1].fd = -1; /* whoever comes waits */
    for (size_t i = 0; i < server->count; i++) {
        const struct peer *peer = server->peers[i];
        int events = wants_input(peer) ? POLLIN : 0;

        events |= peer->out.len > 0 ? POLLOUT : 0;
        polls[2 + i] = (struct pollfd){.fd = peer->fd, .events = (short)events};
        if (peer->has_more && peer->out.len < OUTPUT_BYTES_HIGH)
            timeout_ms = 0;
    }
    return poll(polls, 2 + server->count, timeout_ms);
}

static bool turn(struct server *server, struct err *err)
{
    struct pollfd polls[2 + SERVER_CONNECTIONS_MAX];
    int64_t now_ms;

    if (wait_for_events(server, polls) < 0)
        return errno == EINTR || err_system(err, "could not wait for requests");
    server->is_stopping = polls[0].revents != 0;
    now_ms = clock_now_ms();
    for (size_t i = 0; i < server->count; i++) {
        struct peer *peer = server->peers[i];

        if (polls[2 + i].revents & POLLIN)
            read_some(peer);
        else if (polls[2 + i].revents & (POLLHUP | POLLERR))
            peer->gone = true;
        if (!peer->gone)
            answer_all(server, peer, now_ms);
    }
    settle(server);
    for (size_t i = 0; i < server->count; i++)
        send_some(server->peers[i]);
    drop_gone(server);
    return !(polls[1].revents & POLLIN) || accept_all(server, err);
}

bool server_run(const struct server_options *options, struct err *err)
{
    struct server server = {.options = options};
    bool good = true;

    while (good && !server.is_stopping)
        good = turn(&server, err);
    for (size_t i = 0; i < server.count; i++)
        peer_free(server.peers[i]);
    return good;
}
