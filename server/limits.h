#pragma once
/*
 * Every bound of the server on one page. A limit is named where its value can be argued about;
 * the unit is the last word.
 */

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
};
