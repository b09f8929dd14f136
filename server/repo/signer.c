/*
 * A call is one or more requests; its answers come one by one, in the order in which the requests
 * were sent. The list of calls is the order; the first of them is the one being answered.
 *
 * Calls that were not sent yet wait while the connection is made, for a short time: a signer that
 * is started again is no error then. Calls that were sent fail with the connection.
 */
#include "server/repo/signer.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/list.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/log/log.h"
#include "lib/loop/loop.h"
#include "lib/os/unix.h"
#include "server/limits.h"

enum { READ_BYTES = 64 << 10, INPUT_BYTES_MAX = SIGNER_FRAME_BYTES_MAX + READ_BYTES };

struct call {
    struct list link;
    enum signer_op op;
    struct buf frames; /* not sent yet */
    size_t count;      /* requests */
    size_t answered;
    int64_t deadline_mono_ms;
    struct err err; /* the first refusal */
    struct signer_keys keys;
    struct signer_signature *signatures;
    signer_done_fn *signed_fn;
    signer_keys_fn *keys_fn;
    signer_imported_fn *imported_fn; /* NULL: nobody waits */
    void *arg;
};

struct signer {
    struct loop *loop;
    char *path;
    int fd; /* -1: not connected */
    struct loop_event *event;
    struct loop_timer *timer; /* the next attempt, and the deadlines */
    struct buf in;
    struct buf out;
    struct list waiting; /* not sent: there is no connection */
    struct list sent;    /* in the order of their answers */
    struct list ended;   /* `done` is still to run */
    bool ending;         /* loop_later() was asked */
    bool closed;
};

static loop_fn on_timer;

bool signer_open(struct loop *loop, const char *socket_path, struct signer **out, struct err *err)
{
    struct signer *signer;

    if (socket_path[0] == '\0' || text_ends_with(socket_path, "/"))
        return err_set(err, ERR_INVALID, "'%s' cannot be a socket's name", socket_path);
    signer = mem_alloc(sizeof(*signer));
    signer->loop = loop;
    signer->path = mem_strdup(socket_path);
    signer->fd = -1;
    signer->timer = loop_timer_new(loop, on_timer, signer);
    buf_init(&signer->in, INPUT_BYTES_MAX);
    buf_init(&signer->out, SIGNER_QUEUE_BYTES_MAX);
    list_init(&signer->waiting);
    list_init(&signer->sent);
    list_init(&signer->ended);
    *out = signer;
    return true;
}

/* --- calls -------------------------------------------------------------------------------------
 */

static struct call *call_new(enum signer_op op, size_t count, void *arg)
{
    struct call *call = mem_alloc(sizeof(*call));

    list_init(&call->link);
    call->op = op;
    call->count = count;
    call->arg = arg;
    call->deadline_mono_ms = clock_mono_ms() + SIGNER_WAIT_MS_MAX;
    buf_init(&call->frames, SIGNER_QUEUE_BYTES_MAX);
    return call;
}

static void call_free(struct call *call)
{
    buf_done(&call->frames);
    mem_free(call->signatures);
    mem_free(call);
}

static void call_tell(const struct call *call)
{
    const struct err *err = call->err.code == ERR_NONE ? NULL : &call->err;

    if (call->signed_fn)
        call->signed_fn(err ? NULL : call->signatures, err ? 0 : call->count, err, call->arg);
    else if (call->keys_fn)
        call->keys_fn(err ? NULL : &call->keys, err, call->arg);
    else if (call->imported_fn)
        call->imported_fn(err, call->arg);
    else if (err)
        LOG_WARNING("repo.signer_not_told", "error=%s", err->text);
}

static void tell_ended(struct signer *signer)
{
    struct list *link;

    while ((link = list_pop(&signer->ended))) {
        struct call *call = LIST_OF(link, struct call, link);

        call_tell(call);
        call_free(call);
    }
}

static void free_signer(struct signer *signer)
{
    loop_timer_free(signer->timer);
    buf_done(&signer->in);
    buf_done(&signer->out);
    mem_free(signer->path);
    mem_free(signer);
}

static void on_ended(void *arg)
{
    struct signer *signer = arg;

    signer->ending = false;
    if (signer->closed)
        free_signer(signer);
    else
        tell_ended(signer);
}

/* `done` never runs inside the call that it answers. */
static void call_end(struct signer *signer, struct call *call)
{
    list_remove(&call->link);
    list_add(&signer->ended, &call->link);
    if (!signer->ending)
        loop_later(signer->loop, on_ended, signer);
    signer->ending = true;
}

static void call_fail(struct signer *signer, struct call *call, const struct err *err)
{
    call->err = *err;
    call_end(signer, call);
}

static void fail_all(struct signer *signer, struct list *calls, const struct err *err)
{
    LIST_EACH(link, calls)
    call_fail(signer, LIST_OF(link, struct call, link), err);
}

/* --- answers -----------------------------------------------------------------------------------
 */

