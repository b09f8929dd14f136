#pragma once
/*
 * What the files of lib/tuf share: a parsed document, a parsed root, and the one function that
 * counts signatures. Included from lib/tuf only.
 */
#include "lib/tuf/tuf.h"

/* What timestamp says of the snapshot, and snapshot of targets. */
struct tuf_file {
    uint64_t version;
    uint64_t length; /* 0: not given */
    bool has_hash;
    uint8_t sha256[HASH_BYTES];
};

/* A document whose own structure was checked; nothing about its signatures is known. */
struct tuf_doc {
    enum tuf_role role;
    json_t *tree;       /* owned; NULL: no document */
    const json_t *body; /* "signed" */
    const json_t *signatures;
    uint64_t version;
    int64_t expires_ms;
    struct tuf_file listed;     /* timestamp: the snapshot; snapshot: targets */
    size_t len;                 /* of the received bytes, */
    uint8_t sha256[HASH_BYTES]; /* and their hash */
};

struct tuf_key {
    const char *keyid;
    const char *public_text; /* keyval.public, "" when there is none */
    bool usable;             /* of a scheme we verify, and well formed */
    uint8_t public_key[32];
};

struct tuf_root {
    struct tuf_doc doc;
    struct tuf_key *keys; /* owned */
    size_t key_count;
    struct {
        uint64_t threshold;
        const json_t *keyids;
    } rules[TUF_ROLE_COUNT];
};

struct tuf_set {
    struct tuf_root root;
    struct tuf_doc docs[TUF_ROLE_COUNT]; /* [TUF_ROOT] stays empty */
};

size_t tuf_role_bytes_max(enum tuf_role role);

/* Any role but root's rules. On failure `out` is empty. */
MUST_USE bool tuf_doc_parse(enum tuf_role role, const void *data, size_t len, struct tuf_doc *out,
                            struct err *err);
void tuf_doc_done(struct tuf_doc *doc);
MUST_USE bool tuf_root_parse(const void *data, size_t len, struct tuf_root *out, struct err *err);
void tuf_root_done(struct tuf_root *root);
/* ROOT_OLD_THRESHOLD, ROOT_NEW_THRESHOLD, ROOT_VERSION. */
MUST_USE bool tuf_root_follows(const struct tuf_root *old, const struct tuf_root *fresh,
                               const struct tuf_io *io, struct err *err);
/* The role has other keys in `b` than in `a`. */
bool tuf_root_rotates(const struct tuf_root *a, const struct tuf_root *b, enum tuf_role role);
bool tuf_root_lists(const struct tuf_root *root, enum tuf_role role, const char *keyid);

/* The key objects of a root: KEYID_MISMATCH, KEY_DUPLICATE. */
MUST_USE bool tuf_keys_parse(const json_t *keys, struct tuf_root *out, struct err *err);
/* Is `doc` signed by the threshold of root's keys for its role? `few` is the refusal when there
 * are too few good signatures. `io` (may be NULL) has the memo. */
MUST_USE bool tuf_doc_verify(const struct tuf_doc *doc, const struct tuf_root *root,
                             enum refusal few, const struct tuf_io *io, struct err *err);

/* "hashes" of a metadata file or target: sha256 is the one we know (NO_KNOWN_HASH). */
MUST_USE bool tuf_hashes_parse(const json_t *object, const char *path, uint8_t *sha256,
                               struct err *err);
/* The entry at `path` as a typed target. */
MUST_USE bool tuf_target_parse(const char *path, const json_t *entry, struct tuf_target *out,
                               struct err *err);
/* Whatever was found wrong is a refusal as malformed metadata, unless it has a refusal already. */
bool tuf_malformed(struct err *err);
