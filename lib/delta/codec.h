#pragma once
/*
 * Inside lib/delta: how operations and their bytes come out of a group's code. A coder takes its
 * memory from the applier's block, anew for each group, and reads through `delta_input`.
 */
#include "lib/delta/format.h"
#include "lib/delta/input.h"
#include "lib/delta/space.h"

struct delta_scope;

struct delta_codec_ops {
    /* Of its pieces in the block; a function of the header alone. */
    uint64_t (*memory_bytes)(const struct delta_header *header);
    bool (*open)(const struct delta_header *header, struct delta_space *space,
                 struct delta_input *in, void **out, struct err *err);
    /* Operations' control words. */
    bool (*control)(void *self, uint64_t *out, struct err *err);
    /* Other numbers of operations; `context`, below DELTA_NUMBER_CONTEXTS, tells them apart. */
    bool (*number)(void *self, unsigned context, uint64_t *out, struct err *err);
    /* A scope has begun; borrowed until the next one or the group's end. NULL: the last has
     * ended. */
    void (*scope)(void *self, const struct delta_scope *scope);
    /* `old` holds `len` old bytes and DELTA_MARGIN more on either side, `old_at` of the old space;
     * `out` becomes the new space's bytes from `new_at`. */
    bool (*add)(void *self, const uint8_t *old, uint64_t old_at, uint64_t new_at, uint8_t *out,
                size_t len, struct err *err);
    bool (*insert)(void *self, uint8_t *out, size_t len, struct err *err);
    /* Tells of new bytes that were copied or filled without the coder's help. */
    void (*passed)(void *self, const uint8_t *data, size_t len);
    /* The group's operations are over: refuses code that says more. */
    bool (*finish)(void *self, struct err *err);
};

/* batches.c, for stored, zlib and zstd, and cm.c. */
extern const struct delta_codec_ops delta_codec_batches;
extern const struct delta_codec_ops delta_codec_cm;

/* Under batches.c: a stream of bytes unpacked from the body. */
struct delta_unpack_ops {
    uint64_t (*memory_bytes)(unsigned log2);
    bool (*open)(unsigned log2, struct delta_space *space, void **out, struct err *err);
    /* Unpacks some bytes from in->buf[pos..len) to `out`. `*got` 0 with input left over, or at
     * its end, is the end of the stream. */
    bool (*some)(void *self, struct delta_input *in, uint8_t *out, size_t room, size_t *got,
                 struct err *err);
};

extern const struct delta_unpack_ops delta_unpack_stored;
extern const struct delta_unpack_ops delta_unpack_zlib;
extern const struct delta_unpack_ops delta_unpack_zstd;
