/*
 * Everything is verified with the device's own code before it is published: what a device would
 * refuse must never become the newest. Several documents are verified one after the other, each
 * beside those before it, and at the end all of them together.
 *
 * The server signs only what says "this is the newest": snapshot and timestamp (online.c).
 */
#include "server/repo/compose.h"

#include <inttypes.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"

static const char director_root_path[] = "trust/director-root.json";
static const char trust_type[] = "trust";

void repo_change_done(struct repo_change *change)
{
    for (size_t i = 0; i < change->count; i++)
        repo_document_unref(change->documents[i]);
    mem_free(change->documents);
    *change = (struct repo_change){0};
}

const struct repo_document *repo_change_find(const struct repo_change *change, enum repo_kind kind,
                                             const char *role)
{
    const struct repo_document *found = NULL;

    for (size_t i = 0; i < change->count; i++) {
        if (change->documents[i]->repository == kind &&
            text_equal(change->documents[i]->role, role))
            found = change->documents[i]; /* the last is the newest */
    }
    return found;
}

static void add(struct repo_change *change, struct repo_document *document)
{
    change->documents =
        mem_resize(change->documents, change->count + 1, sizeof(struct repo_document *));
    change->documents[change->count++] = document;
}

/* What one publication is made from, and the view as it is after the documents so far. */
struct work {
    const struct repo_view *before;
    const struct repo_bundle *bundle;
    const struct repo_online_keys *keys;
    int64_t now_ms;
    struct repo_view *grown; /* owned */
    struct repo_change change;
};

/* --- one document ------------------------------------------------------------------------------
 */

static bool check_kind(enum repo_kind kind, const char *role, const struct tuf_facts *facts,
                       struct err *err)
{
    bool is_root = text_equal(role, "root");

    if (repo_role_is_online(role))
        return err_set(err, ERR_INVALID, "a %s is signed by this server, never published", role);
    if (facts->role != (is_root ? TUF_ROOT : TUF_TARGETS))
        return err_refuse(err, REFUSAL_WRONG_TYPE, "a %s cannot be published as role '%s'",
                          tuf_role_name(facts->role), role);
    if (kind == REPO_DIRECTOR && !is_root)
        return err_set(err, ERR_INVALID,
                       "of the director only its root is published: the rest is signed for each"
                       " device");
    return true;
}

bool repo_compose_check_next(const struct repo_view *view, enum repo_kind kind, const char *role,
                             const struct buf *document, struct tuf_facts *out, struct err *err)
{
    uint64_t next = repo_view_version(view, kind, role) + 1;
    struct tuf_facts facts;

    if (!tuf_peek(document->data, document->len, &facts, err) ||
        !check_kind(kind, role, &facts, err))
        return false;
    if (facts.version != next)
        return err_set(err, ERR_CONFLICT,
                       "%s version %" PRIu64 " cannot be published: the next one is %" PRIu64, role,
                       facts.version, next);
    *out = facts;
    return true;
}

/* The keys of this server that a root must name. */
struct named_key {
    enum tuf_role role;
    const struct repo_online_key *key;
};

static bool root_names_one(const struct buf *root, enum tuf_role role, const uint8_t *key)
{
    char keyid[TUF_KEYID_ROOM];
    struct err ignored = {0};

    tuf_keyid(key, keyid);
    return tuf_check_root_names(root, role, keyid, &ignored);
}

static bool root_names(const struct buf *root, const struct named_key *named, size_t count,
                       struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        char keyid[TUF_KEYID_ROOM];

        if (root_names_one(root, named[i].role, named[i].key->present) ||
            root_names_one(root, named[i].role, named[i].key->next))
            continue;
        tuf_keyid(named[i].key->present, keyid);
        return err_set(err, ERR_INVALID,
                       "the root does not name this server's %s key %s (see"
                       " /api/v1/repo/online-keys)",
                       tuf_role_name(named[i].role), keyid);
    }
    return true;
}

static const struct buf *newest_bytes(const struct repo_view *view, enum repo_kind kind,
                                      const char *role)
{
    const struct repo_document *newest = repo_view_newest(view, kind, role);

    return newest ? &newest->bytes : NULL;
}

