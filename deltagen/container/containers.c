/*
 * The table of containers, and the search for them: one pass over the bytes; a byte that begins
 * no magic costs one look into a table of 256.
 */
#include <string.h>

#include "deltagen/container/container.h"

const struct container *const containers[] = {
    &container_mbr,       &container_gpt,  &container_ext,  &container_squashfs,   &container_erofs,
    &container_gzip,      &container_zstd, &container_xz,   &container_lz4_legacy, &container_lzma,
    &container_lz4_frame, &container_tar,  &container_cpio,
};
const size_t container_count = COUNT(containers);

enum { CONTAINERS_MAX = COUNT(containers) };

struct search {
    const struct container_input *in;
    uint64_t from;
    struct units *out;
    uint64_t not_before[CONTAINERS_MAX]; /* by container: behind the last one of its kind */
};

static bool begins(const struct container *container, const struct container_input *in,
                   uint64_t magic_at)
{
    return magic_at >= container->magic_at && in->len - magic_at >= container->magic_len &&
           memcmp(in->data + magic_at, container->magic, container->magic_len) == 0;
}

/* Bytes from the magic on that need no more search; at least 1. */
static uint64_t find_at(struct search *search, uint64_t magic_at)
{
    for (size_t i = 0; i < container_count; i++) {
        const struct container *container = containers[i];
        uint64_t at = magic_at - container->magic_at;
        struct container_found found = {0};

        if (!begins(container, search->in, magic_at) || at < search->from ||
            at < search->not_before[i] || !container->find(search->in, at, search->out, &found))
            continue;
        ASSERT(found.length > container->magic_at && found.length <= search->in->len - at);
        search->not_before[i] = at + found.length;
        if (found.open)
            continue;
        units_add_span(search->out, (struct span){at, found.length});
        return found.length - container->magic_at;
    }
    return 1;
}

void container_find_all(const struct container_input *in, uint64_t from, uint64_t to,
                        struct units *out)
{
    struct search search = {.in = in, .from = from, .out = out};
    bool first[256] = {false};

    ASSERT(from <= to && to <= in->len);
    for (size_t i = 0; i < container_count; i++)
        first[(uint8_t)containers[i]->magic[0]] = true;
    for (uint64_t pos = from; pos < to && !out->full;)
        pos += first[in->data[pos]] ? find_at(&search, pos) : 1;
}

/* Kernels hold a stream, somewhere. */
static const struct container kernels[] = {
    {.name = "bzImage", .magic = "HdrS", .magic_len = 4, .magic_at = 0x202},
    {.name = "zboot", .magic = "zimg", .magic_len = 4, .magic_at = 4},
};

bool container_starts(const uint8_t *data, uint64_t len)
{
    const struct container_input in = {.data = data, .len = len};

    for (size_t i = 0; i < container_count; i++) {
        if (len > containers[i]->magic_at && begins(containers[i], &in, containers[i]->magic_at))
            return true;
    }
    for (size_t i = 0; i < COUNT(kernels); i++) {
        if (len > kernels[i].magic_at && begins(&kernels[i], &in, kernels[i].magic_at))
            return true;
    }
    return false;
}
