#pragma once
/* What holds for every container finder: whatever is found lies in the bytes that were given. */
#include "deltagen/container/container.h"
#include "lib/base/mem.h"

enum { FUZZ_UNPACKED_MAX = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void check_found(struct units *found, size_t size)
{
    uint64_t end = 0;

    units_sort(found);
    spans_merge(found);
    for (size_t i = 0; i < found->unit_count; i++) {
        const struct unit *unit = &found->units[i];

        ASSERT(unit->at >= end && unit->at < size && unit->packed_len <= size - unit->at);
        ASSERT(unit->unpacked_len > 0 && unit->group < found->groups &&
               unit->family < UNIT_FAMILY_COUNT);
        end = unit->at + unit->packed_len;
    }
    for (size_t i = 0; i < found->element_count; i++)
        ASSERT(found->elements[i].at < size && found->elements[i].path < found->names_len);
    for (size_t i = 0; i < found->span_count; i++)
        ASSERT(found->spans[i].length <= size - found->spans[i].at);
}

/* One finder, at the very start. */
static inline int fuzz_container(const struct container *container, const uint8_t *data,
                                 size_t size)
{
    const struct container_input in = {data, size, FUZZ_UNPACKED_MAX};
    struct units found = {0};
    struct container_found what = {0};

    if (size >= (size_t)container->magic_at + container->magic_len &&
        container->find(&in, 0, &found, &what))
        ASSERT(what.length > container->magic_at && what.length <= size);
    check_found(&found, size);
    units_done(&found);
    return 0;
}
