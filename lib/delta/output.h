#pragma once
/*
 * The new image as it comes out: gathered, hashed block by block and as a whole, compared,
 * written. Where a whole block fits the buffer it is compared before it is written; a smaller
 * buffer (class S) notices a wrong block only behind it.
 */
#include "lib/base/err.h"
#include "lib/crypto/hash.h"
#include "lib/delta/format.h"

struct delta_io;

struct delta_output {
    const struct delta_io *io;
    uint64_t image_length;
    struct sha256 *whole, *block; /* borrowed */
    uint8_t *buf;                 /* borrowed; `room` divides the size of a block */
    size_t room;
    uint64_t at;            /* bytes of the image so far */
    size_t hashed, written; /* of the bytes in the buffer, which begin at a multiple of `room` */
    uint64_t verified;      /* blocks of the image that are right and durable, or will be */
    uint8_t *hashes;        /* of this group's blocks; borrowed */
    unsigned hash_bytes;
    uint32_t hash_count;
    uint32_t hash_next;
};

/* How far the image is written already: what a checkpoint says. */
MUST_USE bool delta_output_resume(struct delta_output *out, uint64_t at, uint64_t verified,
                                  struct err *err);
/* A new group: `count` hashes were put to out->hashes. */
void delta_output_group(struct delta_output *out, uint32_t count);
/* Refuses a block that is not the one that was named (DELTA_RESULT_HASH), and more bytes than the
 * image has (DELTA_FORMAT). */
MUST_USE bool delta_output_write(struct delta_output *out, const uint8_t *data, size_t len,
                                 struct err *err);
/* Writes what is left in the buffer; refuses hashes that nothing was compared with. */
MUST_USE bool delta_output_group_end(struct delta_output *out, struct err *err);
/* Refuses an image that is too short, or has another hash than `sha256`. */
MUST_USE bool delta_output_finish(struct delta_output *out, const uint8_t *sha256, struct err *err);
