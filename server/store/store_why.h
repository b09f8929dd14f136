#pragma once
/* What is stored about why a device gets nothing, or something, beside what memory decides from. */
#include "lib/crypto/hash.h"
#include "server/db/db.h"

extern const struct db_stmt *const store_why_statements[];

/* One row with one column, JSON; no row when the tenant has no such device. Times are RFC 3339:
 *
 *   {"id", "device": {"state", "state_reason", "hold_until", "hold_reason", "penalty_until",
 *                      "failures", "is_held", "is_penalised"},
 *    "stopped_reason", "group_hold_reason", "group", "product", "last_seen", "poll_interval_s",
 *    "row": {"deployment", "release", "deployment_state", "state", "phase", "reason", "detail",
 *            "attempts", "verdict", "offered", "activated", "updated", "granted_bytes"} | null,
 *    "refusals": [{"reason", "detail", "state", "time"}],
 *    "deployment": {"id", "release", "state", "state_reason", "freeze": TEXT | null, "is_frozen",
 *                   "count_room", "concurrency", "fetching", "bytes_per_hour", "bytes_now",
 *                   "cap_lifted", "start", "open", "succeeded",
 *                   "stratum": {"number", "hwid", "halted", "cap_lifted", "open", "succeeded"}}
 *                  | null}
 *
 * `deployment` is the one that the group runs, pauses or halted last. */
void store_why_load(struct db *db, int64_t tenant_id, const uint8_t device_id[HASH_BYTES],
                    db_done_fn *done, void *arg);