static bool check_image_root(const struct work *work, const struct buf *fresh, struct err *err)
{
    const struct named_key named[] = {{TUF_SNAPSHOT, &work->keys->snapshot},
                                      {TUF_TIMESTAMP, &work->keys->timestamp}};

    return tuf_check_root_step(newest_bytes(work->grown, REPO_IMAGE, "root"), fresh, work->now_ms,
                               err) &&
           root_names(fresh, named, COUNT(named), err);
}

static bool check_director_root(const struct work *work, const struct buf *fresh, struct err *err)
{
    const struct named_key named[] = {{TUF_TARGETS, &work->keys->director},
                                      {TUF_SNAPSHOT, &work->keys->director},
                                      {TUF_TIMESTAMP, &work->keys->director}};

    return tuf_check_director_root(newest_bytes(work->grown, REPO_DIRECTOR, "root"), fresh,
                                   work->now_ms, err) &&
           root_names(fresh, named, COUNT(named), err);
}

static bool check_targets(const struct work *work, const struct repo_upload *upload,
                          struct err *err)
{
    struct tuf_published before = {0};
    struct tuf_published published = {.before = &before};
    AUTO_FREE struct tuf_named *named = NULL;
    AUTO_FREE struct tuf_named *named_before = NULL;

    if (!repo_view_newest(work->grown, REPO_IMAGE, "root"))
        return err_set(err, ERR_CONFLICT, "a root must be published first");
    if (upload->bytes.len > tuf_limits_device.targets_bytes_max)
        return err_refuse(err, REFUSAL_LENGTH_LIMIT,
                          "%s is %zu bytes long, devices take at most %zu: delegate and split it",
                          upload->role, upload->bytes.len, tuf_limits_device.targets_bytes_max);
    named = repo_view_published(work->grown, REPO_IMAGE, &published.count);
    published.roles = named;
    named_before = repo_view_published(work->before, REPO_IMAGE, &before.count);
    before.roles = named_before;
    return tuf_check_role(&published, upload->role, &upload->bytes, work->now_ms, err);
}

static bool check_document(const struct work *work, const struct repo_upload *upload,
                           struct err *err)
{
    struct tuf_facts facts = {0};

    if (!repo_compose_check_next(work->grown, upload->repository, upload->role, &upload->bytes,
                                 &facts, err))
        return false;
    if (upload->repository == REPO_DIRECTOR)
        return check_director_root(work, &upload->bytes, err);
    return facts.role == TUF_ROOT ? check_image_root(work, &upload->bytes, err)
                                  : check_targets(work, upload, err);
}

static bool take_document(struct work *work, const struct repo_upload *upload, struct err *err)
{
    struct repo_document *document;
    struct repo_view *grown;

    if (!check_document(work, upload, err) ||
        !repo_document_new(upload->repository, upload->role, &upload->bytes, true, &document, err))
        return false;
    add(&work->change, document);
    grown = repo_view_with(work->grown, &document, 1);
    repo_view_unref(work->grown);
    work->grown = grown;
    return true;
}

/* --- files -------------------------------------------------------------------------------------
 */

static const struct repo_file *find_file(const struct repo_bundle *bundle, const char *path)
{
    for (size_t i = 0; i < bundle->file_count; i++) {
        if (text_equal(bundle->files[i].path, path))
            return &bundle->files[i];
    }
    return NULL;
}

static bool is_content(const struct tuf_target *target, const struct repo_file *file)
{
    return target->has_sha256 && target->length == file->bytes.len &&
           crypto_equal(target->sha256, file->sha256, HASH_BYTES);
}

/* Its bytes come with it, or came with an earlier publication. */
static bool check_trust_target(const struct work *work, const struct tuf_target *target,
                               struct err *err)
{
    const struct repo_file *file = find_file(work->bundle, target->path);
    const struct tuf_target *old = repo_view_target_at(work->before, target->path);

    if (file && is_content(target, file))
        return true;
    if (file)
        return err_set(err, ERR_INVALID, "file '%.120s' is not the one that is signed",
                       target->path);
    if (old && old->length == target->length &&
        crypto_equal(old->sha256, target->sha256, HASH_BYTES))
        return true;
    return err_set(err, ERR_CONFLICT, "file '%.120s' must come in the publication that lists it",
                   target->path);
}

