/* Delegated roles, files and requests over HTTP, against a real database. */
#include <criterion/criterion.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "tests/support/api.h"
#include "tests/support/offline.h"

static const char image_path[] = "/t/default/image/targets/os/h1/1.0/";

struct tenant {
    struct api *api;
    struct offline *offline;
    struct repo_online_keys served;
};

static void served_key(const struct api_answer *online, const char *path, uint8_t *out)
{
    const char *hex = api_text(online, path);

    cr_assert(text_to_hex_bytes(hex, strlen(hex), out, SIGN_PUBLIC_BYTES), "%s", path);
}

static struct tenant *tenant_open(void)
{
    struct tenant *tenant = mem_alloc(sizeof(*tenant));
    struct offline *offline = offline_new();
    AUTO_ANSWER online = {0};
    AUTO_FREE char *component = NULL;

    tenant->api = api_open();
    tenant->offline = offline;
    online = api_ask(tenant->api, "GET", "/api/v1/repo/online-keys", NULL);
    served_key(&online, "snapshot.key.keyval.public", tenant->served.snapshot.present);
    served_key(&online, "timestamp.key.keyval.public", tenant->served.timestamp.present);
    served_key(&online, "director.key.keyval.public", tenant->served.director.present);
    offline->served = &tenant->served;
    offline->now_ms = clock_now_ms();
    offline->expires_ms = offline->now_ms + 365LL * 24 * 3600 * 1000;
    tenant->api->product =
        api_create(tenant->api, "/api/v1/products", "{\"name\":\"board\",\"hwids\":[\"h1\"]}");
    component = mem_printf("{\"product\":\"%s\",\"type\":\"os\",\"name\":\"base-os\"}",
                           tenant->api->product);
    mem_free(api_create(tenant->api, "/api/v1/components", component));
    return tenant;
}

static void tenant_close(struct tenant *tenant)
{
    api_close(tenant->api);
    offline_free(tenant->offline);
    mem_free(tenant);
}

/* The body of POST repo/publications; empties the bundle. */
static char *publication(struct repo_bundle *bundle)
{
    AUTO_JSON *documents = json_array();
    AUTO_JSON *files = json_array();
    AUTO_JSON *body = NULL;

    for (size_t i = 0; i < bundle->document_count; i++)
        (void)json_array_append_new(documents,
                                    json_pack("{s:s, s:s, s:s}", "repository",
                                              repo_kind_name(bundle->documents[i].repository),
                                              "role", bundle->documents[i].role, "text",
                                              buf_text(&bundle->documents[i].bytes)));
    for (size_t i = 0; i < bundle->file_count; i++)
        (void)json_array_append_new(files, json_pack("{s:s, s:s}", "path", bundle->files[i].path,
                                                     "text", buf_text(&bundle->files[i].bytes)));
    repo_bundle_done(bundle);
    body = json_pack("{s:O, s:O}", "documents", documents, "files", files);
    return json_text(body);
}

static struct api_answer publish(struct tenant *tenant, struct repo_bundle *bundle)
{
    AUTO_FREE char *body = publication(bundle);

    return api_ask(tenant->api, "POST", "/api/v1/repo/publications", body);
}

static void publish_first(struct tenant *tenant)
{
    AUTO_REPO_BUNDLE bundle = {0};
    AUTO_ANSWER answer = {0};

    (void)json_object_set_new(tenant->offline->entries, "trust/anchors.json", offline_file("pins"));
    offline_add_first(tenant->offline, &bundle);
    repo_bundle_add_file(&bundle, "trust/anchors.json", "pins", 4);
    answer = publish(tenant, &bundle);
    cr_assert_eq(answer.status, 201, "%s", buf_text(&answer.body));
    cr_expect_eq(api_number(&answer, "os-h1.version"), 1);
    cr_expect_gt(api_number(&answer, "timestamp.version"), 1000000000000);
}

static struct api_answer get(struct tenant *tenant, const char *path)
{
    return api_send(tenant->api, &(struct api_request){.method = "GET", .path = path});
}

