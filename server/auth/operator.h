#pragma once
/* Who an operator is and whether the role allows what the route does. */
#include "lib/base/err.h"
#include "server/store/actor.h"

struct auth_tokens;
struct http_request;

/* Fills req->identity; see http_app.authenticate. `token` may be NULL. */
MUST_USE bool authenticate_operator(struct http_request *req, const char *token,
                                    struct auth_tokens *tokens, struct err *err);
/* Who makes this request, for the audit; as long as the request lives. */
struct store_actor operator_actor(const struct http_request *req);
