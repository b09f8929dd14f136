/*
 * The cm codec: an arithmetic decoder under the model. The decoder holds 32 bits of the code and
 * narrows an interval with every bit; see deltagen/pack.c for the other side, which writes exactly
 * the bytes that are read here.
 */
#include "lib/delta/codec.h"

#include <string.h>

#include "lib/delta/model.h"

struct cm {
    struct delta_coder coder; /* first: the model calls back with it */
    struct delta_model *model;
    struct delta_input *in;
    uint32_t low, high, code;
    bool failed;
    struct err err;
};

static uint32_t next_byte(struct cm *cm)
{
    if (!cm->failed && !delta_input_fill(cm->in, &cm->err))
        cm->failed = true;
    if (!cm->failed && cm->in->pos == cm->in->len)
        cm->failed =
            !err_refuse(&cm->err, REFUSAL_DELTA_FORMAT, "patch ends before the image does");
    return cm->failed ? 0 : cm->in->buf[cm->in->pos++];
}

static unsigned decode(struct delta_coder *coder, unsigned p, unsigned bit)
{
    struct cm *cm = (struct cm *)coder;
    uint32_t middle = cm->low + (uint32_t)((uint64_t)(cm->high - cm->low) * p >> 16);

    bit = cm->code <= middle;
    if (bit)
        cm->high = middle;
    else
        cm->low = middle + 1;
    while ((cm->low ^ cm->high) >> 24 == 0) {
        cm->low <<= 8;
        cm->high = cm->high << 8 | 255;
        cm->code = cm->code << 8 | next_byte(cm);
    }
    return bit;
}

static uint64_t cm_memory(const struct delta_header *header)
{
    return delta_space_of(sizeof(struct cm)) +
           delta_space_of((size_t)delta_model_bytes(header->codec_log2, header->history_log2));
}

static bool check(const struct cm *cm, struct err *err)
{
    if (cm->failed)
        *err = cm->err;
    return !cm->failed;
}

static bool cm_open(const struct delta_header *header, struct delta_space *space,
                    struct delta_input *in, void **out, struct err *err)
{
    struct cm *cm = delta_space_take(space, sizeof(*cm));
    void *memory = delta_space_take(
        space, (size_t)delta_model_bytes(header->codec_log2, header->history_log2));

    ASSERT(cm && memory);
    *cm = (struct cm){.coder = {decode}, .in = in, .high = UINT32_MAX};
    cm->model = delta_model_init(memory, header->codec_log2, header->history_log2, &cm->coder);
    for (int i = 0; i < 4; i++)
        cm->code = cm->code << 8 | next_byte(cm);
    *out = cm;
    return check(cm, err);
}

static bool cm_control(void *self, uint64_t *out, struct err *err)
{
    struct cm *cm = self;

    *out = delta_model_control(cm->model, 0);
    return check(cm, err);
}

static bool cm_number(void *self, unsigned context, uint64_t *out, struct err *err)
{
    struct cm *cm = self;

    *out = delta_model_number(cm->model, context, 0);
    return check(cm, err);
}

static void cm_scope(void *self, const struct delta_scope *scope)
{
    struct cm *cm = self;

    delta_model_scope(cm->model, scope);
}

/* NOLINTNEXTLINE(readability-function-size): the coders' table says what */
static bool cm_add(void *self, const uint8_t *old, uint64_t old_at, uint64_t new_at, uint8_t *out,
                   size_t len, struct err *err)
{
    struct cm *cm = self;

    delta_model_add(cm->model, old, old_at, new_at, out, len);
    return check(cm, err);
}

static bool cm_insert(void *self, uint8_t *out, size_t len, struct err *err)
{
    struct cm *cm = self;

    for (size_t i = 0; i < len; i++)
        out[i] = delta_model_insert(cm->model, 0);
    return check(cm, err);
}

static void cm_passed(void *self, const uint8_t *data, size_t len)
{
    struct cm *cm = self;

    delta_model_passed(cm->model, data, len);
}

/* The body's length tells; the applier compares it. */
static bool cm_finish(void *self, struct err *err)
{
    return check(self, err);
}

const struct delta_codec_ops delta_codec_cm = {
    .memory_bytes = cm_memory,
    .open = cm_open,
    .control = cm_control,
    .number = cm_number,
    .scope = cm_scope,
    .add = cm_add,
    .insert = cm_insert,
    .passed = cm_passed,
    .finish = cm_finish,
};
