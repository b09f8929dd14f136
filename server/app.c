/*
 * One worker per core. All of them are opened by the main thread, so that every failure is told
 * before the server says it is ready; then each runs on its thread, worker 0 on the main one.
 *
 * Until the memory of the modules is filled the main thread turns worker 0's loop by itself;
 * only then does anybody listen.
 */
#include "server/app.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/crypto/token.h"
#include "lib/log/log.h"
#include "lib/loop/loop.h"
#include "server/artifact/store.h"
#include "server/auth/tokens.h"
#include "server/db/db.h"
#include "server/device/desk.h"
#include "server/fleet/fleet.h"
#include "server/guard/guard.h"
#include "server/http/http.h"
#include "server/http/tls.h"
#include "server/jobs/clockwork.h"
#include "server/jobs/upkeep.h"
#include "server/limits.h"
#include "server/metrics/metrics.h"
#include "server/repo/import.h"
#include "server/repo/repo.h"
#include "server/repo/signer.h"
#include "server/routes.h"
#include "server/stream/feed.h"
#include "server/stream/hub.h"
#include "server/webhook/sender.h"
#include "server/worker.h"

enum { PUBLISH_MS = 1000 };

struct app;

/* A worker as the main thread sees it. */
struct place {
    struct worker worker;
    struct app *app;
    struct http_app http; /* the front keeps a pointer to it */
    struct loop_timer *publish;
    pthread_t thread;
    bool has_thread;
};

struct app {
    const struct server_config *config;
    app_reload_fn *reload;
    void *reload_arg;
    struct tls_context *tls; /* NULL: plain HTTP */
    struct metrics *metrics;
    struct offload *offload;
    struct auth_tokens *tokens;
    struct fleet *fleet;
    struct clockwork *clockwork;
    struct repo_import *import;    /* on worker 0, at the start */
    uint8_t nonce_key[HASH_BYTES]; /* of this process: older nonces are refused, and asked again */
    struct repo *repo;
    struct artifact_store *artifacts;
    struct artifact_store *attachments;
    struct artifact_store *symbols;
    struct upkeep *upkeep; /* on worker 0 */
    struct stream_feed *feed;
    struct webhook_sender *sender; /* on worker 0 */
    char url[128];
    struct loop_signal *signals[3];
    bool is_stopping;
    unsigned count;
    struct place places[WORKERS_MAX];
};

/* --- modules that all workers share --------------------------------------------------------------
 */

/* An operator changed something, here or on another node; also after every (re)connect. */
static void on_change(const char *payload, void *arg)
{
    struct app *app = arg;

    (void)payload; /* what changed is read, not told */
    auth_tokens_load(app->tokens, app->places[0].worker.db);
    upkeep_wake(app->upkeep);
    clockwork_wake(app->clockwork);
}

static bool open_stores(struct app *app, struct err *err)
{
    const char *dir = app->config->storage_dir;
    AUTO_FREE char *attachments = mem_printf("%s/attachments", dir);
    AUTO_FREE char *symbols = mem_printf("%s/symbols", dir);

    return artifact_store_open(dir, &app->artifacts, err) &&
           artifact_store_open(attachments, &app->attachments, err) &&
           artifact_store_open(symbols, &app->symbols, err);
}

static bool open_modules(struct app *app, struct err *err)
{
    const struct server_config *config = app->config;

    app->metrics = metrics_new(app->count);
    app->tokens = auth_tokens_new();
    app->repo = repo_new();
    app->fleet = fleet_new();
    app->feed = stream_feed_new();
    crypto_random(app->nonce_key, sizeof(app->nonce_key));
    if (config->tls_certificate[0] != '\0' &&
        !tls_context_open(config->tls_certificate, config->tls_key, &app->tls, err))
        return false;
    return open_stores(app, err) && offload_open(&app->offload, err);
}

static void close_modules(struct app *app)
{
    for (unsigned i = 0; i < app->count; i++)
        stream_hub_free(app->places[i].worker.stream);
    stream_feed_free(app->feed);
    tls_context_close(app->tls);
    artifact_store_close(app->artifacts);
    artifact_store_close(app->attachments);
    artifact_store_close(app->symbols);
    repo_free(app->repo);
    fleet_free(app->fleet);
    auth_tokens_free(app->tokens);
    metrics_free(app->metrics);
}

