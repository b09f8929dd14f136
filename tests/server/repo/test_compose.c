#include <criterion/criterion.h>

#include "lib/base/mem.h"
#include "server/repo/compose.h"
#include "tests/support/offline.h"

static const int64_t hour_ms = 3600000;
static const char image_path[] = "os/h1/1.0/rootfs.img";

/* A tenant with root, targets that delegate, and os-h1, all of version 1. */
struct stage {
    struct offline *offline;
    struct repo_view *nothing;
    struct repo_view *first;
};

static struct stage stage_new(void)
{
    struct stage stage = {.offline = offline_new(), .nothing = offline_nothing()};
    AUTO_REPO_BUNDLE bundle = {0};
    struct err err;

    offline_add_first(stage.offline, &bundle);
    stage.first = offline_publish(stage.offline, stage.nothing, &bundle, &err);
    cr_assert(stage.first, "%s", err.text);
    return stage;
}

static void stage_done(struct stage *stage)
{
    repo_view_unref(stage->first);
    repo_view_unref(stage->nothing);
    offline_free(stage->offline);
}

/* Publishes what is in the bundle, and empties it. */
static struct repo_view *publish(struct stage *stage, const struct repo_view *before,
                                 struct repo_bundle *bundle, struct err *err)
{
    struct repo_view *after = offline_publish(stage->offline, before, bundle, err);

    repo_bundle_done(bundle);
    return after;
}

Test(compose, takes_a_first_root_alone)
{
    struct stage stage = stage_new();
    AUTO_REPO_BUNDLE bundle = {0};
    struct err err;

    offline_add(&bundle, REPO_IMAGE, "root", offline_root(stage.offline, 1), stage.offline->root);
    {
        AUTO_REPO_VIEW *after = publish(&stage, stage.nothing, &bundle, &err);

        cr_assert(after, "%s", err.text);
        cr_expect_eq(after->count, 1);
    }
    stage_done(&stage);
}

Test(compose, publishes_root_targets_and_a_delegated_role_at_once_and_a_device_accepts_them)
{
    struct stage stage = stage_new();
    uint64_t now = (uint64_t)stage.offline->now_ms;
    struct err err;

    cr_expect(offline_client_accepts(stage.offline, stage.first, image_path, &err), "%s", err.text);
    cr_expect_not(offline_client_accepts(stage.offline, stage.first, "os/h1/2/none.img", &err));
    cr_expect_eq(stage.first->count, 5);
    cr_expect_eq(repo_view_version(stage.first, REPO_IMAGE, "snapshot"), now,
                 "online versions are time");
    cr_expect_eq(repo_view_version(stage.first, REPO_IMAGE, "timestamp"), now);
    cr_expect_eq(repo_view_newest(stage.first, REPO_IMAGE, "timestamp")->expires_ms / 1000,
                 (stage.offline->now_ms + 24 * hour_ms) / 1000);
    stage_done(&stage);
}

Test(compose, publishes_the_next_of_one_role_and_lists_all_the_others_again)
{
    struct stage stage = stage_new();
    AUTO_REPO_BUNDLE bundle = {0};
    struct err err;

    (void)json_object_set_new(stage.offline->os_entries, "os/h1/2.0/rootfs.img",
                              offline_image("2.0", 2, "second", 6));
    offline_add(&bundle, REPO_IMAGE, "os-h1", offline_os(stage.offline, 2), stage.offline->os[1]);
    {
        AUTO_REPO_VIEW *after = publish(&stage, stage.first, &bundle, &err);

        cr_assert(after, "%s", err.text);
        cr_expect(offline_client_accepts(stage.offline, after, "os/h1/2.0/rootfs.img", &err), "%s",
                  err.text);
        cr_expect(offline_client_accepts(stage.offline, after, image_path, &err), "%s", err.text);
        cr_expect_eq(repo_view_version(after, REPO_IMAGE, "snapshot"),
                     (uint64_t)stage.offline->now_ms + 1);
        cr_expect_eq(repo_view_version(after, REPO_IMAGE, "targets"), 1);
    }
    stage_done(&stage);
}

