#include "server/operator/routes_fleet.h"

#include "server/limits.h"
#include "server/operator/fleet.h"

#define WRITE(method, path, action, handler, summary)                                              \
    {                                                                                              \
        method, path, ACCESS_OPERATOR, action, OPERATOR_BODY_BYTES_MAX, false, handler, summary    \
    }

#define READ(path, handler, summary)                                                               \
    {                                                                                              \
        "GET", path, ACCESS_OPERATOR, ACTION_READ, 0, false, handler, summary                      \
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

    {"POST", "/api/v1/devices:move", ACCESS_OPERATOR, ACTION_DEVICE_WRITE, DEVICE_LIST_BYTES_MAX, false, on_devices_move,
     "Move devices `{to: group id, devices:[id…] or group and filter}`; `more`: ask again"},
    WRITE("POST", "/api/v1/devices/:device/move", ACTION_DEVICE_WRITE, on_device_move,
          "Move a device `{to: group id}`; what it was offered is taken back by its next poll"),
    WRITE("POST", "/api/v1/devices/:device/quarantine", ACTION_DEVICE_WRITE, on_device_quarantine,
          "Give a device nothing any more `{reason}`; it may poll and report"),
    WRITE("POST", "/api/v1/devices/:device/release", ACTION_DEVICE_WRITE, on_device_release,
          "End a device's quarantine"),
    WRITE("POST", "/api/v1/devices/:device/hold", ACTION_DEVICE_WRITE, on_device_hold,
          "Keep a device on what it runs `{reason, until: until somebody ends it}`"),
    WRITE("POST", "/api/v1/devices/:device/unhold", ACTION_DEVICE_WRITE, on_device_unhold,
          "End the hold of a device"),
    WRITE("PUT", "/api/v1/devices/:device/tags", ACTION_DEVICE_WRITE, on_device_tags,
          "All tags of a device `{name: text…}`, at most 64"),
    WRITE("PATCH", "/api/v1/devices/:device/tags", ACTION_DEVICE_WRITE, on_device_tags,
          "Change tags of a device `{name: text…}`; null takes one away"),
    WRITE("POST", "/api/v1/devices/:device/decommission", ACTION_DEVICE_REMOVE, on_device_decommission,
          "End a device for good `{reason}`: its key never joins again"),
    WRITE("POST", "/api/v1/devices/:device/replace", ACTION_DEVICE_REMOVE, on_device_replace,
          "After a repair `{by: device}`: that one takes group, tags and hold, this one is ended"),

    WRITE("POST", "/api/v1/claim-tokens/:id/revoke", ACTION_CLAIM_WRITE, on_claim_revoke,
          "Revoke a claim token for good; who joined with it stays"),
    READ("/api/v1/preregistrations", on_expected_list,
         "Devices that may join without a token. `?group=` (id), `?claimed=true|false`"),
    {"POST", "/api/v1/preregistrations", ACCESS_OPERATOR, ACTION_CLAIM_WRITE, DEVICE_LIST_BYTES_MAX, false, on_expected_add,
     "Expect devices: lines `{device | public_key, group: PRODUCT/GROUP or id, tags}`, at most "
     "2,000. `?group=` (id) where a line has none, `?first_line=` for errors"},
    WRITE("DELETE", "/api/v1/preregistrations/:device", ACTION_CLAIM_WRITE, on_expected_forget,
          "Expect a device no longer"),
    READ("/api/v1/pending-claims", on_pending_list,
         "Devices that asked to join without a token and wait for a person"),
    WRITE("POST", "/api/v1/pending-claims/:device/accept", ACTION_CLAIM_WRITE, on_pending_accept,
          "Let a device that waits join `{group, tags}`: its next claim is good"),
    WRITE("POST", "/api/v1/pending-claims/:device/reject", ACTION_CLAIM_WRITE, on_pending_reject,
          "Tell a device that waits no"),

    READ("/api/v1/freezes", on_freeze_list,
         "Times in which nothing switches, now and ahead. `?past=true`: also those behind"),
    WRITE("POST", "/api/v1/freezes", ACTION_FREEZE_WRITE, on_freeze_add,
          "Let nothing switch `{starts, ends, reason}`; only a security release that a second "
          "person approved passes"),
    WRITE("DELETE", "/api/v1/freezes/:id", ACTION_FREEZE_WRITE, on_freeze_remove,
          "Take a freeze out of the calendar"),

    READ("/api/v1/capabilities", on_capability_list,
         "What devices may do for a while. `?past=true`: also what is over"),
    READ("/api/v1/devices/:device/capabilities", on_device_capabilities,
         "What a device may do for a while. `?past=true`"),
    WRITE("POST", "/api/v1/devices/:device/capabilities", ACTION_CAPABILITY_ISSUE, on_capability_issue,
          "Note that a device may `{name: debug-shell|sideload, expires: within 30 days, reason}`; "
          "`document` is to be signed offline: no online key may"),
    WRITE("POST", "/api/v1/capabilities/:id/revoke", ACTION_CAPABILITY_ISSUE, on_capability_revoke,
          "Revoke a capability"),

    WRITE("PATCH", "/api/v1/products/:id", ACTION_PRODUCT_WRITE, on_product_change,
          "Change a product `{name, add_hwids:[…]}`"),
    READ("/api/v1/images/:sha256/sbom", on_sbom_get, "What an image is made of, as it was stored"),
    {"PUT", "/api/v1/images/:sha256/sbom", ACCESS_OPERATOR, ACTION_IMAGE_UPLOAD, SBOM_BYTES_MAX, false, on_sbom_put,
     "Store what an image is made of: SPDX 2.2 or 2.3, or CycloneDX 1.2 to 1.6, as JSON"},
};
/* clang-format on */
_Static_assert(COUNT(fleet_routes) == FLEET_ROUTE_COUNT, "the header says how many");
