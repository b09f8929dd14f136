/*
 * The mirror of the applier's machine: group after group, each with the hashes of the blocks that
 * end in it.
 */
#include "deltagen/encode.h"

#include <string.h>

#include "deltagen/rest.h"
#include "deltagen/writer.h"
#include "lib/base/mem.h"
#include "lib/crypto/hash.h"
#include "lib/delta/apply.h"
#include "lib/delta/frames.h"
#include "lib/delta/model.h"
#include "lib/delta/sink.h"
#include "lib/delta/source.h"
#include "lib/delta/walk.h"

enum {
    /* A group ends behind the operation that takes it over this much code: enough that starting
     * anew costs little, and little enough to fetch twice. */
    GROUP_CODE_BYTES = 512 << 10,
    PIECE_BYTES_MIN = 64 << 10, /* of adds and inserts: groups can end there */
    HISTORY_LOG2_MIN = 12,      /* the format has no shorter ones */
    HASH_BYTES_LONG = 8,
    HASH_BYTES_SHORT = 4,
    HASHES_PART = 50,      /* long hashes may take this part of the code, */
    HASHES_PART_SHORT = 4, /* short ones this */
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
    const struct encode_images *images;
    const struct delta_layout *layout; /* of the new space, or NULL */
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
    size_t tables_end;    /* of the tables' code, which comes first */
    uint64_t group_start; /* in the new space */
    struct delta_walk walk;
    size_t scope_next;             /* the first scope that is not behind us */
    uint64_t group_end;            /* where it ends at the latest, at rest */
    uint64_t image_at;             /* where group_start is in the image */
    size_t group_bytes;            /* of code */
    const struct group_ends *ends; /* where groups end at the latest, or NULL */
    size_t next_end;
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

/* NOLINTNEXTLINE(readability-non-const-parameter): readers of the same type write to `value` */
static bool write_number(void *arg, unsigned context, uint64_t *value, struct err *err)
{
    struct encoder *e = arg;

    (void)err;
    e->ops->number(e->writer, context, *value);
    return true;
}

/* The scope that holds a place, or comes behind it; NULL: there is none. */
static struct delta_scope *scope_at(struct encoder *e, uint64_t at)
{
    const struct scopes *scopes = e->header->covers > 0 ? e->images->scopes : NULL;

    while (scopes && e->scope_next < scopes->count) {
        struct delta_scope *scope = &scopes->items[e->scope_next];

        if (at < scope->new_at + scope->new_length)
            return scope;
        e->scope_next++;
    }
    return NULL;
}

/* Told when the first bytes within it are to be coded; what is only copied needs none. */
static void write_scope(struct encoder *e, uint64_t at)
{
    struct delta_scope *scope = scope_at(e, at);
    struct err ignored = {0};

    if (!scope || at < scope->new_at || e->walk.scope == scope)
        return;
    e->ops->control(e->writer, control_word(DELTA_SCOPE, 1));
    e->ops->scope(e->writer, NULL);
    e->ops->number(e->writer, DELTA_SCOPE_CONTEXTS, at - scope->new_at);
    ASSERT(delta_scope_code(scope, e->header, false, write_number, e, &ignored));
    e->ops->scope(e->writer, scope);
    delta_walk_start(&e->walk, scope);
    delta_walk_step(&e->walk, at, &e->cursor);
}

/* The shortest way to say it. */
static uint64_t word_of(const struct encoder *e, const struct operation *operation)
{
    if (operation->kind == DELTA_ADD &&
        operation->len == delta_walk_cover(&e->walk, operation->new_pos))
        return control_word(DELTA_COVER, 1);
    if (operation->kind == DELTA_INSERT &&
        operation->len == delta_walk_gap(&e->walk, operation->new_pos))
        return control_word(DELTA_GAP, 1);
    return control_word(operation->kind, operation->len);
}

static void write_operation(struct encoder *e, const struct operation *operation)
{
    const uint8_t *data = e->plan->new_image->data + operation->new_pos;

    uint64_t word;

    delta_walk_step(&e->walk, operation->new_pos, &e->cursor);
    if (operation->kind == DELTA_ADD)
        write_scope(e, operation->new_pos);
    word = word_of(e, operation);
    if (reads_old(operation->kind)) {
        int64_t distance = (int64_t)operation->old_pos - (int64_t)e->cursor;

        if (distance)
            e->ops->control(e->writer, control_word(DELTA_SEEK, delta_zigzag(distance)));
        e->cursor = operation->old_pos + operation->len;
    }
    e->ops->control(e->writer, word);
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
    case DELTA_COVER:
    case DELTA_GAP:
    case DELTA_KIND_COUNT:
        return;
    }
}

