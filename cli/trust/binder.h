#pragma once
/* A binder: named documents in memory, in the order they came. */
#include "lib/base/buf.h"

struct binder_item {
    char *name;
    struct buf bytes;
};

struct binder {
    struct binder_item *items;
    size_t count;
};

#define AUTO_BINDER CLEANUP(binder_done) struct binder
void binder_done(struct binder *binder);
/* NULL when there is none. */
const struct buf *binder_get(const struct binder *binder, const char *name);
/* Adds or replaces; the bytes are copied. Pointers from binder_get() are then invalid. */
void binder_put(struct binder *binder, const char *name, const void *data, size_t len);
void binder_drop(struct binder *binder, const char *name);
