/*
 * How long the dashboard's answers take at a million devices while reports commit: the real server
 * (slipwayd --dev) with a private PostgreSQL, a fleet of rows made by SQL, requests end to end over
 * loopback on one kept connection. Everything is made in a folder of its own and deleted
 * afterwards.
 *
 *     dashboard BUILD [DEVICES]
 *
 * The ratio is against GET /healthz over the same connection in the same run: what a request costs
 * that asks nobody.
 */
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/json/json.h"
#include "lib/os/file.h"
#include "lib/os/spawn.h"
#include "server/db/sync.h"

enum { DEVICES = 1000000, ROUNDS = 400, CREATIONS = 40, REPORTERS = 64, START_MS = 300000 };
enum { ANSWER_BYTES_MAX = 8 << 20 };

struct bench {
    const char *build;
    char dir[64];
    long devices;
    pid_t server;
    unsigned port;
    char *token;
    char *database;
    char *group;       /* public ids */
    char *other_group; /* of a tenth of the fleet */
    char *empty_group;
    char *product;
    char *release;
    char *deployment;
    atomic_bool is_over;
    _Atomic uint64_t reports;
};

static void check(bool good, const struct err *err)
{
    if (good)
        return;
    (void)fprintf(stderr, "bench: %s\n", err->text);
    exit(1);
}

static void require(bool good, const char *what)
{
    if (good)
        return;
    (void)fprintf(stderr, "bench: %s\n", what);
    exit(1);
}

/* --- a server -----------------------------------------------------------------------------------
 */

static bool read_dev(struct bench *bench)
{
    AUTO_FREE char *path = mem_printf("%s/var/dev.json", bench->dir);
    AUTO_JSON *dev = json_load_file(path, 0, NULL);
    const char *url = json_string_value(json_object_get(dev, "url"));

    if (!url || json_integer_value(json_object_get(dev, "pid")) != bench->server)
        return false;
    mem_free(bench->token);
    mem_free(bench->database);
    bench->port = (unsigned)strtoul(strrchr(url, ':') + 1, NULL, 10);
    bench->token = mem_strdup(json_string_value(json_object_get(dev, "token")));
    bench->database = mem_strdup(json_string_value(json_object_get(dev, "database")));
    return true;
}

static void pause_ms(unsigned ms)
{
    const struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};

    (void)nanosleep(&time, NULL);
}

static void start(struct bench *bench)
{
    AUTO_FREE char *program = mem_printf("%s/slipwayd", bench->build);
    AUTO_FREE char *dir = mem_printf("%s/var", bench->dir);
    const char *const argv[] = {program, "--dev", "--dir", dir, NULL};
    const char *const env[] = {"SLIPWAY_LISTEN_PORT=0", "SLIPWAY_LOG_LEVEL=warning", NULL};
    const struct spawn_options options = {.output_fd = -1, .ends_with_us = true, .extra_env = env};
    int64_t deadline_ms = clock_mono_ms() + START_MS;
    struct err err;

    check(spawn_start(argv, &options, &bench->server, &err), &err);
    while (!read_dev(bench)) {
        require(clock_mono_ms() < deadline_ms, "the server did not start");
        pause_ms(100);
    }
}

static void stop(const struct bench *bench)
{
    (void)kill(bench->server, SIGTERM);
    (void)waitpid(bench->server, NULL, 0);
}

/* --- a fleet ------------------------------------------------------------------------------------
 */

