#pragma once
/*
 * Files of the new space and what they probably were in the old one: the file of the same path,
 * else, of those whose path differs in digits only (versions), the one that has most in common,
 * else whichever file has much in common.
 */
#include "deltagen/unpack.h"

/* `*out` is owned by the caller; by place in the new space, without overlap. */
void counterparts_find(const struct space *old, const struct space *new_space,
                       struct counterpart **out, size_t *count);