static char *file_path(const char *folder, const char *text, const char *name)
{
    uint8_t digest[HASH_BYTES];
    char hex[HASH_HEX_ROOM];

    hash_sha256(text, strlen(text), digest);
    text_from_hex_bytes(digest, sizeof(digest), hex);
    return mem_printf("%s%s.%s", folder, hex, name);
}

Test(publication, of_several_roles_and_a_file_is_served_and_its_images_are_taken)
{
    struct tenant *tenant = tenant_open();
    AUTO_FREE char *put = api_put_path("first", 5);
    AUTO_FREE char *trust = file_path("/t/default/image/targets/trust/", "pins", "anchors.json");
    AUTO_FREE char *image = file_path(image_path, "first", "rootfs.img");

    publish_first(tenant);
    {
        AUTO_ANSWER role = get(tenant, "/t/default/image/metadata/1.os-h1.json");
        AUTO_ANSWER encoded = get(tenant, "/t/default/image/metadata/1.os%2Dh1.json");
        AUTO_ANSWER next = get(tenant, "/t/default/image/metadata/2.os-h1.json");
        AUTO_ANSWER file = get(tenant, trust);
        AUTO_ANSWER stored = api_send(
            tenant->api,
            &(struct api_request){
                .method = "PUT", .path = put, .token = API_ADMIN, .body = "first", .body_len = 5});
        AUTO_ANSWER fetched = get(tenant, image);

        cr_expect_eq(role.status, 200);
        cr_expect(strstr(buf_text(&role.head), "immutable"));
        cr_expect_eq(encoded.status, 200);
        cr_expect_eq(next.status, 404);
        cr_expect_eq(file.status, 200);
        cr_expect_str_eq(buf_text(&file.body), "pins");
        cr_expect_eq(stored.status, 201, "%s", buf_text(&stored.body));
        cr_expect_str_eq(api_text(&stored, "role"), "os-h1");
        cr_expect_eq(fetched.status, 200);
        cr_expect_str_eq(buf_text(&fetched.body), "first");
    }
    tenant_close(tenant);
}

Test(publication, of_one_delegated_role_says_which_role_it_is)
{
    struct tenant *tenant = tenant_open();
    struct sign_key *key = tenant->offline->os[1];
    AUTO_BUF next = {0};

    publish_first(tenant);
    (void)json_object_set_new(tenant->offline->os_entries, "os/h1/2.0/rootfs.img",
                              offline_image("2.0", 2, "second", 6));
    next = offline_sign(offline_os(tenant->offline, 2), &key, 1);
    {
        struct api_request request = {.method = "POST",
                                      .path = "/api/v1/repo/metadata?role=os-h1",
                                      .token = API_ADMIN,
                                      .body = next.data,
                                      .body_len = next.len};
        AUTO_ANSWER good = api_send(tenant->api, &request);
        AUTO_ANSWER unnamed = {0};
        AUTO_ANSWER unsafe = {0};

        cr_expect_eq(good.status, 201, "%s", buf_text(&good.body));
        cr_expect_eq(api_number(&good, "os-h1.version"), 2);
        request.path = "/api/v1/repo/metadata";
        unnamed = api_send(tenant->api, &request);
        cr_expect_eq(unnamed.status, 422, "as targets it is signed by the wrong key: %s",
                     buf_text(&unnamed.body));
        request.path = "/api/v1/repo/metadata?role=a%20b";
        unsafe = api_send(tenant->api, &request);
        cr_expect_eq(unsafe.status, 422, "%s", buf_text(&unsafe.body));
        cr_expect_str_eq(api_text(&unsafe, "code"), "NAME_UNSAFE");
    }
    tenant_close(tenant);
}

