#include "deltagen/trial.h"

#include <string.h>

#include <criterion/criterion.h>

#include "deltagen/container/decode.h"
#include "deltagen/image.h"
#include "lib/base/mem.h"
#include "tests/support/temp.h"
#include "tests/support/tool.h"

enum { WORDS = 150000, ZEROS = 150000, NOISE = 20000, UNPACKED_MAX = 64 << 20 };

/* Words, a long run of zeros, noise, words again. */
static void make_file(void)
{
    static const char words[] = "what a device holds and what it is sent ";
    size_t len = 2 * WORDS + ZEROS + NOISE;
    AUTO_FREE uint8_t *data = mem_alloc(len);
    uint32_t seed = 1;

    for (size_t i = 0; i < len; i++) {
        seed = seed * 1664525 + 1013904223;
        if (i < WORDS || i >= WORDS + ZEROS + NOISE)
            data[i] =
                seed % 5000 < 100 ? (uint8_t)(seed >> 24) : (uint8_t)words[i % 40 ^ seed >> 31];
        else
            data[i] = i < WORDS + ZEROS ? 0 : (uint8_t)(seed >> 24);
    }
    temp_write(temp_path("file"), data, len);
}

/* The number of units of `packed` that some parameters pack again, `flip` bytes changed. */
static size_t count_exact(size_t flip, size_t *units_count, uint8_t *level)
{
    struct units units = {0};
    struct image image;
    struct container_input in;
    struct err err;
    size_t exact = 0;

    cr_assert(image_open(temp_path("packed"), &image, &err));
    in = (struct container_input){image.data, image.len, UNPACKED_MAX};
    container_find_all(&in, 0, in.len, &units);
    units_sort(&units);
    *units_count = units.unit_count;
    for (size_t i = 0; i < units.unit_count; i++) {
        const struct unit *unit = &units.units[i];
        struct delta_packing candidates[TRIAL_CANDIDATES_MAX];
        size_t count = trial_candidates(unit, candidates);
        AUTO_FREE uint8_t *data = mem_alloc((size_t)unit->unpacked_len);
        struct decoded decoded;

        cr_assert(unit_decode((enum unit_family)unit->family, image.data + unit->at,
                              unit->packed_len, data, unit->unpacked_len, &decoded));
        if (flip > 0)
            data[unit->unpacked_len / 2] ^= 0x40;
        for (size_t k = 0; k < count; k++) {
            if (!trial_pack(&candidates[k], data, unit->unpacked_len, image.data + unit->at,
                            unit->packed_len))
                continue;
            *level = candidates[k].level;
            exact++;
            break;
        }
    }
    units_done(&units);
    image_close(&image);
    return exact;
}

Test(trial, packs_again_what_tools_packed, .fini = temp_done)
{
    static const struct {
        const char *command; /* of `file` to `packed` */
        uint8_t level;
    } cases[] = {
        {"gzip -1 < file > packed", 1},   {"gzip -2 < file > packed", 2},
        {"gzip -3 < file > packed", 3},   {"gzip -4 < file > packed", 4},
        {"gzip -5 < file > packed", 5},   {"gzip < file > packed", 6},
        {"gzip -9 < file > packed", 9},   {"lz4 -l -9 < file > packed", 9},
        {"lz4 -l -4 < file > packed", 4},
    };

    make_file();
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint8_t level = 0;
        size_t units;

        cr_assert_eq(tool_run("cd %s && %s", temp_dir(), cases[i].command), 0);
        cr_expect_eq(count_exact(0, &units, &level), 1, "%s", cases[i].command);
        cr_expect_eq(units, 1, "%s", cases[i].command);
        cr_expect_eq(level, cases[i].level, "%s: %u", cases[i].command, level);
    }
}

Test(trial, says_no_when_one_byte_is_another, .fini = temp_done)
{
    static const char *const commands[] = {"gzip -6 < file > packed", "lz4 -l -9 < file > packed"};

    make_file();
    for (size_t i = 0; i < COUNT(commands); i++) {
        uint8_t level = 0;
        size_t units;

        cr_assert_eq(tool_run("cd %s && %s", temp_dir(), commands[i]), 0);
        cr_expect_eq(count_exact(1, &units, &level), 0, "%s", commands[i]);
        cr_expect_eq(units, 1);
    }
}

Test(trial, packs_again_all_blocks_of_a_squashfs, .fini = temp_done)
{
    static const struct {
        const char *name;
        bool is_exact;
    } compressors[] = {
        {"gzip", true},      {"gzip -Xcompression-level 4", true}, {"xz", true},
        {"zstd", true},      {"zstd -Xcompression-level 3", true}, {"lz4", true},
        {"lz4 -Xhc", false}, /* its encoder allocates */
    };

    make_file();
    for (size_t i = 0; i < COUNT(compressors); i++) {
        uint8_t level = 0;
        size_t units;
        size_t exact;

        cr_assert_eq(tool_run("cd %s && rm -f packed && mksquashfs file packed -quiet -comp %s",
                              temp_dir(), compressors[i].name),
                     0);
        exact = count_exact(0, &units, &level);
        cr_expect(units > 3 && (exact == units) == compressors[i].is_exact, "%s: %zu of %zu",
                  compressors[i].name, exact, units);
    }
}
