#include <criterion/criterion.h>

#include "lib/base/mem.h"
#include "server/repo/view.h"
#include "tests/support/offline.h"

static json_t *body_of(const struct offline *offline, const char *role, unsigned version)
{
    static const struct tuf_listed listed = {.name = "targets", .version = 1, .length = 1};
    static const uint8_t hash[HASH_BYTES];

    if (strcmp(role, "root") == 0)
        return offline_root(offline, version);
    if (strcmp(role, "snapshot") == 0)
        return tuf_make_snapshot(version, offline->expires_ms, &listed, 1);
    if (strcmp(role, "timestamp") == 0)
        return tuf_make_timestamp(version, offline->expires_ms, 1, 1, hash);
    return offline_os(offline, version);
}

static struct repo_document *document(enum repo_kind kind, const char *role, unsigned version)
{
    struct offline *offline = offline_new();
    AUTO_BUF bytes = offline_sign(body_of(offline, role, version), &offline->root, 1);
    struct repo_document *out;
    struct err err;

    cr_assert(repo_document_new(kind, role, &bytes, true, &out, &err), "%s", err.text);
    offline_free(offline);
    return out;
}

static struct repo_view *view_of(struct repo_document **documents, size_t count)
{
    struct repo_view *view = repo_view_new(7, "acme", 0, documents, count);

    for (size_t i = 0; i < count; i++)
        repo_document_unref(documents[i]);
    return view;
}

Test(view, keeps_all_roots_and_the_newest_three_of_each_other_role)
{
    struct repo_document *documents[] = {
        document(REPO_IMAGE, "targets", 4),   document(REPO_IMAGE, "root", 1),
        document(REPO_IMAGE, "targets", 1),   document(REPO_IMAGE, "root", 2),
        document(REPO_IMAGE, "targets", 3),   document(REPO_IMAGE, "root", 3),
        document(REPO_IMAGE, "timestamp", 9), document(REPO_IMAGE, "targets", 2),
        document(REPO_IMAGE, "root", 5),      document(REPO_IMAGE, "timestamp", 8),
        document(REPO_IMAGE, "snapshot", 70), document(REPO_IMAGE, "root", 4),
        document(REPO_IMAGE, "os-h1", 6),     document(REPO_IMAGE, "os-h1", 5),
        document(REPO_IMAGE, "os-h1", 4),     document(REPO_IMAGE, "os-h1", 3),
        document(REPO_IMAGE, "os-h1+x", 1),   document(REPO_DIRECTOR, "root", 1),
        document(REPO_DIRECTOR, "root", 2),   document(REPO_DIRECTOR, "root", 3),
        document(REPO_DIRECTOR, "root", 4),
    };
    AUTO_REPO_VIEW *view = view_of(documents, COUNT(documents));
    static const struct {
        const char *name;
        bool image;
        bool director;
    } cases[] = {
        {"1.root.json", true, true},
        {"4.root.json", true, true},
        {"5.root.json", true, false},
        {"6.root.json", false, false},
        {"4.targets.json", true, false},
        {"2.targets.json", true, false},
        {"1.targets.json", false, false},
        {"70.snapshot.json", true, false},
        {"timestamp.json", true, false},
        {"9.timestamp.json", false, false},
        {"6.os-h1.json", true, false},
        {"4.os-h1.json", true, false},
        {"3.os-h1.json", false, false},
        {"1.os-h1+x.json", true, false},
        {"1.os-h1.json", false, false},
        {"root.json", false, false},
        {"1.root.jso", false, false},
        {"1.root.jsonx", false, false},
        {"01.root.json", false, false},
        {"0.root.json", false, false},
        {"1.roo.json", false, false},
        {"-1.root.json", false, false},
        {"", false, false},
        {".root.json", false, false},
        {"99999999999999999999.root.json", false, false},
        {"1root.json", false, false},
    };

    cr_expect_eq(repo_view_version(view, REPO_IMAGE, "root"), 5);
    cr_expect_eq(repo_view_version(view, REPO_IMAGE, "targets"), 4);
    cr_expect_eq(repo_view_version(view, REPO_IMAGE, "os-h1"), 6);
    cr_expect_eq(repo_view_version(view, REPO_IMAGE, "os-h"), 0);
    cr_expect_eq(repo_view_version(view, REPO_DIRECTOR, "root"), 4);
    for (size_t i = 0; i < COUNT(cases); i++) {
        cr_expect_eq(repo_view_find(view, REPO_IMAGE, cases[i].name) != NULL, cases[i].image, "%s",
                     cases[i].name);
        cr_expect_eq(repo_view_find(view, REPO_DIRECTOR, cases[i].name) != NULL, cases[i].director,
                     "director: %s", cases[i].name);
    }
    cr_expect_eq(repo_view_find(view, REPO_IMAGE, "timestamp.json")->version, 9);
}

Test(view, has_the_directors_roots_by_version_and_the_newest_by_0)
{
    struct repo_document *documents[] = {document(REPO_DIRECTOR, "root", 2),
                                         document(REPO_IMAGE, "root", 3),
                                         document(REPO_DIRECTOR, "root", 1)};
    AUTO_REPO_VIEW *view = view_of(documents, COUNT(documents));
    AUTO_REPO_VIEW *none = repo_view_new(1, "new", 0, NULL, 0);

    cr_expect_eq(repo_view_director_root(view, 0)->version, 2);
    cr_expect_eq(repo_view_director_root(view, 1)->version, 1);
    cr_expect_null(repo_view_director_root(view, 3));
    cr_expect_null(repo_view_director_root(none, 0));
}

