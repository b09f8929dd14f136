#pragma once
/*
 * A growing byte buffer with a maximum chosen when it is made. Going past the maximum drops
 * the addition and sets `failed`, which stays: write everything, ask once.
 */
#include "lib/base/base.h"

struct buf {
    uint8_t *data; /* owned; always NUL-terminated behind `len` once anything was added */
    size_t len;
    size_t room;
    size_t max;
    bool failed;
};

#define AUTO_BUF CLEANUP(buf_done) struct buf

void buf_init(struct buf *buf, size_t max);
void buf_done(struct buf *buf);
/* Empties and keeps the memory; `failed` is cleared. */
void buf_reset(struct buf *buf);
void buf_add(struct buf *buf, const void *data, size_t len);
void buf_add_text(struct buf *buf, const char *text);
void buf_add_u8(struct buf *buf, uint8_t value);
void buf_add_u16(struct buf *buf, uint16_t value);
void buf_add_u32(struct buf *buf, uint32_t value);
void buf_add_u64(struct buf *buf, uint64_t value);
void buf_add_varint(struct buf *buf, uint64_t value);
void buf_printf(struct buf *buf, const char *fmt, ...) PRINTF(2, 3);
/* Room for `len` more bytes to be written by the caller, who then adds to buf->len; NULL when
 * over the maximum. */
uint8_t *buf_reserve(struct buf *buf, size_t len);
/* Drops the first `len` bytes. */
void buf_consume(struct buf *buf, size_t len);
/* The text, "" when empty; borrowed. */
const char *buf_text(const struct buf *buf);
/* Gives the memory away (never NULL); the buffer is empty afterwards. */
uint8_t *buf_take(struct buf *buf);