Test(publication, of_the_directors_root_is_kept_beside_the_image_repository)
{
    struct tenant *tenant = tenant_open();
    struct sign_key *key = tenant->offline->director_root;
    AUTO_BUF root = {0};

    publish_first(tenant);
    root = offline_sign(offline_director_root(tenant->offline, 1), &key, 1);
    {
        struct api_request request = {.method = "POST",
                                      .path = "/api/v1/repo/metadata?repository=director",
                                      .token = API_ADMIN,
                                      .body = root.data,
                                      .body_len = root.len};
        AUTO_ANSWER good = api_send(tenant->api, &request);
        AUTO_ANSWER read = api_ask(tenant->api, "GET", "/api/v1/repo/metadata/director/root", NULL);
        AUTO_ANSWER image = get(tenant, "/t/default/image/metadata/2.root.json");
        AUTO_ANSWER odd = {0};

        cr_expect_eq(good.status, 201, "%s", buf_text(&good.body));
        cr_expect_eq(api_number(&good, "director/root.version"), 1);
        cr_expect_eq(api_number(&good, "timestamp.version"), 0, "nothing else is signed");
        cr_expect_eq(read.status, 200);
        cr_expect_eq(read.body.len, root.len);
        cr_expect_eq(image.status, 404);
        request.path = "/api/v1/repo/metadata?repository=mirror";
        odd = api_send(tenant->api, &request);
        cr_expect_eq(odd.status, 400, "%s", buf_text(&odd.body));
    }
    tenant_close(tenant);
}

/* Attack T58: the server runs the device's own verifier first. */
Test(publication, signed_by_a_key_that_is_not_delegated_for_the_path_is_422_DELEGATION_DENIED)
{
    static const struct {
        const char *what;
        const char *path;
        bool by_another_key;
    } cases[] = {
        {"another's path", "os/h2/2.0/rootfs.img", false},
        {"another's key", "os/h1/2.0/rootfs.img", true},
    };
    struct tenant *tenant = tenant_open();
    AUTO_ANSWER after = {0};

    publish_first(tenant);
    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO_REPO_BUNDLE bundle = {0};
        AUTO_ANSWER answer = {0};

        (void)json_object_set_new(tenant->offline->os_entries, cases[i].path,
                                  offline_image("2.0", 2, "second", 6));
        offline_add(&bundle, REPO_IMAGE, "os-h1", offline_os(tenant->offline, 2),
                    cases[i].by_another_key ? tenant->offline->targets : tenant->offline->os[0]);
        answer = publish(tenant, &bundle);
        cr_expect_eq(answer.status, 422, "%s: %s", cases[i].what, buf_text(&answer.body));
        cr_expect_str_eq(api_text(&answer, "code"), "DELEGATION_DENIED", "%s", cases[i].what);
        (void)json_object_del(tenant->offline->os_entries, cases[i].path);
    }
    after = get(tenant, "/t/default/image/metadata/2.os-h1.json");
    cr_expect_eq(after.status, 404, "nothing of it is published");
    tenant_close(tenant);
}

Test(publication, is_all_or_nothing)
{
    struct tenant *tenant = tenant_open();
    AUTO_REPO_BUNDLE bundle = {0};
    AUTO_ANSWER answer = {0};
    AUTO_ANSWER status = {0};

    publish_first(tenant);
    offline_add(&bundle, REPO_IMAGE, "targets", offline_targets(tenant->offline, 2, true),
                tenant->offline->targets);
    offline_add(&bundle, REPO_IMAGE, "os-h1", offline_os(tenant->offline, 3),
                tenant->offline->os[0]);
    answer = publish(tenant, &bundle);
    status = api_ask(tenant->api, "GET", "/api/v1/repo/status", NULL);
    cr_expect_eq(answer.status, 409, "%s", buf_text(&answer.body));
    cr_expect_eq(api_number(&status, "targets.version"), 1);
    tenant_close(tenant);
}

