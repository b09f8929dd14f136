/* One line, drawn over and over. */
#include "deltagen/progress.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"

enum { BAR = 32, EVERY_MS = 100 };

void progress_init(struct progress *progress, uint64_t total)
{
    *progress = (struct progress){.shown = isatty(STDERR_FILENO) == 1, .total = total};
}

void progress_tell(struct progress *progress, const char *label, uint64_t done)
{
    uint64_t total = progress->total ? progress->total : 1;
    char bar[BAR + 1];
    size_t full;

    if (!progress->shown || (label == progress->label && clock_mono_ms() < progress->next_mono_ms))
        return;
    progress->label = label;
    progress->next_mono_ms = clock_mono_ms() + EVERY_MS;
    if (done > total)
        done = total;
    full = (size_t)(done * BAR / total);
    memset(bar, '#', full);
    memset(bar + full, '.', BAR - full);
    bar[BAR] = '\0';
    (void)fprintf(stderr, "\r%-10s [%s] %3llu %%", label, bar,
                  (unsigned long long)(done * 100 / total));
    (void)fflush(stderr);
}

void progress_done(struct progress *progress)
{
    if (progress->shown)
        (void)fprintf(stderr, "\r%-60s\r", "");
}
