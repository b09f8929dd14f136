#pragma once
/*
 * The last version signed for each device and document, in memory. A version that is of the past
 * is refused by the clock anyway (policy.h), so what is old is forgotten: the table holds the
 * devices of the last minutes, not the fleet.
 */
#include "signer/policy.h"

struct recent;

struct recent *recent_new(void);
void recent_free(struct recent *recent);
/* The last version, 0 when it is unknown. */
uint64_t recent_find(const struct recent *recent, const char *tenant, const char *device,
                     enum policy_kind kind);
/* ERR_LIMIT when too many devices had documents signed with versions that are still to come. */
MUST_USE bool recent_set(struct recent *recent, const char *tenant, const char *device,
                         const struct policy_facts *facts, int64_t now_ms, struct err *err);
