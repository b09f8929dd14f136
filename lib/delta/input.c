/* Where frames lie follows from their sizes, which their predecessors' hashes cover; the body's
 * length comes from the header, so a chain that does not fill it is noticed at its end. */
#include "lib/delta/input.h"

#include <string.h>

#include "lib/crypto/hash.h"
#include "lib/delta/apply.h"

#define GROUP_END (UINT32_C(1) << 31)

enum { VARINT_BYTES_MAX = 10 };

static bool refuse(struct err *err, const char *what)
{
    return err_refuse(err, REFUSAL_DELTA_FORMAT, "%s", what);
}

/* NOLINTBEGIN(readability-non-const-parameter): frames are read into `buf` */
void delta_input_init(struct delta_input *in, const struct delta_io *io,
                      const struct delta_header *header, uint8_t *buf)
{
    *in = (struct delta_input){.io = io,
                               .body_length = header->body_length,
                               .frame_bytes_max = header->frame_bytes_max,
                               .next = {.bytes = header->first_frame_bytes},
                               .at_group_end = true,
                               .buf = buf};
    memcpy(in->next.sha256, header->frame_sha256, sizeof(in->next.sha256));
}
/* NOLINTEND(readability-non-const-parameter) */

static bool check_next(const struct delta_input *in, struct err *err)
{
    const struct delta_frame *next = &in->next;

    if (next->bytes > in->frame_bytes_max || next->offset > in->body_length ||
        next->bytes > in->body_length - next->offset || next->bytes < sizeof(uint32_t))
        return refuse(err, "patch names an impossible frame");
    return true;
}

bool delta_input_go(struct delta_input *in, const struct delta_frame *frame, struct err *err)
{
    in->next = *frame;
    in->at_group_end = true;
    in->pos = in->len = 0;
    return check_next(in, err);
}

static bool read_bytes(struct delta_input *in, size_t size, struct err *err)
{
    size_t len = 0;

    while (len < size) {
        size_t got = 0;

        if (!in->io->read_patch(in->io->arg, DELTA_HEADER_BYTES + in->next.offset + len,
                                in->buf + len, size - len, &got, err))
            return false;
        ASSERT(got <= size - len);
        if (got == 0)
            return refuse(err, "patch is cut short");
        len += got;
    }
    return true;
}

/* From the verified frame in the buffer: what comes after it. */
static bool read_head(struct delta_input *in, struct err *err)
{
    struct bytes head = bytes_of(in->buf, in->len);
    uint32_t word = bytes_u32(&head);
    const uint8_t *hash = NULL;

    in->at_group_end = (word & GROUP_END) != 0;
    in->next.offset += in->next.bytes;
    in->next.bytes = word & ~GROUP_END;
    if (in->next.bytes > 0) {
        hash = bytes_take(&head, DELTA_HASH_BYTES);
        if (!hash)
            return refuse(err, "patch frame is cut short");
        memcpy(in->next.sha256, hash, DELTA_HASH_BYTES);
    } else if (!in->at_group_end || in->next.offset != in->body_length) {
        return refuse(err, "patch's last frame does not end it");
    }
    in->pos = head.pos;
    return true;
}

static bool read_frame(struct delta_input *in, struct err *err)
{
    uint8_t found[HASH_BYTES];

    if (!check_next(in, err) || !read_bytes(in, in->next.bytes, err))
        return false;
    hash_sha256(in->buf, in->next.bytes, found);
    if (!crypto_equal(found, in->next.sha256, sizeof(found)))
        return err_refuse(err, REFUSAL_DELTA_FILE_HASH,
                          "patch is not the one that was named: a frame has another hash");
    in->len = in->next.bytes;
    return read_head(in, err);
}

bool delta_input_next_group(struct delta_input *in, struct err *err)
{
    if (!delta_input_group_ended(in))
        return refuse(err, "patch group has bytes left over");
    if (in->next.bytes == 0)
        return refuse(err, "patch ends before the image does");
    return read_frame(in, err);
}

bool delta_input_fill(struct delta_input *in, struct err *err)
{
    /* A frame may hold nothing but its head; each is longer than its head's first word, so the
     * body's length bounds the loop. */
    while (in->pos == in->len && !in->at_group_end)
        if (!read_frame(in, err))
            return false;
    return true;
}

bool delta_input_group_ended(const struct delta_input *in)
{
    return in->pos == in->len && in->at_group_end;
}

bool delta_input_ended(const struct delta_input *in)
{
    return delta_input_group_ended(in) && in->next.bytes == 0;
}

bool delta_input_byte(struct delta_input *in, uint8_t *out, struct err *err)
{
    if (!delta_input_fill(in, err))
        return false;
    if (in->pos == in->len)
        return refuse(err, "patch group is cut short");
    *out = in->buf[in->pos++];
    return true;
}

bool delta_input_varint(struct delta_input *in, uint64_t *out, struct err *err)
{
    uint8_t text[VARINT_BYTES_MAX] = {0};
    struct bytes bytes;
    size_t len = 0;

    do {
        if (len == sizeof(text))
            return refuse(err, "patch group has a malformed number");
        if (!delta_input_byte(in, &text[len], err))
            return false;
    } while (text[len++] & 128);
    bytes = bytes_of(text, len);
    *out = bytes_varint(&bytes);
    return !bytes.failed || refuse(err, "patch group has a malformed number");
}

bool delta_input_bytes(struct delta_input *in, uint8_t *out, size_t len, struct err *err)
{
    for (size_t i = 0; i < len; i++)
        if (!delta_input_byte(in, &out[i], err))
            return false;
    return true;
}
