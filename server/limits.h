#pragma once
/*
 * Every bound of the server on one page. A limit is named where its value can be argued about;
 * the unit is the last word.
 */

/* --- the process -------------------------------------------------------------------------------
 */
enum {
    WORKERS_MAX = 64,
    START_MS_MAX = 60000, /* until the memory of a starting server is filled */
    STOP_MS_MAX = 2000,   /* until a stopping server has written what it writes behind */
};

/* --- database (per worker) ---------------------------------------------------------------------
 */
enum {
    DB_CONNECTIONS_MAX = 16,
    DB_STATEMENTS_MAX = 512,      /* different statements in the program */
    DB_TX_CALLS_MAX = 32,         /* statements in one transaction */
    DB_CALL_BYTES_MAX = 32 << 20, /* values of one call; metadata documents are the longest */
    DB_PIPELINE_MAX = 256,        /* transactions in flight on one connection */
    DB_WAITING_MAX = 4096,        /* transactions without a connection */
    DB_WAIT_MS_MAX = 2000,        /* ... and for how long */
    DB_CALL_MS_MAX = 30000,       /* without an answer the connection is given up */
    DB_STATEMENT_MS_MAX = 20000,  /* PostgreSQL's statement_timeout */
    DB_CONNECT_MS_MAX = 5000,     /* one attempt */
    DB_BACKOFF_MS_MIN = 100,      /* between attempts, doubling, with jitter */
    DB_BACKOFF_MS_MAX = 5000,
    DB_CHANNELS_MAX = 8, /* names listened to */
    MIGRATIONS_MAX = 999,
    MIGRATION_BYTES_MAX = 4 << 20,
};

/* --- the HTTP front (per worker where a number of things is meant) ------------------------------
 */
enum {
    HTTP_LINE_BYTES_MAX = 4 << 10, /* request line: 414 */
    HTTP_HEAD_BYTES_MAX = 8 << 10, /* request line and headers: 431 */
    HTTP_HEADERS_MAX = 64,
    HTTP_CHUNK_LINE_BYTES_MAX = 256,      /* chunk size with its extensions */
    HTTP_TRAILER_BYTES_MAX = 1 << 10,     /* read and forgotten */
    HTTP_ANSWER_BYTES_MAX = 32 << 20,     /* an answer made in memory */
    HTTP_EXTRA_BYTES_MAX = 4 << 10,       /* a handler's own headers */
    HTTP_CONNECTIONS_MAX = 9000,          /* then accepting pauses; the kernel's queue waits */
    HTTP_BACKLOG = 4096,                  /* ... this long */
    HTTP_ACCEPT_MAX = 64,                 /* connections accepted per wake-up */
    HTTP_READ_BYTES = 16 << 10,           /* one read of a head; bounds what is buffered ahead */
    HTTP_READ_BODY_BYTES = 64 << 10,      /* one read of a body */
    HTTP_WAKEUP_BYTES = 256 << 10,        /* sent or received before others have their turn */
    HTTP_TLS_WRITE_BYTES = 16 << 10,      /* one record */
    HTTP_HEAD_MS_MAX = 10000,             /* first byte to the head's end; also the TLS handshake */
    HTTP_IDLE_MS_MAX = 75000,             /* keep-alive between requests */
    HTTP_BODY_BYTES_PER_S_MIN = 1024,     /* averaged over the body ... */
    HTTP_BODY_GRACE_MS = 10000,           /* ... after a start that may be slow */
    HTTP_STALL_MS_MAX = 60000,            /* a client that takes nothing of its answer */
    HTTP_STREAM_BYTES_MAX = 1 << 20,      /* an answer without an end: kept for a slow client ... */
    HTTP_STREAM_LAST_BYTES_MAX = 1 << 10, /* ... and its last words */
    HTTP_LINGER_MS_MAX = 2000,            /* after the last answer, until the client closes */
    HTTP_LINGER_BYTES_MAX = 1 << 20,      /* ... and so much is read and dropped */
    HTTP_SWEEP_MS = 1000,                 /* how often the deadlines are looked at */
    HTTP_RETRY_AFTER_S_MIN = 2,           /* with 503 ... */
    HTTP_RETRY_AFTER_S_SPREAD = 8, /* ... plus jitter, so that a fleet does not come at once */
    HTTP_ARENAS_KEPT = 64,         /* free arenas kept for the next requests */
};

