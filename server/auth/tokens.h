#pragma once
/*
 * The operators' tokens, in memory: looked up by digest on every operator request, from any
 * thread, without SQL. Read from the database at start and again when an operator changed
 * something; a reload that fails leaves what is there.
 */
#include "lib/base/err.h"
#include "server/auth/role.h"

struct auth_tokens;
struct db;

struct auth_token {
    int64_t id;
    int64_t tenant_id;
    enum role role;
};

struct auth_tokens *auth_tokens_new(void);
void auth_tokens_free(struct auth_tokens *tokens);
/* Asks the database for the whole table, from one and the same loop always. The loads that are
 * under way when the database closes end there. */
void auth_tokens_load(struct auth_tokens *tokens, struct db *db);
/* Writes when tokens were last used, as far as they were since the last call; from the loop of
 * `db`. What cannot be written is forgotten: the next use tells again. */
void auth_tokens_flush(struct auth_tokens *tokens, struct db *db);
/* Was the table read at least once? */
bool auth_tokens_ready(struct auth_tokens *tokens);
/* ERR_DENIED when nobody has this token (or not any more), ERR_UNAVAILABLE before the first
 * load. */
/* Also notes that it was used: auth_tokens_flush() writes that down, a minute at a time. */
MUST_USE bool auth_tokens_find(struct auth_tokens *tokens, const char *token, int64_t now_ms,
                               struct auth_token *out, struct err *err);
