/*
 * A patch and an old image made from the input: two bytes of the old image's length, the old
 * image, then the patch. Lengths and hashes that the fuzzer cannot guess are put right, so that
 * it gets past them; reads outside the old image and results of the wrong length would abort. The
 * body is one frame.
 */
#include <string.h>

#include "lib/crypto/hash.h"
#include "lib/delta/apply.h"

enum { NEW_MAX = 1 << 20, BODY_MAX = DELTA_FRAME_BYTES_MAX };
/* In the header. */
enum { FRAME_MAX_AT = 16, FIRST_FRAME_AT = 20, OLD_LENGTH_AT = 24, BODY_LENGTH_AT = 40 };
enum { OLD_SPACE_AT = 48, FRAME_SHA256_AT = 160, LEVELS_AT = 15 };

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

static bool read_patch(void *arg, uint64_t offset, void *buf, size_t room, size_t *got,
                       struct err *err)
{
    struct input *input = arg;
    size_t left = offset < input->patch.len ? input->patch.len - (size_t)offset : 0;

    (void)err;
    *got = left < room ? left : room;
    if (*got > 0)
        memcpy(buf, input->patch.data + offset, *got);
    return true;
}

static bool write_new(void *arg, uint64_t offset, const void *buf, size_t len, struct err *err)
{
    struct input *input = arg;

    (void)buf;
    (void)err;
    ASSERT(offset == input->written);
    input->written += len;
    ASSERT(input->written <= NEW_MAX);
    return true;
}

static void put(uint8_t *at, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        at[i] = (uint8_t)(value >> (8 * i));
}

static void repair(struct buf *patch, size_t old_len)
{
    size_t body;
    uint8_t *header = patch->data;

    if (patch->len < DELTA_HEADER_BYTES)
        return;
    body = patch->len - DELTA_HEADER_BYTES;
    put(header + FRAME_MAX_AT, BODY_MAX, 4);
    put(header + FIRST_FRAME_AT, body, 4);
    put(header + OLD_LENGTH_AT, old_len, 8);
    put(header + BODY_LENGTH_AT, body, 8);
    if (header[LEVELS_AT] == 0)
        put(header + OLD_SPACE_AT, old_len, 8);
    if (body >= 4) /* the last frame of the last group */
        put(header + DELTA_HEADER_BYTES, UINT32_C(1) << 31, 4);
    hash_sha256(header + DELTA_HEADER_BYTES, body, header + FRAME_SHA256_AT);
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
