#pragma once
/*
 * The director's documents for one device, and when they are due. Pure.
 *
 * A poll signs nothing: the director is asked for its timestamp by a device whose orders changed or
 * whose timestamp is past half its life. Then all three documents are signed when the orders
 * changed or "slipwayd recover" raised the versions above them, else only the timestamp, and that
 * at most once a day: so a million idle devices cost 11.6 signatures a second.
 */
#include "lib/json/json.h"
#include "server/store/store_director.h"

#define DIRECTOR_TIMESTAMP_LIFE_MS (INT64_C(48) * 3600 * 1000)
#define DIRECTOR_TIMESTAMP_RENEW_MS (INT64_C(24) * 3600 * 1000) /* older than this: again */
#define DIRECTOR_TARGETS_LIFE_MS (INT64_C(30) * 24 * 3600 * 1000)
#define DIRECTOR_TARGETS_RENEW_MS (INT64_C(15) * 24 * 3600 * 1000) /* less left: again */

enum director_due { DIRECTOR_NOTHING, DIRECTOR_TIMESTAMP, DIRECTOR_ALL };
enum director_due director_due(const struct store_director *facts, int64_t now_ms);

/* max(previous + 1, now, the tenant's floor): past everything that was ever signed, also after the
 * database came back from a backup. */
int64_t director_version(int64_t previous, int64_t floor, int64_t now_ms);

struct director_versions {
    int64_t targets, snapshot, timestamp;
};
struct director_versions director_versions(const struct store_director *facts,
                                           enum director_due due, int64_t now_ms);

/* The "signed" parts; the caller owns them. Snapshot and timestamp list versions only: each
 * document is signed itself, and no two have one version. */
MUST_USE bool director_targets(const struct store_director *facts, int64_t version, int64_t now_ms,
                               json_t **out, struct err *err);
json_t *director_snapshot(const struct store_director *facts,
                          const struct director_versions *versions, int64_t expires_ms);
json_t *director_timestamp(const struct store_director *facts,
                           const struct director_versions *versions, int64_t now_ms);
