/*
 * Views by tenant, in an array that is searched under a lock; readers leave with a reference.
 *
 * A load asks for the newest versions of all tenants and then, one after the other, for the
 * documents of those that changed. A publication of this server puts its view here itself, so a
 * load may come late with an older one: versions only rise, so the larger ones win.
 */
#include "server/repo/repo.h"

#include <pthread.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/log/log.h"
#include "server/store/store_repo.h"

/* What the database has of a tenant. */
struct head {
    int64_t tenant_id;
    char *tenant;
    uint64_t version_floor;
    struct repo_stamp stamp;
};

struct repo {
    pthread_mutex_t lock;
    struct repo_view **views; /* by tenant id */
    size_t count;
    bool ready;

    /* of the load under way; only the loading loop looks at these */
    struct db *db;
    bool again;
    bool failed;
    struct head *heads;
    size_t head_count;
    size_t reading; /* the head whose documents were asked for */
};

struct repo *repo_new(void)
{
    struct repo *repo = mem_alloc(sizeof(*repo));

    ASSERT(pthread_mutex_init(&repo->lock, NULL) == 0);
    return repo;
}

static void drop_heads(struct repo *repo)
{
    for (size_t i = 0; i < repo->head_count; i++)
        mem_free(repo->heads[i].tenant);
    mem_free(repo->heads);
    repo->heads = NULL;
    repo->head_count = 0;
}

void repo_free(struct repo *repo)
{
    if (!repo)
        return;
    for (size_t i = 0; i < repo->count; i++)
        repo_view_unref(repo->views[i]);
    mem_free(repo->views);
    drop_heads(repo);
    (void)pthread_mutex_destroy(&repo->lock); /* nobody holds it any more */
    mem_free(repo);
}

/* --- what everybody sees -----------------------------------------------------------------------
 */

static void lock(struct repo *repo)
{
    ASSERT(pthread_mutex_lock(&repo->lock) == 0);
}

static void unlock(struct repo *repo)
{
    ASSERT(pthread_mutex_unlock(&repo->lock) == 0);
}

