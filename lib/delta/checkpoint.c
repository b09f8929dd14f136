#include "lib/delta/checkpoint.h"

#include <string.h>

#include "lib/base/bytes.h"
#include "lib/base/crc.h"

enum { VERSION = 1, SUM_BYTES = 4 };

static uint64_t get(const uint8_t **at, unsigned bytes)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < bytes; i++)
        value |= (uint64_t) * (*at)++ << (8 * i);
    return value;
}

void delta_checkpoint_format(const struct delta_checkpoint *checkpoint,
                             uint8_t out[DELTA_CHECKPOINT_BYTES])
{
    uint8_t *at = bytes_put(out + SUM_BYTES, VERSION, 2);

    at = bytes_put(at, checkpoint->frame.bytes, 4);
    at = bytes_put(at, checkpoint->verified, 4);
    at = bytes_put(at, checkpoint->frame.offset, 6);
    at = bytes_put(at, checkpoint->new_space_at, 6);
    at = bytes_put(at, checkpoint->image_at, 6);
    memcpy(at, checkpoint->frame.sha256, DELTA_HASH_BYTES);
    (void)bytes_put(out, crc32c(out + SUM_BYTES, DELTA_CHECKPOINT_BYTES - SUM_BYTES), SUM_BYTES);
}

bool delta_checkpoint_read(const uint8_t record[DELTA_CHECKPOINT_BYTES],
                           struct delta_checkpoint *out, struct err *err)
{
    const uint8_t *at = record;
    uint32_t sum = (uint32_t)get(&at, SUM_BYTES);
    unsigned version = (unsigned)get(&at, 2);

    if (sum != crc32c(record + SUM_BYTES, DELTA_CHECKPOINT_BYTES - SUM_BYTES))
        return err_refuse(err, REFUSAL_DELTA_FORMAT, "checkpoint is damaged");
    if (version != VERSION)
        return err_refuse(err, REFUSAL_DELTA_FORMAT, "checkpoint is of another version");
    out->frame.bytes = (uint32_t)get(&at, 4);
    out->verified = (uint32_t)get(&at, 4);
    out->frame.offset = get(&at, 6);
    out->new_space_at = get(&at, 6);
    out->image_at = get(&at, 6);
    memcpy(out->frame.sha256, at, DELTA_HASH_BYTES);
    return true;
}
