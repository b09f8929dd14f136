#pragma once
/*
 * The fleet simulator: many devices in one process that speak the real device protocol over real
 * sockets, with the real metadata checks. They fetch and hash every byte they are offered, but
 * write no slot: to rehearse a rollout, and to load a server.
 */
#include <signal.h>
#include <stdio.h>

#include "cli/sim/identity.h"
#include "lib/base/err.h"

enum { SIM_DEVICES_MAX = 1000000, SIM_CONNECTIONS_MAX = 50000, SIM_SEED_BYTES_MAX = 256 };

/* All borrowed until sim_run() returns. */
struct sim_options {
    const char *url;
    const char *ca_file; /* NULL: the system's */
    const char *claim;
    const char *hwid;
    const char *root;      /* file with the root of trust */
    const char *installed; /* version or SHA-256 of what the devices run; NULL: nothing known */
    const char *seed;
    const struct sim_failure *failures;
    size_t failure_count;
    const struct sim_crash *crashes; /* see trouble.h */
    size_t crash_count;
    uint64_t count;
    uint64_t connections;
    uint64_t duration_s; /* 0: no end */
    bool until_idle;
    FILE *progress; /* one live line, if it is a terminal */
    const volatile sig_atomic_t *stop;
};

struct sim_summary {
    uint64_t devices;
    uint64_t claimed;
    uint64_t succeeded; /* updates, as acknowledged by the server; the next four as well */
    uint64_t rolled_back;
    uint64_t failed;
    uint64_t cancelled;
    uint64_t skipped;
    uint64_t bytes_fetched; /* of images and deltas */
    uint64_t polls;
    uint64_t reports;
    uint64_t crashes;  /* as acknowledged by the server */
    uint64_t errors;   /* exchanges that failed */
    uint64_t refusals; /* metadata, offers and files that a device did not trust */
    char last_error[240];
};

/* Runs until it is told to stop, its time is over, or (until_idle) nothing happened for three
 * poll intervals and three seconds. False: nothing could work. */
MUST_USE bool sim_run(const struct sim_options *options, struct sim_summary *out, struct err *err);
