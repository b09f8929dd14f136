/*
 * keys -> compose (pure; what is big, and files, on the background thread) -> the signer signs the
 * snapshot -> the signer signs the timestamp -> one transaction that fails when somebody else was
 * faster -> everybody sees the new view, the signer hears what is published -> done.
 *
 * A publication that ends between signature and commit leaves only a version number behind: the
 * signer holds the next one against what was published, and says how high the number has to be.
 */
#include "server/repo/publish.h"

#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/loop/loop.h"
#include "server/repo/files.h"
#include "server/repo/signer.h"
#include "server/store/store_repo.h"
#include "server/worker.h"

/* Verifying this much takes about a millisecond; more would hold up the loop's other clients. */
enum { INLINE_BYTES_MAX = 64 << 10 };

struct change_job {
    struct repo_place place;
    int64_t tenant_id;
    bool is_renewal;
    struct repo_bundle bundle;
    const void *body; /* from which the bundle is still to be made; NULL: it is */
    size_t body_len;
    struct store_actor actor;
    int64_t request_id;
    bool is_approval;
    bool needs_approval; /* found out with the rest */
    repo_changed_fn *done;
    void *arg;
    struct repo_view *before;
    struct signer_keys keys;
    enum signer_label label; /* what the signer is asked to sign ... */
    struct buf signing;      /* ... canonical */
    struct repo_change change;
    int64_t now_ms;
    bool composed;
    struct err err;
};

struct repo_place repo_place_of(const struct worker *worker)
{
    return (struct repo_place){.repo = worker->repo,
                               .db = worker->db,
                               .loop = worker->loop,
                               .signer = worker->signer,
                               .offload = worker->offload,
                               .artifacts = worker->artifacts};
}

static void job_end(struct change_job *job, const struct repo_view *after, const struct err *err)
{
    job->done(after, err ? NULL : &job->change, err, job->arg);
    repo_change_done(&job->change);
    buf_done(&job->signing);
    repo_view_unref(job->before);
    repo_bundle_done(&job->bundle);
    mem_free(job);
}

/* --- the transaction ---------------------------------------------------------------------------
 */

static void on_committed(const struct db_result *const *results, size_t count,
                         const struct err *err, void *arg)
{
    struct change_job *job = arg;
    AUTO_REPO_VIEW *after = NULL;
    const struct repo_document *snapshot;

    (void)results;
    (void)count;
    if (!err) {
        after = repo_view_with(job->before, job->change.documents, job->change.count);
        repo_put(job->place.repo, after);
        snapshot = repo_change_find(&job->change, REPO_IMAGE, "snapshot");
        if (snapshot)
            signer_published(job->place.signer, after->tenant, snapshot->bytes.data,
                             snapshot->bytes.len);
    }
    job_end(job, after, err);
}

static struct store_document *documents_of(const struct repo_change *change)
{
    struct store_document *documents = mem_array(change->count + 1, sizeof(*documents));

    for (size_t i = 0; i < change->count; i++) {
        const struct repo_document *document = change->documents[i];

        documents[i] = (struct store_document){.repository = repo_kind_name(document->repository),
                                               .role = document->role,
                                               .version = document->version,
                                               .bytes = document->bytes.data,
                                               .len = document->bytes.len,
                                               .expires_ms = document->expires_ms};
    }
    return documents;
}

static struct store_file *files_of(const struct repo_bundle *bundle)
{
    struct store_file *files = mem_array(bundle->file_count + 1, sizeof(*files));

    for (size_t i = 0; i < bundle->file_count; i++)
        files[i] = (struct store_file){.path = bundle->files[i].path,
                                       .sha256 = bundle->files[i].sha256,
                                       .len = bundle->files[i].bytes.len};
    return files;
}

static bool is_news(const struct repo_view *before, const struct tuf_target *target)
{
    const struct tuf_target *old = repo_view_target(before, target->sha256);

    return target->is_typed && target->has_sha256 &&
           !(old && text_equal(old->path, target->path) && text_equal(old->role, target->role) &&
             text_equal(old->entry, target->entry));
}

/* What the change newly says of files that may be images already. */
static struct store_signed *targets_of(const struct change_job *job, struct arena *arena,
                                       size_t *count)
{
    struct store_signed *targets = NULL;

    *count = 0;
    for (size_t i = 0; i < job->change.count; i++) {
        const struct repo_document *document = job->change.documents[i];

        for (size_t k = 0; k < document->target_count; k++) {
            if (!is_news(job->before, &document->targets[k]))
                continue;
            targets = mem_resize(targets, *count + 1, sizeof(*targets));
            store_signed_of(&document->targets[k], arena, &targets[(*count)++]);
        }
    }
    return targets;
}

