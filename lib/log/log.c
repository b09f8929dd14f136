/* One write() a line, so that lines of several threads and processes do not mix. */
#include "lib/log/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/text.h"

enum { LINE_BYTES_MAX = 1000 };

static const char *const names[] = {"error", "warning", "info", "debug"};
static _Atomic int current = LOG_LEVEL_INFO;

void log_set_level(enum log_level level)
{
    atomic_store(&current, (int)level);
}

bool log_level_parse(const char *name, enum log_level *out)
{
    for (size_t i = 0; i < COUNT(names); i++) {
        if (text_equal(names[i], name)) {
            *out = (enum log_level)i;
            return true;
        }
    }
    return false;
}

/* A fact may hold text from outside: it stays on its line. */
static size_t clean(char *line, size_t len)
{
    if (len > LINE_BYTES_MAX - 2)
        len = LINE_BYTES_MAX - 2;
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
            line[i] = '?';
    line[len] = '\n';
    return len + 1;
}

void log_write(enum log_level level, const char *event, const char *fmt, ...)
{
    char line[LINE_BYTES_MAX];
    char when[TEXT_TIME_ROOM];
    va_list args;
    int head, facts;

    if ((int)level > atomic_load(&current))
        return;
    text_from_time(clock_now_ms(), when);
    head = snprintf(line, sizeof(line), "%s %s %s ", when, names[level], event);
    if (head < 0 || head >= (int)sizeof(line))
        return;
    va_start(args, fmt);
    facts = vsnprintf(line + head, sizeof(line) - (size_t)head, fmt, args);
    va_end(args);
    if (facts < 0)
        facts = 0;
    (void)!write(STDERR_FILENO, line, clean(line, (size_t)head + (size_t)facts));
}
