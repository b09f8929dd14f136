#pragma once
/* Where PostgreSQL's server programs are, and as whom they can be run here. */
#include "lib/base/err.h"

/* The folder with initdb, pg_ctl and postgres: the newest of Debian's, or the first in PATH; of
 * major version `version` when that is not NULL. `out` holds `room` bytes. */
MUST_USE bool binaries_find(const char *version, char *out, size_t room, struct err *err);

enum run_as {
    RUN_DIRECTLY,
    RUN_IN_NAMESPACE, /* we are root, and may make user namespaces */
    RUN_AS_POSTGRES,  /* we are root, and may not */
};

enum run_as run_as_choose(void);
/* The words in front of a command. NULL-terminated. */
const char *const *run_as_prefix(enum run_as run_as);
