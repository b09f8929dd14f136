#pragma once
/* Who an operator is and whether the role allows what the route does. */
#include "lib/base/err.h"

struct auth_tokens;
struct http_request;

/* Fills req->identity; see http_app.authenticate. `token` may be NULL. */
MUST_USE bool authenticate_operator(struct http_request *req, const char *token,
                                    struct auth_tokens *tokens, struct err *err);
