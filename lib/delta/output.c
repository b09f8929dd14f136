/* Blocks that a checkpoint calls verified are made again after a restart, compared again, and not
 * written again. */
#include "lib/delta/output.h"

#include <string.h>

#include "lib/delta/apply.h"

static bool wrong(struct err *err, uint64_t block)
{
    return err_refuse(err, REFUSAL_DELTA_RESULT_HASH,
                      "patch did not give the image that it names: block %llu differs",
                      (unsigned long long)block);
}

static bool check_block(struct delta_output *out, struct err *err)
{
    uint64_t block = (out->at - 1) / DELTA_BLOCK_BYTES;
    uint8_t found[HASH_BYTES];
    const uint8_t *named;

    sha256_end(out->block, found);
    sha256_restart(out->block);
    if (out->hash_bytes == 0) { /* then only the whole image tells */
        out->verified = out->verified < block + 1 ? block + 1 : out->verified;
        return true;
    }
    if (out->hash_next == out->hash_count)
        return err_refuse(err, REFUSAL_DELTA_FORMAT, "patch group lacks a block's hash");
    named = out->hashes + (size_t)out->hash_next++ * out->hash_bytes;
    if (!crypto_equal(found, named, out->hash_bytes))
        return wrong(err, block);
    if (out->verified < block + 1)
        out->verified = block + 1;
    return true;
}

/* What is in the buffer and not yet dealt with. */
static bool flush(struct delta_output *out, struct err *err)
{
    size_t fill = (size_t)((out->at - 1) % out->room) + 1;
    uint64_t base = out->at - fill;
    bool ends = out->at % DELTA_BLOCK_BYTES == 0 || out->at == out->image_length;
    bool known = base / DELTA_BLOCK_BYTES < out->verified;

    sha256_add(out->whole, out->buf + out->hashed, fill - out->hashed);
    sha256_add(out->block, out->buf + out->hashed, fill - out->hashed);
    out->hashed = fill;
    if (ends && !check_block(out, err))
        return false;
    if (!known && fill > out->written &&
        !out->io->write_new(out->io->arg, base + out->written, out->buf + out->written,
                            fill - out->written, err))
        return false;
    out->written = fill;
    if (fill == out->room)
        out->hashed = out->written = 0;
    return true;
}

void delta_output_group(struct delta_output *out, uint32_t count)
{
    out->hash_count = count;
    out->hash_next = 0;
}

bool delta_output_write(struct delta_output *out, const uint8_t *data, size_t len, struct err *err)
{
    if (len > out->image_length - out->at)
        return err_refuse(err, REFUSAL_DELTA_FORMAT, "patch writes past the new image's end");
    while (len > 0) {
        size_t at = (size_t)(out->at % out->room);
        size_t some = len < out->room - at ? len : out->room - at;

        memcpy(out->buf + at, data, some);
        data += some;
        len -= some;
        out->at += some;
        if ((out->at % out->room == 0 || out->at == out->image_length) && !flush(out, err))
            return false;
    }
    return true;
}

bool delta_output_group_end(struct delta_output *out, struct err *err)
{
    if (out->at % out->room != 0 && out->at != out->image_length && !flush(out, err))
        return false;
    return out->hash_next == out->hash_count ||
           err_refuse(err, REFUSAL_DELTA_FORMAT, "patch group has a block's hash too many");
}

/* The hashes want the bytes that are there already, too. */
bool delta_output_resume(struct delta_output *out, uint64_t at, uint64_t verified, struct err *err)
{
    uint64_t block_start = at - at % DELTA_BLOCK_BYTES;

    if (at > out->image_length ||
        verified > (out->image_length + DELTA_BLOCK_BYTES - 1) / DELTA_BLOCK_BYTES)
        return err_refuse(err, REFUSAL_DELTA_FORMAT, "checkpoint lies outside the image");
    while (out->at < at) {
        /* No piece crosses into the block that is begun. */
        uint64_t end = out->at < block_start ? block_start : at;
        size_t some = end - out->at < out->room ? (size_t)(end - out->at) : out->room;

        if (!out->io->read_new(out->io->arg, out->at, out->buf, some, err))
            return false;
        sha256_add(out->whole, out->buf, some);
        if (out->at >= block_start)
            sha256_add(out->block, out->buf, some);
        out->at += some;
    }
    out->hashed = out->written = (size_t)(at % out->room);
    out->verified = verified;
    return true;
}

bool delta_output_finish(struct delta_output *out, const uint8_t *sha256, struct err *err)
{
    uint8_t found[HASH_BYTES];

    if (out->at != out->image_length)
        return err_refuse(err, REFUSAL_DELTA_FORMAT, "patch ends before the image does");
    sha256_end(out->whole, found);
    return crypto_equal(found, sha256, sizeof(found)) ||
           err_refuse(err, REFUSAL_DELTA_RESULT_HASH, "patch did not give the image that it names");
}
