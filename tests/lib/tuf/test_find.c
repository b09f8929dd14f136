#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/tuf/tuf.h"
#include "tests/support/tuf_repo.h"

enum { A_KEY = TUF_ROLE_COUNT, B_KEY, C_KEY, EDGES_MAX = 40 };

/* One delegation, and one target somewhere. */
struct edge {
    const char *from, *to;
    const char *pattern; /* NULL: any path of three components */
    size_t key;          /* 0: A_KEY */
    bool terminating;
    const char *hwid; /* NULL: none is named */
};
struct listed {
    const char *role, *path;
};

static json_t *entries_of(const char *role, const struct listed *listed, size_t count)
{
    json_t *entries = json_object();

    for (size_t i = 0; i < count; i++) {
        if (text_equal(listed[i].role, role))
            cr_assert_eq(json_object_set_new(entries, listed[i].path,
                                             tuf_repo_entry("h1", i + 1, (uint8_t)(i + 1))),
                         0);
    }
    return entries;
}

static json_t *delegations_of(const struct tuf_repo *repo, const char *role,
                              const struct edge *edges, size_t count)
{
    json_t *roles[EDGES_MAX];
    size_t found = 0;

    for (size_t i = 0; i < count; i++) {
        const struct edge *edge = &edges[i];

        if (!text_equal(edge->from, role))
            continue;
        roles[found] = tuf_repo_delegation(repo, edge->to, edge->key ? edge->key : A_KEY,
                                           edge->pattern ? edge->pattern : "*/*/*");
        if (edge->terminating)
            cr_assert_eq(json_object_set_new(roles[found], "terminating", json_true()), 0);
        if (edge->hwid)
            cr_assert_eq(json_object_set_new(roles[found], "x-hwids", json_pack("[s]", edge->hwid)),
                         0);
        found++;
    }
    return found ? tuf_repo_delegations(repo, roles, found) : NULL;
}

/* All roles of the graph, each signed by keys A and B; version 1 of everything. */
static struct tuf_repo *graph(const struct edge *edges, size_t edge_count,
                              const struct listed *listed, size_t listed_count)
{
    static const size_t keys[] = {A_KEY, B_KEY};
    struct tuf_repo *repo = tuf_repo_new();

    tuf_repo_put_root(repo, 1);
    tuf_repo_trust(repo, "1.root.json");
    for (size_t i = 0; i < edge_count; i++)
        tuf_repo_put_role(repo, edges[i].to, 1, entries_of(edges[i].to, listed, listed_count),
                          delegations_of(repo, edges[i].to, edges, edge_count), keys, 2);
    json_decref(repo->targets);
    repo->targets = entries_of("targets", listed, listed_count);
    repo->delegations = delegations_of(repo, "targets", edges, edge_count);
    tuf_repo_publish(repo, 1);
    return repo;
}

static struct tuf_set *refreshed(struct tuf_repo *repo)
{
    struct tuf_set *set = NULL;
    struct err err = {0};

    cr_assert(tuf_repo_refresh(repo, &set, &err), "%s", err.text);
    repo->fetched[0] = '\0';
    return set;
}

/* Which role has the path, or the refusal's name; and what was fetched for it. */
static void expect_search(struct tuf_repo *repo, const char *path, const char *hwid,
                          const char *result, const char *fetched)
{
    struct tuf_set *set = refreshed(repo);
    AUTO_TUF_TARGET target = {0};
    struct err err = {0};

    if (tuf_find(set, path, hwid, &target, &err)) {
        cr_expect_str_eq(target.role, result, "%s", path);
        cr_expect_str_eq(target.path, path);
    } else {
        cr_expect_str_eq(refusal_name(err.refusal), result, "%s: %s", path, err.text);
    }
    if (fetched)
        cr_expect_str_eq(tuf_repo_fetched(repo), fetched, "%s", path);
    tuf_set_free(set);
}

