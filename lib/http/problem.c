/* One table; the first rows follow enum err_code, so that a code finds its row by number. */
#include "lib/http/problem.h"

#include <string.h>

#define TYPE(name) "urn:slipway:problem:" name

/* clang-format off */
static const struct problem problems[] = {
    [ERR_NONE]        = {500, TYPE("system"),       "The server failed"},
    [ERR_INVALID]     = {400, TYPE("invalid"),      "The request is not valid"},
    [ERR_NOT_FOUND]   = {404, TYPE("not-found"),    "There is no such thing"},
    [ERR_CONFLICT]    = {409, TYPE("conflict"),     "The thing is in another state"},
    [ERR_DENIED]      = {403, TYPE("denied"),       "Not allowed"},
    [ERR_LIMIT]       = {422, TYPE("limit"),        "A limit was reached"},
    [ERR_UNTRUSTED]   = {422, TYPE("untrusted"),    "Signed metadata or content was refused"},
    [ERR_UNAVAILABLE] = {503, TYPE("unavailable"),  "Try again later"},
    [ERR_SYSTEM]      = {500, TYPE("system"),       "The server failed"},
    [ERR_STALE]       = {412, TYPE("stale"),        "It was changed since it was read"},
    /* what only the front says */
    {401, TYPE("unauthenticated"),     "Credentials are missing or unknown"},
    {405, TYPE("method-not-allowed"),  "The method is not for this resource"},
    {408, TYPE("too-slow"),            "The request took too long to arrive"},
    {413, TYPE("body-too-long"),       "The body is longer than this resource takes"},
    {414, TYPE("target-too-long"),     "The request line is too long"},
    {416, TYPE("range"),               "No byte of the range exists"},
    {417, TYPE("expectation"),         "The expectation is not known"},
    {431, TYPE("head-too-long"),       "The request's headers are too long or too many"},
    {501, TYPE("method-unknown"),      "The method is not known"},
    {505, TYPE("version"),             "Only HTTP/1.1 and HTTP/1.0 are spoken here"},
};

static const struct {
    int status;
    const char *text;
} statuses[] = {
    {100, "Continue"}, {200, "OK"}, {201, "Created"}, {202, "Accepted"}, {204, "No Content"},
    {206, "Partial Content"}, {303, "See Other"}, {304, "Not Modified"}, {400, "Bad Request"},
    {401, "Unauthorized"}, {403, "Forbidden"}, {404, "Not Found"}, {405, "Method Not Allowed"},
    {408, "Request Timeout"}, {409, "Conflict"}, {412, "Precondition Failed"}, {413, "Content Too Large"}, {414, "URI Too Long"},
    {415, "Unsupported Media Type"}, {416, "Range Not Satisfiable"}, {417, "Expectation Failed"},
    {422, "Unprocessable Content"}, {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"}, {500, "Internal Server Error"},
    {501, "Not Implemented"}, {503, "Service Unavailable"}, {505, "HTTP Version Not Supported"},
};
/* clang-format on */

const struct problem *problem_of_code(enum err_code code)
{
    ASSERT(code > ERR_NONE && code < ERR_CODE_COUNT);
    return &problems[code];
}

const struct problem *problem_of_status(int status)
{
    for (size_t i = ERR_INVALID; i < COUNT(problems); i++) {
        if (problems[i].status == status)
            return &problems[i];
    }
    return &problems[ERR_SYSTEM];
}

const struct problem *problem_all(size_t *count)
{
    *count = COUNT(problems) - 1;
    return &problems[ERR_INVALID];
}

const char *http_status_text(int status)
{
    for (size_t i = 0; i < COUNT(statuses); i++) {
        if (statuses[i].status == status)
            return statuses[i].text;
    }
    return "Unknown";
}

/* Length of the well-formed UTF-8 sequence at `text` (RFC 3629), 0 when there is none. */
static size_t utf8_len(const unsigned char *text)
{
    size_t len;

    if (text[0] < 0x80)
        return 1;
    if (text[0] < 0xc2 || text[0] > 0xf4)
        return 0;
    len = text[0] < 0xe0 ? 2 : text[0] < 0xf0 ? 3 : 4;
    for (size_t i = 1; i < len; i++) {
        if ((text[i] & 0xc0) != 0x80)
            return 0;
    }
    if ((text[0] == 0xe0 && text[1] < 0xa0) || (text[0] == 0xed && text[1] > 0x9f) ||
        (text[0] == 0xf0 && text[1] < 0x90) || (text[0] == 0xf4 && text[1] > 0x8f))
        return 0;
    return len;
}

static void add_json_text(struct buf *out, const char *text)
{
    const unsigned char *at = (const unsigned char *)text;

    buf_add_text(out, "\"");
    while (*at) {
        size_t len = utf8_len(at);

        if (len == 0) {
            buf_add_text(out, "\\ufffd");
            len = 1;
        } else if (*at == '"' || *at == '\\') {
            buf_printf(out, "\\%c", *at);
        } else if (*at < 0x20 || *at == 0x7f) {
            buf_printf(out, "\\u%04x", (unsigned)*at);
        } else {
            buf_add(out, at, len);
        }
        at += len;
    }
    buf_add_text(out, "\"");
}

static void add_member(struct buf *out, const char *name, const char *text)
{
    buf_printf(out, ",\"%s\":", name);
    add_json_text(out, text);
}

void problem_format(const struct problem *problem, const char *detail, enum refusal refusal,
                    struct buf *out)
{
    buf_printf(out, "{\"status\":%d", problem->status);
    add_member(out, "type", problem->type);
    add_member(out, "title", problem->title);
    if (detail)
        add_member(out, "detail", detail);
    if (refusal != REFUSAL_NONE)
        add_member(out, "code", refusal_name(refusal));
    buf_add_text(out, "}");
}
