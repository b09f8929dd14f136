/*
 * Packs step by step, a little at a time, so that wrong parameters cost a few blocks and not the
 * whole of a large stream.
 */
#include "deltagen/trial.h"

#include <string.h>

#include "lib/base/mem.h"

enum {
    STEP_BYTES = 1 << 16,
    /* What packers take unless they are told otherwise; as much as their formats do not name. */
    DEFLATE_LEVEL = 6,
    ZSTD_LEVEL = 3,
    FILL_LEVEL = 9,    /* mkfs.erofs' own */
    FILL_FOLLOWED = 1, /* the flag: more of the file came behind */
};

static size_t add(struct delta_packing *out, size_t count, struct delta_packing packing)
{
    for (size_t i = 0; i < count; i++) {
        if (memcmp(&out[i], &packing, sizeof(packing)) == 0)
            return count;
    }
    if (count < TRIAL_CANDIDATES_MAX)
        out[count++] = packing;
    return count;
}

/* By the likeliest level first, then by all others from the best on. */
static size_t add_levels(struct delta_packing *out, struct delta_packing packing, unsigned likely,
                         unsigned best)
{
    size_t count = 0;

    if (likely > 0) {
        packing.level = (uint8_t)likely;
        count = add(out, count, packing);
    }
    for (unsigned level = best; level > 0; level--) {
        packing.level = (uint8_t)level;
        count = add(out, count, packing);
    }
    return count;
}

static size_t of_xz(const struct unit *unit, struct delta_packing *out)
{
    /* squashfs packs tables with a dictionary of their block's size. */
    static const uint32_t dictionaries[] = {0, 8192};
    static const uint8_t checks[] = {1, 4, 0}; /* CRC-32, CRC-64, none */
    static const uint8_t levels[] = {6, 9, 3};
    size_t count = 0;

    for (size_t i = 0; i < COUNT(dictionaries) * COUNT(checks) * COUNT(levels); i++) {
        struct delta_packing packing = {.method = DELTA_METHOD_XZ};

        packing.dictionary = dictionaries[i % 2] > 0 ? dictionaries[i % 2] : unit->dictionary_bytes;
        packing.flags = checks[i / 2 % COUNT(checks)];
        packing.level = levels[i / 2 / COUNT(checks)];
        count = add(out, count, packing);
    }
    return count;
}

size_t trial_candidates(const struct unit *unit, struct delta_packing out[TRIAL_CANDIDATES_MAX])
{
    struct delta_packing packing = {0};
    size_t count = 0;
    size_t kept = 0;

    switch ((enum unit_family)unit->family) {
    case UNIT_DEFLATE:
    case UNIT_ZLIB:
        packing.method = unit->family == UNIT_ZLIB ? DELTA_METHOD_ZLIB : DELTA_METHOD_DEFLATE;
        packing.window_log2 = 15;
        packing.flags = 8;
        count = add_levels(out, packing, unit->level > 0 ? unit->level : DEFLATE_LEVEL, 9);
        if (unit->family == UNIT_DEFLATE) {
            packing = (struct delta_packing){.method = DELTA_METHOD_GNU_GZIP};
            count +=
                add_levels(out + count, packing, unit->level > 0 ? unit->level : DEFLATE_LEVEL, 9);
        }
        break;
    case UNIT_ZSTD:
        packing.method = DELTA_METHOD_ZSTD;
        count = add_levels(out, packing, unit->level > 0 ? unit->level : ZSTD_LEVEL, 22);
        break;
    case UNIT_XZ:
        count = of_xz(unit, out);
        break;
    case UNIT_LZ4:
        packing.method = DELTA_METHOD_LZ4;
        count = add_levels(out, packing, unit->level, 12);
        break;
    case UNIT_LZ4_FILL:
        packing.method = DELTA_METHOD_LZ4_FILL;
        packing.dictionary = (uint32_t)unit->packed_len;
        packing.level = FILL_LEVEL;
        count = add(out, count, packing);
        packing.flags = FILL_FOLLOWED;
        count = add(out, count, packing);
        packing.flags = 0;
        count += add_levels(out + count, packing, 0, 8);
        break;
    case UNIT_LZ4_FRAME:
        packing.method = DELTA_METHOD_LZ4_FRAME;
        count = add_levels(out, packing, unit->level, 12);
        break;
    case UNIT_PADDED:
        packing.method = DELTA_METHOD_PADDED;
        packing.dictionary = (uint32_t)unit->packed_len;
        count = add(out, count, packing);
        break;
    case UNIT_LZMA:
    case UNIT_FAMILY_COUNT:
        break;
    }
    for (size_t i = 0; i < count; i++) {
        const struct delta_repack_ops *ops = delta_repack_find(out[i].method);

        if (ops && ops->takes(&out[i]))
            out[kept++] = out[i];
    }
    return kept;
}

uint64_t trial_pack_bytes(const struct delta_packing *packing, uint64_t unpacked_len)
{
    return delta_repack_find(packing->method)->pack_bytes(packing, unpacked_len);
}

uint64_t trial_unpack_bytes(const struct delta_packing *packing, uint64_t unpacked_len)
{
    return delta_repack_find(packing->method)->unpack_bytes(packing, unpacked_len);
}

struct compare {
    const uint8_t *packed;
    uint64_t packed_len;
    uint64_t done;
};

static bool same(struct compare *compare, const uint8_t *bytes, size_t len)
{
    if (len > compare->packed_len - compare->done ||
        memcmp(compare->packed + compare->done, bytes, len) != 0)
        return false;
    compare->done += len;
    return true;
}

static bool run(const struct delta_repack_ops *ops, void *packer, const uint8_t *unpacked,
                uint64_t unpacked_len, struct compare *compare)
{
    AUTO_FREE uint8_t *out = mem_alloc(STEP_BYTES);
    struct delta_flow flow = {.in = unpacked};
    uint64_t given = 0;
    struct err err;

    while (!flow.done) {
        const uint8_t *before = flow.in;
        size_t got;

        if (flow.in_len == 0 && given < unpacked_len) {
            uint64_t left = unpacked_len - given;

            flow.in = before = unpacked + given;
            flow.in_len = (size_t)(left < STEP_BYTES ? left : STEP_BYTES);
            given += flow.in_len;
        }
        flow.ending = given == unpacked_len;
        flow.out = out;
        flow.room = STEP_BYTES;
        if (!ops->step(packer, &flow, &err))
            return false;
        got = STEP_BYTES - flow.room;
        if (!same(compare, out, got) || (got == 0 && flow.in == before && !flow.done))
            return false;
    }
    return flow.in_len == 0 && given == unpacked_len && compare->done == compare->packed_len;
}

bool trial_pack(const struct delta_packing *packing, const uint8_t *unpacked, uint64_t unpacked_len,
                const uint8_t *packed, uint64_t packed_len)
{
    const struct delta_repack_ops *ops = delta_repack_find(packing->method);
    uint64_t bytes = ops->pack_bytes(packing, unpacked_len);
    AUTO_FREE uint8_t *memory = mem_alloc((size_t)bytes + DELTA_SPACE_ALIGN);
    struct delta_space space = {memory, (size_t)bytes};
    struct compare compare = {packed, packed_len, 0};
    struct err err;
    void *packer;

    space.next += (DELTA_SPACE_ALIGN - (uintptr_t)memory % DELTA_SPACE_ALIGN) % DELTA_SPACE_ALIGN;
    return ops->pack_open(packing, unpacked_len, &space, &packer, &err) &&
           run(ops, packer, unpacked, unpacked_len, &compare);
}
