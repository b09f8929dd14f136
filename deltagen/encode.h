#pragma once
/*
 * Operations to patch files. What is written here is read by lib/delta, and by nothing else.
 */
#include "deltagen/in_place.h"
#include "deltagen/plan.h"
#include "deltagen/scopes.h"
#include "lib/delta/layout.h"

struct encode_options {
    enum delta_codec codec;
    /* The class whose memory the applier may use; the coder's size follows from it. */
    enum delta_class class;
    size_t group_bytes;            /* of code, after which a restart group ends; 0: 512 KiB */
    const struct group_ends *ends; /* where one ends at the latest; NULL: nowhere */
};

/* The images behind the plan's spaces, and how those lie over them. */
struct encode_images {
    const struct image *old, *new_image;
    const struct delta_layouts *layouts; /* NULL: the spaces are the images */
    struct scopes *scopes;               /* of the spaces, for cm; NULL: none */
};

/* Appends a whole patch file, header first; header->codec and what follows from it are chosen
 * here, lengths and hashes of the images are the caller's. ERR_LIMIT when the class is too small
 * for the coder. */
MUST_USE bool encode_patch(const struct plan *plan, const struct encode_images *images,
                           const struct encode_options *options, struct delta_header *header,
                           struct buf *out, struct err *err);