/* --- the operator API and the image repository ------------------------------------------------ */
enum {
    OPERATOR_BODY_BYTES_MAX = 64 << 10,
    DEVICE_LIST_BYTES_MAX = 1 << 20, /* ids of devices in one request */
    SBOM_BYTES_MAX = 4 << 20,
    UPLOAD_BUFFER_BYTES = 1 << 20, /* written at once; an upload has two of these */
    UPLOAD_BUFFER_BYTES_MAX = 2 << 20,
    DELTA_RUN_S_MAX = 3600, /* processor time of one deltagen ... */
    DELTA_LEASE_S = 20,     /* ... which is another worker's when nobody renews it */
    DELTA_LOG_BYTES_MAX = 64 << 10,
    DELTA_COLLECT_RUN_MS = 60 * 60 * 1000,
};
#define SURVEY_LOST_MS (30LL * 24 * 3600 * 1000) /* not heard of for so long: no update either */
#define IMAGE_BYTES_MAX (64ULL << 30)
#define ATTACHMENT_BYTES_MAX (16ULL << 20)
#define SYMBOLS_BYTES_MAX (1ULL << 30)

/* --- the signer (per worker) -------------------------------------------------------------------
 */
enum {
    SIGNER_QUEUE_BYTES_MAX = 8 << 20, /* requests on their way */
    SIGNER_WAIT_MS_MAX = 2000,        /* for a signer that is being started */
    SIGNER_ANSWER_MS_MAX = 10000,     /* without an answer the connection is given up */
    SIGNER_RETRY_MS = 50,             /* between attempts, while somebody waits */
};

/* --- devices -----------------------------------------------------------------------------------
 */
enum {
    FLEET_PAGE_ROWS = 5000,           /* read at once when the memory is filled */
    FLEET_RETRY_MS = 200,             /* ... and when that failed */
    MODEL_CHECK_MS = 5000,            /* for changes whose notification was lost */
    SEEN_FLUSH_MS = 2000,             /* how often last-seen times are written */
    SEEN_BATCH_MAX = 5000,            /* ... at once */
    SEEN_WRITE_MS_MIN = 10000,        /* ... of one device */
    DEVICE_BATCH_MAX = 512,           /* grants, activations, reports in one statement */
    REPORT_QUEUE_MAX = 8192,          /* not yet in a batch; beyond it 503 */
    REPORT_TRIES_MAX = 3,             /* of a batch that the database could not take now */
    REPORT_RETRY_MS = 50,             /* ... after this long */
    BASELINE_GRANTS_PER_S_MAX = 100,  /* in a group */
    FLEET_FULL_MS = 500,              /* a used-up budget is not asked again for so long */
    DEVICE_CLAIM_BYTES_MAX = 4 << 10, /* bodies */
    DEVICE_POLL_BYTES_MAX = 4 << 10,
    DEVICE_REPORT_BYTES_MAX = 8 << 10, /* an event has a backtrace */
    QUARANTINE_WAITING_MAX = 32,       /* refused reports on their way to the database */
    DEVICE_ATTRIBUTES_BYTES_MAX = 60 << 10,
    DEVICE_TIME_PER_S = 200,        /* signed times, of each worker */
    DEVICE_OPEN_CLAIMS_PER_S = 100, /* without a token, of each worker */
    DEVICE_NONCE_MS = 120000,
    DEVICE_SESSION_MS = 24 * 3600 * 1000,
};

/* --- the stream of notices, and webhooks --------------------------------------------------------
 */
enum {
    STREAM_LISTENERS_MAX = 500, /* of a process; then 503 */
    STREAM_PAGE_ROWS = 200,     /* read at once */
    STREAM_NOTICE_BYTES_MAX = 32 << 10,
    STREAM_CHECK_MS = 3000,         /* for notifications that were lost */
    STREAM_BEAT_MS = 15000,         /* proxies close what is silent for long */
    STREAM_FORGET_MS = 3600 * 1000, /* how often old notices are deleted */
    WEBHOOK_CONNECTIONS_MAX = 32,
    WEBHOOK_CLAIM_MAX = 32,       /* deliveries under way ... */
    WEBHOOK_CLAIM_OF_ONE_MAX = 8, /* ... of one webhook */
    WEBHOOK_LEASE_S = 20,         /* a sender that died: others go on after this */
    WEBHOOK_CALL_MS = 10000,      /* one try, as a whole */
    WEBHOOK_CHECK_MS = 1000,      /* for what has become due */
    WEBHOOK_TRIES_MAX = 8,        /* in about a day */
    WEBHOOK_ANSWER_BYTES_MAX = 64 << 10,
    WEBHOOKS_MAX = 100, /* of a tenant */
};

/* --- the clock of deployments ------------------------------------------------------------------
 */
enum {
    TICK_MS = 200,          /* how long a gate may be late */
    CENSUS_STEP_MAX = 1024, /* devices looked at before the loop has its turn */
    HEALTH_MS = 2000,       /* how often crashes are judged, at least */
    AWAKE_MS_MIN = 60000,   /* a device is awake when it was seen in this time ... */
    AWAKE_INTERVALS = 3,    /* ... or in so many of its poll intervals */
    SILENT_MS_MIN = 120000, /* not silent before: systems start, and networks stumble */
    SURVEY_STEP_MAX = 1024, /* devices of a plan looked at before the loop has its turn */
    TICK_DEPLOYMENTS_MAX = 4096,
};
