#include "server/http/parse.h"

#include <criterion/criterion.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/mem.h"
#include "server/limits.h"

/* The status a head is refused with; 0: accepted, -1: not at its end. */
static int status_of(const char *text, size_t len, struct arena *arena, struct http_head *head)
{
    struct http_scan scan = {0};
    struct http_refusal refusal = {0};

    switch (http_scan(&scan, text, len, &refusal)) {
    case HTTP_SCAN_MORE:
        return -1;
    case HTTP_SCAN_REFUSED:
        cr_expect_not_null(refusal.detail);
        return refusal.status;
    case HTTP_SCAN_DONE:
        break;
    }
    if (http_head_parse(text + scan.head, scan.pos - scan.head, arena, head, &refusal))
        return 0;
    cr_expect_not_null(refusal.detail);
    return refusal.status;
}

#define HOST "Host: a.example\r\n"
#define GET "GET / HTTP/1.1\r\n" HOST

Test(http_head, refuses_every_ambiguity)
{
    static const struct {
        const char *what;
        int status;
        const char *text;
    } cases[] = {
        {"a plain request", 0, GET "\r\n"},
        {"one empty line before it", 0, "\r\n" GET "\r\n"},
        {"two empty lines before it", 400, "\r\n\r\n" GET "\r\n"},
        {"a bare LF behind the request line", 400, "GET / HTTP/1.1\n" HOST "\r\n"},
        {"a bare LF behind a header", 400, "GET / HTTP/1.1\r\nHost: a\n\r\n"},
        {"a bare LF at the end", 400, GET "\n"},
        {"a bare CR", 400, "GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n"},
        {"CR CR LF", 400, "GET / HTTP/1.1\r\r\n" HOST "\r\n"},
        {"a control character in a value", 400, GET "A: \x01\r\n\r\n"},
        {"a DEL in a value", 400, GET "A: \x7f\r\n\r\n"},
        {"a tab in a value", 0, GET "A: b\tc\r\n\r\n"},
        {"bytes above ASCII in a value", 0, GET "A: \xc3\xbc\r\n\r\n"},
        {"a TLS hello", 400, "\x16\x03\x01\x02"},
        /* the request line */
        {"no target", 400, "GET\r\n" HOST "\r\n"},
        {"no version (HTTP/0.9)", 400, "GET /\r\n" HOST "\r\n"},
        {"two blanks", 400, "GET  / HTTP/1.1\r\n" HOST "\r\n"},
        {"a blank at the line's end", 400, "GET / HTTP/1.1 \r\n" HOST "\r\n"},
        {"a blank at the line's beginning", 400, " GET / HTTP/1.1\r\n" HOST "\r\n"},
        {"tabs between", 400, "GET\t/\tHTTP/1.1\r\n" HOST "\r\n"},
        {"a blank in the target", 400, "GET /a b HTTP/1.1\r\n" HOST "\r\n"},
        {"lower-case http", 400, "GET / http/1.1\r\n" HOST "\r\n"},
        {"a version of three digits", 400, "GET / HTTP/1.10\r\n" HOST "\r\n"},
        {"HTTP/1.2", 505, "GET / HTTP/1.2\r\n" HOST "\r\n"},
        {"HTTP/2.0", 505, "GET / HTTP/2.0\r\n" HOST "\r\n"},
        {"the HTTP/2 preface", 400, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},
        {"an unknown method", 501, "BREW / HTTP/1.1\r\n" HOST "\r\n"},
        {"OPTIONS", 501, "OPTIONS / HTTP/1.1\r\n" HOST "\r\n"},
        {"CONNECT", 501, "CONNECT / HTTP/1.1\r\n" HOST "\r\n"},
        {"a lower-case method", 501, "get / HTTP/1.1\r\n" HOST "\r\n"},
        {"a method that is no token", 400, "G(T / HTTP/1.1\r\n" HOST "\r\n"},
        {"no method", 400, "/ HTTP/1.1\r\n" HOST "\r\n"},
        {"the asterisk form", 400, "GET * HTTP/1.1\r\n" HOST "\r\n"},
        {"the authority form", 400, "GET a.example:80 HTTP/1.1\r\n" HOST "\r\n"},
        {"the absolute form", 0, "GET http://a.example/x HTTP/1.1\r\n" HOST "\r\n"},
        {"the absolute form, other case", 0, "GET HTTP://A.example/x HTTP/1.1\r\n" HOST "\r\n"},
        {"an absolute form for another host", 400, "GET http://b/x HTTP/1.1\r\n" HOST "\r\n"},
        {"an absolute form with a user", 400, "GET http://u@a.example/ HTTP/1.1\r\n" HOST "\r\n"},
        {"an absolute form of ftp", 400, "GET ftp://a.example/ HTTP/1.1\r\n" HOST "\r\n"},
        {"an absolute form without a path", 400, "GET http://a.example HTTP/1.1\r\n" HOST "\r\n"},
        {"an absolute form and no Host in 1.0", 400, "GET http://a/ HTTP/1.0\r\n\r\n"},
        {"a fragment", 400, "GET /#a HTTP/1.1\r\n" HOST "\r\n"},
        {"dot segments", 400, "GET /a/../b HTTP/1.1\r\n" HOST "\r\n"},
        {"encoded dot segments", 400, "GET /a/%2e%2e/b HTTP/1.1\r\n" HOST "\r\n"},
        {"an encoded slash", 400, "GET /a%2Fb HTTP/1.1\r\n" HOST "\r\n"},
        {"an encoded NUL", 400, "GET /a%00 HTTP/1.1\r\n" HOST "\r\n"},
        {"a bad percent code", 400, "GET /%zz HTTP/1.1\r\n" HOST "\r\n"},
        {"a bad percent code in the query", 400, "GET /?a=%z HTTP/1.1\r\n" HOST "\r\n"},
        {"bytes above ASCII in the target", 400, "GET /\xc3\xbc HTTP/1.1\r\n" HOST "\r\n"},
        /* headers */
        {"a blank before the colon", 400, GET "A : b\r\n\r\n"},
        {"a header without a colon", 400, GET "A\r\n\r\n"},
        {"a header without a name", 400, GET ": b\r\n\r\n"},
        {"a header without a value", 0, GET "A:\r\n\r\n"},
        {"a name that is no token", 400, GET "A(: b\r\n\r\n"},
        {"a folded header", 400, GET "A: b\r\n c\r\n\r\n"},
        {"a header folded with a tab", 400, GET "A: b\r\n\tc\r\n\r\n"},
        {"a blank before the first header", 400, "GET / HTTP/1.1\r\n " HOST "\r\n"},
        {"no Host", 400, "GET / HTTP/1.1\r\n\r\n"},
        {"no Host in 1.0", 0, "GET / HTTP/1.0\r\n\r\n"},
        {"two Hosts", 400, GET HOST "\r\n"},
        {"two Hosts in 1.0", 400, "GET / HTTP/1.0\r\n" HOST HOST "\r\n"},
        {"an empty Host", 400, "GET / HTTP/1.1\r\nHost:\r\n\r\n"},
        {"a Host with a blank", 400, "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"},
        {"a Host with a slash", 400, "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"},
        {"a Host with a user", 400, "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n"},
        {"a Host with a port", 0, "GET / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n"},
        /* framing */
        {"a length", 0, GET "Content-Length: 5\r\n\r\n"},
        {"two lengths that differ", 400, GET "Content-Length: 5\r\nContent-Length: 6\r\n\r\n"},
        {"two lengths that agree", 400, GET "Content-Length: 5\r\nContent-Length: 5\r\n\r\n"},
        {"a list of lengths", 400, GET "Content-Length: 5, 5\r\n\r\n"},
        {"a negative length", 400, GET "Content-Length: -1\r\n\r\n"},
        {"a length with a plus", 400, GET "Content-Length: +1\r\n\r\n"},
        {"a length in hex", 400, GET "Content-Length: 0x5\r\n\r\n"},
        {"a length with zeros before it", 400, GET "Content-Length: 05\r\n\r\n"},
        {"an empty length", 400, GET "Content-Length:\r\n\r\n"},
        {"a length beyond 63 bits", 400, GET "Content-Length: 9223372036854775808\r\n\r\n"},
        {"chunked", 0, GET "Transfer-Encoding: Chunked\r\n\r\n"},
        {"chunked in 1.0", 400, "GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"},
        {"chunked and a length", 400,
         GET "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"},
        {"a length and chunked", 400,
         GET "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"},
        {"gzip, chunked", 400, GET "Transfer-Encoding: gzip, chunked\r\n\r\n"},
        {"chunked twice", 400,
         GET "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"},
        {"chunked, chunked", 400, GET "Transfer-Encoding: chunked, chunked\r\n\r\n"},
        {"identity", 400, GET "Transfer-Encoding: identity\r\n\r\n"},
        {"chunked with a parameter", 400, GET "Transfer-Encoding: chunked;a=b\r\n\r\n"},
        {"a quoted coding", 400, GET "Transfer-Encoding: \"chunked\"\r\n\r\n"},
        {"another expectation", 417, GET "Expect: a miracle\r\n\r\n"},
        {"two credentials", 400, GET "Authorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n"},
        {"two ranges headers", 400, GET "Range: bytes=0-1\r\nRange: bytes=0-1\r\n\r\n"},
        /* not at their end */
        {"nothing", -1, ""},
        {"half a line", -1, "GET / HT"},
        {"no empty line", -1, GET},
        {"a CR", -1, GET "\r"},
    };
    struct arena *arena = arena_new();

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct http_head head = {0};

        cr_expect_eq(status_of(cases[i].text, strlen(cases[i].text), arena, &head), cases[i].status,
                     "%s", cases[i].what);
    }
    arena_free(arena);
}

