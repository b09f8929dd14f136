/* What operators do is in the audit, once; and nothing gets out of it or into it unseen. */
#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/crypto/hash.h"
#include "lib/tuf/tuf.h"
#include "server/artifact/routes.h"
#include "server/db/sync.h"
#include "server/http/route.h"
#include "server/operator/routes.h"
#include "server/repo/routes.h"
#include "tests/support/api.h"

enum { NAMES_MAX = 16 };

/* Things that steps made, by name: "{group}" in a later step is its id. */
struct names {
    size_t count;
    struct {
        const char *name;
        char *id;
    } items[NAMES_MAX];
};

static void names_add(struct names *names, const char *name, const char *id)
{
    cr_assert(names->count < NAMES_MAX);
    names->items[names->count].name = name;
    names->items[names->count++].id = mem_strdup(id);
}

static void names_done(struct names *names)
{
    for (size_t i = 0; i < names->count; i++)
        mem_free(names->items[i].id);
}

/* The newest thing of that name. */
static const char *names_find(const struct names *names, const char *name, size_t len)
{
    for (size_t i = names->count; i-- > 0;) {
        if (strlen(names->items[i].name) == len && strncmp(names->items[i].name, name, len) == 0)
            return names->items[i].id;
    }
    cr_assert_fail("nothing is named %.*s", (int)len, name);
    return "";
}

/* "{name" and '}' around it; a JSON object's brace is followed by a quote. */
static char *fill_in(const struct names *names, const char *text)
{
    struct buf out;

    buf_init(&out, 4096);
    for (const char *c = text; *c; c++) {
        size_t len = *c == '{' ? strspn(c + 1, "abcdefghijklmnopqrstuvwxyz") : 0;

        if (len > 0 && c[1 + len] == '}') {
            buf_add_text(&out, names_find(names, c + 1, len));
            c += len + 1;
        } else {
            buf_add(&out, c, 1);
        }
    }
    return (char *)buf_take(&out);
}

struct step {
    const char *method;
    const char *path;
    const char *token;
    const char *body;
    const char *action; /* in the audit */
    const char *keep;   /* the name of what it made */
};

/* clang-format off */
static const struct step steps[] = {
    {"POST",  "/api/v1/tenants", API_ADMIN, "{\"name\":\"acme\"}", "tenant.create", NULL},
    {"PATCH", "/api/v1/tenant", API_ADMIN, "{\"approval_devices\":1}", "tenant.settings", NULL},
    {"POST",  "/api/v1/operator-tokens", API_ADMIN, "{\"name\":\"ci\",\"role\":\"contributor\"}", "token.create", "token"},
    {"POST",  "/api/v1/operator-tokens/{token}/revoke", API_ADMIN, NULL, "token.revoke", NULL},
    {"POST",  "/api/v1/products", "default-contributor", "{\"name\":\"other\",\"hwids\":[\"h2\"]}", "product.write", "other"},
    {"POST",  "/api/v1/components", "default-contributor", "{\"product\":\"{other}\",\"type\":\"os\",\"name\":\"o\"}", "component.write", NULL},
    {"PATCH", "/api/v1/groups/{group}", "default-contributor", "{\"poll_interval_s\":9}", "group.write", NULL},
    {"POST",  "/api/v1/claim-tokens", "default-contributor", "{\"group\":\"{group}\"}", "claim.write", NULL},
    {"PUT",   "/api/v1/images/{second}", "default-contributor", "second", "image.upload", NULL},
    {"POST",  "/api/v1/releases", "default-contributor", "{\"name\":\"v1\",\"product\":\"{product}\",\"images\":[\"{image}\"]}", "release.write", "release"},
    {"POST",  "/api/v1/deployments", "default-contributor", "{\"group\":\"{group}\",\"release\":\"{release}\",\"phases\":[{\"percent\":5,\"advance\":\"manual\"},{\"percent\":100}]}", "deploy.create", "deployment"},
    {"POST",  "/api/v1/deployments/{deployment}/approve", "default-approver", NULL, "deploy.approve", NULL},
    {"POST",  "/api/v1/deployments/{deployment}/pause", "default-approver", NULL, "deploy.pause", NULL},
    {"POST",  "/api/v1/deployments/{deployment}/resume", "default-contributor", NULL, "deploy.resume", NULL},
    {"POST",  "/api/v1/deployments/{deployment}/advance", "default-approver", NULL, "deploy.advance", NULL},
    {"POST",  "/api/v1/deployments/{deployment}/abort", API_ADMIN, NULL, "deploy.abort", NULL},
    {"POST",  "/api/v1/repo/requests", "default-contributor", "{ask}", "repo.request", "givenup"},
    {"POST",  "/api/v1/repo/requests/{givenup}/withdraw", "default-contributor", NULL, "repo.request", NULL},
    {"PATCH", "/api/v1/tenant", API_ADMIN, "{\"approval_changes\":true}", "tenant.settings", NULL},
    {"POST",  "/api/v1/repo/requests", "default-contributor", "{ask}", "repo.request", "request"},
    {"POST",  "/api/v1/repo/requests/{request}/signatures", "default-contributor", "{signatures}", "repo.sign", NULL},
    {"POST",  "/api/v1/repo/requests/{request}/approve", "default-approver", NULL, "repo.approve", NULL},
    {"POST",  "/api/v1/repo/online-keys/snapshot", "default-contributor", NULL, "repo.key", NULL},
};
/* clang-format on */

