/*
 * One struct for all four ways; `steps` says what comes after loading. Nothing is decided on what
 * was read before the row was locked but whether signatures are good, and that does not change.
 */
#include "server/repo/request_job.h"

#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/log/log.h"
#include "lib/loop/loop.h"
#include "server/store/store_repo_request.h"

struct request_job {
    struct repo_request_ask ask;
    repo_request_fn *done;
    void *arg;
    void (*judge)(struct request_job *job); /* on the background thread; sets `err` */
    void (*then)(struct request_job *job);  /* back on the loop, when there was no error */
    void (*loaded)(struct request_job *job);
    char *public_id_out;
    struct repo_view *view;
    struct repo_request request;
    struct repo_signing signing;
    struct store_request_signature *fresh; /* of `signing`, borrowed from it */
    size_t fresh_count;
    bool is_approval;
    bool complete;
    bool failed;
    struct err err;
};

static void job_end(struct request_job *job, const struct err *err)
{
    job->done(err ? NULL : job->view, err ? NULL : &job->request, err, job->arg);
    repo_request_done(&job->request);
    repo_signing_done(&job->signing);
    mem_free(job->fresh);
    repo_view_unref(job->view);
    mem_free(job);
}

static void job_fail(struct request_job *job)
{
    job->failed = true;
}

static void on_failed(void *arg)
{
    struct request_job *job = arg;

    job_end(job, &job->err);
}

static struct request_job *job_new(const struct repo_request_ask *ask, repo_request_fn *done,
                                   void *arg)
{
    struct request_job *job = mem_alloc(sizeof(*job));

    job->ask = *ask;
    job->done = done;
    job->arg = arg;
    job->view = repo_view_of(ask->place.repo, ask->actor.tenant_id);
    return job;
}

/* False when the tenant's repository is not read yet; the job ends by itself then. */
static bool job_starts(struct request_job *job)
{
    if (job->view)
        return true;
    (void)err_set(&job->err, ERR_UNAVAILABLE, "the tenant's repository is not read yet");
    loop_later(job->ask.place.loop, on_failed, job);
    return false;
}

static void work(void *arg)
{
    struct request_job *job = arg;

    job->judge(job);
}

static void on_judged(void *arg)
{
    struct request_job *job = arg;

    if (job->failed)
        job_end(job, &job->err);
    else
        job->then(job);
}

static void judge(struct request_job *job, void (*how)(struct request_job *),
                  void (*then)(struct request_job *))
{
    job->judge = how;
    job->then = then;
    offload_send(job->ask.place.offload, job->ask.place.loop, work, on_judged, job);
}

/* --- reading -----------------------------------------------------------------------------------
 */

static bool read_documents(const struct db_result *rows, struct repo_request *out, struct err *err)
{
    for (size_t row = 0; row < db_rows(rows); row++) {
        struct buf bytes;
        enum repo_kind kind;

        buf_init(&bytes, TUF_TARGETS_BYTES_MAX);
        db_bytes_add(rows, row, 4, &bytes);
        ASSERT(repo_kind_parse(db_text(rows, row, 0), &kind)); /* the schema knows the two */
        if (!repo_request_add(out, kind, db_text(rows, row, 1), (uint64_t)db_i64(rows, row, 2),
                              &bytes, err))
            return false;
        out->documents[row].summary = mem_strdup(db_text(rows, row, 5));
    }
    return true;
}

static void read_files(const struct db_result *rows, struct repo_request *out)
{
    for (size_t row = 0; row < db_rows(rows); row++) {
        AUTO_BUF bytes;

        buf_init(&bytes, REPO_FILE_BYTES_MAX);
        db_bytes_add(rows, row, 1, &bytes);
        repo_bundle_add_file(&out->files, db_text(rows, row, 0), bytes.data, bytes.len);
    }
}

static void read_head(const struct db_result *rows, struct repo_request *out)
{
    out->id = db_i64(rows, 0, 0);
    out->state = mem_strdup(db_text(rows, 0, 1));
    out->note = mem_strdup(db_text(rows, 0, 2));
    out->author = mem_strdup(db_text(rows, 0, 3));
    out->approver = mem_strdup(db_text(rows, 0, 4));
    out->created = mem_strdup(db_text(rows, 0, 5));
    out->ended = mem_strdup(db_text(rows, 0, 6));
}

