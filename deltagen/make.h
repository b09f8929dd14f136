#pragma once
/*
 * Two images to the smallest patch: matches, covers, then every codec that may be used, side by
 * side. The result depends on the images and on `codec` and `class` only.
 */
#include "deltagen/encode.h"
#include "deltagen/unpack.h"

enum { MAKE_CODEC_AUTO = DELTA_CODEC_COUNT };

enum make_step { MAKE_UNPACK, MAKE_SORT, MAKE_MATCH, MAKE_ENCODE, MAKE_CHECK, MAKE_STEP_COUNT };

/* What became of what is packed in the new image; all zeros when it was not unpacked. */
struct make_report {
    struct unpack_sum sums[FATE_COUNT];
};

struct make_options {
    int codec; /* an enum delta_codec, or MAKE_CODEC_AUTO: the smallest that fits the class */
    enum delta_class class; /* what the device may spend on applying, at most */
    uint64_t memory_bytes;  /* what this process may take; 0: about a GiB */
    size_t group_bytes;     /* as encode_options' */
    struct in_place_options in_place;
    unsigned threads;
    /* Called now and then, from the calling thread only; may be NULL. */
    void (*progress)(void *arg, enum make_step step, size_t done);
    void *progress_arg;
    struct make_report *report; /* may be NULL */
};

/* Appends the patch file to `out`. It was proved: the applier made `new_image` of it. */
MUST_USE bool make_patch(const struct image *old, const struct image *new_image,
                         const struct make_options *options, struct delta_header *header,
                         struct buf *out, struct err *err);