Test(http_head, refuses_a_nul_wherever_it_stands)
{
    static const char text[] = GET "A: b\r\n\r\n";
    struct arena *arena = arena_new();

    for (size_t i = 0; i < sizeof(text) - 1; i++) {
        struct http_head head = {0};
        char copy[sizeof(text)];

        memcpy(copy, text, sizeof(text));
        copy[i] = '\0';
        cr_expect_eq(status_of(copy, sizeof(copy) - 1, arena, &head), 400, "at %zu", i);
    }
    arena_free(arena);
}

Test(http_head, has_fixed_limits)
{
    struct arena *arena = arena_new();
    static const struct {
        const char *what;
        size_t path;    /* characters of the path */
        size_t headers; /* beside Host */
        size_t value;   /* characters of each */
        int status;
    } cases[] = {
        {"the longest request line", HTTP_LINE_BYTES_MAX - 15, 0, 0, 0},
        {"a longer one", HTTP_LINE_BYTES_MAX - 14, 0, 0, 414},
        {"a much longer one", 20000, 0, 0, 414},
        {"the most headers", 1, HTTP_HEADERS_MAX - 1, 1, 0},
        {"one more", 1, HTTP_HEADERS_MAX, 1, 431},
        {"a long header", 1, 1, HTTP_HEAD_BYTES_MAX - 100, 0},
        {"a longer one", 1, 1, HTTP_HEAD_BYTES_MAX, 431},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct http_head head = {0};
        AUTO_BUF text;

        buf_init(&text, 1 << 20);
        buf_add_text(&text, "GET /");
        for (size_t k = 1; k < cases[i].path; k++)
            buf_add_text(&text, "a");
        buf_add_text(&text, " HTTP/1.1\r\n" HOST);
        for (size_t k = 0; k < cases[i].headers; k++) {
            buf_add_text(&text, "A: ");
            for (size_t n = 0; n < cases[i].value; n++)
                buf_add_text(&text, "b");
            buf_add_text(&text, "\r\n");
        }
        buf_add_text(&text, "\r\n");
        cr_expect_eq(status_of(buf_text(&text), text.len, arena, &head), cases[i].status, "%s",
                     cases[i].what);
    }
    arena_free(arena);
}

