/* The public half stays as a record of what the first schema signed with. */
#include "server/store/store_key.h"

static const struct db_stmt keys_to_move = {
    .name = "keys_to_move",
    .params = 0,
    .scope = DB_EVERY_TENANT,
    .sql = "SELECT k.tenant_id, t.name, k.role, k.seed"
           "  FROM repo_online_key k JOIN tenant t ON t.id = k.tenant_id"
           " WHERE k.seed IS NOT NULL ORDER BY k.tenant_id, k.role",
};

void store_keys_to_move(struct db *db, db_done_fn *done, void *arg)
{
    db_send(db_call_new(db, &keys_to_move, done, arg));
}

static const struct db_stmt key_moved = {
    .name = "key_moved",
    .params = 2,
    .scope = DB_TENANT,
    .tenant_param = 1,
    .sql = "UPDATE repo_online_key SET seed = NULL WHERE tenant_id = $1 AND role = $2",
};

void store_key_moved(struct db *db, int64_t tenant_id, const char *role, db_done_fn *done,
                     void *arg)
{
    struct db_call *call = db_call_new(db, &key_moved, done, arg);

    db_bind_i64(call, tenant_id);
    db_bind_text(call, role);
    db_send(call);
}

const struct db_stmt *const store_key_statements[] = {&keys_to_move, &key_moved, NULL};
