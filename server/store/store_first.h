#pragma once
/* The first operator of a tenant, before anybody can log in to make one. Blocks. */
#include "server/db/sync.h"

/* Makes the tenant, as one of the installation itself, when it is missing; then an
 * administrator's token, unless that one is known already. */
MUST_USE bool store_first_operator(struct db_sync *sync, const char *tenant, const char *name,
                                   const char *token, struct err *err);
