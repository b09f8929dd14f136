#pragma once
/*
 * Who changes something, for the audit: every statement of an operator's change appends to the
 * audit in its own transaction, by one call of the schema's slipway_audit(). That call also refuses
 * a token that was revoked meanwhile, or is narrowed to other products and groups.
 *
 * The call stands in the statement itself, behind what it changes:
 *
 *     " made AS (INSERT ... RETURNING id, public_id, name),"
 *     " audited AS MATERIALIZED ("
 *     "  SELECT slipway_audit($4::bigint, $5::text, 'product.write', 'product ' || public_id,"
 *     "                       PRODUCT, GROUP, BEFORE, AFTER) AS seq FROM made)"
 *     " SELECT ... FROM made, audited"
 *
 * PRODUCT and GROUP (row ids, or NULL) are whose the object is, BEFORE and AFTER (jsonb, or NULL)
 * its state. `audited` has to be read by the statement's last SELECT, or PostgreSQL leaves the call
 * out.
 */
#include "server/db/db.h"

struct store_actor {
    int64_t tenant_id;
    int64_t token_id;
    const char *request; /* the request's id */
};

/* Binds the token and the request. */
static inline void store_actor_bind(struct db_call *call, const struct store_actor *actor)
{
    db_bind_i64(call, actor->token_id);
    db_bind_text(call, actor->request);
}
