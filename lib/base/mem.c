/* malloc's only home: every other file asks here, and never gets NULL. */
#include "lib/base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void (*exhausted)(size_t size);

void mem_when_exhausted(void (*handler)(size_t size))
{
    exhausted = handler;
}

NORETURN static void out_of_memory(size_t size)
{
    if (exhausted)
        exhausted(size);
    (void)fprintf(stderr, "out of memory: %zu bytes\n", size);
    abort();
}

void *mem_alloc(size_t size)
{
    return mem_array(1, size);
}

void *mem_array(size_t count, size_t size)
{
    void *p = calloc(count ? count : 1, size ? size : 1);

    if (!p)
        out_of_memory(count > 1 ? count * size : size);
    return p;
}

void *mem_resize(void *p, size_t count, size_t size)
{
    size_t total;
    void *q;

    if (__builtin_mul_overflow(count, size, &total))
        out_of_memory(SIZE_MAX);
    q = realloc(p, total ? total : 1);
    if (!q)
        out_of_memory(total);
    return q;
}

void *mem_dup(const void *data, size_t len)
{
    void *p = mem_alloc(len);

    if (len)
        memcpy(p, data, len);
    return p;
}

char *mem_strdup(const char *text)
{
    return mem_strndup(text, strlen(text));
}

char *mem_strndup(const char *text, size_t len)
{
    char *p = mem_alloc(len + 1);

    memcpy(p, text, len);
    return p;
}

char *mem_printf(const char *fmt, ...)
{
    va_list args;
    char *out = NULL;
    int len;

    va_start(args, fmt);
    len = vasprintf(&out, fmt, args);
    va_end(args);
    if (len < 0)
        out_of_memory(0);
    return out;
}

void mem_free(void *p)
{
    free(p);
}

void cleanup_free(void *pp)
{
    void *p;

    memcpy(&p, pp, sizeof(p));
    free(p);
}

void cleanup_close(const int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
}
