/*
 * cpio ("newc"), as initial RAM disks are: a header of 110 characters, hexadecimal fields of 8
 * behind the magic "070701"; name and file are padded to 4. 54 file bytes, 94 name bytes. The
 * entry TRAILER!!! ends an archive; others may follow it, zeros between.
 */
#include <string.h>

#include "deltagen/container/container.h"

enum {
    HEADER_BYTES = 110,
    FILE_SIZE_AT = 54,
    NAME_SIZE_AT = 94,
    FIELD_BYTES = 8,
};

static bool hex(const uint8_t *field, uint64_t *out)
{
    uint64_t value = 0;

    for (size_t i = 0; i < FIELD_BYTES; i++) {
        uint8_t c = field[i];

        if (c >= '0' && c <= '9')
            value = value * 16 + (unsigned)(c - '0');
        else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
            value = value * 16 + (unsigned)((c | 0x20) - 'a' + 10);
        else
            return false;
    }
    *out = value;
    return true;
}

static uint64_t padded(uint64_t len)
{
    return (len + 3) / 4 * 4;
}

static bool find(const struct container_input *in, uint64_t at, struct units *out,
                 struct container_found *found)
{
    uint64_t pos = at;

    while (in->len - pos >= HEADER_BYTES && !out->full) {
        const uint8_t *header = in->data + pos;
        const char *name = (const char *)header + HEADER_BYTES;
        uint64_t size;
        uint64_t name_size;
        uint64_t file_at;
        uint64_t left;

        if (memcmp(header, "07070", 5) != 0 || (header[5] != '1' && header[5] != '2') ||
            !hex(header + FILE_SIZE_AT, &size) || !hex(header + NAME_SIZE_AT, &name_size))
            break;
        /* Fields are below 2^32, so nothing overflows. */
        file_at = padded(HEADER_BYTES + name_size);
        left = in->len - pos;
        if (name_size == 0 || name_size > PATH_BYTES_MAX || file_at > left ||
            size > left - file_at || name[name_size - 1] != '\0')
            break;
        if (size > 0)
            units_add_element(
                out, (struct element){.at = pos + file_at, .length = size, .kind = ELEMENT_FILE},
                name);
        size = padded(size);
        pos += file_at + (size < left - file_at ? size : left - file_at);
        if (strcmp(name, "TRAILER!!!") == 0)
            break;
    }
    found->length = pos - at;
    found->open = true;
    return pos > at;
}

const struct container container_cpio = {
    .name = "cpio", .magic = "07070", .magic_len = 5, .find = find};
