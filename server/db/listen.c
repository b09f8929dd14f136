/* A connection that only listens. A channel's function hears NULL when its LISTEN is committed:
 * from then on nothing is missed, so what the reader reads now is complete. */
#include "server/db/listen.h"

#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/log/log.h"

struct channel {
    struct db_stmt stmt;
    char *name;
    char *sql;
    db_notify_fn *fn;
    void *arg;
};

struct listener {
    struct db_conn *conn;
    struct conn_events events;
    size_t count;
    struct channel channels[DB_CHANNELS_MAX];
};

static void on_listening(const struct db_result *result, const struct err *err, void *arg)
{
    const struct channel *channel = arg;

    (void)result;
    if (err && err->code != ERR_UNAVAILABLE)
        LOG_ERROR("db.listen_failed", "channel=%s reason='%s'", channel->name, err->text);
    if (!err)
        channel->fn(NULL, channel->arg);
}

static void send_listen(struct listener *listener, struct channel *channel)
{
    conn_send(listener->conn, db_call_new(NULL, &channel->stmt, on_listening, channel)->tx);
}

static void on_up(struct db_conn *conn, void *arg)
{
    struct listener *listener = arg;

    (void)conn;
    for (size_t i = 0; i < listener->count; i++)
        send_listen(listener, &listener->channels[i]);
}

static void on_down(struct db_conn *conn, const struct err *why, void *arg)
{
    (void)conn; /* the pool's own connections tell of an outage */
    (void)why;
    (void)arg;
}

static void on_room(struct db_conn *conn, void *arg)
{
    (void)conn;
    (void)arg;
}

static void on_notify(const char *name, const char *payload, void *arg)
{
    const struct listener *listener = arg;

    for (size_t i = 0; i < listener->count; i++) {
        if (text_equal(listener->channels[i].name, name))
            listener->channels[i].fn(payload, listener->channels[i].arg);
    }
}

struct listener *listener_new(struct loop *loop, const struct conn_target *target,
                              struct stmt_set *statements)
{
    struct listener *listener = mem_alloc(sizeof(*listener));

    listener->events = (struct conn_events){.on_up = on_up,
                                            .on_down = on_down,
                                            .on_room = on_room,
                                            .on_notify = on_notify,
                                            .arg = listener};
    listener->conn = conn_new(loop, target, statements, &listener->events);
    return listener;
}

void listener_free(struct listener *listener)
{
    if (!listener)
        return;
    conn_free(listener->conn);
    for (size_t i = 0; i < listener->count; i++) {
        mem_free(listener->channels[i].sql);
        mem_free(listener->channels[i].name);
    }
    mem_free(listener);
}

void listener_add(struct listener *listener, const char *name, db_notify_fn *fn, void *arg)
{
    struct channel *channel = &listener->channels[listener->count++];

    ASSERT(listener->count <= DB_CHANNELS_MAX);
    ASSERT(name[0] != '\0' && strspn(name, "abcdefghijklmnopqrstuvwxyz_") == strlen(name));
    channel->name = mem_strdup(name);
    channel->fn = fn;
    channel->arg = arg;
    /* Names are shared by the statements of a connection, so the SQL is the name. */
    channel->sql = mem_printf("LISTEN %s", name);
    channel->stmt =
        (struct db_stmt){.name = channel->sql, .scope = DB_NO_TENANT, .sql = channel->sql};
    if (conn_is_up(listener->conn))
        send_listen(listener, channel);
}
