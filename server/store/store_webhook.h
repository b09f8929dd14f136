#pragma once
/* Webhooks as operators see them: where to, of what, and what became of each delivery. */
#include "server/store/actor.h"
#include "server/store/page.h"

extern const struct db_stmt *const store_webhook_statements[];

struct store_webhook {
    struct store_actor actor;
    const char *id;  /* of a change */
    const char *url; /* NULL in a change: as it was, and so on */
    const char *template;
    const char *const *events;
    size_t event_count;
    const void *secret; /* of a new one: 32 bytes */
    int64_t most;       /* of a tenant */
    const bool *is_enabled;
};

/* SL409 when the tenant has `most` already. */
void store_webhook_create(struct db *db, const struct store_webhook *webhook, db_done_fn *done,
                          void *arg);
void store_webhook_change(struct db *db, const struct store_webhook *webhook, db_done_fn *done,
                          void *arg);
/* What is queued goes to the dead ones. */
void store_webhook_remove(struct db *db, const struct store_actor *actor, const char *id,
                          db_done_fn *done, void *arg);
void store_webhook_list(struct db *db, const struct store_page *page, db_done_fn *done, void *arg);
void store_webhook_get(struct db *db, int64_t tenant_id, const char *id, db_done_fn *done,
                       void *arg);
/* Queues an event of no meaning; answers the delivery. */
void store_webhook_test(struct db *db, const struct store_actor *actor, const char *id,
                        db_done_fn *done, void *arg);

/* Newest first; `page->after` is the cursor, 0 for the first; `state` may be NULL. */
void store_webhook_deliveries(struct db *db, const struct store_page *page, const char *id,
                              const char *state, db_done_fn *done, void *arg);
/* Queues it again, from the first try on; SL409 while it is queued. */
void store_webhook_redeliver(struct db *db, const struct store_actor *actor, const char *id,
                             const char *delivery, db_done_fn *done, void *arg);
