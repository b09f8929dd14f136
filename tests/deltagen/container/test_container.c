#include "deltagen/container/container.h"

#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

#include "deltagen/container/decode.h"
#include "deltagen/image.h"
#include "lib/base/buf.h"
#include "lib/base/mem.h"
#include "tests/support/temp.h"
#include "tests/support/tool.h"

enum { FILE_COUNT = 6, IMAGE_MAX = 64 << 20 };

/* Names and lengths around the sizes of blocks. */
static const struct {
    const char *path;
    size_t len;
} files[FILE_COUNT] = {
    {"words", 300000},        {"dir/exact", 131072},     {"dir/small", 100},
    {"dir/deep/page", 40000}, {"dir/deep/other", 40001}, {"noise", 20000},
};

static void fill(uint8_t *data, size_t len, uint32_t seed, bool noise)
{
    static const char words[] = "what a device holds and what it is sent ";

    for (size_t i = 0; i < len; i++) {
        seed = seed * 1664525 + 1013904223;
        data[i] = noise || i % 50 > 40 ? (uint8_t)(seed >> 24) : (uint8_t)words[seed % 7 + i % 30];
    }
}

/* The tree DIR/tree of all files. */
static void make_tree(void)
{
    cr_assert_eq(tool_run("mkdir -p %s/tree/dir/deep", temp_dir()), 0);
    for (size_t i = 0; i < FILE_COUNT; i++) {
        AUTO_FREE uint8_t *data = mem_alloc(files[i].len);
        AUTO_FREE char *path = mem_printf("%s/tree/%s", temp_dir(), files[i].path);

        fill(data, files[i].len, (uint32_t)i, strcmp(files[i].path, "noise") == 0);
        temp_write(path, data, files[i].len);
    }
}

static bool is_path(const char *text, const char *path)
{
    size_t len = strlen(text);
    size_t path_len = strlen(path);

    return len >= path_len && strcmp(text + len - path_len, path) == 0 &&
           (len == path_len || text[len - path_len - 1] == '/');
}

/* The bytes of an element, out of units and what lies plainly between them. */
static void add_element(const struct image *image, const struct units *units,
                        const struct element *element, struct buf *out)
{
    uint64_t at = element->at;
    uint64_t skip = element->skip;
    uint64_t left = element->length;

    while (left > 0) {
        const struct unit *unit = NULL;
        AUTO_FREE uint8_t *data = NULL;
        const uint8_t *from = image->data + at;
        uint64_t len = image->len - at;
        struct decoded decoded;

        for (size_t i = 0; i < units->unit_count && !unit; i++) {
            if (units->units[i].at >= at)
                unit = &units->units[i];
        }
        if (unit && unit->at > at)
            len = unit->at - at;
        if (unit && unit->at == at) {
            from = data = mem_alloc((size_t)unit->unpacked_len);
            cr_assert(unit_decode((enum unit_family)unit->family, image->data + at,
                                  unit->packed_len, data, unit->unpacked_len, &decoded));
            cr_assert_eq(decoded.unpacked_len, unit->unpacked_len);
            len = unit->unpacked_len;
        }
        at = unit && unit->at == at ? at + unit->packed_len : at + len;
        cr_assert(skip <= len);
        from += skip;
        len = len - skip < left ? len - skip : left;
        skip = 0;
        buf_add(out, from, (size_t)len);
        left -= len;
    }
}

/* All files of the tree are found, with all their bytes. */
static void expect_files(const char *path, const char *what)
{
    struct image image;
    struct units units = {0};
    struct err err;
    struct container_input in;

    cr_assert(image_open(path, &image, &err), "%s", what);
    in = (struct container_input){image.data, image.len, IMAGE_MAX};
    container_find_all(&in, 0, in.len, &units);
    units_sort(&units);
    for (size_t i = 0; i < FILE_COUNT; i++) {
        AUTO_FREE uint8_t *data = mem_alloc(files[i].len);
        AUTO_BUF got;

        buf_init(&got, IMAGE_MAX);
        fill(data, files[i].len, (uint32_t)i, strcmp(files[i].path, "noise") == 0);
        for (size_t k = 0; k < units.element_count; k++) {
            if (is_path(units_path(&units, &units.elements[k]), files[i].path))
                add_element(&image, &units, &units.elements[k], &got);
        }
        cr_expect_eq(got.len, files[i].len, "%s: %s has %zu bytes", what, files[i].path, got.len);
        cr_expect(got.len == files[i].len && memcmp(got.data, data, got.len) == 0, "%s: %s", what,
                  files[i].path);
    }
    units_done(&units);
    image_close(&image);
}

