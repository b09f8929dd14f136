#pragma once
/* What somebody who stole one key could do with it: one sentence, from the role and its threshold
 * as they are published now. Pure. */
#include "lib/base/base.h"

/* `role` is "root", "targets", "snapshot", "timestamp", "director", "time" or a delegated role, of
 * "image" or "director". Writes a sentence of at most `room` bytes. */
void thief_sentence(const char *repository, const char *role, uint64_t threshold, char *out,
                    size_t room);
