/* From the header to the image's hash: limits first, then one block of memory, the tables, and
 * group after group. */
#include "lib/delta/apply.h"

#include "lib/base/mem.h"
#include "lib/crypto/hash.h"
#include "lib/delta/machine.h"

bool delta_fetch_header(const struct delta_io *io, const uint8_t *sha256, struct delta_header *out,
                        struct err *err)
{
    uint8_t data[DELTA_HEADER_BYTES];
    uint8_t found[HASH_BYTES];
    struct bytes in;
    size_t len = 0;
    size_t got = 1;

    while (len < sizeof(data) && got > 0) {
        if (!io->read_patch(io->arg, len, data + len, sizeof(data) - len, &got, err))
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

static bool check_memory(const struct delta_header *header, const struct delta_limits *limits,
                         struct err *err)
{
    uint64_t need = delta_memory_bytes(header);

    if (need > delta_class_bytes(header->class))
        return err_refuse(err, REFUSAL_DELTA_LIMIT,
                          "patch needs %llu bytes of memory, which is more than its class %s",
                          (unsigned long long)need, delta_class_name(header->class));
    if (need > limits->memory_bytes_max)
        return err_refuse(err, REFUSAL_DELTA_LIMIT,
                          "patch needs %llu bytes of memory, at most %llu are allowed",
                          (unsigned long long)need, (unsigned long long)limits->memory_bytes_max);
    return true;
}

/* A full image is made of nothing: whatever the old one is will do. */
static bool check_base(const struct delta_header *header, const struct delta_limits *limits,
                       struct err *err)
{
    if (header->old_length == 0)
        return true;
    if (limits->old_length != header->old_length)
        return err_refuse(err, REFUSAL_DELTA_BASE, "patch is for an image of another length");
    if (limits->old_sha256 &&
        !crypto_equal(limits->old_sha256, header->old_sha256, sizeof(header->old_sha256)))
        return err_refuse(err, REFUSAL_DELTA_BASE, "patch is for another image");
    return true;
}

bool delta_check_limits(const struct delta_header *header, const struct delta_limits *limits,
                        struct err *err)
{
    if (!check_base(header, limits, err))
        return false;
    if (limits->new_sha256 &&
        !crypto_equal(limits->new_sha256, header->new_sha256, sizeof(header->new_sha256)))
        return err_refuse(err, REFUSAL_DELTA_RESULT_HASH, "patch makes another image");
    if (header->new_length > limits->new_length_max)
        return err_refuse(
            err, REFUSAL_DELTA_LIMIT, "patch makes %llu bytes, at most %llu are allowed",
            (unsigned long long)header->new_length, (unsigned long long)limits->new_length_max);
    return check_memory(header, limits, err);
}

static bool check_end(const struct delta_io *io, const struct delta_header *header, struct err *err)
{
    uint8_t extra;
    size_t got = 0;

    if (!io->read_patch(io->arg, DELTA_HEADER_BYTES + header->body_length, &extra, 1, &got, err))
        return false;
    return got == 0 || err_refuse(err, REFUSAL_DELTA_FORMAT, "patch file is longer than its body");
}

uint64_t delta_memory_bytes(const struct delta_header *header)
{
    return delta_machine_bytes(header) + DELTA_SPACE_ALIGN;
}

static bool run_in(struct delta_space *space, const struct delta_io *io,
                   const struct delta_header *header, const struct delta_checkpoint *from,
                   struct err *err)
{
    AUTO_SHA256 struct sha256 *whole = sha256_new();
    AUTO_SHA256 struct sha256 *block = sha256_new();
    struct delta_machine *machine = delta_machine_new(space, io, header, whole, block);

    if (!delta_machine_tables(machine, err))
        return false;
    if (from && !delta_machine_go(machine, from, err))
        return false;
    return delta_machine_run(machine, err) && check_end(io, header, err);
}

static bool run(const struct delta_io *io, const struct delta_limits *limits,
                const struct delta_checkpoint *from, struct delta_header *out_header,
                struct err *err)
{
    struct delta_header header = {0};
    struct delta_space space;
    size_t size;
    size_t skip;
    void *block;
    bool good;

    if (!delta_fetch_header(io, limits->header_sha256, &header, err) ||
        !delta_check_limits(&header, limits, err))
        return false;

    size = (size_t)delta_memory_bytes(&header);
    block = io->allocate ? io->allocate(io->arg, size) : mem_alloc(size);
    /* The block may start anywhere; its pieces are aligned. */
    skip = (DELTA_SPACE_ALIGN - (uintptr_t)block % DELTA_SPACE_ALIGN) % DELTA_SPACE_ALIGN;
    space = (struct delta_space){(uint8_t *)block + skip, size - skip};
    good = run_in(&space, io, &header, from, err);
    if (io->release)
        io->release(io->arg, block);
    else
        mem_free(block);
    if (good && out_header)
        *out_header = header;
    return good;
}

bool delta_apply(const struct delta_io *io, const struct delta_limits *limits,
                 struct delta_header *out_header, struct err *err)
{
    return run(io, limits, NULL, out_header, err);
}

bool delta_resume(const struct delta_io *io, const struct delta_limits *limits,
                  const uint8_t record[DELTA_CHECKPOINT_BYTES], struct delta_header *out_header,
                  struct err *err)
{
    struct delta_checkpoint from;

    ASSERT(io->read_new);
    return delta_checkpoint_read(record, &from, err) && run(io, limits, &from, out_header, err);
}
