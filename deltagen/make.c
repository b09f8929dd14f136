/*
 * Images to spaces, spaces to covers, covers to plans, plans to patches. Which coder is smallest is
 * found out by trying where that is cheap; else cm, which nearly always wins. A patch of unpacked
 * images takes the smallest class of memory that has room for packing; when none has, the images
 * stay packed.
 */
#include "deltagen/make.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "deltagen/check.h"
#include "deltagen/check_in_place.h"
#include "deltagen/find.h"
#include "deltagen/memory.h"
#include "deltagen/spaces.h"
#include "lib/base/mem.h"
#include "lib/delta/apply.h"

enum {
    CANDIDATES = 4,
    THREADS_MAX = 16,
    /* In auto mode, where a codec's bytes to work on end. */
    STORED_CODED_MAX = 64 << 20,
    NO_LIMIT = INT32_MAX,
    /* Of a class, what packing may not have: the coder's and the buffers' part. */
    CODER_BYTES = 420 << 10,
    UNPACKED_TIMES_MAX = 32, /* as large as the images */
    READ_TIMES_MAX = 4,      /* of both images, where the next class could keep more of the old */
    SPARE_BYTES = 64 << 20,
    COVERS_MAX = 4096, /* of a scope: 16 bytes each on the device */
    COVERS_MAX_PACKED = 1024,
};

/* clang-format off */
/* In order of preference among equals: the simpler decoder first. */
static const struct candidate {
    enum delta_codec codec;
    enum delta_class class_max; /* in auto mode */
    size_t copy_min;            /* see plan_make() */
    size_t coded_max;           /* in auto mode */
} candidates[CANDIDATES] = {
    {DELTA_STORED, DELTA_CLASS_H, 24,  STORED_CODED_MAX},
    {DELTA_ZLIB,   DELTA_CLASS_S, 24,  NO_LIMIT},
    {DELTA_ZSTD,   DELTA_CLASS_H, 24,  0},
    {DELTA_CM,     DELTA_CLASS_H, 512, NO_LIMIT},
};
/* clang-format on */

struct result {
    bool tried, good;
    struct delta_header header;
    struct buf patch;
    struct err err;
};

struct job {
    const struct encode_images *images;
    const struct image *old, *new_image; /* the spaces */
    const struct matches *covers;
    const struct make_options *options;
    const struct group_ends *ends; /* NULL: not in place */
    enum delta_class class;
    struct result results[CANDIDATES];
    atomic_uint next;
};