/* --- refusals ----------------------------------------------------------------------------------
 */

static void add_targets(struct stage *stage, struct repo_bundle *bundle)
{
    offline_add(bundle, REPO_IMAGE, "targets", offline_targets(stage->offline, 2, true),
                stage->offline->targets);
}

static void add_foreign_path(struct stage *stage, struct repo_bundle *bundle)
{
    (void)json_object_set_new(stage->offline->os_entries, "os/h2/2.0/rootfs.img",
                              offline_image("2.0", 2, "second", 6));
    offline_add(bundle, REPO_IMAGE, "os-h1", offline_os(stage->offline, 2), stage->offline->os[0]);
}

static void add_foreign_hwid(struct stage *stage, struct repo_bundle *bundle)
{
    json_t *entry = offline_image("2.0", 2, "second", 6);

    (void)json_array_set_new(
        json_object_get(json_object_get(json_object_get(entry, "custom"), "match"), "hwids"), 0,
        json_string("h2"));
    (void)json_object_set_new(stage->offline->os_entries, "os/h1/2.0/rootfs.img", entry);
    offline_add(bundle, REPO_IMAGE, "os-h1", offline_os(stage->offline, 2), stage->offline->os[0]);
}

static void add_foreign_key(struct stage *stage, struct repo_bundle *bundle)
{
    offline_add(bundle, REPO_IMAGE, "os-h1", offline_os(stage->offline, 2),
                stage->offline->targets);
}

static void add_nobodys(struct stage *stage, struct repo_bundle *bundle)
{
    offline_add(bundle, REPO_IMAGE, "os-h2", offline_os(stage->offline, 1), stage->offline->os[0]);
}

static void add_wrong_targets(struct stage *stage, struct repo_bundle *bundle)
{
    offline_add(bundle, REPO_IMAGE, "targets", offline_targets(stage->offline, 2, true),
                stage->offline->os[0]);
}

static void add_again(struct stage *stage, struct repo_bundle *bundle)
{
    offline_add(bundle, REPO_IMAGE, "os-h1", offline_os(stage->offline, 1), stage->offline->os[0]);
}

static void add_skipped(struct stage *stage, struct repo_bundle *bundle)
{
    offline_add(bundle, REPO_IMAGE, "root", offline_root(stage->offline, 3), stage->offline->root);
}

static void add_expired(struct stage *stage, struct repo_bundle *bundle)
{
    stage->offline->expires_ms = stage->offline->now_ms;
    add_targets(stage, bundle);
}

static void add_rollback(struct stage *stage, struct repo_bundle *bundle)
{
    (void)json_object_set_new(stage->offline->os_entries, "os/h1/1.1/rootfs.img",
                              offline_image("1.1", 1, "late", 4));
    offline_add(bundle, REPO_IMAGE, "os-h1", offline_os(stage->offline, 2), stage->offline->os[0]);
}

static void add_snapshot(struct stage *stage, struct repo_bundle *bundle)
{
    const struct tuf_listed listed = {.name = "targets", .version = 1, .length = 1};

    offline_add(bundle, REPO_IMAGE, "snapshot",
                tuf_make_snapshot(2, stage->offline->expires_ms, &listed, 1),
                stage->offline->snapshot);
}

static void add_disguised(struct stage *stage, struct repo_bundle *bundle)
{
    offline_add(bundle, REPO_IMAGE, "targets", offline_root(stage->offline, 2),
                stage->offline->root);
}

static void add_directors_targets(struct stage *stage, struct repo_bundle *bundle)
{
    offline_add(bundle, REPO_DIRECTOR, "targets", offline_targets(stage->offline, 1, false),
                stage->offline->director);
}

