#pragma once
/* Why, and what if: the routes of explanations and forecasts. `app` is the struct worker. */
#include "server/http/http.h"

enum { WHY_ROUTE_COUNT = 4 };
extern const struct http_route why_routes[];

http_handler_fn on_device_why;
http_handler_fn on_deployment_plan, on_deployment_forecast, on_deployment_stuck;
