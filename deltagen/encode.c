/*
 * The mirror of the applier's loop: control words, diffs and literals are written in the order
 * in which they will be used, as frames or straight into the model.
 */
#include "deltagen/encode.h"

#include <string.h>

#include "deltagen/pack.h"
#include "lib/base/mem.h"
#include "lib/crypto/hash.h"
#include "lib/delta/apply.h"

/* Larger frames part the three sorts of bytes better; this leaves the applier below 1 MiB. */
enum {
    FRAME_BYTES = DELTA_FRAME_BYTES_MAX,
    FRAME_SMALL_BYTES = 32 << 10, /* for devices that have less than 1 MiB to spare */
    FRAME_SMALL_BELOW = 1 << 20,
    CM_LOG2_MIN = 12,
    CM_LOG2_MAX = 18,
    CHUNK_BYTES = 32 << 10, /* a hash for each: 0.1 % */
    ZSTD_LOG2_MAX = 23,
};

struct control {
    size_t cursor; /* in the old image, as the applier will have it */
};

static uint64_t control_word(enum delta_kind kind, uint64_t len)
{
    return len << 3 | kind;
}

static bool reads_old(enum delta_kind kind)
{
    return kind == DELTA_COPY || kind == DELTA_ADD;
}

/* The seek that `operation` needs in front; 0: none. */
static uint64_t seek_word(struct control *control, const struct operation *operation)
{
    int64_t distance;

    if (!reads_old(operation->kind))
        return 0;
    distance = (int64_t)operation->old_pos - (int64_t)control->cursor;
    control->cursor = operation->old_pos + operation->len;
    return distance ? control_word(DELTA_SEEK, delta_zigzag(distance)) : 0;
}

struct frame {
    size_t bytes_max;
    struct buf control, diffs, literals;
    struct buf *out;
};

static size_t frame_room(const struct frame *frame)
{
    size_t used = frame->control.len + frame->diffs.len + frame->literals.len;
    size_t full = frame->bytes_max - (size_t)2 * DELTA_CONTROL_BYTES_MAX;

    return used < full ? full - used : 0;
}

static void frame_flush(struct frame *frame)
{
    if (frame->control.len == 0)
        return;
    buf_add_u32(frame->out, (uint32_t)frame->control.len);
    buf_add_u32(frame->out, (uint32_t)frame->diffs.len);
    buf_add_u32(frame->out, (uint32_t)frame->literals.len);
    buf_add(frame->out, frame->control.data, frame->control.len);
    buf_add(frame->out, frame->diffs.data, frame->diffs.len);
    buf_add(frame->out, frame->literals.data, frame->literals.len);
    buf_reset(&frame->control);
    buf_reset(&frame->diffs);
    buf_reset(&frame->literals);
}

static void frame_bytes(struct frame *frame, const struct plan *plan, const struct operation *part)
{
    const uint8_t *data = plan->new_image->data + part->new_pos;

    switch (part->kind) {
    case DELTA_ADD:
        for (size_t i = 0; i < part->len; i++)
            buf_add_u8(&frame->diffs, (uint8_t)(data[i] - plan->old->data[part->old_pos + i]));
        return;
    case DELTA_INSERT:
        buf_add(&frame->literals, data, part->len);
        return;
    case DELTA_FILL:
        buf_add(&frame->literals, data, 1);
        return;
    case DELTA_COPY:
    case DELTA_SEEK:
    case DELTA_KIND_COUNT:
        return;
    }
}

/* One operation may need several frames. */
static void frame_operation(struct frame *frame, const struct plan *plan,
                            struct operation operation, uint64_t seek)
{
    bool long_bytes = operation.kind == DELTA_ADD || operation.kind == DELTA_INSERT;

