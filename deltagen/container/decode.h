#pragma once
/*
 * Unpacks a unit, in one go, on the generator's side: how long it is packed and unpacked, and
 * optionally its bytes. Nothing more than the given room is ever written or allocated (beside a
 * codec's own window, at most 64 MiB), and a stream that grows more than any honest one does is
 * refused.
 */
#include "deltagen/container/container.h"

struct decoded {
    uint64_t packed_len; /* where the stream ended; the rest of the input was not read */
    uint64_t unpacked_len;
};

/* `out` of `room` bytes, or NULL to measure only. False: not one, or longer than `room`. */
MUST_USE bool unit_decode(enum unit_family family, const uint8_t *in, uint64_t len, uint8_t *out,
                          uint64_t room, struct decoded *decoded);
