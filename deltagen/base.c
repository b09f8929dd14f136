/*
 * Every start of a window that holds most of the changed words is tried, as far as starts are
 * aligned. A start that is somewhat wrong is nearly as good as the right one, for covers are long;
 * of equals the best aligned one is taken.
 */
#include "deltagen/base.h"

#include <stdlib.h>

#include "deltagen/elf.h"
#include "lib/base/mem.h"

enum {
    WORDS_MAX = 1 << 16,
    ASKED_MAX = 256, /* words, for each start */
    STARTS_MAX = 2048,
    STEP_MIN = 256,
    HITS_MIN = 6,
    PERCENT_MIN = 10, /* of the words that are asked */
    SMALLEST = 256,   /* lower words are counts */
    VARIABLES_LOG2 = 20,
    VARIABLES_MAX = 256 << 10,
    MOVED_MAX = 32 << 10,
};

struct change {
    uint64_t was, is;
};

struct changes {
    struct change *items;
    size_t count;
};

static uint64_t word_at(const uint8_t *at, unsigned bytes)
{
    uint64_t value = 0;

    for (unsigned i = bytes; i-- > 0;)
        value = value << 8 | at[i];
    return value;
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = ((const struct change *)a)->was;
    uint64_t y = ((const struct change *)b)->was;

    return (x > y) - (x < y);
}

static void collect(const struct base_pair *pair, struct changes *out)
{
    unsigned word = pair->word;

    out->items = mem_array(WORDS_MAX, sizeof(*out->items));
    out->count = 0;
    for (uint32_t i = 0; i < pair->cover_count; i++) {
        const struct delta_cover *cover = &pair->covers[i];
        uint32_t skip = (word - cover->old_at % word) % word;

        if ((cover->new_at + skip) % word != 0)
            continue;
        for (uint32_t at = skip; at + word <= cover->length; at += word) {
            struct change change = {word_at(pair->old + cover->old_at + at, word),
                                    word_at(pair->new_data + cover->new_at + at, word)};

            if (change.was != change.is && change.was >= SMALLEST && elf_is_sayable(change.was) &&
                out->count < WORDS_MAX)
                out->items[out->count++] = change;
        }
    }
    qsort(out->items, out->count, sizeof(*out->items), by_value);
}

/* The first of so many words on end that lie within `length` of each other. */
static size_t densest(const struct changes *changes, uint64_t length, size_t *count)
{
    size_t best = 0;
    size_t end = 0;

    *count = 0;
    for (size_t i = 0; i < changes->count; i++) {
        while (end < changes->count && changes->items[end].was - changes->items[i].was < length)
            end++;
        if (end - i > *count) {
            best = i;
            *count = end - i;
        }
    }
    return best;
}

/* --- the image -------------------------------------------------------------------------------- */

static int by_old_place(const void *a, const void *b)
{
    const struct delta_cover *x = a;
    const struct delta_cover *y = b;

    return (x->old_at > y->old_at) - (x->old_at < y->old_at);
}

/* Where an old place is now, by the covers in order of their old places. */
static bool place_now(const struct delta_cover *covers, uint32_t count, uint64_t at, uint64_t *out)
{
    uint32_t low = 0;
    uint32_t high = count;

    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;

        if (covers[middle].old_at <= at)
            low = middle;
        else
            high = middle;
    }
    *out = at - covers[low].old_at + covers[low].new_at;
    return at >= covers[low].old_at && at - covers[low].old_at < covers[low].length;
}

struct question {
    const struct change *changes; /* evenly spread over those in the window */
    size_t count;
    struct delta_cover *covers;
    uint32_t cover_count;
    uint32_t old_length;
};

static unsigned hits_of(const struct question *question, uint64_t start)
{
    unsigned hits = 0;

    for (size_t i = 0; i < question->count; i++) {
        const struct change *change = &question->changes[i];
        uint64_t now;

        if (change->was - start < question->old_length &&
            place_now(question->covers, question->cover_count, change->was - start, &now) &&
            start + now == change->is)
            hits++;
    }
    return hits;
}

static unsigned alignment(uint64_t value)
{
    unsigned log2 = 0;

    while (log2 < 63 && !(value >> log2 & 1))
        log2++;
    return log2;
}

