/* One thread: the client's socket does not block, and while it has nothing the loop turns. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/tuf/tuf.h"
#include "server/artifact/routes.h"
#include "server/artifact/store.h"
#include "server/auth/foreign.h"
#include "server/auth/operator.h"
#include "server/auth/tokens.h"
#include "server/guard/guard.h"
#include "server/http/http.h"
#include "server/operator/routes.h"
#include "server/operator/routes_artifact.h"
#include "server/operator/routes_dashboard.h"
#include "server/operator/routes_deployments.h"
#include "server/operator/routes_fleet.h"
#include "server/operator/routes_reports.h"
#include "server/operator/routes_webhook.h"
#include "server/operator/routes_why.h"
#include "server/repo/repo.h"
#include "server/repo/routes.h"
#include "server/repo/signer.h"
#include "server/stream/feed.h"
#include "server/stream/hub.h"
#include "server/stream/routes.h"
#include "tests/support/api.h"
#include "tests/support/pg.h"
#include "tests/support/temp.h"

enum { ANSWER_MAX = 16 << 20 };

static const struct http_route *const tables[] = {
    operator_routes, repo_routes,      artifact_routes,   report_routes,
    fleet_routes,    why_routes,       deployment_routes, stream_routes,
    webhook_routes,  dashboard_routes, collection_routes, NULL};
static const size_t counts[] = {OPERATOR_ROUTE_COUNT,   REPO_ROUTE_COUNT,      ARTIFACT_ROUTE_COUNT,
                                REPORT_ROUTE_COUNT,     FLEET_ROUTE_COUNT,     WHY_ROUTE_COUNT,
                                DEPLOYMENT_ROUTE_COUNT, STREAM_ROUTE_COUNT,    WEBHOOK_ROUTE_COUNT,
                                DASHBOARD_ROUTE_COUNT,  COLLECTION_ROUTE_COUNT};

static bool authenticate(struct http_request *req, const char *token, void *app, struct err *err)
{
    return authenticate_operator(req, token, ((struct worker *)app)->tokens, err);
}

static void on_not_found(struct http_request *req, const struct err *err, void *app)
{
    foreign_answer(req, err, ((struct worker *)app)->db);
}

/* --- the server --------------------------------------------------------------------------------
 */

static void fill(const struct fixture *fixture)
{
    fixture_sql(fixture, "INSERT INTO tenant (name) VALUES ('default'), ('other')");
    fixture_sql(fixture,
                "INSERT INTO operator_token (tenant_id, digest, name, role)"
                " SELECT t.id, sha256((t.name || '-' || r)::bytea), r, r FROM tenant t,"
                " unnest(ARRAY['reader', 'contributor', 'approver', 'administrator', 'auditor'])"
                " AS r");
    fixture_sql(fixture, "INSERT INTO operator_token (tenant_id, digest, name, role, expires_at)"
                         " SELECT id, sha256('expired'), 'old', 'reader', now() - interval '1 s'"
                         " FROM tenant WHERE name = 'default'");
}

struct api *api_open(void)
{
    AUTO_FREE char *database = pg_test_database();
    struct api *api = mem_alloc(sizeof(*api));
    struct worker *worker = &api->worker;
    const struct http_options options = {.address = "127.0.0.1"};
    struct err err;

