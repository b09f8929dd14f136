#include <criterion/criterion.h>

#include "lib/base/mem.h"
#include "server/repo/publish.h"
#include "server/repo/renew.h"
#include "tests/support/api.h"

/* A repository with one image in it. */
static void begin(struct api *api)
{
    api_begin(api);
    mem_free(api_image(api, "1.0", 1, "first", 5));
}

static struct api_answer get(struct api *api, const char *path, const char *headers)
{
    return api_send(api, &(struct api_request){.method = "GET", .path = path, .headers = headers});
}

Test(publish, shows_everybody_the_documents_and_says_how_long_they_may_be_kept)
{
    struct api *api = api_open();
    begin(api);
    AUTO_ANSWER root = get(api, "/t/default/image/metadata/1.root.json", NULL);
    AUTO_ANSWER targets = get(api, "/t/default/image/metadata/1.targets.json", NULL);
    AUTO_ANSWER timestamp = get(api, "/t/default/image/metadata/timestamp.json", NULL);
    AUTO_ANSWER none = get(api, "/t/default/image/metadata/2.targets.json", NULL);
    AUTO_ANSWER nobody = get(api, "/t/nobody/image/metadata/timestamp.json", NULL);
    AUTO_ANSWER other = get(api, "/t/other/image/metadata/timestamp.json", NULL);
    AUTO_ANSWER status = api_ask(api, "GET", "/api/v1/repo/status", NULL);

    cr_expect_eq(root.status, 200);
    cr_expect(strstr(buf_text(&root.head), "immutable"));
    cr_expect_eq(targets.status, 200);
    cr_expect_eq(timestamp.status, 200);
    cr_expect(strstr(buf_text(&timestamp.head), "no-cache"));
    cr_expect_eq(none.status, 404);
    cr_expect_eq(nobody.status, 404);
    cr_expect_eq(other.status, 404);
    cr_expect_eq(api_number(&status, "root.version"), 1);
    cr_expect_eq(api_number(&status, "targets.version"), 1);
    cr_expect_eq(api_number(&status, "files"), 1);
    cr_expect_gt(api_number(&status, "timestamp.version"), 1000000000000);
    api_close(api);
}

Test(publish, answers_not_modified_to_the_same_tag)
{
    struct api *api = api_open();
    api_begin(api);
    AUTO_ANSWER first = get(api, "/t/default/image/metadata/1.root.json", NULL);
    const char *tag = strstr(buf_text(&first.head), "ETag: ");
    AUTO_FREE char *known = NULL;
    AUTO_ANSWER again = {0};

    cr_assert(tag);
    known = mem_printf("If-None-Match: %.66s\r\n", tag + 6);
    again = get(api, "/t/default/image/metadata/1.root.json", known);
    cr_expect_eq(again.status, 304);
    cr_expect_eq(again.body.len, 0);
    api_close(api);
}

