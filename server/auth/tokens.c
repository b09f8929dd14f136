/*
 * An open-addressed table keyed by the token's SHA-256. The digest is already uniform, so its
 * first bytes are the hash; an attacker who times the look-up learns about digests, never about
 * tokens. A reload builds a new table beside the old one and swaps the pointer under the lock.
 */
#include "server/auth/tokens.h"

#include <pthread.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/crypto/token.h"
#include "lib/log/log.h"
#include "server/store/store_token.h"

struct entry {
    uint8_t digest[HASH_BYTES];
    bool used;
    struct auth_token token;
    int64_t expires_ms; /* 0: never */
    int64_t noted_ms;   /* its last use that was noted */
};

struct table {
    size_t room; /* a power of two, more than twice the entries */
    struct entry entries[];
};

/* A use within this time of the last one is not written down. */
enum { USE_MS = 60000, USES_MAX = 256 };

struct auth_tokens {
    pthread_mutex_t lock;
    struct table *table; /* NULL before the first load */
    struct db *db;       /* of the load under way; only the loading loop looks at it */
    bool again;          /* something changed since it was sent */
    struct store_token_use uses[USES_MAX]; /* to be written; under the lock */
    size_t use_count;
};

struct auth_tokens *auth_tokens_new(void)
{
    struct auth_tokens *tokens = mem_alloc(sizeof(*tokens));

    ASSERT(pthread_mutex_init(&tokens->lock, NULL) == 0);
    return tokens;
}

void auth_tokens_free(struct auth_tokens *tokens)
{
    if (!tokens)
        return;
    (void)pthread_mutex_destroy(&tokens->lock); /* nobody holds it any more */
    mem_free(tokens->table);
    mem_free(tokens);
}

/* The entry of this digest, or the free place where it would be. */
static struct entry *table_place(struct table *table, const uint8_t digest[HASH_BYTES])
{
    uint64_t hash;

    memcpy(&hash, digest, sizeof(hash));
    for (size_t i = (size_t)hash & (table->room - 1);; i = (i + 1) & (table->room - 1)) {
        struct entry *entry = &table->entries[i];

        if (!entry->used || crypto_equal(entry->digest, digest, HASH_BYTES))
            return entry;
    }
}

static struct table *table_of_rows(const struct db_result *result)
{
    size_t room = 8;
    struct table *table;

    while (room < 2 * db_rows(result) + 1)
        room *= 2;
    table = mem_alloc(sizeof(*table) + room * sizeof(struct entry));
    table->room = room;
    for (size_t row = 0; row < db_rows(result); row++) {
        uint8_t digest[HASH_BYTES];
        enum role role;
        struct entry *entry;

        if (!db_bytes(result, row, 2, digest, sizeof(digest)) ||
            !role_parse(db_text(result, row, 3), &role))
            continue; /* the schema's checks do not let it happen */
        entry = table_place(table, digest);
        memcpy(entry->digest, digest, sizeof(digest));
        entry->used = true;
        entry->token.id = db_i64(result, row, 0);
        entry->token.tenant_id = db_i64(result, row, 1);
        entry->token.role = role;
        entry->expires_ms = db_time_ms(result, row, 4);
    }
    return table;
}

static void on_loaded(const struct db_result *result, const struct err *err, void *arg)
{
    struct auth_tokens *tokens = arg;
    struct db *db = TAKE(tokens->db);
    struct table *old = NULL;

    if (err) {
        LOG_WARNING("auth.tokens_not_read", "error=%s", err->text);
        return; /* the next change, reconnection or round of the timer asks again */
    }
    (void)pthread_mutex_lock(&tokens->lock); /* a plain mutex of ours cannot fail */
    old = tokens->table;
    tokens->table = table_of_rows(result);
    (void)pthread_mutex_unlock(&tokens->lock);
    mem_free(old);
    if (tokens->again)
        auth_tokens_load(tokens, db);
}

void auth_tokens_load(struct auth_tokens *tokens, struct db *db)
{
    tokens->again = tokens->db != NULL;
    if (tokens->db)
        return;
    tokens->db = db;
    store_token_all(db, on_loaded, tokens);
}

bool auth_tokens_ready(struct auth_tokens *tokens)
{
    bool ready;

    (void)pthread_mutex_lock(&tokens->lock); /* as above */
    ready = tokens->table != NULL;
    (void)pthread_mutex_unlock(&tokens->lock);
    return ready;
}

/* Under the lock. */
static void note_use(struct auth_tokens *tokens, struct entry *entry, int64_t now_ms)
{
    if (now_ms - entry->noted_ms < USE_MS || tokens->use_count == USES_MAX)
        return;
    entry->noted_ms = now_ms;
    tokens->uses[tokens->use_count++] =
        (struct store_token_use){.token_id = entry->token.id, .used_ms = now_ms};
}

/* Under the lock. An entry of nobody stays unused. */
static struct entry take_entry(struct auth_tokens *tokens, const uint8_t digest[HASH_BYTES],
                               int64_t now_ms)
{
    struct entry *entry = table_place(tokens->table, digest);

    if (entry->used && (entry->expires_ms == 0 || entry->expires_ms > now_ms))
        note_use(tokens, entry, now_ms);
    return *entry;
}

static void on_uses_written(const struct db_result *result, const struct err *err, void *arg)
{
    (void)result;
    (void)arg;
    if (err)
        LOG_WARNING("auth.token_uses_not_written", "error=%s", err->text);
}

void auth_tokens_flush(struct auth_tokens *tokens, struct db *db)
{
    struct store_token_use uses[USES_MAX];
    size_t count;

    (void)pthread_mutex_lock(&tokens->lock); /* as above */
    count = tokens->use_count;
    memcpy(uses, tokens->uses, count * sizeof(uses[0]));
    tokens->use_count = 0;
    (void)pthread_mutex_unlock(&tokens->lock);
    if (count > 0)
        store_token_used(db, uses, count, on_uses_written, NULL);
}

bool auth_tokens_find(struct auth_tokens *tokens, const char *token, int64_t now_ms,
                      struct auth_token *out, struct err *err)
{
    uint8_t digest[HASH_BYTES];
    struct entry found = {0};
    bool ready;

    token_digest(token, strlen(token), digest);
    (void)pthread_mutex_lock(&tokens->lock); /* as above */
    ready = tokens->table != NULL;
    if (ready)
        found = take_entry(tokens, digest, now_ms);
    (void)pthread_mutex_unlock(&tokens->lock);
    if (!ready)
        return err_set(err, ERR_UNAVAILABLE, "the operators' tokens are not read yet");
    if (!found.used)
        return err_set(err, ERR_DENIED, "nobody has this token");
    if (found.expires_ms != 0 && found.expires_ms <= now_ms)
        return err_set(err, ERR_DENIED, "the token has expired");
    *out = found.token;
    return true;
}
