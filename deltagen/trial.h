#pragma once
/*
 * Which parameters pack bytes into exactly the bytes that a container holds: tried by packing,
 * as the device will, and giving up at the first byte that differs.
 */
#include "deltagen/container/container.h"
#include "lib/delta/repack.h"

enum { TRIAL_CANDIDATES_MAX = 64 };

/* What may have packed a unit, the likeliest first; 0: nothing that the device knows. */
size_t trial_candidates(const struct unit *unit, struct delta_packing out[TRIAL_CANDIDATES_MAX]);

/* Memory that a device needs for it. */
uint64_t trial_pack_bytes(const struct delta_packing *packing, uint64_t unpacked_len);
uint64_t trial_unpack_bytes(const struct delta_packing *packing, uint64_t unpacked_len);

/* True: packing `unpacked` gives `packed`, all of it and no more. */
bool trial_pack(const struct delta_packing *packing, const uint8_t *unpacked, uint64_t unpacked_len,
                const uint8_t *packed, uint64_t packed_len);
