/*
 * The covers of a scope are those that begin in its part of the new space and lie in its part of
 * the old one. Positions are cut to 32 bits: programs larger than 4 GiB have no scope.
 */
#include "deltagen/scopes.h"

#include <stdlib.h>

#include "deltagen/base.h"
#include "deltagen/elf.h"
#include "deltagen/mask_code.h"
#include "lib/base/mem.h"

enum { COVER_BYTES_MIN = 16, BARE_BYTES_MIN = 4096 };

/* clang-format off */
static const enum delta_arch archs[CODE_COUNT] = {
    [CODE_NONE]  = DELTA_ARCH_NONE,
    [CODE_X86]   = DELTA_ARCH_X86,
    [CODE_ARM]   = DELTA_ARCH_ARM,
    [CODE_ARM64] = DELTA_ARCH_ARM64,
    [CODE_THUMB] = DELTA_ARCH_THUMB,
    [CODE_RISCV] = DELTA_ARCH_RISCV,
};
/* clang-format on */

static bool holds(const struct delta_scope *scope, const struct match *cover)
{
    return cover->new_pos >= scope->new_at && cover->len >= COVER_BYTES_MIN &&
           cover->new_pos + cover->len <= scope->new_at + scope->new_length &&
           cover->old_pos >= scope->old_at &&
           cover->old_pos + cover->len <= scope->old_at + scope->old_length;
}

