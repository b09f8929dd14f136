/*
 * Which codec is smallest is found out by trying: they share the covers, which take most of the
 * time, and run in threads. cm nearly always wins; it is not tried where it would take minutes.
 */
#include "deltagen/make.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "deltagen/check.h"
#include "deltagen/find.h"
#include "lib/base/mem.h"

enum {
    CANDIDATES = 5,
    THREADS_MAX = 16,
    /* In auto mode, where a codec's bytes to work on end. */
    STORED_CODED_MAX = 16 << 10,
    SLOW_CODED_MAX = 8 << 20,
    CM_CODED_MAX = 96 << 20,
    NO_LIMIT = INT32_MAX,
};

/* clang-format off */
/* In order of preference among equals: the simpler decoder first. */
static const struct candidate {
    enum delta_codec codec;
    size_t copy_min;    /* see plan_make() */
    size_t coded_max;   /* in auto mode; by covers' bytes for the second kind of plan */
} candidates[CANDIDATES] = {
    {DELTA_STORED, 24,      STORED_CODED_MAX},
    {DELTA_ZLIB,   24,      SLOW_CODED_MAX},
    {DELTA_ZSTD,   24,      NO_LIMIT},
    {DELTA_ZSTD,   1 << 16, SLOW_CODED_MAX},
    {DELTA_CM,     512,     CM_CODED_MAX},
};
/* clang-format on */

struct result {
    bool tried, good;
    struct delta_header header;
    struct buf patch;
    struct err err;
};

struct job {
    const struct image *old, *new_image;
    const struct matches *covers;
    const struct make_options *options;
    struct result results[CANDIDATES];
    atomic_uint next;
};

static void try_candidate(struct job *job, size_t i)
{
    const struct candidate *candidate = &candidates[i];
    struct result *result = &job->results[i];
    struct encode_options options = {candidate->codec, job->options->class,
                                     job->options->group_bytes};
    struct plan plan = {0};

    if (job->options->codec != MAKE_CODEC_AUTO && job->options->codec != (int)candidate->codec)
        return;
    plan_make(job->old, job->new_image, job->covers, candidate->copy_min, &plan);
    if (job->options->codec != MAKE_CODEC_AUTO || plan.coded_bytes <= candidate->coded_max) {
        result->tried = true;
        result->good = encode_patch(&plan, &options, &result->header, &result->patch, &result->err);
    }
    plan_done(&plan);
}

static void *run(void *arg)
{
    struct job *job = arg;
    unsigned i;

    /* The slowest stands last in the table and starts first. */
    while ((i = atomic_fetch_add(&job->next, 1)) < CANDIDATES)
        try_candidate(job, CANDIDATES - 1 - i);
    return NULL;
}

static void run_all(struct job *job)
{
    pthread_t threads[THREADS_MAX];
    unsigned wanted = job->options->threads < THREADS_MAX ? job->options->threads : THREADS_MAX;
    unsigned started = 0;

    /* A thread that cannot start is work for the others; this one is enough. */
    while (started + 1 < wanted && !pthread_create(&threads[started], NULL, run, job))
        started++;
    (void)run(job);
    while (started > 0)
        (void)pthread_join(threads[--started], NULL);
}

static bool choose(const struct job *job, const struct result **out, struct err *err)
{
    const struct result *best = NULL;
    const struct result *failed = NULL;

    for (size_t i = 0; i < CANDIDATES; i++) {
        const struct result *result = &job->results[i];

        if (result->tried && !result->good)
            failed = result;
        if (result->good && (!best || result->patch.len < best->patch.len))
            best = result;
    }
    if (!best) {
        ASSERT(failed);
        *err = failed->err;
        return false;
    }
    *out = best;
    return true;
}

static void job_start(struct job *job, const struct delta_header *header)
{
    size_t limit = job->new_image->len + job->new_image->len / 8 + (2 << 20);

    for (size_t i = 0; i < CANDIDATES; i++) {
        job->results[i].header = *header;
        buf_init(&job->results[i].patch, limit);
    }
}

static void job_done(struct job *job)
{
    for (size_t i = 0; i < CANDIDATES; i++)
        buf_done(&job->results[i].patch);
}

static void tell(const struct make_options *options, enum make_step step, size_t done)
{
    if (options->progress)
        options->progress(options->progress_arg, step, done);
}

static void on_match(void *arg, size_t done)
{
    tell(arg, MAKE_MATCH, done);
}

static void on_check(void *arg, size_t done)
{
    tell(arg, MAKE_CHECK, done);
}

bool make_patch(const struct image *old, const struct image *new_image,
                const struct make_options *options, struct delta_header *header, struct buf *out,
                struct err *err)
{
    struct make_options told = *options;
    struct delta_header start = {.old_length = old->len, .new_length = new_image->len};
    const struct check_options check_options = {.memory_bytes_max =
                                                    delta_class_bytes(options->class),
                                                .old_sha256 = start.old_sha256,
                                                .progress = on_check,
                                                .progress_arg = &told};
    const struct find_options find = {.progress = on_match, .progress_arg = &told};
    struct matches covers = {0};
    struct job job = {.old = old, .new_image = new_image, .covers = &covers, .options = options};
    const struct result *best;
    bool good;

    image_sha256(old, start.old_sha256);
    image_sha256(new_image, start.new_sha256);
    tell(options, MAKE_SORT, 0);
    find_covers(old, new_image, &find, &covers);
    tell(options, MAKE_ENCODE, 0);
    job_start(&job, &start);
    run_all(&job);
    good = choose(&job, &best, err) &&
           check_patch(old, best->patch.data, best->patch.len, new_image, &check_options, err);
    if (good) {
        *header = best->header;
        buf_add(out, best->patch.data, best->patch.len);
        good = !out->failed || err_set(err, ERR_LIMIT, "patch grows too large");
    }
    job_done(&job);
    matches_done(&covers);
    return good;
}