    api->app = (struct http_app){.route_tables = tables,
                                 .route_counts = counts,
                                 .app = worker,
                                 .authenticate = authenticate,
                                 .before = guard_before,
                                 .on_not_found = on_not_found};
    fixture_open_at(&api->fixture, database, 2);
    fill(&api->fixture);
    worker->loop = api->fixture.loop;
    worker->db = api->fixture.db;
    cr_assert(offload_open(&worker->offload, &err), "%s", err.text);
    cr_assert(artifact_store_open(temp_dir(), &worker->artifacts, &err), "%s", err.text);
    cr_assert(artifact_store_open(temp_path("attachments"), &worker->attachments, &err));
    cr_assert(artifact_store_open(temp_path("symbols"), &worker->symbols, &err));
    signer_start(&api->signer, NULL);
    cr_assert(signer_open(worker->loop, api->signer.socket, &worker->signer, &err), "%s", err.text);
    worker->tokens = auth_tokens_new();
    worker->repo = repo_new();
    api->feed = stream_feed_new();
    worker->stream = stream_hub_new(api->feed, worker->loop, worker->db, worker->tokens);
    stream_feed_start(api->feed, worker->loop, worker->db);
    auth_tokens_load(worker->tokens, worker->db);
    repo_load(worker->repo, worker->db);
    while (!auth_tokens_ready(worker->tokens) || !repo_ready(worker->repo) ||
           !stream_feed_ready(api->feed))
        loop_turn(worker->loop);
    cr_assert(http_server_open(worker->loop, &options, &api->app, &worker->http, &err), "%s",
              err.text);
    api->port = http_server_port(worker->http);
    api->keys[0] = sign_key_new();
    api->keys[1] = sign_key_new();
    api->targets = json_object();
    return api;
}

void api_close(struct api *api)
{
    struct worker *worker = &api->worker;

    loop_flush(worker->loop);
    http_server_close(worker->http);
    offload_close(worker->offload);
    loop_flush(worker->loop);
    signer_close(worker->signer);
    cr_expect_eq(signer_stop(&api->signer), 0);
    stream_feed_stop(api->feed);
    stream_hub_stop(worker->stream);
    fixture_close(&api->fixture);
    stream_hub_free(worker->stream);
    stream_feed_free(api->feed);
    artifact_store_close(worker->artifacts);
    artifact_store_close(worker->attachments);
    artifact_store_close(worker->symbols);
    auth_tokens_free(worker->tokens);
    repo_free(worker->repo);
    sign_key_free(api->keys[0]);
    sign_key_free(api->keys[1]);
    json_decref(api->targets);
    mem_free(api->product);
    mem_free(api);
    temp_done();
}

/* --- requests ----------------------------------------------------------------------------------
 */

void api_answer_done(struct api_answer *answer)
{
    buf_done(&answer->head);
    buf_done(&answer->body);
    json_decref(answer->json);
}

