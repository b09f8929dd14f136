#pragma once
/*
 * The update metadata (TUF 1.0.31 with delegations and succinct bins): parsing, signatures, the
 * client's workflow and search, the director's document and its comparison with the image
 * repository, and the publisher's checks. Pure: fetching and storing are callbacks, "now" is an
 * argument. The same code runs in the device, in the server before it publishes, in the command
 * line, in slipway-tuf and under the fuzzer.
 *
 * Refusals are err_refuse() with the codes of lib/base/refusal.h.
 */
#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/mem.h"
#include "lib/crypto/hash.h"
#include "lib/json/json.h"

enum tuf_role { TUF_ROOT, TUF_TIMESTAMP, TUF_SNAPSHOT, TUF_TARGETS, TUF_ROLE_COUNT };
const char *tuf_role_name(enum tuf_role role); /* "root", ... */

enum {
    TUF_ROOT_BYTES_MAX = 512000,
    TUF_TIMESTAMP_BYTES_MAX = 16384,
    TUF_SNAPSHOT_BYTES_MAX = 2000000,
    TUF_TARGETS_BYTES_MAX = 5000000,
    TUF_DELEGATED_BYTES_MAX = 98304, /* of a delegated role that is published here */
    TUF_ROOT_STEPS_MAX = 256,
    TUF_ROLES_VISITED_MAX = 32, /* of one search */
    TUF_PATH_MAX = 256,
    TUF_WORD_MAX = 64,
    TUF_ROLE_NAME_MAX = 128,
    TUF_HWIDS_MAX = 32,
    TUF_REVERTS_MAX = 8,
    TUF_REQUIRES_MAX = 8,
    TUF_KEYS_MAX = 64,       /* of one root, or of one role */
    TUF_SIGNATURES_MAX = 64, /* of one document */
    TUF_KEYID_ROOM = HASH_HEX_ROOM,
    TUF_FILE_NAME_ROOM = 280, /* "18446744073709551615.ROLE.json" */
};

/* Longest files that are taken. */
struct tuf_limits {
    size_t root_bytes_max;
    size_t timestamp_bytes_max;
    size_t snapshot_bytes_max;
    size_t targets_bytes_max; /* delegated roles, too */
};
extern const struct tuf_limits tuf_limits_device; /* 512,000 16,384 131,072 131,072 */
extern const struct tuf_limits tuf_limits_wide;   /* 512,000 16,384 2,000,000 5,000,000 */

/* [A-Za-z0-9._/+~-], no leading '/', no empty, "." or ".." component, at most TUF_PATH_MAX. */
bool tuf_path_is_safe(const char *path);
/* One component of that, at most TUF_WORD_MAX: names, versions, hardware ids. */
bool tuf_word_is_safe(const char *word);
/* The component before the first '/' is `type`. */
bool tuf_path_is_of_type(const char *path, const char *type);
/* "VERSION.ROLE.json", without "VERSION." for version 0; the role's name percent-encoded with
 * nothing safe but [A-Za-z0-9_.~-]. False when it does not fit. */
MUST_USE bool tuf_file_name(const char *role, uint64_t version, char *out, size_t room);

/* --- targets ----------------------------------------------------------------------------------
 */

/* What only a director's entry says; "", 0 and false in the image repository. */
struct tuf_choice {
    const char *ecu;
    const char *ecu_hwid;
    const char *action;    /* "install", "downgrade" */
    int64_t not_before_ms; /* 0: not given */
    int64_t deadline_ms;
    struct tuf_delta {
        bool present;
        const char *path;
        uint64_t length;
        uint64_t header_length;
        uint64_t from_length;
        uint64_t memory;
        uint8_t header_sha256[HASH_BYTES];
        uint8_t from_sha256[HASH_BYTES];
    } delta;
};

/* One entry of signed targets, parsed. Owns its texts (all in one piece of memory, so that no
 * pointer is NULL after parsing): end it with tuf_target_done(). */