static const char setup[] =
    "INSERT INTO product (tenant_id, name, hwids) SELECT id, 'board', '{board}' FROM tenant LIMIT "
    "1;"
    "INSERT INTO device_group (tenant_id, product_id, name, poll_interval_s)"
    " SELECT p.tenant_id, p.id, n, 300 FROM product p,"
    "        unnest(ARRAY['production', 'field-test', 'spare', 'development']) AS n;"
    "INSERT INTO component (tenant_id, product_id, type, name)"
    " SELECT tenant_id, id, 'os', 'os' FROM product;"
    "INSERT INTO image (tenant_id, component_id, sha256, length, path, version, hwids,"
    "                   release_counter, security_epoch, floor, stepping_stone)"
    " SELECT c.tenant_id, c.id, sha256(('image-' || n)::bytea), 400000000, 'os/board/v' || n,"
    "        'v' || n, '{board}', n, 1, 0, 0 FROM component c, generate_series(1, 12) AS n;"
    "INSERT INTO release (tenant_id, product_id, name, deltas_planned_at)"
    " SELECT p.tenant_id, p.id, 'v' || n, now() FROM product p, generate_series(1, 12) AS n;"
    "INSERT INTO release_image (release_id, image_id, tenant_id)"
    " SELECT r.id, i.id, r.tenant_id FROM release r JOIN image i ON i.version = r.name;"
    "INSERT INTO delta (tenant_id, from_image_id, to_image_id, state)" /* there are no files */
    " SELECT f.tenant_id, f.id, t.id, 'dropped' FROM image f JOIN image t ON t.id <> f.id;"
    "INSERT INTO deployment (public_id, tenant_id, group_id, release_id, state, salt, gate)"
    " SELECT gen_random_uuid(), g.tenant_id, g.id, r.id, 'paused', 'salt',"
    "        '{\"install\":null,\"health\":null,\"silence\":null,\"threshold\":null}'"
    "   FROM device_group g JOIN release r ON r.name = 'v12' WHERE g.name = 'production';"
    "INSERT INTO deployment_phase (deployment_id, phase, tenant_id, share_milli)"
    " SELECT d.id, n, d.tenant_id, (ARRAY[1000, 10000, 50000, 100000])[n]"
    "   FROM deployment d, generate_series(1, 4) AS n";

/* 90 % of the devices in one group; hashes, so that places and indexes are as real ones. */
static const char devices[] =
    "INSERT INTO device (tenant_id, device_id, public_key, group_id, claim_token_id, hwid,"
    "                    installed, attributes)"
    " SELECT g.tenant_id, sha256(('device-' || n)::bytea), sha256(('device-' || n)::bytea), g.id,"
    "        NULL, 'board', ARRAY[sha256(('image-' || 1 + n %% 11)::bytea)],"
    "        jsonb_build_object('site', n %% 1000)"
    "   FROM generate_series(1, %ld) AS n"
    "   JOIN device_group g ON g.name = CASE WHEN n %% 10 = 0 THEN 'field-test'"
    "                                        ELSE 'production' END";

static const char rows[] =
    "INSERT INTO device_seen (device_id, tenant_id, seen_at)"
    " SELECT id, tenant_id, now() - (id % 3) * interval '10 minutes' FROM device;"
    "INSERT INTO device_session (digest, tenant_id, device_id, expires_at)"
    " SELECT sha256(('session-' || v.n)::bytea), v.tenant_id, v.id, now() + interval '1 day'"
    "   FROM (SELECT row_number() OVER (ORDER BY id) AS n, id, tenant_id FROM device"
    "          ORDER BY id LIMIT 64) AS v;"
    "INSERT INTO deployment_device (deployment_id, device_id, tenant_id, phase, state, stratum,"
    "                               image_id)"
    " SELECT d.id, v.id, v.tenant_id, 4, CASE v.id % 5 WHEN 0 THEN 'offered' WHEN 1 THEN 'staged'"
    "        ELSE 'downloading' END, 1 + v.id % 11, i.id"
    "   FROM deployment d JOIN device v ON v.group_id = d.group_id JOIN image i ON i.version = "
    "'v12';"
    "INSERT INTO deployment_counter (deployment_id, phase, state, tenant_id, n)"
    " SELECT deployment_id, phase, state, min(tenant_id), count(*) FROM deployment_device"
    "  GROUP BY deployment_id, phase, state;"
    "INSERT INTO deployment_stratum (deployment_id, stratum, tenant_id, hwid, source, granted)"
    " SELECT deployment_id, stratum, min(tenant_id), 'board',"
    "        sha256(('image-' || stratum)::bytea), count(*) FROM deployment_device GROUP BY 1, 2;"
    "INSERT INTO deployment_history (deployment_id, at, tenant_id, phase, state, counters, strata)"
    " SELECT d.id, date_trunc('minute', now()) - n * interval '1 minute', d.tenant_id, 4, "
    "'running',"
    "        (SELECT jsonb_build_object('4', jsonb_object_agg(c.state, c.n)) FROM "
    "deployment_counter c"
    "          WHERE c.deployment_id = d.id), '[]'"
    "   FROM deployment d, generate_series(1, 1440) AS n"
    " ON CONFLICT DO NOTHING;" /* the server writes its own meanwhile */
    "INSERT INTO version_count (group_id, at, tenant_id, counts, classes)"
    " SELECT g.id, date_bin('10 minutes', now(), '2000-01-01Z') - n * interval '10 minutes',"
    "        g.tenant_id, (SELECT jsonb_object_agg(encode(sha256, 'hex'), n + release_counter)"
    "                        FROM image), jsonb_build_object('online', 1000 + n, 'quiet', n)"
    "   FROM device_group g, generate_series(1, 4320) AS n"
    "  WHERE g.name IN ('production', 'field-test') ON CONFLICT DO NOTHING;"
    "INSERT INTO traffic_day (group_id, day, tenant_id, sent, saved)"
    " SELECT g.id, current_date - n, g.tenant_id, 10000000000 + n, 90000000000 + n"
    "   FROM device_group g, generate_series(0, 365) AS n;"
    "INSERT INTO issue (tenant_id, product_id, signature, category, class, component, title,"
    "                   first_seen, last_seen, count, devices)"
    " SELECT p.tenant_id, p.id, sha256(('issue-' || n)::bytea), 'app-crash', 'app', 'pump',"
    "        'pump died ' || n, now() - interval '9 days', now(), n * 10, n"
    "   FROM product p, generate_series(1, 500) AS n;"
    "INSERT INTO issue_day (day, tenant_id, signature, count)"
    " SELECT current_date - n, s.tenant_id, s.signature, s.count / 10"
    "   FROM issue s, generate_series(0, 13) AS n";

