/*
 * The server signs only what says "this is the newest": snapshot and timestamp. Their versions
 * are the larger of the previous plus one and the time in milliseconds, so that a server restored
 * from an old backup moves past everything it ever signed.
 *
 * Everything is verified with the device's own code before it is published: what a device would
 * refuse must never become the newest.
 */
#include "server/repo/compose.h"

#include <inttypes.h>

#include "lib/crypto/sign.h"

static const int64_t snapshot_life_ms = 7LL * 24 * 3600 * 1000;
static const int64_t timestamp_life_ms = 24LL * 3600 * 1000;

void repo_change_done(struct repo_change *change)
{
    for (size_t i = 0; i < change->count; i++)
        repo_document_unref(change->documents[i]);
    change->count = 0;
}

static void add(struct repo_change *change, struct repo_document *document)
{
    ASSERT(change->count < COUNT(change->documents));
    change->documents[change->count++] = document;
}

static const struct buf *bytes_of_newest(const struct repo_view *view, enum tuf_role role)
{
    return view->newest[role] ? &view->newest[role]->bytes : NULL;
}

static uint64_t next_version(const struct repo_view *before, enum tuf_role role, int64_t now_ms)
{
    uint64_t next = repo_view_version(before, role) + 1;

    return next > (uint64_t)now_ms ? next : (uint64_t)now_ms;
}

/* --- what is signed here -----------------------------------------------------------------------
 */

static bool sign(json_t *signed_part, const struct sign_key *key, struct repo_document **out,
                 struct err *err)
{
    AUTO_BUF bytes;
    struct tuf_facts facts;

    buf_init(&bytes, TUF_SNAPSHOT_BYTES_MAX);
    return tuf_sign_document(signed_part, &key, 1, &bytes, err) &&
           tuf_peek(bytes.data, bytes.len, &facts, err) &&
           repo_document_new(&facts, bytes.data, bytes.len, false, out, err);
}

static bool add_snapshot(const struct repo_view *before, const struct repo_document *targets,
                         const struct repo_keys *keys, int64_t now_ms, struct repo_change *out,
                         struct err *err)
{
    AUTO_JSON *signed_part = NULL;
    struct repo_document *snapshot;
    struct tuf_listed listed = {
        .name = "targets", .version = targets->version, .length = targets->bytes.len};

    hash_sha256(targets->bytes.data, targets->bytes.len, listed.sha256);
    signed_part = tuf_make_snapshot(next_version(before, TUF_SNAPSHOT, now_ms),
                                    now_ms + snapshot_life_ms, &listed, 1);
    if (!sign(signed_part, keys->snapshot, &snapshot, err))
        return err_wrap(err, "could not sign the snapshot");
    add(out, snapshot);
    return true;
}

/* For the snapshot that will be the newest: of the change, or of before. */
static bool add_timestamp(const struct repo_view *before, const struct repo_keys *keys,
                          int64_t now_ms, struct repo_change *out, struct err *err)
{
    const struct repo_document *snapshot = before->newest[TUF_SNAPSHOT];
    AUTO_JSON *signed_part = NULL;
    struct repo_document *timestamp;
    uint8_t digest[HASH_BYTES];

    for (size_t i = 0; i < out->count; i++) {
        if (out->documents[i]->role == TUF_SNAPSHOT)
            snapshot = out->documents[i];
    }
    ASSERT(snapshot);
    hash_sha256(snapshot->bytes.data, snapshot->bytes.len, digest);
    signed_part =
        tuf_make_timestamp(next_version(before, TUF_TIMESTAMP, now_ms), now_ms + timestamp_life_ms,
                           snapshot->version, snapshot->bytes.len, digest);
    if (!sign(signed_part, keys->timestamp, &timestamp, err))
        return err_wrap(err, "could not sign the timestamp");
    add(out, timestamp);
    return true;
}

/* --- what comes from offline -------------------------------------------------------------------
 */

static bool check_version(const struct repo_view *before, const struct tuf_facts *facts,
                          struct err *err)
{
    uint64_t next = repo_view_version(before, facts->role) + 1;

    if (facts->version != next)
        return err_set(err, ERR_CONFLICT,
                       "%s version %" PRIu64 " cannot be published: the next one is %" PRIu64,
                       tuf_role_name(facts->role), facts->version, next);
    return true;
}

