#pragma once
/*
 * The journal of an update in place: how far it came, for whoever goes on after power was lost.
 * Two slots are written in turns, so the one before is whole while the next is torn. A record:
 *
 *   offset  size
 *        0     4  CRC-32C of the rest
 *        4     1  version, 1
 *        5     1  phase: 0 the old image is moved, 1 the new one is written, 2 it is there
 *        6     2  0
 *        8     8  number of the record; the higher one is the newer
 *       16     4  blocks of the old image that are moved, counted from its end
 *       20     4  bytes of the erase block that is begun, which follow the record
 *       24    32  SHA-256 of the patch's header
 *       56    64  checkpoint (lib/delta/checkpoint.h) in phase 1 behind the first group, else zeros
 *      120        the begun block's bytes
 */
#include "lib/base/err.h"
#include "lib/delta/checkpoint.h"

enum { DELTA_JOURNAL_BYTES = 120, DELTA_JOURNAL_SLOTS = 2 };

enum delta_phase {
    DELTA_MOVING,
    DELTA_WRITING,
    DELTA_THERE,
    DELTA_PHASE_COUNT,
};

struct delta_journal {
    enum delta_phase phase;
    uint64_t number;
    uint32_t moved;
    uint32_t begun_bytes;
    uint8_t header_sha256[DELTA_HASH_BYTES];
    bool has_checkpoint;
    uint8_t checkpoint[DELTA_CHECKPOINT_BYTES];
};

/* `record` has the begun block's bytes in place already, behind DELTA_JOURNAL_BYTES; the rest is
 * written here. */
void delta_journal_format(const struct delta_journal *journal, uint8_t *record);
/* From the `len` bytes of a slot. Refuses (DELTA_FORMAT) what was not written whole, and a begun
 * block that is longer than `begun_max`. */
MUST_USE bool delta_journal_read(const uint8_t *record, size_t len, uint32_t begun_max,
                                 struct delta_journal *out, struct err *err);
