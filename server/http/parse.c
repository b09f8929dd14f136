/*
 * The scan guards the line structure (CR LF only, no control characters, lengths), so that the
 * parser can cut the copied head at its line ends with NULs and work on texts.
 *
 * Headers that decide how the message is framed or who may come are single: a second one is
 * refused even when it says the same, because the next program on the way might not see it so.
 */
#include "server/http/parse.h"

#include <string.h>
#include <strings.h>

#include "lib/base/text.h"
#include "lib/http/url.h"
#include "server/limits.h"

static const char *const methods[] = {
    [HTTP_GET] = "GET", [HTTP_HEAD] = "HEAD",   [HTTP_POST] = "POST",
    [HTTP_PUT] = "PUT", [HTTP_PATCH] = "PATCH", [HTTP_DELETE] = "DELETE",
};

static const char *const single_headers[] = {
    "authorization", "content-length", "content-type", "expect",
    "host",          "if-range",       "range",        "transfer-encoding",
};

const char *http_method_name(enum http_method method)
{
    return methods[method];
}

static bool refuse(struct http_refusal *refusal, int status, const char *detail)
{
    *refusal = (struct http_refusal){.status = status, .detail = detail};
    return false;
}

/* --- where the head ends ------------------------------------------------------------------------
 */

/* The byte at scan->pos; `*done` when it ends the head. */
static bool scan_byte(struct http_scan *scan, const char *data, bool *done,
                      struct http_refusal *refusal)
{
    unsigned char c = (unsigned char)data[scan->pos];
    bool after_cr = scan->pos > scan->line && data[scan->pos - 1] == '\r';

    if (after_cr != (c == '\n'))
        return refuse(refusal, 400, "lines end with CR LF");
    if (c == '\n') {
        if (scan->pos - scan->line > 1)
            scan->line = scan->pos + 1;
        else if (scan->line > scan->head)
            *done = true;
        else if (scan->head == 0)
            scan->head = scan->line = scan->pos + 1; /* RFC 9112 §2.2: one empty line is ignored */
        else
            return refuse(refusal, 400, "the request line is missing");
    } else if ((c < 0x20 && c != '\t' && c != '\r') || c == 0x7f) {
        return refuse(refusal, 400, "there is a control character in the head");
    }
    return true;
}

enum http_scan_verdict http_scan(struct http_scan *scan, const char *data, size_t len,
                                 struct http_refusal *refusal)
{
    bool done = false;

    while (scan->pos < len) {
        if (scan->line == scan->head && scan->pos - scan->head >= HTTP_LINE_BYTES_MAX) {
            (void)refuse(refusal, 414, "the request line is too long");
            return HTTP_SCAN_REFUSED;
        }
        if (!scan_byte(scan, data, &done, refusal))
            return HTTP_SCAN_REFUSED;
        scan->pos++;
        if (done)
            return HTTP_SCAN_DONE;
        if (scan->pos - scan->head >= HTTP_HEAD_BYTES_MAX) {
            (void)refuse(refusal, 431, "the headers are too long");
            return HTTP_SCAN_REFUSED;
        }
    }
    return HTTP_SCAN_MORE;
}

/* --- the request line ---------------------------------------------------------------------------
 */

static bool is_token_char(char c)
{
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
        return true;
    return c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL;
}

static bool is_token(const char *text)
{
    size_t len = 0;

    while (is_token_char(text[len]))
        len++;
    return len > 0 && text[len] == '\0';
}

static bool parse_version(const char *text, struct http_head *out, struct http_refusal *refusal)
{
    if (text_equal(text, "HTTP/1.1"))
        out->minor = 1;
    else if (text_equal(text, "HTTP/1.0"))
        out->minor = 0;
    else if (strlen(text) == 8 && memcmp(text, "HTTP/", 5) == 0 && text[5] >= '0' &&
             text[5] <= '9' && text[6] == '.' && text[7] >= '0' && text[7] <= '9')
        return refuse(refusal, 505, "only HTTP/1.1 and HTTP/1.0 are spoken here");
    else
        return refuse(refusal, 400, "the request line is not well formed");
    return true;
}

