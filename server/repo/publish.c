/*
 * keys (SQL) -> compose (pure; a big document on the background thread) -> one transaction that
 * fails when somebody else was faster -> everybody sees the new view -> done.
 */
#include "server/repo/publish.h"

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/loop/loop.h"
#include "server/store/store_repo.h"

/* Verifying this much takes about a millisecond; more would hold up the loop's other clients. */
enum { INLINE_BYTES_MAX = 64 << 10 };

struct change_job {
    struct repo_place place;
    int64_t tenant_id;
    bool is_renewal;
    struct buf fresh; /* else the document to publish */
    repo_changed_fn *done;
    void *arg;
    struct repo_view *before;
    struct repo_keys keys;
    struct repo_change change;
    bool composed;
    struct err err;
};

static void job_end(struct change_job *job, const struct repo_view *after, const struct err *err)
{
    job->done(after, err ? NULL : &job->change, err, job->arg);
    repo_change_done(&job->change);
    repo_keys_done(&job->keys);
    repo_view_unref(job->before);
    buf_done(&job->fresh);
    mem_free(job);
}

static void on_committed(const struct db_result *const *results, size_t count,
                         const struct err *err, void *arg)
{
    struct change_job *job = arg;
    AUTO_REPO_VIEW *after = NULL;

    (void)results;
    (void)count;
    if (!err) {
        after = repo_view_with(job->before, job->change.documents, job->change.count);
        repo_put(job->place.repo, after);
    }
    job_end(job, after, err);
}

static void commit(struct change_job *job)
{
    struct store_document documents[COUNT(job->change.documents)];
    const struct store_publication publication = {
        .tenant_id = job->tenant_id,
        .before = {repo_view_version(job->before, TUF_ROOT),
                   repo_view_version(job->before, TUF_TARGETS),
                   repo_view_version(job->before, TUF_SNAPSHOT),
                   repo_view_version(job->before, TUF_TIMESTAMP)},
        .documents = documents,
        .count = job->change.count,
    };

    for (size_t i = 0; i < job->change.count; i++) {
        const struct repo_document *document = job->change.documents[i];

        documents[i] = (struct store_document){.role = tuf_role_name(document->role),
                                               .version = document->version,
                                               .bytes = document->bytes.data,
                                               .len = document->bytes.len,
                                               .expires_ms = document->expires_ms};
    }
    store_repo_publish(job->place.db, &publication, on_committed, job);
}

static void work(void *arg)
{
    struct change_job *job = arg;
    int64_t now_ms = clock_now_ms();

    if (job->is_renewal)
        job->composed =
            repo_compose_renewal(job->before, &job->keys, now_ms, &job->change, &job->err);
    else
        job->composed = repo_compose_publication(job->before, &job->fresh, &job->keys, now_ms,
                                                 &job->change, &job->err);
}

static void on_composed(void *arg)
{
    struct change_job *job = arg;

    if (job->composed)
        commit(job);
    else
        job_end(job, NULL, &job->err);
}

static void on_keys(struct repo_keys *keys, const struct err *err, void *arg)
{
    struct change_job *job = arg;

    if (err) {
        job_end(job, NULL, err);
        return;
    }
    job->keys = *keys;
    if (job->fresh.len > INLINE_BYTES_MAX) {
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
    buf_init(&job->fresh, TUF_TARGETS_BYTES_MAX);
    return job;
}

static void job_start(struct change_job *job)
{
    if (job->before)
        repo_keys_get(job->place.db, job->tenant_id, on_keys, job);
    else
        loop_later(job->place.loop, on_unknown_tenant, job);
}

void repo_publish(const struct repo_place *place, int64_t tenant_id, const struct buf *document,
                  repo_changed_fn *done, void *arg)
{
    struct change_job *job = job_new(place, tenant_id, done, arg);

    ASSERT(document->len <= job->fresh.max);
    buf_add(&job->fresh, document->data, document->len);
    job_start(job);
}

void repo_renew(const struct repo_place *place, int64_t tenant_id, repo_changed_fn *done, void *arg)
{
    struct change_job *job = job_new(place, tenant_id, done, arg);

    job->is_renewal = true;
    job_start(job);
}