static int connect_to(const struct api *api)
{
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_port = htons((uint16_t)api->port),
                                        .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    cr_assert(fd >= 0);
    cr_assert_eq(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static void on_tick(void *arg)
{
    loop_timer_set(*(struct loop_timer **)arg, 5);
}

/* Sends and receives, turning the loop, until the server closes (or we were to leave). */
static void exchange(struct api *api, const struct buf *out, bool leave, struct buf *in)
{
    int fd = connect_to(api);
    struct loop_timer *tick = NULL;
    size_t sent = 0;

    tick = loop_timer_new(api->worker.loop, on_tick, &tick);
    loop_timer_set(tick, 5);
    for (;;) {
        uint8_t *room = buf_reserve(in, 65536);
        ssize_t len = 0;

        if (sent < out->len)
            len = send(fd, out->data + sent, out->len - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
        sent += len > 0 ? (size_t)len : 0;
        if (leave && sent == out->len)
            break;
        cr_assert(room);
        len = recv(fd, room, 65536, MSG_DONTWAIT);
        if (len > 0)
            in->len += (size_t)len;
        else if (len == 0 || errno != EAGAIN)
            break;
        else
            loop_turn(api->worker.loop);
    }
    (void)close(fd);
    for (int i = 0; leave && i < 20; i++)
        loop_turn(api->worker.loop);
    loop_timer_free(tick);
}

static void parse_answer(const struct buf *in, struct api_answer *answer)
{
    const char *text = buf_text(in);
    const char *end = strstr(text, "\r\n\r\n");

    if (!end)
        return;
    if (text_starts_with(text, "HTTP/1.1 100")) {
        text = end + 4;
        end = strstr(text, "\r\n\r\n");
    }
    cr_assert(end, "no whole answer: %s", text);
    buf_add(&answer->head, text, (size_t)(end - text));
    end += 4;
    buf_add(&answer->body, end, in->len - (size_t)(end - buf_text(in)));
    answer->status = (answer->head.data[9] - '0') * 100 + (answer->head.data[10] - '0') * 10 +
                     (answer->head.data[11] - '0');
    if (strstr(buf_text(&answer->head), "Content-Type: application/"))
        answer->json = json_loadb((const char *)answer->body.data, answer->body.len, 0, NULL);
}

struct api_answer api_send(struct api *api, const struct api_request *request)
{
    struct api_answer answer = {0};
    AUTO_BUF out;
    AUTO_BUF in;

    buf_init(&out, ANSWER_MAX);
    buf_init(&in, ANSWER_MAX);
    buf_init(&answer.head, ANSWER_MAX);
    buf_init(&answer.body, ANSWER_MAX);
    buf_printf(&out, "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n", request->method,
               request->path);
    if (request->token)
        buf_printf(&out, "Authorization: Bearer %s\r\n", request->token);
    if (request->body)
        buf_printf(&out, "Content-Length: %zu\r\n", request->body_len);
    buf_printf(&out, "%s\r\n", request->headers ? request->headers : "");
    if (request->body)
        buf_add(&out, request->body, request->send_len ? request->send_len : request->body_len);
    exchange(api, &out, request->send_len > 0, &in);
    parse_answer(&in, &answer);
    return answer;
}

struct api_answer api_ask(struct api *api, const char *method, const char *path, const char *body)
{
    return api_send(api, &(struct api_request){.method = method,
                                               .path = path,
                                               .token = API_ADMIN,
                                               .body = body,
                                               .body_len = body ? strlen(body) : 0});
}

static const json_t *find(const struct api_answer *answer, const char *path)
{
    const json_t *at = answer->json;
    const char *from = path;

    while (at && *from) {
        size_t len = strcspn(from, ".");
        AUTO_FREE char *name = mem_strndup(from, len);
        uint64_t index;

        if (json_is_array(at))
            at = text_to_u64(name, len, 0, 1000, &index) ? json_array_get(at, (size_t)index) : NULL;
        else
            at = json_object_get(at, name);
        from += len + (from[len] == '.');
    }
    return at;
}

const char *api_text(const struct api_answer *answer, const char *path)
{
    const char *text = json_string_value(find(answer, path));

    return text ? text : "";
}

json_int_t api_number(const struct api_answer *answer, const char *path)
{
    const json_t *value = find(answer, path);

    return json_is_array(value) ? (json_int_t)json_array_size(value) : json_integer_value(value);
}

char *api_create(struct api *api, const char *path, const char *body)
{
    AUTO_ANSWER answer = api_ask(api, "POST", path, body);

    cr_assert_eq(answer.status, 201, "%s: %s", path, buf_text(&answer.body));
    return mem_strdup(api_text(&answer, "id"));
}

/* --- signing -----------------------------------------------------------------------------------
 */

static int64_t in_a_year(void)
{
    return clock_now_ms() + 365LL * 24 * 3600 * 1000;
}

struct buf api_sign_root(struct api *api, unsigned version)
{
    AUTO_ANSWER online = api_ask(api, "GET", "/api/v1/repo/online-keys", NULL);
    AUTO_JSON *root_key = tuf_key_json(sign_key_public(api->keys[0]));
    AUTO_JSON *targets_key = tuf_key_json(sign_key_public(api->keys[1]));
    struct tuf_root_plan plan = {.version = version, .expires_ms = in_a_year()};
    const struct sign_key *signer = api->keys[0];
    AUTO_JSON *signed_part = NULL;
    struct buf out;
    struct err err;

    plan.roles[TUF_ROOT].keys[0] = root_key;
    plan.roles[TUF_TARGETS].keys[0] = targets_key;
    plan.roles[TUF_SNAPSHOT].keys[0] = find(&online, "snapshot.key");
    plan.roles[TUF_TIMESTAMP].keys[0] = find(&online, "timestamp.key");
    for (size_t role = 0; role < TUF_ROLE_COUNT; role++)
        plan.roles[role].count = plan.roles[role].threshold = 1;
    buf_init(&out, TUF_ROOT_BYTES_MAX);
    cr_assert(tuf_make_root(&plan, &signed_part, &err), "%s", err.text);
    cr_assert(tuf_sign_document(signed_part, &signer, 1, &out, &err), "%s", err.text);
    return out;
}

void api_add_target(struct api *api, const char *path, unsigned counter, const void *data,
                    size_t len)
{
    uint8_t digest[HASH_BYTES];
    char hex[HASH_HEX_ROOM];
    const char *from = strchr(strchr(path, '/') + 1, '/') + 1; /* os/HWID/VERSION/FILE */
    AUTO_FREE char *version = mem_strndup(from, strcspn(from, "/"));
    json_t *entry;

    hash_sha256(data, len, digest);
    text_from_hex_bytes(digest, sizeof(digest), hex);
    entry = json_pack("{s:I, s:{s:s}, s:{s:s, s:{s:s, s:s, s:[s], s:i, s:i}}}", "length",
                      (json_int_t)len, "hashes", "sha256", hex, "custom", "type", "os", "match",
                      "name", "base-os", "version", version, "hwids", "h1", "release_counter",
                      (int)counter, "security_epoch", 1);
    cr_assert(entry);
    cr_assert_eq(json_object_set_new(api->targets, path, entry), 0);
}

struct buf api_sign_targets(struct api *api, unsigned version)
{
    AUTO_JSON *signed_part = tuf_make_targets(version, in_a_year(), api->targets, NULL);
    const struct sign_key *signer = api->keys[1];
    struct buf out;
    struct err err;

    buf_init(&out, TUF_TARGETS_BYTES_MAX);
    cr_assert(tuf_sign_document(signed_part, &signer, 1, &out, &err), "%s", err.text);
    return out;
}

struct api_answer api_publish(struct api *api, const struct buf *document)
{
    return api_send(api, &(struct api_request){.method = "POST",
                                               .path = "/api/v1/repo/metadata",
                                               .token = API_ADMIN,
                                               .body = document->data,
                                               .body_len = document->len});
}

static void publish(struct api *api, struct buf document)
{
    AUTO_BUF owned = document;
    AUTO_ANSWER answer = api_publish(api, &owned);

    cr_assert_eq(answer.status, 201, "%s", buf_text(&answer.body));
}

void api_begin(struct api *api)
{
    AUTO_FREE char *body = NULL;

    api->product = api_create(api, "/api/v1/products", "{\"name\":\"board\",\"hwids\":[\"h1\"]}");
    body = mem_printf("{\"product\":\"%s\",\"type\":\"os\",\"name\":\"base-os\"}", api->product);
    mem_free(api_create(api, "/api/v1/components", body));
    publish(api, api_sign_root(api, ++api->root_version));
}

char *api_put_path(const void *data, size_t len)
{
    uint8_t digest[HASH_BYTES];
    char hex[HASH_HEX_ROOM];

    hash_sha256(data, len, digest);
    text_from_hex_bytes(digest, sizeof(digest), hex);
    return mem_printf("/api/v1/images/%s", hex);
}

char *api_image(struct api *api, const char *version, unsigned counter, const void *data,
                size_t len)
{
    AUTO_FREE char *path = mem_printf("os/h1/%s/rootfs.img", version);
    AUTO_FREE char *put = api_put_path(data, len);
    AUTO_ANSWER answer = {0};

    api_add_target(api, path, counter, data, len);
    publish(api, api_sign_targets(api, ++api->targets_version));
    answer = api_send(
        api, &(struct api_request){
                 .method = "PUT", .path = put, .token = API_ADMIN, .body = data, .body_len = len});
    cr_assert_eq(answer.status, 201, "%s", buf_text(&answer.body));
    return mem_strdup(api_text(&answer, "sha256"));
}
