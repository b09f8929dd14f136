/* Between groups nothing is remembered but how far both spaces and the image came. */
#include "lib/delta/machine.h"

#include <string.h>

#include "lib/crypto/hash.h"
#include "lib/delta/codec.h"
#include "lib/delta/model.h"
#include "lib/delta/output.h"
#include "lib/delta/sink.h"
#include "lib/delta/source.h"
#include "lib/delta/walk.h"

enum {
    /* Class S has 48 KiB in all. */
    SMALL_OUT_BYTES = 4 << 10,
    SMALL_WORK_BYTES = 2 << 10,
    WORK_BYTES = 16 << 10,  /* new bytes made at a time */
    CHECKPOINT_BLOCKS = 64, /* between two records within a group */
};

struct delta_machine {
    const struct delta_io *io;
    struct delta_header header;
    struct delta_input in;
    struct delta_output out;
    const struct delta_codec_ops *codec;
    void *decoder;
    struct delta_space codec_space;
    struct delta_checkpoint checkpoint; /* of the group that runs */
    uint64_t told;                      /* blocks that the last record calls verified */
    uint8_t *tables;                    /* header.table_bytes */
    struct delta_layouts layouts;
    struct delta_source *source;   /* NULL: the old space is the image */
    struct delta_sink *sink;       /* NULL: the new space is the image */
    struct delta_space pack_space; /* for both */

    uint8_t *work; /* `work_bytes` of new bytes */
    size_t work_bytes;
    uint64_t produced;  /* of the new space */
    uint64_t group_end; /* of the group that runs, in the new space */

    /* Old bytes around the cursor: [old_start - DELTA_MARGIN, old_start + old_len +
     * DELTA_MARGIN); covers are mostly short and in order. */
    uint8_t *old;
    uint64_t old_start;
    size_t old_len;
    uint64_t cursor;

    struct delta_scope scope;
    struct delta_walk walk;
};

static const struct delta_codec_ops *const codecs[] = {
    [DELTA_STORED] = &delta_codec_batches,
    [DELTA_ZLIB] = &delta_codec_batches,
    [DELTA_ZSTD] = &delta_codec_batches,
    [DELTA_CM] = &delta_codec_cm,
};
_Static_assert(COUNT(codecs) == DELTA_CODEC_COUNT, "every coder has its functions");

static bool refuse(struct err *err, const char *what)
{
    return err_refuse(err, REFUSAL_DELTA_FORMAT, "%s", what);
}

/* --- memory ----------------------------------------------------------------------------------- */

struct sizes {
    size_t out, work, hashes;
};

static struct sizes sizes_of(const struct delta_header *header)
{
    bool small = header->class == DELTA_CLASS_S;

    return (struct sizes){.out = small ? SMALL_OUT_BYTES : DELTA_BLOCK_BYTES,
                          .work = small ? SMALL_WORK_BYTES : WORK_BYTES,
                          .hashes = (size_t)header->group_blocks * header->block_hash_bytes};
}

uint64_t delta_machine_bytes(const struct delta_header *header)
{
    struct sizes sizes = sizes_of(header);

    return delta_space_of(sizeof(struct delta_machine)) + delta_space_of(header->frame_bytes_max) +
           delta_space_of(sizes.out) + delta_space_of(sizes.hashes) + delta_space_of(sizes.work) +
           delta_space_of(sizes.work + (size_t)2 * DELTA_MARGIN) +
           delta_space_of(header->table_bytes) + delta_scope_bytes(header) +
           delta_layouts_bytes(header) + delta_space_of(header->unpack_bytes) +
           delta_space_of(header->pack_bytes) + codecs[header->codec]->memory_bytes(header);
}

static void *take(struct delta_space *space, size_t size)
{
    void *piece = delta_space_take(space, size);

    ASSERT(piece);
    return piece;
}

struct delta_machine *delta_machine_new(struct delta_space *space, const struct delta_io *io,
                                        const struct delta_header *header, struct sha256 *whole,
                                        struct sha256 *block)
{
    struct sizes sizes = sizes_of(header);
    struct delta_machine *m = take(space, sizeof(*m));

