#pragma once
/*
 * Requests: publications that wait for offline signatures. What is published by a request is the
 * business of store_repo_publish().
 */
#include "lib/crypto/hash.h"
#include "server/store/actor.h"
#include "server/store/page.h"

extern const struct db_stmt *const store_repo_request_statements[];

struct store_request_document {
    const char *repository;
    const char *role;
    uint64_t version;
    const uint8_t *sha256;
    const void *signed_part;
    size_t len;
    const char *summary;
};

struct store_request_file {
    const char *path;
    const void *bytes;
    size_t len;
};

struct store_request {
    const struct store_actor *actor; /* its author */
    const char *note;
    const struct store_request_document *documents;
    size_t document_count;
    const struct store_request_file *files;
    size_t file_count;
};
/* One row: the public id. */
void store_repo_request_create(struct db *db, const struct store_request *request, db_done_fn *done,
                               void *arg);

/* A page of requests without their documents; `state` may be NULL. */
void store_repo_request_list(struct db *db, const struct store_page *page, const char *state,
                             db_done_fn *done, void *arg);

/* Four results: the request (id, state, note, author, approver, created, ended; no row: there
 * is none),
 * its documents by position (repository, role, version, sha256, signed, summary), its files (path,
 * bytes), and the signatures (position, keyid, sig). */
enum { STORE_REQUEST_HEAD, STORE_REQUEST_DOCUMENTS, STORE_REQUEST_FILES, STORE_REQUEST_SIGNATURES };
void store_repo_request_get(struct db *db, int64_t tenant_id, const char *public_id,
                            db_tx_done_fn *done, void *arg);

struct store_request_signature {
    int64_t position;
    const char *keyid;
    const char *sig;
};
struct store_request_signing {
    const struct store_actor *actor;
    const char *public_id;
    const struct store_request_signature *signatures;
    size_t count;
};
/* Adds what is not there yet, and then answers as store_repo_request_get(), after
 * STORE_REQUEST_SIGNED results of its own. The row is locked meanwhile: of several who sign at the
 * same time the last one sees the signatures of all. ERR_CONFLICT when the request is not open. */
enum { STORE_REQUEST_SIGNED = 3 };
void store_repo_request_sign(struct db *db, const struct store_request_signing *signing,
                             db_tx_done_fn *done, void *arg);

/* One row with the id and the new state, none when there is no such request; ERR_CONFLICT when it
 * is past that. */
void store_repo_request_withdraw(struct db *db, const struct store_actor *actor,
                                 const char *public_id, db_done_fn *done, void *arg);
/* Its signatures are complete. */
void store_repo_request_await(struct db *db, int64_t tenant_id, const char *public_id,
                              db_done_fn *done, void *arg);