static bool modules_are_ready(const struct app *app)
{
    return auth_tokens_ready(app->tokens) && upkeep_ready(app->upkeep) &&
           clockwork_ready(app->clockwork) && stream_feed_ready(app->feed) &&
           repo_import_ready(app->import);
}

/* Something happened, here or on another node; also after every (re)connect. */
static void on_notice(const char *payload, void *arg)
{
    struct app *app = arg;

    (void)payload;
    stream_feed_wake(app->feed);
    webhook_sender_wake(app->sender);
}

/* --- workers ------------------------------------------------------------------------------------
 */

static void publish_statement(const struct db_stmt *stmt, uint64_t sent, void *arg)
{
    const struct place *place = arg;

    metrics_publish_statement(place->app->metrics, (unsigned)place->worker.number, stmt->name,
                              sent);
}

static void publish_route(const struct http_route *route, const struct http_latency *latency,
                          void *arg)
{
    const struct place *place = arg;

    metrics_publish_route(place->app->metrics, (unsigned)place->worker.number, route->method,
                          route->path, latency);
}

static void on_publish(void *arg)
{
    struct place *place = arg;
    struct http_stats http = {0};
    struct db_stats db;

    if (place->worker.http) { /* not while the memory is being filled */
        http_server_stats(place->worker.http, &http);
        http_server_latencies(place->worker.http, publish_route, place);
    }
    db_stats(place->worker.db, &db);
    metrics_publish(place->app->metrics, (unsigned)place->worker.number,
                    (const uint64_t[METRIC_COUNT]){
                        [METRIC_CONNECTIONS] = http.connections,
                        [METRIC_OPEN] = http.open,
                        [METRIC_REQUESTS] = http.requests,
                        [METRIC_REFUSED] = http.refused,
                        [METRIC_BYTES_SENT] = http.bytes_sent,
                        [METRIC_DB_STATEMENTS] = db.sent,
                        [METRIC_DB_FAILED] = db.failed,
                        [METRIC_DB_CONNECTS] = db.connects,
                        [METRIC_DB_WAITING] = db.waiting,
                        [METRIC_DB_IN_FLIGHT] = db.in_flight,
                    });
    db_each_count(place->worker.db, publish_statement, place);
    loop_timer_set(place->publish, PUBLISH_MS);
}

static bool open_worker(struct app *app, unsigned number, struct err *err)
{
    struct place *place = &app->places[number];
    struct worker *worker = &place->worker;

    place->app = app;
    worker->number = (int)number;
    worker->config = app->config;
    worker->public_url = app->config->public_url[0] ? app->config->public_url : app->url;
    worker->offload = app->offload;
    worker->metrics = app->metrics;
    worker->tokens = app->tokens;
    worker->fleet = app->fleet;
    worker->repo = app->repo;
    worker->artifacts = app->artifacts;
    worker->attachments = app->attachments;
    worker->symbols = app->symbols;
    if (!loop_open(&worker->loop, err))
        return false;
    place->publish = loop_timer_new(worker->loop, on_publish, place);
    if (!db_open(worker->loop, app->config->database_url, DB_RUNTIME_ROLE,
                 (unsigned)app->config->database_connections, &worker->db, err))
        return false;
    if (!signer_open(worker->loop, app->config->signer_socket, &worker->signer, err))
        return false;
    worker->devices = device_desk_new(&(const struct device_desk_place){
        .loop = worker->loop,
        .db = worker->db,
        .fleet = worker->fleet,
        .nonce_key = app->nonce_key,
        .public_url = app->config->public_url,
        .is_tls = app->tls != NULL,
    });
    worker->stream = stream_hub_new(app->feed, worker->loop, worker->db, worker->tokens);
    return true;
}

/* Nothing may come to a module that is gone: no more requests, then the end of what runs in the
 * background, then of what waits for the database, then for the signer. */