static void try_candidate(struct job *job, size_t i)
{
    const struct candidate *candidate = &candidates[i];
    uint64_t stored_max = memory_shares(job->options->memory_bytes).stored_max;
    struct result *result = &job->results[i];
    struct encode_options options = {candidate->codec, job->class, job->options->group_bytes,
                                     job->ends};
    struct plan plan = {0};

    if (job->options->codec != MAKE_CODEC_AUTO
            ? job->options->codec != (int)candidate->codec
            : job->class > candidate->class_max || candidate->coded_max == 0)
        return;
    plan_make(job->old, job->new_image, job->covers, candidate->copy_min, &plan);
    if (job->options->codec != MAKE_CODEC_AUTO || candidate->coded_max == NO_LIMIT ||
        (plan.coded_bytes <= candidate->coded_max && plan.coded_bytes <= stored_max)) {
        result->tried = true;
        result->good = encode_patch(&plan, job->images, &options, &result->header, &result->patch,
                                    &result->err);
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

    atomic_store(&job->next, 0);
    for (size_t i = 0; i < CANDIDATES; i++) {
        job->results[i] = (struct result){.header = *header};
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

static bool search(const struct job *job, const struct unpacked *unpacked,
                   const struct make_options *options, struct matches *out, struct err *err)
{
    struct make_options told = *options;
    struct find_options find = {.hints = {unpacked->pairs, unpacked->pair_count},
                                .progress = on_match,
                                .progress_arg = &told};

    if (!memory_for_index(options->memory_bytes, job->old, job->new_image,
                          delta_class_bytes(options->class), &find.memory_bytes, err))
        return false;
    tell(options, MAKE_SORT, 0);
    find_covers(job->old, job->new_image, &find, out);
    tell(options, MAKE_ENCODE, 0);
    return true;
}

/* The covers are found, patches are made of them in one class of memory. ERR_LIMIT: it is too small
 * for any of the coders. */
static bool make_in_class(struct job *job, const struct delta_header *start,
                          struct delta_header *header, struct buf *out, struct err *err)
{
    const struct result *best;
    bool good;

    job_start(job, start);
    run_all(job);
    good = choose(job, &best, err);
    if (good) {
        *header = best->header;
        buf_add(out, best->patch.data, best->patch.len);
        good = !out->failed || err_set(err, ERR_LIMIT, "patch grows too large");
    }
    job_done(job);
    return good;
}

/* The device's own applier makes the new image of it. */
static bool prove(const struct job *job, const struct delta_header *start, const uint8_t *patch,
                  size_t len, struct err *err)
{
    struct make_options told = *job->options;
    bool last = !job->images->layouts || job->class == job->options->class;
    uint64_t images = start->old_length + start->new_length;
    const struct check_options options = {.memory_bytes_max = delta_class_bytes(job->class),
                                          .old_bytes_max = last ? 0 : READ_TIMES_MAX * images,
                                          .old_sha256 = start->old_sha256,
                                          .progress = on_check,
                                          .progress_arg = &told};

    return check_patch(job->images->old, patch, len, job->images->new_image, &options, err) &&
           (!job->ends ||
            check_in_place(job->images->old, patch, len, job->images->new_image, &options, err));
}

/* Class L has room for all that a coder can use; more is for packing only. What would have the
 * old image unpacked too often has more of it kept in the next class, as far as that may be. */
static bool make_of(struct job *job, const struct delta_header *start, struct delta_header *header,
                    struct buf *out, struct err *err)
{
    enum delta_class most = job->options->class;
    size_t before = out->len;

    job->class = most < DELTA_CLASS_L ? most : DELTA_CLASS_L;
    for (; job->class <= most; job->class ++) {
        if (make_in_class(job, start, header, out, err) &&
            prove(job, start, out->data + before, out->len - before, err))
            return true;
        out->len = before;
        if ((err->code != ERR_LIMIT && err->refusal != REFUSAL_DELTA_LIMIT) ||
            !job->images->layouts)
            return false;
    }
    return false;
}

static bool make_with_scopes(struct job *job, const struct unpacked *unpacked,
                             const struct delta_header *start, struct delta_header *header,
                             struct buf *out, struct err *err)
{
    uint32_t most = job->images->layouts ? COVERS_MAX_PACKED : COVERS_MAX;
    struct scopes scopes;
    struct encode_images images = *job->images;
    struct job scoped = *job;
    bool good;

    scopes_find(job->old, job->new_image, unpacked->pairs, unpacked->pair_count, job->covers, most,
                &scopes);
    images.scopes = &scopes;
    scoped.images = &images;
    good = make_of(&scoped, start, header, out, err);
    scopes_done(&scopes);
    return good;
}

/* Of what is left of the old image, with groups of several lengths; the smallest patch stays. */
static bool make_in_place(const struct job *job, const struct unpacked *unpacked,
                          const struct delta_header *start, struct delta_header *header,
                          struct buf *out, struct err *err)
{
    const struct in_place_spaces spaces = {job->images->layouts, start, job->old->len,
                                           job->new_image->len};
    size_t before = out->len;
    bool good = false;

    for (unsigned i = 0; i < IN_PLACE_TRIES; i++) {
        uint64_t group_bytes = in_place_group_bytes(start, i);
        struct delta_header found = *start;
        struct group_ends ends;
        struct matches left = {0};
        struct job attempt = *job;
        AUTO_BUF patch;

        if (group_bytes == 0)
            break;
        buf_init(&patch, SIZE_MAX / 4);
        in_place_groups(&spaces, group_bytes, &ends);
        in_place_covers(&spaces, &ends, job->covers, &left);
        attempt.ends = &ends;
        attempt.covers = &left;
        if (make_with_scopes(&attempt, unpacked, start, &found, &patch, err) &&
            (!good || patch.len < out->len - before)) {
            out->len = before;
            buf_add(out, patch.data, patch.len);
            *header = found;
            good = true;
        }
        matches_done(&left);
        group_ends_done(&ends);
    }
    return good;
}

/* What is asked for. */
struct ask {
    const struct encode_images *files;
    const struct make_options *options;
    const struct delta_header *start;
};

/* Between two spaces. */
static bool make_between(const struct ask *ask, const struct job *between,
                         const struct unpacked *unpacked, struct delta_header *header,
                         struct buf *out, struct err *err)
{
    struct matches covers = {0};
    struct job job = *between;
    bool good;

    if (!search(&job, unpacked, ask->options, &covers, err))
        return false;
    job.covers = &covers;
    job.options = ask->options;
    good = ask->start->erase_log2 > 0
               ? make_in_place(&job, unpacked, ask->start, header, out, err)
               : make_with_scopes(&job, unpacked, ask->start, header, out, err);
    matches_done(&covers);
    return good;
}

static bool make_raw(const struct ask *ask, const struct unpacked *unpacked,
                     struct delta_header *header, struct buf *out, struct err *err)
{
    struct job job = {
        .images = ask->files, .old = ask->files->old, .new_image = ask->files->new_image};

    return make_between(ask, &job, unpacked, header, out, err);
}

static bool make_unpacked(const struct ask *ask, const struct unpacked *unpacked,
                          struct delta_header *header, struct buf *out, struct err *err)
{
    struct spaces spaces;
    const struct encode_images images = {ask->files->old, ask->files->new_image, &spaces.layouts,
                                         NULL};
    struct job job = {
        .images = &images, .old = &unpacked->old.image, .new_image = &unpacked->new_space.image};
    bool good = spaces_of(unpacked, &spaces) || err_set(err, ERR_LIMIT, "too many packed parts");

    good = good && make_between(ask, &job, unpacked, header, out, err);
    spaces_done(&spaces);
    return good;
}

static struct unpack_options unpack_options_of(const struct encode_images *files,
                                               const struct make_options *options)
{
    uint64_t class = delta_class_bytes(options->class);
    uint64_t room = class > CODER_BYTES ? class - CODER_BYTES : 0;

    return (struct unpack_options){
        .unpack_bytes_max = room,
        .pack_bytes_max = room,
        .unpacked_bytes_max =
            UNPACKED_TIMES_MAX * (files->old->len + files->new_image->len) + SPARE_BYTES,
        .memory_bytes = memory_shares(options->memory_bytes).flat_max,
        .threads = options->threads};
}

/* Unpacked where there is something to unpack, and raw else, or when no class has room. */
static bool make_any(const struct ask *ask, struct delta_header *header, struct buf *out,
                     struct err *err)
{
    const struct unpack_options unpack = unpack_options_of(ask->files, ask->options);
    const struct unpacked nothing = {0};
    struct unpacked unpacked = {0};
    bool good = false;

    tell(ask->options, MAKE_UNPACK, 0);
    if (unpack.unpack_bytes_max > 0 &&
        unpack_images(ask->files->old, ask->files->new_image, &unpack, &unpacked, err)) {
        if (unpacked.old.level_count + unpacked.new_space.level_count > 0)
            good = make_unpacked(ask, &unpacked, header, out, err);
        else
            good = make_raw(ask, &unpacked, header, out, err);
        if (good && ask->options->report)
            memcpy(ask->options->report->sums, unpacked.sums, sizeof(unpacked.sums));
        unpacked_done(&unpacked);
    }
    return good || make_raw(ask, &nothing, header, out, err);
}

bool make_patch(const struct image *old, const struct image *new_image,
                const struct make_options *options, struct delta_header *header, struct buf *out,
                struct err *err)
{
    const struct encode_images files = {old, new_image, NULL, NULL};
    struct delta_header start = {.old_length = old->len, .new_length = new_image->len};
    const struct ask ask = {&files, options, &start};

    if (!in_place_describe(&options->in_place, &start, err))
        return false;
    image_sha256(old, start.old_sha256);
    image_sha256(new_image, start.new_sha256);
    return make_any(&ask, header, out, err);
}
