#pragma once
/*
 * What operators send to be published, taken apart strictly. Pure.
 *
 *     publication  {"files":[{"path","text"}], "documents":[{"repository","role","text"}]}
 *     request      {"note","files":[...], "documents":[{"repository","role","signed"}]}
 *     signatures   {"documents":[{"repository","role","sha256","signatures":[{"keyid","sig"}]}]}
 *
 * "files" and "note" may be missing; "text" of a document is the whole file, "signed" the canonical
 * form of its signed part.
 */
#include "lib/json/json.h"
#include "server/repo/view.h"

enum {
    REPO_BUNDLE_BYTES_MAX = 16 << 20,
    REPO_BUNDLE_DOCUMENTS_MAX = 300, /* a role and its 256 bins */
    REPO_BUNDLE_FILES_MAX = 16,
    REPO_FILE_BYTES_MAX = 64 << 10,
    REPO_NOTE_BYTES_MAX = 1000,
};

struct repo_upload {
    enum repo_kind repository;
    char *role;
    struct buf bytes; /* of a request: the signed part */
};

struct repo_file {
    char *path;
    struct buf bytes;
    uint8_t sha256[HASH_BYTES];
};

struct repo_bundle {
    struct repo_upload *documents;
    size_t document_count;
    struct repo_file *files;
    size_t file_count;
    char *note; /* "" when none */
};
void repo_bundle_done(struct repo_bundle *bundle);
#define AUTO_REPO_BUNDLE CLEANUP(repo_bundle_done) struct repo_bundle

MUST_USE bool repo_bundle_parse_publication(const void *data, size_t len, struct repo_bundle *out,
                                            struct err *err);
/* Each signed part is a JSON object in canonical form. */
MUST_USE bool repo_bundle_parse_request(const void *data, size_t len, struct repo_bundle *out,
                                        struct err *err);
/* May a role have this name? One segment of a URL: NAME_UNSAFE. */
MUST_USE bool repo_role_is_named(const char *role, struct err *err);
/* One document, copied. */
void repo_bundle_of(enum repo_kind kind, const char *role, const void *data, size_t len,
                    struct repo_bundle *out);
/* One more document or file, copied, for bundles that are put together here; at most the limits. */
void repo_bundle_add(struct repo_bundle *bundle, enum repo_kind kind, const char *role,
                     const struct buf *bytes);
void repo_bundle_add_file(struct repo_bundle *bundle, const char *path, const void *data,
                          size_t len);

/* --- signatures --------------------------------------------------------------------------------
 */
enum { REPO_SIG_HEX_MAX = 8192 };

struct repo_signature {
    char *keyid; /* 64 hex digits */
    char *sig;   /* hex */
};

struct repo_signed_document {
    enum repo_kind repository;
    char *role;
    uint8_t sha256[HASH_BYTES]; /* of the signed part */
    struct repo_signature *signatures;
    size_t count;
};

struct repo_signing {
    struct repo_signed_document *documents;
    size_t count;
};
void repo_signing_done(struct repo_signing *signing);
#define AUTO_REPO_SIGNING CLEANUP(repo_signing_done) struct repo_signing

MUST_USE bool repo_signing_parse(const void *data, size_t len, struct repo_signing *out,
                                 struct err *err);
