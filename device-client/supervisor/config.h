#pragma once
/*
 * The agent's state folder: what provisioning wrote there, and the names of its files.
 *
 *   STATE/config.json    server, claim token, hardware id, slots, boot backend
 *   STATE/identity.key   the device's Ed25519 key, mode 0600
 *   STATE/claim.json     the server's answer to the claim
 *   STATE/record         lib/update's state and what belongs to it (supervisor/record.h)
 *   STATE/reports        the report queue (report/queue.h)
 *   STATE/metadata/      root.json, timestamp.json, snapshot.json, targets.json
 *   STATE/director/      the same of the director's repository, once there is one
 *   STATE/anchors.json   what the device believes in beside metadata: device-client/trust/anchors.h
 *   STATE/counters       what never falls: device-client/trust/counters.h
 *   STATE/download/      files on their way
 *   STATE/events/        what happened and was not queued yet (report/spool.h)
 *   STATE/boot           which start of the system this is, and whether it was ended in order
 *   STATE/deferred       until when `slipway-agent defer` holds the switch back
 *   STATE/lock           held by the running agent; its process id
 */
#include "lib/base/err.h"
#include "lib/wire/device.h"

enum { CONFIG_PATH_ROOM = 1025 };

struct config {
    char server[WIRE_URL_ROOM];
    char claim[WIRE_TOKEN_ROOM];
    char hwid[WIRE_NAME_ROOM];
    char slot_a[CONFIG_PATH_ROOM];
    char slot_b[CONFIG_PATH_ROOM];
    char boot[WIRE_NAME_ROOM]; /* backend */
    char boot_file[CONFIG_PATH_ROOM];
    char health[CONFIG_PATH_ROOM];  /* program, or "" */
    char ca_file[CONFIG_PATH_ROOM]; /* PEM, or "" */
    char timezone[WIRE_NAME_ROOM];  /* IANA name, or "" for UTC */
    char pstore[CONFIG_PATH_ROOM];  /* where the kernel leaves its last words, or "": as usual */
    char reset_reason[CONFIG_PATH_ROOM]; /* file that names a watchdog after its reset, or "" */
    bool no_clock;                       /* the device's clock says nothing after a start */
};

/* "STATE/name"; the caller frees it. */
char *state_path(const char *state_dir, const char *name);

MUST_USE bool config_load(const char *state_dir, struct config *out, struct err *err);
/* ERR_CONFLICT when there is one: a device is provisioned once. */
MUST_USE bool config_create(const char *state_dir, const struct config *config, struct err *err);

/* ERR_NOT_FOUND when the device was not claimed yet. */
MUST_USE bool claim_load(const char *state_dir, struct wire_claim_answer *out, struct err *err);
MUST_USE bool claim_save(const char *state_dir, const struct wire_claim_answer *claim,
                         struct err *err);
/* The server no longer knows the device. */
MUST_USE bool claim_forget(const char *state_dir, struct err *err);

/* Until when the switch is held back, in ms; 0: it is not. */
MUST_USE bool deferral_load(const char *state_dir, int64_t *out_ms, struct err *err);
MUST_USE bool deferral_save(const char *state_dir, int64_t until_ms, struct err *err);