static bool parse_method(const char *text, struct http_head *out, struct http_refusal *refusal)
{
    if (!is_token(text))
        return refuse(refusal, 400, "the request line is not well formed");
    for (size_t i = 0; i < COUNT(methods); i++) {
        if (text_equal(text, methods[i])) {
            out->method = (enum http_method)i;
            return true;
        }
    }
    return refuse(refusal, 501, "the method is not known");
}

/* "/path?query", or the same behind "http://host": then `*authority` is set, with its length. */
static bool parse_target(char *text, struct arena *arena, struct http_head *out,
                         const char **authority)
{
    char *path = text;
    char *decoded;
    char *query;

    if (text[0] != '/') {
        if (strncasecmp(text, "http://", 7) == 0)
            *authority = text + 7;
        else if (strncasecmp(text, "https://", 8) == 0)
            *authority = text + 8;
        else
            return false;
        path = strchr(*authority, '/');
        if (!path)
            return false;
        *authority = arena_strndup(arena, *authority, (size_t)(path - *authority));
    }
    query = strchr(path, '?');
    if (query)
        *query++ = '\0';
    else
        query = path + strlen(path);
    decoded = arena_alloc(arena, strlen(path) + 1);
    if (!url_path_decode(path, strlen(path), decoded) || !url_query_valid(query, strlen(query)))
        return false;
    out->path = decoded;
    out->query = query;
    return true;
}

static bool parse_request_line(char *line, struct arena *arena, struct http_head *out,
                               const char **authority, struct http_refusal *refusal)
{
    char *target = strchr(line, ' ');
    char *version = target ? strchr(target + 1, ' ') : NULL;

    if (!version)
        return refuse(refusal, 400, "the request line is not well formed");
    *target++ = '\0';
    *version++ = '\0';
    if (text_equal(line, "PRI") && text_equal(version, "HTTP/2.0"))
        return refuse(refusal, 400, "HTTP/2 is not spoken here");
    if (!parse_version(version, out, refusal) || !parse_method(line, out, refusal))
        return false;
    if (!parse_target(target, arena, out, authority))
        return refuse(refusal, 400, "the request target is not well formed");
    return true;
}

/* --- headers ------------------------------------------------------------------------------------
 */

static bool parse_header(char *line, struct http_header *out, struct http_refusal *refusal)
{
    char *colon = strchr(line, ':');
    char *value;
    size_t len;

    if (line[0] == ' ' || line[0] == '\t')
        return refuse(refusal, 400, "a header continues on the next line");
    if (!colon)
        return refuse(refusal, 400, "a header has no colon");
    *colon = '\0';
    if (!is_token(line))
        return refuse(refusal, 400, "a header's name is not well formed");
    for (char *c = line; *c; c++) {
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c - 'A' + 'a');
    }
    value = colon + 1 + strspn(colon + 1, " \t");
    len = strlen(value);
    while (len && (value[len - 1] == ' ' || value[len - 1] == '\t'))
        len--;
    value[len] = '\0';
    *out = (struct http_header){.name = line, .value = value};
    return true;
}

const char *http_head_header(const struct http_head *head, const char *name)
{
    for (size_t i = 0; i < head->header_count; i++) {
        if (text_equal(head->headers[i].name, name))
            return head->headers[i].value;
    }
    return NULL;
}

static bool check_single(const struct http_head *head, struct http_refusal *refusal)
{
    for (size_t i = 0; i < COUNT(single_headers); i++) {
        size_t seen = 0;

        for (size_t k = 0; k < head->header_count; k++)
            seen += text_equal(head->headers[k].name, single_headers[i]);
        if (seen > 1)
            return refuse(refusal, 400, "a header that must be single comes twice");
    }
    return true;
}

