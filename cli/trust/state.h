#pragma once
/*
 * What is published now, verified from a root one trusts: the root chains of both repositories and
 * every role the image repository's snapshot lists. It comes from a server, from a folder that
 * `slipway repo pull` filled, or from the context of a request bundle; all three are verified the
 * same way, and none is believed.
 */
#include "cli/trust/binder.h"
#include "lib/json/json.h"
#include "lib/tuf/tuf.h"

/* Where published files come from. `repository` is "image" or "director" and `name` "2.root.json",
 * or "files" and "trust/HASH.anchors.json"; what is not there is ERR_NOT_FOUND. */
struct state_source {
    bool (*fetch)(void *arg, const char *repository, const char *name, size_t max, struct buf *out,
                  struct err *err);
    void *arg;
};

struct state {
    struct binder roots;          /* "1.root.json" ... of the image repository, in order */
    struct binder director_roots; /* of the director; empty when there is none */
    struct binder roles;          /* "root", "targets", "os-demo", ...: the newest of each */
    struct binder online;         /* "snapshot", "timestamp"; not from a context */
    struct binder files;          /* "trust/anchors.json", ...; not from a context */
};

#define AUTO_STATE CLEANUP(state_done) struct state
void state_done(struct state *state);

/* Roots one trusts to begin with. The director's may be empty: then its first root is the signed
 * target trust/director-root.json, if there is one. */
struct state_roots {
    const struct buf *image;
    const struct buf *director;
};

/* Walks the source as a device would. `now_ms` 0: expired documents are taken, too (to renew them,
 * they must be read). */
MUST_USE bool state_load(const struct state_source *source, const struct state_roots *roots,
                         int64_t now_ms, struct state *out, struct err *err);
/* From a bundle's context. Without a root (`roots->image` NULL) the context's own first one is
 * taken on its word. */
MUST_USE bool state_from_context(const json_t *context, const struct state_roots *roots,
                                 struct state *out, struct err *err);
/* The context for a request about these roles: the roots, targets, and of `names` (NULL-terminated)
 * the roles themselves and who delegates to them. */
json_t *state_context(const struct state *state, const char *const *names);

/* The newest of a role; NULL when it was never published. */
const struct buf *state_document(const struct state *state, const char *repository,
                                 const char *role);
/* The same parsed: its "signed" part, owned by the caller; NULL when there is none. */
json_t *state_body(const struct state *state, const char *repository, const char *role);
/* The roles as lib/tuf's publication checks want them. `items` is owned by the caller, the bytes
 * by the state. */
struct tuf_published state_published(const struct state *state, struct tuf_named **items);
/* Which published role delegates to `name`; NULL when none does. Borrowed. */
const char *state_delegator(const struct state *state, const char *name);
