#pragma once
/* Every route of the server: the table of the tables, which stand with their handlers. */
#include "server/http/http.h"

/* Ready for struct http_app. */
extern const struct http_route *const route_tables[];
extern const size_t route_counts[];

/* http_app.authenticate for all of them. */
MUST_USE bool routes_authenticate(struct http_request *req, const char *token, void *app,
                                  struct err *err);
/* http_app.on_not_found for all of them. */
void routes_not_found(struct http_request *req, const struct err *err, void *app);
