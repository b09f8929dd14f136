#pragma once
/*
 * What the signer signs, and what it refuses whoever asks. Pure: the bytes, the time and what was
 * signed before go in, a verdict comes out.
 *
 * The rule of thumb: a server in wrong hands may say what the honest one could have said now, to
 * the device it speaks of, and never take anything back. It cannot sign by one key what another
 * key is for, make versions fall or leap into the future, drop a published role, direct two
 * devices by one document, or give a document a longer life than ours.
 */
#include "lib/json/flat.h"
#include "lib/wire/signer.h"
#include "signer/roles.h"

enum policy_kind {
    POLICY_SNAPSHOT,
    POLICY_TIMESTAMP,
    POLICY_TARGETS, /* of the director */
    POLICY_TIME,
    POLICY_KIND_COUNT,
};

struct policy_clock {
    int64_t now_ms;
    int64_t not_before_ms; /* versions may be near this, too: --not-before after a restore */
};

/* A document that is well formed and right by itself. */
struct policy_facts {
    enum signer_label label;
    enum policy_kind kind;
    uint64_t version;          /* 0: time has none */
    uint64_t snapshot_version; /* timestamps: of the snapshot they name */
    struct roles roles;        /* snapshots of the image repository */
};
void policy_facts_done(struct policy_facts *facts);
#define AUTO_POLICY_FACTS CLEANUP(policy_facts_done) struct policy_facts

/* ERR_DENIED with the reason. */
MUST_USE bool policy_read(const struct signer_ask *ask, const struct policy_clock *clock,
                          struct policy_facts *out, struct err *err);

/* Of a tenant's image repository: what was signed, and what is published. */
struct policy_before {
    uint64_t snapshot; /* the last version signed, 0: none */
    uint64_t timestamp;
    uint64_t published_snapshot; /* the version of the newest published snapshot, and ... */
    struct roles published;      /* ... what it lists */
    uint64_t generations[SIGNER_LABEL_COUNT]; /* which key each label has now: 0 is the first */
};
/* May these facts of an image snapshot or timestamp follow? ERR_DENIED with the reason. */
MUST_USE bool policy_follows(const struct policy_facts *facts, const struct policy_before *before,
                             struct err *err);
/* The same for the documents of one device, of which only the last version is remembered. */
MUST_USE bool policy_rises(const struct policy_facts *facts, uint64_t last_version,
                           struct err *err);

/* A published snapshot as it is served: its "signed" part as canonical bytes, its version and
 * roles, and the signature by `keyid` among its signatures. Not verified here. */
MUST_USE bool policy_read_published(const struct signer_ask *ask, const char *keyid,
                                    struct buf *canonical, uint8_t sig[SIGN_BYTES],
                                    struct policy_facts *out, struct err *err);
