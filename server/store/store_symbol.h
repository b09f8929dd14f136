#pragma once
/* Debug files by build id, and the frames of issues that wait for their names. */
#include "lib/crypto/hash.h"
#include "server/store/actor.h"

extern const struct db_stmt *const store_symbol_statements[];

struct store_symbol_file {
    struct store_actor actor;
    uint8_t sha256[HASH_BYTES];
    const uint8_t *build_id;
    size_t build_id_len;
    uint64_t length;
};

/* Takes the place of an older file with that build id; issues with frames of it are due again. One
 * row: {"build_id","sha256","length","uploaded"}. */
void store_symbol_add(struct db *db, const struct store_symbol_file *file, db_done_fn *done,
                      void *arg);
/* {"items","next"} */
void store_symbol_list(struct db *db, int64_t tenant_id, const char *after, int64_t limit,
                       db_done_fn *done, void *arg);

/* The frames of the first issue that is due, above row `after`; no row: there is none. Columns of
 * each row: issue, category, class, component, build id in hex, offset, the debug file's hash or
 * NULL. In order, at most SYMBOLS_MAX. */
void store_symbol_due(struct db *db, int64_t after, db_done_fn *done, void *arg);
/* What was found: `symbols` JSON; `key` says whether it is another build's issue, or NULL. */
void store_symbol_done(struct db *db, int64_t issue, const char *symbols,
                       const uint8_t key[HASH_BYTES], db_done_fn *done, void *arg);
