/*
 * Names first, for they cost nothing; sketches of the contents only where names leave a choice or
 * nothing at all. A file of several pieces is cut where either side's pieces end.
 */
#include "deltagen/counterpart.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "deltagen/sketch.h"
#include "lib/base/mem.h"

enum {
    ALIKE_BYTES_MIN = 4096, /* smaller files are not looked for by contents */
    ALIKE_PART = 4,         /* a quarter of the hashes in common is much */
    NOBODY = -1,
};

struct file {
    const struct element *pieces;
    size_t count;
    uint64_t length;
    const char *path;
    uint64_t wild;         /* hash of the path, its digits all alike */
    struct sketch *sketch; /* owned; NULL until it is needed */
};

struct files {
    const struct space *space;
    struct file *items; /* owned */
    size_t count;
};

static uint64_t wild_hash(const char *path)
{
    uint64_t hash = 0;

    for (; *path; path++) {
        if (!isdigit((unsigned char)*path))
            hash = (hash ^ (unsigned char)*path) * UINT64_C(0x100000001b3) + 1;
        else if (!isdigit((unsigned char)path[1]))
            hash = (hash ^ '0') * UINT64_C(0x100000001b3) + 1;
    }
    return hash;
}

static void list_files(const struct space *space, struct files *out)
{
    const struct units *names = &space->names;

    *out = (struct files){.space = space,
                          .items = mem_array(names->element_count + 1, sizeof(struct file))};
    for (size_t i = 0; i < names->element_count; i++) {
        const struct element *element = &names->elements[i];
        struct file *last = out->count > 0 ? &out->items[out->count - 1] : NULL;

        if (element->kind == ELEMENT_PARTITION)
            continue;
        if (!last || last->pieces->path != element->path || last->pieces + last->count != element) {
            const char *path = units_path(names, element);

            last = &out->items[out->count++];
            *last = (struct file){.pieces = element, .path = path, .wild = wild_hash(path)};
        }
        last->count++;
        last->length += element->length;
    }
}

static void files_done(struct files *files)
{
    for (size_t i = 0; i < files->count; i++)
        mem_free(files->items[i].sketch);
    mem_free(files->items);
}

static int by_path(const void *a, const void *b)
{
    const struct file *x = a;
    const struct file *y = b;
    int order = strcmp(x->path, y->path);

    return order ? order : (x->pieces > y->pieces) - (x->pieces < y->pieces);
}

static void sort_by_path(struct files *files)
{
    qsort(files->items, files->count, sizeof(files->items[0]), by_path);
}

static const struct sketch *sketch_of(const struct files *files, struct file *file)
{
    if (!file->sketch) {
        const struct element *largest = file->pieces; /* tails are small */

        file->sketch = mem_alloc(sizeof(*file->sketch));
        for (size_t i = 1; i < file->count; i++) {
            if (file->pieces[i].length > largest->length)
                largest = &file->pieces[i];
        }
        sketch_make(files->space->image.data + largest->at, largest->length, file->sketch);
    }
    return file->sketch;
}

/* --- by name
 * -------------------------------------------------------------------------------------- */

/* Both are sorted by path. */
static void match_paths(const struct files *old, const struct files *new_side, int64_t *matches)
{
    size_t i = 0;

    for (size_t j = 0; j < new_side->count; j++) {
        const struct file *file = &new_side->items[j];

        while (i < old->count && strcmp(old->items[i].path, file->path) < 0)
            i++;
        if (i == old->count || strcmp(old->items[i].path, file->path) != 0)
            continue;
        matches[j] = (int64_t)i;
        /* The second of a path to the second, as far as there is one. */
        if (i + 1 < old->count && strcmp(old->items[i + 1].path, file->path) == 0 &&
            j + 1 < new_side->count && strcmp(new_side->items[j + 1].path, file->path) == 0)
            i++;
    }
}

struct wild {
    uint64_t hash;
    size_t file;
};

static int by_wild(const void *a, const void *b)
{
    const struct wild *x = a;
    const struct wild *y = b;

    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    return (x->file > y->file) - (x->file < y->file);
}

