/* The body's length comes from the header, so a short file and a long one are both noticed, and
 * which chunk is the last is known without a mark. */
#include "lib/delta/input.h"

#include <string.h>

#include "lib/crypto/hash.h"
#include "lib/delta/apply.h"

static bool read_chunk(struct delta_input *in, size_t size, struct err *err)
{
    size_t len = 0;

    while (len < size) {
        size_t got = 0;

        if (!in->io->read_patch(in->io->arg, in->buf + len, size - len, &got, err))
            return false;
        ASSERT(got <= size - len);
        if (got == 0)
            return err_refuse(err, REFUSAL_DELTA_FORMAT, "patch is cut short");
        len += got;
    }
    return true;
}

bool delta_input_fill(struct delta_input *in, struct err *err)
{
    size_t size = in->left < in->chunk_bytes ? (size_t)in->left : in->chunk_bytes;
    uint8_t found[HASH_BYTES];

    if (in->pos < in->len || size == 0)
        return true;
    if (!read_chunk(in, size, err))
        return false;
    hash_sha256(in->buf, size, found);
    if (!crypto_equal(found, in->next_sha256, sizeof(found)))
        return err_refuse(err, REFUSAL_DELTA_FILE_HASH,
                          "patch is not the one that was named: a chunk has another hash");
    in->left -= size;
    in->pos = 0;
    in->len = size;
    if (in->left > 0) {
        memcpy(in->next_sha256, in->buf, sizeof(in->next_sha256));
        in->pos = sizeof(in->next_sha256);
    }
    return true;
}

bool delta_input_ended(const struct delta_input *in)
{
    return in->pos == in->len && in->left == 0;
}