Test(publication, is_read_back_by_operators_by_name_and_by_role)
{
    struct tenant *tenant = tenant_open();

    publish_first(tenant);
    {
        AUTO_ANSWER index = api_ask(tenant->api, "GET", "/api/v1/repo/metadata", NULL);
        AUTO_ANSWER role = api_ask(tenant->api, "GET", "/api/v1/repo/metadata/image/os-h1", NULL);
        AUTO_ANSWER file =
            api_ask(tenant->api, "GET", "/api/v1/repo/metadata/image/1.os-h1.json", NULL);
        AUTO_ANSWER none = api_ask(tenant->api, "GET", "/api/v1/repo/metadata/director/root", NULL);
        AUTO_ANSWER odd = api_ask(tenant->api, "GET", "/api/v1/repo/metadata/mirror/root", NULL);
        AUTO_ANSWER other =
            api_send(tenant->api, &(struct api_request){.method = "GET",
                                                        .path = "/api/v1/repo/metadata/image/root",
                                                        .token = "other-reader"});
        AUTO_ANSWER status = api_ask(tenant->api, "GET", "/api/v1/repo/status", NULL);

        cr_expect_eq(api_number(&index, "documents"), 5);
        cr_expect_str_eq(api_text(&index, "documents.0.name"), "1.os-h1.json");
        cr_expect_eq(role.status, 200);
        cr_expect_eq(file.status, 200);
        cr_expect_str_eq(buf_text(&role.body), buf_text(&file.body));
        cr_expect_eq(none.status, 404);
        cr_expect_eq(odd.status, 404);
        cr_expect_eq(other.status, 404);
        cr_expect_eq(api_number(&status, "roles"), 5);
        cr_expect_str_eq(api_text(&status, "roles.0.role"), "os-h1");
        cr_expect_eq(api_number(&status, "roles.0.threshold"), 1);
        cr_expect_gt(strlen(api_text(&status, "roles.0.thief")), 20);
    }
    tenant_close(tenant);
}

/* An image whose entry is signed anew, with a floor, tells the director and the fleet so. */
Test(publication, that_says_more_of_a_stored_image_changes_its_row)
{
    struct tenant *tenant = tenant_open();
    AUTO_FREE char *put = api_put_path("first", 5);
    AUTO_REPO_BUNDLE bundle = {0};
    AUTO_ANSWER answer = {0};
    AUTO_ANSWER before = {0};
    AUTO_ANSWER after = {0};
    json_t *entry;

    publish_first(tenant);
    before = api_send(
        tenant->api,
        &(struct api_request){
            .method = "PUT", .path = put, .token = API_ADMIN, .body = "first", .body_len = 5});
    cr_assert_eq(before.status, 201);
    entry = json_object_get(tenant->offline->os_entries, "os/h1/1.0/rootfs.img");
    (void)json_object_set_new(json_object_get(entry, "custom"), "floor", json_integer(1));
    offline_add(&bundle, REPO_IMAGE, "os-h1", offline_os(tenant->offline, 2),
                tenant->offline->os[0]);
    answer = publish(tenant, &bundle);
    cr_assert_eq(answer.status, 201, "%s", buf_text(&answer.body));
    after = api_ask(tenant->api, "GET", put, NULL);
    cr_expect_eq(api_number(&before, "floor"), 0);
    cr_expect_eq(api_number(&after, "floor"), 1);
    tenant_close(tenant);
}

/* --- requests ----------------------------------------------------------------------------------
 */

/* The body of a request for the next os-h1 with one more image; `hash` is of its signed part. */
static char *request_body(const struct tenant *tenant, unsigned version, json_t *entry,
                          struct buf *signed_part)
{
    AUTO_FREE char *path = mem_printf("os/h1/%u.0/rootfs.img", version);
    AUTO_JSON *body = NULL;
    AUTO_JSON *asked = NULL;
    struct err err;

    (void)json_object_set_new(tenant->offline->os_entries, path, entry);
    body = offline_os(tenant->offline, version);
    buf_init(signed_part, 10000);
    cr_assert(json_canonical(body, signed_part, &err), "%s", err.text);
    asked = json_pack("{s:s, s:[{s:s, s:s, s:s}]}", "note", "release 2", "documents", "repository",
                      "image", "role", "os-h1", "signed", buf_text(signed_part));
    return json_text(asked);
}

