/*
 * Bodies of stored, zlib and zstd patches: frames of control words, diffs and literals. A frame
 * is unpacked whole into one buffer, then its three sections are read side by side.
 */
#include <string.h>

#include "lib/delta/codec.h"

enum section { SECTION_CONTROL, SECTION_DIFFS, SECTION_LITERALS, SECTION_COUNT };

struct frames {
    const struct delta_unpack_ops *unpack;
    void *stream;
    struct delta_input *in;
    uint8_t *frame;
    uint32_t frame_bytes_max;
    struct bytes sections[SECTION_COUNT];
};

static const struct delta_unpack_ops *const unpackers[] = {
    [DELTA_STORED] = &delta_unpack_stored,
    [DELTA_ZLIB] = &delta_unpack_zlib,
    [DELTA_ZSTD] = &delta_unpack_zstd,
};

static uint64_t frames_memory(const struct delta_header *header)
{
    return delta_space_of(sizeof(struct frames)) + delta_space_of(header->frame_bytes_max) +
           unpackers[header->codec]->memory_bytes(header->codec_log2);
}

static bool frames_open(const struct delta_header *header, struct delta_space *space,
                        struct delta_input *in, void **out, struct err *err)
{
    struct frames *frames = delta_space_take(space, sizeof(*frames));

    ASSERT(frames);
    *frames = (struct frames){
        .unpack = unpackers[header->codec],
        .in = in,
        .frame_bytes_max = header->frame_bytes_max,
        .frame = delta_space_take(space, header->frame_bytes_max),
    };
    ASSERT(frames->frame);
    if (!frames->unpack->open(header->codec_log2, space, &frames->stream, err))
        return false;
    *out = frames;
    return true;
}

/* Fewer than `len` bytes only at the stream's end. */
static bool unpack(struct frames *frames, uint8_t *out, size_t len, size_t *got, struct err *err)
{
    size_t some = 0;

    *got = 0;
    while (*got < len) {
        struct delta_input *in = frames->in;
        size_t before;

        if (!delta_input_fill(in, err))
            return false;
        before = in->pos;
        if (!frames->unpack->some(frames->stream, in, out + *got, len - *got, &some, err))
            return false;
        *got += some;
        /* Neither eaten nor given: the stream is over, whatever else the body holds. */
        if (some == 0 && in->pos == before)
            return true;
    }
    return true;
}

static bool frame_read(struct frames *frames, struct err *err)
{
    uint8_t head[DELTA_FRAME_HEAD_BYTES] = {0};
    struct bytes sizes = bytes_of(head, sizeof(head));
    uint32_t lengths[SECTION_COUNT];
    uint64_t total = 0;
    size_t got;
    size_t start = 0;

    if (!unpack(frames, head, sizeof(head), &got, err))
        return false;
    if (got < sizeof(head))
        return err_refuse(err, REFUSAL_DELTA_FORMAT, "patch ends before the image does");
    for (int i = 0; i < SECTION_COUNT; i++) {
        lengths[i] = bytes_u32(&sizes);
        total += lengths[i];
    }
    if (total > frames->frame_bytes_max || lengths[SECTION_CONTROL] == 0)
        return err_refuse(err, REFUSAL_DELTA_FORMAT, "patch frame has an impossible size");
    if (!unpack(frames, frames->frame, (size_t)total, &got, err))
        return false;
    if (got < total)
        return err_refuse(err, REFUSAL_DELTA_FORMAT, "patch frame is cut short");
    for (int i = 0; i < SECTION_COUNT; i++) {
        frames->sections[i] = bytes_of(frames->frame + start, lengths[i]);
        start += lengths[i];
    }
    return true;
}

static bool frame_used_up(const struct frames *frames)
{
    return bytes_left(&frames->sections[SECTION_CONTROL]) == 0 &&
           bytes_left(&frames->sections[SECTION_DIFFS]) == 0 &&
           bytes_left(&frames->sections[SECTION_LITERALS]) == 0;
}

static bool frames_control(void *self, uint64_t *out, struct err *err)
{
    struct frames *frames = self;
    struct bytes *words = &frames->sections[SECTION_CONTROL];

    if (bytes_left(words) == 0) {
        if (!frame_used_up(frames))
            return err_refuse(err, REFUSAL_DELTA_FORMAT, "patch frame has bytes left over");
        if (!frame_read(frames, err))
            return false;
    }
    *out = bytes_varint(words);
    if (words->failed)
        return err_refuse(err, REFUSAL_DELTA_FORMAT, "patch has a malformed control word");
    return true;
}

static bool frames_add(void *self, const uint8_t *old, uint64_t old_at, uint64_t new_at,
                       uint8_t *out, size_t len, struct err *err)
{
    struct frames *frames = self;
    const uint8_t *diffs = bytes_take(&frames->sections[SECTION_DIFFS], len);

    (void)old_at;
    (void)new_at;
    if (!diffs)
        return err_refuse(err, REFUSAL_DELTA_FORMAT, "patch frame lacks diffs");
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)(old[i] + diffs[i]);
    return true;
}

static bool frames_insert(void *self, uint8_t *out, size_t len, struct err *err)
{
    struct frames *frames = self;
    const uint8_t *literals = bytes_take(&frames->sections[SECTION_LITERALS], len);

    if (!literals)
        return err_refuse(err, REFUSAL_DELTA_FORMAT, "patch frame lacks literals");
    memcpy(out, literals, len);
    return true;
}

static void frames_passed(void *self, const uint8_t *data, size_t len)
{
    (void)self;
    (void)data;
    (void)len;
}

static bool frames_finish(void *self, struct err *err)
{
    struct frames *frames = self;
    uint8_t extra;
    size_t got;

    if (!frame_used_up(frames))
        return err_refuse(err, REFUSAL_DELTA_FORMAT, "patch frame has bytes left over");
    if (!unpack(frames, &extra, 1, &got, err))
        return false;
    if (got > 0)
        return err_refuse(err, REFUSAL_DELTA_FORMAT, "patch goes on after the image's end");
    return true;
}

const struct delta_codec_ops delta_codec_frames = {
    .memory_bytes = frames_memory,
    .open = frames_open,
    .control = frames_control,
    .add = frames_add,
    .insert = frames_insert,
    .passed = frames_passed,
    .finish = frames_finish,
};
