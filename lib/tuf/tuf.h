#pragma once
/*
 * The update metadata (TUF 1.0.31, without delegations): parsing, signatures, and the client's
 * workflow. Pure: fetching and storing are callbacks, "now" is an argument. The same code runs
 * in the device, in the server before it publishes, in the command line and under the fuzzer.
 *
 * Refusals are err_refuse() with the codes of lib/base/refusal.h.
 */
#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/crypto/hash.h"
#include "lib/json/json.h"

enum tuf_role { TUF_ROOT, TUF_TIMESTAMP, TUF_SNAPSHOT, TUF_TARGETS, TUF_ROLE_COUNT };
const char *tuf_role_name(enum tuf_role role); /* "root", ... */

enum {
    TUF_ROOT_BYTES_MAX = 512000,
    TUF_TIMESTAMP_BYTES_MAX = 16384,
    TUF_SNAPSHOT_BYTES_MAX = 2000000,
    TUF_TARGETS_BYTES_MAX = 5000000,
    TUF_ROOT_STEPS_MAX = 256,
    TUF_PATH_MAX = 256,
    TUF_WORD_MAX = 64,
    TUF_HWIDS_MAX = 32,
    TUF_KEYS_MAX = 64,       /* of one root */
    TUF_SIGNATURES_MAX = 64, /* of one document */
    TUF_KEYID_ROOM = HASH_HEX_ROOM,
};

/* [A-Za-z0-9._/+~-], no leading '/', no empty, "." or ".." component, at most TUF_PATH_MAX. */
bool tuf_path_is_safe(const char *path);
/* One component of that, at most TUF_WORD_MAX: names, versions, hardware ids. */
bool tuf_word_is_safe(const char *word);

/* One entry of signed targets, parsed. Texts are borrowed from `tree`'s document. */
struct tuf_target {
    const char *path; /* "os/HWID/VERSION/rootfs.img" */
    uint64_t length;
    uint8_t sha256[HASH_BYTES];
    const char *type; /* "os", "app" */
    const char *name; /* component */
    const char *version;
    const char *hwids[TUF_HWIDS_MAX];
    size_t hwid_count;
    uint64_t release_counter;
    uint64_t security_epoch;
    uint64_t floor;          /* 0 when not given */
    uint64_t stepping_stone; /* 0 when not given */
    const json_t *entry;     /* the whole entry */
};

/* A set of trusted metadata: what a client holds. Opaque; owns the parsed documents. */
struct tuf_set;

/* How the workflow reaches its files. `fetch` appends at most `max` bytes of the named file
 * ("2.root.json", "timestamp.json", "1.snapshot.json", "1.targets.json") to `out`; a file that
 * is not there is ERR_NOT_FOUND; longer than max is err_refuse(REFUSAL_LENGTH_LIMIT). `store`
 * makes the bytes of a role durable before the workflow goes on; `load` gives back what store
 * kept (ERR_NOT_FOUND when nothing); `drop` forgets a role (after key rotation). */
struct tuf_io {
    bool (*fetch)(void *arg, const char *name, size_t max, struct buf *out, struct err *err);
    bool (*load)(void *arg, enum tuf_role role, struct buf *out, struct err *err);
    bool (*store)(void *arg, enum tuf_role role, const void *data, size_t len, struct err *err);
    bool (*drop)(void *arg, enum tuf_role role, struct err *err);
    void *arg;
    /* May be NULL. A memo of signature checks that are the same for many devices in one process
     * (the fleet simulator): asked with the SHA-256 of (role, verifying root's bytes,
     * document's bytes); true skips the arithmetic, never the version, expiry and rollback rules.
     */
    bool (*seen)(void *arg, const uint8_t digest[HASH_BYTES]);
    void (*remember)(void *arg, const uint8_t digest[HASH_BYTES]);
};

/* Loads what is stored (at least root) and walks `trust.md`-style steps: root chain, timestamp,
 * snapshot, targets. On success *out is the new trusted set. Expired local files still serve as
 * rollback reference. */
MUST_USE bool tuf_refresh(const struct tuf_io *io, int64_t now_ms, struct tuf_set **out,
                          struct err *err);
