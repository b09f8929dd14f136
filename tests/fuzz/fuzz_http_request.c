/*
 * Heads and bodies of requests. Beyond not crashing: an accepted head has one meaning, so writing
 * it again in its plainest form and parsing that gives the same; and neither head nor body depends
 * on the pieces it comes in.
 */
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/http/url.h"
#include "server/http/body.h"
#include "server/http/parse.h"
#include "server/limits.h"

enum { INPUT_MAX = 32 << 10, BODY_MAX = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_refusal(int status)
{
    static const int statuses[] = {400, 413, 414, 417, 431, 501, 505};

    for (size_t i = 0; i < COUNT(statuses); i++) {
        if (statuses[i] == status)
            return true;
    }
    return false;
}

/* The head in its plainest form. */
static void write_head(const struct http_head *head, struct buf *out)
{
    buf_add_text(out, http_method_name(head->method));
    buf_add_text(out, " ");
    for (const char *at = head->path; *at; at++) {
        const char one[] = {*at, '\0'};

        if (*at == '/')
            buf_add_text(out, "/");
        else
            url_encode(one, out);
    }
    if (head->query[0])
        buf_printf(out, "?%s", head->query);
    buf_printf(out, " HTTP/1.%u\r\n", head->minor);
    for (size_t i = 0; i < head->header_count; i++)
        buf_printf(out, "%s: %s\r\n", head->headers[i].name, head->headers[i].value);
    buf_add_text(out, "\r\n");
}

static void expect_same(const struct http_head *a, const struct http_head *b)
{
    ASSERT(a->method == b->method && a->minor == b->minor && a->keep_alive == b->keep_alive);
    ASSERT(a->chunked == b->chunked && a->expects_continue == b->expects_continue);
    ASSERT(a->content_length == b->content_length && a->header_count == b->header_count);
    ASSERT(strcmp(a->path, b->path) == 0 && strcmp(a->query, b->query) == 0);
    for (size_t i = 0; i < a->header_count; i++) {
        ASSERT(strcmp(a->headers[i].name, b->headers[i].name) == 0);
        ASSERT(strcmp(a->headers[i].value, b->headers[i].value) == 0);
    }
}

/* The plain form may be longer than what came (percent codes), and then be refused for that. */
static void check_one_meaning(const struct http_head *head, struct arena *arena)
{
    struct http_refusal refusal;
    struct http_scan scan = {0};
    struct http_head again;
    AUTO_BUF text;

    buf_init(&text, 1 << 20);
    write_head(head, &text);
    if (http_scan(&scan, buf_text(&text), text.len, &refusal) == HTTP_SCAN_REFUSED) {
        ASSERT(refusal.status == 414 || refusal.status == 431);
        return;
    }
    ASSERT(scan.pos == text.len && scan.head == 0);
    ASSERT(http_head_parse(buf_text(&text), text.len, arena, &again, &refusal));
    expect_same(head, &again);
}

/* Feeds the body in pieces of `step`; what it holds goes to `out`. The status of a refusal, or 0.
 */
static int read_body(const struct http_head *head, const uint8_t *data, size_t size, size_t step,
                     struct buf *out)
{
    struct http_refusal refusal = {0};
    struct http_body body;
    size_t at = 0;

    http_body_start(&body, head, BODY_MAX);
    while (at < size && !http_body_ended(&body)) {
        struct bytes in = bytes_of(data + at, size - at < step ? size - at : step);
        struct bytes piece;

        if (!http_body_feed(&body, &in, &piece, &refusal)) {
            ASSERT(is_refusal(refusal.status));
            return refusal.status;
        }
        ASSERT(in.pos > 0 && piece.len <= in.pos);
        buf_add(out, piece.data, piece.len);
        at += in.pos;
    }
    ASSERT(out->len == body.received);
    return 0;
}

static void check_body(const struct http_head *head, const uint8_t *data, size_t size)
{
    AUTO_BUF whole;
    AUTO_BUF bytewise;

    buf_init(&whole, BODY_MAX);
    buf_init(&bytewise, BODY_MAX);
    if (head->content_length > BODY_MAX)
        return;
    ASSERT(read_body(head, data, size, size, &whole) == read_body(head, data, size, 1, &bytewise));
    ASSERT(!whole.failed && !bytewise.failed && whole.len == bytewise.len);
    ASSERT(memcmp(buf_text(&whole), buf_text(&bytewise), whole.len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    struct http_refusal refusal = {0};
    struct http_scan scan = {0};
    struct http_scan slow = {0};
    enum http_scan_verdict verdict;
    struct arena *arena;
    struct http_head head;

    if (size == 0 || size > INPUT_MAX)
        return 0;
    verdict = http_scan(&scan, text, size, &refusal);
    for (size_t len = 1; len <= size; len++) {
        if (http_scan(&slow, text, len, &refusal) != HTTP_SCAN_MORE)
            break;
    }
    ASSERT(slow.pos == scan.pos && slow.head == scan.head && slow.line == scan.line);
    if (verdict == HTTP_SCAN_REFUSED)
        ASSERT(is_refusal(refusal.status));
    if (verdict != HTTP_SCAN_DONE)
        return 0;
    ASSERT(scan.pos - scan.head <= HTTP_HEAD_BYTES_MAX);
    arena = arena_new();
    if (http_head_parse(text + scan.head, scan.pos - scan.head, arena, &head, &refusal)) {
        ASSERT(!(head.chunked && head.content_length));
        check_one_meaning(&head, arena);
        check_body(&head, data + scan.pos, size - scan.pos);
    } else {
        ASSERT(is_refusal(refusal.status));
    }
    arena_free(arena);
    return 0;
}
