#pragma once
/*
 * Every bound of the agent on one page.
 */
#include <stdint.h>

enum {
    /* boot */
    DELTA_TRIES_MAX = 2, /* of a patch that ends the agent while it is applied */
    BOOT_TRIES_MAX = 2,  /* unconfirmed starts of a new slot before the loader falls back */

    /* waiting, in milliseconds */
    FIRST_POLL_MS_MAX = 60 * 1000,          /* a fleet that gets its power back spreads out */
    BACKOFF_BASE_MS = 500,                  /* full jitter below base * 2^failures ... */
    BACKOFF_MS_MAX = 5 * 60 * 1000,         /* ... and below this */
    HEALTH_MS_MAX = 60 * 1000,              /* one run of the health program */
    VERIFY_MS_MAX = 10 * 60 * 1000,         /* to reach the server from a new slot */
    DEFER_MS_MAX = 24 * 60 * 60 * 1000,     /* from the moment the device learnt of the update */
    MESSAGE_MS_MAX = 60 * 1000,             /* one exchange of device messages */
    METADATA_MS_MAX = 10 * 60 * 1000,       /* one metadata file */
    POLL_JITTER_PERCENT = 20,               /* of the server's interval, both ways */
    EVENTS_MS = 60 * 60 * 1000,             /* troubles are told at least so often, ... */
    UPTIME_MS = 24 * 60 * 60 * 1000,        /* ... uptime so; unless the server asks more often */
    ACTIVATE_RETRY_MS_MAX = 60 * 60 * 1000, /* whatever the server says */

    /* bytes */
    ANSWER_BYTES_MAX = 64 * 1024,
    RECORD_BYTES_MAX = 64 * 1024,      /* the state record */
    CONFIG_BYTES_MAX = 16 * 1024,      /* config and claim files */
    COPY_BYTES = 256 * 1024,           /* one step of hashing or writing a slot */
    FETCH_SYNC_BYTES = 1024 * 1024,    /* a download reaches the disk this often */
    SPACE_SPARE_BYTES = 1024 * 1024,   /* left free on the state folder's file system */
    DELTA_MEMORY_BYTES_MAX = 48 << 20, /* what a patch may ask for; above: the full image */
    QUEUE_REPORTS_MAX = 1000,          /* then the oldest are dropped */
    QUEUE_BYTES_MAX = 1024 * 1024,     /* then, too */
    QUEUE_FILE_BYTES_MAX = 2 * QUEUE_BYTES_MAX, /* a longer file is not ours */

    SPOOL_EVENTS_MAX = 64,          /* kinds of events that wait */
    KERNEL_LOG_BYTES_MAX = 1 << 20, /* of a crash that is looked at */

    IDENTIFY_TARGETS_MAX = 4096, /* signed images a slot is compared with */
};

/* What the server takes: of one event, and of one report of uptime. */
#define EVENT_SPAN_MS_MAX (INT64_C(31) * 86400 * 1000)
#define EVENT_UPTIME_MS_MAX (INT64_C(7) * 86400 * 1000)

/* Without a fresh timestamp for so long the device says so (NO_FRESH_METADATA). */
#define FRESH_MS_MAX (INT64_C(72) * 3600 * 1000)
/* The newest role signed offline is so old: shown in the status. */
#define OFFLINE_MS_MAX (INT64_C(60) * 86400 * 1000)

/* A clock this far ahead of the last trusted time is not believed (trust: TIME_JUMP). */
#define TIME_JUMP_MS_MAX (INT64_C(400) * 86400 * 1000)
