#pragma once
/* The audit: read by auditors; appended to by the statements themselves (actor.h). */
#include "server/store/actor.h"
#include "server/store/page.h"

extern const struct db_stmt *const store_audit_statements[];

/* For what is not done in the database: noted before it is done. The object is the whole tenant's.
 * Refused as every change is when the token may not. */
void store_audit_note(struct db *db, const struct store_actor *actor, const char *action,
                      const char *object, db_done_fn *done, void *arg);

/* Rows above `page->after` (a seq), oldest first, as {"items", "next", "head": {"seq", "hash"}}:
 * the rows and the head are of one moment. */
void store_audit_list(struct db *db, const struct store_page *page, db_done_fn *done, void *arg);

/* What somebody asked for that was not there: does another tenant have it? Then that is noted in
 * the audit of who asked. Texts that are no ids of that kind are passed over. */
struct store_foreign {
    const struct store_actor *actor;
    const char *const *uuids;
    size_t uuid_count;
    const struct db_slice *hashes; /* of images, ids of devices */
    size_t hash_count;
    const char *tenant; /* a tenant's name, or NULL */
};
void store_audit_foreign(struct db *db, const struct store_foreign *asked, db_done_fn *done,
                         void *arg);
