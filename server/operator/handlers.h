#pragma once
/* The handlers of the operator API; routes.c is their table. `app` is the struct worker. */
#include "server/http/http.h"

http_handler_fn on_tenant_create, on_tenant_list, on_settings_get, on_settings_change;
http_handler_fn on_token_create, on_token_list, on_token_revoke;
http_handler_fn on_audit_list;
http_handler_fn on_product_create, on_product_list, on_product_get, on_product_groups;
http_handler_fn on_group_list, on_group_get, on_group_change;
http_handler_fn on_claim_create, on_claim_list;
http_handler_fn on_component_create, on_component_list;
http_handler_fn on_device_list, on_device_get, on_device_director;
http_handler_fn on_image_list, on_image_get;
http_handler_fn on_release_create, on_release_list, on_release_get;
http_handler_fn on_deployment_create, on_deployment_list, on_deployment_get, on_deployment_devices;
http_handler_fn on_deployment_approve, on_deployment_pause, on_deployment_resume,
    on_deployment_abort;
http_handler_fn on_report_list;
http_handler_fn on_delta_list;
http_handler_fn on_request_create, on_request_list, on_request_get, on_request_sign;
http_handler_fn on_request_withdraw, on_request_approve;
