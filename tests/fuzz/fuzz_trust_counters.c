/* The counters' file, whose checksums the fuzzer cannot guess: they are put right for it. What is
 * accepted is written again as the same copy. */
#include "device-client/trust/counters.h"

#include <string.h>

#include "lib/base/crc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t file[COUNTERS_FILE_BYTES];
    struct counters counters;
    struct err err = {0};
    AUTO_BUF again;
    uint8_t *place = file + COUNTERS_COPY_DISTANCE;
    uint32_t crc;

    buf_init(&again, COUNTERS_COPY_DISTANCE);
    memset(file, 0, sizeof(file));
    if (size > COUNTERS_COPY_DISTANCE - 4)
        return 0;
    if (size > 0)
        memcpy(place, data, size);
    crc = crc32c(place, size);
    for (unsigned i = 0; i < 4; i++)
        place[size + i] = (uint8_t)(crc >> (8 * i));
    if (!counters_parse(file, &counters, &err)) {
        ASSERT(err.code == ERR_INVALID);
        return 0;
    }
    counters_format(&counters, &again);
    ASSERT(again.len == size + 4 && memcmp(again.data, place, again.len) == 0);
    return 0;
}
