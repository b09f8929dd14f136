#pragma once
/*
 * A streamed body that becomes a file of a store: for handlers that first ask the database whether
 * they want it. The client may leave at any moment; the request is answered all the same, which
 * then only frees it.
 */
#include "lib/crypto/hash.h"
#include "server/artifact/store.h"
#include "server/http/http.h"

struct offload;
struct receive; /* in the request's arena */

/* In the handler, before anything that takes time. */
struct receive *receive_new(struct http_request *req, struct offload *offload,
                            const struct artifact_store *store, const uint8_t sha256[HASH_BYTES]);
/* Takes the body, whose length must be `length`; `done` runs once, later, and answers: the file is
 * durable (NULL) or why not. When the client has left, answers by itself. */
void receive_begin(struct receive *receive, uint64_t length,
                   void (*done)(const struct err *err, void *arg), void *arg);
