/*
 * The pieces are copied side by side and sorted as one text. A search starts in the bucket of the
 * needle's first two bytes and remembers how much both ends of the interval have in common with
 * the needle, so that long runs of equal bytes cost one look, not one per step.
 */
#include "deltagen/index.h"

#include <string.h>

#include <divsufsort.h>
#include <divsufsort64.h>

#include "lib/base/mem.h"

enum { BUCKETS = 65536 };

struct index {
    uint8_t *text;
    size_t len;
    int32_t *order; /* one of the two is used */
    int64_t *order_big;
    size_t *buckets;  /* BUCKETS + 1 starts, by the first two bytes */
    uint64_t *filter; /* one bit per hash of 8 bytes that occur somewhere */
    unsigned filter_log2;
    struct piece *pieces; /* as given */
    size_t *piece_starts; /* of each piece in `text`, and the end */
    size_t piece_count;
};

static size_t order_at(const struct index *index, size_t i)
{
    return index->order ? (size_t)index->order[i] : (size_t)index->order_big[i];
}

static uint64_t load64(const uint8_t *p)
{
    uint64_t value;

    memcpy(&value, p, sizeof(value));
    return value;
}

static uint64_t filter_bit(const struct index *index, const uint8_t *p)
{
    return load64(p) * UINT64_C(0x9E3779B97F4A7C15) >> (64 - index->filter_log2);
}

static void filter_build(struct index *index)
{
    index->filter_log2 = 10;
    while ((size_t)1 << index->filter_log2 < index->len * 8)
        index->filter_log2++;
    index->filter = mem_array(((size_t)1 << index->filter_log2) / 64, sizeof(uint64_t));
    for (size_t i = 0; i + INDEX_LEN_MIN <= index->len; i++) {
        uint64_t bit = filter_bit(index, index->text + i);

        index->filter[bit / 64] |= UINT64_C(1) << bit % 64;
    }
}

/* The last byte has no second one and belongs to no bucket: it cannot start a match of 8. It
 * sorts first among the suffixes with its byte, which is where it is left out. */
static void buckets_build(struct index *index)
{
    size_t sum = 0;
    size_t last = index->len ? index->text[index->len - 1] : BUCKETS;

    index->buckets = mem_array(BUCKETS + 1, sizeof(size_t));
    for (size_t i = 0; i + 1 < index->len; i++)
        index->buckets[(size_t)index->text[i] << 8 | index->text[i + 1]]++;
    for (size_t i = 0; i <= BUCKETS; i++) {
        size_t count = i < BUCKETS ? index->buckets[i] : 0;

        sum += i == (last << 8);
        index->buckets[i] = sum;
        sum += count;
    }
}

static void text_build(struct index *index, const struct image *old, const struct piece *pieces,
                       size_t count)
{
    for (size_t i = 0; i < count; i++)
        index->len += pieces[i].len;
    index->text = mem_alloc(index->len);
    index->pieces = mem_dup(pieces, count * sizeof(*pieces));
    index->piece_starts = mem_array(count + 1, sizeof(size_t));
    index->piece_count = count;
    for (size_t i = 0; i < count; i++) {
        size_t at = index->piece_starts[i];

        memcpy(index->text + at, old->data + pieces[i].start, pieces[i].len);
        index->piece_starts[i + 1] = at + pieces[i].len;
    }
}

struct index *index_new(const struct image *old, const struct piece *pieces, size_t count)
{
    struct index *index = mem_alloc(sizeof(*index));
    int failed;

    text_build(index, old, pieces, count);
    if (index->len < (size_t)INT32_MAX) {
        index->order = mem_array(index->len, sizeof(int32_t));
        failed = divsufsort(index->text, index->order, (int32_t)index->len);
    } else {
        index->order_big = mem_array(index->len, sizeof(int64_t));
        failed = divsufsort64(index->text, index->order_big, (int64_t)index->len);
    }
    ASSERT(!failed);
    buckets_build(index);
    filter_build(index);
    return index;
}

void index_free(struct index *index)
{
    if (!index)
        return;
    mem_free(index->text);
    mem_free(index->order);
    mem_free(index->order_big);
    mem_free(index->buckets);
    mem_free(index->filter);
    mem_free(index->pieces);
    mem_free(index->piece_starts);
    mem_free(index);
}

static size_t common(const uint8_t *a, const uint8_t *b, size_t from, size_t max)
{
    while (from + 8 <= max) {
        uint64_t differ = load64(a + from) ^ load64(b + from);

        if (differ)
            return from + (size_t)__builtin_ctzll(differ) / 8;
        from += 8;
    }
    while (from < max && a[from] == b[from])
        from++;
    return from;
}

/* The match must not run from one piece into the next, which was not its neighbour. */
static size_t locate(const struct index *index, size_t at, size_t len, size_t *old_pos)
{
    size_t low = 0;
    size_t high = index->piece_count;
    size_t left;

    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;

        if (index->piece_starts[middle] <= at)
            low = middle;
        else
            high = middle;
    }
    *old_pos = index->pieces[low].start + (at - index->piece_starts[low]);
    left = index->piece_starts[low + 1] - at;
    return len < left ? len : left;
}

size_t index_find(const struct index *index, const uint8_t *needle, size_t len, size_t *old_pos)
{
    size_t common_low = 2;
    size_t common_high = 2;
    size_t best = 0;
    size_t best_at = 0;
    uint64_t bit;
    size_t low;
    size_t high;

    if (len < INDEX_LEN_MIN || index->len < INDEX_LEN_MIN)
        return 0;
    bit = filter_bit(index, needle);
    if (!(index->filter[bit / 64] >> bit % 64 & 1))
        return 0;
    if (len > INDEX_LEN_MAX)
        len = INDEX_LEN_MAX;
    low = index->buckets[(size_t)needle[0] << 8 | needle[1]];
    high = index->buckets[((size_t)needle[0] << 8 | needle[1]) + 1];
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        size_t at = order_at(index, middle);
        size_t max = len < index->len - at ? len : index->len - at;
        size_t from = common_low < common_high ? common_low : common_high;
        size_t same = from < max ? common(needle, index->text + at, from, max) : max;

        if (same > best) {
            best = same;
            best_at = at;
        }
        if (same == len)
            break;
        if (same == max || needle[same] > index->text[at + same]) {
            low = middle + 1;
            common_low = same;
        } else {
            high = middle;
            common_high = same;
        }
    }
    return best < INDEX_LEN_MIN ? 0 : locate(index, best_at, best, old_pos);
}
