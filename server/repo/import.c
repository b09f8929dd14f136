/* read -> signer takes one -> database forgets it -> the next ... -> read again, until there is
 * nothing. A key that cannot be moved (the signer has another one) stays where it is: a person has
 * to look, and the tenants beside it are served. */
#include "server/repo/import.h"

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/crypto/token.h"
#include "lib/log/log.h"
#include "lib/loop/loop.h"
#include "server/limits.h"
#include "server/repo/signer.h"
#include "server/store/store_key.h"

struct old_key {
    int64_t tenant_id;
    char *tenant;
    enum signer_label label;
    uint8_t seed[SIGNER_SEED_BYTES];
};

struct repo_import {
    struct db *db;
    struct signer *signer;
    struct loop_timer *retry;
    struct old_key *keys;
    size_t count;
    size_t moving; /* the key that is on its way */
    bool ready;
};

static void begin(void *arg);

static void drop_keys(struct repo_import *import)
{
    for (size_t i = 0; i < import->count; i++) {
        crypto_wipe(import->keys[i].seed, SIGNER_SEED_BYTES);
        mem_free(import->keys[i].tenant);
    }
    mem_free(import->keys);
    import->keys = NULL;
    import->count = 0;
}

static void try_again(struct repo_import *import, const struct err *err)
{
    LOG_WARNING("repo.keys_not_moved", "error=%s", err->text);
    drop_keys(import);
    loop_timer_set(import->retry, FLEET_RETRY_MS);
}

static void move_next(struct repo_import *import);

static void on_forgotten(const struct db_result *result, const struct err *err, void *arg)
{
    struct repo_import *import = arg;
    const struct old_key *key = &import->keys[import->moving];

    (void)result;
    if (err) {
        try_again(import, err); /* the signer takes the same key twice */
        return;
    }
    LOG_INFO("repo.key_moved", "tenant=%s label=%s", key->tenant, signer_label_name(key->label));
    import->moving++;
    move_next(import);
}

static void on_imported(const struct err *err, void *arg)
{
    struct repo_import *import = arg;
    const struct old_key *key = &import->keys[import->moving];

    if (err && err->code == ERR_UNAVAILABLE) {
        try_again(import, err);
        return;
    }
    if (err) {
        LOG_ERROR("repo.key_not_moved", "tenant=%s label=%s reason='%s'", key->tenant,
                  signer_label_name(key->label), err->text);
        import->moving++;
        move_next(import);
        return;
    }
    store_key_moved(import->db, key->tenant_id, signer_label_name(key->label), on_forgotten,
                    import);
}

static void move_next(struct repo_import *import)
{
    const struct old_key *key = &import->keys[import->moving];

    if (import->moving < import->count) {
        signer_import(import->signer, key->tenant, key->label, key->seed, on_imported, import);
        return;
    }
    drop_keys(import);
    import->ready = true;
}

static void on_keys(const struct db_result *result, const struct err *err, void *arg)
{
    struct repo_import *import = arg;

    if (err) {
        try_again(import, err);
        return;
    }
    import->count = db_rows(result);
    import->keys = mem_array(import->count + 1, sizeof(struct old_key));
    for (size_t row = 0; row < import->count; row++) {
        struct old_key *key = &import->keys[row];

        key->tenant_id = db_i64(result, row, 0);
        key->tenant = mem_strdup(db_text(result, row, 1));
        ASSERT(signer_label_parse(db_text(result, row, 2), &key->label)); /* the schema checks */
        ASSERT(db_bytes(result, row, 3, key->seed, sizeof(key->seed)));
    }
    import->moving = 0;
    move_next(import);
}

static void begin(void *arg)
{
    struct repo_import *import = arg;

    store_keys_to_move(import->db, on_keys, import);
}

struct repo_import *repo_import_new(struct loop *loop, struct db *db, struct signer *signer)
{
    struct repo_import *import = mem_alloc(sizeof(*import));

    import->db = db;
    import->signer = signer;
    import->retry = loop_timer_new(loop, begin, import);
    begin(import);
    return import;
}

bool repo_import_ready(const struct repo_import *import)
{
    return import->ready;
}

void repo_import_free(struct repo_import *import)
{
    if (!import)
        return;
    drop_keys(import);
    loop_timer_free(import->retry);
    mem_free(import);
}