static void commit(struct change_job *job)
{
    AUTO_FREE struct store_document *documents = documents_of(&job->change);
    AUTO_FREE struct store_file *files = files_of(&job->bundle);
    struct arena *arena = arena_new();
    struct store_publication publication = {
        .tenant_id = job->tenant_id,
        .documents = documents,
        .count = job->change.count,
        .files = files,
        .file_count = job->bundle.file_count,
        .request_id = job->request_id,
        .actor = job->is_renewal ? NULL : &job->actor,
        .needs_approval = job->needs_approval,
        .is_approval = job->is_approval,
    };
    AUTO_FREE struct store_signed *targets = targets_of(job, arena, &publication.target_count);
    struct repo_stamp stamp;

    repo_view_stamp(job->before, &stamp);
    for (size_t i = 0; i < COUNT(stamp.versions); i++)
        publication.before[i] = stamp.versions[i];
    publication.targets = targets;
    store_repo_publish(job->place.db, &publication, on_committed, job);
    arena_free(arena);
}

/* --- what the server signs ---------------------------------------------------------------------
 */

static void sign_next(struct change_job *job);

/* The next thing to sign, its canonical bytes in `signing`. */
enum step { STEP_SIGN, STEP_NOTHING_LEFT, STEP_FAILED };
static enum step next_to_sign(struct change_job *job, enum signer_label *label)
{
    const struct repo_view *before = job->before;
    const struct repo_change *change = &job->change;
    bool good;

    if (!repo_change_find(change, REPO_IMAGE, "snapshot") &&
        repo_compose_needs_snapshot(before, change, job->now_ms)) {
        *label = SIGNER_SNAPSHOT;
        good = repo_compose_snapshot(before, change, job->now_ms, &job->signing, &job->err);
    } else if (!repo_change_find(change, REPO_IMAGE, "timestamp") &&
               repo_compose_needs_timestamp(before, change)) {
        *label = SIGNER_TIMESTAMP;
        good = repo_compose_timestamp(before, change, job->now_ms, &job->signing, &job->err);
    } else {
        return STEP_NOTHING_LEFT;
    }
    return good ? STEP_SIGN : STEP_FAILED;
}

static bool take_signature(struct change_job *job, const struct signer_signature *signature)
{
    return repo_change_add_signed(&job->change, signer_label_name(job->label), &job->signing,
                                  signature->keyid, signature->sig, &job->err);
}

/* What the signer's policy refuses is nothing that the client did: two publications at once, or a
 * clock that was set back. The next attempt is made with a higher version. */
static void on_signed(const struct signer_signature *signatures, size_t count,
                      const struct err *err, void *arg)
{
    struct change_job *job = arg;

    (void)count; /* one request, one signature */
    if (err) {
        job->err = *err;
        if (err->code == ERR_DENIED)
            job->err.code = ERR_UNAVAILABLE;
        (void)err_wrap(&job->err, "the %s was not signed", signer_label_name(job->label));
        job_end(job, NULL, &job->err);
        return;
    }
    if (take_signature(job, signatures))
        sign_next(job);
    else
        job_end(job, NULL, &job->err);
}

static bool is_named(const struct tuf_signers *signers, const uint8_t *key,
                     char out[TUF_KEYID_ROOM])
{
    tuf_keyid(key, out);
    for (size_t i = 0; i < signers->count; i++) {
        if (text_equal(signers->keyids[i], out))
            return true;
    }
    return false;
}

/* The key of this label that the newest root names: with a root that exchanges it, the next one. */
static const char *key_named(const struct change_job *job, char out[TUF_KEYID_ROOM])
{
    const struct repo_document *fresh = repo_change_find(&job->change, REPO_IMAGE, "root");
    const struct repo_document *root =
        fresh ? fresh : repo_view_newest(job->before, REPO_IMAGE, "root");
    const struct tuf_named named = {"root", root ? &root->bytes : NULL};
    const struct tuf_published published = {.roles = &named, .count = 1};
    struct tuf_signers signers;
    struct err ignored;

    if (!root || !tuf_signers_of(&published, signer_label_name(job->label), &signers, &ignored))
        return NULL;
    if (!is_named(&signers, job->keys.public_key[job->label], out) &&
        !is_named(&signers, job->keys.next[job->label], out))
        memcpy(out, signers.keyids[0], TUF_KEYID_ROOM); /* the signer knows it, or says no */
    return out;
}