static struct api_answer send_step(struct api *api, const struct names *names,
                                   const struct step *step)
{
    AUTO_FREE char *path = fill_in(names, step->path);
    AUTO_FREE char *body = step->body ? fill_in(names, step->body) : NULL;

    return api_send(api, &(struct api_request){.method = step->method,
                                               .path = path,
                                               .token = step->token,
                                               .body = body,
                                               .body_len = body ? strlen(body) : 0});
}

/* The tenant's whole audit. */
static struct api_answer audit(struct api *api)
{
    return api_ask(api, "GET", "/api/v1/audit?limit=200", NULL);
}

static const json_t *newest(const struct api_answer *answer)
{
    const json_t *items = json_object_get(answer->json, "items");

    return json_array_get(items, json_array_size(items) - 1);
}

static const char *field(const json_t *row, const char *name)
{
    const char *text = json_string_value(json_object_get(row, name));

    return text ? text : "";
}

/* The next targets with a floor: what is asked for, and the signatures that it needs. */
static void prepare_request(struct api *api, struct names *names)
{
    json_t *entry = json_object_get(api->targets, "os/h1/v1/rootfs.img");
    AUTO_JSON *body = NULL;
    AUTO_JSON *ask = NULL;
    AUTO_JSON *signatures = NULL;
    AUTO_FREE char *ask_text = NULL;
    AUTO_FREE char *signatures_text = NULL;
    uint8_t digest[HASH_BYTES];
    uint8_t sig[SIGN_BYTES];
    char hash_hex[HASH_HEX_ROOM];
    char sig_hex[SIGN_HEX_ROOM];
    char keyid[TUF_KEYID_ROOM];
    AUTO_BUF canonical;
    struct err err;

    (void)json_object_set_new(json_object_get(entry, "custom"), "floor", json_integer(1));
    body =
        tuf_make_targets(api->targets_version + 1, clock_now_ms() + 100000000, api->targets, NULL);
    buf_init(&canonical, 4096);
    cr_assert(json_canonical(body, &canonical, &err), "%s", err.text);
    hash_sha256(canonical.data, canonical.len, digest);
    text_from_hex_bytes(digest, sizeof(digest), hash_hex);
    sign_make(api->keys[1], canonical.data, canonical.len, sig);
    text_from_hex_bytes(sig, sizeof(sig), sig_hex);
    tuf_keyid(sign_key_public(api->keys[1]), keyid);
    ask = json_pack("{s:s, s:[{s:s, s:s, s:s}]}", "note", "a floor", "documents", "repository",
                    "image", "role", "targets", "signed", buf_text(&canonical));
    signatures = json_pack("{s:[{s:s, s:s, s:s, s:[{s:s, s:s}]}]}", "documents", "repository",
                           "image", "role", "targets", "sha256", hash_hex, "signatures", "keyid",
                           keyid, "sig", sig_hex);
    ask_text = json_text(ask);
    signatures_text = json_text(signatures);
    names_add(names, "ask", ask_text);
    names_add(names, "signatures", signatures_text);
}

