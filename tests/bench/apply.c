/*
 * How fast patches are applied, in a core's own time: where the old image is copied, where every
 * byte is modelled, where all is literals, and where blocks are packed again. The program in the
 * images is this system's libcrypto; images, patch and result are in memory.
 *
 * The ratio is against SHA-256 of the old and of the new image in the same run, which no safe
 * update goes without.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define ZLIB_CONST
#include <zlib.h>

#include "deltagen/make.h"
#include "lib/base/mem.h"
#include "lib/crypto/hash.h"
#include "lib/delta/apply.h"

enum { COPIED_BYTES = 128 << 20, EDIT_EVERY = 1 << 20, CHANGE_EVERY = 200, SECONDS_MIN = 1 };

static const char *const programs[] = {"/usr/lib/x86_64-linux-gnu/libcrypto.so.3",
                                       "/usr/lib/aarch64-linux-gnu/libcrypto.so.3",
                                       "/proc/self/exe"};

static void stop(const char *what)
{
    (void)fprintf(stderr, "bench: %s\n", what);
    exit(1);
}

static double cpu_seconds(void)
{
    struct rusage usage;

    (void)getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_utime.tv_sec + (double)usage.ru_stime.tv_sec +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* --- applying in memory ----------------------------------------------------------------------- */

struct job {
    const struct image *old, *new_image;
    const struct buf *patch;
    uint8_t *out;
};

static bool read_old(void *arg, uint64_t offset, void *buf, size_t len, struct err *err)
{
    const struct job *job = arg;

    (void)err;
    memcpy(buf, job->old->data + offset, len);
    return true;
}

static bool read_patch(void *arg, uint64_t offset, void *buf, size_t room, size_t *got,
                       struct err *err)
{
    const struct job *job = arg;
    size_t left = offset < job->patch->len ? job->patch->len - (size_t)offset : 0;

    (void)err;
    *got = left < room ? left : room;
    if (*got > 0)
        memcpy(buf, job->patch->data + offset, *got);
    return true;
}

static bool write_new(void *arg, uint64_t offset, const void *buf, size_t len, struct err *err)
{
    const struct job *job = arg;

    (void)err;
    memcpy(job->out + offset, buf, len);
    return true;
}

static double apply_seconds(struct job *job)
{
    const struct delta_io io = {
        .arg = job, .read_old = read_old, .read_patch = read_patch, .write_new = write_new};
    uint8_t old_sha256[HASH_BYTES];
    const struct delta_limits limits = {.old_length = job->old->len,
                                        .new_length_max = job->new_image->len,
                                        .memory_bytes_max = 64 << 20,
                                        .old_sha256 = old_sha256};
    struct err err = {0};
    double start = cpu_seconds();
    unsigned runs = 0;

    do {
        image_sha256(job->old, old_sha256);
        if (!delta_apply(&io, &limits, NULL, &err))
            stop(err.text);
        runs++;
    } while (cpu_seconds() - start < SECONDS_MIN);
    if (memcmp(job->out, job->new_image->data, job->new_image->len) != 0)
        stop("other bytes came out");
    return (cpu_seconds() - start) / runs;
}

static double hash_seconds(const struct job *job)
{
    uint8_t hash[HASH_BYTES];
    double start = cpu_seconds();
    unsigned runs = 0;

    do {
        image_sha256(job->old, hash);
        image_sha256(job->new_image, hash);
        runs++;
    } while (cpu_seconds() - start < SECONDS_MIN);
    return (cpu_seconds() - start) / runs;
}

/* --- what is measured ------------------------------------------------------------------------- */

static void measure(const char *what, const struct image *old, const struct image *new_image)
{
    const struct make_options options = {.codec = DELTA_CM, .class = DELTA_CLASS_L, .threads = 1};
    struct delta_header header;
    AUTO_BUF patch;
    struct err err = {0};
    struct job job = {old, new_image, &patch, mem_alloc(new_image->len)};
    double seconds;

    buf_init(&patch, SIZE_MAX / 4);
    if (!make_patch(old, new_image, &options, &header, &patch, &err))
        stop(err.text);
    seconds = apply_seconds(&job);
    (void)printf("%-9s %12zu %10zu  %s %9.1f %8.2f\n", what, new_image->len, patch.len,
                 delta_class_name(header.class), (double)new_image->len / seconds / 1e6,
                 hash_seconds(&job) / seconds);
    mem_free(job.out);
}

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525 + 1013904223;
    return *state >> 8;
}

static void copied(void)
{
    AUTO_FREE uint8_t *old = mem_alloc(COPIED_BYTES);
    AUTO_FREE uint8_t *new_data = mem_alloc(COPIED_BYTES);
    const struct image old_image = {old, COPIED_BYTES};
    const struct image new_image = {new_data, COPIED_BYTES};
    uint32_t state = 1;

    for (size_t i = 0; i < COPIED_BYTES; i++)
        old[i] = (uint8_t)next_random(&state);
    memcpy(new_data, old, COPIED_BYTES);
    for (size_t i = 0; i < COPIED_BYTES; i += EDIT_EVERY)
        new_data[i] ^= 0x55;
    measure("copied", &old_image, &new_image);
}

static void modelled(const struct image *program)
{
    AUTO_FREE uint8_t *new_data = mem_dup(program->data, program->len);
    const struct image new_image = {new_data, program->len};
    uint32_t state = 2;

    for (size_t i = 5000; i < program->len; i += CHANGE_EVERY)
        new_data[i] = (uint8_t)next_random(&state);
    measure("modelled", program, &new_image);
}

static void literals(const struct image *program)
{
    const struct image nothing = {(const uint8_t *)"", 0};

    measure("literals", &nothing, program);
}

/* A gzip member whose text changes everywhere. */
static void packed(const struct image *program, struct buf *out)
{
    z_stream stream = {0};
    size_t room = compressBound((uLong)program->len) + 1024;
    AUTO_FREE uint8_t *data = mem_alloc(room);

    if (deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        stop("no deflate");
    stream.next_in = program->data;
    stream.avail_in = (uInt)program->len;
    stream.next_out = data;
    stream.avail_out = (uInt)room;
    if (deflate(&stream, Z_FINISH) != Z_STREAM_END)
        stop("deflate failed");
    buf_init(out, room);
    buf_add(out, data, stream.total_out);
    (void)deflateEnd(&stream);
}

static void repacked(const struct image *program)
{
    AUTO_FREE uint8_t *new_data = mem_dup(program->data, program->len);
    const struct image changed = {new_data, program->len};
    AUTO_BUF old_file;
    AUTO_BUF new_file;

    for (size_t i = 5000; i < program->len; i += (size_t)32 * CHANGE_EVERY)
        new_data[i] ^= 1;
    packed(program, &old_file);
    packed(&changed, &new_file);
    measure("repacked", &(const struct image){old_file.data, old_file.len},
            &(const struct image){new_file.data, new_file.len});
}

int main(void)
{
    AUTO_IMAGE program = {0};
    struct err err = {0};
    size_t i = 0;

    while (i < COUNT(programs) && !image_open(programs[i], &program, &err))
        i++;
    if (i == COUNT(programs))
        stop("no program to update");
    (void)printf("program: %s\n%-9s %12s %10s %s %9s %8s\n", programs[i], "", "new bytes", "patch",
                 "class", "MB/s", "of SHA");
    copied();
    modelled(&program);
    literals(&program);
    repacked(&program);
    return 0;
}