/* Of starts in [low, high]; 0 hits: none is any good. */
static uint64_t best_start(const struct question *question, uint64_t low, uint64_t high,
                           unsigned *out_hits)
{
    uint64_t step = STEP_MIN;
    uint64_t best = 0;

    *out_hits = 0;
    while ((high - low) / step > STARTS_MAX)
        step *= 2;
    /* Behind the highest address comes 0. */
    for (uint64_t start = (low + step - 1) / step * step; start >= low && start <= high;
         start += step) {
        unsigned hits = hits_of(question, start);

        if (hits > *out_hits || (hits == *out_hits && alignment(start) > alignment(best))) {
            best = start;
            *out_hits = hits;
        }
    }
    return best;
}

/* Some of the words of the window. */
static void ask(const struct change *window, size_t count, struct question *question,
                struct change *room)
{
    size_t asked = count < ASKED_MAX ? count : ASKED_MAX;

    for (size_t i = 0; i < asked; i++)
        room[i] = window[i * count / asked];
    question->changes = room;
    question->count = asked;
}

static bool find_start(const struct base_pair *pair, const struct change *window, size_t count,
                       uint64_t *out)
{
    struct change room[ASKED_MAX];
    uint64_t last = window[count - 1].was;
    struct question question = {
        .covers = mem_dup(pair->covers, pair->cover_count * sizeof(*pair->covers)),
        .cover_count = pair->cover_count,
        .old_length = pair->old_length};
    unsigned hits;

    qsort(question.covers, question.cover_count, sizeof(*question.covers), by_old_place);
    ask(window, count, &question, room);
    *out = best_start(&question, last < pair->old_length ? 0 : last - pair->old_length + 1,
                      window[0].was, &hits);
    mem_free(question.covers);
    return hits >= HITS_MIN && (size_t)hits * 100 >= PERCENT_MIN * question.count;
}

/* --- variables -------------------------------------------------------------------------------- */

/* What may point to variables: they lie elsewhere and move little; instructions change otherwise.
 */
static void keep_variables(struct changes *changes, uint64_t start, uint64_t length)
{
    size_t kept = 0;

    for (size_t i = 0; i < changes->count; i++) {
        const struct change *change = &changes->items[i];

        if (change->was - start >= length &&
            change->is - change->was + MOVED_MAX < (uint64_t)2 * MOVED_MAX)
            changes->items[kept++] = *change;
    }
    changes->count = kept;
}

/* A segment of addresses without bytes, at the image's end. */
static void add_variables(const struct changes *changes, struct delta_scope *scope)
{
    size_t count;
    size_t first = densest(changes, VARIABLES_MAX, &count);
    uint64_t start;
    uint64_t memory;

    if (count < HITS_MIN)
        return;
    start = changes->items[first].was >> VARIABLES_LOG2 << VARIABLES_LOG2;
    memory = ((changes->items[first + count - 1].was - start) >> VARIABLES_LOG2) + 1;
    scope->old_segments[1] = (struct delta_segment){
        .at = scope->old_length, .memory = (uint32_t)(memory << VARIABLES_LOG2), .address = start};
    scope->new_segments[1] = scope->old_segments[1];
    scope->new_segments[1].at = scope->new_length;
    scope->old_count = scope->new_count = 2;
}

static struct delta_segment segment_of(uint32_t length, uint64_t start)
{
    return (struct delta_segment){
        .length = length, .memory = length, .is_code = true, .address = start};
}

bool base_find(const struct base_pair *pair, struct delta_scope *out)
{
    struct changes changes;
    size_t count;
    size_t first;
    uint64_t start;
    bool good;

    collect(pair, &changes);
    first = densest(&changes, pair->old_length, &count);
    good = count >= HITS_MIN && find_start(pair, &changes.items[first], count, &start);
    if (good) {
        out->old_segments[0] = segment_of(pair->old_length, start);
        out->new_segments[0] = segment_of(pair->new_length, start);
        out->old_count = out->new_count = 1;
        keep_variables(&changes, start, pair->old_length);
        add_variables(&changes, out);
    }
    mem_free(changes.items);
    return good;
}
