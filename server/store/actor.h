#pragma once
/*
 * Who changes something, for the audit: every statement of an operator's change appends to the
 * audit in its own transaction, by one call of the schema's slipway_audit(). That call also refuses
 * a token that was revoked meanwhile, or is narrowed to other products and groups.
 *
 * A statement names the two parameters of store_actor_bind() as `by` ("$4::bigint, $5::text"):
 *
 *     " made AS (INSERT ... RETURNING id, public_id, name),"
 *     STORE_AUDITED("$4::bigint, $5::text", "product.write", "'product ' || public_id", "id",
 *                   "NULL", "NULL", "to_jsonb(made)") " FROM made)"
 *     " SELECT ... FROM made, audited"
 *
 * `audited` has to be read by the statement's last SELECT, or PostgreSQL leaves the call out. Its
 * FROM must yield a row for each change.
 */
#include "server/db/db.h"

struct store_actor {
    int64_t tenant_id;
    int64_t token_id;
    const char *request; /* the request's id */
};

/* object, product, grp, before, after: SQL; `before` and `after` are jsonb, NULL for nothing. */
#define STORE_AUDITED(by, action, object, product, grp, before, after)                             \
    " audited AS MATERIALIZED (SELECT slipway_audit(" by ", '" action "', " object ", " product    \
    ", " grp ", " before ", " after ") AS seq"

/* Binds the token and the request. */
static inline void store_actor_bind(struct db_call *call, const struct store_actor *actor)
{
    db_bind_i64(call, actor->token_id);
    db_bind_text(call, actor->request);
}
