#pragma once
/*
 * A progress line on standard error, when that is a terminal; nothing otherwise.
 */
#include "lib/base/base.h"

struct progress {
    bool shown;
    uint64_t total;
    int64_t next_mono_ms; /* the line is drawn ten times a second at most */
    const char *label;
};

void progress_init(struct progress *progress, uint64_t total);
/* A new label is drawn at once. */
void progress_tell(struct progress *progress, const char *label, uint64_t done);
/* Wipes the line. */
void progress_done(struct progress *progress);