static void add_other_online_key(struct stage *stage, struct repo_bundle *bundle)
{
    struct sign_key *own = stage->offline->timestamp;
    json_t *root;

    stage->offline->timestamp = stage->offline->os[0];
    root = offline_root(stage->offline, 2);
    stage->offline->timestamp = own;
    offline_add(bundle, REPO_IMAGE, "root", root, stage->offline->root);
}

/* The second document is bad, so the first is not published either. */
static void add_good_and_bad(struct stage *stage, struct repo_bundle *bundle)
{
    add_targets(stage, bundle);
    add_foreign_key(stage, bundle);
}

static void add_long(struct stage *stage, struct repo_bundle *bundle)
{
    for (unsigned i = 2; i < 440; i++) {
        AUTO_FREE char *path = mem_printf("os/h1/%u/rootfs.img", i);

        (void)json_object_set_new(stage->offline->os_entries, path,
                                  offline_image("x", i, &i, sizeof(i)));
    }
    offline_add(bundle, REPO_IMAGE, "os-h1", offline_os(stage->offline, 2), stage->offline->os[0]);
    cr_assert_gt(bundle->documents[0].bytes.len, (size_t)TUF_DELEGATED_BYTES_MAX);
    cr_assert_lt(bundle->documents[0].bytes.len, tuf_limits_device.targets_bytes_max);
}

Test(compose, refuses_what_a_device_would_refuse_or_what_is_not_next_and_changes_nothing)
{
    static const struct {
        const char *what;
        void (*add)(struct stage *, struct repo_bundle *);
        bool to_nothing;
        enum err_code code;
        enum refusal refusal;
        const char *says;
    } cases[] = {
        {"targets before a root", add_nobodys, true, ERR_CONFLICT, REFUSAL_NONE, "root"},
        {"a path outside the delegation", add_foreign_path, false, ERR_UNTRUSTED,
         REFUSAL_DELEGATION_DENIED, "os/h2"},
        {"hardware outside the delegation", add_foreign_hwid, false, ERR_UNTRUSTED,
         REFUSAL_DELEGATION_DENIED, "hardware"},
        {"a key that is not delegated", add_foreign_key, false, ERR_UNTRUSTED,
         REFUSAL_DELEGATION_DENIED, ""},
        {"a role that nobody delegates", add_nobodys, false, ERR_UNTRUSTED,
         REFUSAL_DELEGATION_DENIED, ""},
        {"targets by another key", add_wrong_targets, false, ERR_UNTRUSTED,
         REFUSAL_TARGETS_THRESHOLD, ""},
        {"the same version again", add_again, false, ERR_CONFLICT, REFUSAL_NONE, "next one is 2"},
        {"a version too far", add_skipped, false, ERR_CONFLICT, REFUSAL_NONE, "next one is 2"},
        {"a first root 3", add_skipped, true, ERR_CONFLICT, REFUSAL_NONE, "next one is 1"},
        {"what has expired", add_expired, false, ERR_UNTRUSTED, REFUSAL_TARGETS_EXPIRED, ""},
        {"a counter that was used", add_rollback, false, ERR_UNTRUSTED, REFUSAL_RELEASE_ROLLBACK,
         ""},
        {"a snapshot", add_snapshot, false, ERR_INVALID, REFUSAL_NONE, "signed by this server"},
        {"a root as targets", add_disguised, false, ERR_UNTRUSTED, REFUSAL_WRONG_TYPE, ""},
        {"the director's targets", add_directors_targets, false, ERR_INVALID, REFUSAL_NONE,
         "for each device"},
        {"a root with another timestamp key", add_other_online_key, false, ERR_INVALID,
         REFUSAL_NONE, "timestamp key"},
        {"a good and a bad one", add_good_and_bad, false, ERR_UNTRUSTED, REFUSAL_DELEGATION_DENIED,
         "documents[1]"},
        {"a delegated role of more than 96 KiB", add_long, false, ERR_UNTRUSTED,
         REFUSAL_LENGTH_LIMIT, ""},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct stage stage = stage_new();
        AUTO_REPO_BUNDLE bundle = {0};
        struct err err;

        cases[i].add(&stage, &bundle);
        cr_expect_null(
            publish(&stage, cases[i].to_nothing ? stage.nothing : stage.first, &bundle, &err), "%s",
            cases[i].what);
        cr_expect_eq(err.code, cases[i].code, "%s: %s", cases[i].what, err.text);
        cr_expect_eq(err.refusal, cases[i].refusal, "%s: %s", cases[i].what, err.text);
        cr_expect(strstr(err.text, cases[i].says), "%s: %s", cases[i].what, err.text);
        stage_done(&stage);
    }
}

