#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "lib/base/text.h"
#include "tests/support/tuf_graph.h"

Test(find, goes_depth_first_in_the_order_of_the_delegations)
{
    static const struct {
        const char *what;
        struct graph_edge edges[6];
        struct graph_listed listed[3];
        const char *result;
        const char *fetched;
    } cases[] = {
        {"at the top",
         {{.from = "targets", .to = "A"}},
         {{"targets", "os/h/x"}, {"A", "os/h/x"}},
         "targets",
         ""},
        {"one level", {{.from = "targets", .to = "A"}}, {{"A", "os/h/x"}}, "A", "1.A.json "},
        {"the first of two",
         {{.from = "targets", .to = "A"}, {.from = "targets", .to = "B"}},
         {{"A", "os/h/x"}, {"B", "os/h/x"}},
         "A",
         "1.A.json "},
        {"children before siblings",
         {{.from = "targets", .to = "A"},
          {.from = "targets", .to = "B"},
          {.from = "A", .to = "C"},
          {.from = "A", .to = "D"}},
         {{"B", "os/h/x"}},
         "B",
         "1.A.json 1.C.json 1.D.json 1.B.json "},
        {"grandchildren first",
         {{.from = "targets", .to = "A"},
          {.from = "targets", .to = "B"},
          {.from = "A", .to = "C"},
          {.from = "C", .to = "D"}},
         {{"B", "os/h/x"}},
         "B",
         "1.A.json 1.C.json 1.D.json 1.B.json "},
        {"a terminating delegation ends it",
         {{.from = "targets", .to = "A"},
          {.from = "targets", .to = "B"},
          {.from = "A", .to = "C", .terminating = true},
          {.from = "A", .to = "D"},
          {.from = "C", .to = "E"}},
         {{"B", "os/h/x"}, {"D", "os/h/x"}},
         "TARGET_NOT_IN_IMAGE_REPO",
         "1.A.json 1.C.json 1.E.json "},
        {"a terminating delegation of other paths does not",
         {{.from = "targets", .to = "A", .pattern = "app/*/*", .terminating = true},
          {.from = "targets", .to = "B"}},
         {{"B", "os/h/x"}},
         "B",
         "1.B.json "},
        {"paths of each delegation on the way",
         {{.from = "targets", .to = "A", .pattern = "os/*/*"},
          {.from = "targets", .to = "B"},
          {.from = "A", .to = "C", .pattern = "os/g/*"},
          {.from = "B", .to = "C", .pattern = "app/*/*"}},
         {{"C", "os/h/x"}},
         "TARGET_NOT_IN_IMAGE_REPO",
         "1.A.json 1.B.json "},
        {"T28 a role that lists what is not its own",
         {{.from = "targets", .to = "A", .pattern = "app/*/*"}},
         {{"A", "os/h/x"}},
         "TARGET_NOT_IN_IMAGE_REPO",
         ""},
        {"T41 a cycle",
         {{.from = "targets", .to = "A"},
          {.from = "A", .to = "B"},
          {.from = "B", .to = "C"},
          {.from = "C", .to = "A"}},
         {{"targets", "os/h/y"}},
         "TARGET_NOT_IN_IMAGE_REPO",
         "1.A.json 1.B.json 1.C.json "},
        {"a role by two ways is fetched once",
         {{.from = "targets", .to = "A"},
          {.from = "targets", .to = "B"},
          {.from = "A", .to = "C"},
          {.from = "B", .to = "C"}},
         {{"targets", "os/h/y"}},
         "TARGET_NOT_IN_IMAGE_REPO",
         "1.A.json 1.C.json 1.B.json "},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        size_t edge_count = 0;
        size_t listed_count = 0;
        struct tuf_repo *repo;

        while (edge_count < COUNT(cases[i].edges) && cases[i].edges[edge_count].from)
            edge_count++;
        while (listed_count < COUNT(cases[i].listed) && cases[i].listed[listed_count].role)
            listed_count++;
        repo = graph_new(cases[i].edges, edge_count, cases[i].listed, listed_count);
        graph_expect(repo, "os/h/x", NULL, cases[i].result, cases[i].fetched);
        graph_expect(repo, "os/h/x", NULL, cases[i].result, ""); /* nothing twice */
        tuf_repo_free(repo);
    }
}

