#include <criterion/criterion.h>

#include <string.h>

#include "lib/base/text.h"
#include "tests/support/tuf_graph.h"

static const struct graph_edge one_edge[] = {{.from = "targets", .to = "A"}};
static const struct graph_listed one_target[] = {{"A", "os/h/x"}};

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
        const struct graph_edge edge = {.from = "targets", .to = cases[i].name};
        const struct graph_listed listed = {cases[i].name, "os/h/x"};
        struct tuf_repo *repo = graph_new(&edge, 1, &listed, 1);

        graph_expect(repo, "os/h/x", NULL, cases[i].name, cases[i].fetched);
        tuf_repo_free(repo);
    }
    for (size_t i = 0; i < COUNT(refused); i++) {
        struct tuf_repo *repo = graph_new(one_edge, 1, one_target, 1);
        json_t *role = tuf_repo_delegation(repo, refused[i], GRAPH_KEY, "*");
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
        struct tuf_repo *repo = graph_new(one_edge, 1, one_target, 1);
        json_t *role;
        struct err err = {0};

        memset(name, '/', lengths[i]); /* three bytes each in the file's name */
        name[lengths[i]] = '\0';
        role = tuf_repo_delegation(repo, name, GRAPH_KEY, "*");
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
    const struct graph_edge edge = {
        .from = "targets", .to = "os-h", .pattern = "os/h/*", .hwid = "h1"};
    struct tuf_repo *repo = graph_new(&edge, 1, NULL, 0);
    char keyid[TUF_KEYID_ROOM];
    const char *const keyids[] = {keyid};
    const struct tuf_delegation_plan plan = {
        .name = "os-h.b", .keyids = keyids, .keyid_count = 1, .threshold = 1};
    AUTO_JSON *public_key = tuf_key_json(sign_key_public(repo->keys[GRAPH_KEY]));
    const json_t *keys[] = {public_key};
    json_t *delegations = NULL;
    struct err err = {0};

    tuf_keyid(sign_key_public(repo->keys[GRAPH_KEY]), keyid);
    cr_assert(
        tuf_delegations_json(keys, 1, NULL, tuf_succinct_json(&plan, bits), &delegations, &err));
    tuf_repo_put_role(repo, "os-h", 1, json_object(), delegations, GRAPH_KEY);
    for (size_t i = 0; i < count; i++) {
        json_t *entries = json_object();
        char bin[TUF_ROLE_NAME_MAX + 1];

        cr_assert(tuf_bin_name("os-h.b", bits, paths[i], bin, sizeof(bin)));
        cr_assert_eq(json_object_set_new(entries, paths[i], tuf_repo_entry("h1", i + 1, 1)), 0);
        tuf_repo_put_role(repo, bin, 1, entries, NULL, GRAPH_KEY);
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
        struct tuf_set *set = graph_refreshed(repo);
        struct err err = {0};
        AUTO_BUF out;

        buf_init(&out, 1000);
        graph_expect(repo, "os/h/x", "h1", cases[i].bin, NULL);
        graph_expect(repo, "os/h/x", "h2", "TARGET_NOT_IN_IMAGE_REPO", NULL);
        graph_expect(repo, "os/g/x", "h1", "TARGET_NOT_IN_IMAGE_REPO", NULL);
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

        graph_expect(repo, "os/h/x", "h1", refusal_name(cases[i].refusal), NULL);
        tuf_repo_free(repo);
    }
}

Test(each, shows_what_the_delegations_allow_in_the_search_s_order)
{
    static const struct graph_edge edges[] = {
        {.from = "targets", .to = "A", .pattern = "os/a/*", .hwid = "h1"},
        {.from = "targets", .to = "B", .pattern = "os/*/*"},
        {.from = "A", .to = "C", .pattern = "os/*/x"}};
    static const struct graph_listed listed[] = {
        {"targets", "os/t/x"}, {"B", "os/b/x"}, {"B", "app/b/x"}, {"A", "os/a/y"},
        {"A", "os/b/y"},       {"C", "os/a/x"}, {"C", "os/b/x"},  {"C", "os/a/z"}};
    struct tuf_repo *repo = graph_new(edges, COUNT(edges), listed, COUNT(listed));
    struct tuf_set *set = graph_refreshed(repo);
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
    struct tuf_repo *repo = graph_new(one_edge, 1, one_target, 1);
    struct tuf_set *set;
    struct err err = {0};
    AUTO_BUF out;

    buf_init(&out, 1000);
    repo->role_count = 0;
    tuf_repo_publish(repo, 1);
    set = graph_refreshed(repo);
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
        struct tuf_repo *repo = graph_new(one_edge, 1, one_target, 1);
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
    struct tuf_repo *repo = graph_new(one_edge, 1, one_target, 1);
    json_t *role = json_array_get(json_object_get(repo->delegations, "roles"), 0);

    no_paths(NULL, role);
    cr_assert_eq(json_object_set_new(role, "path_hash_prefixes", json_pack("[s, s]", "00", "2d")),
                 0);
    tuf_repo_publish(repo, 1);
    graph_expect(repo, "os/h/x", NULL, "A", "1.A.json ");
    graph_expect(repo, "os/h/z", NULL, "TARGET_NOT_IN_IMAGE_REPO", "");
    tuf_repo_free(repo);
}
