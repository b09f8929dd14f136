#pragma once
/*
 * A tenant's two repositories at one moment: an immutable, counted set of documents. Any thread
 * may hold a reference and read.
 *
 * Of the image repository all roles are here. The director's documents are made for each device
 * elsewhere; here are its roots, which are the same for all.
 */
#include "lib/tuf/tuf.h"

enum repo_kind { REPO_IMAGE, REPO_DIRECTOR, REPO_KIND_COUNT };
const char *repo_kind_name(enum repo_kind kind); /* "image", "director" */
MUST_USE bool repo_kind_parse(const char *name, enum repo_kind *out);

/* Snapshot and timestamp: signed by this server, never published by anybody else. */
bool repo_role_is_online(const char *role);

/* Could a document with these bytes say who signs something? False is certain. */
bool repo_may_delegate(const char *role, const struct buf *bytes);

/* One document as received or as signed here. Counted too: a new view shares what stayed. */
struct repo_document {
    _Atomic unsigned refs;
    enum repo_kind repository;
    char *role; /* "root", "os-demo" */
    uint64_t version;
    int64_t expires_ms;
    struct buf bytes;
    char etag[HASH_HEX_ROOM];   /* SHA-256 of the bytes */
    bool may_delegate;          /* false: it has no say in who signs what */
    struct tuf_target *targets; /* what it lists; only when it was looked into */
    size_t target_count;
};

/* Copies the bytes. `look_into`: what it lists is read, too; ERR_* when it cannot be. */
MUST_USE bool repo_document_new(enum repo_kind kind, const char *role, const struct buf *bytes,
                                bool look_into, struct repo_document **out, struct err *err);
struct repo_document *repo_document_ref(struct repo_document *document);
void repo_document_unref(struct repo_document *document);

struct repo_view {
    _Atomic unsigned refs;
    int64_t tenant_id;
    char *tenant; /* its name */
    /* What is signed here has at least this version (a restored backup raised it). */
    uint64_t version_floor;
    const struct tuf_target **targets; /* of the newest documents of all roles, by SHA-256 */
    size_t target_count;
    size_t count;
    struct repo_document *documents[]; /* by repository, role and version: all roots, and of the
                                          other roles the newest few */
};

/* Takes a reference of each document. Of roles other than root the newest REPO_KEPT are kept, so
 * that a device in the middle of its walk still finds what its timestamp named. */
enum { REPO_KEPT = 3 };
struct repo_view *repo_view_new(int64_t tenant_id, const char *tenant, uint64_t version_floor,
                                struct repo_document *const *documents, size_t count);
/* `before` and what was added to it. */
struct repo_view *repo_view_with(const struct repo_view *before, struct repo_document *const *added,
                                 size_t count);
struct repo_view *repo_view_ref(struct repo_view *view);
void repo_view_unref(struct repo_view *view);
void repo_view_cleanup(struct repo_view **view);
#define AUTO_REPO_VIEW CLEANUP(repo_view_cleanup) struct repo_view

/* --- looking; all that is returned is borrowed from the view ------------------------------------
 */

/* The newest document of a role; NULL: none yet. */
const struct repo_document *repo_view_newest(const struct repo_view *view, enum repo_kind kind,
                                             const char *role);
/* Its version, 0: none. */
uint64_t repo_view_version(const struct repo_view *view, enum repo_kind kind, const char *role);
/* Where a repository is: every change of it raises at least one of these. */
struct repo_stamp {
    uint64_t versions[3]; /* image root, director root, image timestamp */
};
void repo_view_stamp(const struct repo_view *view, struct repo_stamp *out);
/* By the name of its file: "timestamp.json", "3.root.json", "7.os-demo.json"; NULL when it is not
 * there. */
const struct repo_document *repo_view_find(const struct repo_view *view, enum repo_kind kind,
                                           const char *name);
/* The director's root of this version, 0: the newest. */
const struct repo_document *repo_view_director_root(const struct repo_view *view, uint64_t version);
/* The newest document of each role, one after the other: begin with NULL, end with NULL. */
const struct repo_document *repo_view_next_role(const struct repo_view *view, enum repo_kind kind,
                                                const struct repo_document *after);
/* The newest of each role that is signed offline, as lib/tuf wants it. The array is the caller's
 * (mem_free). */
struct tuf_named *repo_view_published(const struct repo_view *view, enum repo_kind kind,
                                      size_t *count);
/* Those of them alone that say who may sign what: for questions about signers, which need not look
 * through every bin. */
struct tuf_named *repo_view_delegators(const struct repo_view *view, enum repo_kind kind,
                                       size_t *count);
/* What the newest documents say about the file with this content; NULL when they name none. With
 * several the newest release counter wins. */
const struct tuf_target *repo_view_target(const struct repo_view *view,
                                          const uint8_t sha256[HASH_BYTES]);
/* ... and under this path; NULL when no role names it. */
const struct tuf_target *repo_view_target_at(const struct repo_view *view, const char *path);