Test(compose, takes_a_root_that_rotates_a_key_only_together_with_what_that_key_signs)
{
    struct stage stage = stage_new();
    AUTO_REPO_BUNDLE alone = {0};
    AUTO_REPO_BUNDLE together = {0};
    struct err err;

    sign_key_free(stage.offline->targets);
    stage.offline->targets = sign_key_new();
    offline_add(&alone, REPO_IMAGE, "root", offline_root(stage.offline, 2), stage.offline->root);
    cr_expect_null(publish(&stage, stage.first, &alone, &err));
    cr_expect(strstr(err.text, "devices would refuse"), "%s", err.text);
    offline_add(&together, REPO_IMAGE, "root", offline_root(stage.offline, 2), stage.offline->root);
    add_targets(&stage, &together);
    {
        AUTO_REPO_VIEW *after = publish(&stage, stage.first, &together, &err);

        cr_assert(after, "%s", err.text);
        cr_expect(offline_client_accepts(stage.offline, after, image_path, &err), "%s", err.text);
    }
    stage_done(&stage);
}

Test(compose, takes_new_keys_of_a_delegation_only_together_with_the_role)
{
    struct stage stage = stage_new();
    AUTO_REPO_BUNDLE alone = {0};
    AUTO_REPO_BUNDLE together = {0};
    struct err err;

    sign_key_free(stage.offline->os[0]);
    stage.offline->os[0] = sign_key_new();
    add_targets(&stage, &alone);
    cr_expect_null(publish(&stage, stage.first, &alone, &err));
    cr_expect_eq(err.refusal, REFUSAL_DELEGATED_THRESHOLD, "%s", err.text);
    add_targets(&stage, &together);
    offline_add(&together, REPO_IMAGE, "os-h1", offline_os(stage.offline, 2), stage.offline->os[0]);
    {
        AUTO_REPO_VIEW *after = publish(&stage, stage.first, &together, &err);

        cr_assert(after, "%s", err.text);
        cr_expect(offline_client_accepts(stage.offline, after, image_path, &err), "%s", err.text);
    }
    stage_done(&stage);
}

Test(compose, lists_a_role_for_ever_once_it_was_published)
{
    struct stage stage = stage_new();
    AUTO_REPO_BUNDLE bundle = {0};
    struct err err;

    offline_add(&bundle, REPO_IMAGE, "targets", offline_targets(stage.offline, 2, false),
                stage.offline->targets);
    {
        AUTO_REPO_VIEW *after = publish(&stage, stage.first, &bundle, &err);
        const struct repo_document *snapshot;

        cr_assert(after, "%s", err.text);
        snapshot = repo_view_newest(after, REPO_IMAGE, "snapshot");
        cr_expect(strstr(buf_text(&snapshot->bytes), "\"os-h1.json\""));
        cr_expect(offline_client_accepts(stage.offline, after, NULL, &err), "%s", err.text);
        cr_expect_not(offline_client_accepts(stage.offline, after, image_path, &err));
        cr_expect_eq(err.refusal, REFUSAL_TARGET_NOT_IN_IMAGE_REPO);
    }
    stage_done(&stage);
}

/* --- files -------------------------------------------------------------------------------------
 */