static void disconnect(struct signer *signer, const struct err *err)
{
    loop_event_free(signer->event);
    signer->event = NULL;
    cleanup_close(&signer->fd);
    signer->fd = -1;
    buf_reset(&signer->in);
    buf_reset(&signer->out);
    fail_all(signer, &signer->sent, err);
}

/* Every answer is of the first request that has none. */
static bool take_answer(struct signer *signer, const struct signer_answer *answer)
{
    struct call *call = LIST_OF(signer->sent.next, struct call, link);

    if (list_is_empty(&signer->sent) || (!answer->refused && answer->op != call->op))
        return false;
    if (answer->refused && call->err.code == ERR_NONE)
        call->err = answer->err;
    else if (answer->op == SIGNER_SIGN)
        call->signatures[call->answered] = answer->signature;
    else if (answer->op == SIGNER_KEYS || answer->op == SIGNER_NEXT)
        call->keys = answer->keys;
    if (++call->answered == call->count)
        call_end(signer, call);
    return true;
}

static bool take_answers(struct signer *signer, struct err *err)
{
    size_t used = 0;
    size_t len;
    bool whole;

    for (;;) {
        struct signer_answer answer;

        if (!signer_frame_find(signer->in.data + used, signer->in.len - used, &whole, &len, err))
            return false;
        if (!whole)
            break;
        if (!signer_answer_parse(signer->in.data + used + 4, len, &answer, err))
            return false;
        if (!take_answer(signer, &answer))
            return err_set(err, ERR_UNAVAILABLE, "the signer answered what nobody asked");
        used += 4 + len;
    }
    buf_consume(&signer->in, used);
    return true;
}

static bool receive(struct signer *signer, struct err *err)
{
    uint8_t *at = buf_reserve(&signer->in, READ_BYTES);
    ssize_t len;

    ASSERT(at); /* whole answers were taken out before */
    len = recv(signer->fd, at, READ_BYTES, 0);
    if (len < 0 && (errno == EAGAIN || errno == EINTR))
        return true;
    if (len <= 0)
        return err_set(err, ERR_UNAVAILABLE, "the connection to the signer was lost");
    signer->in.len += (size_t)len;
    return take_answers(signer, err);
}

/* --- the connection ----------------------------------------------------------------------------
 */

static bool transmit(struct signer *signer, struct err *err)
{
    ssize_t len;

    if (signer->out.len > 0) {
        len = send(signer->fd, signer->out.data, signer->out.len, MSG_NOSIGNAL);
        if (len < 0 && errno != EAGAIN && errno != EINTR)
            return err_set(err, ERR_UNAVAILABLE, "the connection to the signer was lost");
        if (len > 0)
            buf_consume(&signer->out, (size_t)len);
    }
    loop_event_set(signer->event, LOOP_READ | (signer->out.len > 0 ? LOOP_WRITE : 0));
    return true;
}

static void on_socket(int fd, int what, void *arg)
{
    struct signer *signer = arg;
    struct err err = {0};

    (void)fd;
    if (((what & LOOP_READ) && !receive(signer, &err)) ||
        ((what & LOOP_WRITE) && !transmit(signer, &err))) {
        err.code = ERR_UNAVAILABLE;
        disconnect(signer, &err);
    }
}

static void send_call(struct signer *signer, struct call *call)
{
    struct err err;

    buf_add(&signer->out, call->frames.data, call->frames.len);
    if (signer->out.failed) {
        signer->out.failed = false; /* nothing of it was added */
        (void)err_set(&err, ERR_UNAVAILABLE, "too much waits for the signer");
        call_fail(signer, call, &err);
        return;
    }
    buf_done(&call->frames);
    list_remove(&call->link);
    list_add(&signer->sent, &call->link);
    call->deadline_mono_ms = clock_mono_ms() + SIGNER_ANSWER_MS_MAX;
    loop_timer_set(signer->timer, SIGNER_ANSWER_MS_MAX);
}

static void send_waiting(struct signer *signer)
{
    struct err err;

    LIST_EACH(link, &signer->waiting)
    send_call(signer, LIST_OF(link, struct call, link));
    if (!transmit(signer, &err))
        disconnect(signer, &err);
}

/* Connected at once or not at all; then it is tried again while somebody waits. */
static void connect_now(struct signer *signer)
{
    int64_t now_ms = clock_mono_ms();
    struct err err = {0};

    if (unix_connect(signer->path, &signer->fd, &err)) {
        signer->event = loop_event_new(signer->loop, signer->fd, LOOP_READ, on_socket, signer);
        send_waiting(signer);
        return;
    }
    err.code = ERR_UNAVAILABLE;
    (void)err_wrap(&err, "the signer is not there");
    LIST_EACH(link, &signer->waiting)
    {
        struct call *call = LIST_OF(link, struct call, link);

        if (call->deadline_mono_ms <= now_ms)
            call_fail(signer, call, &err);
    }
    if (!list_is_empty(&signer->waiting))
        loop_timer_set(signer->timer, SIGNER_RETRY_MS);
}

