/* Webhooks carry what happens to other places. */
#include "server/operator/routes_webhook.h"

#include "server/limits.h"

#define WRITE(method, path, body_max, handler, summary)                                            \
    {                                                                                              \
        method, path, ACCESS_OPERATOR, ACTION_WEBHOOK_WRITE, body_max, false, handler, summary     \
    }
#define READ(path, handler, summary)                                                               \
    {                                                                                              \
        "GET", path, ACCESS_OPERATOR, ACTION_READ, 0, false, handler, summary                      \
    }

const struct http_route webhook_routes[WEBHOOK_ROUTE_COUNT] = {
    WRITE("POST", "/api/v1/webhooks", OPERATOR_BODY_BYTES_MAX, on_webhook_create,
          "Call a URL `{url, events, template}` when something happens: `events` are names, "
          "`deployment.*` or `*`, `template` is `json`, `email` or `chat`; the answer has the "
          "`secret`, only now"),
    READ("/api/v1/webhooks", on_webhook_list, "Webhooks"),
    READ("/api/v1/webhooks/:id", on_webhook_get, "A webhook"),
    WRITE("PATCH", "/api/v1/webhooks/:id", OPERATOR_BODY_BYTES_MAX, on_webhook_change,
          "Change `{url, events, template, enabled}`, or some of them"),
    {"DELETE", "/api/v1/webhooks/:id", ACCESS_OPERATOR, ACTION_WEBHOOK_REMOVE, 0, false,
     on_webhook_remove, "Remove it; what is queued is not sent any more"},
    WRITE("POST", "/api/v1/webhooks/:id/test", 0, on_webhook_test,
          "Queue the event `webhook.test`; the answer is the delivery"),
    READ("/api/v1/webhooks/:id/deliveries", on_webhook_deliveries,
         "What became of its deliveries, newest first. `?state=queued`, `delivered` or `dead`"),
    WRITE("POST", "/api/v1/webhooks/:id/deliveries/:delivery/redeliver", 0, on_webhook_redeliver,
          "Queue a delivery again, under its id"),
};
