/* `deltagen diff OLD NEW PATCH`, and `full`, which has no old image: the patch appears under its
 * name only after it was proved. */
#include <stdio.h>

#include "deltagen/command.h"
#include "deltagen/make.h"
#include "deltagen/memory.h"
#include "deltagen/pack.h"
#include "deltagen/progress.h"
#include "lib/base/text.h"
#include "lib/delta/apply.h"
#include "lib/os/file.h"

enum {
    PAYS_PERCENT = 60,
    SCARCE_BYTES = 512 << 20,
};

static const char *const step_names[] = {
    [MAKE_UNPACK] = "unpacking", [MAKE_SORT] = "sorting",   [MAKE_MATCH] = "matching",
    [MAKE_ENCODE] = "encoding",  [MAKE_CHECK] = "checking",
};
_Static_assert(COUNT(step_names) == MAKE_STEP_COUNT, "every step has a name");

static void on_progress(void *arg, enum make_step step, size_t done)
{
    progress_tell(arg, step_names[step], done);
}

/* Why packed parts of the new image were unpacked, or not. */
static void print_parts(const struct make_report *report)
{
    const char *before = "packed parts of the new image: ";

    for (int fate = 0; fate < FATE_COUNT; fate++) {
        const struct unpack_sum *sum = &report->sums[fate];
        char size[TEXT_SIZE_ROOM];

        if (sum->units == 0)
            continue;
        text_from_size(sum->packed_bytes, size);
        (void)printf("%s%llu %s (%s)", before, (unsigned long long)sum->units,
                     unit_fate_name((enum unit_fate)fate), size);
        before = ", ";
    }
    if (*before == ',')
        (void)printf("\n");
}

static void print_parts_json(const struct make_report *report)
{
    for (int fate = 0; fate < FATE_COUNT; fate++)
        (void)printf("%s\"%s\":{\"parts\":%llu,\"bytes\":%llu}", fate > 0 ? "," : "",
                     unit_fate_name((enum unit_fate)fate),
                     (unsigned long long)report->sums[fate].units,
                     (unsigned long long)report->sums[fate].packed_bytes);
}

static bool pays(uint64_t patch_bytes, uint64_t full_bytes)
{
    return patch_bytes * 100 < full_bytes * PAYS_PERCENT;
}

static void print_text(const struct delta_header *header, uint64_t patch_bytes, uint64_t full_bytes)
{
    char patch[TEXT_SIZE_ROOM];
    char full[TEXT_SIZE_ROOM];
    char image[TEXT_SIZE_ROOM];

    text_from_size(patch_bytes, patch);
    text_from_size(full_bytes, full);
    text_from_size(header->new_length, image);
    (void)printf("patch %s (%s, class %s), full image %s, compressed by zstd %s", patch,
                 delta_codec_name(header->codec), delta_class_name(header->class), image, full);
    (void)printf("%s\n", header->old_length == 0         ? ""
                         : pays(patch_bytes, full_bytes) ? ": the patch pays"
                                                         : ": the patch does not pay");
}

static void print_json(const struct delta_header *header, const struct make_report *report,
                       uint64_t patch_bytes, uint64_t full_bytes)
{
    uint8_t hash[HASH_BYTES];
    char hex[HASH_HEX_ROOM];

    delta_header_sha256(header, hash);
    text_from_hex_bytes(hash, sizeof(hash), hex);
    (void)printf(
        "{\"old_bytes\":%llu,\"new_bytes\":%llu,\"patch_bytes\":%llu,"
        "\"full_zstd_bytes\":%llu,\"codec\":\"%s\",\"pays\":%s,"
        "\"class\":\"%s\",\"header_length\":%d,\"header_sha256\":\"%s\",\"memory_bytes\":%llu,"
        "\"packed\":{",
        (unsigned long long)header->old_length, (unsigned long long)header->new_length,
        (unsigned long long)patch_bytes, (unsigned long long)full_bytes,
        delta_codec_name(header->codec), pays(patch_bytes, full_bytes) ? "true" : "false",
        delta_class_name(header->class), DELTA_HEADER_BYTES, hex,
        (unsigned long long)delta_memory_bytes(header));
    print_parts_json(report);
    (void)printf("}}\n");
}

static unsigned log2_of(uint64_t power)
{
    unsigned log2 = 0;

    while (power >> log2 > 1)
        log2++;
    return log2;
}

/* The files of a command; `old` is NULL when it is made of nothing. */
struct paths {
    const char *old, *new_image, *patch;
};

/* With several threads zstd takes some 50 MiB for each, its harder levels 40. */
static bool measure(const struct options *options, const struct image *image, uint64_t *out,
                    struct err *err)
{
    bool scarce = options->memory_bytes > 0 && options->memory_bytes < SCARCE_BYTES;

    return pack_full_size(image, scarce, scarce ? 0 : options->threads, out, err);
}

static bool make(const struct options *options, const struct paths *paths,
                 struct progress *progress, struct err *err)
{
    static const uint8_t nothing;
    AUTO_IMAGE old = {&nothing, 0};
    AUTO_IMAGE new_image = {0};
    AUTO_BUF patch;
    struct make_report report = {0};
    struct make_options how = {.codec = options->codec,
                               .class = options->class,
                               .memory_bytes = options->memory_bytes,
                               .threads = options->threads,
                               .in_place = {options->region_bytes, log2_of(options->erase_bytes)},
                               .progress = on_progress,
                               .progress_arg = progress,
                               .report = &report};
    struct delta_header header;
    uint64_t full_bytes;

    buf_init(&patch, SIZE_MAX / 4);
    if (options->memory_bytes > 0 && !memory_limit(options->memory_bytes, err))
        return false;
    if ((paths->old && !image_open(paths->old, &old, err)) ||
        !image_open(paths->new_image, &new_image, err))
        return false;
    progress_init(progress, new_image.len);
    if (!make_patch(&old, &new_image, &how, &header, &patch, err))
        return err_wrap(err, "could not make a patch");
    progress_tell(progress, "measuring", new_image.len);
    if (!measure(options, &new_image, &full_bytes, err) ||
        !file_write(paths->patch, 0644, patch.data, patch.len, err))
        return false;
    progress_done(progress);
    if (options->json)
        print_json(&header, &report, patch.len, full_bytes);
    else {
        print_text(&header, patch.len, full_bytes);
        print_parts(&report);
    }
    return true;
}

static int run(const struct options *options, const struct paths *paths)
{
    struct progress progress = {0};
    struct err err = {0};

    if (make(options, paths, &progress, &err))
        return EXIT_DONE;
    progress_done(&progress);
    return command_failed(&err);
}

int command_diff(const struct options *options)
{
    const struct paths paths = {options->files[0], options->files[1], options->files[2]};

    return run(options, &paths);
}

int command_full(const struct options *options)
{
    const struct paths paths = {NULL, options->files[0], options->files[1]};

    return run(options, &paths);
}
