#pragma once
/*
 * Many requests at once on one thread: the fleet simulator's side of libcurl. Requests beyond
 * the connections there may be wait in line. Nothing happens but inside client_pool_turn().
 */
#include "lib/client/client.h"

struct client_pool;

/* Runs once, from client_pool_turn(). `err` is NULL on success, and then the answer is borrowed
 * for the call; otherwise the answer is NULL. New requests may be sent from here. */
typedef void client_done_fn(const struct client_answer *answer, const struct err *err, void *arg);

MUST_USE bool client_pool_open(const struct client_options *options, unsigned connections_max,
                               struct client_pool **out, struct err *err);
/* Requests that are not done are dropped without their callbacks. */
void client_pool_close(struct client_pool *pool);
/* Texts and body are copied; callbacks and an upload's descriptor are not. */
void client_pool_send(struct client_pool *pool, const struct client_request *request,
                      client_done_fn *done, void *arg);
/* Moves bytes and runs callbacks, waiting at most `timeout_ms` for something to happen. */
MUST_USE bool client_pool_turn(struct client_pool *pool, int timeout_ms, struct err *err);
/* Requests sent and not yet done. */
size_t client_pool_pending(const struct client_pool *pool);
