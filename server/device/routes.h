#pragma once
/* The native device API: /device/v1 (lib/wire/device.h has the messages). */
#include "server/http/http.h"

enum { DEVICE_ROUTE_COUNT = 8 };

extern const struct http_route device_routes[DEVICE_ROUTE_COUNT];

struct fleet_index;

/* http_app.authenticate for devices: the session's digest is looked up in memory. Fills
 * req->identity. `token` may be NULL. */
MUST_USE bool authenticate_device(struct http_request *req, const char *token,
                                  struct fleet_index *index, struct err *err);
