/*
 * Huffman's algorithm with a heap, ties broken by depth; then lengths that are too long are cut
 * and shorter ones lengthened until the code is complete again. Order matters everywhere: another
 * choice among equals would make a code as good, but not the same.
 */
#include "lib/delta/deflate_code.h"

#include <string.h>

enum {
    BITS_MAX = 15,
    TOP = 1, /* the heap's */
};

struct heap {
    int nodes[DEFLATE_NODES + 1]; /* from TOP on; from `sorted` on: all, by rising frequency */
    int len;
    int sorted;
    uint8_t depth[DEFLATE_NODES];
    const struct deflate_code *code;
};

static bool before(const struct heap *heap, int a, int b)
{
    uint16_t x = heap->code->frequency[a];
    uint16_t y = heap->code->frequency[b];

    return x < y || (x == y && heap->depth[a] <= heap->depth[b]);
}

static void sift(struct heap *heap, int place)
{
    int node = heap->nodes[place];

    for (int child = 2 * place; child <= heap->len; child *= 2) {
        if (child < heap->len && before(heap, heap->nodes[child + 1], heap->nodes[child]))
            child++;
        if (before(heap, node, heap->nodes[child]))
            break;
        heap->nodes[place] = heap->nodes[child];
        place = child;
    }
    heap->nodes[place] = node;
}

/* Lengths of all nodes; those that would be too long are counted. */
static int measure(struct deflate_code *code, const struct deflate_alphabet *alphabet,
                   const struct heap *heap, uint16_t counts[BITS_MAX + 1], uint64_t *own_bits,
                   uint64_t *fixed_bits)
{
    int overflow = 0;

    code->length[heap->nodes[heap->sorted]] = 0;
    for (int i = heap->sorted + 1; i < DEFLATE_NODES; i++) {
        int node = heap->nodes[i];
        unsigned length = code->length[code->parent[node]] + 1U;
        unsigned extra = 0;

        if (length > alphabet->length_max) {
            length = alphabet->length_max;
            overflow++;
        }
        code->length[node] = (uint8_t)length;
        if (node > code->last)
            continue;
        counts[length]++;
        if (node >= alphabet->extra_from)
            extra = alphabet->extra[node - alphabet->extra_from];
        *own_bits += (uint64_t)code->frequency[node] * (length + extra);
        if (alphabet->fixed)
            *fixed_bits +=
                (uint64_t)code->frequency[node] * (alphabet->fixed->length[node] + extra);
    }
    return overflow;
}

/* Makes the code complete again, then gives the lengths out anew, the longest to the rarest. */
static void shorten(struct deflate_code *code, const struct deflate_alphabet *alphabet,
                    const struct heap *heap, uint16_t counts[BITS_MAX + 1], int overflow,
                    uint64_t *own_bits)
{
    int place = DEFLATE_NODES;

    while (overflow > 0) {
        unsigned length = alphabet->length_max - 1;

        while (counts[length] == 0)
            length--;
        counts[length]--;
        counts[length + 1] = (uint16_t)(counts[length + 1] + 2);
        counts[alphabet->length_max]--;
        overflow -= 2;
    }
    for (unsigned length = alphabet->length_max; length > 0; length--) {
        for (unsigned left = counts[length]; left > 0;) {
            int node = heap->nodes[--place];

            if (node > code->last)
                continue;
            if (code->length[node] != length) {
                *own_bits += (uint64_t)code->frequency[node] * length;
                *own_bits -= (uint64_t)code->frequency[node] * code->length[node];
                code->length[node] = (uint8_t)length;
            }
            left--;
        }
    }
}

void deflate_code_assign(struct deflate_code *code, int last)
{
    uint16_t counts[BITS_MAX + 1] = {0};
    uint16_t next[BITS_MAX + 1] = {0};

    for (int i = 0; i <= last; i++)
        counts[code->length[i]]++;
    counts[0] = 0;
    for (unsigned length = 1; length <= BITS_MAX; length++)
        next[length] = (uint16_t)((next[length - 1] + counts[length - 1]) << 1);
    for (int i = 0; i <= last; i++) {
        unsigned value = next[code->length[i]]++;
        unsigned reversed = 0;

        for (unsigned k = 0; k < code->length[i]; k++) {
            reversed = reversed << 1 | (value & 1);
            value >>= 1;
        }
        code->bits[i] = (uint16_t)reversed;
    }
}

static int join_least(struct heap *heap)
{
    int node = heap->nodes[TOP];

    heap->nodes[TOP] = heap->nodes[heap->len--];
    sift(heap, TOP);
    return node;
}

static void build(struct deflate_code *code, struct heap *heap, int next)
{
    for (int i = heap->len / 2; i >= TOP; i--)
        sift(heap, i);
    while (heap->len >= 2) {
        int a = join_least(heap);
        int b = heap->nodes[TOP];

        heap->nodes[--heap->sorted] = a;
        heap->nodes[--heap->sorted] = b;
        code->frequency[next] = (uint16_t)(code->frequency[a] + code->frequency[b]);
        heap->depth[next] =
            (uint8_t)((heap->depth[a] > heap->depth[b] ? heap->depth[a] : heap->depth[b]) + 1);
        code->parent[a] = code->parent[b] = (uint16_t)next;
        heap->nodes[TOP] = next++;
        sift(heap, TOP);
    }
    heap->nodes[--heap->sorted] = heap->nodes[TOP];
}

void deflate_code_make(struct deflate_code *code, const struct deflate_alphabet *alphabet,
                       uint64_t *own_bits, uint64_t *fixed_bits)
{
    struct heap heap = {.sorted = DEFLATE_NODES, .code = code};
    uint16_t counts[BITS_MAX + 1] = {0};
    int overflow;

    code->last = -1;
    for (int i = 0; i < alphabet->symbols; i++) {
        code->length[i] = 0;
        if (code->frequency[i] > 0)
            heap.nodes[++heap.len] = code->last = i;
    }
    /* A code has at least two symbols. */
    while (heap.len < 2) {
        int node = code->last < 2 ? ++code->last : 0;

        heap.nodes[++heap.len] = node;
        code->frequency[node] = 1;
        (*own_bits)--;
        if (alphabet->fixed)
            *fixed_bits -= alphabet->fixed->length[node];
    }
    build(code, &heap, alphabet->symbols);
    overflow = measure(code, alphabet, &heap, counts, own_bits, fixed_bits);
    if (overflow > 0)
        shorten(code, alphabet, &heap, counts, overflow, own_bits);
}