Test(find, verifies_a_role_again_for_each_delegator)
{
    static const struct graph_edge edges[] = {
        {.from = "targets", .to = "A", .pattern = "os/a/*"},
        {.from = "targets", .to = "B", .pattern = "os/b/*"},
        {.from = "A", .to = "C"},
        {.from = "B", .to = "C", .key = GRAPH_OTHER_KEY}}; /* T41: which did not sign */
    static const struct graph_listed listed[] = {{"C", "os/a/x"}, {"C", "os/b/x"}};
    struct tuf_repo *repo = graph_new(edges, COUNT(edges), listed, COUNT(listed));
    struct tuf_set *set = graph_refreshed(repo);
    AUTO_TUF_TARGET target = {0};
    struct err err = {0};

    cr_assert(tuf_find(set, "os/a/x", NULL, &target, &err), "%s", err.text);
    cr_expect_str_eq(target.role, "C");
    tuf_target_done(&target);
    cr_expect_not(tuf_find(set, "os/b/x", NULL, &target, &err));
    cr_expect_eq(err.refusal, REFUSAL_DELEGATED_THRESHOLD, "%s", err.text);
    cr_expect(tuf_find(set, "os/a/x", NULL, &target, &err), "%s", err.text);
    tuf_set_free(set);
    tuf_repo_free(repo);
}

static struct tuf_repo *chain(size_t len)
{
    struct tuf_repo *repo;
    struct graph_edge edges[GRAPH_EDGES_MAX];
    struct graph_listed listed = {0};
    char names[GRAPH_EDGES_MAX + 1][8];

    (void)text_copy(names[0], sizeof(names[0]), "targets");
    for (size_t i = 0; i < len; i++) {
        (void)snprintf(names[i + 1], sizeof(names[i + 1]), "r%zu", i);
        edges[i] = (struct graph_edge){.from = names[i], .to = names[i + 1]};
    }
    listed = (struct graph_listed){names[len], "os/h/x"};
    repo = graph_new(edges, len, &listed, 1);
    return repo;
}

Test(find, visits_thirty_two_roles_and_not_one_more)
{
    struct tuf_repo *longest = chain(TUF_ROLES_VISITED_MAX);
    struct tuf_repo *longer = chain(TUF_ROLES_VISITED_MAX + 1);

    graph_expect(longest, "os/h/x", NULL, "r31", NULL);
    graph_expect(longer, "os/h/x", NULL, "ROLE_LIMIT", NULL); /* T41 */
    tuf_repo_free(longest);
    tuf_repo_free(longer);
}

Test(find, stops_at_thirty_two_roles_that_stand_side_by_side)
{
    struct graph_edge edges[TUF_ROLES_VISITED_MAX + 1];
    char names[TUF_ROLES_VISITED_MAX + 1][8];
    struct graph_listed listed = {names[TUF_ROLES_VISITED_MAX], "os/h/x"};

    for (size_t i = 0; i < COUNT(edges); i++) {
        (void)snprintf(names[i], sizeof(names[i]), "r%zu", i);
        edges[i] = (struct graph_edge){.from = "targets", .to = names[i]};
    }
    for (size_t count = COUNT(edges) - 1; count <= COUNT(edges); count++) {
        struct tuf_repo *repo = graph_new(edges, count, &listed, 1);

        graph_expect(repo, "os/h/x", NULL,
                     count < COUNT(edges) ? "TARGET_NOT_IN_IMAGE_REPO" : "ROLE_LIMIT", NULL);
        tuf_repo_free(repo);
    }
}