struct tuf_target {
    char *memory;
    size_t memory_len;
    const char *path; /* "os/HWID/VERSION/rootfs.img" */
    uint64_t length;
    bool has_sha256;
    uint8_t sha256[HASH_BYTES];
    bool has_sha512;
    uint8_t sha512[HASH512_BYTES];
    const char *role;  /* that listed it: "targets", "os-demo" */
    const char *entry; /* canonical JSON text of the whole entry */
    const char *match; /* of custom.match, "" when there is none */
    bool is_typed;     /* has our custom section; else what follows is "" and 0 */
    const char *type;  /* "os", "app", "trust" */
    const char *name;  /* component */
    const char *version;
    const char *hwids[TUF_HWIDS_MAX];
    size_t hwid_count; /* 0 only for types that are for no hardware: trust, evidence, config */
    uint64_t release_counter;
    uint64_t security_epoch;
    uint64_t floor;                      /* 0 when not given */
    uint64_t stepping_stone;             /* 0 when not given */
    uint64_t revert_to[TUF_REVERTS_MAX]; /* counters it may be reverted to, until */
    size_t revert_count;
    int64_t revert_until_ms; /* 0 when not given: then to none */
    struct tuf_require {
        const char *type;
        const char *name;
        uint64_t min_counter;
    } requires[TUF_REQUIRES_MAX];
    size_t require_count;
    struct tuf_choice choice;
};
#define AUTO_TUF_TARGET CLEANUP(tuf_target_done) struct tuf_target
void tuf_target_done(struct tuf_target *target);
/* `out` is overwritten, not ended. */
void tuf_target_copy(const struct tuf_target *from, struct tuf_target *out);
/* Does the content have this length and the hashes that are signed? TARGET_LENGTH, TARGET_HASH. */
MUST_USE bool tuf_target_check(const struct tuf_target *target, const void *data, size_t len,
                               struct err *err);

/* The target is only valid during the call; false ends the walk. */
typedef bool tuf_each_fn(const struct tuf_target *target, void *arg);

/* --- the client --------------------------------------------------------------------------------
 */

/* A set of trusted metadata: what a client holds. Opaque; owns what it parsed. */
struct tuf_set;

/* How the workflow reaches its files. `fetch` appends at most `max` bytes of the named file
 * ("2.root.json", "timestamp.json", "1.targets.json", "7.os-demo.json") to `out`; a file that is
 * not there is ERR_NOT_FOUND; longer than max is err_refuse(REFUSAL_LENGTH_LIMIT). The others
 * know files without version ("root.json", "os-demo.json"): `store` makes the bytes durable
 * before the workflow goes on; `load` gives back what store kept (ERR_NOT_FOUND when nothing);
 * `drop` forgets a file (after key rotation). */
struct tuf_io {
    bool (*fetch)(void *arg, const char *name, size_t max, struct buf *out, struct err *err);
    bool (*load)(void *arg, const char *name, struct buf *out, struct err *err);
    bool (*store)(void *arg, const char *name, const void *data, size_t len, struct err *err);
    bool (*drop)(void *arg, const char *name, struct err *err);
    void *arg;
    /* May be NULL. A memo of signature checks that are the same for many devices in one process
     * (the fleet simulator): asked with the SHA-256 of (role, verifying document's bytes,
     * document's bytes); true skips the arithmetic, never the version, expiry and rollback rules.
     */
    bool (*seen)(void *arg, const uint8_t digest[HASH_BYTES]);
    void (*remember)(void *arg, const uint8_t digest[HASH_BYTES]);
};

/* Loads what is stored (at least root) and walks: root chain, timestamp, snapshot, targets. On
 * success *out is the new trusted set. Expired local files still serve as rollback reference. The
 * set keeps a copy of *io for the delegated roles it gets later; io->arg must outlive it. */
MUST_USE bool tuf_refresh(const struct tuf_io *io, const struct tuf_limits *limits, int64_t now_ms,
                          struct tuf_set **out, struct err *err);
/* Only what is stored: nothing is ever fetched, also later, and expiry is not checked: to know
 * what is installed. */
MUST_USE bool tuf_load(const struct tuf_io *io, const struct tuf_limits *limits,
                       struct tuf_set **out, struct err *err);
/* Only the stored root, which must verify itself (ROOT_LOCAL_INVALID): to begin with. */
MUST_USE bool tuf_load_root(const struct tuf_io *io, const struct tuf_limits *limits,
                            struct tuf_set **out, struct err *err);
