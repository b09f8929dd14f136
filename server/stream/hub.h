#pragma once
/*
 * Who listens on one worker's connections. A listener that resumes reads what it missed from the
 * database, page by page as its client takes them, and is live when it has reached what the hub
 * was given. A live one that takes too little is cut, and told so: it resumes.
 */
#include "lib/base/err.h"

struct loop;
struct db;
struct auth_tokens;
struct http_request;
struct stream_feed;
struct stream_batch;
struct stream_hub;

struct stream_hub *stream_hub_new(struct stream_feed *feed, struct loop *loop, struct db *db,
                                  struct auth_tokens *tokens);
/* Nobody listens any more; on its loop, before that is closed. */
void stream_hub_stop(struct stream_hub *hub);
/* After the loop was closed: until then batches may be on their way to it. */
void stream_hub_free(struct stream_hub *hub);

/* From the feed's thread; takes over a reference. */
void stream_hub_post(struct stream_hub *hub, struct loop *loop, struct stream_batch *batch);
/* Answers the request with the stream: from now on when `after` is negative, else what follows
 * that number. Returns false and says why when there are too many listeners. */
MUST_USE bool stream_hub_listen(struct stream_hub *hub, struct http_request *req, int64_t after,
                                struct err *err);