static void close_workers(struct app *app)
{
    for (unsigned i = 0; i < app->count; i++)
        http_server_close(app->places[i].worker.http);
    offload_close(app->offload);
    for (unsigned i = 0; i < app->count; i++) {
        if (app->places[i].worker.loop)
            loop_flush(app->places[i].worker.loop);
        db_close(app->places[i].worker.db);
    }
    for (unsigned i = 0; i < app->count; i++)
        signer_close(app->places[i].worker.signer);
    repo_import_free(app->import);
    upkeep_free(app->upkeep);
    clockwork_free(app->clockwork);
    webhook_sender_close(app->sender);
    stream_feed_stop(app->feed);
    for (unsigned i = 0; i < app->count; i++) {
        stream_hub_stop(app->places[i].worker.stream);
        device_desk_free(app->places[i].worker.devices);
        loop_timer_free(app->places[i].publish);
        if (app->places[i].worker.loop)
            loop_close(app->places[i].worker.loop);
    }
}

static bool fill_memory(struct app *app, struct err *err)
{
    struct worker *first = &app->places[0].worker;
    int64_t deadline_ms = clock_mono_ms() + START_MS_MAX;

    app->upkeep = upkeep_new(first, &(const struct upkeep_options){
                                        .deltagen = app->config->deltagen,
                                        .symbolize = app->config->symbolize,
                                        .delta_devices = app->config->delta_devices,
                                        .delta_memory = app->config->delta_memory,
                                        .report_days = (int64_t)app->config->report_days,
                                        .attachment_days = (int64_t)app->config->attachment_days,
                                    });
    app->clockwork = clockwork_new(first);
    app->import = repo_import_new(first->loop, first->db, first->signer);
    db_listen(first->db, "slipway_change", on_change, app);
    stream_feed_start(app->feed, first->loop, first->db);
    if (!webhook_sender_open(first->loop, first->db, app->config->webhook_private, &app->sender,
                             err))
        return false;
    db_listen(first->db, "slipway_notice", on_notice, app);
    loop_timer_set(app->places[0].publish, 0); /* the loop turns at least once a second */
    while (!modules_are_ready(app)) {
        if (clock_mono_ms() > deadline_ms)
            return err_set(err, ERR_UNAVAILABLE, "the %s did not answer within %d ms",
                           repo_import_ready(app->import) ? "database" : "database or the signer",
                           START_MS_MAX);
        loop_turn(first->loop);
    }
    return true;
}

static bool listen_all(struct app *app, struct err *err)
{
    unsigned port = (unsigned)app->config->listen_port;

    for (unsigned i = 0; i < app->count; i++) {
        struct place *place = &app->places[i];
        struct worker *worker = &place->worker;
        const struct http_options options = {.address = app->config->listen_address,
                                             .port = port,
                                             .tls = app->tls,
                                             .worker = worker->number};

        place->http = (struct http_app){.route_tables = route_tables,
                                        .route_counts = route_counts,
                                        .app = worker,
                                        .authenticate = routes_authenticate,
                                        .before = guard_before,
                                        .on_not_found = routes_not_found};
        if (!http_server_open(worker->loop, &options, &place->http, &worker->http, err))
            return false;
        port = http_server_port(worker->http); /* all on the one that the first was given */
    }
    return true;
}

static void format_url(struct app *app)
{
    const char *address = app->config->listen_address;
    bool is_any = strcmp(address, "0.0.0.0") == 0 || strcmp(address, "::") == 0;
    bool is_v6 = !is_any && strchr(address, ':');

    (void)snprintf(app->url, sizeof(app->url), "%s://%s%s%s:%u", app->tls ? "https" : "http",
                   is_v6 ? "[" : "", is_any ? "127.0.0.1" : address, is_v6 ? "]" : "",
                   http_server_port(app->places[0].worker.http)); /* an address is short */
}

static void *run_worker(void *arg)
{
    struct place *place = arg;

    loop_timer_set(place->publish, 0);
    loop_run(place->worker.loop);
    return NULL;
}

/* Signals are the main thread's; the others are born with all of them blocked. */
static bool start_threads(struct app *app, struct err *err)
{
    int failure = 0;
    sigset_t all;
    sigset_t old;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &old);
    for (unsigned i = 1; i < app->count && failure == 0; i++) {
        struct place *place = &app->places[i];

        failure = pthread_create(&place->thread, NULL, run_worker, place);
        place->has_thread = failure == 0;
    }
    (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
    errno = failure;
    return failure == 0 || err_system(err, "could not start a worker's thread");
}

static void join_threads(struct app *app)
{
    for (unsigned i = 1; i < app->count; i++) {
        if (app->places[i].has_thread)
            (void)pthread_join(app->places[i].thread, NULL);
        app->places[i].has_thread = false;
    }
}