/* Only what is stored, nothing fetched, expiry not checked: to know what is installed. */
MUST_USE bool tuf_load(const struct tuf_io *io, struct tuf_set **out, struct err *err);
void tuf_set_free(struct tuf_set *set);
uint64_t tuf_set_version(const struct tuf_set *set, enum tuf_role role); /* 0: none */
int64_t tuf_set_expires_ms(const struct tuf_set *set, enum tuf_role role);

/* REFUSAL_TARGET_NOT_IN_IMAGE_REPO when absent. */
MUST_USE bool tuf_set_target(const struct tuf_set *set, const char *path, struct tuf_target *out,
                             struct err *err);
/* Calls `each` for every target, in path order, until it returns false. */
void tuf_set_each(const struct tuf_set *set, bool (*each)(const struct tuf_target *, void *arg),
                  void *arg);

/* What a device holds against a chosen target (steps 9 of the workflow that need no director). */
struct tuf_device {
    const char *hwid;
    const char *type;         /* of the slot that would be written: "os" */
    bool installed;           /* the next three are known */
    uint64_t release_counter; /* of what is installed */
    uint64_t security_epoch;
    const uint8_t *sha256; /* of what is installed, or NULL: then an equal counter is accepted and
                              what that means is the caller's business */
    uint64_t floor;        /* highest floor ever committed */
};
/* In this order, each with its own refusal: type and path agree (TYPE_ROLE_MISMATCH), hwid fits,
 * counter above the installed one (equal only for the same sha256), >= floor, epoch >= mine, the
 * installed counter has reached the stepping stone (an unknown one has not). */
MUST_USE bool tuf_target_fits(const struct tuf_target *target, const struct tuf_device *device,
                              struct err *err);

/* --- before publication (server) and when signing (command line) --------------------------------
 */

/* What a document says about itself: parsed strictly, not verified. */
struct tuf_facts {
    enum tuf_role role;
    uint64_t version;
    int64_t expires_ms;
};
MUST_USE bool tuf_peek(const void *data, size_t len, struct tuf_facts *out, struct err *err);
/* May `fresh` follow `old` (NULL: it is the first, of any version)? Thresholds of both, version
 * exactly one more, not expired. */
MUST_USE bool tuf_check_root_step(const struct buf *old, const struct buf *fresh, int64_t now_ms,
                                  struct err *err);
/* May `fresh` follow the targets `previous` (NULL: it is the first) under `root`? Signatures,
 * version exactly one more (TARGETS_VERSION), not expired; every entry is complete and not
 * below its own floor (BELOW_FLOOR); an entry that
 * was there keeps its hash (ERR_CONFLICT); a new entry's counter is above every earlier one of
 * the same (type, name, hwid) (RELEASE_ROLLBACK). */
MUST_USE bool tuf_check_targets(const struct buf *root, const struct buf *fresh,
                                const struct buf *previous, int64_t now_ms, struct err *err);
/* Is the document (of any role) signed by the threshold of the root's keys, expiry aside? */
MUST_USE bool tuf_check_signed(const struct buf *root, const struct buf *document, struct err *err);
/* Does the (already checked) root give this key to the role? ERR_INVALID when not. */
MUST_USE bool tuf_check_root_names(const struct buf *root, enum tuf_role role, const char *keyid,
                                   struct err *err);
/* Targets that were verified before (kept in our own store), to look into: a set of nothing else.
 * Strictly parsed, no signature checked. */
MUST_USE bool tuf_set_of_targets(const void *data, size_t len, struct tuf_set **out,
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

/* The "signed" parts; the caller owns them. */
MUST_USE bool tuf_make_root(const struct tuf_root_plan *plan, json_t **out, struct err *err);
/* `targets` ({path: entry}) is borrowed and copied. */
json_t *tuf_make_targets(uint64_t version, int64_t expires_ms, const json_t *targets);
json_t *tuf_make_snapshot(uint64_t version, int64_t expires_ms, uint64_t targets_version,
                          uint64_t targets_length, const uint8_t targets_sha256[HASH_BYTES]);
json_t *tuf_make_timestamp(uint64_t version, int64_t expires_ms, uint64_t snapshot_version,
                           uint64_t snapshot_length, const uint8_t snapshot_sha256[HASH_BYTES]);
/* Appends the whole document, signed by each key, to `out`. */
MUST_USE bool tuf_sign_document(const json_t *signed_part, const struct sign_key *const *keys,
                                size_t count, struct buf *out, struct err *err);
