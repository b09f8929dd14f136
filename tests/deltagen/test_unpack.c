#include "deltagen/unpack.h"

#include <string.h>

#include <criterion/criterion.h>

#include "deltagen/make.h"
#include "deltagen/trial.h"
#include "lib/base/mem.h"
#include "tests/support/temp.h"
#include "tests/support/tool.h"

enum { WORDS = 200000, PAGE = 30000 };

static const struct unpack_options options = {.unpack_bytes_max = 8 << 20,
                                              .pack_bytes_max = 8 << 20,
                                              .unpacked_bytes_max = 1 << 30,
                                              .memory_bytes = 1 << 30,
                                              .threads = 2};

static void fill(uint8_t *data, size_t len, uint32_t seed)
{
    static const char words[] = "what a device holds and what it is sent ";

    for (size_t i = 0; i < len; i++) {
        seed = seed * 1664525 + 1013904223;
        data[i] = seed % 5000 < 100 ? (uint8_t)(seed >> 24) : (uint8_t)words[i % 40];
    }
}

static void write_file(const char *name, size_t len, uint32_t seed, size_t changed_at)
{
    AUTO_FREE uint8_t *data = mem_alloc(len);
    AUTO_FREE char *path = mem_printf("%s/%s", temp_dir(), name);

    fill(data, len, seed);
    if (changed_at < len)
        data[changed_at] ^= 1;
    temp_write(path, data, len);
}

/* Trees `old` and `new`: one file is the same, one changed, one changed inside of a .gz, one has
 * a new version in its name. */
static void make_trees(void)
{
    cr_assert_eq(tool_run("cd %s && mkdir -p old/doc new/doc", temp_dir()), 0);
    write_file("old/same", WORDS, 1, SIZE_MAX);
    write_file("new/same", WORDS, 1, SIZE_MAX);
    write_file("old/changed", WORDS, 2, SIZE_MAX);
    write_file("new/changed", WORDS, 2, 777);
    write_file("old/lib-1.2.so", PAGE, 3, SIZE_MAX);
    write_file("new/lib-1.3.so", PAGE, 3, 99);
    write_file("old/doc/page", PAGE, 4, SIZE_MAX);
    write_file("new/doc/page", PAGE, 4, 5000);
    cr_assert_eq(tool_run("cd %s && gzip -n9 old/doc/page new/doc/page", temp_dir()), 0);
}

static void open_images(struct image images[2])
{
    struct err err;

    cr_assert(image_open(temp_path("image.old"), &images[0], &err));
    cr_assert(image_open(temp_path("image.new"), &images[1], &err));
}

static void close_images(struct image images[2])
{
    image_close(&images[0]);
    image_close(&images[1]);
}

/* Makes both images with the command, which has the tree's and the image's name in it. */
static void make_images(const char *command, struct image images[2])
{
    static const char *const trees[] = {"old", "new"};

    for (size_t i = 0; i < 2; i++)
        cr_assert_eq(tool_run("cd %s && tree=%s && image=image.%s && { %s; }", temp_dir(), trees[i],
                              trees[i], command),
                     0, "%s", command);
    open_images(images);
}

static bool holds(const struct image *image, size_t len, uint32_t seed, size_t changed_at)
{
    AUTO_FREE uint8_t *data = mem_alloc(len);

    fill(data, len, seed);
    if (changed_at < len)
        data[changed_at] ^= 1;
    return memmem(image->data, image->len, data, len) != NULL;
}

/* The topmost level packs to what is below it, when that is the image. */
static void expect_packs(const struct space *space, const struct image *image)
{
    const struct space_level *level = &space->levels[0];
    uint64_t at = 0;
    uint64_t above = 0;

    for (size_t i = 0; i < level->count; i++) {
        const struct space_item *item = &level->items[i];

        cr_assert(item->at == at && item->above == above);
        if (item->packed)
            cr_expect(trial_pack(&item->packing, space->image.data + above, item->unpacked_len,
                                 image->data + at, item->len));
        else
            cr_expect(memcmp(space->image.data + above, image->data + at, item->len) == 0);
        at += item->len;
        above += item->unpacked_len;
    }
    cr_expect(at == image->len && above == space->image.len);
}

Test(unpack, finds_files_in_one_piece_in_containers_within_containers, .fini = temp_done)
{
    static const struct {
        const char *command;
        unsigned levels;
    } cases[] = {
        {"mksquashfs $tree $image -quiet -comp gzip", 2},
        {"mksquashfs $tree $image -quiet -comp zstd", 2},
        {"mksquashfs $tree $image -quiet -comp xz", 2},
        {"mksquashfs $tree $image -quiet -comp lz4", 2},
        {"tar -C $tree -cf $image .", 1},
        {"tar -C $tree -cf - . | gzip -n > $image", 2},
        {"(cd $tree; find . | sort | cpio -o -H newc) | lz4 -l -9 > $image", 2},
        {"mke2fs -q -t ext4 -d $tree $image 4M", 1},
    };

    make_trees();
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct unpacked unpacked;
        struct image images[2];
        struct err err;

        make_images(cases[i].command, images);
        cr_assert(unpack_images(&images[0], &images[1], &options, &unpacked, &err));
        cr_expect_eq(unpacked.new_space.level_count, cases[i].levels, "%s: %u levels",
                     cases[i].command, unpacked.new_space.level_count);
        cr_expect_eq(unpacked.old.level_count, cases[i].levels, "%s", cases[i].command);
        cr_expect(holds(&unpacked.new_space.image, PAGE, 4, 5000), "%s", cases[i].command);
        cr_expect(holds(&unpacked.old.image, PAGE, 4, SIZE_MAX), "%s", cases[i].command);
        if (unpacked.new_space.level_count == 1)
            expect_packs(&unpacked.new_space, &images[1]);
        cr_expect_eq(unpacked.sums[FATE_DAMAGED].units, 0);
        cr_expect(unpacked.sums[FATE_UNPACKED].units > 0);
        unpacked_done(&unpacked);
        close_images(images);
    }
}