static char *signature_body(const struct buf *signed_part, const struct sign_key *key, bool damage)
{
    uint8_t digest[HASH_BYTES];
    uint8_t sig[SIGN_BYTES];
    char hash_hex[HASH_HEX_ROOM];
    char sig_hex[SIGN_HEX_ROOM];
    char keyid[TUF_KEYID_ROOM];
    AUTO_JSON *body = NULL;

    hash_sha256(signed_part->data, signed_part->len, digest);
    text_from_hex_bytes(digest, sizeof(digest), hash_hex);
    sign_make(key, signed_part->data, signed_part->len, sig);
    sig[0] ^= damage;
    text_from_hex_bytes(sig, sizeof(sig), sig_hex);
    tuf_keyid(sign_key_public(key), keyid);
    body = json_pack("{s:[{s:s, s:s, s:s, s:[{s:s, s:s}]}]}", "documents", "repository", "image",
                     "role", "os-h1", "sha256", hash_hex, "signatures", "keyid", keyid, "sig",
                     sig_hex);
    return json_text(body);
}

static struct api_answer request_ask(struct tenant *tenant, const char *token, const char *id,
                                     const char *what, const char *body)
{
    AUTO_FREE char *path = mem_printf("/api/v1/repo/requests/%s%s", id, what);

    return api_send(tenant->api, &(struct api_request){.method = body ? "POST" : "GET",
                                                       .path = path,
                                                       .token = token,
                                                       .body = body,
                                                       .body_len = body ? strlen(body) : 0});
}

/* os-h1 wants both its keys from version 1 on. */
static void publish_first_of_two(struct tenant *tenant)
{
    struct sign_key *keys[] = {tenant->offline->os[0], tenant->offline->os[1]};
    AUTO_REPO_BUNDLE bundle = {0};
    AUTO_BUF os = {0};
    AUTO_ANSWER answer = {0};

    tenant->offline->os_threshold = 2;
    os = offline_sign(offline_os(tenant->offline, 1), keys, 2);
    offline_add(&bundle, REPO_IMAGE, "root", offline_root(tenant->offline, 1),
                tenant->offline->root);
    offline_add(&bundle, REPO_IMAGE, "targets", offline_targets(tenant->offline, 1, true),
                tenant->offline->targets);
    repo_bundle_add(&bundle, REPO_IMAGE, "os-h1", &os);
    answer = publish(tenant, &bundle);
    cr_assert_eq(answer.status, 201, "%s", buf_text(&answer.body));
}

