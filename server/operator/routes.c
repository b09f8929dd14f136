/* The operator API's table of contents. Uploads and metadata stand with their modules, in
 * server/artifact/routes.c and server/repo/routes.c. */
#include "server/operator/routes.h"

#include "server/limits.h"
#include "server/operator/handlers.h"
#include "server/repo/bundle.h"

#define READ(path, handler, summary)                                                               \
    {                                                                                              \
        "GET", path, ACCESS_OPERATOR, ACTION_READ, 0, false, handler, summary                      \
    }
#define BODY OPERATOR_BODY_BYTES_MAX

/* clang-format off */
const struct http_route operator_routes[] = {
    {"GET", "/api/v1/tenants", ACCESS_OPERATOR, ACTION_TENANT_MANAGE, 0, false, on_tenant_list,
     "Your tenant and those it made. `?name=`"},
    {"POST", "/api/v1/tenants", ACCESS_OPERATOR, ACTION_TENANT_MANAGE, BODY, false, on_tenant_create,
     "Make a tenant `{name}`; the answer's `token`, its administrator's, is shown only now"},
    READ("/api/v1/tenant", on_settings_get,
         "Your tenant's settings: what needs four eyes, the kill switch"),
    {"PATCH", "/api/v1/tenant", ACCESS_OPERATOR, ACTION_TENANT_SETTINGS, BODY, false,
     on_settings_change,
     "Change any of `{approval_devices, approval_changes, updates_stopped, reason}`: deployments to "
     "groups of more devices (0: never), changes of keys and floors wait for an approval; the kill "
     "switch stops every grant and activation at once"},

    {"GET", "/api/v1/operator-tokens", ACCESS_OPERATOR, ACTION_TOKEN_MANAGE, 0, false,
     on_token_list, "Operators' tokens, never the tokens themselves"},
    {"POST", "/api/v1/operator-tokens", ACCESS_OPERATOR, ACTION_TOKEN_MANAGE, BODY, false,
     on_token_create,
     "Make a token `{name, role, products:[id…], groups:[id…], expires: in a year}`; `token` is "
     "shown only now"},
    {"POST", "/api/v1/operator-tokens/:id/revoke", ACCESS_OPERATOR, ACTION_TOKEN_MANAGE, BODY,
     false, on_token_revoke, "Revoke a token, at once and for good"},
    {"GET", "/api/v1/audit", ACCESS_OPERATOR, ACTION_AUDIT_READ, 0, false, on_audit_list,
     "Who changed what, oldest first, and the `head` of the chain. `?after=` (a seq), `?tenant=`"},

    READ("/api/v1/products", on_product_list, "Products. `?name=`"),
    {"POST", "/api/v1/products", ACCESS_OPERATOR, ACTION_PRODUCT_WRITE, BODY, false, on_product_create,
     "Make a product `{name, hwids:[…]}` with its five groups"},
    READ("/api/v1/products/:id", on_product_get, "A product"),
    READ("/api/v1/products/:id/groups", on_product_groups, "The groups of a product. `?name=`"),

    READ("/api/v1/groups", on_group_list, "Groups of all products. `?name=`, `?product=` (id)"),
    READ("/api/v1/groups/:id", on_group_get, "A group: policy, baseline, unfinished deployment"),
    {"PATCH", "/api/v1/groups/:id", ACCESS_OPERATOR, ACTION_GROUP_WRITE, BODY, false, on_group_change,
     "Change any of `{name, poll_interval_s, update_policy: all|os-only|none, feed, crash_dumps,"
     " maintenance: {days:[mon…], start: \"02:00\", end}, concurrency, bytes_per_hour,"
     " updates_stopped, reason}`; null takes a window or a limit away"},

    READ("/api/v1/claim-tokens", on_claim_list,
         "Claim tokens and how often they were used. `?product=`, `?group=` (ids)"),
    {"POST", "/api/v1/claim-tokens", ACCESS_OPERATOR, ACTION_CLAIM_WRITE, BODY, false, on_claim_create,
     "Let devices join `{group, count: 1, expires: in 7 days}`; `token` is shown only now"},

    READ("/api/v1/devices", on_device_list,
         "Devices. `?group=` (id), `?state=`, `?held=true`, `?quarantined=true`, `?tag=` (`NAME` or "
         "`NAME=VALUE`), `?attribute=NAME=VALUE`, `?version=`, `?filter=`, `?q=` (the beginning of "
         "an id, or words)"),
    READ("/api/v1/devices/:device", on_device_get,
         "A device: what it runs, its deployments and last reports"),

    READ("/api/v1/devices/:device/director", on_device_director,
         "What the director last signed for a device: its targets, and when"),

    READ("/api/v1/components", on_component_list, "Components. `?name=`, `?type=`, `?product=` (id)"),
    {"POST", "/api/v1/components", ACCESS_OPERATOR, ACTION_COMPONENT_WRITE, BODY, false, on_component_create,
     "Make a component `{product, type: os|app, name}`; a product has one `os`"},

    READ("/api/v1/images", on_image_list, "Uploaded images"),
    READ("/api/v1/images/:sha256", on_image_get, "An uploaded image"),

    READ("/api/v1/releases", on_release_list, "Releases. `?name=`, `?product=` (id)"),
    {"POST", "/api/v1/releases", ACCESS_OPERATOR, ACTION_RELEASE_WRITE, BODY, false, on_release_create,
     "Make a release `{name, product, images:[sha256…], notes, exact, reversible, assumes: "
     "{\"os/NAME\": counter}}` of uploaded images"},
    READ("/api/v1/releases/:id", on_release_get, "A release"),

    READ("/api/v1/deployments", on_deployment_list,
         "Deployments with their counts. `?group=` (id), `?state=`"),
    {"POST", "/api/v1/deployments", ACCESS_OPERATOR, ACTION_DEPLOY_CREATE, BODY, false, on_deployment_create,
     "Make `{group, release, phases:[{percent|count, filter, soak_s, soak_device_h, advance: "
     "auto|manual}…], first: filter, soak_s: 0, salt: the id, action: update|downgrade, start: time, "
     "draft, concurrency, bytes_per_hour, delta_policy: delta-then-full|full|delta-only|"
     "wait-for-delta, delta_deadline_s: 7200, retry:{max: 0, after_s: 3600}, security, supersedes: "
     "true|id, on_stop: halt|pause|roll-back, gate:{install, health, silence, threshold, scope}}`; "
     "percentages rise to 100"},
    READ("/api/v1/deployments/:id", on_deployment_get,
         "A deployment: counts per phase and stratum, `evidence` and verdicts of its gates, what its "
         "images and deltas weigh"),
    READ("/api/v1/deployments/:id/devices", on_deployment_devices,
         "The devices it was offered to. `?state=`, `?verdict=`, `?stratum=`, `?reason=`"),
    {"POST", "/api/v1/deployments/:id/approve", ACCESS_OPERATOR, ACTION_DEPLOY_APPROVE, BODY, false,
     on_deployment_approve, "Start what waits for another person's approval"},
    {"POST", "/api/v1/deployments/:id/pause", ACCESS_OPERATOR, ACTION_DEPLOY_STEER, BODY, false,
     on_deployment_pause, "No new offers, no activation, until it is resumed"},
    {"POST", "/api/v1/deployments/:id/resume", ACCESS_OPERATOR, ACTION_DEPLOY_STEER, BODY, false,
     on_deployment_resume, "Go on after a pause"},
    {"POST", "/api/v1/deployments/:id/abort", ACCESS_OPERATOR, ACTION_DEPLOY_STEER, BODY, false,
     on_deployment_abort, "Stop for good; what is not activated is withdrawn"},

    READ("/api/v1/repo/requests", on_request_list,
         "Publications that wait, or waited, for signatures. `?state=`"),
    {"POST", "/api/v1/repo/requests", ACCESS_OPERATOR, ACTION_REPO_REQUEST, REPO_BUNDLE_BYTES_MAX, false,
     on_request_create,
     "Ask for signatures of `{note, documents:[{repository, role, signed}], files:[{path, text}]}`;"
     " `signed` is canonical"},
    READ("/api/v1/repo/requests/:id", on_request_get,
         "A request: what changes, who may sign, who has"),
    {"POST", "/api/v1/repo/requests/:id/signatures", ACCESS_OPERATOR, ACTION_REPO_SIGN, REPO_BUNDLE_BYTES_MAX, false,
     on_request_sign,
     "Add `{documents:[{repository, role, sha256, signatures:[{keyid, sig}]}]}`; with the last one"
     " needed all is published"},
    {"POST", "/api/v1/repo/requests/:id/approve", ACCESS_OPERATOR, ACTION_REPO_APPROVE, BODY, false,
     on_request_approve, "Publish what changes keys or raises a floor, as another than its author"},
    {"POST", "/api/v1/repo/requests/:id/withdraw", ACCESS_OPERATOR, ACTION_REPO_REQUEST, BODY, false,
     on_request_withdraw, "Give it up"},

    READ("/api/v1/reports", on_report_list,
         "What devices said. `?device=` or `?deployment=` (id), or both"),
    READ("/api/v1/deltas", on_delta_list,
         "Deltas between images and their lengths. `?state=`"),
};
/* clang-format on */

_Static_assert(COUNT(operator_routes) == OPERATOR_ROUTE_COUNT, "the header says how many");
