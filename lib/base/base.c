/* The end of the line for a broken promise of our own: say where, leave a core, never go on. */
#include "lib/base/base.h"

#include <stdio.h>
#include <stdlib.h>

void assert_failed(const char *file, int line, const char *cond)
{
    (void)fprintf(stderr, "%s:%d: assertion failed: %s\n", file, line, cond);
    abort();
}
