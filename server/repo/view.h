#pragma once
/*
 * A tenant's image repository at one moment: an immutable, counted set of documents. Any thread
 * may hold a reference and read.
 */
#include "lib/tuf/tuf.h"

/* One document as received or as signed here. Counted too: a new view shares what stayed. */
struct repo_document {
    _Atomic unsigned refs;
    enum tuf_role role;
    uint64_t version;
    int64_t expires_ms;
    struct buf bytes;
    char etag[HASH_HEX_ROOM]; /* SHA-256 of the bytes */
    struct tuf_set *targets;  /* to look into; only of targets that were the newest */
};

/* Copies the bytes. `look_into`: targets are parsed, too; ERR_* when they cannot be. */
MUST_USE bool repo_document_new(const struct tuf_facts *facts, const void *data, size_t len,
                                bool look_into, struct repo_document **out, struct err *err);
struct repo_document *repo_document_ref(struct repo_document *document);
void repo_document_unref(struct repo_document *document);

struct repo_view {
    _Atomic unsigned refs;
    int64_t tenant_id;
    char *tenant;                                 /* its name */
    struct repo_document *newest[TUF_ROLE_COUNT]; /* NULL: none yet; borrowed from below */
    size_t count;
    struct repo_document *documents[]; /* all roots, and the newest few of the other roles */
};

/* Takes a reference of each document. Of roles other than root the newest REPO_KEPT are kept, so
 * that a device in the middle of its walk still finds what its timestamp named. */
enum { REPO_KEPT = 3 };
struct repo_view *repo_view_new(int64_t tenant_id, const char *tenant,
                                struct repo_document *const *documents, size_t count);
/* `before` and what was added to it. */
struct repo_view *repo_view_with(const struct repo_view *before, struct repo_document *const *added,
                                 size_t count);
struct repo_view *repo_view_ref(struct repo_view *view);
void repo_view_unref(struct repo_view *view);
void repo_view_cleanup(struct repo_view **view);
#define AUTO_REPO_VIEW CLEANUP(repo_view_cleanup) struct repo_view

/* 0: none. */
uint64_t repo_view_version(const struct repo_view *view, enum tuf_role role);
/* "timestamp.json", "3.root.json"; NULL when it is not there. Borrowed. */
const struct repo_document *repo_view_find(const struct repo_view *view, const char *name);
/* What the newest targets say about the file with this content; false when they name none. With
 * several the newest release counter wins. End `out` with tuf_target_done(). */
MUST_USE bool repo_view_target(const struct repo_view *view, const uint8_t sha256[HASH_BYTES],
                               struct tuf_target *out);
/* How many files the newest targets name. */
size_t repo_view_target_count(const struct repo_view *view);
