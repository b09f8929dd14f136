/* A journal's slot, its CRC put right: what is accepted is written again with the same bytes. */
#include <string.h>

#include "lib/base/crc.h"
#include "lib/delta/journal.h"

enum { BEGUN_MAX = 255, ROOM = DELTA_JOURNAL_BYTES + BEGUN_MAX };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void mend(uint8_t *slot, size_t len)
{
    size_t begun = slot[20] < len - DELTA_JOURNAL_BYTES ? slot[20] : len - DELTA_JOURNAL_BYTES;
    uint32_t crc = crc32c(slot + 4, DELTA_JOURNAL_BYTES - 4 + begun);

    for (unsigned i = 0; i < 4; i++)
        slot[i] = (uint8_t)(crc >> 8 * i);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t slot[ROOM] = {0};
    uint8_t again[ROOM];
    size_t len = size < sizeof(slot) ? size : sizeof(slot);
    struct delta_journal journal;
    struct err err = {0};

    memcpy(slot, data, len);
    if (size % 2 == 0 && len >= DELTA_JOURNAL_BYTES)
        mend(slot, len);
    memcpy(again, slot, sizeof(slot));
    if (!delta_journal_read(slot, len, BEGUN_MAX, &journal, &err)) {
        ASSERT(err.code != ERR_NONE);
        return 0;
    }
    ASSERT(journal.begun_bytes <= len - DELTA_JOURNAL_BYTES);
    delta_journal_format(&journal, again);
    ASSERT(memcmp(slot, again, sizeof(slot)) == 0);
    return 0;
}