Test(find, goes_depth_first_in_the_order_of_the_delegations)
{
    static const struct {
        const char *what;
        struct edge edges[6];
        struct listed listed[3];
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
        repo = graph(cases[i].edges, edge_count, cases[i].listed, listed_count);
        expect_search(repo, "os/h/x", NULL, cases[i].result, cases[i].fetched);
        expect_search(repo, "os/h/x", NULL, cases[i].result, ""); /* nothing twice */
        tuf_repo_free(repo);
    }
}

Test(find, verifies_a_role_again_for_each_delegator)
{
    static const struct edge edges[] = {
        {.from = "targets", .to = "A", .pattern = "os/a/*"},
        {.from = "targets", .to = "B", .pattern = "os/b/*"},
        {.from = "A", .to = "C"},
        {.from = "B", .to = "C", .key = C_KEY}}; /* T41: which did not sign */
    static const struct listed listed[] = {{"C", "os/a/x"}, {"C", "os/b/x"}};
    struct tuf_repo *repo = graph(edges, COUNT(edges), listed, COUNT(listed));
    struct tuf_set *set = refreshed(repo);
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
    struct edge edges[EDGES_MAX];
    struct listed listed = {0};
    char names[EDGES_MAX + 1][8];

    (void)text_copy(names[0], sizeof(names[0]), "targets");
    for (size_t i = 0; i < len; i++) {
        (void)snprintf(names[i + 1], sizeof(names[i + 1]), "r%zu", i);
        edges[i] = (struct edge){.from = names[i], .to = names[i + 1]};
    }
    listed = (struct listed){names[len], "os/h/x"};
    repo = graph(edges, len, &listed, 1);
    return repo;
}

Test(find, visits_thirty_two_roles_and_not_one_more)
{
    struct tuf_repo *longest = chain(TUF_ROLES_VISITED_MAX);
    struct tuf_repo *longer = chain(TUF_ROLES_VISITED_MAX + 1);

    expect_search(longest, "os/h/x", NULL, "r31", NULL);
    expect_search(longer, "os/h/x", NULL, "ROLE_LIMIT", NULL); /* T41 */
    tuf_repo_free(longest);
    tuf_repo_free(longer);
}

Test(find, stops_at_thirty_two_roles_that_stand_side_by_side)
{
    struct edge edges[TUF_ROLES_VISITED_MAX + 1];
    char names[TUF_ROLES_VISITED_MAX + 1][8];
    struct listed listed = {names[TUF_ROLES_VISITED_MAX], "os/h/x"};

    for (size_t i = 0; i < COUNT(edges); i++) {
        (void)snprintf(names[i], sizeof(names[i]), "r%zu", i);
        edges[i] = (struct edge){.from = "targets", .to = names[i]};
    }
    for (size_t count = COUNT(edges) - 1; count <= COUNT(edges); count++) {
        struct tuf_repo *repo = graph(edges, count, &listed, 1);

        expect_search(repo, "os/h/x", NULL,
                      count < COUNT(edges) ? "TARGET_NOT_IN_IMAGE_REPO" : "ROLE_LIMIT", NULL);
        tuf_repo_free(repo);
    }
}

Test(find, follows_only_delegations_for_the_hardware)
{
    static const struct edge edges[] = {
        {.from = "targets", .to = "A", .hwid = "h1", .terminating = true},
        {.from = "targets", .to = "B", .hwid = "h2"},
        {.from = "B", .to = "C"},
        {.from = "B", .to = "D", .hwid = "h1"},
    };
    static const struct listed listed[] = {{"A", "os/h/x"}, {"C", "os/h/x"}, {"D", "os/h/y"}};
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
    struct tuf_repo *repo = graph(edges, COUNT(edges), listed, COUNT(listed));

    for (size_t i = 0; i < COUNT(cases); i++)
        expect_search(repo, cases[i].path, cases[i].hwid, cases[i].result, NULL);
    tuf_repo_free(repo);
}

/* --- delegated documents that are not as listed ------------------------------------------------
 */

static const struct edge one_edge[] = {{.from = "targets", .to = "A"}};
static const struct listed one_target[] = {{"A", "os/h/x"}};

