#pragma once
/* The queue of webhooks as its senders see it: claim what is due, say how it went. */
#include "server/db/db.h"

extern const struct db_stmt *const store_delivery_statements[];

struct store_delivery_claim {
    int64_t limit;
    int64_t limit_of_one; /* of one webhook */
    int64_t lease_s;
};
/* Rows: id, public id, url, secret, template, event, when it happened, object, which try this is.
 * Nobody else is given them until the lease ends. */
void store_delivery_claim(struct db *db, const struct store_delivery_claim *claim, db_done_fn *done,
                          void *arg);

struct store_delivery_end {
    int64_t id;
    int64_t tries;   /* as it was claimed: a later sender's news stand */
    int64_t wait_ms; /* until the next try; -1: none, it is dead */
    int64_t latency_ms;
    unsigned status; /* 0: no answer */
    bool is_delivered;
    const char *detail;
};
void store_delivery_end(struct db *db, const struct store_delivery_end *end, db_done_fn *done,
                        void *arg);