static char *text_of(struct db_sync *sync, const char *sql)
{
    const struct db_result *result;
    struct err err;

    check(db_sync_query(sync, sql, NULL, 0, &result, &err), &err);
    require(db_rows(result) == 1, sql);
    return mem_strdup(db_text(result, 0, 0));
}

static void fill(struct bench *bench)
{
    AUTO_DB_SYNC *sync = NULL;
    AUTO_FREE char *insert = mem_printf(devices, bench->devices);
    struct err err;

    check(db_sync_open(bench->database, &sync, &err), &err);
    check(db_sync_run(sync, "SET synchronous_commit = off", &err), &err);
    check(db_sync_run(sync, setup, &err), &err);
    check(db_sync_run(sync, insert, &err), &err);
    check(db_sync_run(sync, rows, &err), &err);
    check(db_sync_run(sync, "VACUUM (ANALYZE)", &err), &err);
    bench->product = text_of(sync, "SELECT public_id::text FROM product");
    bench->group =
        text_of(sync, "SELECT public_id::text FROM device_group WHERE name = 'production'");
    bench->other_group =
        text_of(sync, "SELECT public_id::text FROM device_group WHERE name = 'field-test'");
    bench->empty_group =
        text_of(sync, "SELECT public_id::text FROM device_group WHERE name = 'spare'");
    bench->release = text_of(sync, "SELECT public_id::text FROM release WHERE name = 'v12'");
    bench->deployment = text_of(sync, "SELECT public_id::text FROM deployment");
}

/* --- requests -----------------------------------------------------------------------------------
 */

struct peer {
    int fd;
    struct buf in;
};

