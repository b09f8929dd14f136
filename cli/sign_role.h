#pragma once
/* Signing an image under the role of its hardware: shared by `sign release --role` and `release
 * publish`. */
#include "cli/trust/ceremony.h"

#define SIGN_NUMBER_MAX ((UINT64_C(1) << 53) - 1)

struct sign_input {
    const char *component; /* NULL: that of the project */
    const char *version;
    const char *product; /* NULL: that of the project */
    uint64_t counter;    /* 0: the next */
    uint64_t floor;
    uint64_t epoch;
    uint64_t stepping_stone;
    struct option_numbers back_to;
    bool no_back_to;
    struct option_texts hwids; /* none: those of the project */
    struct option_texts images;
};

/* clang-format off */
#define SIGN_INPUT_OPTIONS(values) \
    {.name = "counter",        .type = OPTION_U64,   .field = offsetof(values, input.counter), .min = 1, .max = SIGN_NUMBER_MAX, .value = "N", .help = "release counter, for devices: only ever upwards (the next one)"}, \
    {.name = "hwid",           .type = OPTION_TEXTS, .field = offsetof(values, input.hwids), .value = "ID", .help = "hardware it is for (that of 'init')"}, \
    {.name = "component",      .type = OPTION_TEXT,  .field = offsetof(values, input.component), .value = "NAME", .help = "what the image is, e.g. base-os (that of 'init')"}, \
    {.name = "floor",          .type = OPTION_U64,   .field = offsetof(values, input.floor), .max = SIGN_NUMBER_MAX, .value = "N", .help = "lowest counter a device may still run after this"}, \
    {.name = "epoch",          .type = OPTION_U64,   .field = offsetof(values, input.epoch), .max = SIGN_NUMBER_MAX, .value = "N", .help = "security epoch (0)"}, \
    {.name = "stepping-stone", .type = OPTION_U64,   .field = offsetof(values, input.stepping_stone), .max = SIGN_NUMBER_MAX, .value = "N", .help = "lowest counter that may be updated to this directly"}, \
    {.name = "back-to",        .type = OPTION_U64S,  .field = offsetof(values, input.back_to), .min = 1, .max = SIGN_NUMBER_MAX, .value = "N", .help = "counter that devices may go back to, for 90 days (what groups run now)"}, \
    {.name = "no-back-to",     .type = OPTION_FLAG,  .field = offsetof(values, input.no_back_to), .help = "there is no way back from this release"}
/* clang-format on */

/* Words that were left out are those of the project, which must outlive the input; ERR_INVALID when
 * it does not say them either, or images and hardware do not match. */
MUST_USE bool sign_fill_in(const struct project *project, struct sign_input *input,
                           struct err *err);
/* Adds the images to their roles in the ceremony's plan; "targets" of the answer says what they
 * became. Fills in first. */
MUST_USE bool sign_images(struct ceremony *ceremony, struct sign_input *input, json_t *answer,
                          struct err *err);
/* A note for those who will sign; the caller frees it. */
char *sign_note(const struct sign_input *input);
/* A line for each image. */
void sign_print_images(struct cli *cli, const struct sign_input *input, const json_t *answer);
