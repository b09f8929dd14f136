/*
 * stored, zlib and zstd: operations are gathered into batches, a group's batches are packed as
 * one stream. A batch ends where the next operation's bytes would not fit, so long adds and
 * inserts arrive here in pieces that do.
 */
#include "deltagen/pack.h"
#include "deltagen/writer.h"
#include "lib/base/mem.h"

struct batch_writer {
    const struct delta_header *header;
    struct buf control, diffs, literals;
    struct buf stream; /* the group's batches */
};

static void *start(const struct delta_header *header)
{
    struct batch_writer *writer = mem_alloc(sizeof(*writer));

    *writer = (struct batch_writer){.header = header};
    buf_init(&writer->control, header->batch_bytes);
    buf_init(&writer->diffs, header->batch_bytes);
    buf_init(&writer->literals, header->batch_bytes);
    buf_init(&writer->stream, SIZE_MAX / 4);
    return writer;
}

static size_t used(const struct batch_writer *writer)
{
    return writer->control.len + writer->diffs.len + writer->literals.len;
}

static void flush(struct batch_writer *writer)
{
    struct buf *out = &writer->stream;

    if (writer->control.len == 0)
        return;
    ASSERT(!writer->control.failed && !writer->diffs.failed && !writer->literals.failed);
    buf_add_u32(out, (uint32_t)writer->control.len);
    buf_add_u32(out, (uint32_t)writer->diffs.len);
    buf_add_u32(out, (uint32_t)writer->literals.len);
    buf_add(out, writer->control.data, writer->control.len);
    buf_add(out, writer->diffs.data, writer->diffs.len);
    buf_add(out, writer->literals.data, writer->literals.len);
    buf_reset(&writer->control);
    buf_reset(&writer->diffs);
    buf_reset(&writer->literals);
}

/* An operation and its bytes lie in one batch: writer_piece_max() of them always fit behind what
 * precedes an operation. */
static void control(void *self, uint64_t word)
{
    struct batch_writer *writer = self;
    bool has_bytes = (word & 7) == DELTA_ADD || (word & 7) == DELTA_INSERT;
    uint64_t need = DELTA_CONTROL_BYTES_MAX + (has_bytes ? word >> 3 : 1);

    if (used(writer) + need > writer->header->batch_bytes)
        flush(writer);
    buf_add_varint(&writer->control, word);
}

static void number(void *self, unsigned context, uint64_t value)
{
    struct batch_writer *writer = self;

    (void)context;
    buf_add_varint(&writer->control, value);
}

static void scope(void *self, const struct delta_scope *what)
{
    (void)self;
    (void)what;
}

static void add(void *self, const uint8_t *old, uint64_t old_at, uint64_t new_at,
                const uint8_t *bytes, size_t len)
{
    struct batch_writer *writer = self;

    (void)old_at;
    (void)new_at;
    for (size_t i = 0; i < len; i++)
        buf_add_u8(&writer->diffs, (uint8_t)(bytes[i] - old[i]));
}

static void insert(void *self, const uint8_t *bytes, size_t len)
{
    struct batch_writer *writer = self;

    buf_add(&writer->literals, bytes, len);
}

static void passed(void *self, const uint8_t *bytes, size_t len)
{
    (void)self;
    (void)bytes;
    (void)len;
}

static size_t size(const void *self)
{
    const struct batch_writer *writer = self;

    return writer->stream.len + used(writer);
}

static bool finish(void *self, struct buf *out, struct err *err)
{
    struct batch_writer *writer = self;
    bool good;

    flush(writer);
    good =
        pack_stream(writer->header->codec, writer->header->codec_log2, &writer->stream, out, err);
    buf_reset(&writer->stream);
    return good;
}

static void end(void *self)
{
    struct batch_writer *writer = self;

    buf_done(&writer->control);
    buf_done(&writer->diffs);
    buf_done(&writer->literals);
    buf_done(&writer->stream);
    mem_free(writer);
}

const struct writer_ops writer_batches = {
    .start = start,
    .control = control,
    .number = number,
    .scope = scope,
    .add = add,
    .insert = insert,
    .passed = passed,
    .size = size,
    .finish = finish,
    .end = end,
};