static void set_file(const struct stage *stage, const char *path, const char *text)
{
    (void)json_object_set_new(stage->offline->entries, path, offline_file(text));
}

Test(compose, takes_a_trust_file_with_the_publication_that_lists_it)
{
    struct stage stage = stage_new();
    AUTO_REPO_BUNDLE bundle = {0};
    struct err err;

    set_file(&stage, "trust/anchors.json", "pins");
    add_targets(&stage, &bundle);
    cr_expect_null(publish(&stage, stage.first, &bundle, &err));
    cr_expect_eq(err.code, ERR_CONFLICT, "it did not come: %s", err.text);

    add_targets(&stage, &bundle);
    repo_bundle_add_file(&bundle, "trust/anchors.json", "pens", 4);
    cr_expect_null(publish(&stage, stage.first, &bundle, &err));
    cr_expect_eq(err.code, ERR_INVALID, "other bytes: %s", err.text);

    add_targets(&stage, &bundle);
    repo_bundle_add_file(&bundle, "trust/anchors.json", "pins", 4);
    repo_bundle_add_file(&bundle, "trust/more.json", "x", 1);
    cr_expect_null(publish(&stage, stage.first, &bundle, &err));
    cr_expect_eq(err.code, ERR_INVALID, "one that nobody lists: %s", err.text);

    add_targets(&stage, &bundle);
    repo_bundle_add_file(&bundle, "trust/anchors.json", "pins", 4);
    {
        AUTO_REPO_VIEW *after = publish(&stage, stage.first, &bundle, &err);

        cr_assert(after, "%s", err.text);
        offline_add(&bundle, REPO_IMAGE, "targets", offline_targets(stage.offline, 3, true),
                    stage.offline->targets);
        {
            AUTO_REPO_VIEW *later = publish(&stage, after, &bundle, &err);

            cr_expect(later, "the file need not come again: %s", err.text);
        }
    }
    stage_done(&stage);
}

/* --- the director's root -----------------------------------------------------------------------
 */

static void add_director_root(const struct stage *stage, struct repo_bundle *bundle,
                              unsigned version)
{
    offline_add(bundle, REPO_DIRECTOR, "root", offline_director_root(stage->offline, version),
                stage->offline->director_root);
}

Test(compose, takes_the_directors_root_without_touching_the_image_repository)
{
    struct stage stage = stage_new();
    AUTO_REPO_BUNDLE bundle = {0};
    struct err err;

    add_director_root(&stage, &bundle, 1);
    {
        AUTO_REPO_VIEW *after = publish(&stage, stage.first, &bundle, &err);

        cr_assert(after, "%s", err.text);
        cr_expect_eq(after->count, stage.first->count + 1);
        cr_expect_eq(repo_view_director_root(after, 0)->version, 1);
        add_director_root(&stage, &bundle, 3);
        cr_expect_null(publish(&stage, after, &bundle, &err));
        cr_expect_eq(err.code, ERR_CONFLICT);
    }
    stage_done(&stage);
}

Test(compose, refuses_a_directors_root_with_the_image_roots_keys_or_another_online_key)
{
    struct stage stage = stage_new();
    AUTO_REPO_BUNDLE bundle = {0};
    struct sign_key *own = stage.offline->director_root;
    struct err err;

    stage.offline->director_root = stage.offline->root;
    add_director_root(&stage, &bundle, 1);
    cr_expect_null(publish(&stage, stage.first, &bundle, &err));
    cr_expect_eq(err.code, ERR_INVALID, "%s", err.text);
    cr_expect(strstr(err.text, "each needs its own"), "%s", err.text);
    stage.offline->director_root = own;

    own = stage.offline->director;
    stage.offline->director = stage.offline->timestamp;
    {
        json_t *body = offline_director_root(stage.offline, 1);

        stage.offline->director = own;
        offline_add(&bundle, REPO_DIRECTOR, "root", body, stage.offline->director_root);
    }
    cr_expect_null(publish(&stage, stage.first, &bundle, &err));
    cr_expect_eq(err.code, ERR_INVALID, "%s", err.text);
    cr_expect(strstr(err.text, "does not name this server's"), "%s", err.text);
    stage_done(&stage);
}

