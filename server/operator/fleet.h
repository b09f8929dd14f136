#pragma once
/* The handlers of the fleet model that routes_fleet.c lists. `app` is the struct worker. */
#include "server/http/http.h"

http_handler_fn on_group_create, on_group_delete, on_group_hold, on_group_unhold;
http_handler_fn on_device_move, on_devices_move, on_device_quarantine, on_device_release,
    on_device_decommission, on_device_hold, on_device_unhold, on_device_tags, on_device_replace;
http_handler_fn on_claim_revoke, on_expected_add, on_expected_list, on_expected_forget;
http_handler_fn on_pending_list, on_pending_accept, on_pending_reject;
http_handler_fn on_freeze_add, on_freeze_list, on_freeze_remove;
http_handler_fn on_capability_issue, on_capability_list, on_device_capabilities,
    on_capability_revoke;
http_handler_fn on_product_change, on_sbom_put, on_sbom_get;