static bool root_names(const struct buf *root, enum tuf_role role, const struct sign_key *key,
                       struct err *err)
{
    char keyid[TUF_KEYID_ROOM];

    tuf_keyid(sign_key_public(key), keyid);
    if (tuf_check_root_names(root, role, keyid, err))
        return true;
    return err_set(err, ERR_INVALID,
                   "the root does not name this server's %s key %s (see"
                   " /api/v1/repo/online-keys)",
                   tuf_role_name(role), keyid);
}

static bool check_root(const struct repo_view *before, const struct buf *fresh,
                       const struct repo_keys *keys, int64_t now_ms, struct err *err)
{
    const struct buf *targets = bytes_of_newest(before, TUF_TARGETS);

    if (!tuf_check_root_step(bytes_of_newest(before, TUF_ROOT), fresh, now_ms, err))
        return false;
    if (!root_names(fresh, TUF_SNAPSHOT, keys->snapshot, err) ||
        !root_names(fresh, TUF_TIMESTAMP, keys->timestamp, err))
        return false;
    if (targets && !tuf_check_signed(fresh, targets, err))
        return err_wrap(err, "under this root devices would refuse the current targets");
    return true;
}

static bool check_targets(const struct repo_view *before, const struct buf *fresh, int64_t now_ms,
                          struct err *err)
{
    const struct buf *root = bytes_of_newest(before, TUF_ROOT);

    if (!root)
        return err_set(err, ERR_CONFLICT, "a root must be published first");
    return tuf_check_targets(root, fresh, bytes_of_newest(before, TUF_TARGETS), now_ms, err);
}

static bool compose(const struct repo_view *before, const struct buf *fresh,
                    const struct repo_keys *keys, int64_t now_ms, struct repo_change *out,
                    struct err *err)
{
    struct repo_document *document;
    struct tuf_facts facts;

    if (!tuf_peek(fresh->data, fresh->len, &facts, err))
        return false;
    if (facts.role != TUF_ROOT && facts.role != TUF_TARGETS)
        return err_set(err, ERR_INVALID, "a %s is signed by this server, never published",
                       tuf_role_name(facts.role));
    if (!check_version(before, &facts, err))
        return false;
    if (facts.role == TUF_ROOT ? !check_root(before, fresh, keys, now_ms, err)
                               : !check_targets(before, fresh, now_ms, err))
        return false;
    if (!repo_document_new(&facts, fresh->data, fresh->len, true, &document, err))
        return false;
    add(out, document);
    if (facts.role == TUF_ROOT)
        return true;
    return add_snapshot(before, document, keys, now_ms, out, err) &&
           add_timestamp(before, keys, now_ms, out, err);
}

bool repo_compose_publication(const struct repo_view *before, const struct buf *fresh,
                              const struct repo_keys *keys, int64_t now_ms, struct repo_change *out,
                              struct err *err)
{
    AUTO_REPO_CHANGE change = {0};

    if (!compose(before, fresh, keys, now_ms, &change, err))
        return false;
    *out = change;
    change.count = 0;
    return true;
}

/* --- renewal -----------------------------------------------------------------------------------
 */

static bool is_half_over(const struct repo_document *document, int64_t life_ms, int64_t now_ms)
{
    return document->expires_ms - now_ms < life_ms / 2;
}

bool repo_compose_is_due(const struct repo_view *view, int64_t now_ms)
{
    const struct repo_document *timestamp = view->newest[TUF_TIMESTAMP];

    return timestamp && is_half_over(timestamp, timestamp_life_ms, now_ms);
}

bool repo_compose_renewal(const struct repo_view *before, const struct repo_keys *keys,
                          int64_t now_ms, struct repo_change *out, struct err *err)
{
    AUTO_REPO_CHANGE change = {0};
    const struct repo_document *snapshot = before->newest[TUF_SNAPSHOT];
    const struct repo_document *targets = before->newest[TUF_TARGETS];

    ASSERT(snapshot && targets);
    if (is_half_over(snapshot, snapshot_life_ms, now_ms) &&
        !add_snapshot(before, targets, keys, now_ms, &change, err))
        return false;
    if (!add_timestamp(before, keys, now_ms, &change, err))
        return false;
    *out = change;
    change.count = 0;
    return true;
}