/* The place of a tenant, or where it would be. */
static size_t place_of(const struct repo *repo, int64_t tenant_id)
{
    size_t low = 0;
    size_t high = repo->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (repo->views[middle]->tenant_id < tenant_id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool repo_ready(struct repo *repo)
{
    bool ready;

    lock(repo);
    ready = repo->ready;
    unlock(repo);
    return ready;
}

struct repo_view *repo_view_of(struct repo *repo, int64_t tenant_id)
{
    struct repo_view *view = NULL;
    size_t i;

    lock(repo);
    i = place_of(repo, tenant_id);
    if (i < repo->count && repo->views[i]->tenant_id == tenant_id)
        view = repo_view_ref(repo->views[i]);
    unlock(repo);
    return view;
}

struct repo_view *repo_view_named(struct repo *repo, const char *tenant)
{
    struct repo_view *view = NULL;

    lock(repo);
    for (size_t i = 0; i < repo->count && !view; i++) {
        if (text_equal(repo->views[i]->tenant, tenant))
            view = repo_view_ref(repo->views[i]);
    }
    unlock(repo);
    return view;
}

struct repo_view *repo_view_after(struct repo *repo, int64_t after_tenant_id)
{
    struct repo_view *view = NULL;
    size_t i;

    lock(repo);
    i = place_of(repo, after_tenant_id + 1);
    if (i < repo->count)
        view = repo_view_ref(repo->views[i]);
    unlock(repo);
    return view;
}

/* Does `stamp` have something that the view has not? */
static bool is_past(const struct repo_stamp *stamp, uint64_t version_floor,
                    const struct repo_view *view)
{
    struct repo_stamp known;

    repo_view_stamp(view, &known);
    for (size_t i = 0; i < COUNT(known.versions); i++) {
        if (stamp->versions[i] > known.versions[i])
            return true;
    }
    return version_floor > view->version_floor;
}

static bool is_newer(const struct repo_view *a, const struct repo_view *b)
{
    struct repo_stamp stamp;

    repo_view_stamp(a, &stamp);
    return is_past(&stamp, a->version_floor, b);
}

void repo_put(struct repo *repo, struct repo_view *view)
{
    struct repo_view *old = NULL;
    size_t i;

    lock(repo);
    i = place_of(repo, view->tenant_id);
    if (i == repo->count || repo->views[i]->tenant_id != view->tenant_id) {
        repo->views = mem_resize(repo->views, repo->count + 1, sizeof(struct repo_view *));
        for (size_t k = repo->count; k > i; k--)
            repo->views[k] = repo->views[k - 1];
        repo->views[i] = repo_view_ref(view);
        repo->count++;
    } else if (is_newer(view, repo->views[i])) {
        old = repo->views[i];
        repo->views[i] = repo_view_ref(view);
    }
    unlock(repo);
    repo_view_unref(old);
}

/* --- loading -----------------------------------------------------------------------------------
 */

static void read_next(struct repo *repo);

static void load_ended(struct repo *repo)
{
    struct db *db = TAKE(repo->db);

    drop_heads(repo);
    if (repo->failed)
        return; /* whoever asks for loads asks again */
    lock(repo);
    repo->ready = true;
    unlock(repo);
    if (repo->again)
        repo_load(repo, db);
}

static void load_failed(struct repo *repo, const char *tenant, const struct err *err)
{
    LOG_WARNING("repo.not_read", "tenant=%s error=%s", tenant, err->text);
    repo->failed = true;
    load_ended(repo);
}

static bool is_last_of_role(const struct db_result *result, size_t row)
{
    return row + 1 == db_rows(result) ||
           !text_equal(db_text(result, row, 0), db_text(result, row + 1, 0)) ||
           !text_equal(db_text(result, row, 1), db_text(result, row + 1, 1));
}

static bool document_of_row(const struct db_result *result, size_t row, struct repo_document **out,
                            struct err *err)
{
    enum repo_kind kind;
    AUTO_BUF bytes;

    buf_init(&bytes, TUF_TARGETS_BYTES_MAX);
    db_bytes_add(result, row, 3, &bytes);
    if (!repo_kind_parse(db_text(result, row, 0), &kind))
        return err_set(err, ERR_SYSTEM, "there is no repository '%s'", db_text(result, row, 0));
    return repo_document_new(kind, db_text(result, row, 1), &bytes, is_last_of_role(result, row),
                             out, err) ||
           err_wrap(err, "%s", db_text(result, row, 1));
}

static bool view_of_rows(const struct head *head, const struct db_result *result,
                         struct repo_view **out, struct err *err)
{
    AUTO_FREE struct repo_document **documents =
        mem_array(db_rows(result) + 1, sizeof(struct repo_document *));
    size_t count = 0;
    bool good = true;

    while (good && count < db_rows(result)) {
        good = document_of_row(result, count, &documents[count], err);
        count += good;
    }
    if (good)
        *out = repo_view_new(head->tenant_id, head->tenant, head->version_floor, documents, count);
    for (size_t i = 0; i < count; i++)
        repo_document_unref(documents[i]);
    return good;
}

static void on_documents(const struct db_result *result, const struct err *err, void *arg)
{
    struct repo *repo = arg;
    struct repo_view *view;
    struct err own;

    if (!err && !view_of_rows(&repo->heads[repo->reading], result, &view, &own))
        err = &own;
    if (err) {
        load_failed(repo, repo->heads[repo->reading].tenant, err);
        return;
    }
    repo_put(repo, view);
    repo_view_unref(view);
    repo->reading++;
    read_next(repo);
}

static bool is_known(struct repo *repo, const struct head *head)
{
    AUTO_REPO_VIEW *view = repo_view_of(repo, head->tenant_id);

    return view && !is_past(&head->stamp, head->version_floor, view);
}

/* Asks for the documents of the next tenant that changed, or ends the load. */
static void read_next(struct repo *repo)
{
    while (repo->reading < repo->head_count && is_known(repo, &repo->heads[repo->reading]))
        repo->reading++;
    if (repo->reading == repo->head_count)
        load_ended(repo);
    else
        store_repo_documents(repo->db, repo->heads[repo->reading].tenant_id, on_documents, repo);
}

static void on_heads(const struct db_result *result, const struct err *err, void *arg)
{
    struct repo *repo = arg;

    if (err) {
        load_failed(repo, "*", err);
        return;
    }
    repo->heads = mem_array(db_rows(result) + 1, sizeof(struct head));
    repo->head_count = db_rows(result);
    for (size_t row = 0; row < repo->head_count; row++) {
        struct head *head = &repo->heads[row];

        head->tenant_id = db_i64(result, row, 0);
        head->tenant = mem_strdup(db_text(result, row, 1));
        head->version_floor = (uint64_t)db_i64(result, row, 2);
        for (unsigned i = 0; i < COUNT(head->stamp.versions); i++)
            head->stamp.versions[i] = (uint64_t)db_i64(result, row, 3 + i);
    }
    repo->reading = 0;
    read_next(repo);
}

void repo_load(struct repo *repo, struct db *db)
{
    repo->again = repo->db != NULL;
    if (repo->db)
        return;
    repo->db = db;
    repo->failed = false;
    store_repo_heads(db, on_heads, repo);
}
