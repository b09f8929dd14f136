/*
 * The loop over operations. Every length is compared with what is left of the new image and of
 * the old one before a byte moves, each operation but a seek makes progress and two seeks never
 * follow each other, so even an endless code ends.
 */
#include "lib/delta/apply.h"

#include <string.h>

#include "lib/base/mem.h"
#include "lib/crypto/hash.h"
#include "lib/delta/codec.h"
#include "lib/delta/model.h"

enum {
    OUT_BYTES = 64 << 10, /* new bytes gathered for one write */
    OLD_BYTES = 16 << 10, /* old bytes read ahead: covers are mostly short and in order */
};

struct applier {
    const struct delta_io *io;
    struct delta_header header;
    struct delta_input in;
    const struct delta_codec_ops *codec;
    void *decoder;
    struct sha256 *hash;

    uint8_t *out;
    size_t out_len;
    uint64_t produced; /* new bytes so far, those in `out` included */

    uint8_t *old;       /* DELTA_MARGIN bytes before and behind included */
    uint64_t old_start; /* where `old` came from */
    size_t old_len;
    uint64_t cursor;
};

static const struct delta_codec_ops *const codecs[] = {
    [DELTA_STORED] = &delta_codec_frames,
    [DELTA_ZLIB] = &delta_codec_frames,
    [DELTA_ZSTD] = &delta_codec_frames,
    [DELTA_CM] = &delta_codec_cm,
};
_Static_assert(COUNT(codecs) == DELTA_CODEC_COUNT, "every codec has its functions");

uint64_t delta_memory_bytes(const struct delta_header *header)
{
    return delta_space_of(sizeof(struct applier)) + delta_space_of(OUT_BYTES) +
           delta_space_of(OLD_BYTES + 2 * DELTA_MARGIN) + delta_space_of(header->chunk_bytes) +
           codecs[header->codec]->memory_bytes(header) + DELTA_SPACE_ALIGN;
}

uint64_t delta_window_bytes(const struct delta_header *header)
{
    bool windowed = header->codec == DELTA_ZLIB || header->codec == DELTA_ZSTD;

    return windowed ? UINT64_C(1) << header->codec_log2 : 0;
}

static bool refuse(struct err *err, const char *what)
{
    return err_refuse(err, REFUSAL_DELTA_FORMAT, "%s", what);
}

static bool out_flush(struct applier *a, struct err *err)
{
    size_t len = a->out_len;

    sha256_add(a->hash, a->out, len);
    a->out_len = 0;
    return len == 0 || a->io->write_new(a->io->arg, a->out, len, err);
}

/* Room for at least one byte, at most `len`, at the output's end. */
static bool out_room(struct applier *a, uint64_t len, uint8_t **out, size_t *room, struct err *err)
{
    if (a->out_len == OUT_BYTES && !out_flush(a, err))
        return false;
    *out = a->out + a->out_len;
    *room = len < OUT_BYTES - a->out_len ? (size_t)len : OUT_BYTES - a->out_len;
    return true;
}

static void out_advance(struct applier *a, size_t len)
{
    a->out_len += len;
    a->produced += len;
}

/* Old bytes at the cursor, with their margins. */
static bool old_read(struct applier *a, size_t len, struct err *err)
{
    size_t before = a->cursor < DELTA_MARGIN ? (size_t)a->cursor : DELTA_MARGIN;
    uint64_t left = a->header.old_length - a->cursor - len;
    size_t behind = left < DELTA_MARGIN ? (size_t)left : DELTA_MARGIN;

    memset(a->old, 0, DELTA_MARGIN);
    memset(a->old + DELTA_MARGIN + len, 0, DELTA_MARGIN);
    return a->io->read_old(a->io->arg, a->cursor - before, a->old + DELTA_MARGIN - before,
                           before + len + behind, err);
}

/* Some old bytes at the cursor, at most `len`; at least one. */
static bool old_some(struct applier *a, size_t len, const uint8_t **out, size_t *got,
                     struct err *err)
{
    uint64_t into = a->cursor - a->old_start;

    if (a->cursor < a->old_start || into >= a->old_len) {
        uint64_t left = a->header.old_length - a->cursor;
        size_t want = left < OLD_BYTES ? (size_t)left : OLD_BYTES;

        a->old_len = 0;
        if (!old_read(a, want, err))
            return false;
        a->old_start = a->cursor;
        a->old_len = want;
        into = 0;
    }
    *out = a->old + DELTA_MARGIN + into;
    *got = a->old_len - into < len ? (size_t)(a->old_len - into) : len;
    return true;
}

