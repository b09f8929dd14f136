/* curl's multi interface over a fixed set of handles. A job owns copies of what its request
 * points to; it waits in line until a handle is free. */
#include "lib/client/pool.h"

#include <string.h>

#include "lib/base/list.h"
#include "lib/base/mem.h"
#include "lib/client/transfer.h"

struct job {
    struct list link;
    struct client_request request;
    char *method;
    char *url;
    char *bearer;
    char *content_type;
    char *if_range;
    char **headers;
    void *body;
    struct transfer transfer;
    client_done_fn *done;
    void *arg;
};

struct client_pool {
    struct transfer_origin origin;
    CURLM *multi;
    CURL **free; /* handles without a job */
    size_t free_count;
    unsigned connections_max;
    struct list waiting;
    struct list running;
    size_t pending;
};

bool client_pool_open(const struct client_options *options, unsigned connections_max,
                      struct client_pool **out, struct err *err)
{
    struct client_pool *pool = mem_alloc(sizeof(*pool));

    ASSERT(connections_max > 0);
    list_init(&pool->waiting);
    list_init(&pool->running);
    if (!transfer_origin_init(options, &pool->origin, err)) {
        mem_free(pool);
        return false;
    }
    pool->multi = curl_multi_init();
    ASSERT(pool->multi);
    pool->connections_max = connections_max;
    pool->free = mem_array(connections_max, sizeof(pool->free[0]));
    for (unsigned i = 0; i < connections_max; i++) {
        pool->free[i] = curl_easy_init();
        ASSERT(pool->free[i]);
        pool->free_count++;
    }
    (void)curl_multi_setopt(pool->multi, CURLMOPT_MAXCONNECTS, (long)connections_max);
    *out = pool;
    return true;
}

static char *copy_text(const char *text)
{
    return text ? mem_strdup(text) : NULL;
}

static char **copy_headers(const char *const *headers)
{
    size_t count = 0;
    char **copy;

    if (!headers)
        return NULL;
    while (headers[count])
        count++;
    copy = mem_array(count + 1, sizeof(*copy));
    for (size_t i = 0; i < count; i++)
        copy[i] = mem_strdup(headers[i]);
    return copy;
}

static void job_free(struct job *job)
{
    for (size_t i = 0; job->headers && job->headers[i]; i++)
        mem_free(job->headers[i]);
    mem_free(job->headers);
    mem_free(job->method);
    mem_free(job->url);
    mem_free(job->bearer);
    mem_free(job->content_type);
    mem_free(job->if_range);
    mem_free(job->body);
    mem_free(job);
}

void client_pool_send(struct client_pool *pool, const struct client_request *request,
                      client_done_fn *done, void *arg)
{
    struct job *job = mem_alloc(sizeof(*job));

    job->request = *request;
    job->request.method = job->method = copy_text(request->method);
    job->request.url = job->url = copy_text(request->url);
    job->request.bearer = job->bearer = copy_text(request->bearer);
    job->request.content_type = job->content_type = copy_text(request->content_type);
    job->request.if_range = job->if_range = copy_text(request->if_range);
    job->request.body = job->body = mem_dup(request->body, request->body_len);
    job->headers = copy_headers(request->headers);
    job->request.headers = (const char *const *)job->headers;
    job->done = done;
    job->arg = arg;
    list_add(&pool->waiting, &job->link);
    pool->pending++;
}

static void give_back(struct client_pool *pool, CURL *easy)
{
    ASSERT(pool->free_count < pool->connections_max);
    pool->free[pool->free_count++] = easy;
}

/* The job is already in no list. */
static void finish(struct client_pool *pool, struct job *job, bool ok, const struct err *err)
{
    pool->pending--;
    job->done(ok ? &job->transfer.answer : NULL, ok ? NULL : err, job->arg);
    transfer_done(&job->transfer);
    job_free(job);
}

static void start_waiting(struct client_pool *pool)
{
    while (pool->free_count > 0 && !list_is_empty(&pool->waiting)) {
        struct job *job = LIST_OF(list_pop(&pool->waiting), struct job, link);
        CURL *easy = pool->free[--pool->free_count];
        struct err err = {0};

        job->transfer.easy = easy;
        if (!transfer_start(&job->transfer, &pool->origin, &job->request, &err)) {
            give_back(pool, easy);
            finish(pool, job, false, &err);
            continue;
        }
        list_add(&pool->running, &job->link);
        ASSERT(curl_multi_add_handle(pool->multi, easy) == CURLM_OK);
    }
}

static void finish_done(struct client_pool *pool)
{
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(pool->multi, &left)) != NULL) {
        CURL *easy = message->easy_handle;
        CURLcode code = message->data.result;
        struct transfer *transfer = NULL;
        struct err err = {0};
        struct job *job;
        bool ok;

        (void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, &transfer);
        job = LIST_OF(transfer, struct job, transfer);
        ASSERT(curl_multi_remove_handle(pool->multi, easy) == CURLM_OK);
        list_remove(&job->link);
        ok = transfer_finish(transfer, code, &err);
        give_back(pool, easy);
        finish(pool, job, ok, &err);
    }
}

bool client_pool_turn(struct client_pool *pool, int timeout_ms, struct err *err)
{
    CURLMcode code;
    int running;

    start_waiting(pool);
    code = curl_multi_perform(pool->multi, &running);
    if (code == CURLM_OK && running > 0 && timeout_ms > 0)
        code = curl_multi_poll(pool->multi, NULL, 0, timeout_ms, NULL);
    if (code == CURLM_OK)
        code = curl_multi_perform(pool->multi, &running);
    if (code != CURLM_OK)
        return err_set(err, ERR_SYSTEM, "could not move bytes: %s", curl_multi_strerror(code));
    finish_done(pool);
    start_waiting(pool);
    return true;
}

size_t client_pool_pending(const struct client_pool *pool)
{
    return pool->pending;
}

void client_pool_close(struct client_pool *pool)
{
    if (!pool)
        return;
    LIST_EACH(item, &pool->running)
    {
        struct job *job = LIST_OF(item, struct job, link);

        (void)curl_multi_remove_handle(pool->multi, job->transfer.easy); /* it was added */
        give_back(pool, job->transfer.easy);
        transfer_done(&job->transfer);
        job_free(job);
    }
    LIST_EACH(item, &pool->waiting)
    {
        job_free(LIST_OF(item, struct job, link));
    }
    for (size_t i = 0; i < pool->free_count; i++)
        curl_easy_cleanup(pool->free[i]);
    mem_free(pool->free);
    (void)curl_multi_cleanup(pool->multi);
    transfer_origin_done(&pool->origin);
    mem_free(pool);
}