/* A device begins its director chain with this file, and goes on at the director. */
static bool check_first_director_root(const struct work *work, const struct tuf_target *target,
                                      struct err *err)
{
    char hex[HASH_HEX_ROOM];

    if (!text_equal(target->path, director_root_path))
        return true;
    text_from_hex_bytes(target->sha256, HASH_BYTES, hex);
    for (size_t i = 0; i < work->grown->count; i++) {
        const struct repo_document *document = work->grown->documents[i];

        if (document->repository == REPO_DIRECTOR && text_equal(document->etag, hex))
            return true;
    }
    return err_set(err, ERR_CONFLICT, "%s is not a published root of the director",
                   director_root_path);
}

static bool check_listed_files(const struct work *work, struct err *err)
{
    for (size_t i = 0; i < work->grown->target_count; i++) {
        const struct tuf_target *target = work->grown->targets[i];

        if (target->is_typed && text_equal(target->type, trust_type) &&
            (!check_trust_target(work, target, err) ||
             !check_first_director_root(work, target, err)))
            return false;
    }
    return true;
}

static bool check_sent_files(const struct work *work, struct err *err)
{
    for (size_t i = 0; i < work->bundle->file_count; i++) {
        const struct repo_file *file = &work->bundle->files[i];
        const struct tuf_target *target = repo_view_target_at(work->grown, file->path);

        if (!target || !target->is_typed || !text_equal(target->type, trust_type))
            return err_set(err, ERR_INVALID, "file '%.120s' is listed by no document as type %s",
                           file->path, trust_type);
    }
    return true;
}

/* --- all together ------------------------------------------------------------------------------
 */

static bool check_whole(const struct work *work, struct err *err)
{
    struct tuf_published published = {0};
    AUTO_FREE struct tuf_named *named = NULL;

    named = repo_view_published(work->grown, REPO_IMAGE, &published.count);
    published.roles = named;
    return published.count == 0 || tuf_check_whole(&published, err);
}

/* A root document must never be usable in the other repository. */
static bool check_apart(const struct work *work, struct err *err)
{
    const struct repo_document *roots[REPO_KIND_COUNT];
    struct tuf_signers signers[REPO_KIND_COUNT];

    for (size_t kind = 0; kind < REPO_KIND_COUNT; kind++) {
        struct tuf_named named;
        const struct tuf_published published = {.roles = &named, .count = 1};

        roots[kind] = repo_view_newest(work->grown, (enum repo_kind)kind, "root");
        if (!roots[kind])
            return true;
        named = (struct tuf_named){.name = "root", .bytes = &roots[kind]->bytes};
        if (!tuf_signers_of(&published, "root", &signers[kind], err))
            return false;
    }
    for (size_t i = 0; i < signers[REPO_IMAGE].count; i++) {
        for (size_t k = 0; k < signers[REPO_DIRECTOR].count; k++) {
            if (text_equal(signers[REPO_IMAGE].keyids[i], signers[REPO_DIRECTOR].keyids[k]))
                return err_set(err, ERR_INVALID,
                               "key %s is a root key of the image repository and of the director:"
                               " each needs its own",
                               signers[REPO_IMAGE].keyids[i]);
        }
    }
    return true;
}

static bool compose(struct work *work, struct err *err)
{
    for (size_t i = 0; i < work->bundle->document_count; i++) {
        if (!take_document(work, &work->bundle->documents[i], err))
            return work->bundle->document_count == 1 ? false : err_wrap(err, "documents[%zu]", i);
    }
    return check_whole(work, err) && check_apart(work, err) && check_listed_files(work, err) &&
           check_sent_files(work, err);
}

bool repo_compose_publication(const struct repo_view *before, const struct repo_bundle *bundle,
                              const struct repo_online_keys *keys, int64_t now_ms,
                              struct repo_change *out, struct err *err)
{
    struct work work = {.before = before, .bundle = bundle, .keys = keys, .now_ms = now_ms};
    bool good;

    work.grown = repo_view_with(before, NULL, 0);
    good = compose(&work, err);
    repo_view_unref(work.grown);
    if (good)
        *out = work.change;
    else
        repo_change_done(&work.change);
    return good;
}
