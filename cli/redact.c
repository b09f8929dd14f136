/* One pass from left to right; each rule looks at what begins here. */
#include "cli/redact.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

enum { NAME_MAX_LEN = 200 };

struct scan {
    const char *at;
    const char *end;
    struct buf *out;
};

static size_t left(const struct scan *scan)
{
    return (size_t)(scan->end - scan->at);
}

static bool begins(const struct scan *scan, const char *word)
{
    size_t len = strlen(word);

    return left(scan) >= len && strncasecmp(scan->at, word, len) == 0;
}

static bool is_name_char(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '-' || c == '.';
}

static void copy(struct scan *scan, size_t len)
{
    buf_add(scan->out, scan->at, len);
    scan->at += len;
}

static void skip_value(struct scan *scan, const char *stops)
{
    while (scan->at < scan->end && !strchr(stops, *scan->at))
        scan->at++;
    buf_add_text(scan->out, REDACTED);
}

/* "-----BEGIN ..." to the end of its "-----END ..." line, or of the text. */
static bool pem(struct scan *scan)
{
    if (!begins(scan, "-----BEGIN "))
        return false;
    while (scan->at < scan->end && !begins(scan, "-----END "))
        scan->at++;
    skip_value(scan, "\n");
    return true;
}

/* "scheme://user:password@host" */
static bool url(struct scan *scan)
{
    const char *at = scan->at + 3;

    if (!begins(scan, "://"))
        return false;
    while (at < scan->end && !strchr("/?#@ \t\r\n\"'", *at))
        at++;
    if (at == scan->end || *at != '@')
        return false;
    buf_add_text(scan->out, "://" REDACTED);
    scan->at = at;
    return true;
}

static bool bearer(struct scan *scan)
{
    if (!begins(scan, "bearer ") && !begins(scan, "slw_"))
        return false;
    copy(scan, begins(scan, "slw_") ? 4 : 7);
    skip_value(scan, " \t\r\n\"',;");
    return true;
}

static bool is_secret_name(const char *name, size_t len)
{
    static const char *const words[] = {
        "password", "passwd",        "passphrase", "secret",   "token",
        "private",  "authorization", "cookie",     "sig",      "api_key",
        "apikey",   "credential",    "claim",      "conninfo", "pin"};

    for (size_t i = 0; i < COUNT(words); i++) {
        size_t word = strlen(words[i]);

        for (size_t k = 0; k + word <= len; k++) {
            if (strncasecmp(name + k, words[i], word) == 0)
                return true;
        }
    }
    return false;
}

/* The value behind a name: to its closing quote, or to the line's end. */
static void redact_value(struct scan *scan)
{
    while (scan->at < scan->end && strchr(" \t", *scan->at))
        copy(scan, 1);
    if (scan->at == scan->end)
        return;
    if (*scan->at == '"' || *scan->at == '\'') {
        char quote = *scan->at;

        copy(scan, 1);
        while (scan->at < scan->end && *scan->at != quote)
            scan->at += *scan->at == '\\' && scan->at + 1 < scan->end ? 2 : 1;
        buf_add_text(scan->out, REDACTED);
        return;
    }
    if (*scan->at == '[' || *scan->at == '{') /* its members have names of their own */
        return;
    skip_value(scan, "\r\n,}&\"");
}

/* A whole name, and what it names if that is a secret. */
static void name(struct scan *scan)
{
    const char *from = scan->at;
    size_t len = 0;

    while (len < left(scan) && len < NAME_MAX_LEN && is_name_char(from[len]))
        len++;
    copy(scan, len);
    if (!is_secret_name(from, len))
        return;
    if (scan->at < scan->end && strchr("\"'", *scan->at))
        copy(scan, 1);
    while (scan->at < scan->end && strchr(" \t", *scan->at))
        copy(scan, 1);
    if (scan->at == scan->end || !strchr(":=", *scan->at))
        return;
    copy(scan, 1);
    redact_value(scan);
}

void redact_text(const char *text, size_t len, struct buf *out)
{
    struct scan scan = {.at = text, .end = text + len, .out = out};

    while (scan.at < scan.end) {
        if (pem(&scan) || url(&scan) || bearer(&scan))
            continue;
        if (is_name_char(*scan.at))
            name(&scan);
        else
            copy(&scan, 1);
    }
}
