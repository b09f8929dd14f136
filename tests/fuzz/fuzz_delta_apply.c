/*
 * A patch and an old image made from the input: two bytes of the old image's length, the old
 * image, then the patch. Lengths and hashes that the fuzzer cannot guess are put right, so that
 * it gets past them; reads outside the old image and results of the wrong length would abort.
 */
#include <string.h>

#include "lib/crypto/hash.h"
#include "lib/delta/apply.h"

enum { NEW_MAX = 1 << 20, HEADER_OLD_LENGTH = 16, HEADER_BODY_LENGTH = 32 };
enum { HEADER_CHUNK_BYTES = 104, HEADER_CHUNK_SHA256 = 108 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
    struct bytes old, patch;
    uint64_t written;
};

static bool read_old(void *arg, uint64_t offset, void *buf, size_t len, struct err *err)
{
    struct input *input = arg;

    (void)err;
    ASSERT(offset <= input->old.len && len <= input->old.len - offset);
    if (len > 0)
        memcpy(buf, input->old.data + offset, len);
    return true;
}

static bool read_patch(void *arg, void *buf, size_t room, size_t *got, struct err *err)
{
    struct input *input = arg;
    size_t left = bytes_left(&input->patch);
    const uint8_t *from;

    (void)err;
    *got = left < room ? left : room;
    from = bytes_take(&input->patch, *got);
    if (from && *got > 0)
        memcpy(buf, from, *got);
    return true;
}

static bool write_new(void *arg, const void *buf, size_t len, struct err *err)
{
    struct input *input = arg;

    (void)buf;
    (void)err;
    input->written += len;
    ASSERT(input->written <= NEW_MAX);
    return true;
}

static void put_u64(uint8_t *at, uint64_t value)
{
    for (int i = 0; i < 8; i++)
        at[i] = (uint8_t)(value >> (8 * i));
}

/* Every chunk's hash in front of the one before it, the first one's in the header. */
static void repair_chain(struct buf *patch)
{
    size_t chunk = DELTA_CHUNK_BYTES_MIN;
    size_t body = patch->len - DELTA_HEADER_BYTES;
    size_t at = body == 0 ? 0 : (body - 1) / chunk * chunk;

    put_u64(patch->data + HEADER_CHUNK_BYTES, chunk); /* the hash behind it is written below */
    for (;; at -= chunk) {
        uint8_t *data = patch->data + DELTA_HEADER_BYTES + at;
        uint8_t hash[HASH_BYTES];

        hash_sha256(data, body - at < chunk ? body - at : chunk, hash);
        memcpy(at == 0 ? patch->data + HEADER_CHUNK_SHA256 : data - chunk, hash, HASH_BYTES);
        if (at == 0)
            return;
    }
}

static void repair(struct buf *patch, size_t old_len)
{
    if (patch->len < DELTA_HEADER_BYTES)
        return;
    put_u64(patch->data + HEADER_OLD_LENGTH, old_len);
    put_u64(patch->data + HEADER_BODY_LENGTH, patch->len - DELTA_HEADER_BYTES);
    repair_chain(patch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes in = bytes_of(data, size);
    size_t old_len = bytes_u16(&in);
    struct input input = {0};
    const struct delta_io io = {
        .arg = &input, .read_old = read_old, .read_patch = read_patch, .write_new = write_new};
    struct delta_limits limits = {.new_length_max = NEW_MAX, .memory_bytes_max = 4 << 20};
    struct delta_header header;
    struct err err = {0};
    AUTO_BUF patch;

    old_len = old_len < bytes_left(&in) ? old_len : bytes_left(&in);
    input.old = bytes_of(bytes_take(&in, old_len), old_len);
    buf_init(&patch, size + 1);
    buf_add(&patch, data + in.pos, size - in.pos);
    repair(&patch, old_len);
    input.patch = bytes_of(patch.data, patch.len);
    limits.old_length = old_len;

    if (delta_apply(&io, &limits, &header, &err))
        ASSERT(input.written == header.new_length);
    else
        ASSERT(err.code == ERR_UNTRUSTED && err.refusal != REFUSAL_NONE);
    return 0;
}
