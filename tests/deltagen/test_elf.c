/* Programs of two segments: what a scope can say of them, and hostile addresses. */
#include "deltagen/elf.h"

#include <criterion/criterion.h>

enum { LEN = 0x4000, DATA_AT = 0x1000, HEADER_BYTES = 64, SEGMENT_BYTES = 56, ARM64 = 183 };

static void put(uint8_t *at, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        at[i] = (uint8_t)(value >> 8 * i);
}

static void put_segment(uint8_t *at, uint64_t place, uint64_t address, uint64_t length)
{
    put(at, 1, 4);
    put(at + 4, 5, 4);
    put(at + 8, place, 8);
    put(at + 16, address, 8);
    put(at + 32, length, 8);
    put(at + 40, length, 8);
}

static unsigned segments_of(uint64_t first, uint64_t second)
{
    uint8_t data[LEN] = {0x7F, 'E', 'L', 'F', 2, 1, 1};
    struct program program;

    put(data + 18, ARM64, 2);
    put(data + 32, HEADER_BYTES, 8);
    put(data + 54, SEGMENT_BYTES, 2);
    put(data + 56, 2, 2);
    put_segment(data + HEADER_BYTES, 0, first, DATA_AT);
    put_segment(data + HEADER_BYTES + SEGMENT_BYTES, DATA_AT, second, LEN - DATA_AT);
    cr_assert(elf_read(data, sizeof(data), &program));
    return program.count;
}

Test(elf_read, takes_programs_and_kernels)
{
    cr_expect_eq(segments_of(0x10000, 0x20000), 2);
    cr_expect_eq(segments_of(UINT64_C(0xffffffc010080000), UINT64_C(0xffffffc011080000)), 2);
}

/* Each alone is near enough to 0, but not to the other. */
Test(elf_read, leaves_out_what_no_scope_says)
{
    cr_expect_eq(segments_of((UINT64_C(1) << 60) - 1, -(UINT64_C(1) << 60) + 1), 0);
    cr_expect_eq(segments_of(0x10000, UINT64_C(1) << 59), 1);
    cr_expect_eq(segments_of(0x10000, -(UINT64_C(1) << 59)), 1);
}
