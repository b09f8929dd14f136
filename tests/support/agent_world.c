/* The device API in its shortest form: every claim, session and report is welcome. */
#include "tests/support/agent_world.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/os/file.h"
#include "tests/support/program.h"
#include "tests/support/temp.h"

enum { MESSAGE_MAX = 1 << 20, SLOT_BYTES = 65536 };
static const char program[] = "slipway-agent";
static const char deployment[] = "00000000-0000-4000-8000-000000000001";

/* --- the server --------------------------------------------------------------------------------
 */

static void on_claim(struct agent_world *world, const struct buf *body, struct buf *out)
{
    struct wire_claim_answer answer = {.tenant = "default", .product = "p", .group = "g"};
    struct wire_claim claim;
    struct err err = {0};

    ASSERT(wire_claim_parse(body->data, body->len, &claim, &err));
    hash_blake2b(claim.public_key, sizeof(claim.public_key), answer.device);
    (void)snprintf(answer.image_base, sizeof(answer.image_base), "%s%s", web_origin(world->web),
                   AGENT_IMAGE_BASE);
    (void)snprintf(answer.director_base, sizeof(answer.director_base), "%s/t/default/director",
                   web_origin(world->web));
    wire_claim_answer_format(&answer, out);
}

static void on_session(struct agent_world *world, const struct buf *body, struct buf *out)
{
    const struct wire_nonce_answer nonce = {.nonce = "nonce"};
    const struct wire_session_answer session = {.token = "session",
                                                .expires_ms = clock_now_ms() + 3600000};

    (void)world;
    if (body->len)
        wire_session_answer_format(&session, out);
    else
        wire_nonce_answer_format(&nonce, out);
}

static void on_poll(struct agent_world *world, const struct buf *body, struct buf *out)
{
    (void)body;
    wire_poll_answer_format(&world->offer, out);
}

static void on_report(struct agent_world *world, const struct buf *body, struct buf *out)
{
    struct wire_report report;
    struct err err = {0};

    ASSERT(wire_report_parse(body->data, body->len, &report, &err));
    if (report.reason != REFUSAL_NONE)
        buf_printf(&world->reported, "%s ", refusal_name(report.reason));
    buf_add_text(out, "{}");
}

static void on_attributes(struct agent_world *world, const struct buf *body, struct buf *out)
{
    (void)world;
    (void)body;
    buf_add_text(out, "{}");
}

static const struct {
    const char *path;
    void (*answer)(struct agent_world *world, const struct buf *body, struct buf *out);
} messages[] = {
    {"/device/v1/claim", on_claim},
    {"/device/v1/session", on_session},
    {"/device/v1/poll", on_poll},
    {"/device/v1/report", on_report},
    {"/device/v1/attributes", on_attributes},
};

static void answer(void *arg, const struct web_request *request, struct web_answer *out)
{
    struct agent_world *world = arg;

    if (world->is_gone) {
        out->manner = WEB_DROPPED;
        return;
    }
    for (size_t i = 0; i < COUNT(messages); i++) {
        if (!text_equal(request->path, messages[i].path))
            continue;
        out->status = 200;
        messages[i].answer(world, request->body, &out->body);
        return;
    }
    forge_answer(world->forge, AGENT_IMAGE_BASE, request->path, out);
}

/* --- the device --------------------------------------------------------------------------------
 */

char *agent_world_path(const char *name)
{
    return mem_printf("%s/state/%s", temp_dir(), name);
}

static void make_slot(const char *name)
{
    AUTO_FREE uint8_t *bytes = mem_alloc(SLOT_BYTES);

    temp_write(temp_path(name), bytes, SLOT_BYTES);
}

int agent_world_provision(struct agent_world *world, const char *state, const void *root,
                          size_t len)
{
    const char *const args[] = {
        "provision",       "--server", web_origin(world->web), "--claim",
        "claim",           "--root",   temp_path("trusted"),   "--hwid",
        AGENT_HWID,        "--state",  temp_path(state),       "--slot-a",
        temp_path("a"),    "--slot-b", temp_path("b"),         "--boot-file",
        temp_path("boot"), NULL,
    };

    temp_write(temp_path("trusted"), root, len);
    make_slot("a");
    make_slot("b");
    return program_run(program, args);
}

static void begin(struct agent_world *world)
{
    const struct buf *root;

    world->forge = forge_new(TEST_KEY_ED25519);
    root = &forge_file(world->forge, "1.root.json")->body;
    ASSERT(agent_world_provision(world, "state", root->data, root->len) == 0);
}

void agent_world_open(struct agent_world *world)
{
    *world = (struct agent_world){.offer = {.next_poll_s = 1}};
    buf_init(&world->reported, MESSAGE_MAX);
    world->web = web_start(answer, world);
    begin(world);
}

