#pragma once
/*
 * How a tenant's repositories stand: what expires when, who has to sign, and what a thief of each
 * key could do. Pure.
 */
#include "lib/json/json.h"
#include "server/repo/view.h"

/* How near a role's expiry is. Of roles that are renewed by the server only the last is told. */
enum repo_expiry { EXPIRY_FAR, EXPIRY_90, EXPIRY_30, EXPIRY_7, EXPIRY_PAST, EXPIRY_COUNT };
const char *
repo_expiry_name(enum repo_expiry expiry); /* NULL for far; "90", "30", "7", "expired" */
enum repo_expiry repo_expiry_of(const struct repo_document *document, int64_t now_ms);

/* What a thief could do who has one of the keys of the role; `threshold` of them are needed. The
 * caller frees it. */
char *repo_thief_sentence(enum repo_kind kind, const char *role, uint64_t threshold);

/* {"root":{"version","expires","length"}|null, ... the four roles ..., "files":N,
 *  "roles":[{"repository","role","version","expires","length","days_left","warning":null|"90",
 *            "keyids":[],"threshold","thief"}]}; the caller owns it. */
json_t *repo_status_json(const struct repo_view *view, int64_t now_ms);
/* {"documents":[{"repository","role","name","version","length","sha256","expires"}]}: what is
 * current. */
json_t *repo_index_json(const struct repo_view *view);
/* {"version","expires","length"}, null for NULL. */
json_t *repo_document_json(const struct repo_document *document);