static void role_by_other_key(struct tuf_repo *repo)
{
    const size_t key = C_KEY;

    tuf_repo_put_role(repo, "A", 1, json_object(), NULL, &key, 1);
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
    const size_t key = A_KEY;
    struct buf *file;

    tuf_repo_put_role(repo, "A", 2, json_object(), NULL, &key, 1);
    file = tuf_repo_file(repo, "2.A.json");
    repo->roles[0].version = 1;
    tuf_repo_put_bytes(repo, "1.A.json", file->data, file->len);
    tuf_repo_publish(repo, 1);
}

static void role_expired(struct tuf_repo *repo)
{
    const size_t key = A_KEY;
    int64_t later_ms = repo->expires_ms;

    repo->expires_ms = repo->now_ms;
    tuf_repo_put_role(repo, "A", 1, json_object(), NULL, &key, 1);
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
        struct tuf_repo *repo = graph(one_edge, 1, one_target, 1);

        cases[i].mutate(repo);
        expect_search(repo, "os/h/x", NULL, cases[i].refusal, NULL);
        cr_expect_eq(tuf_repo_kept_role(repo, "A"), 0, "%s", cases[i].what);
        tuf_repo_free(repo);
    }
}

Test(find, takes_a_new_version_and_never_an_older_one)
{
    struct tuf_repo *repo = graph(one_edge, 1, one_target, 1);
    const size_t key = A_KEY;
    struct err err = {0};

    expect_search(repo, "os/h/x", NULL, "A", "1.A.json ");
    tuf_repo_put_role(repo, "A", 2, entries_of("A", one_target, 1), NULL, &key, 1);
    tuf_repo_publish(repo, 2);
    expect_search(repo, "os/h/x", NULL, "A", "2.A.json ");
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
    struct tuf_repo *repo = graph(one_edge, 1, one_target, 1);
    struct tuf_set *set = NULL;
    AUTO_TUF_TARGET target = {0};
    struct err err = {0};

    expect_search(repo, "os/h/x", NULL, "A", NULL);
    repo->expires_ms += 1000;
    repo->now_ms = repo->expires_ms - 1000; /* when A, and what was stored, has expired */
    tuf_repo_publish(repo, 2);
    set = refreshed(repo);
    cr_expect_not(tuf_find(set, "os/h/x", NULL, &target, &err));
    cr_expect_eq(err.refusal, REFUSAL_TARGETS_EXPIRED, "%s", err.text);
    tuf_set_free(set);
    tuf_repo_free(repo);
}

Test(find, finds_offline_what_is_stored)
{
    struct tuf_repo *repo = graph(one_edge, 1, one_target, 1);
    struct tuf_set *set = NULL;
    AUTO_TUF_TARGET target = {0};
    struct err err = {0};

    tuf_set_free(refreshed(repo));
    cr_assert(tuf_load(&repo->io, &tuf_limits_device, &set, &err), "%s", err.text);
    cr_expect_not(tuf_find(set, "os/h/x", NULL, &target, &err));
    cr_expect_eq(err.refusal, REFUSAL_TARGET_NOT_IN_IMAGE_REPO);
    expect_search(repo, "os/h/x", NULL, "A", NULL);
    repo->fetch_count = 0;
    cr_expect(tuf_find(set, "os/h/x", NULL, &target, &err), "%s", err.text);
    cr_expect_eq(repo->fetch_count, 0);
    tuf_set_free(set);
    tuf_repo_free(repo);
}

/* --- names, bins, everything -------------------------------------------------------------------
 */

