#pragma once
/*
 * A step of a request on its way: load, judge (on the background thread), store, and publish once
 * all signatures are there.
 */
#include "server/repo/publish.h"
#include "server/repo/request.h"

/* Later, from the loop. Either `err` is NULL, or all the others are. All borrowed. */
typedef void repo_request_fn(const struct repo_view *view, const struct repo_request *request,
                             const struct err *err, void *arg);

/* What is asked for. Texts and bytes are borrowed until `done` ran. */
struct repo_request_ask {
    struct repo_place place;
    struct store_actor actor;
    const char *public_id; /* NULL: create */
    const void *body;      /* of a request to create, or of signatures */
    size_t len;
};

/* The request as it is; ERR_NOT_FOUND. */
void repo_request_load(const struct repo_request_ask *ask, repo_request_fn *done, void *arg);
/* `public_id` is written before `done` runs. */
void repo_request_create(const struct repo_request_ask *ask, char public_id[37],
                         repo_request_fn *done, void *arg);
/* Every signature is verified before one is kept. When with them the request is complete it is
 * published, or awaits the approval that its changes need; a refusal leaves it open, with its
 * signatures. */
void repo_request_sign(const struct repo_request_ask *ask, repo_request_fn *done, void *arg);
/* Another person than its author publishes one that is complete; ERR_CONFLICT when there are
 * signatures to come, FOUR_EYES when it is the author. */
void repo_request_approve(const struct repo_request_ask *ask, repo_request_fn *done, void *arg);
