/* Two fresh pairs are offered to the database each time; it keeps the first it ever saw. */
#include "server/repo/keys.h"

#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/crypto/sign.h"
#include "lib/crypto/token.h"
#include "server/store/store_repo.h"

struct request {
    repo_keys_fn *done;
    void *arg;
};

void repo_keys_done(struct repo_keys *keys)
{
    sign_key_free(keys->snapshot);
    sign_key_free(keys->timestamp);
    *keys = (struct repo_keys){0};
}

static void on_rows(const struct db_result *result, const struct err *err, void *arg)
{
    AUTO_FREE struct request *request = arg;
    struct repo_keys keys = {0};

    if (err) {
        request->done(NULL, err, request->arg);
        return;
    }
    for (size_t row = 0; row < db_rows(result); row++) {
        uint8_t seed[32];

        ASSERT(db_bytes(result, row, 1, seed, sizeof(seed))); /* the schema checks its length */
        if (text_equal(db_text(result, row, 0), "snapshot"))
            keys.snapshot = sign_key_from_seed(seed);
        else
            keys.timestamp = sign_key_from_seed(seed);
        crypto_wipe(seed, sizeof(seed));
    }
    ASSERT(keys.snapshot && keys.timestamp);
    request->done(&keys, NULL, request->arg);
}

static void fresh_key(struct store_online_key *out)
{
    AUTO_SIGN_KEY struct sign_key *key = sign_key_new();

    sign_key_seed(key, out->seed);
    memcpy(out->public_key, sign_key_public(key), SIGN_PUBLIC_BYTES);
}

void repo_keys_get(struct db *db, int64_t tenant_id, repo_keys_fn *done, void *arg)
{
    struct request *request = mem_alloc(sizeof(*request));
    struct store_online_key snapshot;
    struct store_online_key timestamp;

    *request = (struct request){.done = done, .arg = arg};
    fresh_key(&snapshot);
    fresh_key(&timestamp);
    store_repo_keys(db, tenant_id, &snapshot, &timestamp, on_rows, request);
    crypto_wipe(&snapshot, sizeof(snapshot));
    crypto_wipe(&timestamp, sizeof(timestamp));
}