Test(find, asks_for_odd_names_percent_encoded_and_refuses_those_of_our_own_roles)
{
    static const struct {
        const char *name;
        const char *fetched;
    } cases[] = {
        {"?", "1.%3F.json "},
        {"#", "1.%23.json "},
        {"/delegatedrole", "1.%2Fdelegatedrole.json "},
        {"../x", "1...%2Fx.json "}, /* T47 */
        {"a b+c~d", "1.a%20b%2Bc~d.json "},
        {"\xc3\xa4", "1.%C3%A4.json "},
    };
    static const char *const refused[] = {"root", "timestamp", "snapshot", "targets", ""};

    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct edge edge = {.from = "targets", .to = cases[i].name};
        const struct listed listed = {cases[i].name, "os/h/x"};
        struct tuf_repo *repo = graph(&edge, 1, &listed, 1);

        expect_search(repo, "os/h/x", NULL, cases[i].name, cases[i].fetched);
        tuf_repo_free(repo);
    }
    for (size_t i = 0; i < COUNT(refused); i++) {
        struct tuf_repo *repo = graph(one_edge, 1, one_target, 1);
        json_t *role = tuf_repo_delegation(repo, refused[i], A_KEY, "*");
        struct err err = {0};

        json_decref(repo->delegations);
        repo->delegations = tuf_repo_delegations(repo, &role, 1);
        tuf_repo_publish(repo, 1);
        cr_expect_not(tuf_repo_refresh(repo, NULL, &err), "'%s'", refused[i]);
        cr_expect_eq(err.refusal, REFUSAL_NAME_UNSAFE, "'%s': %s", refused[i], err.text);
        tuf_repo_free(repo);
    }
}

Test(find, refuses_a_role_name_that_is_no_file_name)
{
    char name[TUF_ROLE_NAME_MAX + 1];
    const size_t lengths[] = {80, 81, TUF_ROLE_NAME_MAX};

    for (size_t i = 0; i < COUNT(lengths); i++) {
        struct tuf_repo *repo = graph(one_edge, 1, one_target, 1);
        json_t *role;
        struct err err = {0};

        memset(name, '/', lengths[i]); /* three bytes each in the file's name */
        name[lengths[i]] = '\0';
        role = tuf_repo_delegation(repo, name, A_KEY, "*");
        json_decref(repo->delegations);
        repo->delegations = tuf_repo_delegations(repo, &role, 1);
        tuf_repo_publish(repo, 1);
        cr_expect_eq(tuf_repo_refresh(repo, NULL, &err), i == 0, "%zu: %s", lengths[i], err.text);
        cr_expect_eq(err.refusal, i == 0 ? REFUSAL_NONE : REFUSAL_NAME_UNSAFE);
        tuf_repo_free(repo);
    }
}

/* targets delegates to "os-h", which is split into bins of the same key. */
static struct tuf_repo *binned(unsigned bits, const char *const *paths, size_t count)
{
    static const size_t key = A_KEY;
    const struct edge edge = {.from = "targets", .to = "os-h", .pattern = "os/h/*", .hwid = "h1"};
    struct tuf_repo *repo = graph(&edge, 1, NULL, 0);
    char keyid[TUF_KEYID_ROOM];
    const char *const keyids[] = {keyid};
    const struct tuf_delegation_plan plan = {
        .name = "os-h.b", .keyids = keyids, .keyid_count = 1, .threshold = 1};
    AUTO_JSON *public_key = tuf_key_json(sign_key_public(repo->keys[A_KEY]));
    const json_t *keys[] = {public_key};
    json_t *delegations = NULL;
    struct err err = {0};

    tuf_keyid(sign_key_public(repo->keys[A_KEY]), keyid);
    cr_assert(
        tuf_delegations_json(keys, 1, NULL, tuf_succinct_json(&plan, bits), &delegations, &err));
    tuf_repo_put_role(repo, "os-h", 1, json_object(), delegations, &key, 1);
    for (size_t i = 0; i < count; i++) {
        json_t *entries = json_object();
        char bin[TUF_ROLE_NAME_MAX + 1];

        cr_assert(tuf_bin_name("os-h.b", bits, paths[i], bin, sizeof(bin)));
        cr_assert_eq(json_object_set_new(entries, paths[i], tuf_repo_entry("h1", i + 1, 1)), 0);
        tuf_repo_put_role(repo, bin, 1, entries, NULL, &key, 1);
    }
    tuf_repo_publish(repo, 1);
    return repo;
}

static bool add_path(const struct tuf_target *target, void *arg)
{
    buf_printf(arg, "%s:%s ", target->role, target->path);
    return true;
}