Test(unpack, pairs_files_by_path_and_by_what_they_have_in_common, .fini = temp_done)
{
    struct unpacked unpacked;
    struct image images[2];
    struct err err;
    uint64_t found = 0;

    make_trees();
    make_images("tar -C $tree -cf $image .", images);
    cr_assert(unpack_images(&images[0], &images[1], &options, &unpacked, &err));
    for (size_t i = 0; i < unpacked.pair_count; i++) {
        const struct counterpart *pair = &unpacked.pairs[i];
        size_t different = 0;

        cr_assert(pair->new_at + pair->new_len <= unpacked.new_space.image.len);
        cr_assert(pair->old_at + pair->old_len <= unpacked.old.image.len);
        cr_assert_eq(pair->old_len, pair->new_len);
        for (size_t k = 0; k < pair->new_len; k++)
            different += unpacked.old.image.data[pair->old_at + k] !=
                         unpacked.new_space.image.data[pair->new_at + k];
        /* The member of the .gz in its two bytes of header at most. */
        cr_expect(different <= 20);
        found += pair->new_len;
    }
    cr_expect(found >= 2 * WORDS + PAGE);
    unpacked_done(&unpacked);
    close_images(images);
}

Test(unpack, leaves_packed_what_both_have_and_what_does_not_fit, .fini = temp_done)
{
    struct unpack_options small = options;
    struct unpacked unpacked;
    struct image images[2];
    struct err err;

    make_trees();
    make_images("mksquashfs $tree $image -quiet -comp zstd", images);
    cr_assert(unpack_images(&images[0], &images[0], &options, &unpacked, &err));
    cr_expect_eq(unpacked.new_space.level_count, 0);
    cr_expect_eq(unpacked.sums[FATE_UNPACKED].units, 0);
    cr_expect(unpacked.sums[FATE_SAME].units > 0);
    unpacked_done(&unpacked);
    small.pack_bytes_max = 1000;
    cr_assert(unpack_images(&images[0], &images[1], &small, &unpacked, &err));
    cr_expect_eq(unpacked.new_space.level_count, 0);
    cr_expect(unpacked.sums[FATE_MEMORY].units > 0);
    unpacked_done(&unpacked);
    small = options;
    small.unpacked_bytes_max = images[1].len + 1000;
    cr_assert(unpack_images(&images[0], &images[1], &small, &unpacked, &err));
    cr_expect(unpacked.sums[FATE_LIMIT].units > 0);
    cr_expect(unpacked.new_space.image.len <= small.unpacked_bytes_max);
    unpacked_done(&unpacked);
    close_images(images);
}

Test(unpack, is_the_same_in_any_number_of_threads_and_in_a_file, .fini = temp_done)
{
    struct unpack_options other = options;
    struct unpacked one;
    struct unpacked two;
    struct image images[2];
    struct err err;

    make_trees();
    make_images("mksquashfs $tree $image -quiet -comp gzip", images);
    other.threads = 7;
    other.memory_bytes = 1000;
    cr_assert(unpack_images(&images[0], &images[1], &options, &one, &err));
    cr_assert(unpack_images(&images[0], &images[1], &other, &two, &err));
    cr_assert_eq(one.new_space.image.len, two.new_space.image.len);
    cr_expect(memcmp(one.new_space.image.data, two.new_space.image.data, one.new_space.image.len) ==
              0);
    cr_expect_eq(one.pair_count, two.pair_count);
    unpacked_done(&one);
    unpacked_done(&two);
    close_images(images);
}

Test(unpack, leads_to_small_patches_with_every_coder, .fini = temp_done)
{
    struct image images[2];

    make_trees();
    make_images("gzip -n9 < $tree/changed > $image", images);
    for (int codec = 0; codec < DELTA_CODEC_COUNT; codec++) {
        const struct make_options make = {.codec = codec, .class = DELTA_CLASS_Z, .threads = 1};
        struct delta_header header;
        struct err err = {0};
        AUTO_BUF patch;

        buf_init(&patch, 1 << 20);
        cr_expect(make_patch(&images[0], &images[1], &make, &header, &patch, &err), "%s: %s",
                  delta_codec_name((enum delta_codec)codec), err.text);
        cr_expect_eq(header.new_levels, 1);
        cr_expect(patch.len < 600, "%s: %zu", delta_codec_name((enum delta_codec)codec), patch.len);
    }
    close_images(images);
}
