#pragma once
/*
 * Repositories of delegated roles, described by edges and by what each role lists; and searches in
 * them, as tests expect them.
 */
#include "tests/support/tuf_repo.h"

enum { GRAPH_KEY = TUF_ROLE_COUNT, GRAPH_OTHER_KEY, GRAPH_EDGES_MAX = 40 };

/* One delegation, and one target somewhere. */
struct graph_edge {
    const char *from, *to;
    const char *pattern; /* NULL: any path of three components */
    size_t key;          /* 0: GRAPH_KEY */
    bool terminating;
    const char *hwid; /* NULL: none is named */
};
struct graph_listed {
    const char *role, *path;
};

/* {path: entry} of what a role lists. */
json_t *graph_entries(const char *role, const struct graph_listed *listed, size_t count);
/* All roles of the graph, each signed by GRAPH_KEY; version 1 of everything. */
struct tuf_repo *graph_new(const struct graph_edge *edges, size_t edge_count,
                           const struct graph_listed *listed, size_t listed_count);
/* The client's set after the workflow; what was fetched is forgotten. */
struct tuf_set *graph_refreshed(struct tuf_repo *repo);
/* A search finds the path in the role `result`, or is refused with that name; `fetched` (NULL: not
 * looked at) is what it asked for. */
void graph_expect(struct tuf_repo *repo, const char *path, const char *hwid, const char *result,
                  const char *fetched);
