#pragma once
/* What several changes by hand have in common: a hold, a reason, no body at all. */
#include "lib/json/json.h"
#include "server/http/http.h"
#include "server/store/until.h"

enum { INPUT_REASON_MAX = 200 };

/* A sentence for people: 1 to INPUT_REASON_MAX bytes without control characters. */
MUST_USE bool input_reason(const json_t *body, const char *name, const char **out, struct err *err);

/* {"reason", "until"?}: the time within the next ten years. The caller frees the tree, whose texts
 * the result borrows. */
MUST_USE bool hold_input_read(const struct http_request *req, int64_t now_ms, json_t **body,
                              struct store_hold *out, struct err *err);
/* {"reason"} */
MUST_USE bool reason_input_read(const struct http_request *req, json_t **body, const char **reason,
                                struct err *err);
/* No body, or {}. */
MUST_USE bool input_empty(const struct http_request *req, struct err *err);
