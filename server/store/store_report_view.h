#pragma once
/* Reports as operators read them. See store_tenant.h. */
#include "lib/crypto/hash.h"
#include "server/db/db.h"

extern const struct db_stmt *const store_report_view_statements[];

enum { STORE_REPORT_EPOCH_BYTES = 16 };

/* Reports have no id of their own: a page begins after a report's key, in the order of keys. */
struct store_report_page {
    int64_t tenant_id;
    int64_t after_device; /* internal id */
    uint8_t after_epoch[STORE_REPORT_EPOCH_BYTES];
    int64_t after_seq;
    int64_t limit;
};

/* Of one device (`device_id`), of one deployment (a uuid), or of one device in one deployment;
 * one of the two may be NULL. The cursor is "DEVICE.EPOCH.SEQ". ERR_NOT_FOUND without the
 * device or the deployment. */
void store_report_list(struct db *db, const struct store_report_page *page,
                       const uint8_t *device_id, const char *deployment, db_done_fn *done,
                       void *arg);