static void peer_open(struct peer *peer, const struct bench *bench)
{
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_port = htons((uint16_t)bench->port),
                                        .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int on = 1;

    peer->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    require(connect(peer->fd, (const struct sockaddr *)&address, sizeof(address)) == 0, "connect");
    require(setsockopt(peer->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0, "nodelay");
    buf_init(&peer->in, ANSWER_BYTES_MAX);
}

static void peer_close(struct peer *peer)
{
    (void)close(peer->fd);
    buf_done(&peer->in);
}

static void receive(struct peer *peer)
{
    uint8_t *room = buf_reserve(&peer->in, 65536);
    ssize_t len;

    require(room != NULL, "an answer is too long");
    len = recv(peer->fd, room, 65536, 0);
    require(len > 0, "the server hung up");
    peer->in.len += (size_t)len;
    room[len] = '\0';
}

/* The status; the body is left in peer->in. */
static int ask(struct peer *peer, const char *method, const char *path, const char *token,
               const char *body)
{
    AUTO_FREE char *request =
        mem_printf("%s %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n"
                   "Content-Length: %zu\r\n\r\n%s",
                   method, path, token, strlen(body), body);
    const char *end;
    const char *length;
    size_t whole;
    int status;

    buf_reset(&peer->in);
    require(send(peer->fd, request, strlen(request), MSG_NOSIGNAL) == (ssize_t)strlen(request),
            "send");
    while (peer->in.len == 0 || !(end = strstr(buf_text(&peer->in), "\r\n\r\n")))
        receive(peer);
    length = strstr(buf_text(&peer->in), "Content-Length: ");
    require(length && length < end, "an answer without a length");
    whole = (size_t)(end - buf_text(&peer->in)) + 4 + strtoul(length + 16, NULL, 10);
    while (peer->in.len < whole)
        receive(peer);
    status = (int)strtol(buf_text(&peer->in) + 9, NULL, 10);
    return status;
}

/* --- reports ------------------------------------------------------------------------------------
 */

static void *report(void *arg)
{
    struct bench *bench = arg;
    struct peer peer;
    char now[TEXT_TIME_ROOM];

    peer_open(&peer, bench);
    for (unsigned seq = 1; !atomic_load(&bench->is_over); seq++) {
        for (unsigned device = 1; device <= REPORTERS && !atomic_load(&bench->is_over); device++) {
            AUTO_FREE char *token = mem_printf("session-%u", device);
            AUTO_FREE char *body = NULL;

            text_from_time(clock_now_ms(), now);
            body = mem_printf("{\"epoch\":\"00112233445566778899aabbccddeeff\",\"seq\":%u,"
                              "\"event\":{\"category\":\"custom\",\"class\":\"app\","
                              "\"component\":\"pump\",\"count\":1,\"start\":\"%s\","
                              "\"end\":\"%s\"}}",
                              seq, now, now);
            require(ask(&peer, "POST", "/device/v1/report", token, body) == 200,
                    "a report was refused");
            (void)atomic_fetch_add(&bench->reports, 1);
        }
    }
    peer_close(&peer);
    return NULL;
}

/* --- measuring ----------------------------------------------------------------------------------
 */

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;

    return x < y ? -1 : x > y;
}

/* Prints p50 and p99; returns p50 in microseconds. */
static int64_t print_times(const char *what, int64_t *times_us, size_t count, int64_t plain_us,
                           double goal_ms)
{
    int64_t p50;
    int64_t p99;

    qsort(times_us, count, sizeof(*times_us), compare);
    p50 = times_us[count / 2];
    p99 = times_us[count * 99 / 100];
    (void)printf("%-28s %8.2f %8.2f %8.1f   %s\n", what, (double)p50 / 1e3, (double)p99 / 1e3,
                 plain_us ? (double)p50 / (double)plain_us : 1.0,
                 goal_ms <= 0                   ? ""
                 : (double)p99 / 1e3 <= goal_ms ? "goal reached"
                                                : "GOAL MISSED");
    (void)fflush(stdout);
    return p50;
}

static int64_t measure(struct bench *bench, struct peer *peer, const char *what, const char *path,
                       int64_t plain_us, double goal_ms)
{
    int64_t times_us[ROUNDS];

    for (size_t i = 0; i < ROUNDS; i++) {
        int64_t began_us = clock_mono_us();
        int status = ask(peer, "GET", path, bench->token, "");

        times_us[i] = clock_mono_us() - began_us;
        if (status != 200)
            (void)fprintf(stderr, "%s\n", buf_text(&peer->in));
        require(status == 200, path);
    }
    return print_times(what, times_us, ROUNDS, plain_us, goal_ms);
}

/* Makes a deployment and ends it, again and again. */
static void measure_creation(struct bench *bench, struct peer *peer, const char *what,
                             const char *group, int64_t plain_us)
{
    int64_t times_us[CREATIONS];
    AUTO_FREE char *body = mem_printf("{\"group\":\"%s\",\"release\":\"%s\",\"phases\":["
                                      "{\"percent\":1},{\"percent\":100}]}",
                                      group, bench->release);

    for (size_t i = 0; i < CREATIONS; i++) {
        int64_t began_us = clock_mono_us();
        int status = ask(peer, "POST", "/api/v1/deployments", bench->token, body);
        const char *answer = strstr(buf_text(&peer->in), "\r\n\r\n") + 4;
        AUTO_JSON *made = json_loads(answer, 0, NULL);
        AUTO_FREE char *end = NULL;

        times_us[i] = clock_mono_us() - began_us;
        if (status != 201)
            (void)fprintf(stderr, "%s\n", answer);
        require(status == 201, "a deployment was not made");
        end = mem_printf("/api/v1/deployments/%s/abort",
                         json_string_value(json_object_get(made, "id")));
        require(ask(peer, "POST", end, bench->token, "") == 200, "it could not be ended");
    }
    (void)print_times(what, times_us, CREATIONS, plain_us, 0);
}

