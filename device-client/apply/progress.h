#pragma once
/*
 * How far a patch was applied: one small file with the applier's last checkpoint and what it
 * belongs to. It is replaced as a whole, and only when the slot holds what it says; a file that is
 * missing, torn or of another patch or slot means "from the start".
 */
#include "device-client/slots/slots.h"
#include "lib/crypto/hash.h"
#include "lib/delta/checkpoint.h"

struct apply_progress {
    const char *path;          /* of the file; borrowed */
    uint8_t patch[HASH_BYTES]; /* SHA-256 of the patch's header */
    enum slot slot;            /* which it is applied to */
};

/* False when there is none. */
bool apply_progress_load(const struct apply_progress *progress,
                         uint8_t out[DELTA_CHECKPOINT_BYTES]);
MUST_USE bool apply_progress_store(const struct apply_progress *progress,
                                   const uint8_t record[DELTA_CHECKPOINT_BYTES], struct err *err);
MUST_USE bool apply_progress_forget(const char *path, struct err *err);
/* A number that grows with it, whatever patch it is of; 0: none. */
uint64_t apply_progress_measure(const char *path);
