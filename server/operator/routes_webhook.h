#pragma once
/* Webhooks: the table, its handlers. `app` is the struct worker. */
#include "server/http/http.h"

enum { WEBHOOK_ROUTE_COUNT = 8 };
extern const struct http_route webhook_routes[WEBHOOK_ROUTE_COUNT];

http_handler_fn on_webhook_create, on_webhook_list, on_webhook_get, on_webhook_change,
    on_webhook_remove, on_webhook_test, on_webhook_deliveries, on_webhook_redeliver;
