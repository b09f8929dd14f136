/*
 * The mirror of the applier's machine: group after group, each with the hashes of the blocks that
 * end in it.
 */
#include "deltagen/encode.h"

#include <string.h>

#include "deltagen/writer.h"
#include "lib/base/mem.h"
#include "lib/crypto/hash.h"
#include "lib/delta/apply.h"
#include "lib/delta/frames.h"
#include "lib/delta/model.h"

enum {
    /* A group ends behind the operation that takes it over this much code: enough that starting
     * anew costs little, and little enough to fetch twice. */
    GROUP_CODE_BYTES = 512 << 10,
    PIECE_BYTES_MIN = 64 << 10, /* of adds and inserts: groups can end there */
    HASH_BYTES_LONG = 8,
    HASH_BYTES_SHORT = 4,
    HASHES_PART = 50, /* long hashes may take this part of the patch */
    OLD_PIECE_BYTES = 16 << 10,
};

/* clang-format off */
static const struct class_sizes {
    uint32_t frame_bytes, batch_bytes, group_blocks;
    unsigned log2_max[DELTA_CODEC_COUNT];
} class_sizes[] = {
    [DELTA_CLASS_S] = { 4 << 10,   8 << 10,   64, {[DELTA_ZLIB] = 13, [DELTA_ZSTD] = 10, [DELTA_CM] = 12}},
    [DELTA_CLASS_M] = {16 << 10,  32 << 10,  256, {[DELTA_ZLIB] = 15, [DELTA_ZSTD] = 16, [DELTA_CM] = 16}},
    [DELTA_CLASS_L] = {32 << 10, 128 << 10, 1024, {[DELTA_ZLIB] = 15, [DELTA_ZSTD] = 19, [DELTA_CM] = 18}},
    [DELTA_CLASS_Z] = {32 << 10, 384 << 10, 1024, {[DELTA_ZLIB] = 15, [DELTA_ZSTD] = 20, [DELTA_CM] = 18}},
    [DELTA_CLASS_X] = {32 << 10, 384 << 10, 1024, {[DELTA_ZLIB] = 15, [DELTA_ZSTD] = 22, [DELTA_CM] = 19}},
    [DELTA_CLASS_H] = {32 << 10, 384 << 10, 1024, {[DELTA_ZLIB] = 15, [DELTA_ZSTD] = 25, [DELTA_CM] = 20}},
};
/* The smallest that is of use. */
static const unsigned log2_min[] = {
    [DELTA_STORED] = 0, [DELTA_ZLIB] = 9, [DELTA_ZSTD] = 10, [DELTA_CM] = 12};
/* clang-format on */
_Static_assert(COUNT(class_sizes) == DELTA_CLASS_COUNT, "every class has its sizes");

struct encoder {
    const struct plan *plan;
    struct delta_header *header;
    const struct writer_ops *ops;
    void *writer;
    uint64_t cursor; /* in the old space, as the applier will have it */
    /* The groups: code only; heads follow when the hashes' size is known. */
    struct buf code;
    struct group {
        size_t code_end;
        uint64_t space_bytes;
        uint64_t image_end;
    } * groups;
    size_t group_count, group_room;
    uint64_t group_start; /* in the new space */
    size_t group_bytes;   /* of code */
};

static uint64_t control_word(enum delta_kind kind, uint64_t len)
{
    return len << 3 | kind;
}

static bool reads_old(enum delta_kind kind)
{
    return kind == DELTA_COPY || kind == DELTA_ADD;
}

/* --- operations ------------------------------------------------------------------------------- */

