/*
 * One state per place in the chunk syntax; a byte that does not fit is refused. Extensions and
 * trailers are read and forgotten, within limits. Sizes are at most 16 hex digits, so that they
 * cannot overflow.
 */
#include "server/http/body.h"

#include "server/limits.h"

static bool refuse(struct http_refusal *refusal, int status, const char *detail)
{
    *refusal = (struct http_refusal){.status = status, .detail = detail};
    return false;
}

void http_body_start(struct http_body *body, const struct http_head *head, uint64_t max)
{
    *body = (struct http_body){.max = max};
    if (head->chunked) {
        body->state = BODY_SIZE;
    } else {
        body->left = head->content_length;
        body->state = body->left ? BODY_LENGTH : BODY_DONE;
    }
}

bool http_body_ended(const struct http_body *body)
{
    return body->state == BODY_DONE;
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static bool feed_size(struct http_body *body, uint8_t c, struct http_refusal *refusal)
{
    int digit = hex_digit(c);

    if (digit >= 0) {
        if (body->line == 16)
            return refuse(refusal, 400, "a chunk's size is too long");
        body->left = body->left * 16 + (uint64_t)digit;
        body->line++;
    } else if (body->line > 0 && c == ';') {
        body->state = BODY_EXTENSION;
    } else if (body->line > 0 && c == '\r') {
        body->state = BODY_SIZE_LF;
    } else {
        return refuse(refusal, 400, "a chunk's size is not well formed");
    }
    return true;
}

static bool feed_text(struct http_body *body, uint8_t c, size_t max, enum http_body_state at_cr,
                      struct http_refusal *refusal)
{
    if (c == '\r') {
        body->state = at_cr;
        return true;
    }
    if ((c < 0x20 && c != '\t') || c == 0x7f)
        return refuse(refusal, 400, "there is a control character in the chunked body");
    if (++body->line > max)
        return refuse(refusal, 400, "a chunk extension or trailer is too long");
    return true;
}

/* The size's line ended: its chunk, or the trailers, follow. */
static bool begin_chunk(struct http_body *body, struct http_refusal *refusal)
{
    body->line = 0;
    if (body->left == 0) {
        body->state = BODY_TRAILER;
        return true;
    }
    if (body->left > body->max - body->received)
        return refuse(refusal, 413, "the body is too long");
    body->state = BODY_DATA;
    return true;
}

/* A byte of the syntax between the data. */
static bool feed_byte(struct http_body *body, uint8_t c, struct http_refusal *refusal)
{
    static const struct {
        uint8_t c;
        enum http_body_state next;
    } fixed[] = {
        [BODY_SIZE_LF] = {'\n', BODY_DATA}, [BODY_DATA_CR] = {'\r', BODY_DATA_LF},
        [BODY_DATA_LF] = {'\n', BODY_SIZE}, [BODY_TRAILER_LF] = {'\n', BODY_TRAILER},
        [BODY_END_LF] = {'\n', BODY_DONE},
    };

    switch (body->state) {
    case BODY_SIZE:
        return feed_size(body, c, refusal);
    case BODY_EXTENSION:
        return feed_text(body, c, HTTP_CHUNK_LINE_BYTES_MAX, BODY_SIZE_LF, refusal);
    case BODY_TRAILER:
        body->state = BODY_TRAILER_IN;
        return feed_text(body, c, HTTP_TRAILER_BYTES_MAX, BODY_END_LF, refusal);
    case BODY_TRAILER_IN:
        return feed_text(body, c, HTTP_TRAILER_BYTES_MAX, BODY_TRAILER_LF, refusal);
    case BODY_SIZE_LF:
    case BODY_DATA_CR:
    case BODY_DATA_LF:
    case BODY_TRAILER_LF:
    case BODY_END_LF:
        break;
    case BODY_LENGTH:
    case BODY_DATA:
    case BODY_DONE:
        ASSERT(false); /* data is not fed byte by byte */
    }
    if (c != fixed[body->state].c)
        return refuse(refusal, 400, "a line of the chunked body does not end with CR LF");
    if (body->state == BODY_SIZE_LF)
        return begin_chunk(body, refusal);
    body->state = fixed[body->state].next;
    return true;
}

/* What is there of the current run of data. */
static struct bytes take_data(struct http_body *body, struct bytes *in)
{
    size_t len = bytes_left(in);

    if (body->left < len)
        len = (size_t)body->left;
    body->left -= len;
    body->received += len;
    if (body->left == 0)
        body->state = body->state == BODY_LENGTH ? BODY_DONE : BODY_DATA_CR;
    return bytes_of(bytes_take(in, len), len);
}

bool http_body_feed(struct http_body *body, struct bytes *in, struct bytes *piece,
                    struct http_refusal *refusal)
{
    *piece = bytes_of(NULL, 0);
    while (bytes_left(in) && body->state != BODY_DONE) {
        if (body->state == BODY_LENGTH || body->state == BODY_DATA) {
            *piece = take_data(body, in);
            break;
        }
        if (!feed_byte(body, bytes_u8(in), refusal))
            return false;
    }
    return true;
}
