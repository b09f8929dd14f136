#include "lib/delta/walk.h"

void delta_walk_start(struct delta_walk *walk, const struct delta_scope *scope)
{
    *walk = (struct delta_walk){.scope = scope};
}

/* The place in the scope; false behind its end, or where there is none. */
static bool place_of(const struct delta_walk *walk, uint64_t at, uint32_t *out)
{
    const struct delta_scope *scope = walk->scope;

    if (!scope || at < scope->new_at || at - scope->new_at >= scope->new_length)
        return false;
    *out = (uint32_t)(at - scope->new_at);
    return true;
}

/* The cover that is next or that holds the place. */
static const struct delta_cover *cover_of(const struct delta_walk *walk)
{
    return walk->next < walk->scope->cover_count ? &walk->scope->covers[walk->next] : NULL;
}

void delta_walk_step(struct delta_walk *walk, uint64_t at, uint64_t *cursor)
{
    const struct delta_cover *cover;
    uint32_t place;

    if (!place_of(walk, at, &place))
        return;
    for (cover = cover_of(walk);
         cover && place >= cover->new_at && place - cover->new_at >= cover->length;
         cover = cover_of(walk)) {
        walk->next++;
        walk->is_inside = false;
    }
    if (!cover || place < cover->new_at || walk->is_inside)
        return;
    *cursor = walk->scope->old_at + cover->old_at + (place - cover->new_at);
    walk->is_inside = true;
}

uint64_t delta_walk_cover(const struct delta_walk *walk, uint64_t at)
{
    const struct delta_cover *cover;
    uint32_t place;

    if (!place_of(walk, at, &place))
        return 0;
    cover = cover_of(walk);
    if (!cover || place < cover->new_at || place - cover->new_at >= cover->length)
        return 0;
    return cover->length - (place - cover->new_at);
}

uint64_t delta_walk_gap(const struct delta_walk *walk, uint64_t at)
{
    const struct delta_cover *cover;
    uint32_t place;

    if (!place_of(walk, at, &place))
        return 0;
    cover = cover_of(walk);
    if (!cover)
        return walk->scope->new_length - place;
    return place < cover->new_at ? cover->new_at - place : 0;
}
