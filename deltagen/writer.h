#pragma once
/*
 * The writing side of the coders, one for each of lib/delta/codec.h's: takes the operations of
 * one group after the other in the order in which the applier will, and makes the group's code.
 */
#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/delta/format.h"

struct delta_scope;

struct writer_ops {
    /* `header` says which coder, and how large; borrowed. */
    void *(*start)(const struct delta_header *header);
    void (*control)(void *self, uint64_t word);
    void (*number)(void *self, unsigned context, uint64_t value);
    void (*scope)(void *self, const struct delta_scope *scope);
    /* As codec's: DELTA_MARGIN bytes around `old` may be read. */
    void (*add)(void *self, const uint8_t *old, uint64_t old_at, uint64_t new_at,
                const uint8_t *bytes, size_t len);
    void (*insert)(void *self, const uint8_t *bytes, size_t len);
    void (*passed)(void *self, const uint8_t *bytes, size_t len);
    /* Bytes of the group's code so far, more or less. */
    size_t (*size)(const void *self);
    /* Appends the group's code; a new group begins. */
    bool (*finish)(void *self, struct buf *out, struct err *err);
    void (*end)(void *self);
};

/* writer_batches.c and writer_model.c. */
extern const struct writer_ops writer_batches;
extern const struct writer_ops writer_model;