    while (operation.len > 0) {
        struct operation part = operation;
        size_t room;

        if (frame_room(frame) == 0)
            frame_flush(frame);
        room = frame_room(frame);
        if (long_bytes && part.len > room)
            part.len = room;
        if (seek)
            buf_add_varint(&frame->control, seek);
        seek = 0;
        buf_add_varint(&frame->control, control_word(part.kind, part.len));
        frame_bytes(frame, plan, &part);
        operation.new_pos += part.len;
        operation.old_pos += part.len;
        operation.len -= part.len;
    }
}

static void frames_write(const struct plan *plan, size_t frame_bytes_max, struct buf *out)
{
    struct frame frame = {.bytes_max = frame_bytes_max, .out = out};
    struct control control = {0};

    buf_init(&frame.control, frame_bytes_max);
    buf_init(&frame.diffs, frame_bytes_max);
    buf_init(&frame.literals, frame_bytes_max);
    for (size_t i = 0; i < plan->count; i++)
        frame_operation(&frame, plan, plan->items[i], seek_word(&control, &plan->items[i]));
    frame_flush(&frame);
    ASSERT(!frame.control.failed && !frame.diffs.failed && !frame.literals.failed);
    buf_done(&frame.control);
    buf_done(&frame.diffs);
    buf_done(&frame.literals);
}

/* In pieces: the model wants old bytes with margins, and new ones that it could write. */
static void model_add(struct delta_model *model, const struct plan *plan, uint64_t old_at,
                      uint64_t new_at, size_t len)
{
    enum { PIECE = 4096 };
    uint8_t old[PIECE + 2 * DELTA_MARGIN];
    uint8_t bytes[PIECE];

    while (len > 0) {
        size_t some = len < PIECE ? len : PIECE;
        size_t before = old_at < DELTA_MARGIN ? (size_t)old_at : DELTA_MARGIN;
        size_t left = plan->old->len - (size_t)old_at - some;
        size_t behind = left < DELTA_MARGIN ? left : DELTA_MARGIN;

        memset(old, 0, DELTA_MARGIN);
        memset(old + DELTA_MARGIN + some, 0, DELTA_MARGIN);
        memcpy(old + DELTA_MARGIN - before, plan->old->data + old_at - before,
               before + some + behind);
        memcpy(bytes, plan->new_image->data + new_at, some);
        delta_model_add(model, old + DELTA_MARGIN, old_at, new_at, bytes, some);
        old_at += some;
        new_at += some;
        len -= some;
    }
}

static void model_operation(struct delta_model *model, const struct plan *plan,
                            const struct operation *operation)
{
    const uint8_t *data = plan->new_image->data + operation->new_pos;

    (void)delta_model_control(model, control_word(operation->kind, operation->len));
    switch (operation->kind) {
    case DELTA_ADD:
        model_add(model, plan, operation->old_pos, operation->new_pos, operation->len);
        return;
    case DELTA_INSERT:
        for (size_t i = 0; i < operation->len; i++)
            (void)delta_model_insert(model, data[i]);
        return;
    case DELTA_FILL:
        (void)delta_model_insert(model, data[0]);
        delta_model_passed(model, data, operation->len);
        return;
    case DELTA_COPY:
        delta_model_passed(model, data, operation->len);
        return;
    case DELTA_SEEK:
    case DELTA_KIND_COUNT:
        return;
    }
}

static void model_write(const struct plan *plan, unsigned log2, struct buf *out)
{
    AUTO_FREE void *memory = mem_alloc((size_t)delta_model_bytes(log2));
    struct pack_coder coder;
    struct delta_model *model;
    struct control control = {0};

    pack_coder_init(&coder, out);
    model = delta_model_init(memory, log2, &coder.coder);
    for (size_t i = 0; i < plan->count; i++) {
        uint64_t seek = seek_word(&control, &plan->items[i]);

        if (seek)
            (void)delta_model_control(model, seek);
        model_operation(model, plan, &plan->items[i]);
    }
    pack_coder_finish(&coder);
}