Test(publish, refuses_over_http_with_the_status_that_says_what_to_do)
{
    struct api *api = api_open();
    api_begin(api);
    AUTO_BUF root = api_sign_root(api, 1);
    AUTO_BUF early = api_sign_targets(api, 2);
    AUTO_BUF good = api_sign_targets(api, 1);
    AUTO_ANSWER again = api_publish(api, &root);
    AUTO_ANSWER skipped = api_publish(api, &early);
    AUTO_ANSWER reader = api_send(api, &(struct api_request){.method = "POST",
                                                             .path = "/api/v1/repo/metadata",
                                                             .token = "default-reader",
                                                             .body = good.data,
                                                             .body_len = good.len});
    AUTO_ANSWER theirs = api_send(api, &(struct api_request){.method = "POST",
                                                             .path = "/api/v1/repo/metadata",
                                                             .token = "other-administrator",
                                                             .body = good.data,
                                                             .body_len = good.len});
    AUTO_ANSWER garbage = api_ask(api, "POST", "/api/v1/repo/metadata", "no");
    AUTO_ANSWER damaged = {0};
    AUTO_ANSWER published = {0};

    cr_expect_eq(again.status, 409, "%s", buf_text(&again.body));
    cr_expect_eq(skipped.status, 409, "%s", buf_text(&skipped.body));
    cr_expect_eq(reader.status, 403);
    cr_expect_eq(theirs.status, 409, "their repository has no root: %s", buf_text(&theirs.body));
    cr_expect_eq(garbage.status, 422, "%s", buf_text(&garbage.body));
    cr_expect_str_eq(api_text(&garbage, "code"), "JSON_STRICT");

    sign_key_free(api->keys[1]);
    api->keys[1] = sign_key_new();
    {
        AUTO_BUF evil = api_sign_targets(api, 1);

        damaged = api_publish(api, &evil);
    }
    cr_expect_eq(damaged.status, 422, "%s", buf_text(&damaged.body));
    cr_expect_str_eq(api_text(&damaged, "code"), "TARGETS_THRESHOLD");
    published = api_publish(api, &good);
    cr_expect_eq(published.status, 201, "%s", buf_text(&published.body));
    cr_expect_eq(api_number(&published, "targets.version"), 1);
    cr_expect_gt(api_number(&published, "timestamp.version"), 1);
    api_close(api);
}

Test(publish, verifies_a_long_document_in_the_background)
{
    struct api *api = api_open();
    api_begin(api);
    AUTO_ANSWER answer = {0};

    for (unsigned i = 0; i < 400; i++) {
        AUTO_FREE char *path = mem_printf("os/h1/%u/rootfs.img", i);

        api_add_target(api, path, i + 1, &i, sizeof(i));
    }
    {
        AUTO_BUF targets = api_sign_targets(api, 1);

        cr_assert_gt(targets.len, 65536);
        answer = api_publish(api, &targets);
    }
    cr_expect_eq(answer.status, 201, "%s", buf_text(&answer.body));
    api_close(api);
}

Test(publish, keeps_the_online_keys_it_made_and_gives_each_tenant_its_own)
{
    struct api *api = api_open();
    AUTO_ANSWER first = api_ask(api, "GET", "/api/v1/repo/online-keys", NULL);
    AUTO_ANSWER second = api_ask(api, "GET", "/api/v1/repo/online-keys", NULL);
    AUTO_ANSWER other = api_send(api, &(struct api_request){.method = "GET",
                                                            .path = "/api/v1/repo/online-keys",
                                                            .token = "other-reader"});

    cr_expect_eq(first.status, 200);
    cr_expect_eq(strlen(api_text(&first, "snapshot.keyid")), 64);
    cr_expect_str_eq(api_text(&first, "snapshot.keyid"), api_text(&second, "snapshot.keyid"));
    cr_expect_str_neq(api_text(&first, "snapshot.keyid"), api_text(&first, "timestamp.keyid"));
    cr_expect_str_neq(api_text(&first, "snapshot.keyid"), api_text(&other, "snapshot.keyid"));
    cr_expect_not(strstr(buf_text(&first.body), "seed"));
    api_close(api);
}

/* Another node's publication, or our own after a restart. */
Test(publish, is_found_by_a_server_that_only_reads_the_database)
{
    struct api *api = api_open();
    begin(api);
    struct repo *fresh = repo_new();

    repo_load(fresh, api->worker.db);
    while (!repo_ready(fresh))
        loop_turn(api->worker.loop);
    {
        AUTO_REPO_VIEW *view = repo_view_named(fresh, "default");
        AUTO_REPO_VIEW *other = repo_view_named(fresh, "other");

        cr_assert(view);
        cr_expect_eq(repo_view_version(view, REPO_IMAGE, "targets"), 1);
        cr_expect_eq(view->target_count, 1);
        cr_expect_not_null(repo_view_find(view, REPO_IMAGE, "timestamp.json"));
        cr_assert(other);
        cr_expect_eq(repo_view_version(other, REPO_IMAGE, "root"), 0);
        cr_expect_null(repo_view_named(fresh, "nobody"));
    }
    repo_free(fresh);
    api_close(api);
}

