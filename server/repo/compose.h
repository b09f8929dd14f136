#pragma once
/*
 * What a publication consists of. Pure: the repository as it is, the new document, the online
 * keys and the time go in; the documents to add come out, or a refusal.
 */
#include "server/repo/view.h"

struct sign_key;

struct repo_keys {
    struct sign_key *snapshot;
    struct sign_key *timestamp;
};

struct repo_change {
    struct repo_document *documents[3]; /* owned */
    size_t count;
};
void repo_change_done(struct repo_change *change);
#define AUTO_REPO_CHANGE CLEANUP(repo_change_done) struct repo_change

/* A root or targets made offline: verified as a device would, its version exactly one more than
 * the current one (else ERR_CONFLICT). Targets bring a new snapshot and timestamp with them. */
MUST_USE bool repo_compose_publication(const struct repo_view *before, const struct buf *fresh,
                                       const struct repo_keys *keys, int64_t now_ms,
                                       struct repo_change *out, struct err *err);
/* Is less than half of the timestamp's life left? */
bool repo_compose_is_due(const struct repo_view *view, int64_t now_ms);
/* A new timestamp, and a new snapshot when half of its life is over. */
MUST_USE bool repo_compose_renewal(const struct repo_view *before, const struct repo_keys *keys,
                                   int64_t now_ms, struct repo_change *out, struct err *err);