    *m = (struct delta_machine){
        .io = io,
        .header = *header,
        .codec = codecs[header->codec],
        .out = {.io = io,
                .image_length = header->new_length,
                .whole = whole,
                .block = block,
                .buf = take(space, sizes.out),
                .room = sizes.out,
                .hashes = take(space, sizes.hashes),
                .hash_bytes = header->block_hash_bytes},
        .work = take(space, sizes.work),
        .work_bytes = sizes.work,
        .old = take(space, sizes.work + (size_t)2 * DELTA_MARGIN),
    };
    delta_input_init(&m->in, io, header, take(space, header->frame_bytes_max));
    m->scope.cover_room = header->covers;
    m->scope.covers = take(space, (size_t)header->covers * sizeof(struct delta_cover));
    m->scope.by_old = take(space, (size_t)header->covers * sizeof(uint32_t));
    m->tables = take(space, header->table_bytes);
    m->pack_space.left =
        (size_t)(delta_layouts_bytes(header) + delta_space_of(header->unpack_bytes) +
                 delta_space_of(header->pack_bytes));
    m->pack_space.next = take(space, m->pack_space.left);
    m->codec_space = *space;
    return m;
}

/* --- old and new bytes ------------------------------------------------------------------------ */

static bool read_old(struct delta_machine *m, uint64_t at, uint8_t *out, size_t len,
                     struct err *err)
{
    if (m->source)
        return delta_source_read(m->source, at, out, len, err);
    return m->io->read_old(m->io->arg, at, out, len, err);
}

/* The window from the cursor on; beyond the space's ends are zeros. */
static bool fill_old(struct delta_machine *m, struct err *err)
{
    uint64_t space = m->header.old_space;
    uint64_t from = m->cursor < DELTA_MARGIN ? 0 : m->cursor - DELTA_MARGIN;
    uint64_t left = space - m->cursor;
    size_t before = (size_t)(m->cursor - from);
    size_t len = left < m->work_bytes ? (size_t)left : m->work_bytes;
    size_t after = left - len < DELTA_MARGIN ? (size_t)(left - len) : DELTA_MARGIN;
    uint8_t *start = m->old + (DELTA_MARGIN - before);

    m->old_len = 0;
    memset(m->old, 0, DELTA_MARGIN - before);
    if (!read_old(m, from, start, before + len + after, err))
        return false;
    memset(start + before + len + after, 0, DELTA_MARGIN - after);
    m->old_start = m->cursor;
    m->old_len = len;
    return true;
}

/* Some old bytes at the cursor, at most `len`, with their margins; at least one. */
static bool old_some(struct delta_machine *m, size_t len, const uint8_t **out, size_t *got,
                     struct err *err)
{
    if ((m->cursor < m->old_start || m->cursor - m->old_start >= m->old_len) && !fill_old(m, err))
        return false;
    *out = m->old + DELTA_MARGIN + (m->cursor - m->old_start);
    *got = m->old_len - (size_t)(m->cursor - m->old_start);
    if (*got > len)
        *got = len;
    return true;
}

static bool record(struct delta_machine *m, struct err *err)
{
    uint8_t text[DELTA_CHECKPOINT_BYTES];

    if (!m->io->checkpoint)
        return true;
    m->checkpoint.verified = (uint32_t)m->out.verified;
    m->told = m->out.verified;
    delta_checkpoint_format(&m->checkpoint, text);
    return m->io->checkpoint(m->io->arg, text, err);
}

/* `len` bytes of m->work are the new space's next ones. */
static bool emit(struct delta_machine *m, size_t len, struct err *err)
{
    m->produced += len;
    if (m->sink ? !delta_sink_write(m->sink, m->work, len, err)
                : !delta_output_write(&m->out, m->work, len, err))
        return false;
    return m->out.verified < m->told + CHECKPOINT_BLOCKS || record(m, err);
}

static size_t work_of(const struct delta_machine *m, uint64_t len)
{
    return len < m->work_bytes ? (size_t)len : m->work_bytes;
}

/* --- operations ------------------------------------------------------------------------------- */

static bool do_copy(struct delta_machine *m, uint64_t len, struct err *err)
{
    while (len > 0) {
        size_t some = work_of(m, len);

        if (!read_old(m, m->cursor, m->work, some, err))
            return false;
        m->codec->passed(m->decoder, m->work, some);
        m->cursor += some;
        len -= some;
        if (!emit(m, some, err))
            return false;
    }
    return true;
}

static bool do_add(struct delta_machine *m, uint64_t len, struct err *err)
{
    while (len > 0) {
        const uint8_t *old;
        size_t some;

        if (!old_some(m, work_of(m, len), &old, &some, err) ||
            !m->codec->add(m->decoder, old, m->cursor, m->produced, m->work, some, err))
            return false;
        m->cursor += some;
        len -= some;
        if (!emit(m, some, err))
            return false;
    }
    return true;
}

