/*
 * Partition tables. They only lend their partitions' names: what is in them is found anyway.
 *
 * GPT: a header of its own sector (512 or 4096 bytes) behind the first: "EFI PART", 72 place of
 * the entries (sectors), 80 number 4, 84 entry bytes 4; an entry: 32 first sector, 40 last, 56
 * name (36 characters of 16 bits).
 * MBR: at the very start, 446: four entries of 16: 4 kind, 8 first sector 4, 12 sectors 4; 510:
 * 55 aa.
 */
#include <stdio.h>

#include "deltagen/container/container.h"
#include "lib/base/bytes.h"

enum {
    SECTOR = 512,
    ENTRIES_MAX = 1024,
    ENTRY_BYTES_MIN = 128,
    ENTRY_BYTES_MAX = 4096,
    NAME_CHARACTERS = 36,
    MBR_ENTRIES_AT = 446,
    MBR_ENTRIES = 4,
    MBR_ENTRY_BYTES = 16,
    MBR_MAGIC_AT = 510,
    PROTECTIVE = 0xee,
};

static void add_partition(struct units *out, const struct container_input *in, uint64_t at,
                          uint64_t length, const char *name)
{
    if (length > 0 && at < in->len && length <= in->len - at)
        units_add_element(
            out, (struct element){.at = at, .length = length, .kind = ELEMENT_PARTITION}, name);
}

static void add_gpt_entry(struct units *out, const struct container_input *in, uint64_t start,
                          uint64_t sector, struct bytes entry)
{
    char name[NAME_CHARACTERS + 16];
    char label[NAME_CHARACTERS + 1] = "";
    uint64_t first;
    uint64_t last;

    (void)bytes_take(&entry, 32);
    first = bytes_u64(&entry);
    last = bytes_u64(&entry);
    (void)bytes_u64(&entry);
    for (size_t i = 0; i < NAME_CHARACTERS; i++) {
        uint16_t c = bytes_u16(&entry);

        if (c == 0)
            break;
        label[i] = (char)(c < 127 && c > 31 ? c : '?');
    }
    if (first == 0 || last < first || last >= in->len / sector)
        return;
    (void)snprintf(name, sizeof(name), "partition %s", label);
    add_partition(out, in, start + first * sector, (last - first + 1) * sector, name);
}

static bool find_gpt(const struct container_input *in, uint64_t at, struct units *out,
                     struct container_found *found)
{
    /* The first sector is as long as the header's own. */
    uint64_t sector = at >= 4096 && at % 4096 == 0 ? 4096 : SECTOR;
    struct bytes header = bytes_of(in->data + at, in->len - at);
    uint64_t start = at - sector;
    uint64_t entries;
    uint32_t count;
    uint32_t entry_bytes;

    (void)bytes_take(&header, 72);
    entries = bytes_u64(&header);
    count = bytes_u32(&header);
    entry_bytes = bytes_u32(&header);
    if (header.failed || at < sector || count > ENTRIES_MAX || entry_bytes < ENTRY_BYTES_MIN ||
        entry_bytes > ENTRY_BYTES_MAX || entries > in->len / sector ||
        (uint64_t)count * entry_bytes > in->len - start ||
        entries * sector > in->len - start - (uint64_t)count * entry_bytes)
        return false;
    for (uint32_t i = 0; i < count; i++)
        add_gpt_entry(
            out, in, start, sector,
            bytes_of(in->data + start + entries * sector + (uint64_t)i * entry_bytes, entry_bytes));
    found->length = SECTOR < in->len - at ? SECTOR : in->len - at;
    found->open = true;
    return true;
}

static bool find_mbr(const struct container_input *in, uint64_t at, struct units *out,
                     struct container_found *found)
{
    struct bytes entries =
        bytes_of(in->data + MBR_ENTRIES_AT, (size_t)MBR_ENTRIES * MBR_ENTRY_BYTES);

    if (at != 0)
        return false;
    for (unsigned i = 0; i < MBR_ENTRIES; i++) {
        char name[32];
        uint8_t kind;
        uint64_t first;
        uint64_t count;

        (void)bytes_u32(&entries);
        kind = bytes_u8(&entries);
        (void)bytes_take(&entries, 3);
        first = bytes_u32(&entries);
        count = bytes_u32(&entries);
        (void)snprintf(name, sizeof(name), "partition %u", i + 1);
        if (kind != 0 && kind != PROTECTIVE)
            add_partition(out, in, first * SECTOR, count * SECTOR, name);
    }
    found->length = SECTOR;
    found->open = true;
    return true;
}

const struct container container_gpt = {
    .name = "gpt", .magic = "EFI PART", .magic_len = 8, .find = find_gpt};
const struct container container_mbr = {
    .name = "mbr", .magic = "\x55\xaa", .magic_len = 2, .magic_at = MBR_MAGIC_AT, .find = find_mbr};