static bool read_request(const struct db_result *const *results, struct repo_request *out,
                         struct err *err)
{
    const struct db_result *signatures = results[STORE_REQUEST_SIGNATURES];

    repo_request_done(out);
    if (db_rows(results[STORE_REQUEST_HEAD]) == 0)
        return err_set(err, ERR_NOT_FOUND, "there is no such request");
    read_head(results[STORE_REQUEST_HEAD], out);
    read_files(results[STORE_REQUEST_FILES], out);
    if (!read_documents(results[STORE_REQUEST_DOCUMENTS], out, err))
        return false;
    for (size_t row = 0; row < db_rows(signatures); row++)
        repo_request_add_signature(out, (size_t)db_i64(signatures, row, 0),
                                   db_text(signatures, row, 1), db_text(signatures, row, 2));
    return true;
}

static void on_loaded(const struct db_result *const *results, size_t count, const struct err *err,
                      void *arg)
{
    struct request_job *job = arg;

    (void)count;
    if (err)
        job_end(job, err);
    else if (!read_request(results, &job->request, &job->err))
        job_end(job, &job->err);
    else
        job->loaded(job);
}

static void load(struct request_job *job, void (*loaded)(struct request_job *))
{
    job->loaded = loaded;
    store_repo_request_get(job->ask.place.db, job->ask.actor.tenant_id, job->ask.public_id,
                           on_loaded, job);
}

static void finish(struct request_job *job)
{
    job_end(job, NULL);
}

void repo_request_load(const struct repo_request_ask *ask, repo_request_fn *done, void *arg)
{
    struct request_job *job = job_new(ask, done, arg);

    if (job_starts(job))
        load(job, finish);
}

/* --- publishing --------------------------------------------------------------------------------
 */

static void on_awaiting(const struct db_result *result, const struct err *err, void *arg)
{
    struct request_job *job = arg;

    (void)result;
    if (err)
        job_end(job, err);
    else
        load(job, finish);
}

static void on_published(const struct repo_view *after, const struct repo_change *change,
                         const struct err *err, void *arg)
{
    struct request_job *job = arg;

    (void)change;
    if (err && err->refusal == REFUSAL_FOUR_EYES && !job->is_approval) {
        store_repo_request_await(job->ask.place.db, job->ask.actor.tenant_id, job->ask.public_id,
                                 on_awaiting, job);
        return;
    }
    if (err) {
        job_end(job, err);
        return;
    }
    LOG_INFO("repo.request_published", "tenant=%s request=%s", after->tenant, job->ask.public_id);
    repo_view_unref(job->view);
    job->view = repo_view_of(job->ask.place.repo, job->ask.actor.tenant_id);
    load(job, finish);
}

static void publish(struct request_job *job)
{
    AUTO_REPO_BUNDLE bundle = {0};
    const struct repo_source source = {.bundle = &bundle,
                                       .actor = job->ask.actor,
                                       .request_id = job->request.id,
                                       .is_approval = job->is_approval};

    if (repo_request_bundle(&job->request, &bundle, &job->err))
        repo_publish(&job->ask.place, &source, on_published, job);
    else
        job_end(job, &job->err);
}

static void judge_complete(struct request_job *job)
{
    job->complete = repo_request_is_complete(job->view, &job->request);
}

static void publish_or_refuse(struct request_job *job)
{
    (void)err_set(&job->err, ERR_CONFLICT, "the request still waits for signatures");
    if (job->complete)
        publish(job);
    else
        job_end(job, &job->err);
}

static void publish_loaded(struct request_job *job)
{
    judge(job, judge_complete, publish_or_refuse);
}

void repo_request_approve(const struct repo_request_ask *ask, repo_request_fn *done, void *arg)
{
    struct request_job *job = job_new(ask, done, arg);

    job->is_approval = true;
    if (job_starts(job))
        load(job, publish_loaded);
}

/* --- signing -----------------------------------------------------------------------------------
 */

static void publish_or_finish(struct request_job *job)
{
    if (job->complete)
        publish(job);
    else
        finish(job);
}

