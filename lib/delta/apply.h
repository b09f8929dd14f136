#pragma once
/*
 * The streaming applier: old image + patch -> new image, in one pass. Pure: old bytes, patch
 * bytes and new bytes go through callbacks, which may block.
 *
 * Memory is one block of delta_memory_bytes(), which is within the header's class, compared with
 * the caller's limit and allocated before the first operation; nothing grows later.
 *
 * The patch is not trusted: the new image is right only when delta_apply() returned true, for
 * only then is its SHA-256 the one that the header and the caller named. Except in class S each
 * block of 64 KiB is compared with its hash before it is written.
 *
 * Power loss: `checkpoint` is given a record at the start of each restart group and now and then
 * within; when everything written before is durable, the caller may store it. delta_resume() with
 * the last record stored goes on there: it reads the header, the tables and then the patch from
 * that group's start, and writes no block again that the record calls verified. The medium must
 * write sectors whole: a group may begin within one.
 *
 * Refusals: DELTA_FORMAT (the patch is malformed), DELTA_FILE_HASH (it is not the patch whose
 * header the caller named, or its frames are not the header's), DELTA_BASE (made for another old
 * image), DELTA_LIMIT (wants more than the caller allows or its header says), DELTA_RESULT_HASH.
 * Errors of the callbacks come through unchanged.
 */
#include "lib/delta/checkpoint.h"
#include "lib/delta/format.h"

struct delta_io {
    void *arg;
    /* Exactly `len` bytes of the old image from `offset`, which lie within it. */
    bool (*read_old)(void *arg, uint64_t offset, void *buf, size_t len, struct err *err);
    /* Bytes of the patch file from `offset`, at most `room`; 0 at its end only. Offsets follow
     * each other, but for one jump when an installation is resumed. */
    bool (*read_patch)(void *arg, uint64_t offset, void *buf, size_t room, size_t *got,
                       struct err *err);
    /* Bytes of the new image at `offset`: each once, in order. */
    bool (*write_new)(void *arg, uint64_t offset, const void *buf, size_t len, struct err *err);
    /* What was written before the checkpoint; NULL when nothing is resumed. */
    bool (*read_new)(void *arg, uint64_t offset, void *buf, size_t len, struct err *err);
    /* May be NULL. */
    bool (*checkpoint)(void *arg, const uint8_t record[DELTA_CHECKPOINT_BYTES], struct err *err);
    /* The block's memory, both or none; by default mem_alloc() and mem_free(). */
    void *(*allocate)(void *arg, size_t size);
    void (*release)(void *arg, void *block);
};

struct delta_limits {
    /* Of the image behind read_old; the patch must say the same, or that it needs none. */
    uint64_t old_length;
    uint64_t new_length_max;
    uint64_t memory_bytes_max;
    /* What the caller knows of the images; NULL: the patch's word is taken. */
    const uint8_t *old_sha256;
    const uint8_t *new_sha256;
    /* Of the patch's first DELTA_HEADER_BYTES, compared before they are parsed. NULL: they are
     * taken as they are. */
    const uint8_t *header_sha256;
};

/* `out_header` may be NULL. */
MUST_USE bool delta_apply(const struct delta_io *io, const struct delta_limits *limits,
                          struct delta_header *out_header, struct err *err);
/* From a checkpoint of the same patch. */
MUST_USE bool delta_resume(const struct delta_io *io, const struct delta_limits *limits,
                           const uint8_t record[DELTA_CHECKPOINT_BYTES],
                           struct delta_header *out_header, struct err *err);

/* The patch's header, compared with `sha256` before it is parsed unless that is NULL. */
MUST_USE bool delta_fetch_header(const struct delta_io *io, const uint8_t *sha256,
                                 struct delta_header *out, struct err *err);
/* What delta_apply() compares before anything else. */
MUST_USE bool delta_check_limits(const struct delta_header *header,
                                 const struct delta_limits *limits, struct err *err);
/* What applying allocates. */
uint64_t delta_memory_bytes(const struct delta_header *header);
