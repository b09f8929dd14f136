#pragma once
/*
 * Why a device said no: the stable codes that travel from the agent's checks through its
 * reports and local status to the server's API. The names are a contract with other tools
 * ("TIMESTAMP_ROLLBACK"): a code may be added, never renamed.
 */
#include "lib/base/base.h"

enum refusal {
    REFUSAL_NONE,
    /* update metadata */
    REFUSAL_ROOT_LOCAL_INVALID,
    REFUSAL_ROOT_NEW_THRESHOLD,
    REFUSAL_ROOT_OLD_THRESHOLD,
    REFUSAL_ROOT_VERSION,
    REFUSAL_ROOT_EXPIRED,
    REFUSAL_ROOT_CHAIN_TOO_LONG,
    REFUSAL_SIG_DUPLICATE_KEYID,
    REFUSAL_KEY_DUPLICATE,
    REFUSAL_KEYID_MISMATCH,
    REFUSAL_TIMESTAMP_EXPIRED,
    REFUSAL_TIMESTAMP_ROLLBACK,
    REFUSAL_TIMESTAMP_THRESHOLD,
    REFUSAL_SNAPSHOT_ROLLBACK,
    REFUSAL_SNAPSHOT_HASH,
    REFUSAL_SNAPSHOT_LENGTH,
    REFUSAL_SNAPSHOT_VERSION,
    REFUSAL_SNAPSHOT_ROLE_REMOVED,
    REFUSAL_SNAPSHOT_EXPIRED,
    REFUSAL_SNAPSHOT_THRESHOLD,
    REFUSAL_TARGETS_ROLLBACK,
    REFUSAL_TARGETS_HASH,
    REFUSAL_TARGETS_LENGTH,
    REFUSAL_TARGETS_VERSION,
    REFUSAL_TARGETS_EXPIRED,
    REFUSAL_TARGETS_THRESHOLD,
    REFUSAL_DELEGATED_THRESHOLD,
    REFUSAL_DELEGATION_DENIED,
    REFUSAL_ROLE_LIMIT,
    REFUSAL_ANCHORS_FORMAT,
    REFUSAL_LENGTH_LIMIT,
    REFUSAL_SLOW_RETRIEVAL,
    REFUSAL_NO_FRESH_METADATA,
    REFUSAL_HTTP_ENCODING,
    REFUSAL_HTTP_REDIRECT,
    REFUSAL_PIN_MISMATCH,
    REFUSAL_HTTP_STATUS,
    REFUSAL_WRONG_TYPE,
    REFUSAL_SPEC_VERSION,
    REFUSAL_JSON_STRICT,
    REFUSAL_NAME_UNSAFE,
    REFUSAL_NO_KNOWN_HASH,
    /* what was chosen against what was signed */
    REFUSAL_TARGET_NOT_IN_IMAGE_REPO,
    REFUSAL_DIRECTOR_IMAGE_MISMATCH,
    REFUSAL_MATCH_SECTION_MISMATCH,
    REFUSAL_DIRECTOR_MISSING,
    REFUSAL_DIRECTOR_DELEGATION,
    REFUSAL_WRONG_DEVICE,
    REFUSAL_ECU_DUPLICATE,
    REFUSAL_ECU_UNKNOWN,
    REFUSAL_BUNDLE_INCOMPLETE,
    REFUSAL_TYPE_ROLE_MISMATCH,
    REFUSAL_HWID_MISMATCH,
    REFUSAL_RELEASE_ROLLBACK,
    REFUSAL_BELOW_FLOOR,
    REFUSAL_SECURITY_EPOCH,
    REFUSAL_REQUIRES,
    REFUSAL_STEPPING_STONE,
    REFUSAL_NOT_DIRECTED,
    /* bytes */
    REFUSAL_TARGET_HASH,
    REFUSAL_TARGET_LENGTH,
    REFUSAL_DELTA_FILE_HASH,
    REFUSAL_DELTA_FORMAT,
    REFUSAL_DELTA_BASE,
    REFUSAL_DELTA_LIMIT,
    REFUSAL_DELTA_RESULT_HASH,
    /* the device itself */
    REFUSAL_SPACE,
    REFUSAL_POWER,
    REFUSAL_WINDOW,
    REFUSAL_DEFERRED,
    REFUSAL_HEALTH,
    REFUSAL_SLOT_WRITE,
    REFUSAL_INSTALL_READBACK,
    REFUSAL_BOOT_FALLBACK,
    REFUSAL_TIME_JUMP,
    REFUSAL_TIME_NONCE,
    REFUSAL_TIME_LATE,
    REFUSAL_TIME_SIGNATURE,
    REFUSAL_CANCELLED,
    /* the server to operators and devices */
    REFUSAL_RBAC,
    REFUSAL_FOUR_EYES,
    REFUSAL_DEVICE_MISMATCH,
    REFUSAL_COUNT,
};

/* "NONE", "ROOT_LOCAL_INVALID", ... */
const char *refusal_name(enum refusal refusal);
/* False when the name is not one of ours; `*out` is then untouched. */
MUST_USE bool refusal_parse(const char *name, size_t len, enum refusal *out);

/*
 * Whose fault an update's end with this refusal is, for the gates of a rollout:
 *
 *   release  the new image: unhealthy, did not boot, or failed without a word. Counts.
 *   device   what this one lacks or is busy with: space, power, its window, its storage, its own
 *            trust store, an old image that is not what it said. Shown, never counted.
 *   server   what we sent, or did not: metadata, targets and patches that do not verify, documents
 *            that contradict each other, answers that are none. A few of these are everybody's.
 *   nobody   taken back, or no end of an update at all.
 */
enum refusal_blame { BLAME_NOBODY, BLAME_RELEASE, BLAME_DEVICE, BLAME_SERVER, BLAME_COUNT };
enum refusal_blame refusal_blame(enum refusal refusal);
/* The verdict's word in the database: "", "failure", "device", "server". */
const char *refusal_blame_name(enum refusal_blame blame);
