#pragma once
/*
 * A publication that waits for offline signatures: who may sign which of its documents, whose
 * signatures are there, and whether that is enough. Pure; edges are in request_job.c.
 *
 * Each document is judged beside those before it, as it will be published. A root needs the
 * thresholds of two rules: of the root before it and its own.
 */
#include "server/repo/bundle.h"
#include "server/repo/compose.h"

struct repo_request_document {
    enum repo_kind repository;
    char *role;
    uint64_t version;
    uint8_t sha256[HASH_BYTES]; /* of the signed part */
    struct buf signed_part;     /* canonical */
    bool may_delegate;
    struct buf unsigned_whole; /* the document with no signature at all */
    char *summary;
    struct repo_signature *signatures;
    size_t signature_count;
};

struct repo_request {
    int64_t id;  /* 0: not stored yet */
    char *state; /* texts are "" when there is nothing to say */
    char *note;
    char *author; /* names of tokens */
    char *approver;
    char *created;
    char *ended;
    struct repo_request_document *documents;
    size_t count;
    struct repo_bundle files; /* without documents */
};
void repo_request_done(struct repo_request *request);
#define AUTO_REPO_REQUEST CLEANUP(repo_request_done) struct repo_request

/* Takes what was sent over (the bundle is empty afterwards, also on failure). Every document is
 * the next version of its role and somebody may sign it; its summary is written. */
MUST_USE bool repo_request_open(const struct repo_view *view, struct repo_bundle *bundle,
                                struct repo_request *out, struct err *err);
/* For one that is read back: adds a document, or a signature to the document at `at`. */
MUST_USE bool repo_request_add(struct repo_request *request, enum repo_kind kind, const char *role,
                               uint64_t version, struct buf *signed_part, struct err *err);
void repo_request_add_signature(struct repo_request *request, size_t at, const char *keyid,
                                const char *sig);

/* The document that these signatures are for; ERR_NOT_FOUND, ERR_CONFLICT for other bytes. */
MUST_USE bool repo_request_find(const struct repo_request *request,
                                const struct repo_signed_document *document, size_t *at,
                                struct err *err);
/* Is the signature good, by a key that one of the document's rules names? DELEGATION_DENIED,
 * TARGETS_THRESHOLD and the like, naming the key. */
MUST_USE bool repo_request_check(const struct repo_view *view, const struct repo_request *request,
                                 size_t at, const struct repo_signature *signature,
                                 struct err *err);
/* Have all documents their thresholds? */
bool repo_request_is_complete(const struct repo_view *view, const struct repo_request *request);
/* What is to be published then; the files are copied, too. */
MUST_USE bool repo_request_bundle(const struct repo_request *request, struct repo_bundle *out,
                                  struct err *err);
/* The API's object, with the documents; the caller owns it. */
json_t *repo_request_json(const struct repo_view *view, const struct repo_request *request,
                          const char *public_id);