Test(find, goes_to_the_one_bin_a_path_is_in)
{
    static const char *const paths[] = {"os/h/x"}; /* SHA-256 begins with 2d */
    static const struct {
        unsigned bits;
        const char *bin;
    } cases[] = {{1, "os-h.b-0"}, {4, "os-h.b-2"}, {5, "os-h.b-05"}, {8, "os-h.b-2d"}};

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct tuf_repo *repo = binned(cases[i].bits, paths, 1);
        struct tuf_set *set = refreshed(repo);
        struct err err = {0};
        AUTO_BUF out;

        buf_init(&out, 1000);
        expect_search(repo, "os/h/x", "h1", cases[i].bin, NULL);
        expect_search(repo, "os/h/x", "h2", "TARGET_NOT_IN_IMAGE_REPO", NULL);
        expect_search(repo, "os/g/x", "h1", "TARGET_NOT_IN_IMAGE_REPO", NULL);
        cr_expect(tuf_each(set, "h1", add_path, &out, &err), "%s", err.text);
        cr_expect(text_ends_with(buf_text(&out), ":os/h/x "), "%s", buf_text(&out));
        tuf_set_free(set);
        tuf_repo_free(repo);
    }
}

Test(find, refuses_bins_that_cannot_be)
{
    static const struct {
        unsigned bits;
        enum refusal refusal;
    } cases[] = {{0, REFUSAL_JSON_STRICT}, {33, REFUSAL_JSON_STRICT}};

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct tuf_repo *repo = binned(cases[i].bits, NULL, 0);

        expect_search(repo, "os/h/x", "h1", refusal_name(cases[i].refusal), NULL);
        tuf_repo_free(repo);
    }
}

Test(each, shows_what_the_delegations_allow_in_the_search_s_order)
{
    static const struct edge edges[] = {
        {.from = "targets", .to = "A", .pattern = "os/a/*", .hwid = "h1"},
        {.from = "targets", .to = "B", .pattern = "os/*/*"},
        {.from = "A", .to = "C", .pattern = "os/*/x"}};
    static const struct listed listed[] = {{"targets", "os/t/x"}, {"B", "os/b/x"}, {"B", "app/b/x"},
                                           {"A", "os/a/y"},       {"A", "os/b/y"}, {"C", "os/a/x"},
                                           {"C", "os/b/x"},       {"C", "os/a/z"}};
    struct tuf_repo *repo = graph(edges, COUNT(edges), listed, COUNT(listed));
    struct tuf_set *set = refreshed(repo);
    struct err err = {0};
    AUTO_BUF out;

    buf_init(&out, 1000);
    cr_assert(tuf_each(set, NULL, add_path, &out, &err), "%s", err.text);
    cr_expect_str_eq(buf_text(&out), "targets:os/t/x A:os/a/y C:os/a/x B:os/b/x ");
    buf_reset(&out);
    cr_assert(tuf_each(set, "h2", add_path, &out, &err), "%s", err.text);
    cr_expect_str_eq(buf_text(&out), "targets:os/t/x B:os/b/x ");
    tuf_set_free(set);
    tuf_repo_free(repo);
}

Test(each, leaves_out_roles_that_were_never_published)
{
    struct tuf_repo *repo = graph(one_edge, 1, one_target, 1);
    struct tuf_set *set;
    struct err err = {0};
    AUTO_BUF out;

    buf_init(&out, 1000);
    repo->role_count = 0;
    tuf_repo_publish(repo, 1);
    set = refreshed(repo);
    cr_expect(tuf_each(set, NULL, add_path, &out, &err), "%s", err.text);
    cr_expect_str_eq(buf_text(&out), "");
    tuf_set_free(set);
    tuf_repo_free(repo);
}

/* --- forms of delegations ----------------------------------------------------------------------
 */