static size_t first_of(const struct wild *wilds, size_t count, uint64_t hash)
{
    size_t low = 0;
    size_t high = count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (wilds[middle].hash < hash)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Of those whose names differ in digits, the one that has most in common. */
static void match_wild(const struct files *old, const struct files *new_side, int64_t *matches)
{
    AUTO_FREE struct wild *wilds = mem_array(old->count + 1, sizeof(*wilds));

    for (size_t i = 0; i < old->count; i++)
        wilds[i] = (struct wild){old->items[i].wild, i};
    qsort(wilds, old->count, sizeof(*wilds), by_wild);
    for (size_t j = 0; j < new_side->count; j++) {
        struct file *file = &new_side->items[j];
        size_t most = 0;

        if (matches[j] != NOBODY)
            continue;
        for (size_t i = first_of(wilds, old->count, file->wild);
             i < old->count && wilds[i].hash == file->wild; i++) {
            struct file *other = &old->items[wilds[i].file];
            size_t common;

            if (matches[j] == NOBODY && (i + 1 == old->count || wilds[i + 1].hash != file->wild)) {
                matches[j] = (int64_t)wilds[i].file;
                break;
            }
            common = 1 + sketch_common(sketch_of(old, other), sketch_of(new_side, file));
            if (common > most) {
                most = common;
                matches[j] = (int64_t)wilds[i].file;
            }
        }
    }
}

/* --- by contents
 * ---------------------------------------------------------------------------------- */

static size_t index_contents(const struct files *old, struct wild **out)
{
    size_t count = 0;
    struct wild *hashes = mem_array(old->count * SKETCH_MAX + 1, sizeof(*hashes));

    for (size_t i = 0; i < old->count; i++) {
        const struct sketch *sketch = NULL;

        if (old->items[i].length >= ALIKE_BYTES_MIN)
            sketch = sketch_of(old, &old->items[i]);
        for (size_t k = 0; sketch && k < sketch->count; k++)
            hashes[count++] = (struct wild){sketch->hashes[k], i};
    }
    qsort(hashes, count, sizeof(*hashes), by_wild);
    *out = hashes;
    return count;
}

static void match_one(const struct files *old, const struct files *new_side, size_t j,
                      const struct wild *hashes, size_t count, int64_t *match)
{
    const struct sketch *sketch = sketch_of(new_side, &new_side->items[j]);
    size_t most = sketch->count / ALIKE_PART;

    for (size_t k = 0; k < sketch->count; k++) {
        size_t i = first_of(hashes, count, sketch->hashes[k]);

        /* What many files have says nothing. */
        for (size_t seen = 0; seen < 8 && i < count && hashes[i].hash == sketch->hashes[k];
             seen++, i++) {
            struct file *other = &old->items[hashes[i].file];
            size_t common = sketch_common(sketch_of(old, other), sketch);

            if (common > most) {
                most = common;
                *match = (int64_t)hashes[i].file;
            }
        }
    }
}

static void match_contents(const struct files *old, const struct files *new_side, int64_t *matches)
{
    AUTO_FREE struct wild *hashes = NULL;
    size_t count = 0;

    for (size_t j = 0; j < new_side->count; j++) {
        if (matches[j] != NOBODY || new_side->items[j].length < ALIKE_BYTES_MIN)
            continue;
        if (!hashes)
            count = index_contents(old, &hashes);
        match_one(old, new_side, j, hashes, count, &matches[j]);
    }
}

/* --- pairs
 * ---------------------------------------------------------------------------------------- */

struct pairs {
    struct counterpart *items;
    size_t count, room;
};

static void add_pair(struct pairs *pairs, struct counterpart pair)
{
    if (pairs->count == pairs->room) {
        pairs->room = 2 * pairs->room + 64;
        pairs->items = mem_resize(pairs->items, pairs->room, sizeof(pairs->items[0]));
    }
    pairs->items[pairs->count++] = pair;
}

/* Piece by piece, in step; what is left at the end of one side goes with the last of the other. */
static void pair_files(const struct file *old, const struct file *new_file, struct pairs *out)
{
    size_t i = 0;
    size_t j = 0;
    uint64_t old_done = 0;
    uint64_t new_done = 0;

    while (j < new_file->count) {
        const struct element *from = &old->pieces[i];
        const struct element *to = &new_file->pieces[j];
        uint64_t old_left = from->length - old_done;
        uint64_t new_left = to->length - new_done;
        bool last_old = i + 1 == old->count;
        uint64_t part = !last_old && old_left < new_left ? old_left : new_left;

        add_pair(out, (struct counterpart){from->at + old_done, old_left, to->at + new_done, part});
        new_done += part;
        old_done += part < old_left ? part : old_left;
        if (old_done == from->length && !last_old) {
            i++;
            old_done = 0;
        } else if (old_done == from->length) {
            old_done = 0; /* the rest of new may be anything of the last piece */
        }
        if (new_done == to->length) {
            j++;
            new_done = 0;
        }
    }
}

static int by_new(const void *a, const void *b)
{
    const struct counterpart *x = a;
    const struct counterpart *y = b;

    if (x->new_at != y->new_at)
        return x->new_at < y->new_at ? -1 : 1;
    if (x->old_at != y->old_at)
        return x->old_at < y->old_at ? -1 : 1;
    return (x->new_len < y->new_len) - (x->new_len > y->new_len);
}

/* Hard links and nested names say things twice. */
static void drop_overlaps(struct pairs *pairs)
{
    uint64_t end = 0;
    size_t kept = 0;

    if (pairs->count == 0)
        return;
    qsort(pairs->items, pairs->count, sizeof(pairs->items[0]), by_new);
    for (size_t i = 0; i < pairs->count; i++) {
        const struct counterpart pair = pairs->items[i];

        if (pair.new_at < end || pair.new_len == 0 || pair.old_len == 0)
            continue;
        end = pair.new_at + pair.new_len;
        pairs->items[kept++] = pair;
    }
    pairs->count = kept;
}

void counterparts_find(const struct space *old, const struct space *new_space,
                       struct counterpart **out, size_t *count)
{
    struct files before;
    struct files after;
    struct pairs pairs = {0};
    AUTO_FREE int64_t *matches = NULL;

    list_files(old, &before);
    list_files(new_space, &after);
    sort_by_path(&before);
    sort_by_path(&after);
    matches = mem_array(after.count + 1, sizeof(*matches));
    for (size_t j = 0; j < after.count; j++)
        matches[j] = NOBODY;
    match_paths(&before, &after, matches);
    match_wild(&before, &after, matches);
    match_contents(&before, &after, matches);
    for (size_t j = 0; j < after.count; j++) {
        if (matches[j] != NOBODY)
            pair_files(&before.items[matches[j]], &after.items[j], &pairs);
    }
    drop_overlaps(&pairs);
    files_done(&before);
    files_done(&after);
    *out = pairs.items;
    *count = pairs.count;
}
