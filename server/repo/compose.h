#pragma once
/*
 * What a publication consists of. Pure: the repositories as they are, what was sent, the public
 * halves of the online keys and the time go in; the documents to add come out, or a refusal.
 *
 * What the server signs itself is made in steps, because the signer answers later:
 *
 *     repo_compose_publication()                  the offline documents, verified
 *     repo_compose_needs_snapshot()               when true:
 *         repo_compose_snapshot(), sign, repo_change_add_signed()
 *     repo_compose_needs_timestamp()              when true:
 *         repo_compose_timestamp(), sign, repo_change_add_signed()
 */
#include "lib/crypto/sign.h"
#include "server/repo/bundle.h"
#include "server/repo/view.h"

/* The public keys of which roots must name one for each role: the present one, or the one that was
 * made to take its place (zeros: there is none). */
struct repo_online_key {
    uint8_t present[SIGN_PUBLIC_BYTES];
    uint8_t next[SIGN_PUBLIC_BYTES];
};
struct repo_online_keys {
    struct repo_online_key snapshot;
    struct repo_online_key timestamp;
    struct repo_online_key director;
};

struct repo_change {
    struct repo_document **documents; /* owned */
    size_t count;
    uint64_t signed_max; /* what is signed here gets a higher version: the signer's last one */
};
void repo_change_done(struct repo_change *change);
#define AUTO_REPO_CHANGE CLEANUP(repo_change_done) struct repo_change
/* The document of the change, NULL when it has none of this role. */
const struct repo_document *repo_change_find(const struct repo_change *change, enum repo_kind kind,
                                             const char *role);

/* Is the document (whole, its signatures aside) of the type that its role wants, and the next
 * version of it? ERR_INVALID, WRONG_TYPE; ERR_CONFLICT when it is not the next. */
MUST_USE bool repo_compose_check_next(const struct repo_view *view, enum repo_kind kind,
                                      const char *role, const struct buf *document,
                                      struct tuf_facts *out, struct err *err);
/* Documents made offline, each verified as a device would, in this order, beside those before it;
 * a version that is not exactly one more than the current one is ERR_CONFLICT. All or nothing. The
 * files are those that the documents list as type "trust" and that are not published already. */
MUST_USE bool repo_compose_publication(const struct repo_view *before,
                                       const struct repo_bundle *bundle,
                                       const struct repo_online_keys *keys, int64_t now_ms,
                                       struct repo_change *out, struct err *err);
/* Does the change alter who may sign anything, or raise a floor that devices commit? A first root
 * alters nothing. */
bool repo_change_needs_approval(const struct repo_view *before,
                                const struct repo_document *const *documents, size_t count);

/* Is less than half of the timestamp's life left? */
bool repo_compose_is_due(const struct repo_view *view, int64_t now_ms);
/* Is half of the snapshot's life over, or is there something that it does not list yet? */
bool repo_compose_needs_snapshot(const struct repo_view *before, const struct repo_change *change,
                                 int64_t now_ms);
/* A new snapshot, or a renewal: false for a change of the director's root alone. */
bool repo_compose_needs_timestamp(const struct repo_view *before, const struct repo_change *change);

/* Append the canonical signed part. Every role ever published is in the snapshot; the timestamp is
 * for the newest snapshot, of the change or of before. ERR_LIMIT when devices would refuse it for
 * its length. */
MUST_USE bool repo_compose_snapshot(const struct repo_view *before,
                                    const struct repo_change *change, int64_t now_ms,
                                    struct buf *out, struct err *err);
MUST_USE bool repo_compose_timestamp(const struct repo_view *before,
                                     const struct repo_change *change, int64_t now_ms,
                                     struct buf *out, struct err *err);
/* Joins the signed part with its signature to the document and adds it. */
MUST_USE bool repo_change_add_signed(struct repo_change *change, const char *role,
                                     const struct buf *signed_part, const char *keyid,
                                     const uint8_t sig[SIGN_BYTES], struct err *err);
