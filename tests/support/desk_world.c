/* A gadget is the smallest client that lib/wire allows: no retries, no clock. */
#include "tests/support/desk_world.h"

#include <criterion/criterion.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/crypto/token.h"
#include "server/artifact/routes.h"
#include "server/artifact/store.h"
#include "server/device/routes.h"
#include "server/fleet/model.h"
#include "tests/support/temp.h"

enum { BEAT_MS = 5 };

static const struct http_route *const tables[] = {device_routes, artifact_routes, NULL};
static const size_t counts[] = {DEVICE_ROUTE_COUNT, ARTIFACT_ROUTE_COUNT};

/* So that no turn waits for ever while a test waits for something that is no event. */
static void on_beat(void *arg)
{
    struct desk_world *world = arg;

    loop_timer_set(world->beat, BEAT_MS);
}

static bool authenticate(struct http_request *req, const char *token, void *app, struct err *err)
{
    const struct worker *worker = app;

    return authenticate_device(req, token, fleet_index_of(worker->fleet), err);
}

static void start(struct desk_world *world)
{
    const struct http_options options = {.address = "127.0.0.1"};
    struct worker *worker = &world->worker;
    struct err err;

    world->worker = (struct worker){.loop = world->fixture.loop, .db = world->fixture.db};
    cr_assert(offload_open(&worker->offload, &err), "%s", err.text);
    cr_assert(artifact_store_open(temp_path("attachments"), &worker->attachments, &err), "%s",
              err.text);
    world->beat = loop_timer_new(worker->loop, on_beat, world);
    loop_timer_set(world->beat, 0);
    crypto_random(world->nonce_key, sizeof(world->nonce_key));
    worker->fleet = fleet_new();
    fleet_start(worker->fleet, worker->loop, worker->db);
    while (!fleet_is_ready(worker->fleet))
        loop_turn(worker->loop);
    worker->devices = device_desk_new(&(const struct device_desk_place){
        .loop = worker->loop,
        .db = worker->db,
        .fleet = worker->fleet,
        .nonce_key = world->nonce_key,
        .public_url = "",
    });
    world->app = (struct http_app){.route_tables = tables,
                                   .route_counts = counts,
                                   .app = worker,
                                   .authenticate = authenticate};
    cr_assert(http_server_open(worker->loop, &options, &world->app, &worker->http, &err), "%s",
              err.text);
    world->front = (struct front){.loop = worker->loop, .server = worker->http};
}

static void stop(struct desk_world *world)
{
    struct worker *worker = &world->worker;

    http_server_close(worker->http);
    offload_close(worker->offload);
    loop_flush(worker->loop);
    db_close(worker->db);
    world->fixture.db = NULL;
    device_desk_free(worker->devices);
    fleet_stop(worker->fleet);
    fleet_free(worker->fleet);
    loop_timer_free(world->beat);
    artifact_store_close(worker->attachments);
}

void desk_world_open(struct desk_world *world)
{
    *world = (struct desk_world){0};
    world_open(&world->fixture, 2);
    start(world);
}

void desk_world_close(struct desk_world *world)
{
    stop(world);
    temp_done();
    fixture_close(&world->fixture);
}

void desk_world_restart(struct desk_world *world)
{
    struct err err;

    stop(world);
    cr_assert(db_open(world->fixture.loop, world->fixture.conninfo, DB_RUNTIME_ROLE, 2,
                      &world->fixture.db, &err));
    start(world);
}

void desk_world_reload(struct desk_world *world)
{
    struct model_holder *holder = fleet_model_of(world->worker.fleet);
    int64_t version = world_number(&world->fixture, "INSERT INTO change_log (tenant_id, what)"
                                                    " VALUES (1, 'test') RETURNING id");

    fleet_reload(world->worker.fleet);
    for (;;) {
        struct model *model = model_holder_get(holder);
        bool is_new = model_version(model) >= version;

        model_unref(model);
        if (is_new)
            return;
        loop_turn(world->worker.loop);
    }
}

uint64_t desk_world_statements(const struct desk_world *world)
{
    struct db_stats stats;

    db_stats(world->fixture.db, &stats);
    return stats.sent;
}

/* --- gadgets ------------------------------------------------------------------------------------
 */

void gadget_open(struct gadget *gadget, struct desk_world *world)
{
    *gadget = (struct gadget){.world = world, .key = sign_key_new()};
    hash_blake2b(sign_key_public(gadget->key), SIGN_PUBLIC_BYTES, gadget->id);
    gadget->peer = peer_open(&world->front);
    gadget->poll.installed_count = 1;
    world_image(1, gadget->poll.installed[0]);
}

void gadget_close(struct gadget *gadget)
{
    reply_done(&gadget->reply);
    peer_close(gadget->peer);
    sign_key_free(gadget->key);
}

