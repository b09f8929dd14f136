#pragma once
/* From a statement's result to the answer: the row is the JSON, no row is an error. */
#include "lib/base/err.h"
#include "server/db/db.h"
#include "server/http/http.h"

struct reply; /* lives in the request's arena */

/* `status` of the answer when there is a row; otherwise the error with these words. */
struct reply *reply_new(struct http_request *req, int status, enum err_code none, const char *fmt,
                        ...) PRINTF(4, 5);
/* Of a list, which always has a row. */
struct reply *reply_list(struct http_request *req);
/* Puts "token" into the JSON, a secret that is shown only now; `token` is copied. */
void reply_set_token(struct reply *reply, const char *token);
/* ... under another name, which lives as long as the program. */
void reply_set_secret(struct reply *reply, const char *name, const char *secret);
/* The db_done_fn of every operator's statement; `arg` is the struct reply. */
void reply_send(const struct db_result *result, const struct err *err, void *arg);
