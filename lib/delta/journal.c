#include "lib/delta/journal.h"

#include <string.h>

#include "lib/base/bytes.h"
#include "lib/base/crc.h"

enum { VERSION = 1, SUM_BYTES = 4 };

void delta_journal_format(const struct delta_journal *journal, uint8_t *record)
{
    uint8_t *at = bytes_put(record + SUM_BYTES, VERSION, 1);

    at = bytes_put(at, journal->phase, 1);
    at = bytes_put(at, 0, 2);
    at = bytes_put(at, journal->number, 8);
    at = bytes_put(at, journal->moved, 4);
    at = bytes_put(at, journal->begun_bytes, 4);
    memcpy(at, journal->header_sha256, DELTA_HASH_BYTES);
    at += DELTA_HASH_BYTES;
    if (journal->has_checkpoint)
        memcpy(at, journal->checkpoint, DELTA_CHECKPOINT_BYTES);
    else
        memset(at, 0, DELTA_CHECKPOINT_BYTES);
    (void)bytes_put(
        record, crc32c(record + SUM_BYTES, DELTA_JOURNAL_BYTES - SUM_BYTES + journal->begun_bytes),
        SUM_BYTES);
}

static bool damaged(struct err *err)
{
    return err_refuse(err, REFUSAL_DELTA_FORMAT, "journal record is damaged");
}

static bool is_zero(const uint8_t *data, size_t len)
{
    uint8_t all = 0;

    for (size_t i = 0; i < len; i++)
        all |= data[i];
    return all == 0;
}

bool delta_journal_read(const uint8_t *record, size_t len, uint32_t begun_max,
                        struct delta_journal *out, struct err *err)
{
    struct bytes in = bytes_of(record, len);
    uint32_t sum = bytes_u32(&in);
    unsigned version = bytes_u8(&in);
    unsigned phase = bytes_u8(&in);
    unsigned zero = bytes_u16(&in);
    struct delta_journal journal = {.phase = DELTA_MOVING};
    const uint8_t *hash;
    const uint8_t *checkpoint;

    journal.number = bytes_u64(&in);
    journal.moved = bytes_u32(&in);
    journal.begun_bytes = bytes_u32(&in);
    hash = bytes_take(&in, DELTA_HASH_BYTES);
    checkpoint = bytes_take(&in, DELTA_CHECKPOINT_BYTES);
    if (in.failed || journal.begun_bytes > begun_max || journal.begun_bytes > bytes_left(&in) ||
        sum != crc32c(record + SUM_BYTES, DELTA_JOURNAL_BYTES - SUM_BYTES + journal.begun_bytes))
        return damaged(err);
    if (version != VERSION || zero != 0)
        return err_refuse(err, REFUSAL_DELTA_FORMAT, "journal record is of another version");
    if (phase >= DELTA_PHASE_COUNT)
        return damaged(err);
    journal.phase = (enum delta_phase)phase;
    memcpy(journal.header_sha256, hash, DELTA_HASH_BYTES);
    memcpy(journal.checkpoint, checkpoint, DELTA_CHECKPOINT_BYTES);
    journal.has_checkpoint = !is_zero(checkpoint, DELTA_CHECKPOINT_BYTES);
    if (journal.has_checkpoint && journal.phase != DELTA_WRITING)
        return damaged(err);
    *out = journal;
    return true;
}