Test(container, finds_every_file_of_a_file_system_or_archive, .fini = temp_done)
{
    static const struct {
        const char *what;
        const char *command; /* in DIR, of `tree` to `image` */
    } cases[] = {
        {"squashfs, gzip", "mksquashfs tree image -quiet -comp gzip"},
        {"squashfs, gzip level 5", "mksquashfs tree image -quiet -comp gzip -Xcompression-level 5"},
        {"squashfs, xz", "mksquashfs tree image -quiet -comp xz"},
        {"squashfs, zstd, 64 KiB", "mksquashfs tree image -quiet -comp zstd -b 64K"},
        {"squashfs, lz4", "mksquashfs tree image -quiet -comp lz4"},
        {"squashfs, lz4 hc", "mksquashfs tree image -quiet -comp lz4 -Xhc"},
        {"squashfs, no fragments", "mksquashfs tree image -quiet -comp gzip -no-fragments"},
        {"squashfs, data not packed", "mksquashfs tree image -quiet -comp gzip -noD -noF"},
        {"squashfs, nothing packed", "mksquashfs tree image -quiet -comp gzip -noI -noD -noF -noX"},
        {"erofs", "mkfs.erofs image tree"},
        {"erofs, lz4", "mkfs.erofs -zlz4 image tree"},
        {"erofs, lz4hc", "mkfs.erofs -zlz4hc image tree"},
        {"erofs, full indexes", "mkfs.erofs -zlz4hc -Elegacy-compress image tree"},
        {"erofs, large clusters", "mkfs.erofs -zlz4hc -C65536 image tree"},
        {"ext4", "mke2fs -q -t ext4 -d tree image 8M"},
        {"ext4, 1 KiB blocks", "mke2fs -q -t ext4 -b 1024 -d tree image 8M"},
        {"ext2", "mke2fs -q -t ext2 -d tree image 8M"},
        {"ext2, 1 KiB blocks", "mke2fs -q -t ext2 -b 1024 -d tree image 8M"},
        {"tar", "tar -cf image ./tree"},
        {"tar, POSIX", "tar --format=pax -cf image ./tree"},
        {"cpio", "cd tree; find . | cpio -o -H newc > ../image"},
    };

    make_tree();
    for (size_t i = 0; i < COUNT(cases); i++) {
        cr_assert_eq(tool_run("cd %s && rm -f image && { %s; }", temp_dir(), cases[i].command), 0,
                     "%s", cases[i].what);
        expect_files(temp_path("image"), cases[i].what);
    }
}

Test(container, finds_streams_anywhere_and_where_they_end, .fini = temp_done)
{
    static const struct {
        const char *what;
        const char *command; /* of `words` to `packed` */
        enum unit_family family;
        size_t units;
    } cases[] = {
        {"gzip", "gzip -9 < words > packed", UNIT_DEFLATE, 1},
        {"gzip with a name", "gzip -k words && mv words.gz packed", UNIT_DEFLATE, 1},
        {"two gzip members", "gzip < words > packed; gzip -1 < words >> packed", UNIT_DEFLATE, 2},
        {"zstd", "zstd -q -10 < words > packed", UNIT_ZSTD, 1},
        {"xz", "xz -6 < words > packed", UNIT_XZ, 1},
        {"lzma", "xz --format=lzma -6 < words > packed", UNIT_LZMA, 1},
        {"lz4", "lz4 -9 < words > packed", UNIT_LZ4_FRAME, 1},
        {"lz4, as kernels have it", "lz4 -l -9 < words > packed", UNIT_LZ4, 1},
    };

    make_tree();
    cr_assert_eq(tool_run("cd %s && cp tree/words words", temp_dir()), 0);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct units units = {0};
        struct image image;
        struct container_input in;
        struct err err;

        cr_assert_eq(tool_run("cd %s && rm -f packed && { %s; } && "
                              "{ printf 12345; cat packed; printf 1234567; } > image",
                              temp_dir(), cases[i].command),
                     0, "%s", cases[i].what);
        cr_assert(image_open(temp_path("image"), &image, &err));
        in = (struct container_input){image.data, image.len, IMAGE_MAX};
        container_find_all(&in, 0, in.len, &units);
        units_sort(&units);
        cr_expect_eq(units.unit_count, cases[i].units, "%s: %zu", cases[i].what, units.unit_count);
        for (size_t k = 0; k < units.unit_count; k++) {
            cr_expect_eq(units.units[k].family, cases[i].family, "%s", cases[i].what);
            cr_expect_eq(units.units[k].unpacked_len, 300000, "%s", cases[i].what);
            cr_expect(units.units[k].at >= 5 &&
                          units.units[k].at + units.units[k].packed_len <= image.len - 7,
                      "%s", cases[i].what);
        }
        units_done(&units);
        image_close(&image);
    }
}

static void put_u64(uint8_t *at, uint64_t value)
{
    for (int i = 0; i < 8; i++)
        at[i] = (uint8_t)(value >> 8 * i);
}