Test(http_head, gives_every_part_its_value)
{
    static const char text[] = "PUT http://a.example/x%20y?q=%41&r HTTP/1.1\r\n"
                               "hOST:a.example\r\n"
                               "Content-Length: \t 12 \t\r\n"
                               "X-Empty: \r\n"
                               "Connection: keep-alive, TE\r\n"
                               "Expect: 100-Continue\r\n\r\nrest";
    struct arena *arena = arena_new();
    struct http_head head = {0};

    cr_assert_eq(status_of(text, strlen(text), arena, &head), 0);
    cr_expect_eq(head.method, HTTP_PUT);
    cr_expect_str_eq(http_method_name(head.method), "PUT");
    cr_expect_str_eq(head.path, "/x y");
    cr_expect_str_eq(head.query, "q=%41&r");
    cr_expect_eq(head.minor, 1);
    cr_expect_eq(head.content_length, 12);
    cr_expect(head.keep_alive);
    cr_expect_not(head.chunked);
    cr_expect(head.expects_continue);
    cr_expect_eq(head.header_count, 5);
    cr_expect_str_eq(http_head_header(&head, "host"), "a.example");
    cr_expect_str_eq(http_head_header(&head, "x-empty"), "");
    cr_expect_null(http_head_header(&head, "x-other"));
    arena_free(arena);
}

Test(http_head, knows_who_wants_the_connection_kept)
{
    static const struct {
        const char *text;
        bool keep;
    } cases[] = {
        {GET "\r\n", true},
        {GET "Connection: keep-alive\r\n\r\n", true},
        {GET "Connection: closer\r\n\r\n", true},
        {GET "Connection: close\r\n\r\n", false},
        {GET "Connection: TE, Close\r\n\r\n", false},
        {GET "Connection: TE\r\nConnection: close\r\n\r\n", false},
        {"GET / HTTP/1.0\r\n\r\n", false},
        {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", false},
    };
    struct arena *arena = arena_new();

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct http_head head = {0};

        cr_assert_eq(status_of(cases[i].text, strlen(cases[i].text), arena, &head), 0);
        cr_expect_eq(head.keep_alive, cases[i].keep, "%s", cases[i].text);
    }
    arena_free(arena);
}

Test(http_head, is_the_same_in_whatever_pieces_it_comes)
{
    static const char text[] = "\r\n" GET "A: b\r\n\r\n";
    size_t len = sizeof(text) - 1;
    struct http_refusal refusal;

    for (size_t cut = 0; cut < len; cut++) {
        struct http_scan scan = {0};

        cr_expect_eq(http_scan(&scan, text, cut, &refusal), HTTP_SCAN_MORE, "%zu", cut);
        cr_expect_eq(http_scan(&scan, text, len, &refusal), HTTP_SCAN_DONE, "%zu", cut);
        cr_expect_eq(scan.pos, len, "%zu", cut);
        cr_expect_eq(scan.head, 2, "%zu", cut);
    }
}
