#pragma once
/*
 * What devices say went wrong, kept and counted exactly once: the key is (device, epoch, seq). A
 * batch is one statement: raw events, rollups, issues, devices' days and the health of running
 * deployments, all or nothing.
 */
#include "lib/crypto/hash.h"
#include "server/db/db.h"

extern const struct db_stmt *const store_event_statements[];

enum {
    STORE_EVENT_EPOCH_BYTES = 16,
    STORE_EVENT_PLANNED = 1, /* flags */
    STORE_EVENT_MOVED = 2,   /* its times were moved: the device's clock was far off */
};

/* Checked already; the pointers are borrowed for the call. */
struct store_event {
    int64_t device_id;
    int64_t tenant_id;
    const uint8_t *epoch; /* STORE_EVENT_EPOCH_BYTES */
    int64_t seq;
    const char *category;
    const char *class;
    const char *component;
    int64_t count;
    int64_t start_ms;
    int64_t end_ms;
    int64_t flags;
    const uint8_t *image; /* NULL: not known */
    int64_t exit_status;  /* -1: none */
    int64_t signal;       /* -1: none */
    const char *summary;
    const char *backtrace; /* JSON, or NULL */
    int64_t uptime_s;
    const uint8_t *signature;    /* HASH_BYTES; NULL: it belongs to no issue */
    const char *title;           /* of its issue */
    const char *attachment_kind; /* NULL: none */
    const uint8_t *attachment_sha256;
    int64_t attachment_length;
};

/* Any order; duplicates within the batch and of what was counted before are harmless. One result
 * row for each issue that is new or came back. */
void store_event_add(struct db *db, const struct store_event *events, size_t count,
                     db_done_fn *done, void *arg);

struct store_event_issue {
    const char *id; /* borrowed from the result */
    const char *title;
    bool is_back; /* it was resolved; else it is new */
};
void store_event_issue_read(const struct db_result *result, size_t row,
                            struct store_event_issue *out);
