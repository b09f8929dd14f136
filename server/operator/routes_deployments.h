#pragma once
/* Steering and looking into deployments, beside what routes.c has of them. */
#include "server/http/http.h"

enum { DEPLOYMENT_ROUTE_COUNT = 4 };
extern const struct http_route deployment_routes[];

http_handler_fn on_deployment_start, on_deployment_advance, on_deployment_rollback;
http_handler_fn on_deployment_verdicts;