/* A product with a group of three devices, an image, and a second one that is only signed. */
static void prepare(struct api *api, struct names *names)
{
    AUTO_ANSWER groups = {0};
    AUTO_FREE char *image = NULL;
    AUTO_FREE char *put = api_put_path("second", 6);
    AUTO_BUF targets;

    api_begin(api);
    groups = api_ask(api, "GET", "/api/v1/groups?name=production", NULL);
    image = api_image(api, "v1", 1, "first", 5);
    api_add_target(api, "os/h1/v2/rootfs.img", 2, "second", 6);
    targets = api_sign_targets(api, ++api->targets_version);
    {
        AUTO_ANSWER published = api_publish(api, &targets);

        cr_assert_eq(published.status, 201);
    }
    prepare_request(api, names);
    names_add(names, "product", api->product);
    names_add(names, "group", api_text(&groups, "items.0.id"));
    names_add(names, "image", image);
    names_add(names, "second", strrchr(put, '/') + 1);
    fixture_sql(&api->fixture,
                "INSERT INTO claim_token (tenant_id, group_id, digest, count, expires_at)"
                " SELECT tenant_id, id, sha256('c'), 9, now() FROM device_group"
                "  WHERE name = 'production'");
    fixture_sql(&api->fixture,
                "INSERT INTO device (tenant_id, device_id, public_key, group_id, claim_token_id,"
                "                    hwid)"
                " SELECT tenant_id, sha256(n::text::bytea), sha256('k'), group_id, id, 'h1'"
                "   FROM claim_token, generate_series(1, 3) AS n");
}

Test(audit, has_every_change_once_with_who_made_it)
{
    struct api *api = api_open();
    struct names names = {0};

    prepare(api, &names);
    for (size_t i = 0; i < COUNT(steps); i++) {
        AUTO_ANSWER before = audit(api);
        AUTO_ANSWER done = send_step(api, &names, &steps[i]);
        AUTO_ANSWER after = audit(api);

        cr_assert(done.status == 200 || done.status == 201, "%s %s: %s", steps[i].method,
                  steps[i].path, buf_text(&done.body));
        cr_expect_eq(api_number(&after, "head.seq"), api_number(&before, "head.seq") + 1, "%s",
                     steps[i].path);
        cr_expect_str_eq(field(newest(&after), "action"), steps[i].action, "%s", steps[i].path);
        cr_expect(text_starts_with(field(newest(&after), "actor"), "slw_"));
        cr_expect_str_neq(field(newest(&after), "request_id"), "");
        if (!text_equal(steps[i].action, "repo.key")) /* what is made is the signer's */
            cr_expect_eq(strlen(field(newest(&after), "after_hash")), 64);
        if (steps[i].keep)
            names_add(&names, steps[i].keep, api_text(&done, "id"));
    }
    names_done(&names);
    api_close(api);
}

/* What is published comes signed, so it is no step. */
static struct api_answer publish_one(struct api *api, const struct buf *document)
{
    return api_publish(api, document);
}

static struct api_answer publish_many(struct api *api, const struct buf *document)
{
    AUTO_JSON *tree = json_pack("{s:[], s:[{s:s, s:s, s:s}]}", "files", "documents", "repository",
                                "image", "role", "targets", "text", buf_text(document));
    AUTO_FREE char *body = json_text(tree);

    return api_ask(api, "POST", "/api/v1/repo/publications", body);
}

static const struct {
    const char *path;
    struct api_answer (*publish)(struct api *api, const struct buf *document);
} publications[] = {
    {"/api/v1/repo/metadata", publish_one},
    {"/api/v1/repo/publications", publish_many},
};

Test(audit, has_every_publication_with_what_was_published)
{
    struct api *api = api_open();

    api_begin(api);
    for (size_t i = 0; i < COUNT(publications); i++) {
        struct buf targets = api_sign_targets(api, ++api->targets_version);
        AUTO_ANSWER before = audit(api);
        AUTO_ANSWER done = publications[i].publish(api, &targets);
        AUTO_ANSWER after = audit(api);

        cr_assert_eq(done.status, 201, "%s: %s", publications[i].path, buf_text(&done.body));
        cr_expect_eq(api_number(&after, "head.seq"), api_number(&before, "head.seq") + 1);
        cr_expect_str_eq(field(newest(&after), "action"), "repo.publish");
        cr_expect(strstr(field(newest(&after), "object"), "image targets "), "%s",
                  field(newest(&after), "object"));
        buf_done(&targets);
    }
    api_close(api);
}

