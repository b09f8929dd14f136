#pragma once
/*
 * What every operator's request has in common beyond its credential, in one place in front of the
 * handlers:
 *
 *   a GET's JSON has an ETag; If-None-Match answers 304
 *   PUT, PATCH and DELETE know If-Match: 412 when the object was changed since it was read, judged
 *   inside the change's own transaction
 *   a POST with an Idempotency-Key is done once: the same again within 24 hours gets the same
 *   answer, another request with the key 422, one that comes while it is being done 409
 */
#include "server/http/http.h"

/* http_app.before */
MUST_USE bool guard_before(struct http_request *req, void *app);

/* The object whose version the path's ETag tells, or NULL: "group" of /api/v1/groups/:id. */
const char *guard_kind_of(const char *path);
/* The versions that If-Match names, "12,15"; "" for "*" or no header, NULL when it names none that
 * could be. In the request's arena. */
const char *guard_versions(const struct http_request *req);