void tuf_set_free(struct tuf_set *set);
uint64_t tuf_set_version(const struct tuf_set *set, enum tuf_role role); /* 0: none */
int64_t tuf_set_expires_ms(const struct tuf_set *set, enum tuf_role role);

/* Pre-order depth-first search through the roles that may sign `path`, for hardware `hwid` (NULL:
 * hardware ids on delegations are not looked at). Gets, verifies (for each delegator) and stores
 * roles as it goes. TARGET_NOT_IN_IMAGE_REPO, ROLE_LIMIT, DELEGATED_THRESHOLD, and TARGETS_* of
 * delegated roles. End `out` with tuf_target_done(). */
MUST_USE bool tuf_find(struct tuf_set *set, const char *path, const char *hwid,
                       struct tuf_target *out, struct err *err);
/* Every target of every role that may sign for `hwid` (NULL: all), in the search's order, as far
 * as the delegations allow its path. Entries that are malformed are nobody's failure and are
 * left out; so are roles that were never published. */
MUST_USE bool tuf_each(struct tuf_set *set, const char *hwid, tuf_each_fn *each, void *arg,
                       struct err *err);

/* Targets that were verified before (kept in our own store), to look into: a set of nothing else.
 * Strictly parsed, no signature checked. */
MUST_USE bool tuf_set_of_targets(const void *data, size_t len, struct tuf_set **out,
                                 struct err *err);
/* In the top-level targets of a set alone: TARGET_NOT_IN_IMAGE_REPO when absent. */
MUST_USE bool tuf_set_target(const struct tuf_set *set, const char *path, struct tuf_target *out,
                             struct err *err);
/* Those alone, in the order of the document, but malformed ones. */
void tuf_set_each(const struct tuf_set *set, tuf_each_fn *each, void *arg);

/* --- what a device may install -----------------------------------------------------------------
 */

/* What a device holds against a chosen target. */
struct tuf_device {
    const char *hwid;
    const char *type;         /* of the slot that would be written: "os" */
    bool installed;           /* the next ones are known */
    const char *name;         /* component that is installed; NULL: not known */
    uint64_t release_counter; /* of what is installed */
    uint64_t security_epoch;
    const uint8_t *sha256;     /* of what is installed, or NULL: then an equal counter is accepted
                                  and what that means is the caller's business */
    uint64_t floor;            /* highest floor ever committed */
    const uint64_t *revert_to; /* of the installed image's own entry */
    size_t revert_count;
    int64_t revert_until_ms;
    int64_t now_ms; /* for that */
};
/* In this order, each with its own refusal: type, path and role agree (TYPE_ROLE_MISMATCH), hwid
 * fits, counter above the installed one (equal only for the same sha256), >= floor, epoch >= mine,
 * the installed counter has reached the stepping stone (an unknown one has not), REQUIRES met by
 * what is installed. */
MUST_USE bool tuf_target_fits(const struct tuf_target *target, const struct tuf_device *device,
                              struct err *err);

/* The director's document for one device: a second set, refreshed from its own repository. */
struct tuf_director {
    char *device;   /* hex; owned */
    char *bundle;   /* "" when nothing is to be done; owned */
    uint64_t parts; /* "x-bundle-parts", else the count */
    int64_t issued_ms;
    uint64_t version;
    struct tuf_target *targets; /* owned */
    size_t count;
};
#define AUTO_TUF_DIRECTOR CLEANUP(tuf_director_done) struct tuf_director
void tuf_director_done(struct tuf_director *director);
/* WRONG_DEVICE, DIRECTOR_DELEGATION, ECU_DUPLICATE, ECU_UNKNOWN (only "<device>-main" is known),
 * TARGETS_ROLLBACK (version below version_min), BUNDLE_INCOMPLETE ("x-bundle-parts" says more than
 * are listed). On failure `out` is empty. */
MUST_USE bool tuf_director_read(struct tuf_set *set, const char *device, uint64_t version_min,
                                struct tuf_director *out, struct err *err);
