/* The table of the device API, and how a device is known. */
#include "server/device/routes.h"

#include <string.h>

#include "lib/base/clock.h"
#include "lib/crypto/token.h"
#include "server/device/internal.h"
#include "server/limits.h"

const struct http_route device_routes[DEVICE_ROUTE_COUNT] = {
    {
        .method = "POST",
        .path = "/device/v1/claim",
        .access = ACCESS_PUBLIC,
        .body_max = DEVICE_CLAIM_BYTES_MAX,
        .handler = on_claim,
        .summary = "A device joins a group with a claim token, once; the same again is answered "
                   "the same.",
    },
    {
        .method = "POST",
        .path = "/device/v1/session",
        .access = ACCESS_PUBLIC,
        .body_max = DEVICE_CLAIM_BYTES_MAX,
        .handler = on_session,
        .summary = "Without a body: a nonce, good for two minutes. With the signed nonce: a token "
                   "for a day.",
    },
    {
        .method = "POST",
        .path = "/device/v1/poll",
        .access = ACCESS_DEVICE,
        .body_max = DEVICE_POLL_BYTES_MAX,
        .handler = on_poll,
        .summary = "What the device runs; answered with what it may fetch, and when to ask again.",
    },
    {
        .method = "POST",
        .path = "/device/v1/activate",
        .access = ACCESS_DEVICE,
        .body_max = DEVICE_POLL_BYTES_MAX,
        .handler = on_activate,
        .summary = "Whether the device may switch to what it staged, asked just before.",
    },
    {
        .method = "PUT",
        .path = "/device/v1/attributes",
        .access = ACCESS_DEVICE,
        .body_max = DEVICE_ATTRIBUTES_BYTES_MAX,
        .handler = on_attributes,
        .summary = "The device's key and value pairs, when a poll's answer asked for them.",
    },
    {
        .method = "POST",
        .path = "/device/v1/report",
        .access = ACCESS_DEVICE,
        .body_max = DEVICE_REPORT_BYTES_MAX,
        .handler = on_report,
        .summary =
            "A step of an update, or an event (`event`): 200 once it is committed, counted once.",
    },
    {
        .method = "POST",
        .path = "/device/v1/time",
        .access = ACCESS_PUBLIC,
        .body_max = DEVICE_POLL_BYTES_MAX,
        .handler = on_time,
        .summary = "The time, signed with the device's own nonce, for devices without a clock.",
    },
    {
        .method = "GET",
        .path = "/t/:tenant/director/:device/metadata/:name",
        .access = ACCESS_DEVICE,
        .handler = on_director,
        .summary = "What this device shall run: `timestamp.json` (signed when something is due), "
                   "`N.root.json`, `N.snapshot.json`, `N.targets.json`.",
    },
};

bool authenticate_device(struct http_request *req, const char *token, struct fleet_index *index,
                         struct err *err)
{
    uint8_t digest[HASH_BYTES];
    struct fleet_device *device;

    if (!token)
        return err_set(err, ERR_DENIED, "a device's session token is needed");
    token_digest(token, strlen(token), digest);
    device = fleet_session_find(index, digest, clock_now_ms());
    if (!device)
        return err_set(err, ERR_DENIED, "the session is unknown or over");
    if (fleet_device_is_gone(device))
        return err_set(err, ERR_DENIED, "the device was decommissioned");
    req->identity.device = device;
    req->identity.subject_id = fleet_device_row(device);
    req->identity.tenant_id = fleet_device_tenant(device);
    return true;
}
