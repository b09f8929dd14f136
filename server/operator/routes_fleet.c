#include "server/operator/routes_fleet.h"

#include "server/limits.h"
#include "server/operator/fleet.h"

#define WRITE(method, path, action, handler, summary)                                              \
    {                                                                                              \
        method, path, ACCESS_OPERATOR, action, OPERATOR_BODY_BYTES_MAX, false, handler, summary    \
    }

/* clang-format off */
const struct http_route fleet_routes[] = {
    WRITE("POST", "/api/v1/groups", ACTION_GROUP_WRITE, on_group_create,
          "Make a group `{product, name}`, with properties as `PATCH groups/:id` has them"),
    WRITE("DELETE", "/api/v1/groups/:id", ACTION_GROUP_DELETE, on_group_delete,
          "Delete a group that has no devices, expects none and has no unfinished deployment"),
    WRITE("POST", "/api/v1/groups/:id/hold", ACTION_GROUP_WRITE, on_group_hold,
          "Keep a group on what it runs `{reason, until: until somebody ends it}`"),
    WRITE("POST", "/api/v1/groups/:id/unhold", ACTION_GROUP_WRITE, on_group_unhold,
          "End the hold of a group"),
};
/* clang-format on */
_Static_assert(COUNT(fleet_routes) == FLEET_ROUTE_COUNT, "the header says how many");
