#pragma once
/*
 * What the files of lib/tuf share: a parsed document, keys and the rule that counts their
 * signatures, delegations, and the one way to get a role that another role lists. Included from
 * lib/tuf only.
 */
#include "lib/json/flat.h"
#include "lib/tuf/tuf.h"

enum {
    TUF_META_MAX = 4096,        /* files a snapshot lists */
    TUF_DELEGATIONS_MAX = 1024, /* of one document */
    TUF_DELEGATED_KEYS_MAX = 256,
    TUF_PATTERN_MAX = 512,
    TUF_PUBLIC_TEXT_MAX = 2048, /* of one key */
    TUF_SIG_BYTES_MAX = 1024,
    TUF_BITS_MAX = 32,
    TUF_BITS_LISTED_MAX = 10, /* as many bins are named one by one */
};

/* --- fields (field.c): what is not as asked for is JSON_STRICT, naming the field ---------------
 */

MUST_USE bool tuf_field_u64(struct flat_value object, const char *name, uint64_t min, uint64_t *out,
                            struct err *err);
/* 0 when it is not given. */
MUST_USE bool tuf_field_optional(struct flat_value object, const char *name, uint64_t *out,
                                 struct err *err);
MUST_USE bool tuf_field_text(struct flat_value object, const char *name, char *out, size_t room,
                             struct err *err);
MUST_USE bool tuf_field_time(struct flat_value object, const char *name, int64_t *out_ms,
                             struct err *err);
/* 0 when it is not given. */
MUST_USE bool tuf_field_optional_time(struct flat_value object, const char *name, int64_t *out_ms,
                                      struct err *err);
MUST_USE bool tuf_field_bool(struct flat_value object, const char *name, bool *out,
                             struct err *err);
MUST_USE bool tuf_field_object(struct flat_value object, const char *name, struct flat_value *out,
                               struct err *err);
MUST_USE bool tuf_field_array(struct flat_value object, const char *name, size_t count_max,
                              struct flat_value *out, struct err *err);
/* Given, and not null. */
bool tuf_field_has(struct flat_value object, const char *name);

/* --- documents (doc.c) -------------------------------------------------------------------------
 */

/* What one document says of another file. */
struct tuf_file {
    uint64_t version;
    uint64_t length; /* 0: not given */
    bool has_sha256;
    bool has_sha512;
    uint8_t sha256[HASH_BYTES];
    uint8_t sha512[HASH512_BYTES];
};

struct tuf_keys;

/* A document whose own structure was checked; nothing about its signatures is known. */
struct tuf_doc {
    bool some; /* false: no document, all else is 0 */
    enum tuf_role role;
    char name[TUF_ROLE_NAME_MAX + 1]; /* "targets", "os-demo" */
    uint64_t version;
    int64_t expires_ms;
    size_t len;                 /* of the received bytes, */
    uint8_t sha256[HASH_BYTES]; /* and their hash */
    struct flat flat;           /* over the bytes; empty once shed */
    uint8_t *bytes;             /* owned, or NULL when the caller keeps them */
    struct tuf_keys *keys;      /* of its delegations; owned; NULL when there are none */
};

/* The bytes are borrowed, until tuf_doc_own(). On failure `out` is empty. */
MUST_USE bool tuf_doc_parse(enum tuf_role role, const char *name, const struct buf *text,
                            struct tuf_doc *out, struct err *err);
/* Takes over the memory the document was parsed from. */
void tuf_doc_own(struct tuf_doc *doc, struct buf *text);
/* Keeps what the document said about itself, and frees the bytes. */
void tuf_doc_shed(struct tuf_doc *doc);
void tuf_doc_done(struct tuf_doc *doc);
struct flat_value tuf_doc_body(const struct tuf_doc *doc); /* "signed" */
/* What timestamp and snapshot say of "NAME.json"; false when they do not list it. */
bool tuf_doc_lists(const struct tuf_doc *doc, const char *name, struct tuf_file *out);
MUST_USE bool tuf_check_expiry(const struct tuf_doc *doc, int64_t now_ms, enum refusal refusal,
                               struct err *err);

/* "hashes" of a metadata file or target: sha256, sha512 or both (NO_KNOWN_HASH). */
MUST_USE bool tuf_hashes_parse(struct flat_value object, const char *path, struct tuf_file *out,
                               struct err *err);
bool tuf_hashes_fit(const struct tuf_file *file, const void *data, size_t len);

