#pragma once
/* After a restored backup whose server had a clock that was ahead of ours. Blocks. */
#include "server/db/sync.h"

/* From now on nothing is signed with a version below `not_before_ms`: not the snapshots and
 * timestamps of any tenant, nor the director's documents. Never lowers; each tenant's audit says
 * so. `tenants` is how many were raised. */
MUST_USE bool store_recover(struct db_sync *sync, int64_t not_before_ms, uint64_t *tenants,
                            struct err *err);
