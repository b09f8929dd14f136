#include <criterion/criterion.h>

#include "lib/base/mem.h"
#include "server/repo/view.h"
#include "tests/support/tuf_repo.h"

static struct repo_document *document(enum tuf_role role, uint64_t version)
{
    struct tuf_facts facts = {.role = role, .version = version, .expires_ms = 1};
    struct repo_document *out;
    struct err err;

    cr_assert(repo_document_new(&facts, "{}", 2, false, &out, &err));
    return out;
}

static struct repo_view *view_of(struct repo_document **documents, size_t count)
{
    struct repo_view *view = repo_view_new(7, "acme", documents, count);

    for (size_t i = 0; i < count; i++)
        repo_document_unref(documents[i]);
    return view;
}

Test(view, keeps_all_roots_and_the_newest_three_of_the_others)
{
    struct repo_document *documents[] = {
        document(TUF_TARGETS, 4),   document(TUF_ROOT, 1),      document(TUF_TARGETS, 1),
        document(TUF_ROOT, 2),      document(TUF_TARGETS, 3),   document(TUF_ROOT, 3),
        document(TUF_TIMESTAMP, 9), document(TUF_TARGETS, 2),   document(TUF_ROOT, 5),
        document(TUF_TIMESTAMP, 8), document(TUF_SNAPSHOT, 70), document(TUF_ROOT, 4),
    };
    AUTO_REPO_VIEW *view = view_of(documents, COUNT(documents));
    static const struct {
        const char *name;
        bool there;
    } cases[] = {
        {"1.root.json", true},
        {"5.root.json", true},
        {"6.root.json", false},
        {"4.targets.json", true},
        {"2.targets.json", true},
        {"1.targets.json", false},
        {"70.snapshot.json", true},
        {"timestamp.json", true},
        {"9.timestamp.json", false},
        {"root.json", false},
        {"1.root.jso", false},
        {"1.root.jsonx", false},
        {"01.root.json", false},
        {"0.root.json", false},
        {"1.roo.json", false},
        {"-1.root.json", false},
        {"", false},
        {".root.json", false},
        {"99999999999999999999.root.json", false},
        {"1root.json", false},
    };

    cr_expect_eq(repo_view_version(view, TUF_ROOT), 5);
    cr_expect_eq(repo_view_version(view, TUF_TARGETS), 4);
    cr_expect_eq(repo_view_version(view, TUF_TIMESTAMP), 9);
    for (size_t i = 0; i < COUNT(cases); i++)
        cr_expect_eq(repo_view_find(view, cases[i].name) != NULL, cases[i].there, "%s",
                     cases[i].name);
    cr_expect_eq(repo_view_find(view, "timestamp.json")->version, 9);
}

Test(view, of_a_new_tenant_has_nothing)
{
    AUTO_REPO_VIEW *view = repo_view_new(1, "new", NULL, 0);
    AUTO_TUF_TARGET target = {0};
    uint8_t hash[HASH_BYTES] = {1};

    cr_expect_eq(repo_view_version(view, TUF_ROOT), 0);
    cr_expect_null(repo_view_find(view, "timestamp.json"));
    cr_expect_not(repo_view_target(view, hash, &target));
    cr_expect_eq(repo_view_target_count(view), 0);
}

Test(view, with_more_documents_leaves_the_old_one_as_it_was)
{
    struct repo_document *documents[] = {document(TUF_ROOT, 1)};
    struct repo_document *added[] = {document(TUF_ROOT, 2)};
    AUTO_REPO_VIEW *before = view_of(documents, 1);
    AUTO_REPO_VIEW *after = repo_view_with(before, added, 1);

    repo_document_unref(added[0]);
    cr_expect_eq(repo_view_version(before, TUF_ROOT), 1);
    cr_expect_eq(repo_view_version(after, TUF_ROOT), 2);
    cr_expect_not_null(repo_view_find(after, "1.root.json"));
    cr_expect_str_eq(after->tenant, "acme");
}

Test(view, finds_what_is_signed_by_its_hash)
{
    struct tuf_repo *repo = tuf_repo_new_updated();
    const struct buf *bytes = tuf_repo_file(repo, "1.targets.json");
    struct tuf_facts facts;
    struct repo_document *targets;
    AUTO_TUF_TARGET target = {0};
    uint8_t hash[HASH_BYTES];
    struct err err;

    memset(hash, 1, sizeof(hash)); /* the repository's one image has such a hash */
    cr_assert(tuf_peek(bytes->data, bytes->len, &facts, &err), "%s", err.text);
    cr_assert(repo_document_new(&facts, bytes->data, bytes->len, true, &targets, &err), "%s",
              err.text);
    {
        AUTO_REPO_VIEW *view = view_of(&targets, 1);

        cr_expect_eq(repo_view_target_count(view), 1);
        cr_expect(repo_view_target(view, hash, &target));
        cr_expect_str_eq(target.path, "os/h1/v1/a.img");
        hash[31] = 2;
        cr_expect_not(repo_view_target(view, hash, &target));
    }
    tuf_repo_free(repo);
}