/* Two partitions: 8 sectors from 64 on, 16 from 72 on. */
static void make_gpt(uint8_t disk[1 << 16])
{
    static const uint8_t magic[8] = {'E', 'F', 'I', ' ', 'P', 'A', 'R', 'T'};
    uint8_t *header = disk + 512;

    memcpy(header, magic, sizeof(magic));
    put_u64(header + 72, 2);
    put_u64(header + 80, UINT64_C(128) << 32 | 4);
    for (uint64_t i = 0; i < 2; i++) {
        uint8_t *entry = disk + 1024 + 128 * i;

        put_u64(entry + 32, 64 + 8 * i);
        put_u64(entry + 40, 71 + 16 * i);
        entry[56] = 'a';
    }
}

static void make_mbr(uint8_t disk[1 << 16])
{
    disk[510] = 0x55;
    disk[511] = 0xaa;
    for (uint64_t i = 0; i < 2; i++) {
        uint8_t *entry = disk + 446 + 16 * i;

        entry[4] = 0x83;
        put_u64(entry + 8, (8 + 8 * i) << 32 | (64 + 8 * i));
    }
}

Test(container, names_partitions_of_a_disk)
{
    static uint8_t disk[1 << 16];
    static void (*const tables[])(uint8_t *) = {make_gpt, make_mbr};

    for (size_t i = 0; i < COUNT(tables); i++) {
        struct container_input in = {disk, sizeof(disk), IMAGE_MAX};
        struct units units = {0};

        memset(disk, 0, sizeof(disk));
        tables[i](disk);
        container_find_all(&in, 0, in.len, &units);
        cr_assert_eq(units.element_count, 2);
        for (size_t k = 0; k < 2; k++) {
            cr_expect_eq(units.elements[k].kind, ELEMENT_PARTITION);
            cr_expect_eq(units.elements[k].at, (64 + 8 * k) * 512);
            cr_expect_eq(units.elements[k].length, (8 + 8 * k) * 512);
        }
        units_done(&units);
    }
}

Test(container, refuses_partitions_beyond_the_disk)
{
    static uint8_t disk[1 << 16];
    struct container_input in = {disk, sizeof(disk), IMAGE_MAX};
    struct units units = {0};

    make_gpt(disk);
    put_u64(disk + 1024 + 40, 128);
    put_u64(disk + 1024 + 128 + 40, UINT64_MAX);
    make_mbr(disk);
    put_u64(disk + 446 + 8, UINT64_C(65) << 32 | 64);
    disk[446 + 16 + 4] = 0;
    container_find_all(&in, 0, in.len, &units);
    cr_expect_eq(units.element_count, 0);
    units_done(&units);
}

/* Finds in an image that was cut and changed; whatever is found lies in it. */
static void expect_inside(const uint8_t *data, size_t len, const char *what)
{
    AUTO_FREE uint8_t *exact = mem_dup(data, len); /* so that a sanitizer sees a byte too far */
    struct container_input in = {exact, len, 1 << 20};
    struct units units = {0};

    container_find_all(&in, 0, in.len, &units);
    units_sort(&units);
    for (size_t i = 0; i < units.unit_count; i++)
        cr_assert(units.units[i].at < len && units.units[i].packed_len <= len - units.units[i].at,
                  "%s", what);
    for (size_t i = 0; i < units.element_count; i++)
        cr_assert(units.elements[i].at < len, "%s", what);
    units_done(&units);
}

Test(container, reads_nothing_outside_of_damaged_images, .fini = temp_done)
{
    static const char *const commands[] = {
        "mksquashfs tree image -quiet -comp gzip", "mkfs.erofs -zlz4hc image tree",
        "mke2fs -q -t ext4 -d tree image 2M", "tar -cf image ./tree",
        "cd tree; find . | cpio -o -H newc > ../image"};

    make_tree();
    for (size_t i = 0; i < COUNT(commands); i++) {
        AUTO_FREE uint8_t *copy = NULL;
        struct image image;
        struct err err;
        uint32_t seed = 1;

        cr_assert_eq(tool_run("cd %s && rm -f image && { %s; }", temp_dir(), commands[i]), 0);
        cr_assert(image_open(temp_path("image"), &image, &err));
        for (size_t len = 1; len < image.len; len = len * 3 / 2 + 7)
            expect_inside(image.data, len, commands[i]);
        copy = mem_dup(image.data, image.len);
        for (size_t k = 0; k < 10; k++) {
            for (size_t j = 0; j < 200; j++) {
                seed = seed * 1664525 + 1013904223;
                copy[(seed >> 4) % (j % 2 ? image.len : 8192)] = (uint8_t)(seed >> 20);
            }
            expect_inside(copy, image.len, commands[i]);
        }
        image_close(&image);
    }
}