/* A new route that changes something has to be added to the steps above, which prove its entry. */
Test(audit, is_tested_for_every_route_that_changes_something)
{
    static const struct http_route *const tables[] = {operator_routes, artifact_routes, repo_routes,
                                                      NULL};
    static const size_t counts[] = {OPERATOR_ROUTE_COUNT, ARTIFACT_ROUTE_COUNT, REPO_ROUTE_COUNT};
    static const char binary[] = "/api/v1/symbols/:sha256"; /* proved where its files are made */
    const struct http_app app = {.route_tables = tables, .route_counts = counts};

    for (size_t t = 0; tables[t]; t++) {
        for (size_t i = 0; i < counts[t]; i++) {
            const struct http_route *route = &tables[t][i];
            struct arena *arena = arena_new();
            bool is_tested = text_equal(route->method, "GET") || route->access != ACCESS_OPERATOR ||
                             text_equal(route->path, binary);

            for (size_t k = 0; k < COUNT(steps) && !is_tested; k++) {
                enum http_method method = text_equal(steps[k].method, "POST")  ? HTTP_POST
                                          : text_equal(steps[k].method, "PUT") ? HTTP_PUT
                                                                               : HTTP_PATCH;
                struct http_match match;

                is_tested = http_route_find(&app, method, steps[k].path, arena, &match) ==
                                HTTP_MATCH_FOUND &&
                            match.route == route;
            }
            for (size_t k = 0; k < COUNT(publications) && !is_tested; k++)
                is_tested = text_equal(publications[k].path, route->path);
            cr_expect(is_tested, "%s %s", route->method, route->path);
            arena_free(arena);
        }
    }
}

Test(audit, has_nothing_of_what_was_refused)
{
    static const struct step refused[] = {
        {"POST", "/api/v1/products", "default-contributor",
         "{\"name\":\"board\",\"hwids\":[\"h\"]}", NULL, NULL},
        {"POST", "/api/v1/products", "default-reader", "{\"name\":\"x\",\"hwids\":[\"h\"]}", NULL,
         NULL},
        {"POST", "/api/v1/products", API_ADMIN, "{\"name\":\"x\"}", NULL, NULL},
        {"PATCH", "/api/v1/groups/00000000-0000-0000-0000-000000000000", API_ADMIN,
         "{\"poll_interval_s\":9}", NULL, NULL},
    };
    struct api *api = api_open();
    struct names names = {0};
    AUTO_ANSWER before = {0};
    AUTO_ANSWER after = {0};

    prepare(api, &names);
    before = audit(api);
    for (size_t i = 0; i < COUNT(refused); i++) {
        AUTO_ANSWER answer = send_step(api, &names, &refused[i]);

        cr_expect_geq(answer.status, 400, "%s %s", refused[i].method, refused[i].path);
    }
    after = audit(api);
    cr_expect_gt(api_number(&before, "head.seq"), 0);
    cr_expect_eq(api_number(&after, "head.seq"), api_number(&before, "head.seq"));
    names_done(&names);
    api_close(api);
}

Test(audit, is_a_chain_of_hashes_that_others_can_compute)
{
    struct api *api = api_open();
    struct names names = {0};
    AUTO_ANSWER answer = {0};
    char previous[HASH_HEX_ROOM] = "";
    size_t index;
    json_t *row;

    prepare(api, &names);
    answer = audit(api);
    memset(previous, '0', HASH_HEX_ROOM - 1);
    json_array_foreach(json_object_get(answer.json, "items"), index, row)
    {
        AUTO_FREE char *hash = mem_strdup(field(row, "hash"));
        char hex[HASH_HEX_ROOM];
        uint8_t digest[HASH_BYTES];
        struct err err;
        AUTO_BUF text;

        cr_expect_eq(json_integer_value(json_object_get(row, "seq")), (json_int_t)index + 1);
        cr_expect_str_eq(field(row, "prev_hash"), previous);
        (void)json_object_del(row, "hash");
        buf_init(&text, 4096);
        buf_add_u8(&text, 0);
        cr_assert(json_canonical(row, &text, &err), "%s", err.text);
        hash_sha256(text.data, text.len, digest);
        text_from_hex_bytes(digest, sizeof(digest), hex);
        cr_expect_str_eq(hash, hex, "row %zu", index + 1);
        (void)text_copy(previous, sizeof(previous), hash);
    }
    cr_expect_geq(json_array_size(json_object_get(answer.json, "items")), 3);
    cr_expect_str_eq(api_text(&answer, "head.hash"), previous);
    names_done(&names);
    api_close(api);
}

Test(audit, takes_no_update_no_delete_and_no_truncate_even_of_the_databases_owner)
{
    static const char *const tries[] = {
        "UPDATE audit SET object = 'x'",
        "DELETE FROM audit",
        "TRUNCATE audit",
        "DELETE FROM audit_head",
        "TRUNCATE audit_head",
        "DELETE FROM audit WHERE seq = 1",
        "UPDATE audit SET at = at WHERE false",
    };
    struct api *api = api_open();
    AUTO_DB_SYNC *sync = NULL;
    struct err err;

    api_begin(api);
    cr_assert(db_sync_open(api->fixture.conninfo, &sync, &err), "%s", err.text);
    for (size_t i = 0; i < COUNT(tries); i++) {
        err = (struct err){0};
        cr_expect_not(db_sync_run(sync, tries[i], &err), "%s", tries[i]);
        cr_expect_eq(err.code, ERR_DENIED, "%s: %s", tries[i], err.text);
    }
    api_close(api);
}