Test(signing, gathers_signatures_and_publishes_with_the_last_one)
{
    struct tenant *tenant = tenant_open();
    AUTO_BUF part = {0};
    AUTO_FREE char *body = NULL;
    AUTO_ANSWER made = {0};

    publish_first_of_two(tenant);
    body = request_body(tenant, 2, offline_image("2.0", 2, "second", 6), &part);
    made = api_ask(tenant->api, "POST", "/api/v1/repo/requests", body);
    cr_assert_eq(made.status, 201, "%s", buf_text(&made.body));
    cr_expect_str_eq(api_text(&made, "state"), "open");
    cr_expect_str_eq(api_text(&made, "note"), "release 2");
    cr_expect_str_eq(api_text(&made, "documents.0.signed"), buf_text(&part));
    cr_expect_eq(api_number(&made, "documents.0.threshold"), 2);
    cr_expect_eq(api_number(&made, "documents.0.keyids"), 2);
    cr_expect_eq(api_number(&made, "documents.0.signed_by"), 0);
    cr_expect_eq(api_number(&made, "documents.0.summary"), 2);
    {
        const char *id = api_text(&made, "id");
        AUTO_FREE char *first = signature_body(&part, tenant->offline->os[0], false);
        AUTO_FREE char *damaged = signature_body(&part, tenant->offline->os[1], true);
        AUTO_FREE char *foreign = signature_body(&part, tenant->offline->targets, false);
        AUTO_FREE char *second = signature_body(&part, tenant->offline->os[1], false);
        AUTO_ANSWER one = request_ask(tenant, API_ADMIN, id, "/signatures", first);
        AUTO_ANSWER again = request_ask(tenant, API_ADMIN, id, "/signatures", first);
        AUTO_ANSWER bad = request_ask(tenant, API_ADMIN, id, "/signatures", damaged);
        AUTO_ANSWER nobody = request_ask(tenant, API_ADMIN, id, "/signatures", foreign);
        AUTO_ANSWER theirs = request_ask(tenant, "other-administrator", id, "/signatures", second);
        AUTO_ANSWER early = request_ask(tenant, "default-approver", id, "/approve", "");
        AUTO_ANSWER two = request_ask(tenant, "default-approver", id, "/signatures", second);
        AUTO_ANSWER late = request_ask(tenant, API_ADMIN, id, "/signatures", second);
        AUTO_ANSWER given_up = request_ask(tenant, API_ADMIN, id, "/withdraw", "");
        AUTO_ANSWER shown = request_ask(tenant, "default-reader", id, "", NULL);
        AUTO_ANSWER served = get(tenant, "/t/default/image/metadata/2.os-h1.json");

        cr_expect_eq(one.status, 200, "%s", buf_text(&one.body));
        cr_expect_str_eq(api_text(&one, "state"), "open");
        cr_expect_eq(api_number(&one, "documents.0.signed_by"), 1);
        cr_expect_eq(api_number(&again, "documents.0.signed_by"), 1, "the same counts once");
        cr_expect_eq(bad.status, 422, "%s", buf_text(&bad.body));
        cr_expect_eq(nobody.status, 422);
        cr_expect_str_eq(api_text(&nobody, "code"), "DELEGATION_DENIED");
        cr_expect_eq(theirs.status, 404);
        cr_expect_eq(early.status, 409, "%s", buf_text(&early.body));
        cr_expect_eq(two.status, 200, "%s", buf_text(&two.body));
        cr_expect_str_eq(api_text(&two, "state"), "published");
        cr_expect_eq(late.status, 409);
        cr_expect_eq(given_up.status, 409);
        cr_expect_str_eq(api_text(&shown, "state"), "published");
        cr_expect_eq(served.status, 200);
    }
    tenant_close(tenant);
}

Test(signing, is_given_up_by_withdrawing_and_listed_by_state)
{
    struct tenant *tenant = tenant_open();
    AUTO_BUF part = {0};
    AUTO_FREE char *body = NULL;
    AUTO_FREE char *signature = NULL;
    AUTO_ANSWER made = {0};

    publish_first_of_two(tenant);
    body = request_body(tenant, 2, offline_image("2.0", 2, "second", 6), &part);
    signature = signature_body(&part, tenant->offline->os[0], false);
    made = api_ask(tenant->api, "POST", "/api/v1/repo/requests", body);
    {
        const char *id = api_text(&made, "id");
        AUTO_ANSWER open = api_ask(tenant->api, "GET", "/api/v1/repo/requests?state=open", NULL);
        AUTO_ANSWER withdrawn = request_ask(tenant, API_ADMIN, id, "/withdraw", "");
        AUTO_ANSWER late = request_ask(tenant, API_ADMIN, id, "/signatures", signature);
        AUTO_ANSWER none = api_ask(tenant->api, "GET", "/api/v1/repo/requests?state=open", NULL);
        AUTO_ANSWER odd = api_ask(tenant->api, "GET", "/api/v1/repo/requests?state=lost", NULL);
        AUTO_ANSWER unknown =
            request_ask(tenant, API_ADMIN, "00000000-0000-0000-0000-000000000000", "", NULL);
        AUTO_ANSWER reader =
            api_send(tenant->api, &(struct api_request){.method = "POST",
                                                        .path = "/api/v1/repo/requests",
                                                        .token = "default-reader",
                                                        .body = body,
                                                        .body_len = strlen(body)});

        cr_expect_eq(api_number(&open, "items"), 1);
        cr_expect_str_eq(api_text(&open, "items.0.documents.0.role"), "os-h1");
        cr_expect_eq(withdrawn.status, 200, "%s", buf_text(&withdrawn.body));
        cr_expect_str_eq(api_text(&withdrawn, "state"), "withdrawn");
        cr_expect_eq(late.status, 409);
        cr_expect_eq(api_number(&none, "items"), 0);
        cr_expect_eq(odd.status, 400);
        cr_expect_eq(unknown.status, 404);
        cr_expect_eq(reader.status, 403);
    }
    tenant_close(tenant);
}