struct outcome {
    bool ended;
    struct err err;
};

static void on_changed(const struct repo_view *after, const struct repo_change *change,
                       const struct err *err, void *arg)
{
    struct outcome *outcome = arg;

    cr_assert_eq(after == NULL, err != NULL);
    cr_assert_eq(change == NULL, err != NULL);
    outcome->ended = true;
    outcome->err = err ? *err : (struct err){0};
}

static struct repo_place place_of(const struct api *api, struct repo *repo)
{
    return (struct repo_place){.repo = repo,
                               .db = api->worker.db,
                               .loop = api->worker.loop,
                               .signer = api->worker.signer,
                               .offload = api->worker.offload,
                               .artifacts = api->worker.artifacts};
}

Test(publish, is_a_conflict_for_whoever_did_not_see_the_last_one)
{
    struct api *api = api_open();
    api_begin(api);
    struct repo *late = repo_new();
    struct repo_place place = place_of(api, late);
    AUTO_BUF targets = api_sign_targets(api, 1);
    AUTO_REPO_BUNDLE bundle = {0};
    struct repo_source source = {.bundle = &bundle};
    struct outcome outcome = {0};
    AUTO_ANSWER published = {0};
    int64_t tenant_id;

    repo_load(late, api->worker.db);
    while (!repo_ready(late))
        loop_turn(api->worker.loop);
    {
        AUTO_REPO_VIEW *view = repo_view_named(late, "default");

        tenant_id = view->tenant_id;
    }
    published = api_publish(api, &targets);
    cr_assert_eq(published.status, 201);
    repo_bundle_of(REPO_IMAGE, "targets", targets.data, targets.len, &bundle);
    source.actor = (struct store_actor){.tenant_id = tenant_id, .token_id = 1, .request = "r"};
    repo_publish(&place, &source, on_changed, &outcome);
    cr_expect_not(outcome.ended, "never from inside the call");
    while (!outcome.ended)
        loop_turn(api->worker.loop);

    cr_expect_eq(outcome.err.code, ERR_CONFLICT);
    cr_expect(strstr(outcome.err.text, "changed meanwhile"), "%s", outcome.err.text);
    repo_free(late);
    api_close(api);
}

Test(publish, renews_timestamps_that_are_due_and_only_those)
{
    struct api *api = api_open();
    begin(api);
    struct repo_place place = place_of(api, api->worker.repo);
    struct repo_renewer *renewer = repo_renewer_new(&place);
    AUTO_REPO_VIEW *before = repo_view_named(api->worker.repo, "default");
    int64_t signed_ms = (int64_t)repo_view_version(before, REPO_IMAGE, "timestamp");
    uint64_t version = (uint64_t)signed_ms;

    repo_renewer_run(renewer, signed_ms + 11LL * 3600 * 1000);
    loop_flush(api->worker.loop);
    repo_renewer_run(renewer, signed_ms + 13LL * 3600 * 1000);
    repo_renewer_run(renewer, signed_ms + 13LL * 3600 * 1000); /* nothing: it runs */
    while (version == (uint64_t)signed_ms) {
        AUTO_REPO_VIEW *now = NULL;

        loop_turn(api->worker.loop);
        now = repo_view_named(api->worker.repo, "default");
        version = repo_view_version(now, REPO_IMAGE, "timestamp");
        cr_assert_eq(repo_view_version(now, REPO_IMAGE, "snapshot"),
                     repo_view_version(before, REPO_IMAGE, "snapshot"));
    }
    cr_expect_gt(version, (uint64_t)signed_ms);
    loop_flush(api->worker.loop);
    repo_renewer_free(renewer);
    api_close(api);
}
