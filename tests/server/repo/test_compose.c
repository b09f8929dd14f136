#include <criterion/criterion.h>

#include "lib/crypto/sign.h"
#include "server/repo/compose.h"
#include "tests/support/tuf_repo.h"

static const int64_t hour_ms = 3600000;

/* The repository's documents of these versions, as a view: 0 means none. */
static struct repo_view *view_of(struct tuf_repo *repo, const char *const *names)
{
    struct repo_document *documents[8] = {0};
    size_t count = 0;
    struct repo_view *view;

    for (; names[count]; count++) {
        const struct buf *bytes = tuf_repo_file(repo, names[count]);
        struct tuf_facts facts;
        struct err err;

        cr_assert(bytes, "%s", names[count]);
        cr_assert(tuf_peek(bytes->data, bytes->len, &facts, &err), "%s", err.text);
        cr_assert(
            repo_document_new(&facts, bytes->data, bytes->len, true, &documents[count], &err));
    }
    view = repo_view_new(1, "t", documents, count);
    for (size_t i = 0; i < count; i++)
        repo_document_unref(documents[i]);
    return view;
}

static struct repo_keys keys_of(const struct tuf_repo *repo)
{
    return (struct repo_keys){.snapshot = repo->keys[TUF_SNAPSHOT],
                              .timestamp = repo->keys[TUF_TIMESTAMP]};
}

static bool publish(struct tuf_repo *repo, const struct repo_view *before, const char *name,
                    struct repo_change *out, struct err *err)
{
    struct repo_keys keys = keys_of(repo);

    *err = (struct err){0};
    return repo_compose_publication(before, tuf_repo_file(repo, name), &keys, repo->now_ms, out,
                                    err);
}

static const char *const nothing[] = {NULL};
static const char *const rooted[] = {"1.root.json", NULL};
static const char *const all[] = {"1.root.json", "1.targets.json", "1.snapshot.json",
                                  "timestamp.json", NULL};

Test(compose, takes_a_first_root_alone)
{
    struct tuf_repo *repo = tuf_repo_new_updated();
    AUTO_REPO_VIEW *before = view_of(repo, nothing);
    AUTO_REPO_CHANGE change = {0};
    struct err err;

    cr_assert(publish(repo, before, "1.root.json", &change, &err), "%s", err.text);
    cr_expect_eq(change.count, 1);
    tuf_repo_free(repo);
}

Test(compose, signs_snapshot_and_timestamp_for_targets_that_a_device_then_accepts)
{
    struct tuf_repo *repo = tuf_repo_new_updated();
    AUTO_REPO_VIEW *before = view_of(repo, rooted);
    AUTO_REPO_CHANGE change = {0};
    struct tuf_set *set = NULL;
    struct err err;

    cr_assert(publish(repo, before, "1.targets.json", &change, &err), "%s", err.text);
    cr_assert_eq(change.count, 3);
    for (size_t i = 0; i < change.count; i++) {
        const struct repo_document *document = change.documents[i];
        char name[64];

        (void)snprintf(name, sizeof(name),
                       document->role == TUF_TIMESTAMP ? "timestamp.json" : "%llu.%s.json",
                       (unsigned long long)document->version, tuf_role_name(document->role));
        tuf_repo_put_bytes(repo, name, document->bytes.data, document->bytes.len);
    }
    cr_expect_eq(change.documents[1]->version, (uint64_t)repo->now_ms, "online versions are time");
    cr_expect_eq(change.documents[2]->version, (uint64_t)repo->now_ms);
    cr_expect_eq(change.documents[2]->expires_ms / 1000, (repo->now_ms + 24 * hour_ms) / 1000);
    cr_assert(tuf_repo_refresh(repo, &set, &err), "%s", err.text);
    cr_expect_eq(tuf_set_version(set, TUF_SNAPSHOT), (uint64_t)repo->now_ms);
    tuf_set_free(set);
    tuf_repo_free(repo);
}