Test(compose, takes_as_a_devices_first_director_root_only_one_that_is_published)
{
    struct stage stage = stage_new();
    AUTO_BUF root =
        offline_sign(offline_director_root(stage.offline, 1), &stage.offline->director_root, 1);
    AUTO_REPO_BUNDLE bundle = {0};
    struct err err;

    set_file(&stage, "trust/director-root.json", buf_text(&root));
    add_targets(&stage, &bundle);
    repo_bundle_add_file(&bundle, "trust/director-root.json", root.data, root.len);
    cr_expect_null(publish(&stage, stage.first, &bundle, &err));
    cr_expect_eq(err.code, ERR_CONFLICT, "%s", err.text);

    repo_bundle_add(&bundle, REPO_DIRECTOR, "root", &root);
    add_targets(&stage, &bundle);
    repo_bundle_add_file(&bundle, "trust/director-root.json", root.data, root.len);
    {
        AUTO_REPO_VIEW *after = publish(&stage, stage.first, &bundle, &err);

        cr_expect(after, "%s", err.text);
    }
    stage_done(&stage);
}

/* --- renewal -----------------------------------------------------------------------------------
 */

Test(compose, renews_the_timestamp_at_half_its_life_and_the_snapshot_with_it_when_that_is_old)
{
    struct stage stage = stage_new();
    int64_t now_ms = stage.offline->now_ms;
    int64_t soon = now_ms + 13 * hour_ms;
    int64_t later = now_ms + 5LL * 24 * hour_ms;
    struct err err;

    cr_expect_not(repo_compose_is_due(stage.nothing, soon));
    cr_expect_not(repo_compose_is_due(stage.first, now_ms + 11 * hour_ms));
    cr_expect(repo_compose_is_due(stage.first, soon));
    {
        AUTO_REPO_VIEW *early = offline_renew(stage.offline, stage.first, soon, &err);
        AUTO_REPO_VIEW *late = offline_renew(stage.offline, stage.first, later, &err);

        cr_assert(early && late, "%s", err.text);
        cr_expect_eq(repo_view_version(early, REPO_IMAGE, "timestamp"), (uint64_t)soon);
        cr_expect_eq(repo_view_version(early, REPO_IMAGE, "snapshot"), (uint64_t)now_ms);
        cr_expect_eq(repo_view_version(late, REPO_IMAGE, "snapshot"), (uint64_t)later);
        cr_expect(offline_client_accepts(stage.offline, late, image_path, &err), "%s", err.text);
    }
    stage_done(&stage);
}

Test(compose, goes_past_every_version_when_the_clock_went_back_or_a_floor_was_set)
{
    struct stage stage = stage_new();
    int64_t now_ms = stage.offline->now_ms;
    AUTO_REPO_VIEW *raised =
        repo_view_new(1, "t", (uint64_t)now_ms + 5000, stage.first->documents, stage.first->count);
    struct err err;

    cr_expect(repo_compose_is_due(raised, now_ms));
    {
        AUTO_REPO_VIEW *back =
            offline_renew(stage.offline, stage.first, now_ms - 24 * hour_ms, &err);
        AUTO_REPO_VIEW *past = offline_renew(stage.offline, raised, now_ms, &err);

        cr_assert(back && past, "%s", err.text);
        cr_expect_eq(repo_view_version(back, REPO_IMAGE, "timestamp"), (uint64_t)now_ms + 1);
        cr_expect_eq(repo_view_version(past, REPO_IMAGE, "timestamp"), (uint64_t)now_ms + 5000);
        cr_expect_eq(repo_view_version(past, REPO_IMAGE, "snapshot"), (uint64_t)now_ms + 5000);
        cr_expect_not(repo_compose_is_due(past, now_ms));
    }
    stage_done(&stage);
}

