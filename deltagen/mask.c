/*
 * Chunks are judged one by one; a byte is hidden by the rules of its own chunk. Where bits are
 * hidden is noted once, one bit for each byte, because it is asked again and again.
 */
#include "deltagen/mask.h"

#include <string.h>

#include "deltagen/mask_code.h"
#include "lib/base/mem.h"

enum { CHUNK_LOG2 = 14, CHUNK = 1 << CHUNK_LOG2 };

/* With the bytes around [at, at + len) that have a say in it. */
static struct code_bytes around(const struct image *image, uint64_t at, size_t len)
{
    uint64_t first = at < CODE_REACH ? 0 : at - CODE_REACH;
    uint64_t end = image->len - at - len < CODE_REACH ? image->len : at + len + CODE_REACH;

    return (struct code_bytes){.data = image->data + first,
                               .len = (size_t)(end - first),
                               .at = first,
                               .from = (size_t)(at - first),
                               .to = (size_t)(at - first) + len};
}

/* Of bytes that are zero nothing can be hidden. */
static void note_chunk(struct mask *mask, uint64_t at, size_t len, uint8_t *work)
{
    const struct code_bytes in = around(mask->image, at, len);
    const uint8_t *data = mask->image->data + at;
    enum code kind = code_kind(data, len);

    mask->kinds[at >> CHUNK_LOG2] = (uint8_t)kind;
    if (kind == CODE_NONE)
        return;
    memcpy(work, data, len);
    code_hide(kind, &in, work);
    for (size_t i = 0; i < len; i++)
        if (work[i] != data[i])
            mask->hidden[(at + i) / 64] |= UINT64_C(1) << (at + i) % 64;
}

/* In memory after all when there is no place for files. */
static void open_hidden(struct mask *mask)
{
    uint64_t bytes = (mask->image->len / 64 + 1) * sizeof(uint64_t);
    struct err ignored;

    if (!flat_open(bytes, MASK_MEMORY_BYTES, &mask->flat, &ignored))
        mask->flat = (struct flat){0};
    mask->hidden = mask->flat.data ? (uint64_t *)(void *)mask->flat.data
                                   : mem_array((size_t)bytes / 8, sizeof(uint64_t));
}

void mask_init(struct mask *mask, const struct image *image)
{
    AUTO_FREE uint8_t *work = mem_alloc(CHUNK);

    *mask = (struct mask){.image = image, .kinds = mem_alloc(image->len / CHUNK + 1)};
    open_hidden(mask);
    for (uint64_t at = 0; at < image->len; at += CHUNK)
        note_chunk(mask, at, image->len - at < CHUNK ? (size_t)(image->len - at) : CHUNK, work);
}

void mask_done(struct mask *mask)
{
    mem_free(mask->kinds);
    if (!mask->flat.data)
        mem_free(mask->hidden);
    flat_close(&mask->flat);
    *mask = (struct mask){0};
}

uint8_t mask_byte(const struct mask *mask, uint64_t at)
{
    enum code kind;
    struct code_bytes in;
    uint8_t byte = mask->image->data[at];

    if (!mask_hides(mask, at))
        return byte;
    kind = (enum code)mask->kinds[at >> CHUNK_LOG2];
    if (kind == CODE_X86)
        return 0;
    in = around(mask->image, at, 1);
    code_hide(kind, &in, &byte);
    return byte;
}

void mask_read(const struct mask *mask, uint64_t at, size_t len, uint8_t *out)
{
    uint64_t end = at + len;

    ASSERT(at <= mask->image->len && len <= mask->image->len - at);
    memcpy(out, mask->image->data + at, len);
    for (uint64_t word = at / 64; word * 64 < end; word++)
        for (uint64_t bits = mask->hidden[word]; bits; bits &= bits - 1) {
            uint64_t i = word * 64 + (uint64_t)__builtin_ctzll(bits);

            if (i >= at && i < end)
                out[i - at] = mask_byte(mask, i);
        }
}