/* --- groups ----------------------------------------------------------------------------------- */

/* Where a group that begins at `start` is told to end. */
static uint64_t latest_end(struct encoder *e, uint64_t start)
{
    while (e->ends && e->next_end < e->ends->count && e->ends->items[e->next_end] <= start)
        e->next_end++;
    return e->ends && e->next_end < e->ends->count ? e->ends->items[e->next_end]
                                                   : e->plan->new_image->len;
}

/* Where the next group ends at the latest: told, or so that its blocks' hashes have room. Long
 * packed items may be more; their images are not. */
static void group_begin(struct encoder *e, uint64_t start)
{
    uint64_t blocks = e->header->group_blocks - e->header->group_blocks / 16;
    uint64_t most = start + blocks * DELTA_BLOCK_BYTES;
    uint64_t all = latest_end(e, start);

    e->group_start = start;
    e->cursor = 0;
    delta_walk_start(&e->walk, NULL);
    e->group_end = most < all ? most : all;
    e->image_at = start;
    if (!e->layout)
        return;
    e->group_end = rest_before(e->layout, e->group_end);
    if (e->group_end <= start)
        e->group_end = rest_after(e->layout, most < all ? most : all);
    ASSERT(delta_layout_place(e->layout, start, &e->image_at));
}

static bool group_end(struct encoder *e, uint64_t space_end, struct err *err)
{
    uint64_t image_end = space_end;
    struct group *group;

    if (e->layout)
        ASSERT(delta_layout_place(e->layout, space_end, &image_end));

    if (e->group_count == e->group_room) {
        e->group_room = e->group_room ? e->group_room * 2 : 16;
        e->groups = mem_resize(e->groups, e->group_room, sizeof(*e->groups));
    }
    if (!e->ops->finish(e->writer, &e->code, err))
        return false;
    group = &e->groups[e->group_count++];
    *group = (struct group){e->code.len, space_end - e->group_start, image_end};
    group_begin(e, space_end);
    return true;
}