static bool do_insert(struct delta_machine *m, uint64_t len, struct err *err)
{
    while (len > 0) {
        size_t some = work_of(m, len);

        if (!m->codec->insert(m->decoder, m->work, some, err))
            return false;
        len -= some;
        if (!emit(m, some, err))
            return false;
    }
    return true;
}

static bool do_fill(struct delta_machine *m, uint64_t len, struct err *err)
{
    uint8_t byte;

    if (!m->codec->insert(m->decoder, &byte, 1, err))
        return false;
    while (len > 0) {
        size_t some = work_of(m, len);

        memset(m->work, byte, some);
        m->codec->passed(m->decoder, m->work, some);
        len -= some;
        if (!emit(m, some, err))
            return false;
    }
    return true;
}

static bool do_seek(struct delta_machine *m, uint64_t word, struct err *err)
{
    int64_t distance = delta_unzigzag(word);
    /* Lengths stop at 2^42 and a control word's at 2^61, so the sum fits. */
    int64_t target = (int64_t)m->cursor + distance;

    if (target < 0 || (uint64_t)target > m->header.old_space)
        return refuse(err, "patch seeks outside the old image");
    m->cursor = (uint64_t)target;
    return true;
}

static bool number(void *arg, unsigned context, uint64_t *value, struct err *err)
{
    struct delta_machine *m = arg;

    return m->codec->number(m->decoder, context, value, err);
}

static bool do_scope(struct delta_machine *m, uint64_t len, struct err *err)
{
    uint64_t back;

    if (!number(m, DELTA_SCOPE_CONTEXTS, &back, err))
        return false;
    if (len != 1 || back > m->produced)
        return refuse(err, "patch has an impossible scope");
    m->codec->scope(m->decoder, NULL);
    m->scope.new_at = m->produced - back;
    if (!delta_scope_code(&m->scope, &m->header, true, number, m, err))
        return false;
    m->codec->scope(m->decoder, &m->scope);
    delta_walk_start(&m->walk, &m->scope);
    return true;
}

static bool do_cover(struct delta_machine *m, uint64_t len, struct err *err)
{
    uint64_t rest = delta_walk_cover(&m->walk, m->produced);

    if (len != 1 || rest == 0 || rest > m->group_end - m->produced ||
        rest > m->header.old_space - m->cursor)
        return refuse(err, "patch has a cover where there is none");
    return do_add(m, rest, err);
}

static bool do_gap(struct delta_machine *m, uint64_t len, struct err *err)
{
    uint64_t rest = delta_walk_gap(&m->walk, m->produced);

    if (len != 1 || rest == 0 || rest > m->group_end - m->produced)
        return refuse(err, "patch has a gap where there is none");
    return do_insert(m, rest, err);
}

typedef bool do_fn(struct delta_machine *m, uint64_t len, struct err *err);

/* clang-format off */
static const struct kind {
    do_fn *run;
    bool reads_old, makes_new;
} kinds[] = {
    [DELTA_COPY]   = {do_copy,    true,  true},
    [DELTA_ADD]    = {do_add,     true,  true},
    [DELTA_INSERT] = {do_insert,  false, true},
    [DELTA_FILL]   = {do_fill,    false, true},
    [DELTA_SEEK]   = {do_seek,    false, false},
    [DELTA_SCOPE]  = {do_scope,   false, false},
    [DELTA_COVER]  = {do_cover,   false, true},
    [DELTA_GAP]    = {do_gap,     false, true},
};
/* clang-format on */
_Static_assert(COUNT(kinds) == DELTA_KIND_COUNT, "every kind of operation has its function");

static bool operation(struct delta_machine *m, unsigned *prepared, struct err *err)
{
    const struct kind *kind;
    uint64_t word;
    uint64_t len;
    unsigned which;

    delta_walk_step(&m->walk, m->produced, &m->cursor);
    if (!m->codec->control(m->decoder, &word, err))
        return false;
    which = (unsigned)(word & 7);
    len = word >> 3;
    if (len == 0)
        return refuse(err, "patch has an operation of no length");
    kind = &kinds[which];
    if (kind->makes_new && len > m->group_end - m->produced)
        return refuse(err, "patch writes past its group's end");
    if (kind->reads_old && len > m->header.old_space - m->cursor)
        return refuse(err, "patch reads past the old image's end");
    if (*prepared & 1u << which)
        return refuse(err, "patch prepares the same twice");
    *prepared = kind->makes_new ? 0 : *prepared | 1u << which;
    return kind->run(m, len, err);
}

/* --- groups ----------------------------------------------------------------------------------- */

static bool open_code(struct delta_machine *m, struct err *err)
{
    struct delta_space space = m->codec_space;

    return m->codec->open(&m->header, &space, &m->in, &m->decoder, err);
}