static void no_terminating(json_t *delegations, json_t *role)
{
    (void)delegations;
    (void)json_object_del(role, "terminating");
}
static void no_paths(json_t *delegations, json_t *role)
{
    (void)delegations;
    (void)json_object_del(role, "paths");
}
static void both_scopes(json_t *delegations, json_t *role)
{
    (void)delegations;
    (void)json_object_set_new(role, "path_hash_prefixes", json_pack("[s]", "00"));
}
static void number_as_path(json_t *delegations, json_t *role)
{
    (void)delegations;
    (void)json_object_set_new(role, "paths", json_pack("[i]", 1));
}
static void no_keys(json_t *delegations, json_t *role)
{
    (void)role;
    (void)json_object_del(delegations, "keys");
}
static void name_twice(json_t *delegations, json_t *role)
{
    (void)json_array_append(json_object_get(delegations, "roles"), role);
}
static void key_twice(json_t *delegations, json_t *role)
{
    (void)delegations;
    (void)json_array_append(json_object_get(role, "keyids"),
                            json_array_get(json_object_get(role, "keyids"), 0));
}
static void threshold_0(json_t *delegations, json_t *role)
{
    (void)delegations;
    (void)json_object_set_new(role, "threshold", json_integer(0));
}
static void key_of_other_id(json_t *delegations, json_t *role)
{
    json_t *keys = json_object_get(delegations, "keys");
    void *iter = json_object_iter(keys);

    (void)role;
    (void)json_object_set_new(json_object_iter_value(iter), "x", json_integer(1));
    (void)json_object_set_new(json_object_get(json_object_iter_value(iter), "keyval"), "public",
                              json_string("00"));
}
static void both_kinds(json_t *delegations, json_t *role)
{
    (void)role;
    (void)json_object_set_new(delegations, "succinct_roles", json_object());
}
static void hwids_as_text(json_t *delegations, json_t *role)
{
    (void)delegations;
    (void)json_object_set_new(role, "x-hwids", json_string("h1"));
}
static void unchanged(json_t *delegations, json_t *role)
{
    (void)delegations;
    (void)role;
}

Test(delegations, of_another_form_refuse_the_document)
{
    static const struct {
        const char *what;
        void (*mutate)(json_t *delegations, json_t *role);
        enum refusal refusal;
    } cases[] = {
        {"as they should be", unchanged, REFUSAL_NONE},
        {"no terminating", no_terminating, REFUSAL_JSON_STRICT},
        {"no paths", no_paths, REFUSAL_JSON_STRICT},
        {"paths and hash prefixes", both_scopes, REFUSAL_JSON_STRICT},
        {"a number as path", number_as_path, REFUSAL_JSON_STRICT},
        {"no keys", no_keys, REFUSAL_JSON_STRICT},
        {"a name twice", name_twice, REFUSAL_JSON_STRICT},
        {"a keyid twice", key_twice, REFUSAL_KEY_DUPLICATE},
        {"threshold 0", threshold_0, REFUSAL_JSON_STRICT},
        {"T08 a key under another's id", key_of_other_id, REFUSAL_KEYID_MISMATCH},
        {"roles and succinct roles", both_kinds, REFUSAL_JSON_STRICT},
        {"hardware ids as text", hwids_as_text, REFUSAL_JSON_STRICT},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct tuf_repo *repo = graph(one_edge, 1, one_target, 1);
        struct err err = {0};

        cases[i].mutate(repo->delegations,
                        json_array_get(json_object_get(repo->delegations, "roles"), 0));
        tuf_repo_publish(repo, 1);
        cr_expect_eq(tuf_repo_refresh(repo, NULL, &err), cases[i].refusal == REFUSAL_NONE);
        cr_expect_str_eq(refusal_name(err.refusal), refusal_name(cases[i].refusal), "%s: %s",
                         cases[i].what, err.text);
        tuf_repo_free(repo);
    }
}

Test(delegations, by_hash_prefix_are_followed)
{
    struct tuf_repo *repo = graph(one_edge, 1, one_target, 1);
    json_t *role = json_array_get(json_object_get(repo->delegations, "roles"), 0);

    no_paths(NULL, role);
    cr_assert_eq(json_object_set_new(role, "path_hash_prefixes", json_pack("[s, s]", "00", "2d")),
                 0);
    tuf_repo_publish(repo, 1);
    expect_search(repo, "os/h/x", NULL, "A", "1.A.json ");
    expect_search(repo, "os/h/z", NULL, "TARGET_NOT_IN_IMAGE_REPO", "");
    tuf_repo_free(repo);
}