/* The writer may look beyond what it is given, the space has ends: pieces go through a buffer. */
static void write_add(struct encoder *e, const struct operation *operation)
{
    const struct image *old = e->plan->old;
    const uint8_t *new_data = e->plan->new_image->data;
    uint8_t piece[OLD_PIECE_BYTES + 2 * DELTA_MARGIN];

    for (size_t done = 0; done < operation->len;) {
        size_t left = operation->len - done;
        size_t some = left < OLD_PIECE_BYTES ? left : OLD_PIECE_BYTES;
        size_t at = operation->old_pos + done;
        size_t before = at < DELTA_MARGIN ? at : DELTA_MARGIN;
        size_t behind = old->len - at - some;
        size_t after = behind < DELTA_MARGIN ? behind : DELTA_MARGIN;

        memset(piece, 0, DELTA_MARGIN - before);
        memcpy(piece + DELTA_MARGIN - before, old->data + at - before, before + some + after);
        memset(piece + DELTA_MARGIN + some + after, 0, DELTA_MARGIN - after);
        e->ops->add(e->writer, piece + DELTA_MARGIN, at, operation->new_pos + done,
                    new_data + operation->new_pos + done, some);
        done += some;
    }
}

static void write_operation(struct encoder *e, const struct operation *operation)
{
    const uint8_t *data = e->plan->new_image->data + operation->new_pos;

    if (reads_old(operation->kind)) {
        int64_t distance = (int64_t)operation->old_pos - (int64_t)e->cursor;

        if (distance)
            e->ops->control(e->writer, control_word(DELTA_SEEK, delta_zigzag(distance)));
        e->cursor = operation->old_pos + operation->len;
    }
    e->ops->control(e->writer, control_word(operation->kind, operation->len));
    switch (operation->kind) {
    case DELTA_ADD:
        write_add(e, operation);
        return;
    case DELTA_INSERT:
        e->ops->insert(e->writer, data, operation->len);
        return;
    case DELTA_FILL:
        e->ops->insert(e->writer, data, 1);
        e->ops->passed(e->writer, data, operation->len);
        return;
    case DELTA_COPY:
        e->ops->passed(e->writer, data, operation->len);
        return;
    case DELTA_SEEK:
    case DELTA_SCOPE:
    case DELTA_KIND_COUNT:
        return;
    }
}

/* --- groups ----------------------------------------------------------------------------------- */

static bool group_end(struct encoder *e, uint64_t space_end, struct err *err)
{
    struct group *group;

    if (e->group_count == e->group_room) {
        e->group_room = e->group_room ? e->group_room * 2 : 16;
        e->groups = mem_resize(e->groups, e->group_room, sizeof(*e->groups));
    }
    if (!e->ops->finish(e->writer, &e->code, err))
        return false;
    group = &e->groups[e->group_count++];
    *group = (struct group){e->code.len, space_end - e->group_start, space_end};
    e->group_start = space_end;
    e->cursor = 0;
    return true;
}

static size_t piece_of(const struct encoder *e, const struct operation *operation, uint64_t room)
{
    uint64_t len = operation->len < room ? operation->len : room;
    uint64_t most = e->group_bytes / 2 > PIECE_BYTES_MIN ? e->group_bytes / 2 : PIECE_BYTES_MIN;

    if (operation->kind == DELTA_COPY || operation->kind == DELTA_FILL)
        return (size_t)len;
    if (e->header->batch_bytes > 0)
        most = e->header->batch_bytes - 4 * DELTA_CONTROL_BYTES_MAX;
    return (size_t)(len < most ? len : most);
}

static bool write_all(struct encoder *e, struct err *err)
{
    uint64_t space_max = (uint64_t)(e->header->group_blocks - 1) * DELTA_BLOCK_BYTES;

    for (size_t i = 0; i < e->plan->count; i++) {
        struct operation left = e->plan->items[i];

        while (left.len > 0) {
            struct operation piece = left;
            uint64_t end;

            piece.len = piece_of(e, &left, e->group_start + space_max - left.new_pos);
            write_operation(e, &piece);
            left.new_pos += piece.len;
            left.old_pos += piece.len;
            left.len -= piece.len;
            end = left.new_pos;
            if ((end == e->group_start + space_max || end == e->plan->new_image->len ||
                 e->ops->size(e->writer) >= e->group_bytes) &&
                !group_end(e, end, err))
                return false;
        }
    }
    return true;
}

static uint64_t blocks_until(const struct delta_header *header, uint64_t image_at)
{
    return image_at / DELTA_BLOCK_BYTES +
           (image_at == header->new_length && image_at % DELTA_BLOCK_BYTES != 0);
}

