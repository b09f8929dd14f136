/* Used from the command line, with a blocking connection; servers that run hear of it by the
 * change log. */
#include "server/store/store_first.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/crypto/token.h"

static const char first_operator_sql[] =
    "WITH made AS ("
    "  INSERT INTO tenant (name) VALUES ($1) ON CONFLICT (name) DO NOTHING RETURNING id),"
    " tenant_of AS ("
    "  SELECT id FROM made UNION ALL SELECT id FROM tenant WHERE name = $1 LIMIT 1),"
    " token AS ("
    "  INSERT INTO operator_token (tenant_id, public_id, digest, name, role)"
    "  SELECT id, $4, decode($3, 'hex'), $2, 'administrator' FROM tenant_of"
    "  ON CONFLICT (digest) DO NOTHING RETURNING tenant_id, public_id, name, role),"
    " noted AS ("
    "  INSERT INTO change_log (tenant_id, what) SELECT tenant_id, 'token' FROM token)"
    " SELECT slipway_audit_server(tenant_id, 'console', 'token.create', 'token slw_' || public_id,"
    "                             NULL, to_jsonb(token)) FROM token";

bool store_first_operator(struct db_sync *sync, const char *tenant, const char *name,
                          const char *token, struct err *err)
{
    char digest[HASH_HEX_ROOM];
    char id[TOKEN_OPERATOR_ID_ROOM];
    const char *values[] = {tenant, name, digest, id};
    const struct db_result *result;
    uint8_t hash[HASH_BYTES];

    token_digest(token, strlen(token), hash);
    text_from_hex_bytes(hash, HASH_BYTES, digest);
    if (!token_operator_id(token, id)) /* one of before tokens had names: of its digest */
        (void)snprintf(id, sizeof(id), "%.8s", digest);
    return db_sync_query(sync, first_operator_sql, values, COUNT(values), &result, err);
}
