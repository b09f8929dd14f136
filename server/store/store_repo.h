#pragma once
/*
 * The repositories' documents, files and online keys. Rows here, not JSON: server/repo works with
 * the bytes.
 */
#include "lib/crypto/hash.h"
#include "lib/crypto/sign.h"
#include "server/db/db.h"
#include "server/store/actor.h"
#include "server/store/signed.h"

extern const struct db_stmt *const store_repo_statements[];

/* Every tenant: id, name, version_floor, newest version (0: none) of the image repository's root,
 * of the director's root, and of the image repository's timestamp: one of these moves with every
 * publication. */
void store_repo_heads(struct db *db, db_done_fn *done, void *arg);
/* Rows repository, role, version, bytes of one tenant: all roots, and of the other roles the
 * newest three; by repository, role and version. */
void store_repo_documents(struct db *db, int64_t tenant_id, db_done_fn *done, void *arg);

/* The largest arrays below are of one publication's length. */
struct store_document {
    const char *repository;
    const char *role;
    uint64_t version;
    const void *bytes;
    size_t len;
    int64_t expires_ms;
};

/* A file that is signed but no image; its bytes are stored. */
struct store_file {
    const char *path;
    const uint8_t *sha256;
    size_t len;
};

struct store_publication {
    int64_t tenant_id;
    uint64_t before[3]; /* the versions of store_repo_heads() that it was made from */
    const struct store_document *documents;
    size_t count;
    const struct store_file *files;
    size_t file_count;
    const struct store_signed *targets; /* that may be images already: what is new of them */
    size_t target_count;
    int64_t request_id;              /* 0, or the request that is published by this */
    const struct store_actor *actor; /* NULL: the server itself, by a renewal; not audited */
    bool needs_approval;             /* ... where the tenant wants that of such a change */
    bool is_approval;                /* the actor approves the request */
};
/* All of it in one transaction; ERR_CONFLICT when the repository is not as it was `before`, or the
 * request is neither open nor awaiting approval. FOUR_EYES when it needs an approval that it has
 * not, or that is the author's own. */
void store_repo_publish(struct db *db, const struct store_publication *publication,
                        db_tx_done_fn *done, void *arg);
