#pragma once
/*
 * The image repositories of all tenants, in memory: what is served without SQL, and what uploads
 * are checked against. One object for all workers, safe from any thread but where it says so.
 */
#include "server/repo/view.h"

struct db;
struct repo;

struct repo *repo_new(void);
void repo_free(struct repo *repo);

/* Reads what is newer in the database, from one and the same loop always. A load that fails
 * leaves what is there; the next one tries again. */
void repo_load(struct repo *repo, struct db *db);
/* Was everything read at least once? */
bool repo_ready(struct repo *repo);

/* A reference, or NULL when there is no such tenant (yet). */
struct repo_view *repo_view_of(struct repo *repo, int64_t tenant_id);
struct repo_view *repo_view_named(struct repo *repo, const char *tenant);
/* The first of the tenants above `after_tenant_id`; NULL after the last. */
struct repo_view *repo_view_after(struct repo *repo, int64_t after_tenant_id);
/* Shows a view to everybody, unless what is there is newer already. */
void repo_put(struct repo *repo, struct repo_view *view);