Test(find, follows_only_delegations_for_the_hardware)
{
    static const struct graph_edge edges[] = {
        {.from = "targets", .to = "A", .hwid = "h1", .terminating = true},
        {.from = "targets", .to = "B", .hwid = "h2"},
        {.from = "B", .to = "C"},
        {.from = "B", .to = "D", .hwid = "h1"},
    };
    static const struct graph_listed listed[] = {{"A", "os/h/x"}, {"C", "os/h/x"}, {"D", "os/h/y"}};
    static const struct {
        const char *path, *hwid, *result;
    } cases[] = {
        {"os/h/x", "h1", "A"},
        {"os/h/x", "h2", "C"},
        {"os/h/x", "h3", "TARGET_NOT_IN_IMAGE_REPO"},
        {"os/h/y", "h2", "TARGET_NOT_IN_IMAGE_REPO"}, /* D is for h1 */
        {"os/h/y", "h1", "TARGET_NOT_IN_IMAGE_REPO"}, /* and B for h2 */
        {"os/h/x", NULL, "A"},
    };
    struct tuf_repo *repo = graph_new(edges, COUNT(edges), listed, COUNT(listed));

    for (size_t i = 0; i < COUNT(cases); i++)
        graph_expect(repo, cases[i].path, cases[i].hwid, cases[i].result, NULL);
    tuf_repo_free(repo);
}

/* --- delegated documents that are not as listed ------------------------------------------------
 */

static const struct graph_edge one_edge[] = {{.from = "targets", .to = "A"}};
static const struct graph_listed one_target[] = {{"A", "os/h/x"}};

static void role_by_other_key(struct tuf_repo *repo)
{

    tuf_repo_put_role(repo, "A", 1, json_object(), NULL, GRAPH_OTHER_KEY);
    tuf_repo_publish(repo, 1);
}

static void role_swapped(struct tuf_repo *repo)
{
    struct buf *file = tuf_repo_file(repo, "1.A.json");

    file->data[file->len - 1] = ' ';
}

static void role_longer(struct tuf_repo *repo)
{
    buf_add_text(tuf_repo_file(repo, "1.A.json"), " ");
}

static void role_shorter(struct tuf_repo *repo)
{
    tuf_repo_file(repo, "1.A.json")->len--;
}

static void role_of_other_version(struct tuf_repo *repo)
{
    struct buf *file;

    tuf_repo_put_role(repo, "A", 2, json_object(), NULL, GRAPH_KEY);
    file = tuf_repo_file(repo, "2.A.json");
    repo->roles[0].version = 1;
    tuf_repo_put_bytes(repo, "1.A.json", file->data, file->len);
    tuf_repo_publish(repo, 1);
}

static void role_expired(struct tuf_repo *repo)
{
    int64_t later_ms = repo->expires_ms;

    repo->expires_ms = repo->now_ms;
    tuf_repo_put_role(repo, "A", 1, json_object(), NULL, GRAPH_KEY);
    repo->expires_ms = later_ms;
    tuf_repo_publish(repo, 1);
}

static void role_not_listed(struct tuf_repo *repo)
{
    repo->role_count = 0;
    tuf_repo_publish(repo, 1);
}

static void role_of_other_type(struct tuf_repo *repo)
{
    const struct buf *file = tuf_repo_file(repo, "1.root.json");

    tuf_repo_put_bytes(repo, "1.A.json", file->data, file->len);
    tuf_repo_publish(repo, 1);
}

