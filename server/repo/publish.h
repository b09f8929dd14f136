#pragma once
/* A change of a tenant's repositories on its way: compose, sign, commit, show. */
#include "server/repo/compose.h"
#include "server/repo/repo.h"
#include "server/store/actor.h"

struct artifact_store;
struct loop;
struct offload;
struct signer;
struct worker;

struct repo_place {
    struct repo *repo;
    struct db *db;
    struct loop *loop;
    struct signer *signer;
    struct offload *offload; /* big documents are verified there, files are written there */
    const struct artifact_store *artifacts;
};
struct repo_place repo_place_of(const struct worker *worker);

/* What is to be published: one of the two. */
struct repo_source {
    struct repo_bundle *bundle; /* emptied: its content is taken over */
    const void *body;           /* of POST repo/publications, borrowed until the end */
    size_t len;
    struct store_actor actor; /* who publishes; its text is borrowed until the end */
    int64_t request_id;       /* of the request that is published by this, else 0 */
    bool is_approval;         /* the actor approves it */
};

/* After it is committed and shown: `after` is the new view; or `err`. Both borrowed. */
typedef void repo_changed_fn(const struct repo_view *after, const struct repo_change *change,
                             const struct err *err, void *arg);
void repo_publish(const struct repo_place *place, const struct repo_source *source,
                  repo_changed_fn *done, void *arg);
/* A new timestamp (and snapshot), see repo_compose_needs_snapshot(). */
void repo_renew(const struct repo_place *place, int64_t tenant_id, repo_changed_fn *done,
                void *arg);
