/* A bump allocator; pieces are aligned for any type and live as long as the block. */
#include "lib/delta/space.h"

size_t delta_space_of(size_t size)
{
    return (size + DELTA_SPACE_ALIGN - 1) / DELTA_SPACE_ALIGN * DELTA_SPACE_ALIGN;
}

void *delta_space_take(struct delta_space *space, size_t size)
{
    size_t whole = delta_space_of(size);
    uint8_t *piece = space->next;

    if (whole < size || whole > space->left)
        return NULL;
    space->next += whole;
    space->left -= whole;
    return piece;
}