static bool group_head(struct delta_machine *m, struct err *err)
{
    uint64_t bytes;
    uint64_t blocks;

    if (!delta_input_varint(&m->in, &bytes, err) || !delta_input_varint(&m->in, &blocks, err))
        return false;
    if (bytes == 0 || bytes > m->header.new_space - m->produced)
        return refuse(err, "patch has a group of an impossible length");
    if (blocks > m->header.group_blocks)
        return refuse(err, "patch has a group of more blocks than its header says");
    m->group_end = m->produced + bytes;
    delta_output_group(&m->out, (uint32_t)blocks);
    return delta_input_bytes(&m->in, m->out.hashes, (size_t)blocks * m->header.block_hash_bytes,
                             err);
}

static bool group(struct delta_machine *m, struct err *err)
{
    unsigned prepared = 0;

    m->checkpoint = (struct delta_checkpoint){
        .frame = m->in.next, .new_space_at = m->produced, .image_at = m->out.at};
    if (m->produced > 0 && !record(m, err))
        return false;
    m->cursor = 0;
    m->old_len = 0;
    /* In place the groups before have overwritten what lies behind. */
    if (m->source && m->header.erase_log2 > 0)
        delta_source_forget(m->source);
    delta_walk_start(&m->walk, NULL);
    if (!delta_input_next_group(&m->in, err) || !group_head(m, err) || !open_code(m, err))
        return false;
    while (m->produced < m->group_end)
        if (!operation(m, &prepared, err))
            return false;
    if (m->sink && !delta_sink_is_at_rest(m->sink))
        return refuse(err, "patch group ends within a packed part");
    return m->codec->finish(m->decoder, err) && delta_output_group_end(&m->out, err);
}

static bool drain(void *arg, const uint8_t *data, size_t len, struct err *err)
{
    struct delta_machine *m = arg;

    return delta_output_write(&m->out, data, len, err);
}

/* The tables' bytes are insert operations: a batch holds no more than its size. */
static bool insert_tables(struct delta_machine *m, struct err *err)
{
    size_t got = 0;

    while (got < m->header.table_bytes) {
        uint64_t word;
        uint64_t len;

        if (!m->codec->control(m->decoder, &word, err))
            return false;
        len = word >> 3;
        if ((word & 7) != DELTA_INSERT || len == 0 || len > m->header.table_bytes - got)
            return refuse(err, "patch has malformed tables");
        if (!m->codec->insert(m->decoder, m->tables + got, (size_t)len, err))
            return false;
        got += (size_t)len;
    }
    return true;
}

static bool read_tables(struct delta_machine *m, struct err *err)
{
    struct bytes in = bytes_of(m->tables, m->header.table_bytes);

    return delta_input_next_group(&m->in, err) && open_code(m, err) && insert_tables(m, err) &&
           m->codec->finish(m->decoder, err) &&
           delta_layouts_read(&in, &m->header, &m->pack_space, &m->layouts, err);
}

bool delta_machine_tables(struct delta_machine *m, struct err *err)
{
    const struct delta_drain to_image = {drain, m};

    if (m->header.table_bytes == 0)
        return true;
    if (!read_tables(m, err))
        return false;
    if (m->layouts.old.count > 0 &&
        !delta_source_open(&m->header, &m->layouts.old, m->io, &m->pack_space, &m->source, err))
        return false;
    return m->layouts.new_layout.count == 0 ||
           delta_sink_open(&m->header, &m->layouts.new_layout, &to_image, &m->pack_space, &m->sink,
                           err);
}

bool delta_machine_go(struct delta_machine *m, const struct delta_checkpoint *from, struct err *err)
{
    uint64_t image_at = from->new_space_at;

    if (from->new_space_at >= m->header.new_space)
        return refuse(err, "checkpoint lies outside the image");
    m->produced = from->new_space_at;
    if (m->sink && !delta_sink_go(m->sink, from->new_space_at, &image_at, err))
        return false;
    if (image_at != from->image_at)
        return refuse(err, "checkpoint names another place of the image");
    m->told = from->verified;
    return delta_input_go(&m->in, &from->frame, err) &&
           delta_output_resume(&m->out, from->image_at, from->verified, err);
}

bool delta_machine_run(struct delta_machine *m, struct err *err)
{
    while (m->produced < m->header.new_space)
        if (!group(m, err))
            return false;
    if (!delta_input_ended(&m->in))
        return refuse(err, "patch goes on after the image's end");
    return delta_output_finish(&m->out, m->header.new_sha256, err);
}
