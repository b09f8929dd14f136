/*
 * Snapshot and timestamp. Their versions are the largest of the previous plus one, the time in
 * milliseconds, what "slipwayd recover" raised them to, and one more than the signer signed last,
 * so that a server restored from an old backup moves past everything it ever signed, and so does
 * one that lost a publication between signature and commit.
 */
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "server/repo/compose.h"

static const int64_t snapshot_life_ms = 7LL * 24 * 3600 * 1000;
static const int64_t timestamp_life_ms = 24LL * 3600 * 1000;

static uint64_t next_version(const struct repo_view *before, const struct repo_change *change,
                             const char *role, int64_t now_ms)
{
    uint64_t next = repo_view_version(before, REPO_IMAGE, role) + 1;

    if (next < before->version_floor)
        next = before->version_floor;
    if (next <= change->signed_max)
        next = change->signed_max + 1;
    return next > (uint64_t)now_ms ? next : (uint64_t)now_ms;
}

static const struct repo_document *newest_of(const struct repo_view *before,
                                             const struct repo_change *change, const char *role)
{
    const struct repo_document *fresh = repo_change_find(change, REPO_IMAGE, role);

    return fresh ? fresh : repo_view_newest(before, REPO_IMAGE, role);
}

static bool is_half_over(const struct repo_document *document, int64_t life_ms, int64_t now_ms)
{
    return document->expires_ms - now_ms < life_ms / 2;
}

/* --- is it time? -------------------------------------------------------------------------------
 */

bool repo_compose_is_due(const struct repo_view *view, int64_t now_ms)
{
    const struct repo_document *timestamp = repo_view_newest(view, REPO_IMAGE, "timestamp");

    return timestamp && (is_half_over(timestamp, timestamp_life_ms, now_ms) ||
                         timestamp->version < view->version_floor);
}

/* A root that is published alone changes no listed role, but may rotate the online keys. */
static bool has_offline_document(const struct repo_change *change)
{
    for (size_t i = 0; i < change->count; i++) {
        if (change->documents[i]->repository == REPO_IMAGE &&
            !repo_role_is_online(change->documents[i]->role))
            return true;
    }
    return false;
}

bool repo_compose_needs_snapshot(const struct repo_view *before, const struct repo_change *change,
                                 int64_t now_ms)
{
    const struct repo_document *snapshot = newest_of(before, change, "snapshot");

    if (!newest_of(before, change, "targets"))
        return false; /* a root alone, there is nothing to list */
    return !snapshot || has_offline_document(change) ||
           (change->count == 0 && (is_half_over(snapshot, snapshot_life_ms, now_ms) ||
                                   snapshot->version < before->version_floor));
}

bool repo_compose_needs_timestamp(const struct repo_view *before, const struct repo_change *change)
{
    return repo_change_find(change, REPO_IMAGE, "snapshot") ||
           (change->count == 0 && repo_view_newest(before, REPO_IMAGE, "snapshot"));
}

/* --- what is signed ----------------------------------------------------------------------------
 */

static void list(const struct repo_document *document, struct tuf_listed *listed, size_t *count)
{
    size_t at = 0;

    if (text_equal(document->role, "root") || repo_role_is_online(document->role))
        return;
    while (at < *count && !text_equal(listed[at].name, document->role))
        at++;
    if (at == *count)
        (*count)++;
    listed[at] = (struct tuf_listed){
        .name = document->role, .version = document->version, .length = document->bytes.len};
    hash_sha256(document->bytes.data, document->bytes.len, listed[at].sha256);
}

/* The tree is ours: whether it fits is the only question. */
static bool write_signed(json_t *tree, size_t bytes_max, const char *role, struct buf *out,
                         struct err *err)
{
    AUTO_JSON *owned = tree;

    if (!json_canonical(owned, out, err))
        return false;
    if (out->failed || out->len > bytes_max)
        return err_set(err, ERR_LIMIT,
                       "the %s would be longer than the %zu bytes that devices take", role,
                       bytes_max);
    return true;
}

enum { SIGNATURES_BYTES = 512 }; /* of one signature, and what stands around it */

bool repo_compose_snapshot(const struct repo_view *before, const struct repo_change *change,
                           int64_t now_ms, struct buf *out, struct err *err)
{
    AUTO_FREE struct tuf_listed *listed =
        mem_array(before->count + change->count + 1, sizeof(*listed));
    const struct repo_document *document = NULL;
    size_t count = 0;

    while ((document = repo_view_next_role(before, REPO_IMAGE, document)) != NULL)
        list(document, listed, &count);
    for (size_t i = 0; i < change->count; i++) {
        if (change->documents[i]->repository == REPO_IMAGE)
            list(change->documents[i], listed, &count);
    }
    return write_signed(tuf_make_snapshot(next_version(before, change, "snapshot", now_ms),
                                          now_ms + snapshot_life_ms, listed, count),
                        tuf_limits_device.snapshot_bytes_max - SIGNATURES_BYTES, "snapshot", out,
                        err);
}

bool repo_compose_timestamp(const struct repo_view *before, const struct repo_change *change,
                            int64_t now_ms, struct buf *out, struct err *err)
{
    const struct repo_document *snapshot = newest_of(before, change, "snapshot");
    uint8_t digest[HASH_BYTES];

    ASSERT(snapshot);
    hash_sha256(snapshot->bytes.data, snapshot->bytes.len, digest);
    return write_signed(tuf_make_timestamp(next_version(before, change, "timestamp", now_ms),
                                           now_ms + timestamp_life_ms, snapshot->version,
                                           snapshot->bytes.len, digest),
                        tuf_limits_device.timestamp_bytes_max - SIGNATURES_BYTES, "timestamp", out,
                        err);
}

bool repo_change_add_signed(struct repo_change *change, const char *role,
                            const struct buf *signed_part, const char *keyid,
                            const uint8_t sig[SIGN_BYTES], struct err *err)
{
    char hex[SIGN_HEX_ROOM];
    AUTO_JSON *signatures = NULL;
    struct repo_document *document;
    AUTO_BUF bytes;

    text_from_hex_bytes(sig, SIGN_BYTES, hex);
    signatures = json_pack("[{s:s, s:s}]", "keyid", keyid, "sig", hex);
    buf_init(&bytes, signed_part->len + SIGNATURES_BYTES);
    if (!tuf_join(signed_part, signatures, &bytes, err) ||
        !repo_document_new(REPO_IMAGE, role, &bytes, false, &document, err))
        return err_wrap(err, "could not sign the %s", role);
    change->documents =
        mem_resize(change->documents, change->count + 1, sizeof(struct repo_document *));
    change->documents[change->count++] = document;
    return true;
}
