/* A trust anchors file: what is accepted keeps to its bounds, and a question to it ends. */
#include "device-client/trust/anchors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct anchors anchors;
    static uint8_t pins[ANCHORS_PINS_ALL_MAX][HASH_BYTES];
    struct err err = {0};

    if (!anchors_parse(data, size, &anchors, &err)) {
        ASSERT(err.refusal == REFUSAL_ANCHORS_FORMAT && anchors.set_count == 0);
        return 0;
    }
    ASSERT(anchors.version > 0 && anchors.set_count >= 1);
    ASSERT(anchors.set_count <= 1 + ANCHORS_NEXT_MAX);
    ASSERT(anchors_pins(&anchors, INT64_MAX, pins) >= anchors_pins(&anchors, 0, pins));
    for (size_t i = 0; i < anchors.set_count; i++)
        ASSERT(!anchors.sets[i].has_time_key ||
               anchors_time_key(&anchors, anchors.sets[i].time_keyid));
    return 0;
}
