/* RLIMIT_DATA counts what is private and writable: the heap, mapped arrays and stacks. */
#include "deltagen/memory.h"

#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "deltagen/mask.h"
#include "lib/base/mem.h"

enum {
    DEFAULT_BYTES = 1 << 30,
    /* At once: two spaces below and two above; trials take as much again. */
    FLATS = 8,
    STORED_COPIES = 16,
    /* What does not grow with the images: libraries, stacks, buffers. */
    OWN_BYTES = 20 << 20,
    INDEX_BYTES_MIN = 1 << 20,
    COVERS_SHARE = 8, /* covers, operations and code */
};

struct memory memory_shares(uint64_t total)
{
    return total == 0 ? (struct memory){DEFAULT_BYTES, DEFAULT_BYTES / STORED_COPIES}
                      : (struct memory){total / FLATS, total / STORED_COPIES};
}

static uint64_t in_memory(uint64_t total, const struct image *image)
{
    return image->len <= memory_shares(total).flat_max ? image->len : 0;
}

static uint64_t mask_bytes(const struct image *image)
{
    return image->len / 8 <= MASK_MEMORY_BYTES ? image->len / 8 : 0;
}

bool memory_for_index(uint64_t total, const struct image *old, const struct image *new_image,
                      uint64_t device_bytes, uint64_t *out, struct err *err)
{
    uint64_t masks = mask_bytes(old) + mask_bytes(new_image) + old->len / 32;
    uint64_t fixed = OWN_BYTES + masks + device_bytes;
    uint64_t least = (fixed + INDEX_BYTES_MIN) / (COVERS_SHARE - 1) * COVERS_SHARE + (1 << 20);
    uint64_t spent =
        fixed + total / COVERS_SHARE + in_memory(total, old) + in_memory(total, new_image);

    *out = DEFAULT_BYTES / 2;
    if (total == 0)
        return true;
    *out = total > spent + INDEX_BYTES_MIN ? total - spent : INDEX_BYTES_MIN;
    return total >= least ||
           err_set(err, ERR_LIMIT, "--memory is too small for these images: %llu MiB at least",
                   (unsigned long long)(least >> 20));
}

/* Sanitizers map terabytes of shadow. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HAS_SHADOW 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define HAS_SHADOW 1
#endif
#endif
#ifndef HAS_SHADOW
#define HAS_SHADOW 0
#endif

/* Nothing is left to do but to say so: files that have no name yet go with the process. */
NORETURN static void on_exhausted(size_t size)
{
    (void)fprintf(stderr,
                  "deltagen: --memory is too small for these images: "
                  "%zu bytes more are needed\n",
                  size);
    _exit(1);
}

bool memory_limit(uint64_t total, struct err *err)
{
    const struct rlimit limit = {total, total};

    mem_when_exhausted(on_exhausted);
    return HAS_SHADOW || setrlimit(RLIMIT_DATA, &limit) == 0 ||
           err_system(err, "could not limit the memory to %llu bytes", (unsigned long long)total);
}
