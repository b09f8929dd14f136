/* Doubling growth under a hard maximum. */
#include "lib/base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/mem.h"

void buf_init(struct buf *buf, size_t max)
{
    *buf = (struct buf){.max = max};
}

void buf_done(struct buf *buf)
{
    mem_free(buf->data);
    *buf = (struct buf){.max = buf->max};
}

void buf_reset(struct buf *buf)
{
    buf->len = 0;
    buf->failed = false;
    if (buf->data)
        buf->data[0] = '\0';
}

uint8_t *buf_reserve(struct buf *buf, size_t len)
{
    size_t need;

    if (buf->failed || len > buf->max - buf->len) {
        buf->failed = true;
        return NULL;
    }
    need = buf->len + len + 1;
    if (need > buf->room) {
        size_t room = buf->room ? buf->room : 64;

        while (room < need)
            room *= 2;
        if (room - 1 > buf->max) /* never more than it may hold, and the NUL */
            room = buf->max + 1;
        buf->data = mem_resize(buf->data, room, 1);
        buf->room = room;
    }
    return buf->data + buf->len;
}

void buf_add(struct buf *buf, const void *data, size_t len)
{
    uint8_t *at = buf_reserve(buf, len);

    if (!at)
        return;
    if (len)
        memcpy(at, data, len);
    buf->len += len;
    buf->data[buf->len] = '\0';
}

void buf_add_text(struct buf *buf, const char *text)
{
    buf_add(buf, text, strlen(text));
}

static void add_little_endian(struct buf *buf, uint64_t value, size_t len)
{
    uint8_t out[8];

    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)(value >> (8 * i));
    buf_add(buf, out, len);
}

void buf_add_u8(struct buf *buf, uint8_t value)
{
    add_little_endian(buf, value, 1);
}

void buf_add_u16(struct buf *buf, uint16_t value)
{
    add_little_endian(buf, value, 2);
}

void buf_add_u32(struct buf *buf, uint32_t value)
{
    add_little_endian(buf, value, 4);
}

void buf_add_u64(struct buf *buf, uint64_t value)
{
    add_little_endian(buf, value, 8);
}

void buf_add_varint(struct buf *buf, uint64_t value)
{
    while (value >= 0x80) {
        buf_add_u8(buf, (uint8_t)(value | 0x80));
        value >>= 7;
    }
    buf_add_u8(buf, (uint8_t)value);
}

void buf_printf(struct buf *buf, const char *fmt, ...)
{
    va_list args;
    uint8_t *at;
    int len;

    va_start(args, fmt);
    len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (len < 0) {
        buf->failed = true;
        return;
    }
    at = buf_reserve(buf, (size_t)len);
    if (!at)
        return;
    va_start(args, fmt);
    (void)vsnprintf((char *)at, (size_t)len + 1, fmt, args); /* the room was measured above */
    va_end(args);
    buf->len += (size_t)len;
}

void buf_consume(struct buf *buf, size_t len)
{
    ASSERT(len <= buf->len);
    if (!buf->data)
        return;
    memmove(buf->data, buf->data + len, buf->len - len);
    buf->len -= len;
    buf->data[buf->len] = '\0';
}

const char *buf_text(const struct buf *buf)
{
    return buf->len ? (const char *)buf->data : "";
}

uint8_t *buf_take(struct buf *buf)
{
    uint8_t *data = buf->data ? buf->data : mem_alloc(1);

    *buf = (struct buf){.max = buf->max};
    return data;
}