/* The director's targets[at] against the same path of the image repository: DIRECTOR_IMAGE_MISMATCH
 * (path, length, hashes), MATCH_SECTION_MISMATCH, TYPE_ROLE_MISMATCH (also the role's name),
 * HWID_MISMATCH (mine and the ECU's), then as tuf_target_fits(), but a lower counter is taken with
 * the action "downgrade" and the installed image's consent (revert_to, not past revert_until), and
 * REQUIRES may be met by the same bundle. */
MUST_USE bool tuf_cross_check(const struct tuf_director *director, size_t at,
                              const struct tuf_target *image, const struct tuf_device *device,
                              struct err *err);
/* May the role sign this type? "targets" any, "os-demo" only os; "trust" only "targets". */
bool tuf_role_may_sign(const char *role, const char *type);

/* --- before publication (server) and when signing (command line) --------------------------------
 */

/* What a document says about itself: parsed strictly, not verified. */
struct tuf_facts {
    enum tuf_role role;
    uint64_t version;
    int64_t expires_ms;
};
MUST_USE bool tuf_peek(const void *data, size_t len, struct tuf_facts *out, struct err *err);

/* What the server holds of a repository, by name. */
struct tuf_named {
    const char *name; /* "root" "targets" "os-demo" */
    const struct buf *bytes;
};
struct tuf_published {
    const struct tuf_named *roles;
    size_t count;
    /* Of a publication of several roles: what was published when it began, in case an entry moves
     * from one of them to another. NULL: the same as `roles`. */
    const struct tuf_published *before;
};

/* May `fresh` follow `old` (NULL: it is the first, of any version)? Thresholds of both, version
 * exactly one more, not expired, every threshold can be reached. Also for a director's root. */
MUST_USE bool tuf_check_root_step(const struct buf *old, const struct buf *fresh, int64_t now_ms,
                                  struct err *err);
MUST_USE bool tuf_check_director_root(const struct buf *old, const struct buf *fresh,
                                      int64_t now_ms, struct err *err);
/* May `fresh`, the role `name` ("targets" or delegated), be published beside the others? Signed by
 * its one delegator (DELEGATION_DENIED when nobody delegates to it or its keys are not the
 * delegated ones; targets: TARGETS_THRESHOLD), version exactly the previous plus one
 * (TARGETS_VERSION), not expired; a delegated file is at most TUF_DELEGATED_BYTES_MAX long.
 * Every entry is complete, within the delegated paths and hardware ids (DELEGATION_DENIED), of a
 * type its place and role agree with, and not below its own floor (BELOW_FLOOR); one whose path
 * was published keeps its bytes and its match section (ERR_CONFLICT; of type trust: only with a
 * higher counter, when it counts); a new one's counter is above every
 * published one of the same (type, name, hwid) in any role (RELEASE_ROLLBACK). Its delegations: no
 * name twice in the repository, known and well-formed keys enough, patterns, safe names. */
MUST_USE bool tuf_check_role(const struct tuf_published *published, const char *name,
                             const struct buf *fresh, int64_t now_ms, struct err *err);
/* After the last document of a publication: does every role verify under its delegator? */
MUST_USE bool tuf_check_whole(const struct tuf_published *published, struct err *err);
/* tuf_check_role() of targets that delegate to nobody. */
MUST_USE bool tuf_check_targets(const struct buf *root, const struct buf *fresh,
                                const struct buf *previous, int64_t now_ms, struct err *err);
/* Is the document (of any top-level role) signed by the threshold of the root's keys, expiry
 * aside? */
MUST_USE bool tuf_check_signed(const struct buf *root, const struct buf *document, struct err *err);
/* Does the (already checked) root give this key to the role? ERR_INVALID when not. */
MUST_USE bool tuf_check_root_names(const struct buf *root, enum tuf_role role, const char *keyid,
                                   struct err *err);

/* Who may sign `name`, by the published root or delegator: DELEGATION_DENIED when nobody says. */
struct tuf_signers {
    char keyids[TUF_KEYS_MAX][TUF_KEYID_ROOM];
    size_t count;
    uint64_t threshold;
};
MUST_USE bool tuf_signers_of(const struct tuf_published *published, const char *name,
                             struct tuf_signers *out, struct err *err);