Test(signing, of_a_raised_floor_waits_for_another_person_where_the_tenant_wants_that)
{
    struct tenant *tenant = tenant_open();
    json_t *entry = offline_image("2.0", 2, "second", 6);
    AUTO_BUF part = {0};
    AUTO_FREE char *body = NULL;
    AUTO_FREE char *signature = NULL;
    AUTO_ANSWER settings = {0};
    AUTO_ANSWER direct = {0};
    AUTO_ANSWER made = {0};

    publish_first(tenant);
    settings = api_ask(tenant->api, "PATCH", "/api/v1/tenant", "{\"approval_changes\":true}");
    cr_assert_eq(settings.status, 200, "%s", buf_text(&settings.body));
    (void)json_object_set_new(json_object_get(entry, "custom"), "floor", json_integer(2));
    body = request_body(tenant, 2, entry, &part);
    signature = signature_body(&part, tenant->offline->os[0], false);
    {
        AUTO_REPO_BUNDLE bundle = {0};

        offline_add(&bundle, REPO_IMAGE, "os-h1", offline_os(tenant->offline, 2),
                    tenant->offline->os[0]);
        direct = publish(tenant, &bundle);
    }
    cr_expect_eq(direct.status, 409, "%s", buf_text(&direct.body));
    cr_expect_str_eq(api_text(&direct, "code"), "FOUR_EYES");

    made = api_ask(tenant->api, "POST", "/api/v1/repo/requests", body);
    {
        const char *id = api_text(&made, "id");
        AUTO_ANSWER signed_all = request_ask(tenant, API_ADMIN, id, "/signatures", signature);
        AUTO_ANSWER own = request_ask(tenant, API_ADMIN, id, "/approve", "");
        AUTO_ANSWER contributor = request_ask(tenant, "default-contributor", id, "/approve", "");
        AUTO_ANSWER waiting = get(tenant, "/t/default/image/metadata/2.os-h1.json");
        AUTO_ANSWER approved = request_ask(tenant, "default-approver", id, "/approve", "");
        AUTO_ANSWER served = get(tenant, "/t/default/image/metadata/2.os-h1.json");

        cr_expect_eq(signed_all.status, 200, "%s", buf_text(&signed_all.body));
        cr_expect_str_eq(api_text(&signed_all, "state"), "awaiting-approval");
        cr_expect_eq(own.status, 409, "%s", buf_text(&own.body));
        cr_expect_str_eq(api_text(&own, "code"), "FOUR_EYES");
        cr_expect_eq(contributor.status, 403);
        cr_expect_eq(waiting.status, 404);
        cr_expect_eq(approved.status, 200, "%s", buf_text(&approved.body));
        cr_expect_str_eq(api_text(&approved, "state"), "published");
        cr_expect_gt(strlen(api_text(&approved, "approver")), 4);
        cr_expect_eq(served.status, 200);
    }
    tenant_close(tenant);
}

Test(signing, refuses_what_could_never_be_published_and_bodies_of_another_form)
{
    struct tenant *tenant = tenant_open();
    AUTO_BUF part = {0};
    AUTO_FREE char *body = NULL;
    AUTO_ANSWER old = {0};
    AUTO_ANSWER garbage = {0};

    publish_first(tenant);
    json_object_clear(tenant->offline->os_entries);
    body = request_body(tenant, 1, offline_image("1.0", 1, "first", 5), &part);
    old = api_ask(tenant->api, "POST", "/api/v1/repo/requests", body);
    garbage = api_ask(tenant->api, "POST", "/api/v1/repo/requests", "{\"documents\":1}");
    cr_expect_eq(old.status, 409, "%s", buf_text(&old.body));
    cr_expect_eq(garbage.status, 400, "%s", buf_text(&garbage.body));
    tenant_close(tenant);
}