Test(compose, goes_past_what_was_signed_and_got_lost)
{
    struct stage stage = stage_new();
    uint64_t signed_max = (uint64_t)stage.offline->now_ms + 7000;
    struct repo_change change = {.signed_max = signed_max};
    struct tuf_facts facts = {0};
    struct err err = {0};
    AUTO_BUF text;

    buf_init(&text, TUF_SNAPSHOT_BYTES_MAX);
    buf_add_text(&text, "{\"signatures\":[],\"signed\":");
    cr_assert(repo_compose_timestamp(stage.first, &change, stage.offline->now_ms, &text, &err),
              "%s", err.text);
    buf_add_text(&text, "}");
    cr_assert(tuf_peek(text.data, text.len, &facts, &err), "%s", err.text);

    cr_expect_eq(facts.version, signed_max + 1);
    stage_done(&stage);
}

/* --- approval ----------------------------------------------------------------------------------
 */

static void add_plain_release(struct stage *stage, struct repo_bundle *bundle)
{
    (void)json_object_set_new(stage->offline->os_entries, "os/h1/2.0/rootfs.img",
                              offline_image("2.0", 7, "second", 6));
    offline_add(bundle, REPO_IMAGE, "os-h1", offline_os(stage->offline, 2), stage->offline->os[0]);
}

static void add_floor(struct stage *stage, struct repo_bundle *bundle)
{
    json_t *entry = offline_image("2.0", 7, "second", 6);

    (void)json_object_set_new(json_object_get(entry, "custom"), "floor", json_integer(1));
    (void)json_object_set_new(stage->offline->os_entries, "os/h1/2.0/rootfs.img", entry);
    offline_add(bundle, REPO_IMAGE, "os-h1", offline_os(stage->offline, 2), stage->offline->os[0]);
}

static void add_renewed_root(struct stage *stage, struct repo_bundle *bundle)
{
    stage->offline->expires_ms += hour_ms;
    offline_add(bundle, REPO_IMAGE, "root", offline_root(stage->offline, 2), stage->offline->root);
}

static void add_threshold(struct stage *stage, struct repo_bundle *bundle)
{
    struct sign_key *keys[] = {stage->offline->os[0], stage->offline->os[1]};
    AUTO_BUF os = {0};

    stage->offline->os_threshold = 2;
    add_targets(stage, bundle);
    os = offline_sign(offline_os(stage->offline, 2), keys, 2);
    repo_bundle_add(bundle, REPO_IMAGE, "os-h1", &os);
}

static void add_first_director_root(struct stage *stage, struct repo_bundle *bundle)
{
    add_director_root(stage, bundle, 1);
}

Test(compose, wants_approval_for_other_keys_and_for_raised_floors_only)
{
    static const struct {
        const char *what;
        void (*add)(struct stage *, struct repo_bundle *);
        bool needed;
    } cases[] = {
        {"a release", add_plain_release, false},
        {"a release with a first floor", add_floor, true},
        {"the same keys for longer", add_renewed_root, false},
        {"the same delegations for longer", add_targets, false},
        {"another threshold of a delegation", add_threshold, true},
        {"a first root", add_first_director_root, false},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct stage stage = stage_new();
        struct repo_online_keys keys = offline_online(stage.offline);
        AUTO_REPO_CHANGE change = {0};
        AUTO_REPO_BUNDLE bundle = {0};
        struct err err;

        cases[i].add(&stage, &bundle);
        cr_assert(repo_compose_publication(stage.first, &bundle, &keys, stage.offline->now_ms,
                                           &change, &err),
                  "%s: %s", cases[i].what, err.text);
        cr_expect_eq(
            repo_change_needs_approval(
                stage.first, (const struct repo_document *const *)change.documents, change.count),
            cases[i].needed, "%s", cases[i].what);
        stage_done(&stage);
    }
}
