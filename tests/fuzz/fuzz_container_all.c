/* The search for all containers, anywhere: streams, disks, and whatever lies in them. */
#include "tests/fuzz/fuzz_container.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct container_input in = {data, size, FUZZ_UNPACKED_MAX};
    struct units found = {0};

    container_find_all(&in, 0, size, &found);
    check_found(&found, size);
    units_done(&found);
    return 0;
}