static void sign_next(struct change_job *job)
{
    struct signer_request request;
    char keyid[TUF_KEYID_ROOM];

    buf_reset(&job->signing);
    switch (next_to_sign(job, &job->label)) {
    case STEP_NOTHING_LEFT:
        commit(job);
        return;
    case STEP_FAILED:
        job_end(job, NULL, &job->err);
        return;
    case STEP_SIGN:
        break;
    }
    request = (struct signer_request){.tenant = job->before->tenant,
                                      .label = job->label,
                                      .device = "",
                                      .keyid = key_named(job, keyid),
                                      .data = job->signing.data,
                                      .len = job->signing.len};
    signer_sign(job->place.signer, &request, 1, on_signed, job);
}

static void on_composed(void *arg)
{
    struct change_job *job = arg;

    if (job->composed)
        sign_next(job);
    else
        job_end(job, NULL, &job->err);
}

/* --- what comes from offline -------------------------------------------------------------------
 */

static void online_keys(const struct signer_keys *keys, struct repo_online_keys *out)
{
    const struct {
        enum signer_label label;
        struct repo_online_key *key;
    } wanted[] = {{SIGNER_SNAPSHOT, &out->snapshot},
                  {SIGNER_TIMESTAMP, &out->timestamp},
                  {SIGNER_DIRECTOR, &out->director}};

    for (size_t i = 0; i < COUNT(wanted); i++) {
        memcpy(wanted[i].key->present, keys->public_key[wanted[i].label], SIGN_PUBLIC_BYTES);
        memcpy(wanted[i].key->next, keys->next[wanted[i].label], SIGN_PUBLIC_BYTES);
    }
}

static bool compose(struct change_job *job, struct err *err)
{
    struct repo_online_keys keys;

    online_keys(&job->keys, &keys);
    if (job->body && !repo_bundle_parse_publication(job->body, job->body_len, &job->bundle, err))
        return false;
    if (!repo_compose_publication(job->before, &job->bundle, &keys, job->now_ms, &job->change, err))
        return false;
    job->needs_approval = repo_change_needs_approval(
        job->before, (const struct repo_document *const *)job->change.documents, job->change.count);
    return repo_files_store(job->place.artifacts, &job->bundle, err);
}

static void work(void *arg)
{
    struct change_job *job = arg;

    job->now_ms = clock_now_ms();
    job->composed = job->is_renewal || compose(job, &job->err);
    job->change.signed_max = job->keys.signed_max;
}

static bool is_big(const struct change_job *job)
{
    size_t bytes = job->body_len;

    for (size_t i = 0; i < job->bundle.document_count; i++)
        bytes += job->bundle.documents[i].bytes.len;
    return job->body || job->bundle.file_count > 0 || bytes > INLINE_BYTES_MAX;
}

static void on_keys(const struct signer_keys *keys, const struct err *err, void *arg)
{
    struct change_job *job = arg;

    if (err) {
        job_end(job, NULL, err);
        return;
    }
    job->keys = *keys;
    if (is_big(job)) {
        offload_send(job->place.offload, job->place.loop, work, on_composed, job);
    } else {
        work(job);
        on_composed(job);
    }
}

static void on_unknown_tenant(void *arg)
{
    struct change_job *job = arg;

    (void)err_set(&job->err, ERR_UNAVAILABLE, "the tenant's repository is not read yet");
    job_end(job, NULL, &job->err);
}

static struct change_job *job_new(const struct repo_place *place, int64_t tenant_id,
                                  repo_changed_fn *done, void *arg)
{
    struct change_job *job = mem_alloc(sizeof(*job));

    job->place = *place;
    job->tenant_id = tenant_id;
    job->done = done;
    job->arg = arg;
    job->before = repo_view_of(place->repo, tenant_id);
    buf_init(&job->signing, TUF_SNAPSHOT_BYTES_MAX);
    return job;
}

static void job_start(struct change_job *job)
{
    if (job->before)
        signer_keys(job->place.signer, job->before->tenant, on_keys, job);
    else
        loop_later(job->place.loop, on_unknown_tenant, job);
}

void repo_publish(const struct repo_place *place, const struct repo_source *source,
                  repo_changed_fn *done, void *arg)
{
    struct change_job *job = job_new(place, source->actor.tenant_id, done, arg);

    ASSERT((source->bundle != NULL) != (source->body != NULL));
    if (source->bundle) {
        job->bundle = *source->bundle;
        *source->bundle = (struct repo_bundle){0};
    }
    job->body = source->body;
    job->body_len = source->len;
    job->actor = source->actor;
    job->request_id = source->request_id;
    job->is_approval = source->is_approval;
    job_start(job);
}

void repo_renew(const struct repo_place *place, int64_t tenant_id, repo_changed_fn *done, void *arg)
{
    struct change_job *job = job_new(place, tenant_id, done, arg);

    job->is_renewal = true;
    job_start(job);
}