static void on_signed(const struct db_result *const *results, size_t count, const struct err *err,
                      void *arg)
{
    struct request_job *job = arg;

    (void)count;
    if (err)
        job_end(job, err);
    else if (!read_request(results + STORE_REQUEST_SIGNED, &job->request, &job->err))
        job_end(job, &job->err);
    else
        judge(job, judge_complete, publish_or_finish);
}

static void keep_signatures(struct request_job *job)
{
    const struct store_request_signing signing = {.actor = &job->ask.actor,
                                                  .public_id = job->ask.public_id,
                                                  .signatures = job->fresh,
                                                  .count = job->fresh_count};

    store_repo_request_sign(job->ask.place.db, &signing, on_signed, job);
}

static bool check_document(struct request_job *job, const struct repo_signed_document *document)
{
    size_t at;

    if (!repo_request_find(&job->request, document, &at, &job->err))
        return false;
    job->fresh =
        mem_resize(job->fresh, job->fresh_count + document->count + 1, sizeof(*job->fresh));
    for (size_t i = 0; i < document->count; i++) {
        const struct repo_signature *signature = &document->signatures[i];

        if (!repo_request_check(job->view, &job->request, at, signature, &job->err))
            return false;
        job->fresh[job->fresh_count++] = (struct store_request_signature){
            .position = (int64_t)at, .keyid = signature->keyid, .sig = signature->sig};
    }
    return true;
}

static void judge_signatures(struct request_job *job)
{
    if (!repo_signing_parse(job->ask.body, job->ask.len, &job->signing, &job->err)) {
        job_fail(job);
        return;
    }
    for (size_t i = 0; i < job->signing.count && !job->failed; i++) {
        if (!check_document(job, &job->signing.documents[i]))
            job_fail(job);
    }
}

static void sign_loaded(struct request_job *job)
{
    judge(job, judge_signatures, keep_signatures);
}

void repo_request_sign(const struct repo_request_ask *ask, repo_request_fn *done, void *arg)
{
    struct request_job *job = job_new(ask, done, arg);

    if (job_starts(job))
        load(job, sign_loaded);
}

/* --- creating ----------------------------------------------------------------------------------
 */

static void on_created(const struct db_result *result, const struct err *err, void *arg)
{
    struct request_job *job = arg;

    if (err) {
        job_end(job, err);
        return;
    }
    (void)text_copy(job->public_id_out, 37, db_text(result, 0, 0)); /* a uuid fits */
    job->ask.public_id = job->public_id_out;
    load(job, finish);
}

static void insert(struct request_job *job)
{
    const struct repo_request *request = &job->request;
    AUTO_FREE struct store_request_document *documents =
        mem_array(request->count + 1, sizeof(*documents));
    AUTO_FREE struct store_request_file *files =
        mem_array(request->files.file_count + 1, sizeof(*files));
    const struct store_request row = {.actor = &job->ask.actor,
                                      .note = request->note,
                                      .documents = documents,
                                      .document_count = request->count,
                                      .files = files,
                                      .file_count = request->files.file_count};

    for (size_t i = 0; i < request->count; i++) {
        const struct repo_request_document *document = &request->documents[i];

        documents[i] = (struct store_request_document){
            .repository = repo_kind_name(document->repository),
            .role = document->role,
            .version = document->version,
            .sha256 = document->sha256,
            .signed_part = document->signed_part.data,
            .len = document->signed_part.len,
            .summary = document->summary,
        };
    }
    for (size_t i = 0; i < row.file_count; i++)
        files[i] = (struct store_request_file){.path = request->files.files[i].path,
                                               .bytes = request->files.files[i].bytes.data,
                                               .len = request->files.files[i].bytes.len};
    store_repo_request_create(job->ask.place.db, &row, on_created, job);
}

static void judge_new(struct request_job *job)
{
    AUTO_REPO_BUNDLE bundle = {0};

    if (!repo_bundle_parse_request(job->ask.body, job->ask.len, &bundle, &job->err) ||
        !repo_request_open(job->view, &bundle, &job->request, &job->err))
        job_fail(job);
}

void repo_request_create(const struct repo_request_ask *ask, char public_id[37],
                         repo_request_fn *done, void *arg)
{
    struct request_job *job = job_new(ask, done, arg);

    job->public_id_out = public_id;
    if (job_starts(job))
        judge(job, judge_new, insert);
}