/* The first cover that begins at or behind a place. */
static size_t first_cover(const struct matches *covers, uint64_t at)
{
    size_t low = 0;
    size_t high = covers->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (covers->items[middle].new_pos < at)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int longer_first(const void *a, const void *b)
{
    size_t x = *(const size_t *)a;
    size_t y = *(const size_t *)b;

    return x < y ? 1 : x > y ? -1 : 0;
}

/* The length below which covers are left out, so that no more than `most` stay. */
static size_t length_limit(const struct delta_scope *scope, const struct matches *covers,
                           size_t first, uint32_t most)
{
    size_t *lengths = mem_array(covers->count - first + 1, sizeof(*lengths));
    size_t count = 0;
    size_t limit = 0;

    for (size_t i = first; i < covers->count; i++) {
        if (covers->items[i].new_pos >= scope->new_at + scope->new_length)
            break;
        if (holds(scope, &covers->items[i]))
            lengths[count++] = covers->items[i].len;
    }
    if (count > most) {
        qsort(lengths, count, sizeof(*lengths), longer_first);
        limit = lengths[most] + 1;
    }
    mem_free(lengths);
    return limit;
}

static void take_covers(struct delta_scope *scope, const struct matches *covers, uint32_t most)
{
    size_t first = first_cover(covers, scope->new_at);
    size_t limit = length_limit(scope, covers, first, most);

    scope->covers = mem_array(most + 1, sizeof(*scope->covers));
    for (size_t i = first; i < covers->count && scope->cover_count < most; i++) {
        const struct match *cover = &covers->items[i];

        if (cover->new_pos >= scope->new_at + scope->new_length)
            break;
        if (cover->len < limit || !holds(scope, cover))
            continue;
        scope->covers[scope->cover_count++] =
            (struct delta_cover){(uint32_t)(cover->new_pos - scope->new_at),
                                 (uint32_t)(cover->old_pos - scope->old_at), (uint32_t)cover->len};
    }
    scope->cover_room = scope->cover_count;
    scope->covers = mem_resize(scope->covers, scope->cover_count + 1, sizeof(*scope->covers));
    scope->by_old = mem_array(scope->cover_count + 1, sizeof(*scope->by_old));
}

/* Where bare code runs is in its words. False: nothing is known of it. */
static bool find_base(const struct image *old, const struct image *new_image,
                      struct delta_scope *scope)
{
    const struct base_pair pair = {.old = scope->old_length > 0 ? old->data + scope->old_at
                                                                : old->data,
                                   .new_data = new_image->data + scope->new_at,
                                   .old_length = scope->old_length,
                                   .new_length = scope->new_length,
                                   .word = scope->word,
                                   .covers = scope->covers,
                                   .cover_count = scope->cover_count};

    return (scope->cover_count > 0 && base_find(&pair, scope)) || scope->arch != DELTA_ARCH_NONE;
}

/* One without covers says nothing. */
static void add(struct scopes *scopes, struct delta_scope *scope)
{
    if (scope->cover_count == 0) {
        mem_free(scope->covers);
        mem_free(scope->by_old);
        return;
    }
    if (scopes->count == scopes->room) {
        scopes->room = scopes->room ? scopes->room * 2 : 16;
        scopes->items = mem_resize(scopes->items, scopes->room, sizeof(*scopes->items));
    }
    scopes->items[scopes->count++] = *scope;
    if (scope->cover_count > scopes->most_covers)
        scopes->most_covers = scope->cover_count;
}

static void copy_segments(const struct program *program, struct delta_segment *out, unsigned *count)
{
    for (unsigned i = 0; i < program->count; i++)
        out[i] = program->segments[i];
    *count = program->count;
}

/* Two programs for the same CPU; or what may be bare code. */
static bool scope_of(const struct image *old, const struct image *new_image,
                     const struct counterpart *pair, bool *is_bare, struct delta_scope *out)
{
    struct program was;
    struct program is;

    *is_bare = false;
    if (pair->old_len > UINT32_MAX || pair->new_len > UINT32_MAX)
        return false;
    *out = (struct delta_scope){.old_at = pair->old_at,
                                .new_at = pair->new_at,
                                .old_length = (uint32_t)pair->old_len,
                                .new_length = (uint32_t)pair->new_len,
                                .word = 4};
    if (elf_read(new_image->data + pair->new_at, pair->new_len, &is)) {
        if (!elf_read(old->data + pair->old_at, pair->old_len, &was) || was.arch != is.arch)
            return false;
        out->arch = is.arch;
        out->word = is.word;
        copy_segments(&was, out->old_segments, &out->old_count);
        copy_segments(&is, out->new_segments, &out->new_count);
        if ((out->old_count == 0) != (out->new_count == 0))
            out->old_count = out->new_count = 0;
        return true;
    }
    out->arch = archs[code_kind(new_image->data + pair->new_at, (size_t)pair->new_len)];
    out->word = out->arch == DELTA_ARCH_ARM64 ? 8 : 4;
    *is_bare = true;
    return pair->new_len >= BARE_BYTES_MIN;
}

/* NOLINTNEXTLINE(readability-function-size): both spaces, their pairs and covers */
void scopes_find(const struct image *old, const struct image *new_image,
                 const struct counterpart *pairs, size_t pair_count, const struct matches *covers,
                 uint32_t covers_max, struct scopes *out)
{
    const struct counterpart whole = {0, old->len, 0, new_image->len};
    bool alone = pair_count == 0;
    uint64_t end = 0;

    *out = (struct scopes){0};
    if (alone) {
        pairs = &whole;
        pair_count = 1;
    }
    for (size_t i = 0; i < pair_count; i++) {
        struct delta_scope scope;
        bool is_bare;

        if (pairs[i].new_at < end || !scope_of(old, new_image, &pairs[i], &is_bare, &scope) ||
            (is_bare && !alone))
            continue;
        take_covers(&scope, covers, covers_max);
        if (is_bare && !find_base(old, new_image, &scope))
            scope.cover_count = 0;
        add(out, &scope);
        end = pairs[i].new_at + pairs[i].new_len;
    }
}

void scopes_done(struct scopes *scopes)
{
    for (size_t i = 0; i < scopes->count; i++) {
        mem_free(scopes->items[i].covers);
        mem_free(scopes->items[i].by_old);
    }
    mem_free(scopes->items);
    *scopes = (struct scopes){0};
}