Test(find, refuses_each_manipulation_of_a_delegated_role_and_keeps_nothing_of_it)
{
    static const struct {
        const char *what;
        void (*mutate)(struct tuf_repo *repo);
        const char *refusal;
    } cases[] = {
        {"signed by another key", role_by_other_key, "DELEGATED_THRESHOLD"},
        {"other bytes", role_swapped, "TARGETS_HASH"},
        {"a byte more", role_longer, "LENGTH_LIMIT"},
        {"a byte less", role_shorter, "TARGETS_LENGTH"},
        {"another version", role_of_other_version, "TARGETS_VERSION"},
        {"expired", role_expired, "TARGETS_EXPIRED"},
        {"not in the snapshot", role_not_listed, "TARGET_NOT_IN_IMAGE_REPO"},
        {"a root", role_of_other_type, "WRONG_TYPE"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct tuf_repo *repo = graph_new(one_edge, 1, one_target, 1);

        cases[i].mutate(repo);
        graph_expect(repo, "os/h/x", NULL, cases[i].refusal, NULL);
        cr_expect_eq(tuf_repo_kept_role(repo, "A"), 0, "%s", cases[i].what);
        tuf_repo_free(repo);
    }
}

Test(find, takes_a_new_version_and_never_an_older_one)
{
    struct tuf_repo *repo = graph_new(one_edge, 1, one_target, 1);
    struct err err = {0};

    graph_expect(repo, "os/h/x", NULL, "A", "1.A.json ");
    tuf_repo_put_role(repo, "A", 2, graph_entries("A", one_target, 1), NULL, GRAPH_KEY);
    tuf_repo_publish(repo, 2);
    graph_expect(repo, "os/h/x", NULL, "A", "2.A.json ");
    cr_expect_eq(tuf_repo_kept_role(repo, "A"), 2);

    repo->roles[0].version = 1;
    tuf_repo_publish(repo, 3);
    cr_expect_not(tuf_repo_refresh(repo, NULL, &err));
    cr_expect_eq(err.refusal, REFUSAL_TARGETS_ROLLBACK, "%s", err.text);
    repo->role_count = 0;
    tuf_repo_publish(repo, 4);
    cr_expect_not(tuf_repo_refresh(repo, NULL, &err));
    cr_expect_eq(err.refusal, REFUSAL_SNAPSHOT_ROLE_REMOVED, "%s", err.text);
    tuf_repo_free(repo);
}

Test(find, refuses_an_expired_role_that_is_stored)
{
    struct tuf_repo *repo = graph_new(one_edge, 1, one_target, 1);
    struct tuf_set *set = NULL;
    AUTO_TUF_TARGET target = {0};
    struct err err = {0};

    graph_expect(repo, "os/h/x", NULL, "A", NULL);
    repo->expires_ms += 1000;
    repo->now_ms = repo->expires_ms - 1000; /* when A, and what was stored, has expired */
    tuf_repo_publish(repo, 2);
    set = graph_refreshed(repo);
    cr_expect_not(tuf_find(set, "os/h/x", NULL, &target, &err));
    cr_expect_eq(err.refusal, REFUSAL_TARGETS_EXPIRED, "%s", err.text);
    tuf_set_free(set);
    tuf_repo_free(repo);
}

Test(find, finds_offline_what_is_stored)
{
    struct tuf_repo *repo = graph_new(one_edge, 1, one_target, 1);
    struct tuf_set *set = NULL;
    AUTO_TUF_TARGET target = {0};
    struct err err = {0};

    tuf_set_free(graph_refreshed(repo));
    cr_assert(tuf_load(&repo->io, &tuf_limits_device, &set, &err), "%s", err.text);
    cr_expect_not(tuf_find(set, "os/h/x", NULL, &target, &err));
    cr_expect_eq(err.refusal, REFUSAL_TARGET_NOT_IN_IMAGE_REPO);
    graph_expect(repo, "os/h/x", NULL, "A", NULL);
    repo->fetch_count = 0;
    cr_expect(tuf_find(set, "os/h/x", NULL, &target, &err), "%s", err.text);
    cr_expect_eq(repo->fetch_count, 0);
    tuf_set_free(set);
    tuf_repo_free(repo);
}
