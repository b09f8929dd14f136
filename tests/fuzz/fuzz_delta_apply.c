/*
 * A patch and an old image made from the input: two bytes of the old image's length, the old
 * image, then the patch. Lengths and hashes that the fuzzer cannot guess are put right, so that
 * it gets past them; reads outside the old image and results of the wrong length would abort. The
 * frames stay as long as their heads say, as far as there are bytes.
 */
#include <string.h>

#include "lib/crypto/hash.h"
#include "lib/delta/apply.h"

enum { NEW_MAX = 1 << 20, FRAMES_MAX = 16 };
#define FRAME_LENGTH_MASK UINT32_C(0x7fffffff)
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

static uint32_t get(const uint8_t *at)
{
    struct bytes in = bytes_of(at, 4);

    return bytes_u32(&in);
}

/* Where each frame begins; the last one takes what is left. */
static size_t find_frames(const struct buf *patch, size_t starts[FRAMES_MAX + 1])
{
    size_t at = DELTA_HEADER_BYTES;
    size_t len = get(patch->data + FIRST_FRAME_AT);
    size_t count = 0;

    for (;;) {
        size_t left = patch->len - at;

        starts[count++] = at;
        if (count == FRAMES_MAX || len < DELTA_FRAME_HEAD_BYTES ||
            left < len + DELTA_FRAME_HEAD_BYTES)
            break;
        at += len;
        len = get(patch->data + at - len) & FRAME_LENGTH_MASK;
    }
    starts[count] = patch->len;
    return count;
}

static void repair(struct buf *patch, size_t old_len)
{
    size_t starts[FRAMES_MAX + 1];
    uint8_t *header = patch->data;
    size_t longest = DELTA_FRAME_BYTES_MIN;
    size_t count;

    if (patch->len < DELTA_HEADER_BYTES + 4)
        return;
    count = find_frames(patch, starts);
    /* From the last to the first: each names the next one's bytes. */
    for (size_t i = count; i > 0; i--) {
        uint8_t *head = patch->data + starts[i - 1];
        size_t len = starts[i] - starts[i - 1];
        uint8_t *name = i > 1 ? patch->data + starts[i - 2] + 4 : header + FRAME_SHA256_AT;

        if (i == count)
            put(head, ~FRAME_LENGTH_MASK, 4); /* it ends a group */
        if (i > 1)
            put(name - 4, (get(name - 4) & ~FRAME_LENGTH_MASK) | len, 4);
        else
            put(header + FIRST_FRAME_AT, len, 4);
        hash_sha256(head, len, name);
        longest = len > longest ? len : longest;
    }
    put(header + FRAME_MAX_AT, longest, 4);
    put(header + OLD_LENGTH_AT, old_len, 8);
    put(header + BODY_LENGTH_AT, patch->len - DELTA_HEADER_BYTES, 8);
    if ((header[LEVELS_AT] & 15) == 0)
        put(header + OLD_SPACE_AT, old_len, 8);
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