static bool is_late(const struct signer *signer)
{
    const struct call *first = LIST_OF(signer->sent.next, struct call, link);

    return !list_is_empty(&signer->sent) && first->deadline_mono_ms <= clock_mono_ms();
}

static void on_timer(void *arg)
{
    struct signer *signer = arg;
    struct err err;

    if (is_late(signer)) {
        (void)err_set(&err, ERR_UNAVAILABLE, "the signer does not answer");
        disconnect(signer, &err);
    } else if (!list_is_empty(&signer->sent)) {
        loop_timer_set(signer->timer, SIGNER_ANSWER_MS_MAX);
    }
    if (signer->fd < 0 && !list_is_empty(&signer->waiting))
        connect_now(signer);
}

static void call_start(struct signer *signer, struct call *call)
{
    struct err err;

    if (signer->closed) { /* asked by what was just told so */
        (void)err_set(&err, ERR_UNAVAILABLE, "the server is stopping");
        call_fail(signer, call, &err);
        return;
    }
    list_add(&signer->waiting, &call->link);
    if (signer->fd >= 0)
        send_waiting(signer);
    else
        connect_now(signer);
}

void signer_close(struct signer *signer)
{
    struct err err;

    if (!signer)
        return;
    signer->closed = true;
    (void)err_set(&err, ERR_UNAVAILABLE, "the server is stopping");
    disconnect(signer, &err);
    fail_all(signer, &signer->waiting, &err);
    tell_ended(signer);
    if (!signer->ending)
        free_signer(signer);
}

/* --- requests ----------------------------------------------------------------------------------
 */

/* False: the request cannot be one, and the call failed. */
static bool add_request(struct signer *signer, struct call *call, const struct signer_ask *ask)
{
    struct err err;

    if (ask->len <= SIGNER_DATA_BYTES_MAX)
        signer_ask_format(ask, &call->frames);
    if (ask->len <= SIGNER_DATA_BYTES_MAX && !call->frames.failed)
        return true;
    (void)err_set(&err, ERR_LIMIT, "a document of %zu bytes is too long for the signer", ask->len);
    call_fail(signer, call, &err);
    return false;
}

static struct signer_ask ask_of(enum signer_op op, const char *tenant, const void *data, size_t len)
{
    struct signer_ask ask = {.op = op, .data = data, .len = len};

    ASSERT(text_copy(ask.tenant, sizeof(ask.tenant), tenant)); /* as the schema has it */
    return ask;
}

void signer_sign(struct signer *signer, const struct signer_request *requests, size_t count,
                 signer_done_fn *done, void *arg)
{
    struct call *call = call_new(SIGNER_SIGN, count, arg);

    ASSERT(count > 0);
    call->signed_fn = done;
    call->signatures = mem_array(count, sizeof(struct signer_signature));
    for (size_t i = 0; i < count; i++) {
        struct signer_ask ask =
            ask_of(SIGNER_SIGN, requests[i].tenant, requests[i].data, requests[i].len);

        ask.label = requests[i].label;
        ASSERT(text_copy(ask.device, sizeof(ask.device), requests[i].device));
        ASSERT(!requests[i].keyid || text_copy(ask.keyid, sizeof(ask.keyid), requests[i].keyid));
        if (!add_request(signer, call, &ask))
            return;
    }
    call_start(signer, call);
}

/* A call of one request. */
static void start_one(struct signer *signer, struct call *call, const struct signer_ask *ask)
{
    if (add_request(signer, call, ask))
        call_start(signer, call);
}

void signer_keys(struct signer *signer, const char *tenant, signer_keys_fn *done, void *arg)
{
    struct call *call = call_new(SIGNER_KEYS, 1, arg);
    const struct signer_ask ask = ask_of(SIGNER_KEYS, tenant, NULL, 0);

    call->keys_fn = done;
    start_one(signer, call, &ask);
}

void signer_next(struct signer *signer, const char *tenant, enum signer_label label,
                 signer_keys_fn *done, void *arg)
{
    struct call *call = call_new(SIGNER_NEXT, 1, arg);
    struct signer_ask ask = ask_of(SIGNER_NEXT, tenant, NULL, 0);

    ask.label = label;
    call->keys_fn = done;
    start_one(signer, call, &ask);
}

void signer_import(struct signer *signer, const char *tenant, enum signer_label label,
                   const uint8_t seed[32], signer_imported_fn *done, void *arg)
{
    struct call *call = call_new(SIGNER_IMPORT, 1, arg);
    struct signer_ask ask = ask_of(SIGNER_IMPORT, tenant, seed, SIGNER_SEED_BYTES);

    ask.label = label;
    call->imported_fn = done;
    start_one(signer, call, &ask);
}

void signer_published(struct signer *signer, const char *tenant, const void *snapshot, size_t len)
{
    struct call *call = call_new(SIGNER_PUBLISHED, 1, NULL);
    const struct signer_ask ask = ask_of(SIGNER_PUBLISHED, tenant, snapshot, len);

    start_one(signer, call, &ask);
}
