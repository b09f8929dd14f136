/* Drawn over itself with a carriage return, on terminals only. */
#include "cli/progress.h"

#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/text.h"

enum { WIDTH = 30, REDRAW_MS = 100 };

void progress_bar(uint64_t done, uint64_t total, size_t width, char *out)
{
    size_t full = 0;

    if (total > 0)
        full = done >= total ? width : (size_t)((double)done / (double)total * (double)width);
    memset(out, '#', full);
    memset(out + full, ' ', width - full);
    out[width] = '\0';
}

void progress_start(struct progress *progress, FILE *out, const char *label, uint64_t total)
{
    *progress = (struct progress){.label = label, .total = total};
    if (isatty(fileno(out)))
        progress->out = out;
}

void progress_show(struct progress *progress, uint64_t done)
{
    char size[TEXT_SIZE_ROOM];
    char bar[WIDTH + 1];
    int64_t now_mono_ms;

    if (!progress->out)
        return;
    now_mono_ms = clock_mono_ms();
    if (progress->drawn_mono_ms && now_mono_ms - progress->drawn_mono_ms < REDRAW_MS)
        return;
    progress->drawn_mono_ms = now_mono_ms;
    text_from_size(done, size);
    progress_bar(done, progress->total, WIDTH, bar);
    if (progress->total > 0)
        (void)fprintf(progress->out, "\r\033[K%s  [%s] %3.0f%%  %s", progress->label, bar,
                      100.0 * (double)done / (double)progress->total, size);
    else
        (void)fprintf(progress->out, "\r\033[K%s  %s", progress->label, size);
    (void)fflush(progress->out);
}

void progress_end(struct progress *progress)
{
    if (!progress->out)
        return;
    (void)fprintf(progress->out, "\r\033[K");
    (void)fflush(progress->out);
    progress->out = NULL;
}
