/*
 * Bodies of stored, zlib and zstd patches: batches of control words, diffs and literals. A batch
 * is unpacked whole into one buffer, then its three sections are read side by side.
 */
#include <string.h>

#include "lib/delta/codec.h"

enum section { SECTION_CONTROL, SECTION_DIFFS, SECTION_LITERALS, SECTION_COUNT };

struct batches {
    const struct delta_unpack_ops *unpack;
    void *stream;
    struct delta_input *in;
    uint8_t *batch;
    uint32_t batch_bytes;
    struct bytes sections[SECTION_COUNT];
};

static const struct delta_unpack_ops *const unpackers[] = {
    [DELTA_STORED] = &delta_unpack_stored,
    [DELTA_ZLIB] = &delta_unpack_zlib,
    [DELTA_ZSTD] = &delta_unpack_zstd,
};

static uint64_t batches_memory(const struct delta_header *header)
{
    return delta_space_of(sizeof(struct batches)) + delta_space_of(header->batch_bytes) +
           unpackers[header->codec]->memory_bytes(header->codec_log2);
}

static bool batches_open(const struct delta_header *header, struct delta_space *space,
                         struct delta_input *in, void **out, struct err *err)
{
    struct batches *batches = delta_space_take(space, sizeof(*batches));

    ASSERT(batches);
    *batches = (struct batches){
        .unpack = unpackers[header->codec],
        .in = in,
        .batch_bytes = header->batch_bytes,
        .batch = delta_space_take(space, header->batch_bytes),
    };
    ASSERT(batches->batch);
    if (!batches->unpack->open(header->codec_log2, space, &batches->stream, err))
        return false;
    *out = batches;
    return true;
}

/* Fewer than `len` bytes only at the stream's end. */
static bool unpack(struct batches *batches, uint8_t *out, size_t len, size_t *got, struct err *err)
{
    size_t some = 0;

    *got = 0;
    while (*got < len) {
        struct delta_input *in = batches->in;
        size_t before;

        if (!delta_input_fill(in, err))
            return false;
        before = in->pos;
        if (!batches->unpack->some(batches->stream, in, out + *got, len - *got, &some, err))
            return false;
        *got += some;
        /* Neither eaten nor given: the stream is over, whatever else the body holds. */
        if (some == 0 && in->pos == before)
            return true;
    }
    return true;
}

static bool batch_read(struct batches *batches, struct err *err)
{
    uint8_t head[DELTA_BATCH_HEAD_BYTES] = {0};
    struct bytes sizes = bytes_of(head, sizeof(head));
    uint32_t lengths[SECTION_COUNT];
    uint64_t total = 0;
    size_t got;
    size_t start = 0;

    if (!unpack(batches, head, sizeof(head), &got, err))
        return false;
    if (got < sizeof(head))
        return err_refuse(err, REFUSAL_DELTA_FORMAT, "patch ends before the image does");
    for (int i = 0; i < SECTION_COUNT; i++) {
        lengths[i] = bytes_u32(&sizes);
        total += lengths[i];
    }
    if (total > batches->batch_bytes || lengths[SECTION_CONTROL] == 0)
        return err_refuse(err, REFUSAL_DELTA_FORMAT, "patch batch has an impossible size");
    if (!unpack(batches, batches->batch, (size_t)total, &got, err))
        return false;
    if (got < total)
        return err_refuse(err, REFUSAL_DELTA_FORMAT, "patch batch is cut short");
    for (int i = 0; i < SECTION_COUNT; i++) {
        batches->sections[i] = bytes_of(batches->batch + start, lengths[i]);
        start += lengths[i];
    }
    return true;
}

static bool batch_used_up(const struct batches *batches)
{
    return bytes_left(&batches->sections[SECTION_CONTROL]) == 0 &&
           bytes_left(&batches->sections[SECTION_DIFFS]) == 0 &&
           bytes_left(&batches->sections[SECTION_LITERALS]) == 0;
}

static bool batches_control(void *self, uint64_t *out, struct err *err)
{
    struct batches *batches = self;
    struct bytes *words = &batches->sections[SECTION_CONTROL];

    if (bytes_left(words) == 0) {
        if (!batch_used_up(batches))
            return err_refuse(err, REFUSAL_DELTA_FORMAT, "patch batch has bytes left over");
        if (!batch_read(batches, err))
            return false;
    }
    *out = bytes_varint(words);
    if (words->failed)
        return err_refuse(err, REFUSAL_DELTA_FORMAT, "patch has a malformed control word");
    return true;
}

/* A number of an operation lies between control words. */
static bool batches_number(void *self, unsigned context, uint64_t *out, struct err *err)
{
    struct batches *batches = self;
    struct bytes *words = &batches->sections[SECTION_CONTROL];

    (void)context;
    *out = bytes_varint(words);
    return !words->failed || err_refuse(err, REFUSAL_DELTA_FORMAT, "patch has a malformed number");
}

static void batches_scope(void *self, const struct delta_scope *scope)
{
    (void)self;
    (void)scope;
}

/* NOLINTNEXTLINE(readability-function-size): the coders' table says what */
static bool batches_add(void *self, const uint8_t *old, uint64_t old_at, uint64_t new_at,
                        uint8_t *out, size_t len, struct err *err)
{
    struct batches *batches = self;
    const uint8_t *diffs = bytes_take(&batches->sections[SECTION_DIFFS], len);

    (void)old_at;
    (void)new_at;
    if (!diffs)
        return err_refuse(err, REFUSAL_DELTA_FORMAT, "patch batch lacks diffs");
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)(old[i] + diffs[i]);
    return true;
}

static bool batches_insert(void *self, uint8_t *out, size_t len, struct err *err)
{
    struct batches *batches = self;
    const uint8_t *literals = bytes_take(&batches->sections[SECTION_LITERALS], len);

    if (!literals)
        return err_refuse(err, REFUSAL_DELTA_FORMAT, "patch batch lacks literals");
    memcpy(out, literals, len);
    return true;
}

static void batches_passed(void *self, const uint8_t *data, size_t len)
{
    (void)self;
    (void)data;
    (void)len;
}

static bool batches_finish(void *self, struct err *err)
{
    struct batches *batches = self;
    uint8_t extra;
    size_t got;

    if (!batch_used_up(batches))
        return err_refuse(err, REFUSAL_DELTA_FORMAT, "patch batch has bytes left over");
    if (!unpack(batches, &extra, 1, &got, err))
        return false;
    if (got > 0)
        return err_refuse(err, REFUSAL_DELTA_FORMAT, "patch goes on after the image's end");
    return true;
}

const struct delta_codec_ops delta_codec_batches = {
    .memory_bytes = batches_memory,
    .open = batches_open,
    .control = batches_control,
    .number = batches_number,
    .scope = batches_scope,
    .add = batches_add,
    .insert = batches_insert,
    .passed = batches_passed,
    .finish = batches_finish,
};
