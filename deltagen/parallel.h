#pragma once
/* The same work on many things, in threads; what each does must not depend on the others. */
#include "lib/base/base.h"

/* Calls work(arg, i) once for each i below `count`, the low ones first. */
void parallel_run(size_t count, unsigned threads, void (*work)(void *arg, size_t i), void *arg);