static unsigned count_workers(const struct server_config *config)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);

    if (config->workers > 0)
        return (unsigned)config->workers;
    if (cores < 1)
        return 1;
    return cores > WORKERS_MAX ? WORKERS_MAX : (unsigned)cores;
}

static bool open_all(struct app *app, struct err *err)
{
    if (!open_modules(app, err))
        return false;
    for (unsigned i = 0; i < app->count; i++) {
        if (!open_worker(app, i, err))
            return false;
    }
    if (!fill_memory(app, err) || !listen_all(app, err))
        return false;
    format_url(app);
    return start_threads(app, err);
}

bool app_open(const struct server_config *config, app_reload_fn *reload, void *reload_arg,
              struct app **out, struct err *err)
{
    struct app *app = mem_alloc(sizeof(*app));

    app->config = config;
    app->reload = reload;
    app->reload_arg = reload_arg;
    app->count = count_workers(config);
    if (!open_all(app, err)) {
        app_close(app);
        return false;
    }
    *out = app;
    return true;
}

void app_close(struct app *app)
{
    if (!app)
        return;
    for (unsigned i = 1; i < app->count; i++) {
        if (app->places[i].has_thread)
            loop_stop(app->places[i].worker.loop);
    }
    join_threads(app);
    close_workers(app);
    close_modules(app);
    mem_free(app);
}

const char *app_url(const struct app *app)
{
    return app->url;
}

/* --- running and stopping ----------------------------------------------------------------------
 */

static void on_drained(void *arg)
{
    struct place *place = arg;

    loop_stop(place->worker.loop);
}

static void on_drain(void *arg)
{
    struct place *place = arg;

    http_server_drain(place->worker.http, (int64_t)place->app->config->drain_s * 1000, on_drained,
                      place);
}

static void on_stop_signal(int number, void *arg)
{
    struct app *app = arg;

    if (app->is_stopping)
        return;
    app->is_stopping = true;
    LOG_INFO("server.stopping", "signal=%d", number);
    for (unsigned i = 0; i < app->count; i++)
        loop_post(app->places[i].worker.loop, on_drain, &app->places[i]);
}

static void on_reload_signal(int number, void *arg)
{
    const struct app *app = arg;
    struct server_config fresh;
    enum log_level level;
    struct err err;

    (void)number;
    if (!app->reload(&fresh, app->reload_arg, &err)) {
        LOG_ERROR("server.reload_failed", "reason='%s'", err.text);
        return;
    }
    if (log_level_parse(fresh.log_level, &level))
        log_set_level(level);
    server_config_done(&fresh);
    if (app->tls && !tls_context_reload(app->tls, &err)) {
        LOG_ERROR("server.reload_failed", "reason='%s'", err.text);
        return;
    }
    LOG_INFO("server.reloaded", "tls=%s", app->tls ? "yes" : "no");
}

static void let_stop_signals_through(void)
{
    sigset_t held;

    (void)sigemptyset(&held);
    (void)sigaddset(&held, SIGTERM);
    (void)sigaddset(&held, SIGINT);
    (void)pthread_sigmask(SIG_UNBLOCK, &held, NULL);
}

/* Last-seen times that were still to be written. Nobody changes them any more: behind the batch
 * that may be on its way already there is one round to go. */
static void flush_seen(const struct app *app)
{
    int64_t deadline_mono_ms = clock_mono_ms() + STOP_MS_MAX;

    for (int round = 0; round < 2; round++) {
        fleet_flush_seen(app->fleet);
        while (fleet_is_flushing(app->fleet) && clock_mono_ms() < deadline_mono_ms)
            loop_turn(app->places[0].worker.loop); /* at least once a second: see on_publish() */
    }
}

void app_run(struct app *app)
{
    struct loop *loop = app->places[0].worker.loop;

    app->signals[0] = loop_signal_new(loop, SIGTERM, on_stop_signal, app);
    app->signals[1] = loop_signal_new(loop, SIGINT, on_stop_signal, app);
    app->signals[2] = loop_signal_new(loop, SIGHUP, on_reload_signal, app);
    let_stop_signals_through();
    (void)run_worker(&app->places[0]);
    join_threads(app);
    flush_seen(app);
    for (size_t i = 0; i < COUNT(app->signals); i++)
        loop_signal_free(app->signals[i]);
}
