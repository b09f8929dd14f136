/* Every role is put once, with the delegations of all its edges. */
#include "tests/support/tuf_graph.h"

#include <criterion/criterion.h>

#include "lib/base/text.h"

json_t *graph_entries(const char *role, const struct graph_listed *listed, size_t count)
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
                              const struct graph_edge *edges, size_t count)
{
    json_t *roles[GRAPH_EDGES_MAX];
    size_t found = 0;

    for (size_t i = 0; i < count; i++) {
        const struct graph_edge *edge = &edges[i];

        if (!text_equal(edge->from, role))
            continue;
        roles[found] = tuf_repo_delegation(repo, edge->to, edge->key ? edge->key : GRAPH_KEY,
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

struct tuf_repo *graph_new(const struct graph_edge *edges, size_t edge_count,
                           const struct graph_listed *listed, size_t listed_count)
{
    struct tuf_repo *repo = tuf_repo_new();

    tuf_repo_put_root(repo, 1);
    tuf_repo_trust(repo, "1.root.json");
    for (size_t i = 0; i < edge_count; i++)
        tuf_repo_put_role(repo, edges[i].to, 1, graph_entries(edges[i].to, listed, listed_count),
                          delegations_of(repo, edges[i].to, edges, edge_count), GRAPH_KEY);
    json_decref(repo->targets);
    repo->targets = graph_entries("targets", listed, listed_count);
    repo->delegations = delegations_of(repo, "targets", edges, edge_count);
    tuf_repo_publish(repo, 1);
    return repo;
}

struct tuf_set *graph_refreshed(struct tuf_repo *repo)
{
    struct tuf_set *set = NULL;
    struct err err = {0};

    cr_assert(tuf_repo_refresh(repo, &set, &err), "%s", err.text);
    repo->fetched[0] = '\0';
    return set;
}

void graph_expect(struct tuf_repo *repo, const char *path, const char *hwid, const char *result,
                  const char *fetched)
{
    struct tuf_set *set = graph_refreshed(repo);
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
