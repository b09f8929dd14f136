/* cm: the model codes as it is told; a group's code is what the coder wrote. */
#include <string.h>

#include "deltagen/pack.h"
#include "deltagen/writer.h"
#include "lib/base/mem.h"
#include "lib/delta/model.h"

enum { PIECE_BYTES = 4 << 10 };

struct model_writer {
    const struct delta_header *header;
    struct pack_coder coder;
    struct delta_model *model;
    void *memory;
    struct buf code;
};

static void begin(struct model_writer *writer)
{
    pack_coder_init(&writer->coder, &writer->code);
    writer->model = delta_model_init(writer->memory, writer->header->codec_log2,
                                     writer->header->history_log2, &writer->coder.coder);
}

static void *start(const struct delta_header *header)
{
    struct model_writer *writer = mem_alloc(sizeof(*writer));

    *writer = (struct model_writer){.header = header};
    writer->memory = mem_alloc((size_t)delta_model_bytes(header->codec_log2, header->history_log2));
    buf_init(&writer->code, SIZE_MAX / 4);
    begin(writer);
    return writer;
}

static void control(void *self, uint64_t word)
{
    struct model_writer *writer = self;

    (void)delta_model_control(writer->model, word);
}

static void number(void *self, unsigned context, uint64_t value)
{
    struct model_writer *writer = self;

    (void)delta_model_number(writer->model, context, value);
}

static void scope(void *self, const struct delta_scope *what)
{
    struct model_writer *writer = self;

    delta_model_scope(writer->model, what);
}

static void add(void *self, const uint8_t *old, uint64_t old_at, uint64_t new_at,
                const uint8_t *bytes, size_t len)
{
    struct model_writer *writer = self;
    uint8_t piece[PIECE_BYTES];

    for (size_t done = 0; done < len;) {
        size_t some = len - done < sizeof(piece) ? len - done : sizeof(piece);

        memcpy(piece, bytes + done, some);
        delta_model_add(writer->model, old + done, old_at + done, new_at + done, piece, some);
        done += some;
    }
}

static void insert(void *self, const uint8_t *bytes, size_t len)
{
    struct model_writer *writer = self;

    for (size_t i = 0; i < len; i++)
        (void)delta_model_insert(writer->model, bytes[i]);
}

static void passed(void *self, const uint8_t *bytes, size_t len)
{
    struct model_writer *writer = self;

    delta_model_passed(writer->model, bytes, len);
}

static size_t size(const void *self)
{
    const struct model_writer *writer = self;

    return writer->code.len;
}

static bool finish(void *self, struct buf *out, struct err *err)
{
    struct model_writer *writer = self;

    pack_coder_finish(&writer->coder);
    buf_add(out, writer->code.data, writer->code.len);
    buf_reset(&writer->code);
    begin(writer);
    return !out->failed || err_set(err, ERR_LIMIT, "patch grows too large");
}

static void end(void *self)
{
    struct model_writer *writer = self;

    mem_free(writer->memory);
    buf_done(&writer->code);
    mem_free(writer);
}

const struct writer_ops writer_model = {
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
