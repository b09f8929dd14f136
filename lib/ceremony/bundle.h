#pragma once
/*
 * What travels between the server and a machine with a key on it: a request bundle with the exact
 * bytes that shall be signed and what is needed to judge them, and a response bundle with
 * signatures. Formats are drawn in docs/FORMATS.md. Pure: bytes in, values out.
 *
 * A request that was parsed is consistent in itself (bytes are canonical, hashes, names and
 * versions are those of the bytes), and says nothing true beyond that: its summary, signers and
 * context are its maker's words until they were checked against a root one trusts.
 */
#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/crypto/hash.h"
#include "lib/json/json.h"

enum {
    BUNDLE_BYTES_MAX = 32 << 20,
    BUNDLE_DOCUMENTS_MAX = 300, /* a role split into 256 bins, and what stands around it */
    BUNDLE_FILES_MAX = 16,
    BUNDLE_FILE_BYTES_MAX = 65536,
    BUNDLE_ROLES_MAX = 1024,
    BUNDLE_NAME_ROOM = 129,
};

struct bundle_document {
    char repository[16]; /* "image", "director" */
    char role[BUNDLE_NAME_ROOM];
    uint64_t version;
    json_t *body;               /* the part that is signed, */
    struct buf text;            /* its canonical form: what signatures are over, */
    char sha256[HASH_HEX_ROOM]; /* and the hash of that */
    json_t *summary;            /* lines for people */
    json_t *keyids;             /* who may sign it */
    uint64_t threshold;         /* how many of them must; 0: not said */
    json_t *signatures;         /* [{"keyid", "sig"}] made so far */
};

/* A request; all of it owned. */
struct bundle {
    char *tenant;
    char *note;
    struct bundle_document *documents; /* in the order in which they are to be verified */
    size_t count;
    json_t *files; /* [{"path", "text"}] published with them */
    /* What is published now, whole documents as texts: {"image": {"roots": [...], "roles":
     * {"targets": ...}}, "director": {"roots": [...]}}. */
    json_t *context;
};

#define AUTO_BUNDLE CLEANUP(bundle_done) struct bundle

/* Empty, without documents. */
void bundle_init(struct bundle *bundle, const char *tenant, const char *note);
void bundle_done(struct bundle *bundle);
/* Adds what shall be signed. Takes over `body`, also when it fails (a number that canonical JSON
 * cannot hold, a role that exists). `*out` (may be NULL) is valid until the next addition. */
MUST_USE bool bundle_add(struct bundle *bundle, const char *repository, const char *role,
                         json_t *body, struct bundle_document **out, struct err *err);
/* NULL when it is not there. */
struct bundle_document *bundle_find(const struct bundle *bundle, const char *repository,
                                    const char *role);
/* Adds a file; one of the same path is replaced. */
void bundle_add_file(struct bundle *bundle, const char *path, const char *text);
/* True when the document had no signature of this key yet. */
bool bundle_add_signature(struct bundle_document *document, const char *keyid, const char *sig);
/* The signed document as it is published: {"signatures": [...], "signed": ...} and a newline. */
void bundle_document_format(const struct bundle_document *document, struct buf *out);

MUST_USE bool bundle_parse(const void *data, size_t len, struct bundle *out, struct err *err);
/* The request's text; `out` may become as long as BUNDLE_BYTES_MAX. */
void bundle_format(const struct bundle *bundle, struct buf *out);

/* The tree of a response that has no signatures yet; and one more row of it. */
json_t *bundle_response_new(void);
void bundle_response_add(json_t *response, const struct bundle_document *document,
                         const char *keyid, const char *sig);
/* `*out` holds the known fields and nothing else. */
MUST_USE bool bundle_response_parse(const void *data, size_t len, json_t **out, struct err *err);
