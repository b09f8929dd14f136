#pragma once
/*
 * A private PostgreSQL cluster in a folder, for `slipwayd --dev` and for the tests: found, made,
 * started, adopted when it still runs, stopped. It listens on a Unix socket only, in a folder
 * that nobody else may enter, and trusts who gets there.
 *
 * PostgreSQL refuses to run as root. As root it runs in a user namespace where root has an
 * ordinary id; where namespaces are forbidden, as user `postgres` in a folder below /var/lib,
 * because that user could not enter a private one of ours.
 *
 * All of this blocks. A folder is used by one process at a time: the caller holds a lock.
 */
#include <sys/types.h>

#include "lib/base/err.h"

struct cluster;

enum cluster_kind {
    CLUSTER_DEV,  /* durable: survives a power cut */
    CLUSTER_TEST, /* survives kill -9 of everything, not a power cut; quicker */
};

/* Makes the cluster at first, starts it unless it runs, and waits until it answers (after a
 * crash PostgreSQL repairs itself first). */
MUST_USE bool cluster_start(const char *dir, enum cluster_kind kind, struct cluster **out,
                            struct err *err);
/* True when it ran already. */
bool cluster_was_adopted(const struct cluster *cluster);
/* Does its server still run? */
bool cluster_is_running(const struct cluster *cluster);
/* The postmaster's. */
pid_t cluster_pid(const struct cluster *cluster);
/* Of one of its databases; user `slipway`. The caller frees it with mem_free(). */
char *cluster_conninfo(const struct cluster *cluster, const char *database);
/* Makes the database when it is missing. */
MUST_USE bool cluster_make_database(const struct cluster *cluster, const char *database,
                                    struct err *err);
/* Fast shutdown: ends sessions, writes everything, waits. */
MUST_USE bool cluster_stop(struct cluster *cluster, struct err *err);
/* Only the object; what runs goes on. */
void cluster_free(struct cluster *cluster);
/* Stops what runs in `dir`, if anything, and removes its data. */
MUST_USE bool cluster_destroy(const char *dir, struct err *err);
