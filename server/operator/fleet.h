#pragma once
/* The handlers of the fleet model that routes_fleet.c lists. `app` is the struct worker. */
#include "server/http/http.h"

http_handler_fn on_group_create, on_group_delete, on_group_hold, on_group_unhold;
