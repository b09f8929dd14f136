#pragma once
/*
 * How much memory the machine could give to a new program without swapping (MemAvailable of
 * Linux' /proc/meminfo). False where nobody says.
 */
#include "lib/base/base.h"

bool os_memory_available(uint64_t *out_bytes);