static void measure_all(struct bench *bench)
{
    AUTO_FREE char *progress =
        mem_printf("/api/v1/dashboard/deployments/%s/progress", bench->deployment);
    AUTO_FREE char *product = mem_printf("/api/v1/dashboard/versions?product=%s", bench->product);
    AUTO_FREE char *group = mem_printf("/api/v1/dashboard/versions?group=%s", bench->group);
    AUTO_FREE char *devices_of = mem_printf("/api/v1/devices?group=%s&limit=50", bench->group);
    const struct {
        const char *what;
        const char *path;
        double goal_ms;
    } cases[] = {
        {"deployment progress", progress, 5},
        {"versions of a product", product, 5},
        {"versions of a group", group, 5},
        {"health", "/api/v1/dashboard/health", 5},
        {"top issues", "/api/v1/dashboard/issues", 5},
        {"bytes", "/api/v1/dashboard/bytes", 5},
        {"list: devices of a group", devices_of, 10},
        {"list: deployments", "/api/v1/deployments?limit=50", 10},
        {"list: groups", "/api/v1/groups?limit=50", 10},
        {"list: issues", "/api/v1/issues?limit=50", 10},
    };
    struct peer peer;
    int64_t plain_us;

    peer_open(&peer, bench);
    (void)printf("%-28s %8s %8s %8s\n", "", "p50 ms", "p99 ms", "ratio");
    plain_us = measure(bench, &peer, "GET /healthz", "/healthz", 0, 0);
    for (size_t i = 0; i < COUNT(cases); i++)
        (void)measure(bench, &peer, cases[i].what, cases[i].path, plain_us, cases[i].goal_ms);
    measure_creation(bench, &peer, "create: a tenth of the fleet", bench->other_group, plain_us);
    measure_creation(bench, &peer, "create: a group of nobody", bench->empty_group, plain_us);
    peer_close(&peer);
}

/* The first portrait of the fleet was taken: its walk is a part of what runs beside. */
static void wait_for_look(struct bench *bench)
{
    int64_t deadline_ms = clock_mono_ms() + START_MS;
    AUTO_FREE char *wanted = mem_printf("\"total\":%ld", bench->devices);
    struct peer peer;

    peer_open(&peer, bench);
    while (ask(&peer, "GET", "/api/v1/dashboard/health", bench->token, "") == 200 &&
           !strstr(buf_text(&peer.in), wanted)) {
        require(clock_mono_ms() < deadline_ms, "no look at the fleet was taken");
        pause_ms(200);
    }
    peer_close(&peer);
}

int main(int argc, char **argv)
{
    struct bench bench = {.build = argc > 1 ? argv[1] : "build/release",
                          .dir = "/tmp/slipway-bench-XXXXXX",
                          .devices = argc > 2 ? strtol(argv[2], NULL, 10) : DEVICES};
    pthread_t reporter;
    int64_t began_ms;
    struct err err;

    (void)signal(SIGPIPE, SIG_IGN);
    require(mkdtemp(bench.dir) != NULL, "no folder could be made");
    start(&bench);
    began_ms = clock_mono_ms();
    fill(&bench);
    (void)printf("%ld devices made in %" PRId64 " s\n", bench.devices,
                 (clock_mono_ms() - began_ms) / 1000);
    stop(&bench);
    began_ms = clock_mono_ms();
    start(&bench); /* reads them all */
    (void)printf("server started in %.1f s\n", (double)(clock_mono_ms() - began_ms) / 1000);
    wait_for_look(&bench);
    require(pthread_create(&reporter, NULL, report, &bench) == 0, "thread");
    began_ms = clock_mono_ms();
    measure_all(&bench);
    atomic_store(&bench.is_over, true);
    (void)pthread_join(reporter, NULL);
    (void)printf("meanwhile %.0f reports a second were committed\n",
                 (double)atomic_load(&bench.reports) * 1000 / (double)(clock_mono_ms() - began_ms));
    stop(&bench);
    check(file_remove_tree(bench.dir, &err), &err);
    return 0;
}
