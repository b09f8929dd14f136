/* A table of what a character may be (RFC 3986 §2, §3.3) and one decoder for paths and values. */
#include "lib/http/url.h"

#include <string.h>
#include <strings.h>

#include "lib/base/text.h"

/* What stands for itself in a path segment: unreserved, sub-delims, ":" and "@". */
static bool is_path_char(char c)
{
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
        return true;
    return c != '\0' && strchr("-._~!$&'()*+,;=:@", c) != NULL;
}

static bool is_unreserved(char c)
{
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
        return true;
    return c != '\0' && strchr("-._~", c) != NULL;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* "%41" at `text`, of which `left` characters remain: 'A', or -1. */
static int percent_code(const char *text, size_t left)
{
    int high;
    int low;

    if (left < 3)
        return -1;
    high = hex_digit(text[1]);
    low = hex_digit(text[2]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/* `segment` begins behind a slash and was decoded to `len` characters. */
static bool is_good_segment(const char *segment, size_t len, bool is_last)
{
    if (len == 0)
        return is_last;
    if (segment[0] != '.')
        return true;
    return !(len == 1 || (len == 2 && segment[1] == '.'));
}

bool url_path_decode(const char *text, size_t len, char *out)
{
    size_t segment = 1; /* where the current one begins in `out` */
    size_t at = 1;

    if (len == 0 || text[0] != '/')
        return false;
    out[0] = '/';
    for (size_t i = 1; i < len; i++) {
        int c = (unsigned char)text[i];

        if (c == '/') {
            if (!is_good_segment(out + segment, at - segment, false))
                return false;
            segment = at + 1;
        } else if (c == '%') {
            c = percent_code(text + i, len - i);
            if (c < 0x20 || c == 0x7f || c == '/')
                return false;
            i += 2;
        } else if (!is_path_char(text[i])) {
            return false;
        }
        out[at++] = (char)c;
    }
    out[at] = '\0';
    return is_good_segment(out + segment, at - segment, true);
}

bool url_query_valid(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '%') {
            if (percent_code(text + i, len - i) <= 0)
                return false;
            i += 2;
        } else if (!is_path_char(text[i]) && text[i] != '/' && text[i] != '?') {
            return false;
        }
    }
    return true;
}

/* A name or value of a valid query. */
static char *decode_value(const char *text, size_t len, struct arena *arena)
{
    char *out = arena_alloc(arena, len + 1);
    size_t at = 0;

    for (size_t i = 0; i < len; i++) {
        int c = text[i] == '+' ? ' ' : (unsigned char)text[i];

        if (c == '%') {
            c = percent_code(text + i, len - i);
            if (c <= 0)
                return NULL;
            i += 2;
        }
        out[at++] = (char)c;
    }
    return out;
}

char *url_query_value(const char *query, const char *name, struct arena *arena)
{
    for (const char *pair = query; *pair;) {
        size_t pair_len = strcspn(pair, "&");
        size_t name_len = strcspn(pair, "&=");
        const char *found = decode_value(pair, name_len, arena);

        if (found && text_equal(found, name)) {
            size_t skip = name_len < pair_len ? name_len + 1 : name_len;

            return decode_value(pair + skip, pair_len - skip, arena);
        }
        pair += pair_len;
        if (*pair == '&')
            pair++;
    }
    return NULL;
}

void url_encode(const char *text, struct buf *out)
{
    for (; *text; text++) {
        if (is_unreserved(*text))
            buf_add(out, text, 1);
        else
            buf_printf(out, "%%%02X", (unsigned)(unsigned char)*text);
    }
}

static bool copy_host(const char *text, size_t len, char out[URL_HOST_MAX + 1])
{
    if (len == 0 || len > URL_HOST_MAX)
        return false;
    for (size_t i = 0; i < len; i++) {
        char c = text[i];

        if (c >= 'A' && c <= 'Z')
            c = (char)(c - 'A' + 'a');
        if (!is_unreserved(c) && c != ':')
            return false;
        out[i] = c;
    }
    out[len] = '\0';
    return true;
}

/* "host", "host:port", "[v6]:port"; everything up to the path. */
static bool parse_authority(const char *text, size_t len, struct url *out)
{
    const char *host = text;
    const char *end = memchr(text, ':', len); /* of the host */
    const char *rest;
    uint64_t port;

    if (!end)
        end = text + len;
    rest = end;
    if (len && text[0] == '[') {
        host++;
        end = memchr(text, ']', len);
        if (!end)
            return false;
        rest = end + 1;
    }
    if (!copy_host(host, (size_t)(end - host), out->host))
        return false;
    if (rest == text + len)
        return true;
    if (rest[0] != ':' ||
        !text_to_u64(rest + 1, (size_t)(text + len - rest) - 1, 1, UINT16_MAX, &port))
        return false;
    out->port = (unsigned)port;
    return true;
}

bool url_parse(const char *text, struct url *out, struct err *err)
{
    struct url url = {0};
    const char *rest;
    size_t authority;

    if (strncasecmp(text, "https://", 8) == 0)
        url.tls = true;
    else if (strncasecmp(text, "http://", 7) != 0)
        return err_set(err, ERR_INVALID, "URL '%.100s' is neither http:// nor https://", text);
    rest = text + (url.tls ? 8 : 7);
    url.port = url.tls ? 443 : 80;
    authority = strcspn(rest, "/?#");
    url.path = rest + authority;
    if (!parse_authority(rest, authority, &url) || strchr(url.path, '#'))
        return err_set(err, ERR_INVALID, "URL '%.100s' is not well formed", text);
    *out = url;
    return true;
}

bool url_same_origin(const struct url *a, const struct url *b)
{
    return a->tls == b->tls && a->port == b->port && text_equal(a->host, b->host);
}