static unsigned log2_above(uint64_t value)
{
    unsigned log2 = 0;

    while (log2 < 63 && UINT64_C(1) << log2 < value)
        log2++;
    return log2;
}

/* The largest size that is of use and that the memory allows. */
static bool choose_size(const struct encode_options *options, uint64_t body_bytes,
                        struct delta_header *header, struct err *err)
{
    unsigned low = 0;
    unsigned high = 0;

    header->codec = options->codec;
    switch (options->codec) {
    case DELTA_STORED:
        break;
    case DELTA_ZLIB:
        low = 9;
        high = 15;
        break;
    case DELTA_ZSTD:
        low = 10;
        high = log2_above(body_bytes);
        high = high < low ? low : high > ZSTD_LOG2_MAX ? ZSTD_LOG2_MAX : high;
        break;
    case DELTA_CM:
        low = CM_LOG2_MIN;
        high = CM_LOG2_MAX;
        break;
    case DELTA_CODEC_COUNT:
        ASSERT(false);
    }
    for (header->codec_log2 = high; header->codec_log2 >= low; header->codec_log2--) {
        if (delta_memory_bytes(header) <= options->memory_bytes)
            return true;
        if (header->codec_log2 == low)
            break;
    }
    return err_set(err, ERR_LIMIT, "%s needs at least %llu bytes of memory on the device",
                   delta_codec_name(header->codec), (unsigned long long)delta_memory_bytes(header));
}

/* `payload` cut into chunks, each but the last with the next one's hash in front: so the last is
 * hashed first. */
static void chunks_write(const struct buf *payload, struct delta_header *header, struct buf *out)
{
    size_t step = header->chunk_bytes - DELTA_HASH_BYTES;
    size_t before = payload->len > header->chunk_bytes
                        ? (payload->len - header->chunk_bytes + step - 1) / step
                        : 0; /* chunks in front of the last */
    size_t last = payload->len - before * step;
    AUTO_FREE uint8_t *body = mem_alloc(payload->len + before * DELTA_HASH_BYTES + 1);
    uint8_t *at = body + before * header->chunk_bytes;

    header->body_length = before * header->chunk_bytes + last;
    if (last > 0)
        memcpy(at, payload->data + before * step, last);
    hash_sha256(at, last, header->chunk_sha256);
    while (before-- > 0) {
        at -= header->chunk_bytes;
        memcpy(at, header->chunk_sha256, DELTA_HASH_BYTES);
        memcpy(at + DELTA_HASH_BYTES, payload->data + before * step, step);
        hash_sha256(at, header->chunk_bytes, header->chunk_sha256);
    }
    delta_header_format(header, out);
    buf_add(out, body, (size_t)header->body_length);
}

bool encode_patch(const struct plan *plan, const struct encode_options *options,
                  struct delta_header *header, struct buf *out, struct err *err)
{
    size_t limit = plan->new_image->len + plan->new_image->len / 16 + (1 << 20);
    AUTO_BUF frames;
    AUTO_BUF body;

    buf_init(&frames, limit * 2);
    buf_init(&body, limit * 2);
    header->frame_bytes_max = 0;
    header->chunk_bytes = CHUNK_BYTES;
    if (options->codec != DELTA_CM) {
        header->frame_bytes_max =
            options->memory_bytes < FRAME_SMALL_BELOW ? FRAME_SMALL_BYTES : FRAME_BYTES;
        frames_write(plan, header->frame_bytes_max, &frames);
    }
    if (!choose_size(options, frames.len, header, err))
        return false;
    if (options->codec == DELTA_CM)
        model_write(plan, header->codec_log2, &body);
    else if (!pack_stream(header->codec, header->codec_log2, &frames, &body, err))
        return false;
    if (frames.failed || body.failed)
        return err_set(err, ERR_LIMIT, "patch grows too large");

    chunks_write(&body, header, out);
    return !out->failed || err_set(err, ERR_LIMIT, "patch grows too large");
}