/* --- heads ------------------------------------------------------------------------------------ */

static void add_head(const struct encoder *e, const struct image *image, uint64_t from,
                     const struct group *group, struct buf *out)
{
    uint64_t first = blocks_until(e->header, from);
    uint64_t last = blocks_until(e->header, group->image_end);

    buf_add_varint(out, group->space_bytes);
    buf_add_varint(out, last - first);
    for (uint64_t block = first; block < last; block++) {
        size_t start = (size_t)block * DELTA_BLOCK_BYTES;
        size_t len =
            image->len - start < DELTA_BLOCK_BYTES ? image->len - start : (size_t)DELTA_BLOCK_BYTES;
        uint8_t hash[HASH_BYTES];

        hash_sha256(image->data + start, len, hash);
        buf_add(out, hash, e->header->block_hash_bytes);
    }
}

static bool write_file(struct encoder *e, const struct image *image, uint32_t frame_bytes,
                       struct buf *out, struct err *err)
{
    AUTO_FREE size_t *ends = mem_array(e->group_count + 1, sizeof(*ends));
    uint64_t hashes = blocks_until(e->header, e->header->new_length) * HASH_BYTES_LONG;
    AUTO_BUF payload;
    size_t code = 0;
    uint64_t from = 0;

    buf_init(&payload, SIZE_MAX / 4);
    e->header->block_hash_bytes =
        hashes * HASHES_PART <= e->code.len ? HASH_BYTES_LONG : HASH_BYTES_SHORT;
    for (size_t i = 0; i < e->group_count; i++) {
        const struct group *group = &e->groups[i];

        add_head(e, image, from, group, &payload);
        buf_add(&payload, e->code.data + code, group->code_end - code);
        code = group->code_end;
        from = group->image_end;
        ends[i] = payload.len;
    }
    delta_frames_write(&payload, ends, e->group_count, frame_bytes, e->header, out);
    return !out->failed || err_set(err, ERR_LIMIT, "patch grows too large");
}

/* --- sizes ------------------------------------------------------------------------------------ */

/* The largest coder that the class has room for. */
static bool choose_size(const struct encode_options *options, struct delta_header *header,
                        struct err *err)
{
    const struct class_sizes *sizes = &class_sizes[options->class];
    unsigned low = log2_min[options->codec];

    header->codec = options->codec;
    header->class = options->class;
    header->frame_bytes_max = sizes->frame_bytes;
    header->batch_bytes = options->codec == DELTA_CM ? 0 : sizes->batch_bytes;
    header->group_blocks = sizes->group_blocks;
    header->block_hash_bytes = HASH_BYTES_LONG;
    header->history_log2 = options->codec == DELTA_CM ? 16 : 0;
    for (unsigned log2 = sizes->log2_max[options->codec] + 1; log2-- > low;) {
        header->codec_log2 = log2;
        if (delta_memory_bytes(header) <= delta_class_bytes(options->class))
            return true;
    }
    return err_set(err, ERR_LIMIT, "%s needs more memory on the device than class %s has",
                   delta_codec_name(options->codec), delta_class_name(options->class));
}

bool encode_patch(const struct plan *plan, const struct encode_options *options,
                  struct delta_header *header, struct buf *out, struct err *err)
{
    struct encoder e = {.plan = plan,
                        .header = header,
                        .group_bytes =
                            options->group_bytes ? options->group_bytes : GROUP_CODE_BYTES,
                        .ops = options->codec == DELTA_CM ? &writer_model : &writer_batches};
    bool good;

    header->old_space = plan->old->len;
    header->new_space = plan->new_image->len;
    if (!choose_size(options, header, err))
        return false;
    e.writer = e.ops->start(header);
    buf_init(&e.code, SIZE_MAX / 4);
    good = write_all(&e, err) &&
           write_file(&e, plan->new_image, class_sizes[options->class].frame_bytes, out, err);
    e.ops->end(e.writer);
    buf_done(&e.code);
    mem_free(e.groups);
    return good;
}
