#pragma once
/*
 * A 404 to an operator may have been another tenant's object: the answer is the same, but the
 * attempt is noted in the audit (authz.cross_tenant) before it goes out.
 */
#include "lib/base/err.h"

struct db;
struct http_request;

/* For http_app.on_not_found: looks, notes and then answers with `err`. */
void foreign_answer(struct http_request *req, const struct err *err, struct db *db);

enum { FOREIGN_IDS_MAX = 32, FOREIGN_UUID_ROOM = 37, FOREIGN_HASH_BYTES = 32 };

/* The ids that a text mentions, whatever it is: uuids and SHA-256s, in lower-case hex. */
struct foreign_ids {
    char uuids[FOREIGN_IDS_MAX][FOREIGN_UUID_ROOM];
    size_t uuid_count;
    uint8_t hashes[FOREIGN_IDS_MAX][FOREIGN_HASH_BYTES];
    size_t hash_count;
};
/* Pure; what is above the maximum is passed over. */
void foreign_ids_add(const char *text, size_t len, struct foreign_ids *ids);
