/* Error text is built in place; a text that is too long is cut, never refused. */
#include "lib/base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const names[] = {
    [ERR_NONE] = "none",           [ERR_INVALID] = "invalid",         [ERR_NOT_FOUND] = "not-found",
    [ERR_CONFLICT] = "conflict",   [ERR_DENIED] = "denied",           [ERR_LIMIT] = "limit",
    [ERR_UNTRUSTED] = "untrusted", [ERR_UNAVAILABLE] = "unavailable", [ERR_SYSTEM] = "system",
    [ERR_STALE] = "stale",
};
_Static_assert(COUNT(names) == ERR_CODE_COUNT, "every code has a name");

const char *err_code_name(enum err_code code)
{
    ASSERT(code < ERR_CODE_COUNT);
    return names[code];
}

__attribute__((format(printf, 2, 0))) static void format_text(struct err *err, const char *fmt,
                                                              va_list args)
{
    int len = vsnprintf(err->text, sizeof(err->text), fmt, args);

    if (len < 0)
        err->text[0] = '\0';
}

static void append(struct err *err, const char *text)
{
    size_t len = strlen(err->text);
    size_t room = sizeof(err->text) - len - 1;
    size_t take = strnlen(text, room);

    memcpy(err->text + len, text, take);
    err->text[len + take] = '\0';
}

bool err_set(struct err *err, enum err_code code, const char *fmt, ...)
{
    va_list args;

    err->code = code;
    err->refusal = REFUSAL_NONE;
    va_start(args, fmt);
    format_text(err, fmt, args);
    va_end(args);
    return false;
}

bool err_system(struct err *err, const char *fmt, ...)
{
    int saved = errno;
    va_list args;

    err->code = saved == ENOENT ? ERR_NOT_FOUND : ERR_SYSTEM;
    err->refusal = REFUSAL_NONE;
    va_start(args, fmt);
    format_text(err, fmt, args);
    va_end(args);
    append(err, ": ");
    append(err, strerror(saved));
    errno = saved;
    return false;
}

bool err_refuse(struct err *err, enum refusal refusal, const char *fmt, ...)
{
    va_list args;

    err->code = ERR_UNTRUSTED;
    err->refusal = refusal;
    va_start(args, fmt);
    format_text(err, fmt, args);
    va_end(args);
    return false;
}

bool err_wrap(struct err *err, const char *fmt, ...)
{
    char inner[sizeof(err->text)];
    va_list args;

    memcpy(inner, err->text, sizeof(inner));
    va_start(args, fmt);
    format_text(err, fmt, args);
    va_end(args);
    append(err, ": ");
    append(err, inner);
    return false;
}
