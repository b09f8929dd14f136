#pragma once
/* A change of a repository on its way: compose, commit, show. */
#include "server/repo/keys.h"
#include "server/repo/repo.h"

struct loop;
struct offload;

struct repo_place {
    struct repo *repo;
    struct db *db;
    struct loop *loop;
    struct offload *offload; /* big documents are verified there */
};

/* After it is committed and shown: `after` is the new view; or `err`. Both borrowed. */
typedef void repo_changed_fn(const struct repo_view *after, const struct repo_change *change,
                             const struct err *err, void *arg);
/* The document, of at most TUF_TARGETS_BYTES_MAX, is copied. */
void repo_publish(const struct repo_place *place, int64_t tenant_id, const struct buf *document,
                  repo_changed_fn *done, void *arg);
/* A new timestamp (and snapshot), see repo_compose_renewal(). */
void repo_renew(const struct repo_place *place, int64_t tenant_id, repo_changed_fn *done,
                void *arg);
