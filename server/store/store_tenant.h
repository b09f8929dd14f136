#pragma once
/*
 * Tenants and the operators' tokens.
 *
 * As in every store_*.h of this folder: a function runs one statement; unless said otherwise its
 * result is one row with one text column, the JSON that the API answers with, and no row when
 * the thing is not there (or, for a creation, exists already). Expected refusals come as errors
 * with the words to show. The *_statements arrays end with NULL; a test prepares them all.
 */
#include "lib/crypto/hash.h"
#include "server/store/page.h"

extern const struct db_stmt *const store_tenant_statements[];

/* Makes a tenant and its first administrator's token; no row when the name is taken. Refused
 * unless `tenant_id` was made by the installation itself. */
void store_tenant_create(struct db *db, int64_t tenant_id, const char *name,
                         const uint8_t token_digest[HASH_BYTES], db_done_fn *done, void *arg);
/* The caller's own tenant and those it made. */
void store_tenant_list(struct db *db, const struct store_page *page, const char *name,
                       db_done_fn *done, void *arg);

/* Rows of every token that is not revoked: id, tenant_id, digest, role, expires_at. */
void store_operator_tokens(struct db *db, db_done_fn *done, void *arg);
