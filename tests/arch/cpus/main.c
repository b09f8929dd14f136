/*
 * OLD PATCH NEW: the device's applier over files, for CPUs that the build machine only emulates,
 * and the proof of what it takes: one block of memory by the callback, nothing else from the heap
 * (linked with --wrap=malloc and its like, so that libraries count, too), and the stack it runs on
 * is our own, painted before and looked at afterwards. Prints class, block and stack in bytes.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <ucontext.h>
#include <unistd.h>

#include "lib/delta/apply.h"

enum { STACK_BYTES = 1 << 20, STACK_BYTES_MAX = 32 << 10, PAINT = 0xa5 };

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);

static struct {
    int old, patch, made;
    bool inside; /* from the callback that gives the block to the one that takes it back */
    unsigned allocations;
    size_t block;
    struct delta_limits limits;
    struct delta_header header;
    struct err err;
    bool good;
    ucontext_t caller, applier;
} run;
static _Alignas(64) uint8_t stack[STACK_BYTES];

void *__wrap_malloc(size_t size)
{
    run.allocations += run.inside;
    return __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    run.allocations += run.inside;
    return __real_calloc(count, size);
}

void *__wrap_realloc(void *block, size_t size)
{
    run.allocations += run.inside;
    return __real_realloc(block, size);
}

static bool read_old(void *arg, uint64_t offset, void *buf, size_t len, struct err *err)
{
    (void)arg;
    return pread(run.old, buf, len, (off_t)offset) == (ssize_t)len ||
           err_set(err, ERR_SYSTEM, "could not read the old image");
}

static bool read_patch(void *arg, uint64_t offset, void *buf, size_t room, size_t *got,
                       struct err *err)
{
    ssize_t some = pread(run.patch, buf, room, (off_t)offset);

    (void)arg;
    *got = some > 0 ? (size_t)some : 0;
    return some >= 0 || err_set(err, ERR_SYSTEM, "could not read the patch");
}

static bool write_new(void *arg, uint64_t offset, const void *buf, size_t len, struct err *err)
{
    (void)arg;
    return pwrite(run.made, buf, len, (off_t)offset) == (ssize_t)len ||
           err_set(err, ERR_SYSTEM, "could not write the new image");
}

static void *allocate(void *arg, size_t size)
{
    void *block = malloc(size);

    (void)arg;
    if (!block)
        abort();
    memset(block, PAINT, size); /* nobody promised zeros */
    run.block += size;
    run.inside = true;
    return block;
}

static void release(void *arg, void *block)
{
    (void)arg;
    run.inside = false;
    free(block);
}

static void apply(void)
{
    const struct delta_io io = {.read_old = read_old,
                                .read_patch = read_patch,
                                .write_new = write_new,
                                .allocate = allocate,
                                .release = release};

    run.good = delta_apply(&io, &run.limits, &run.header, &run.err);
}

static size_t apply_on_stack(void)
{
    size_t untouched = 0;

    memset(stack, PAINT, sizeof(stack));
    if (getcontext(&run.applier) != 0)
        abort();
    run.applier.uc_stack.ss_sp = stack;
    run.applier.uc_stack.ss_size = sizeof(stack);
    run.applier.uc_link = &run.caller;
    makecontext(&run.applier, apply, 0);
    if (swapcontext(&run.caller, &run.applier) != 0)
        abort();
    while (untouched < sizeof(stack) && stack[untouched] == PAINT)
        untouched++;
    return sizeof(stack) - untouched;
}

int main(int argc, char **argv)
{
    struct stat of_old;
    size_t depth;

    if (argc != 4)
        return 2;
    run.old = open(argv[1], O_RDONLY);
    run.patch = open(argv[2], O_RDONLY);
    run.made = open(argv[3], O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (run.old < 0 || run.patch < 0 || run.made < 0 || fstat(run.old, &of_old) != 0)
        return 2;
    run.limits = (struct delta_limits){.old_length = (uint64_t)of_old.st_size,
                                       .new_length_max = DELTA_LENGTH_MAX,
                                       .memory_bytes_max = 64 << 20};
    depth = apply_on_stack();
    if (!run.good) {
        (void)fprintf(stderr, "%s\n", run.err.text);
        return 1;
    }
    (void)printf("%s %zu %zu\n", delta_class_name(run.header.class), run.block, depth);
    if (run.allocations > 0 || run.block > delta_class_bytes(run.header.class) ||
        depth > STACK_BYTES_MAX) {
        (void)fprintf(stderr, "%u allocations beside the block\n", run.allocations);
        return 1;
    }
    return 0;
}