/* --- keys (keys.c) -----------------------------------------------------------------------------
 */

struct tuf_key {
    char keyid[TUF_KEYID_ROOM];
    const struct tuf_scheme *scheme; /* NULL: one we do not know, or not well formed */
    bool malformed;                  /* of a known scheme */
    char *text;                      /* keyval.public; owned */
    uint8_t public_key[32];          /* of Ed25519 */
    uint8_t identity[HASH_BYTES];    /* the same however the key is written */
};

/* The keys of one document; counted, for a search outlives the documents it went through. */
struct tuf_keys {
    unsigned refs;
    uint8_t sha256[HASH_BYTES]; /* of that document's bytes */
    size_t count;
    struct tuf_key items[];
};

/* Whose signatures count for one role, and how many. */
struct tuf_rule {
    uint64_t threshold;
    size_t count;                /* of the keys that are known */
    uint16_t keys[TUF_KEYS_MAX]; /* indexes into tuf_keys */
};

/* KEYID_MISMATCH, KEY_DUPLICATE. */
MUST_USE bool tuf_keys_parse(struct flat_value keys, size_t count_max, struct tuf_keys **out,
                             struct err *err);
struct tuf_keys *tuf_keys_ref(struct tuf_keys *keys);
void tuf_keys_unref(struct tuf_keys *keys);
/* "keyids" and "threshold" of `object`, which is of the role `name`. */
MUST_USE bool tuf_rule_parse(struct flat_value object, const char *name,
                             const struct tuf_keys *keys, struct tuf_rule *out, struct err *err);
/* The rule's key of that id, or NULL. */
const struct tuf_key *tuf_rule_key(const struct tuf_rule *rule, const struct tuf_keys *keys,
                                   const char *keyid);
/* Known keys of good form are enough for the threshold, and none is malformed (JSON_STRICT). */
MUST_USE bool tuf_rule_is_sound(const struct tuf_rule *rule, const struct tuf_keys *keys,
                                const char *name, struct err *err);
bool tuf_key_signed(const struct tuf_key *key, const void *data, size_t len, const char *sig_hex);
/* Is `doc` signed by the threshold? `few` is the refusal when there are too few good signatures.
 * `io` (may be NULL) has the memo. */
MUST_USE bool tuf_doc_verify(const struct tuf_doc *doc, const struct tuf_keys *keys,
                             const struct tuf_rule *rule, enum refusal few, const struct tuf_io *io,
                             struct err *err);

/* --- root (root.c) -----------------------------------------------------------------------------
 */

struct tuf_root {
    struct tuf_doc doc;
    struct tuf_keys *keys;
    struct tuf_rule rules[TUF_ROLE_COUNT];
};
MUST_USE bool tuf_root_parse(const struct buf *text, struct tuf_root *out, struct err *err);
void tuf_root_done(struct tuf_root *root);
/* Signed by its own keys. */
MUST_USE bool tuf_root_verify_itself(const struct tuf_root *root, enum refusal few,
                                     const struct tuf_io *io, struct err *err);
/* ROOT_OLD_THRESHOLD, ROOT_NEW_THRESHOLD, ROOT_VERSION. */
MUST_USE bool tuf_root_follows(const struct tuf_root *old, const struct tuf_root *fresh,
                               const struct tuf_io *io, struct err *err);
/* The role has other keys in `b` than in `a`. */
bool tuf_root_rotates(const struct tuf_root *a, const struct tuf_root *b, enum tuf_role role);

/* Control characters are raw in the canonical form, where they can only be inside of texts; in
 * JSON they must not be (write.c). */
void tuf_add_canonical(struct buf *out, const struct buf *canonical);

/* --- delegations (delegation.c, match.c) -------------------------------------------------------
 */