void agent_world_again(struct agent_world *world)
{
    struct err err = {0};

    forge_free(world->forge);
    ASSERT(file_remove_tree(temp_path("state"), &err) && file_remove(temp_path("boot"), &err));
    world->offer = (struct wire_poll_answer){.next_poll_s = 1};
    world->is_gone = false;
    buf_reset(&world->reported);
    begin(world);
    web_forget(world->web);
}

void agent_world_close(struct agent_world *world)
{
    web_stop(world->web);
    forge_free(world->forge);
    buf_done(&world->reported);
    mem_free(world->asked);
    mem_free(world->kept);
    temp_done();
}

int agent_world_check(struct agent_world *world)
{
    const char *const args[] = {"check", "--state", temp_path("state"), NULL};

    (void)world;
    return program_run(program, args);
}

void agent_world_offer(struct agent_world *world, const char *path, const char *content)
{
    struct wire_poll_answer *offer = &world->offer;

    offer->assignment++;
    offer->target_count = 1;
    ASSERT(text_copy(offer->deployment, sizeof(offer->deployment), deployment) &&
           text_copy(offer->action, sizeof(offer->action), "install") &&
           text_copy(offer->targets[0].path, sizeof(offer->targets[0].path), path));
    hash_sha256(content, strlen(content), offer->targets[0].sha256);
}

json_t *agent_world_target(struct agent_world *world, const char *role, const char *path,
                           const char *content, uint64_t counter)
{
    json_t *entry = forge_add_target(world->forge, role, path, content);

    ASSERT(json_object_set_new(entry, "custom",
                               json_pack("{s:s, s:{s:s, s:s, s:[s], s:I, s:i}}", "type", "os",
                                         "match", "name", "base-os", "version", "v", "hwids",
                                         AGENT_HWID, "release_counter", (json_int_t)counter,
                                         "security_epoch", 0)) == 0);
    return entry;
}

void agent_world_publish(struct agent_world *world)
{
    forge_bump(world->forge, "targets");
    forge_snapshot(world->forge);
}

/* --- what came of it ---------------------------------------------------------------------------
 */

bool agent_world_refused(const struct agent_world *world, const char *code)
{
    const char *const args[] = {"status", "--state", temp_path("state"), "--json", NULL};
    AUTO_FREE char *part = mem_printf("\"last_refusal\":\"%s\"", code);

    (void)world;
    return program_run(program, args) == 0 && strstr(program_said(), part);
}

bool agent_world_reported(struct agent_world *world, const char *code)
{
    AUTO_FREE char *word = mem_printf("%s ", code);
    bool was = strstr(buf_text(&world->reported), word) != NULL;

    buf_reset(&world->reported);
    return was;
}

const char *agent_world_asked(struct agent_world *world)
{
    static const char wanted[] = "GET " AGENT_IMAGE_BASE "/metadata/";
    struct buf out;

    buf_init(&out, MESSAGE_MAX);
    buf_add_text(&out, "");
    for (const char *at = web_log(world->web); *at; at += strcspn(at, "\n") + 1) {
        size_t len = strcspn(at, "\n");

        if (!text_starts_with(at, wanted))
            continue;
        if (out.len)
            buf_add_u8(&out, ' ');
        ASSERT(len > sizeof(wanted) - 1 + 5);
        buf_add(&out, at + sizeof(wanted) - 1, len - (sizeof(wanted) - 1) - 5);
    }
    web_forget(world->web);
    mem_free(world->asked);
    return world->asked = (char *)buf_take(&out);
}

static uint64_t kept_version(const char *role)
{
    AUTO_FREE char *name = mem_printf("metadata/%s.json", role);
    AUTO_FREE char *path = agent_world_path(name);
    AUTO_JSON *document = NULL;
    struct err err = {0};
    AUTO_BUF text;

    buf_init(&text, MESSAGE_MAX);
    if (!file_read(path, &text, &err) ||
        !json_parse(text.data, text.len, &json_limits_metadata, &document, &err))
        return 0;
    return (uint64_t)json_integer_value(
        json_object_get(json_object_get(document, "signed"), "version"));
}

const char *agent_world_kept(struct agent_world *world)
{
    mem_free(world->kept);
    return world->kept = mem_printf("%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64,
                                    kept_version("root"), kept_version("timestamp"),
                                    kept_version("snapshot"), kept_version("targets"));
}

bool agent_world_has(const char *file)
{
    AUTO_FREE char *name = mem_printf("metadata/%s", file);
    AUTO_FREE char *path = agent_world_path(name);

    return file_exists(path);
}