/* A piece ends with its group, and where a scope begins. */
static uint64_t room_at(struct encoder *e, uint64_t at)
{
    const struct delta_scope *scope = scope_at(e, at);
    uint64_t room = e->group_end - at;

    return scope && scope->new_at > at && scope->new_at - at < room ? scope->new_at - at : room;
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
    for (size_t i = 0; i < e->plan->count; i++) {
        struct operation left = e->plan->items[i];

        while (left.len > 0) {
            struct operation piece = left;
            uint64_t end;

            piece.len = piece_of(e, &left, room_at(e, left.new_pos));
            write_operation(e, &piece);
            left.new_pos += piece.len;
            left.old_pos += piece.len;
            left.len -= piece.len;
            end = left.new_pos;
            if (e->ops->size(e->writer) >= e->group_bytes)
                e->group_end = e->layout ? rest_after(e->layout, end) : end;
            if (end == e->group_end && !group_end(e, end, err))
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
    uint64_t last =
        e->header->block_hash_bytes > 0 ? blocks_until(e->header, group->image_end) : first;

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

/* As many as there are, which is fewer than there was room for. */
static void set_group_blocks(struct encoder *e)
{
    uint64_t from = 0;
    uint64_t most = 0;

    for (size_t i = 0; i < e->group_count; i++) {
        uint64_t until = blocks_until(e->header, e->groups[i].image_end);

        most = until - from > most ? until - from : most;
        from = until;
    }
    e->header->group_blocks = (uint32_t)most;
}

/* The tables are a group of their own, before all others. */
static bool write_tables(struct encoder *e, const struct buf *text, struct err *err)
{
    const size_t most = PIECE_BYTES_MIN / 2;

    if (text->len == 0)
        return true;
    for (size_t at = 0; at < text->len;) {
        size_t len = text->len - at < most ? text->len - at : most;

        if (e->header->batch_bytes > 0 && len > e->header->batch_bytes / 2)
            len = e->header->batch_bytes / 2;
        e->ops->control(e->writer, (uint64_t)len << 3 | DELTA_INSERT);
        e->ops->insert(e->writer, text->data + at, len);
        at += len;
    }
    if (!e->ops->finish(e->writer, &e->code, err))
        return false;
    e->tables_end = e->code.len;
    return true;
}

static bool write_file(struct encoder *e, const struct image *image, uint32_t frame_bytes,
                       struct buf *out, struct err *err)
{
    size_t first = e->tables_end > 0;
    AUTO_FREE size_t *ends = mem_array(e->group_count + 2, sizeof(*ends));
    uint64_t hashes = blocks_until(e->header, e->header->new_length) * HASH_BYTES_LONG;
    AUTO_BUF payload;
    size_t code = e->tables_end;
    uint64_t from = 0;

    buf_init(&payload, SIZE_MAX / 4);
    e->header->block_hash_bytes = hashes * HASHES_PART <= e->code.len             ? HASH_BYTES_LONG
                                  : hashes / 2 * HASHES_PART_SHORT <= e->code.len ? HASH_BYTES_SHORT
                                                                                  : 0;
    buf_add(&payload, e->code.data, e->tables_end);
    ends[0] = payload.len;
    for (size_t i = 0; i < e->group_count; i++) {
        const struct group *group = &e->groups[i];

        add_head(e, image, from, group, &payload);
        buf_add(&payload, e->code.data + code, group->code_end - code);
        code = group->code_end;
        from = group->image_end;
        ends[first + i] = payload.len;
    }
    set_group_blocks(e);
    delta_frames_write(&payload, ends, first + e->group_count, frame_bytes, e->header, out);
    return !out->failed || err_set(err, ERR_LIMIT, "patch grows too large");
}

/* --- sizes ------------------------------------------------------------------------------------ */

/* The longest history beside a coder of this size: what contexts have seen is worth more. */
static bool history_fits(struct delta_header *header)
{
    for (header->history_log2 = header->codec_log2;
         header->history_log2 + 4 > header->codec_log2 && header->history_log2 >= HISTORY_LOG2_MIN;
         header->history_log2--)
        if (delta_memory_bytes(header) <= delta_class_bytes(header->class))
            return true;
    return false;
}

/* What does not get smaller gets the fewest heads. */
static uint32_t frame_bytes_of(const struct encode_options *options)
{
    return options->codec == DELTA_STORED && options->class >= DELTA_CLASS_L
               ? DELTA_FRAME_BYTES_MAX
               : class_sizes[options->class].frame_bytes;
}

/* The largest coder that the class has room for. */
static bool choose_size(const struct encode_options *options, struct delta_header *header,
                        struct err *err)
{
    const struct class_sizes *sizes = &class_sizes[options->class];
    unsigned low = log2_min[options->codec];

    header->codec = options->codec;
    header->class = options->class;
    header->frame_bytes_max = frame_bytes_of(options);
    header->batch_bytes = options->codec == DELTA_CM ? 0 : sizes->batch_bytes;
    if (options->codec == DELTA_STORED && options->class >= DELTA_CLASS_L)
        header->batch_bytes = DELTA_BATCH_BYTES_MAX;
    if (options->codec != DELTA_CM)
        header->covers = 0;
    header->group_blocks = sizes->group_blocks;
    header->block_hash_bytes = HASH_BYTES_LONG;
    for (unsigned log2 = sizes->log2_max[options->codec] + 1; log2-- > low;) {
        header->codec_log2 = log2;
        if (options->codec == DELTA_CM
                ? history_fits(header)
                : delta_memory_bytes(header) <= delta_class_bytes(options->class))
            return true;
    }
    return err_set(err, ERR_LIMIT, "%s needs more memory on the device than class %s has",
                   delta_codec_name(options->codec), delta_class_name(options->class));
}

/* What the header says of the layouts; their text is appended to `text`. False: this applier could
 * not do it. */
static bool describe(const struct delta_layouts *layouts, unsigned slots, unsigned states,
                     struct delta_header *header, struct buf *text)
{
    uint64_t unpack = delta_source_bytes(&layouts->old, slots, states);
    uint64_t pack = delta_sink_bytes(&layouts->new_layout);

    if (unpack > DELTA_REPACK_BYTES_MAX || pack > DELTA_REPACK_BYTES_MAX)
        return false;
    header->old_levels = layouts->old.count;
    header->new_levels = layouts->new_layout.count;
    header->items = delta_layouts_items(layouts);
    header->unpack_bytes = (uint32_t)unpack;
    header->pack_bytes = (uint32_t)pack;
    buf_reset(text);
    if (header->old_levels + header->new_levels > 0)
        delta_layouts_format(layouts, text);
    header->table_bytes = (uint32_t)text->len;
    return !text->failed;
}

/* With two unpacked items at once where there is room, else with one. */
static bool choose_sizes(const struct encode_images *images, const struct encode_options *options,
                         struct delta_header *header, struct buf *text, struct err *err)
{
    if (!images->layouts)
        return choose_size(options, header, err);
    /* Long items: states first, for without them every step back unpacks all. */
    for (unsigned states = delta_source_is_long(&images->layouts->old) ? DELTA_SOURCE_STATES_MAX
                                                                       : 0;
         ; states /= 2) {
        for (unsigned slots = 2; slots > 0; slots--)
            if (describe(images->layouts, slots, states, header, text) &&
                choose_size(options, header, err))
                return true;
        if (states == 0)
            break;
    }
    return err_set(err, ERR_LIMIT, "class %s has too little memory for packing",
                   delta_class_name(options->class));
}

bool encode_patch(const struct plan *plan, const struct encode_images *images,
                  const struct encode_options *options, struct delta_header *header,
                  struct buf *out, struct err *err)
{
    AUTO_BUF text;
    struct encoder e = {.plan = plan,
                        .images = images,
                        .layout = images->layouts && images->layouts->new_layout.count > 0
                                      ? &images->layouts->new_layout
                                      : NULL,
                        .header = header,
                        .group_bytes =
                            options->group_bytes ? options->group_bytes : GROUP_CODE_BYTES,
                        .ends = options->ends,
                        .ops = options->codec == DELTA_CM ? &writer_model : &writer_batches};
    bool good;

    header->old_space = plan->old->len;
    header->new_space = plan->new_image->len;
    header->covers = images->scopes ? images->scopes->most_covers : 0;
    buf_init(&text, DELTA_TABLE_BYTES_MAX);
    if (!choose_sizes(images, options, header, &text, err))
        return false;
    e.writer = e.ops->start(header);
    buf_init(&e.code, SIZE_MAX / 4);
    group_begin(&e, 0);
    good = write_tables(&e, &text, err) && write_all(&e, err) &&
           write_file(&e, images->new_image, frame_bytes_of(options), out, err);
    e.ops->end(e.writer);
    buf_done(&e.code);
    mem_free(e.groups);
    return good;
}
