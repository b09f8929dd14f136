/* Shapes that many answers have: components of the document. */
#include "server/openapi/shape.h"

/* clang-format off */
const struct shape_name shape_names[] = {
    {"Tenant",
     "{id:uuid, name:text, created:time, ...}"},
    {"Settings",
     "{id:uuid, name:text, approval_devices:int, approval_changes:bool, "
     "updates_stopped:bool, stopped_reason:text, ...}"},
    {"Token",
     "{id:text, name:text, role:text, products:[uuid]|null, groups:[uuid]|null, "
     "created:time, expires:time|null, last_used:time|null, revoked:time|null, ...}"},
    {"Product",
     "{id:uuid, name:text, hwids:[text], created:time, ...}"},
    {"Component",
     "{id:uuid, type:text, name:text, product:text, product_id:uuid, created:time, ...}"},
    {"Group",
     "{id:uuid, name:text, product:text, product_id:uuid, is_default:bool, "
     "poll_interval_s:int, update_policy:text, feed:text, maintenance:{end:text, "
     "days:[text], start:text|null, ...}|null, crash_dumps:bool, concurrency:int|null, "
     "bytes_per_hour:int|null, updates_stopped:bool, stopped_reason:text, "
     "hold:{until:time|null, reason:text|null, ...}|null, baseline:{...}|null, "
     "deployment_id:any, created:time, ...}"},
    {"Device",
     "{device:hash, product:text, group:text, group_id:uuid, hwid:text, state:text, "
     "state_reason:text, hold:{until:time|null, reason:text|null, ...}|null, "
     "tags:{*:text}, replaced_by:hash|null, assignment:int, installed:[{sha256:hash, "
     "version:text|null, release_counter:int|null, ...}], last_seen:time|null, "
     "claimed:time|null, ...}"},
    {"Image",
     "{sha256:hash, length:int, path:text, version:text|null, component:text, "
     "component_id:uuid, type:text, product:text, product_id:uuid, hwids:[text], "
     "role:text, release_counter:int|null, security_epoch:int, floor:int, "
     "stepping_stone:int, requires:[any], revert_to:[any], revert_until:any, sbom:any, "
     "removed:time|null, full_zstd_length:int|null, created:time, ...}"},
    {"Release",
     "{id:uuid, name:text, product:text, product_id:uuid, notes:text, exact:bool, "
     "reversible:bool, assumes:{...}, images:[{sha256:hash, length:int, "
     "version:text|null, component:text, hwids:[text], type:text, "
     "release_counter:int|null, security_epoch:int, floor:int, stepping_stone:int, "
     "requires:[any], revert_to:[any], ...}], created:time, ...}"},
    {"Deployment",
     "{id:uuid, gate:{...}, halt:{...}|null, salt:text, ended:time|null, group:text, "
     "phase:int, retry:{max:int, after_s:int, ...}, start:time|null, state:text, "
     "action:text, author:text, counts:{failed:int, staged:int, offered:int, "
     "skipped:int, cancelled:int, succeeded:int, verifying:int, activating:int, "
     "downloading:int, rolled-back:int, ...}, images:[{hwids:[text], deltas:[any], "
     "length:int, sha256:hash, version:text|null, full_zstd_length:int|null, ...}], "
     "phases:[{kind:text, count:int|null, phase:int, state:text, counts:{failed:int, "
     "staged:int, offered:int, skipped:int, cancelled:int, succeeded:int, verifying:int, "
     "activating:int, downloading:int, rolled-back:int, ...}, filter:text|null, "
     "soak_s:int, advance:text, percent:number|null, touched:int, advance_now:bool, "
     "soak_device_h:int, ...}], reason:any, soak_s:int, strata:[any], created:time, "
     "on_stop:text, product:text, release:text, settled:any, touched:int, "
     "approver:text|null, evidence:{...}, group_id:uuid, security:bool, verdicts:[any], "
     "cap_lifted:bool, release_id:uuid, rolls_back:any, supersedes:uuid|null, "
     "concurrency:int|null, delta_until:any, delta_policy:text, phase_started:time, "
     "superseded_by:any, bytes_per_hour:int|null, rolled_back_by:any, ...}"},
    {"Issue",
     "{id:uuid, title:text, category:text, class:text, component:text, product:text, "
     "state:text, state_since:time, note:text, assignee:text, first_seen:time, "
     "last_seen:time|null, first_image:hash|null, first_release:text|null, "
     "count:int|null, devices:int|null, regressions:int, same_as:uuid|null, ...}"},
    {"Request",
     "{id:uuid, state:text, note:text, author:text, approver:text|null, created:time, "
     "ended:time|null, documents:[{repository:text, role:text, version:int|null, "
     "sha256:hash, signed:text, threshold:int|null, keyids:[hash], signed_by:[hash], "
     "rules:[{keyids:[hash], threshold:int|null, signed:int, ...}], complete:bool, "
     "summary:[text], ...}], files:[any], ...}"},
    {"Claim",
     "{id:uuid, group:text, group_id:uuid, product:text, product_id:uuid, "
     "count:int|null, used:int, revoked:time|null, expires:time|null, created:time, ...}"},
    {"Webhook",
     "{id:uuid, url:text, events:[text], template:text, enabled:bool, created:time, "
     "queued:int, dead:int, ...}"},
    {"Delivery",
     "{id:uuid, event:text, at:time, state:text, tries:int, next_try:time, "
     "status:int|null, latency_ms:int|null, detail:text, ended:time|null, "
     "object:{*:any}, ...}"},
    {"Freeze",
     "{id:uuid, starts:time, ends:time, reason:text|null, holds:bool, created:time, "
     "removed:time|null, ...}"},
    {"Capability",
     "{id:uuid, device:hash, name:text, reason:text|null, issued:time, "
     "expires:time|null, revoked:time|null, ...}"},
    {"Key",
     "{keyid:hash, key:{keytype:text, scheme:text, keyval:{public:text, ...}, ...}, ...}"},
    {NULL, NULL},
};
/* clang-format on */
