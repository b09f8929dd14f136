/* A checkpoint's record, its CRC put right: what is accepted is written again with the same bytes.
 */
#include <string.h>

#include "lib/base/crc.h"
#include "lib/delta/checkpoint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t record[DELTA_CHECKPOINT_BYTES] = {0};
    uint8_t again[DELTA_CHECKPOINT_BYTES];
    struct delta_checkpoint checkpoint;
    struct err err = {0};
    uint32_t crc;

    memcpy(record, data, size < sizeof(record) ? size : sizeof(record));
    crc = crc32c(record + 4, sizeof(record) - 4);
    for (unsigned i = 0; i < 4 && size % 2 == 0; i++)
        record[i] = (uint8_t)(crc >> 8 * i);
    if (!delta_checkpoint_read(record, &checkpoint, &err)) {
        ASSERT(err.code != ERR_NONE);
        return 0;
    }
    delta_checkpoint_format(&checkpoint, again);
    ASSERT(memcmp(record, again, sizeof(record)) == 0);
    return 0;
}
