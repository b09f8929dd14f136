/* Every access is checked, so that the applier's own checks are tested by it. */
#include "tests/support/delta_memory.h"

#include <string.h>

#include "lib/base/mem.h"

static bool read_old(void *arg, uint64_t offset, void *buf, size_t len, struct err *err)
{
    const struct delta_memory *memory = arg;

    (void)err;
    ASSERT(offset <= memory->old_len && len <= memory->old_len - offset);
    if (len > 0)
        memcpy(buf, memory->old + offset, len);
    return true;
}

static bool read_patch(void *arg, uint64_t offset, void *buf, size_t room, size_t *got,
                       struct err *err)
{
    struct delta_memory *memory = arg;
    size_t left = offset < memory->patch_len ? memory->patch_len - (size_t)offset : 0;

    (void)err;
    ASSERT(room > 0);
    *got = left < room ? left : room;
    if (memory->piece > 0 && *got > memory->piece)
        *got = memory->piece;
    if (*got > 0)
        memcpy(buf, memory->patch + offset, *got);
    memory->patch_bytes += *got;
    memory->patch_pos = (size_t)offset + *got;
    return true;
}

static bool write_new(void *arg, uint64_t offset, const void *buf, size_t len, struct err *err)
{
    struct delta_memory *memory = arg;

    ASSERT(len > 0 && offset == memory->out.len);
    buf_add(&memory->out, buf, len);
    return !memory->out.failed || err_set(err, ERR_LIMIT, "the test's output is full");
}

static void *allocate(void *arg, size_t size)
{
    struct delta_memory *memory = arg;

    memory->allocations++;
    memory->allocated_bytes += size;
    return mem_alloc(size);
}

static void release(void *arg, void *block)
{
    struct delta_memory *memory = arg;

    memory->released++;
    mem_free(block);
}

void delta_memory_init(struct delta_memory *memory, size_t out_max)
{
    *memory = (struct delta_memory){0};
    buf_init(&memory->out, out_max);
}

void delta_memory_done(struct delta_memory *memory)
{
    buf_done(&memory->out);
}

struct delta_io delta_memory_io(struct delta_memory *memory)
{
    return (struct delta_io){.arg = memory,
                             .read_old = read_old,
                             .read_patch = read_patch,
                             .write_new = write_new,
                             .allocate = allocate,
                             .release = release};
}