Test(view, walks_the_newest_of_each_role_and_gives_the_offline_ones_to_be_verified)
{
    struct repo_document *documents[] = {
        document(REPO_IMAGE, "targets", 1), document(REPO_IMAGE, "os-h1", 2),
        document(REPO_IMAGE, "os-h1", 1), document(REPO_IMAGE, "snapshot", 1),
        document(REPO_IMAGE, "timestamp", 1)};
    AUTO_REPO_VIEW *view = view_of(documents, COUNT(documents));
    const struct repo_document *at = NULL;
    AUTO_FREE struct tuf_named *named = NULL;
    AUTO_BUF seen;
    size_t count;

    buf_init(&seen, 200);
    while ((at = repo_view_next_role(view, REPO_IMAGE, at)) != NULL)
        buf_printf(&seen, "%s%d ", at->role, (int)at->version);
    cr_expect_str_eq(buf_text(&seen), "os-h12 snapshot1 targets1 timestamp1 ");
    cr_expect_null(repo_view_next_role(view, REPO_DIRECTOR, NULL));
    named = repo_view_published(view, REPO_IMAGE, &count);
    cr_assert_eq(count, 2);
    cr_expect_str_eq(named[0].name, "os-h1");
    cr_expect_str_eq(named[1].name, "targets");
}

Test(view, knows_which_documents_say_who_signs)
{
    struct offline *offline = offline_new();
    AUTO_REPO_VIEW *nothing = offline_nothing();
    AUTO_REPO_BUNDLE bundle = {0};
    struct err err;

    offline_add_first(offline, &bundle);
    {
        AUTO_REPO_VIEW *view = offline_publish(offline, nothing, &bundle, &err);
        AUTO_FREE struct tuf_named *delegators = NULL;
        size_t count;

        cr_assert(view, "%s", err.text);
        delegators = repo_view_delegators(view, REPO_IMAGE, &count);
        cr_assert_eq(count, 2);
        cr_expect_str_eq(delegators[0].name, "root");
        cr_expect_str_eq(delegators[1].name, "targets");
    }
    offline_free(offline);
}

Test(view, of_a_new_tenant_has_nothing)
{
    AUTO_REPO_VIEW *view = repo_view_new(1, "new", 0, NULL, 0);
    uint8_t hash[HASH_BYTES] = {1};

    cr_expect_eq(repo_view_version(view, REPO_IMAGE, "root"), 0);
    cr_expect_null(repo_view_find(view, REPO_IMAGE, "timestamp.json"));
    cr_expect_null(repo_view_target(view, hash));
    cr_expect_null(repo_view_target_at(view, "os/h1/1.0/rootfs.img"));
    cr_expect_eq(view->target_count, 0);
}

Test(view, with_more_documents_leaves_the_old_one_as_it_was)
{
    struct repo_document *documents[] = {document(REPO_IMAGE, "root", 1)};
    struct repo_document *added[] = {document(REPO_IMAGE, "root", 2)};
    AUTO_REPO_VIEW *before = view_of(documents, 1);
    AUTO_REPO_VIEW *after = repo_view_with(before, added, 1);

    repo_document_unref(added[0]);
    cr_expect_eq(repo_view_version(before, REPO_IMAGE, "root"), 1);
    cr_expect_eq(repo_view_version(after, REPO_IMAGE, "root"), 2);
    cr_expect_not_null(repo_view_find(after, REPO_IMAGE, "1.root.json"));
    cr_expect_str_eq(after->tenant, "acme");
}

Test(view, finds_what_any_role_signs_by_its_hash_and_of_two_entries_the_newer)
{
    struct offline *offline = offline_new();
    AUTO_REPO_VIEW *nothing = offline_nothing();
    AUTO_REPO_BUNDLE bundle = {0};
    const struct tuf_target *target;
    uint8_t hash[HASH_BYTES];
    struct err err;

    (void)json_object_set_new(offline->entries, "os/h2/1/a.img", offline_image("1", 5, "other", 5));
    json_object_clear(offline->entries);
    (void)json_object_set_new(offline->os_entries, "os/h1/0.9/rootfs.img",
                              offline_image("0.9", 9, "first", 5));
    offline_add_first(offline, &bundle);
    {
        AUTO_REPO_VIEW *view = offline_publish(offline, nothing, &bundle, &err);

        cr_assert(view, "%s", err.text);
        hash_sha256("first", 5, hash);
        target = repo_view_target(view, hash);
        cr_assert(target);
        cr_expect_str_eq(target->path, "os/h1/0.9/rootfs.img");
        cr_expect_str_eq(target->role, "os-h1");
        cr_expect_eq(view->target_count, 2);
        cr_expect_eq(repo_view_target_at(view, "os/h1/1.0/rootfs.img")->release_counter, 1);
        hash[31] ^= 1;
        cr_expect_null(repo_view_target(view, hash));
    }
    offline_free(offline);
}
