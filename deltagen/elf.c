/* Loaded segments; a file without them (an object, a kernel module) has its sections' bytes, which
 * have no addresses yet. */
#include "deltagen/elf.h"

#include <string.h>

#include "deltagen/mask_code.h"
#include "lib/base/bytes.h"

enum {
    IDENT_BYTES = 16,
    CLASS_32 = 1,
    CLASS_64 = 2,
    LITTLE = 1,
    MACHINE_386 = 3,
    MACHINE_ARM = 40,
    MACHINE_X86_64 = 62,
    MACHINE_ARM64 = 183,
    MACHINE_RISCV = 243,
    TYPE_LOAD = 1,
    FLAG_EXECUTE = 1,
    PROGRAM_HEADERS_MAX = 256,
};

struct header {
    unsigned machine;
    bool is_64;
    uint64_t programs_at, sections_at;
    unsigned program_bytes, program_count;
    unsigned section_bytes, section_count;
};

static uint64_t word_of(struct bytes *in, bool is_64)
{
    return is_64 ? bytes_u64(in) : bytes_u32(in);
}

static bool read_header(const uint8_t *data, uint64_t len, struct header *out)
{
    struct bytes in = bytes_of(data, len < 64 ? (size_t)len : 64);

    if (len < 64 || memcmp(data, "\177ELF", 4) != 0 || data[5] != LITTLE ||
        (data[4] != CLASS_32 && data[4] != CLASS_64))
        return false;
    out->is_64 = data[4] == CLASS_64;
    in.pos = IDENT_BYTES + 2;
    out->machine = bytes_u16(&in);
    (void)bytes_u32(&in);           /* version */
    (void)word_of(&in, out->is_64); /* entry */
    out->programs_at = word_of(&in, out->is_64);
    out->sections_at = word_of(&in, out->is_64);
    (void)bytes_u32(&in); /* flags */
    (void)bytes_u16(&in); /* this header's size */
    out->program_bytes = bytes_u16(&in);
    out->program_count = bytes_u16(&in);
    out->section_bytes = bytes_u16(&in);
    out->section_count = bytes_u16(&in);
    return !in.failed;
}

static enum delta_arch arch_of(const struct header *header)
{
    /* clang-format off */
    static const struct {
        unsigned machine;
        enum delta_arch arch;
    } machines[] = {
        {MACHINE_386,    DELTA_ARCH_X86},
        {MACHINE_X86_64, DELTA_ARCH_X86_64},
        {MACHINE_ARM,    DELTA_ARCH_THUMB},
        {MACHINE_ARM64,  DELTA_ARCH_ARM64},
        {MACHINE_RISCV,  DELTA_ARCH_RISCV},
    };
    /* clang-format on */

    for (size_t i = 0; i < COUNT(machines); i++)
        if (machines[i].machine == header->machine)
            return machines[i].arch;
    return DELTA_ARCH_NONE;
}

/* A program header's fields come in another order for each class. */
static bool read_segment(const uint8_t *data, uint64_t len, const struct header *header,
                         unsigned number, struct delta_segment *out)
{
    uint64_t at = header->programs_at + (uint64_t)number * header->program_bytes;
    struct bytes in;
    uint32_t type;
    uint32_t flags = 0;
    uint64_t place;
    uint64_t address;
    uint64_t file_bytes;
    uint64_t memory;

    if (at < header->programs_at || at > len)
        return false;
    in = bytes_of(data + at, (size_t)(len - at));
    type = bytes_u32(&in);
    if (header->is_64)
        flags = bytes_u32(&in);
    place = word_of(&in, header->is_64);
    address = word_of(&in, header->is_64);
    (void)word_of(&in, header->is_64); /* physical address */
    file_bytes = word_of(&in, header->is_64);
    memory = word_of(&in, header->is_64);
    if (!header->is_64)
        flags = bytes_u32(&in);
    if (in.failed || type != TYPE_LOAD || file_bytes == 0 || place > len ||
        file_bytes > len - place || len > UINT32_MAX || !elf_is_sayable(address) ||
        memory < file_bytes || memory > UINT32_MAX)
        return false;
    *out = (struct delta_segment){.at = (uint32_t)place,
                                  .length = (uint32_t)file_bytes,
                                  .memory = (uint32_t)memory,
                                  .is_code = (flags & FLAG_EXECUTE) != 0,
                                  .address = address};
    return true;
}

/* The end of the section headers, which tools write last. */
static uint64_t length_of(const struct header *header, uint64_t len)
{
    uint64_t end = header->sections_at + (uint64_t)header->section_bytes * header->section_count;

    return header->sections_at > 0 && end >= header->sections_at && end <= len ? end : len;
}

/* ARM's programs are of either sort of instructions, or both; what prevails counts. */
static void settle_arm(const uint8_t *data, struct program *out)
{
    for (unsigned i = 0; i < out->count; i++) {
        const struct delta_segment *segment = &out->segments[i];

        if (segment->is_code && code_kind(data + segment->at, segment->length) == CODE_ARM)
            out->arch = DELTA_ARCH_ARM;
    }
}

bool elf_read(const uint8_t *data, uint64_t len, struct program *out)
{
    struct header header = {0};

    *out = (struct program){0};
    if (!read_header(data, len, &header))
        return false;
    out->arch = arch_of(&header);
    out->word = header.is_64 ? 8 : 4;
    out->length = length_of(&header, len);
    if (header.program_count > PROGRAM_HEADERS_MAX)
        return false;
    for (unsigned i = 0; i < header.program_count && out->count < DELTA_SEGMENTS_MAX; i++) {
        struct delta_segment segment;

        if (read_segment(data, out->length, &header, i, &segment) &&
            (out->count == 0 ||
             segment.at >= out->segments[out->count - 1].at + out->segments[out->count - 1].length))
            out->segments[out->count++] = segment;
    }
    if (out->arch == DELTA_ARCH_THUMB)
        settle_arm(data, out);
    return out->arch != DELTA_ARCH_NONE;
}