/* One delegation with its own copy of its patterns: it outlives the document. Counted. */
struct tuf_step {
    unsigned refs;
    struct tuf_step *parent; /* how its delegator was reached; NULL: targets */
    char delegator[TUF_ROLE_NAME_MAX + 1];
    char name[TUF_ROLE_NAME_MAX + 1];
    struct tuf_keys *keys; /* a reference */
    struct tuf_rule rule;
    bool terminating;
    unsigned bits;     /* a bin of so many bits; else 0 */
    size_t prefix_len; /* of the bins' name */
    struct buf text;   /* what bounds the delegation, */
    struct flat flat;  /* parsed: "paths", "path_hash_prefixes", "x-hwids" */
};
void tuf_step_unref(struct tuf_step *step);
bool tuf_step_matches(const struct tuf_step *step, const char *path);
/* No "x-hwids", or this one is in it. */
bool tuf_step_is_for(const struct tuf_step *step, const char *hwid);
/* All of "delegations": form, names, keys, no name twice. NAME_UNSAFE, KEY_DUPLICATE, ... */
MUST_USE bool tuf_delegations_check(struct tuf_doc *doc, struct err *err);
/* Calls `each` for every role `doc` delegates to, in order; for bins only for that of `path` (NULL:
 * for all, at most 2 to the power of TUF_BITS_LISTED_MAX: ROLE_LIMIT). The step is the callee's.
 * False from `each` ends it. */
typedef bool tuf_step_fn(struct tuf_step *step, void *arg);
MUST_USE bool tuf_delegations_each(const struct tuf_doc *doc, const char *path, tuf_step_fn *each,
                                   void *arg, struct err *err);
/* fnmatch per path component: '*', '?' and sets never cross a '/'. */
bool tuf_pattern_matches(const char *pattern, const char *path);
/* The number of the bin the path is in. */
uint64_t tuf_bin_number(const char *path, unsigned bits);
/* "PREFIX-HEX" of the bin with this number. */
MUST_USE bool tuf_bin_number_name(const char *prefix, unsigned bits, uint64_t number, char *out,
                                  size_t room);
/* Not empty, no top-level role, its file name fits. */
bool tuf_delegated_name_is_good(const char *name);

/* --- getting roles (get.c) ---------------------------------------------------------------------
 */

struct tuf_set {
    struct tuf_io io;
    struct tuf_limits limits;
    int64_t now_ms;
    bool offline; /* only what is stored; expiry is not looked at */
    struct tuf_root root;
    struct tuf_doc timestamp;
    struct tuf_doc snapshot;
    struct tuf_doc targets;
};

/* A role that another one lists, and who must have signed it. */
struct tuf_want {
    enum tuf_role role;
    const char *name;
    struct tuf_file listed;
    const struct tuf_keys *keys;
    const struct tuf_rule *rule;
    size_t bytes_max;
    const struct tuf_codes *codes;
};
/* The refusals of a role that is listed. */
struct tuf_codes {
    enum refusal threshold;
    enum refusal length;
    enum refusal hash;
    enum refusal version;
    enum refusal expired;
};
extern const struct tuf_codes tuf_codes_snapshot;
extern const struct tuf_codes tuf_codes_targets;
extern const struct tuf_codes tuf_codes_delegated;

/* The buffer's maximum bounds what comes as well, in case the callback does not keep to it. */
MUST_USE bool tuf_get_fetch(const struct tuf_set *set, const char *name, struct buf *out,
                            struct err *err);
/* What is stored of a role, if it still verifies; else `out` is empty. False only when the store
 * itself fails. */
MUST_USE bool tuf_get_stored(const struct tuf_set *set, const struct tuf_want *want,
                             struct tuf_doc *out, struct err *err);
bool tuf_want_is_met(const struct tuf_want *want, const struct tuf_doc *doc);
/* Fetched, checked and stored. `previous` (may be NULL or empty) is the old snapshot. */
MUST_USE bool tuf_get_fresh(const struct tuf_set *set, const struct tuf_want *want,
                            const struct tuf_doc *previous, struct tuf_doc *out, struct err *err);
/* The stored one if it is what is listed, else a fresh one. Offline: the stored one, or empty. */
MUST_USE bool tuf_get(const struct tuf_set *set, const struct tuf_want *want, struct tuf_doc *out,
                      struct err *err);

/* --- targets (target.c) ------------------------------------------------------------------------
 */

/* The entry of `role` at `path` as a target. `is_choice`: of a director. */
MUST_USE bool tuf_target_parse(const char *role, const char *path, struct flat_value entry,
                               bool is_choice, struct tuf_target *out, struct err *err);
/* The entry of a document, or TARGET_NOT_IN_IMAGE_REPO. */
MUST_USE bool tuf_doc_target(const struct tuf_doc *doc, const char *path, struct tuf_target *out,
                             struct err *err);
/* Every well-formed entry, in the order of the document. */
void tuf_doc_each(const struct tuf_doc *doc, tuf_each_fn *each, void *arg);
/* Whatever was found wrong is a refusal as malformed metadata, unless it has a refusal already. */
bool tuf_malformed(struct err *err);
