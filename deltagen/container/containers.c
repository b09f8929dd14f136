/*
 * The table of containers, and the search for them: one pass over the bytes; a byte that begins
 * no magic costs one look into a table of 256.
 */
#include <string.h>

#include "deltagen/container/container.h"

const struct container *const containers[] = {
    &container_squashfs,
    &container_gzip,
};
const size_t container_count = COUNT(containers);

static bool begins(const struct container *container, const struct container_input *in,
                   uint64_t magic_at)
{
    uint64_t at = magic_at - container->magic_at;

    return magic_at >= container->magic_at && at % container->align == 0 &&
           in->len - magic_at >= container->magic_len &&
           memcmp(in->data + magic_at, container->magic, container->magic_len) == 0;
}

/* The length of what begins at the magic, or 0. */
static uint64_t find_at(const struct container_input *in, uint64_t magic_at, uint64_t from,
                        struct units *out)
{
    for (size_t i = 0; i < container_count; i++) {
        const struct container *container = containers[i];
        uint64_t at = magic_at - container->magic_at;
        uint64_t length;

        if (!begins(container, in, magic_at) || at < from)
            continue;
        length = container->find(in, at, out);
        if (length > 0 && length != CONTAINER_OPEN)
            return length - container->magic_at;
    }
    return 0;
}

void container_find_all(const struct container_input *in, uint64_t from, uint64_t to,
                        struct units *out)
{
    bool first[256] = {false};

    ASSERT(from <= to && to <= in->len);
    for (size_t i = 0; i < container_count; i++)
        first[(uint8_t)containers[i]->magic[0]] = true;
    for (uint64_t pos = from; pos < to && !out->full;) {
        uint64_t length = first[in->data[pos]] ? find_at(in, pos, from, out) : 0;

        pos += length > 0 ? length : 1;
    }
}
