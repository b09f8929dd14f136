#pragma once
/*
 * A progress bar on a terminal, and nothing at all elsewhere:
 *     rootfs.img  [#########           ]  45%  185.0 MiB
 * It is redrawn at most ten times a second.
 */
#include <stdio.h>

#include "lib/base/base.h"

struct progress {
    FILE *out; /* NULL: not a terminal, nothing is drawn */
    const char *label;
    uint64_t total;
    int64_t drawn_mono_ms;
};

/* `label` is borrowed until progress_end(). `total` of 0 draws amounts only. */
void progress_start(struct progress *progress, FILE *out, const char *label, uint64_t total);
void progress_show(struct progress *progress, uint64_t done);
/* Wipes the bar's line. */
void progress_end(struct progress *progress);
/* `width` characters of "####    " and a NUL into `out` (width + 1 bytes). */
void progress_bar(uint64_t done, uint64_t total, size_t width, char *out);