/* The characters of a name, an address in brackets, a port; RFC 3986 §3.2. */
static bool is_host(const char *text)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                  "-._~%!$&'()*+,;=:[]";

    return *text != '\0' && text[strspn(text, allowed)] == '\0';
}

static bool check_host(const struct http_head *head, const char *authority,
                       struct http_refusal *refusal)
{
    const char *host = http_head_header(head, "host");

    if (!host && (head->minor == 1 || authority))
        return refuse(refusal, 400, "the Host header is missing");
    if (host && !is_host(host))
        return refuse(refusal, 400, "the Host header is not well formed");
    if (authority && strcasecmp(authority, host) != 0)
        return refuse(refusal, 400, "the request target and the Host header differ");
    return true;
}

static bool read_framing(struct http_head *head, struct http_refusal *refusal)
{
    const char *length = http_head_header(head, "content-length");
    const char *coding = http_head_header(head, "transfer-encoding");

    if (coding) {
        if (length)
            return refuse(refusal, 400, "both Content-Length and Transfer-Encoding");
        if (head->minor == 0)
            return refuse(refusal, 400, "HTTP/1.0 has no Transfer-Encoding");
        if (strcasecmp(coding, "chunked") != 0)
            return refuse(refusal, 400, "the only Transfer-Encoding is chunked");
        head->chunked = true;
    }
    if (length && !text_to_u64(length, strlen(length), 0, INT64_MAX, &head->content_length))
        return refuse(refusal, 400, "the Content-Length is not a number");
    return true;
}

/* Whether a comma-separated list has the token (Connection's options). */
static bool list_has(const char *list, const char *token)
{
    while (*list) {
        size_t len;

        list += strspn(list, " \t,");
        len = strcspn(list, " \t,");
        if (len == strlen(token) && strncasecmp(list, token, len) == 0)
            return true;
        list += len;
    }
    return false;
}

static bool read_options(struct http_head *head, struct http_refusal *refusal)
{
    const char *expect = http_head_header(head, "expect");

    head->keep_alive = head->minor == 1;
    for (size_t i = 0; i < head->header_count; i++) {
        if (text_equal(head->headers[i].name, "connection") &&
            list_has(head->headers[i].value, "close"))
            head->keep_alive = false;
    }
    if (expect && strcasecmp(expect, "100-continue") != 0)
        return refuse(refusal, 417, "the only expectation is 100-continue");
    head->expects_continue = expect && head->minor == 1;
    return true;
}

/* Ends the line at `line` with a NUL and returns the next one. */
static char *cut_line(char *line)
{
    char *end = strchr(line, '\r');

    ASSERT(end && end[1] == '\n');
    *end = '\0';
    return end + 2;
}

bool http_head_parse(const char *data, size_t len, struct arena *arena, struct http_head *out,
                     struct http_refusal *refusal)
{
    struct http_header headers[HTTP_HEADERS_MAX];
    struct http_head head = {0};
    const char *authority = NULL;
    char *line = arena_strndup(arena, data, len);
    char *next = cut_line(line);
    struct http_header *kept;

    if (!parse_request_line(line, arena, &head, &authority, refusal))
        return false;
    for (line = next, next = cut_line(line); *line; line = next, next = cut_line(line)) {
        if (head.header_count == HTTP_HEADERS_MAX)
            return refuse(refusal, 431, "there are too many headers");
        if (!parse_header(line, &headers[head.header_count++], refusal))
            return false;
    }
    kept = arena_alloc(arena, head.header_count * sizeof(headers[0]));
    memcpy(kept, headers, head.header_count * sizeof(headers[0]));
    head.headers = kept;
    if (!check_single(&head, refusal) || !check_host(&head, authority, refusal) ||
        !read_framing(&head, refusal) || !read_options(&head, refusal))
        return false;
    *out = head;
    return true;
}
