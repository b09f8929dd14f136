/* Used from the command line, with a blocking connection; servers that run hear of it by the
 * change log. */
#include "server/store/store_first.h"

#include "lib/base/text.h"

static const char first_operator_sql[] =
    "WITH made AS ("
    "  INSERT INTO tenant (name) VALUES ($1) ON CONFLICT (name) DO NOTHING RETURNING id),"
    " tenant_of AS ("
    "  SELECT id FROM made UNION ALL SELECT id FROM tenant WHERE name = $1 LIMIT 1),"
    " token AS ("
    "  INSERT INTO operator_token (tenant_id, digest, name, role)"
    "  SELECT id, decode($3, 'hex'), $2, 'administrator' FROM tenant_of"
    "  ON CONFLICT (digest) DO NOTHING RETURNING tenant_id)"
    " INSERT INTO change_log (tenant_id, what) SELECT tenant_id, 'token' FROM token";

bool store_first_operator(struct db_sync *sync, const char *tenant, const char *name,
                          const uint8_t token_digest[HASH_BYTES], struct err *err)
{
    char digest[HASH_HEX_ROOM];
    const char *values[] = {tenant, name, digest};
    const struct db_result *result;

    text_from_hex_bytes(token_digest, HASH_BYTES, digest);
    return db_sync_query(sync, first_operator_sql, values, COUNT(values), &result, err);
}
