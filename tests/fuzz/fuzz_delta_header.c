/* A patch's header: whatever is accepted is written again with the same bytes. */
#include <string.h>

#include "lib/delta/apply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes in = bytes_of(data, size);
    struct delta_header header;
    struct err err = {0};
    AUTO_BUF again;

    buf_init(&again, DELTA_HEADER_BYTES);
    if (!delta_header_read(&in, &header, &err)) {
        ASSERT(err.refusal == REFUSAL_DELTA_FORMAT);
        return 0;
    }
    delta_header_format(&header, &again);
    ASSERT(again.len == DELTA_HEADER_BYTES && memcmp(again.data, data, again.len) == 0);
    ASSERT(delta_memory_bytes(&header) < UINT64_C(1) << 32);
    return 0;
}