void gadget_send(struct gadget *gadget, const char *method, const char *what,
                 const struct buf *body)
{
    AUTO_BUF request;

    buf_init(&request, WIRE_REQUEST_BYTES_MAX + 1024);
    buf_printf(&request, "%s /device/v1/%s HTTP/1.1\r\nHost: server.test:8080\r\n", method, what);
    if (gadget->token[0])
        buf_printf(&request, "Authorization: Bearer %s\r\n", gadget->token);
    buf_printf(&request, "Content-Length: %zu\r\n\r\n", body ? body->len : 0);
    if (body)
        buf_add(&request, body->data, body->len);
    peer_send(gadget->peer, request.data, request.len);
}

int gadget_answer(struct gadget *gadget)
{
    reply_done(&gadget->reply);
    cr_assert(peer_reply(gadget->peer, true, &gadget->reply), "the server hung up");
    return gadget->reply.status;
}

int gadget_ask(struct gadget *gadget, const char *method, const char *what, const struct buf *body)
{
    gadget_send(gadget, method, what, body);
    return gadget_answer(gadget);
}

int gadget_claim(struct gadget *gadget, const char *token, const char *hwid)
{
    struct wire_claim claim = {0};
    AUTO_BUF said;
    AUTO_BUF body;

    buf_init(&said, 1024);
    buf_init(&body, WIRE_REQUEST_BYTES_MAX);
    memcpy(claim.public_key, sign_key_public(gadget->key), sizeof(claim.public_key));
    cr_assert(text_copy(claim.claim, sizeof(claim.claim), token));
    cr_assert(text_copy(claim.hwid, sizeof(claim.hwid), hwid));
    wire_claim_signed_bytes(&claim, &said);
    sign_make(gadget->key, said.data, said.len, claim.signature);
    wire_claim_format(&claim, &body);
    return gadget_ask(gadget, "POST", "claim", &body);
}

int gadget_session(struct gadget *gadget)
{
    struct wire_session asked = {0};
    struct wire_nonce_answer nonce;
    struct wire_session_answer answer;
    struct err err;
    AUTO_BUF said;
    AUTO_BUF body;
    int status;

    buf_init(&said, 1024);
    buf_init(&body, WIRE_REQUEST_BYTES_MAX);
    gadget->token[0] = '\0';
    cr_assert_eq(gadget_ask(gadget, "POST", "session", NULL), 200);
    cr_assert(
        wire_nonce_answer_parse(gadget->reply.body.data, gadget->reply.body.len, &nonce, &err),
        "%s", err.text);
    memcpy(asked.device, gadget->id, sizeof(asked.device));
    memcpy(asked.nonce, nonce.nonce, sizeof(asked.nonce));
    wire_session_signed_bytes(&asked, &said);
    sign_make(gadget->key, said.data, said.len, asked.signature);
    wire_session_format(&asked, &body);
    status = gadget_ask(gadget, "POST", "session", &body);
    if (status != 200)
        return status;
    cr_assert(
        wire_session_answer_parse(gadget->reply.body.data, gadget->reply.body.len, &answer, &err),
        "%s", err.text);
    memcpy(gadget->token, answer.token, sizeof(gadget->token));
    return status;
}

int gadget_poll(struct gadget *gadget)
{
    struct err err;
    AUTO_BUF body;
    int status;

    buf_init(&body, WIRE_REQUEST_BYTES_MAX);
    wire_poll_format(&gadget->poll, &body);
    status = gadget_ask(gadget, "POST", "poll", &body);
    if (status == 200) {
        cr_assert(wire_poll_answer_parse(gadget->reply.body.data, gadget->reply.body.len,
                                         &gadget->offered, &err),
                  "%s", err.text);
        gadget->poll.assignment = gadget->offered.assignment;
        if (gadget->offered.deployment[0])
            memcpy(gadget->deployment, gadget->offered.deployment, sizeof(gadget->deployment));
    }
    return status;
}

int gadget_activate(struct gadget *gadget, struct wire_activate_answer *out)
{
    struct wire_activate asked = {.assignment = gadget->poll.assignment};
    struct err err;
    AUTO_BUF body;
    int status;

    buf_init(&body, WIRE_REQUEST_BYTES_MAX);
    memcpy(asked.deployment, gadget->deployment, sizeof(asked.deployment));
    wire_activate_format(&asked, &body);
    status = gadget_ask(gadget, "POST", "activate", &body);
    if (status == 200)
        cr_assert(
            wire_activate_answer_parse(gadget->reply.body.data, gadget->reply.body.len, out, &err),
            "%s", err.text);
    return status;
}

int gadget_report(struct gadget *gadget, enum update_state state)
{
    struct wire_report report = {.seq = ++gadget->seq, .state = state, .time_ms = 1700000000000};
    AUTO_BUF body;

    buf_init(&body, WIRE_REQUEST_BYTES_MAX);
    memcpy(report.epoch, gadget->id, sizeof(report.epoch));
    memcpy(report.deployment, gadget->deployment, sizeof(report.deployment));
    wire_report_format(&report, &body);
    return gadget_ask(gadget, "POST", "report", &body);
}

void gadget_join(struct gadget *gadget, struct desk_world *world)
{
    gadget_open(gadget, world);
    cr_assert_eq(gadget_claim(gadget, WORLD_CLAIM, "board"), 200);
    cr_assert_eq(gadget_session(gadget), 200);
    cr_assert_eq(gadget_poll(gadget), 200);
}