Test(audit, is_for_auditors_and_administrators_of_the_tenant)
{
    static const struct {
        const char *token;
        const char *path;
        int status;
    } cases[] = {
        {"default-auditor", "/api/v1/audit", 200},
        {"default-administrator", "/api/v1/audit", 200},
        {"default-auditor", "/api/v1/audit?tenant=default", 200},
        {"default-auditor", "/api/v1/audit?tenant=other", 404},
        {"default-auditor", "/api/v1/audit?tenant=nobody", 404},
        {"default-reader", "/api/v1/audit", 403},
        {"default-contributor", "/api/v1/audit", 403},
        {"default-approver", "/api/v1/audit", 403},
        {"default-auditor", "/api/v1/audit?after=x", 400},
    };
    struct api *api = api_open();

    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO_ANSWER answer = api_send(
            api,
            &(struct api_request){.method = "GET", .path = cases[i].path, .token = cases[i].token});

        cr_expect_eq(answer.status, cases[i].status, "%s %s: %s", cases[i].token, cases[i].path,
                     buf_text(&answer.body));
    }
    {
        AUTO_ANSWER mine = audit(api);

        cr_expect_eq(api_number(&mine, "items"), 1, "only the other tenant's audit is an attempt");
        cr_expect_str_eq(field(newest(&mine), "action"), "authz.cross_tenant");
        cr_expect_str_eq(field(newest(&mine), "object"), "tenant other");
    }
    api_close(api);
}

Test(audit, notes_who_asked_for_another_tenants_objects)
{
    static const struct step asked[] = {
        {"GET", "/api/v1/products/{product}", NULL, NULL, "product {product}", NULL},
        {"GET", "/api/v1/groups/{group}", NULL, NULL, "group {group}", NULL},
        {"GET", "/api/v1/releases/{release}", NULL, NULL, "release {release}", NULL},
        {"GET", "/api/v1/images/{image}", NULL, NULL, "image {image}", NULL},
        {"GET", "/api/v1/devices/{device}", NULL, NULL, "device {device}", NULL},
        {"GET", "/api/v1/deployments/{deployment}", NULL, NULL, "deployment {deployment}", NULL},
        {"POST", "/api/v1/deployments/{deployment}/abort", NULL, NULL, "deployment {deployment}",
         NULL},
        {"PATCH", "/api/v1/groups/{group}", NULL, "{\"poll_interval_s\":1}", "group {group}", NULL},
        {"POST", "/api/v1/claim-tokens", NULL, "{\"group\":\"{group}\"}", "group {group}", NULL},
        {"GET", "/api/v1/audit?tenant=default", NULL, NULL, "tenant default", NULL},
    };
    struct api *api = api_open();
    struct names names = {0};
    char device[HASH_HEX_ROOM];
    uint8_t digest[HASH_BYTES];

    prepare(api, &names);
    for (size_t i = 0; i < COUNT(steps); i++) {
        if (!steps[i].keep || text_equal(steps[i].keep, "token"))
            continue;
        AUTO_ANSWER made = send_step(api, &names, &steps[i]);

        names_add(&names, steps[i].keep, api_text(&made, "id"));
    }
    hash_sha256("1", 1, digest);
    text_from_hex_bytes(digest, sizeof(digest), device);
    names_add(&names, "device", device);
    for (size_t i = 0; i < COUNT(asked); i++) {
        struct step step = asked[i];
        AUTO_FREE char *object = fill_in(&names, asked[i].action);
        AUTO_ANSWER answer = {0};
        AUTO_ANSWER theirs = {0};

        step.token = "other-administrator";
        answer = send_step(api, &names, &step);
        theirs = api_send(api, &(struct api_request){.method = "GET",
                                                     .path = "/api/v1/audit?limit=200",
                                                     .token = "other-auditor"});
        cr_expect_eq(answer.status, 404, "%s: %s", step.path, buf_text(&answer.body));
        cr_expect_eq(api_number(&theirs, "items"), (json_int_t)i + 1, "%s", step.path);
        cr_expect_str_eq(field(newest(&theirs), "action"), "authz.cross_tenant");
        cr_expect_str_eq(field(newest(&theirs), "object"), object);
    }
    names_done(&names);
    api_close(api);
}