static bool do_copy(struct applier *a, uint64_t len, struct err *err)
{
    while (len > 0) {
        uint8_t *out;
        size_t room;

        if (!out_room(a, len, &out, &room, err))
            return false;
        if (!a->io->read_old(a->io->arg, a->cursor, out, room, err))
            return false;
        a->codec->passed(a->decoder, out, room);
        a->cursor += room;
        out_advance(a, room);
        len -= room;
    }
    return true;
}

static bool do_add(struct applier *a, uint64_t len, struct err *err)
{
    while (len > 0) {
        const uint8_t *old;
        uint8_t *out;
        size_t some;

        if (!out_room(a, len, &out, &some, err) || !old_some(a, some, &old, &some, err) ||
            !a->codec->add(a->decoder, old, a->cursor, a->produced, out, some, err))
            return false;
        a->cursor += some;
        out_advance(a, some);
        len -= some;
    }
    return true;
}

static bool do_insert(struct applier *a, uint64_t len, struct err *err)
{
    while (len > 0) {
        uint8_t *out;
        size_t some;

        if (!out_room(a, len, &out, &some, err) || !a->codec->insert(a->decoder, out, some, err))
            return false;
        out_advance(a, some);
        len -= some;
    }
    return true;
}

static bool do_fill(struct applier *a, uint64_t len, struct err *err)
{
    uint8_t byte;

    if (!a->codec->insert(a->decoder, &byte, 1, err))
        return false;
    while (len > 0) {
        uint8_t *out;
        size_t some;

        if (!out_room(a, len, &out, &some, err))
            return false;
        memset(out, byte, some);
        a->codec->passed(a->decoder, out, some);
        out_advance(a, some);
        len -= some;
    }
    return true;
}

static bool do_seek(struct applier *a, uint64_t word, struct err *err)
{
    int64_t distance = delta_unzigzag(word);
    /* Lengths stop at 2^42 and a control word's at 2^61, so the sum fits. */
    int64_t target = (int64_t)a->cursor + distance;

    if (target < 0 || (uint64_t)target > a->header.old_length)
        return refuse(err, "patch seeks outside the old image");
    a->cursor = (uint64_t)target;
    return true;
}

typedef bool do_fn(struct applier *a, uint64_t len, struct err *err);

/* clang-format off */
static const struct kind {
    do_fn *run;
    bool reads_old, writes_new;
} kinds[] = {
    [DELTA_COPY]   = {do_copy,   true,  true},
    [DELTA_ADD]    = {do_add,    true,  true},
    [DELTA_INSERT] = {do_insert, false, true},
    [DELTA_FILL]   = {do_fill,   false, true},
    [DELTA_SEEK]   = {do_seek,   false, false},
};
/* clang-format on */
_Static_assert(COUNT(kinds) == DELTA_KIND_COUNT, "every kind of operation has its function");

static bool run_operations(struct applier *a, struct err *err)
{
    bool after_seek = false;

    while (a->produced < a->header.new_length) {
        const struct kind *kind;
        uint64_t word;
        uint64_t len;

        if (!a->codec->control(a->decoder, &word, err))
            return false;
        len = word >> 3;
        if ((word & 7) >= COUNT(kinds) || len == 0)
            return refuse(err, "patch has an unknown operation");
        kind = &kinds[word & 7];
        if (kind->writes_new && len > a->header.new_length - a->produced)
            return refuse(err, "patch writes past the new image's end");
        if (kind->reads_old && len > a->header.old_length - a->cursor)
            return refuse(err, "patch reads past the old image's end");
        if (!kind->writes_new && after_seek)
            return refuse(err, "patch seeks twice");
        after_seek = !kind->writes_new;
        if (!kind->run(a, len, err))
            return false;
    }
    return true;
}

static bool finish(struct applier *a, struct err *err)
{
    uint8_t hash[HASH_BYTES];
    uint8_t extra;
    size_t got;

    if (!out_flush(a, err) || !a->codec->finish(a->decoder, err))
        return false;
    if (!delta_input_ended(&a->in))
        return refuse(err, "patch goes on after the image's end");
    if (!a->io->read_patch(a->io->arg, &extra, 1, &got, err))
        return false;
    if (got > 0)
        return refuse(err, "patch file is longer than its body");
    sha256_peek(a->hash, hash);
    if (!crypto_equal(hash, a->header.new_sha256, sizeof(hash)))
        return err_refuse(err, REFUSAL_DELTA_RESULT_HASH,
                          "patch did not give the image that it names");
    return true;
}