Test(compose, refuses_what_a_device_would_refuse_or_what_is_not_next)
{
    struct tuf_repo *repo = tuf_repo_new_updated();
    AUTO_REPO_VIEW *empty = view_of(repo, nothing);
    AUTO_REPO_VIEW *root = view_of(repo, rooted);
    AUTO_REPO_VIEW *full = view_of(repo, all);
    size_t spare = TUF_ROLE_COUNT;
    json_t *foreign_root;
    const struct {
        const char *what;
        const struct repo_view *before;
        const char *file;
        enum err_code code;
        const char *says;
    } cases[] = {
        {"targets before a root", empty, "1.targets.json", ERR_CONFLICT, "root"},
        {"the same root again", root, "1.root.json", ERR_CONFLICT, "next one is 2"},
        {"root 3 after 1", root, "3.root.json", ERR_CONFLICT, "next one is 2"},
        {"a first root 2", empty, "2.root.json", ERR_CONFLICT, "next one is 1"},
        {"the same targets again", full, "1.targets.json", ERR_CONFLICT, "next one is 2"},
        {"targets 3 after 1", full, "3.targets.json", ERR_CONFLICT, "next one is 2"},
        {"targets by another key", full, "2.targets.json", ERR_UNTRUSTED, ""},
        {"a root with another timestamp key", root, "2.root.json", ERR_INVALID, "timestamp key"},
        {"a snapshot", full, "1.snapshot.json", ERR_INVALID, "signed by this server"},
        {"a timestamp", full, "timestamp.json", ERR_INVALID, "signed by this server"},
        {"no document", full, "garbage", ERR_UNTRUSTED, ""},
    };

    tuf_repo_put_targets(repo, 3);
    tuf_repo_put(repo, "2.targets.json", tuf_make_targets(2, repo->expires_ms, repo->targets, NULL),
                 &spare, 1);
    repo->key_of[TUF_TIMESTAMP] = spare;
    foreign_root = tuf_repo_root(repo, 2);
    tuf_repo_put(repo, "2.root.json", foreign_root, &repo->key_of[TUF_ROOT], 1);
    tuf_repo_put_root(repo, 3);
    tuf_repo_put_bytes(repo, "garbage", "{}", 2);

    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO_REPO_CHANGE change = {0};
        struct err err;

        cr_expect_not(publish(repo, cases[i].before, cases[i].file, &change, &err), "%s",
                      cases[i].what);
        cr_expect_eq(err.code, cases[i].code, "%s: %s", cases[i].what, err.text);
        cr_expect(strstr(err.text, cases[i].says), "%s: %s", cases[i].what, err.text);
        cr_expect_eq(change.count, 0);
    }
    tuf_repo_free(repo);
}

Test(compose, refuses_a_root_under_which_the_current_targets_are_not_signed)
{
    struct tuf_repo *repo = tuf_repo_new_updated();
    AUTO_REPO_VIEW *full = view_of(repo, all);
    AUTO_REPO_CHANGE change = {0};
    struct err err;

    repo->key_of[TUF_TARGETS] = TUF_ROLE_COUNT;
    tuf_repo_put_root(repo, 2);
    cr_expect_not(publish(repo, full, "2.root.json", &change, &err));
    cr_expect(strstr(err.text, "current targets"), "%s", err.text);

    repo->key_of[TUF_TARGETS] = TUF_TARGETS;
    tuf_repo_put_root(repo, 2);
    cr_expect(publish(repo, full, "2.root.json", &change, &err), "%s", err.text);
    tuf_repo_free(repo);
}

Test(compose, renews_the_timestamp_at_half_its_life_and_the_snapshot_with_it_when_that_is_old)
{
    struct tuf_repo *repo = tuf_repo_new_updated();
    AUTO_REPO_VIEW *root = view_of(repo, rooted);
    AUTO_REPO_VIEW *none = view_of(repo, nothing);
    struct repo_keys keys = keys_of(repo);
    AUTO_REPO_CHANGE first = {0};
    AUTO_REPO_CHANGE early = {0};
    AUTO_REPO_CHANGE late = {0};
    struct err err;

    cr_assert(publish(repo, root, "1.targets.json", &first, &err), "%s", err.text);
    {
        AUTO_REPO_VIEW *view = repo_view_with(root, first.documents, first.count);
        int64_t soon = repo->now_ms + 13 * hour_ms;
        int64_t later = repo->now_ms + 5LL * 24 * hour_ms;

        cr_expect_not(repo_compose_is_due(none, soon));
        cr_expect_not(repo_compose_is_due(view, repo->now_ms + 11 * hour_ms));
        cr_expect(repo_compose_is_due(view, soon));
        cr_assert(repo_compose_renewal(view, &keys, soon, &early, &err), "%s", err.text);
        cr_expect_eq(early.count, 1);
        cr_expect_eq(early.documents[0]->role, TUF_TIMESTAMP);
        cr_expect_eq(early.documents[0]->version, (uint64_t)soon);
        cr_assert(repo_compose_renewal(view, &keys, later, &late, &err), "%s", err.text);
        cr_expect_eq(late.count, 2);
    }
    tuf_repo_free(repo);
}

Test(compose, goes_past_every_version_when_the_clock_went_back)
{
    struct tuf_repo *repo = tuf_repo_new_updated();
    AUTO_REPO_VIEW *root = view_of(repo, rooted);
    struct repo_keys keys = keys_of(repo);
    AUTO_REPO_CHANGE first = {0};
    AUTO_REPO_CHANGE second = {0};
    struct err err;

    cr_assert(publish(repo, root, "1.targets.json", &first, &err), "%s", err.text);
    {
        AUTO_REPO_VIEW *view = repo_view_with(root, first.documents, first.count);

        cr_assert(repo_compose_renewal(view, &keys, repo->now_ms - 24 * hour_ms, &second, &err));
        cr_expect_eq(second.documents[second.count - 1]->version, (uint64_t)repo->now_ms + 1);
    }
    tuf_repo_free(repo);
}
