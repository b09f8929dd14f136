#pragma once
/*
 * An image that is updated where it lies, on a device that has room for one only. Its region is
 * somewhat longer than the image and is written by whole erase blocks:
 *
 *   1. the old image is moved up, last block first, by as many blocks as the patch's header says;
 *   2. the new image is written from the region's start on. Each restart group of the patch reads
 *      only what lies behind all that the group overwrites (deltagen makes it so, and a patch that
 *      does otherwise is refused), so that the group can be done again.
 *
 * Power may be lost at any write, and that write be torn: calling again with the same patch goes
 * on where the journal says. The device cannot boot from the region in between, and there is no
 * way back; whoever calls this boots from elsewhere until it is done.
 */
#include "lib/delta/apply.h"
#include "lib/delta/journal.h"

struct delta_in_place_io {
    void *arg;
    bool (*read)(void *arg, uint64_t at, void *buf, size_t len, struct err *err);
    /* One erase block: what was there is gone. `at` is a multiple of `len`. */
    bool (*write)(void *arg, uint64_t at, const void *block, size_t len, struct err *err);
    /* As delta_io's. */
    bool (*read_patch)(void *arg, uint64_t offset, void *buf, size_t room, size_t *got,
                       struct err *err);
    /* A slot of the journal, at most DELTA_JOURNAL_BYTES and an erase block: `got` is how much of
     * it there is. */
    bool (*read_journal)(void *arg, unsigned slot, void *buf, size_t room, size_t *got,
                         struct err *err);
    /* When it returns, everything written before is durable and then the record is. */
    bool (*write_journal)(void *arg, unsigned slot, const void *record, size_t len,
                          struct err *err);
    /* As delta_io's. */
    void *(*allocate)(void *arg, size_t size);
    void (*release)(void *arg, void *block);
};

/* How long the region is that an update by this patch needs, beginning where the image does. */
uint64_t delta_in_place_region(const struct delta_header *header);

/*
 * Moves and writes, or goes on; true when the new image is there and durable, and when it was
 * before. Takes
 * delta_memory_bytes(), DELTA_JOURNAL_BYTES and one erase block of memory. Refusals are
 * delta_apply()'s; DELTA_BASE also for an image on which another update was begun.
 */
MUST_USE bool delta_update_in_place(const struct delta_in_place_io *io,
                                    const struct delta_limits *limits, uint64_t region_bytes,
                                    struct delta_header *out_header, struct err *err);