static bool read_header(const struct delta_io *io, const uint8_t *sha256, struct delta_header *out,
                        struct err *err)
{
    uint8_t data[DELTA_HEADER_BYTES];
    uint8_t found[HASH_BYTES];
    struct bytes in;
    size_t len = 0;
    size_t got = 1;

    while (len < sizeof(data) && got > 0) {
        if (!io->read_patch(io->arg, data + len, sizeof(data) - len, &got, err))
            return false;
        len += got;
    }
    if (sha256 && len == sizeof(data)) {
        hash_sha256(data, len, found);
        if (!crypto_equal(found, sha256, sizeof(found)))
            return err_refuse(err, REFUSAL_DELTA_FILE_HASH,
                              "patch is not the one that was named: its header has another hash");
    }
    in = bytes_of(data, len);
    return delta_header_read(&in, out, err);
}

static bool check_limits(const struct delta_header *header, const struct delta_limits *limits,
                         struct err *err)
{
    uint64_t need = delta_memory_bytes(header);

    if (limits->old_length != header->old_length)
        return err_refuse(err, REFUSAL_DELTA_BASE, "patch is for an image of another length");
    if (limits->old_sha256 &&
        !crypto_equal(limits->old_sha256, header->old_sha256, sizeof(header->old_sha256)))
        return err_refuse(err, REFUSAL_DELTA_BASE, "patch is for another image");
    if (limits->new_sha256 &&
        !crypto_equal(limits->new_sha256, header->new_sha256, sizeof(header->new_sha256)))
        return err_refuse(err, REFUSAL_DELTA_RESULT_HASH, "patch makes another image");
    if (header->new_length > limits->new_length_max)
        return err_refuse(
            err, REFUSAL_DELTA_LIMIT, "patch makes %llu bytes, at most %llu are allowed",
            (unsigned long long)header->new_length, (unsigned long long)limits->new_length_max);
    if (need > limits->memory_bytes_max)
        return err_refuse(err, REFUSAL_DELTA_LIMIT,
                          "patch needs %llu bytes of memory, at most %llu are allowed",
                          (unsigned long long)need, (unsigned long long)limits->memory_bytes_max);
    return true;
}

static bool apply_in(struct delta_space *space, const struct delta_io *io,
                     const struct delta_header *header, struct err *err)
{
    struct applier *a = delta_space_take(space, sizeof(*a));
    AUTO_SHA256 struct sha256 *hash = sha256_new();

    ASSERT(a);
    *a = (struct applier){
        .io = io,
        .header = *header,
        .codec = codecs[header->codec],
        .hash = hash,
        .out = delta_space_take(space, OUT_BYTES),
        .old = delta_space_take(space, OLD_BYTES + 2 * DELTA_MARGIN),
        .in = {.io = io, .left = header->body_length, .chunk_bytes = header->chunk_bytes},
    };
    a->in.buf = delta_space_take(space, header->chunk_bytes);
    memcpy(a->in.next_sha256, header->chunk_sha256, sizeof(a->in.next_sha256));
    ASSERT(a->out && a->old && a->in.buf);
    return a->codec->open(header, space, &a->in, &a->decoder, err) && run_operations(a, err) &&
           finish(a, err);
}

bool delta_apply(const struct delta_io *io, const struct delta_limits *limits,
                 struct delta_header *out_header, struct err *err)
{
    struct delta_header header = {0};
    struct delta_space space;
    size_t size;
    size_t skip;
    void *block;
    bool good;

    if (!read_header(io, limits->header_sha256, &header, err) ||
        !check_limits(&header, limits, err))
        return false;

    size = (size_t)delta_memory_bytes(&header);
    block = io->allocate ? io->allocate(io->arg, size) : mem_alloc(size);
    /* The block may start anywhere; its pieces are aligned. */
    skip = (DELTA_SPACE_ALIGN - (uintptr_t)block % DELTA_SPACE_ALIGN) % DELTA_SPACE_ALIGN;
    space = (struct delta_space){(uint8_t *)block + skip, size - skip};
    good = apply_in(&space, io, &header, err);
    if (io->release)
        io->release(io->arg, block);
    else
        mem_free(block);
    if (good && out_header)
        *out_header = header;
    return good;
}
