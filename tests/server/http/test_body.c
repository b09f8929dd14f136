#include "server/http/body.h"

#include <criterion/criterion.h>
#include <string.h>

#include "lib/base/buf.h"
#include "server/limits.h"

enum { BODY_MAX = 1000 };

/* Feeds `text` in pieces of `step` bytes. The status of a refusal; 0: ended, -1: not yet. What was
 * not used is left in `*left`. */
static int feed(const struct http_head *head, const char *text, size_t step, struct buf *out,
                size_t *left)
{
    struct http_body body;
    struct http_refusal refusal = {0};
    size_t len = strlen(text);
    size_t at = 0;

    http_body_start(&body, head, BODY_MAX);
    buf_init(out, BODY_MAX);
    while (at < len && !http_body_ended(&body)) {
        struct bytes in = bytes_of(text + at, len - at < step ? len - at : step);
        struct bytes piece;

        if (!http_body_feed(&body, &in, &piece, &refusal))
            return refusal.status;
        buf_add(out, piece.data, piece.len);
        at += in.pos;
    }
    *left = len - at;
    cr_expect_eq(body.received, out->len);
    return http_body_ended(&body) ? 0 : -1;
}

Test(http_body, chunks_are_strict)
{
    static const struct {
        const char *what;
        int status;
        const char *text;
        const char *body;
    } cases[] = {
        {"one chunk", 0, "5\r\nhello\r\n0\r\n\r\n", "hello"},
        {"two chunks", 0, "3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n", "hello"},
        {"none", 0, "0\r\n\r\n", ""},
        {"hex in both cases", 0, "a\r\n0123456789\r\nB\r\n0123456789a\r\n0\r\n\r\n",
         "01234567890123456789a"},
        {"zeros before the size", 0, "005\r\nhello\r\n000\r\n\r\n", "hello"},
        {"an extension", 0, "5;a=b;c=\"d\"\r\nhello\r\n0;x\r\n\r\n", "hello"},
        {"trailers", 0, "0\r\nA: b\r\nC: d\r\n\r\n", ""},
        {"what follows is left", 0, "1\r\na\r\n0\r\n\r\nGET /", "a"},
        {"cut in the size", -1, "5", ""},
        {"cut in the data", -1, "5\r\nhel", "hel"},
        {"cut behind the data", -1, "5\r\nhello", "hello"},
        {"cut before the end", -1, "5\r\nhello\r\n0\r\n", "hello"},
        {"no size", 400, "\r\nhello\r\n", ""},
        {"0x", 400, "0x5\r\nhello\r\n0\r\n\r\n", ""},
        {"a sign", 400, "+5\r\nhello\r\n", ""},
        {"a minus", 400, "-5\r\nhello\r\n", ""},
        {"a blank before the size", 400, " 5\r\nhello\r\n", ""},
        {"a blank behind the size", 400, "5 \r\nhello\r\n", ""},
        {"letters", 400, "g\r\n", ""},
        {"only an extension", 400, ";a\r\n", ""},
        {"a bare LF behind the size", 400, "5\nhello\r\n", ""},
        {"a bare CR behind the size", 400, "5\rhello\r\n", ""},
        {"a bare LF behind the data", 400, "5\r\nhello\n0\r\n\r\n", "hello"},
        {"data longer than its size", 400, "4\r\nhello\r\n0\r\n\r\n", "hell"},
        {"data shorter than its size", 400, "6\r\nhello\r\n0\r\n\r\n", "hello\r"},
        {"a bare LF in an extension", 400, "5;a\nb\r\nhello\r\n", ""},
        {"a bare LF in a trailer", 400, "0\r\nA: b\nC\r\n\r\n", ""},
        {"a bare LF at the end", 400, "0\r\n\n", ""},
        {"17 digits", 400, "00000000000000001\r\na\r\n", ""},
        {"2^64 - 1", 413, "ffffffffffffffff\r\n", ""},
        {"more than the limit", 413, "3e9\r\n", ""},
        {"more than the limit in two", 413, "1\r\na\r\n3e8\r\n", "a"},
    };
    const struct http_head head = {.chunked = true};

    for (size_t i = 0; i < COUNT(cases); i++) {
        for (size_t step = 1; step <= 64; step += step) {
            struct buf out;
            size_t left = 0;
            int status = feed(&head, cases[i].text, step, &out, &left);

            cr_expect_eq(status, cases[i].status, "%s by %zu: %d", cases[i].what, step, status);
            if (status <= 0)
                cr_expect_str_eq(buf_text(&out), cases[i].body);
            cr_expect_eq(left, i == 7 ? 5 : 0, "%s", cases[i].what);
            buf_done(&out);
        }
    }
}

Test(http_body, extensions_and_trailers_have_limits)
{
    static const struct {
        const char *start;
        size_t max;
    } cases[] = {
        {"5;", HTTP_CHUNK_LINE_BYTES_MAX - 1},
        {"0\r\n", HTTP_TRAILER_BYTES_MAX},
    };
    const struct http_head head = {.chunked = true};

    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO_BUF text;
        struct buf out;
        size_t left = 0;

        buf_init(&text, 10000);
        buf_add_text(&text, cases[i].start);
        for (size_t k = 0; k < cases[i].max; k++)
            buf_add_text(&text, "a");
        cr_expect_eq(feed(&head, buf_text(&text), 100, &out, &left), -1, "%zu", i);
        buf_done(&out);
        buf_add_text(&text, "a");
        cr_expect_eq(feed(&head, buf_text(&text), 100, &out, &left), 400, "%zu", i);
        buf_done(&out);
    }
}

Test(http_body, of_a_length_ends_there)
{
    const struct http_head five = {.content_length = 5};
    const struct http_head none = {0};
    struct buf out;
    size_t left = 0;

    cr_expect_eq(feed(&five, "helloGET", 3, &out, &left), 0);
    cr_expect_str_eq(buf_text(&out), "hello");
    cr_expect_eq(left, 3);
    buf_done(&out);
    cr_expect_eq(feed(&five, "hell", 3, &out, &left), -1);
    buf_done(&out);
    cr_expect_eq(feed(&none, "GET", 3, &out, &left), 0);
    cr_expect_eq(left, 3);
    buf_done(&out);
}
