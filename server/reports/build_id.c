/*
 * The notes are found by the section headers, which debug files keep; their segments point at what
 * was taken out. Of the format only this is looked at:
 *
 *     file      4 magic | class | data | ...         section table: offset, entry size, count
 *     section   ... | 4 type | ... | offset | size   type 7 is notes
 *     note      4 name size | 4 data size | 4 type | name, data, each padded to 4
 */
#include "server/reports/build_id.h"

#include <string.h>

#include "lib/base/bytes.h"
#include "lib/base/mem.h"

enum {
    HEAD_BYTES_MAX = 64,
    SECTION_BYTES_MAX = 64,
    NOTES_BYTES_MAX = 64 << 10, /* of one section ... */
    NOTES_BYTES_ALL = 1 << 20,  /* ... and of all that are looked at */
    SECTION_NOTE = 7,
    NOTE_BUILD_ID = 3,
};

struct elf {
    build_id_read_fn *read;
    void *arg;
    bool is_64;
    uint64_t sections_at;
    uint64_t section_size;
    uint64_t section_count;
    uint64_t notes_left; /* bytes that may still be looked at */
};

static uint64_t read_word(struct bytes *in, bool is_64)
{
    return is_64 ? bytes_u64(in) : bytes_u32(in);
}

static bool read_head(struct elf *elf, struct err *err)
{
    static const uint8_t magic[] = {0x7f, 'E', 'L', 'F'};
    uint8_t head[HEAD_BYTES_MAX] = {0};
    size_t len;
    struct bytes in;

    if (!elf->read(elf->arg, 0, head, 16) || memcmp(head, magic, sizeof(magic)) != 0)
        return err_set(err, ERR_INVALID, "this is no ELF file");
    if ((head[4] != 1 && head[4] != 2) || head[5] != 1)
        return err_set(err, ERR_INVALID, "only little-endian ELF files are known");
    elf->is_64 = head[4] == 2;
    len = elf->is_64 ? 64 : 52;
    if (!elf->read(elf->arg, 0, head, len))
        return err_set(err, ERR_INVALID, "the ELF file is cut short");
    in = bytes_of(head, len);
    (void)bytes_take(&in, elf->is_64 ? 40 : 32);
    elf->sections_at = read_word(&in, elf->is_64);
    (void)bytes_take(&in, 4 + 2 + 2 + 2);
    elf->section_size = bytes_u16(&in);
    elf->section_count = bytes_u16(&in);
    ASSERT(!in.failed);
    if (elf->section_count == 0 || elf->section_size != (elf->is_64 ? 64U : 40U))
        return err_set(err, ERR_INVALID, "the ELF file has no table of sections");
    if (elf->sections_at > UINT64_MAX / 2 ||
        !elf->read(elf->arg, elf->sections_at + (elf->section_count - 1) * elf->section_size, head,
                   elf->section_size))
        return err_set(err, ERR_INVALID, "the ELF file's table of sections is cut short");
    return true;
}

static uint64_t padded(uint64_t len)
{
    return (len + 3) & ~UINT64_C(3);
}

static bool find_in_notes(const uint8_t *data, size_t len, struct build_id *out)
{
    struct bytes in = bytes_of(data, len);

    while (bytes_left(&in) > 0) {
        uint64_t name_len = bytes_u32(&in);
        uint64_t data_len = bytes_u32(&in);
        uint32_t type = bytes_u32(&in);
        const uint8_t *name = bytes_take(&in, padded(name_len));
        const uint8_t *id = bytes_take(&in, padded(data_len));

        if (in.failed)
            return false;
        if (type != NOTE_BUILD_ID || name_len != 4 || memcmp(name, "GNU", 4) != 0)
            continue;
        if (data_len < BUILD_ID_BYTES_MIN || data_len > BUILD_ID_BYTES_MAX)
            return false;
        memcpy(out->bytes, id, data_len);
        out->len = data_len;
        return true;
    }
    return false;
}

static bool find_in_section(struct elf *elf, uint64_t number, struct build_id *out)
{
    uint8_t head[SECTION_BYTES_MAX];
    AUTO_FREE uint8_t *notes = NULL;
    struct bytes in;
    uint64_t at;
    uint64_t size;

    if (!elf->read(elf->arg, elf->sections_at + number * elf->section_size, head,
                   elf->section_size))
        return false;
    in = bytes_of(head, elf->section_size);
    (void)bytes_u32(&in);
    if (bytes_u32(&in) != SECTION_NOTE)
        return false;
    (void)read_word(&in, elf->is_64); /* flags */
    (void)read_word(&in, elf->is_64); /* address */
    at = read_word(&in, elf->is_64);
    size = read_word(&in, elf->is_64);
    if (in.failed || size == 0 || size > NOTES_BYTES_MAX || size > elf->notes_left ||
        at > UINT64_MAX / 2)
        return false;
    elf->notes_left -= size;
    notes = mem_alloc(size);
    return elf->read(elf->arg, at, notes, size) && find_in_notes(notes, size, out);
}

bool build_id_find(build_id_read_fn *read, void *arg, struct build_id *out, struct err *err)
{
    struct elf elf = {.read = read, .arg = arg, .notes_left = NOTES_BYTES_ALL};
    struct build_id found;

    if (!read_head(&elf, err))
        return false;
    for (uint64_t i = 0; i < elf.section_count; i++) {
        if (find_in_section(&elf, i, &found)) {
            *out = found;
            return true;
        }
    }
    return err_set(err, ERR_INVALID, "the ELF file has no build id: link it with --build-id");
}