/* Is this one signature over `signed_bytes` (canonical) good by the key `keyid` of that role?
 * DELEGATION_DENIED for another's key, TARGETS_THRESHOLD for a bad signature. */
MUST_USE bool tuf_check_signature(const struct tuf_published *published, const char *name,
                                  const struct buf *signed_bytes, const char *keyid,
                                  const char *sig_hex, struct err *err);

/* Through all targets of one document (trusted already), for indexing; malformed ones are left
 * out. `role` is its name. */
MUST_USE bool tuf_entries_each(const char *role, const void *data, size_t len, tuf_each_fn *each,
                               void *arg, struct err *err);
/* The names of all roles a document delegates to, those of bins too. */
MUST_USE bool tuf_delegated_names(const void *data, size_t len,
                                  bool (*each)(const char *name, void *arg), void *arg,
                                  struct err *err);

/* --- writing ------------------------------------------------------------------------------------
 */

struct sign_key;

/* The public key object; the caller owns it. And its keyid: hex SHA-256 of the canonical form. */
json_t *tuf_key_json(const uint8_t *public_key);
void tuf_keyid(const uint8_t *public_key, char out[TUF_KEYID_ROOM]);
/* The same for any key object. */
MUST_USE bool tuf_keyid_of(const json_t *key, char out[TUF_KEYID_ROOM], struct err *err);

struct tuf_root_plan {
    uint64_t version;
    int64_t expires_ms;
    struct {
        const json_t *keys[TUF_KEYS_MAX]; /* key objects, borrowed */
        size_t count;
        unsigned threshold;
    } roles[TUF_ROLE_COUNT];
};

/* One delegation, as it will be in "roles". Borrowed. */
struct tuf_delegation_plan {
    const char *name; /* of succinct ones: the prefix */
    const char *const *keyids;
    size_t keyid_count;
    uint64_t threshold;
    const char *const *paths; /* none for succinct ones */
    size_t path_count;
    bool terminating;
    const char *const *hwids; /* none: for all hardware */
    size_t hwid_count;
};

/* What a snapshot lists. */
struct tuf_listed {
    const char *name; /* "targets", "os-demo" */
    uint64_t version;
    uint64_t length;
    uint8_t sha256[HASH_BYTES];
};

/* The "signed" parts; the caller owns them. */
MUST_USE bool tuf_make_root(const struct tuf_root_plan *plan, json_t **out, struct err *err);
/* `targets` ({path: entry}) and `delegations` (may be NULL) are borrowed and copied. */
json_t *tuf_make_targets(uint64_t version, int64_t expires_ms, const json_t *targets,
                         const json_t *delegations);
json_t *tuf_make_snapshot(uint64_t version, int64_t expires_ms, const struct tuf_listed *listed,
                          size_t count);
json_t *tuf_make_timestamp(uint64_t version, int64_t expires_ms, uint64_t snapshot_version,
                           uint64_t snapshot_length, const uint8_t snapshot_sha256[HASH_BYTES]);
/* One item of "roles"; the caller owns it. */
json_t *tuf_delegation_json(const struct tuf_delegation_plan *plan);
/* "succinct_roles" (TAP 15): 2 to the power of `bits` roles "NAME-HEX". */
json_t *tuf_succinct_json(const struct tuf_delegation_plan *plan, unsigned bits);
/* "delegations" of these key objects (borrowed), and either of a list of roles or of succinct
 * ones; both are taken over, the other is NULL. */
MUST_USE bool tuf_delegations_json(const json_t *const *keys, size_t count, json_t *roles,
                                   json_t *succinct, json_t **out, struct err *err);
/* The bin of 2 to the power of `bits` (1 to 32) that `path` is in. False when it does not fit. */
MUST_USE bool tuf_bin_name(const char *prefix, unsigned bits, const char *path, char *out,
                           size_t room);
/* The whole document around canonical signed bytes and [{"keyid","sig"}], appended to `out`. */
MUST_USE bool tuf_join(const struct buf *signed_bytes, const json_t *signatures, struct buf *out,
                       struct err *err);
/* Appends the whole document, signed by each key, to `out`. */
MUST_USE bool tuf_sign_document(const json_t *signed_part, const struct sign_key *const *keys,
                                size_t count, struct buf *out, struct err *err);
