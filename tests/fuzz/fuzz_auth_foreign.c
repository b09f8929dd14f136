/* Ids are looked for in whatever an operator sent. Each that is found stands there, letter by
 * letter, and there are never more than fit. */
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/text.h"
#include "server/auth/foreign.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct foreign_ids ids = {0};

    foreign_ids_add((const char *)data, size, &ids);
    ASSERT(ids.uuid_count <= FOREIGN_IDS_MAX && ids.hash_count <= FOREIGN_IDS_MAX);
    for (size_t i = 0; i < ids.uuid_count; i++) {
        ASSERT(strlen(ids.uuids[i]) == FOREIGN_UUID_ROOM - 1);
        ASSERT(memmem(data, size, ids.uuids[i], FOREIGN_UUID_ROOM - 1) != NULL);
    }
    for (size_t i = 0; i < ids.hash_count; i++) {
        char hex[2 * FOREIGN_HASH_BYTES + 1];

        text_from_hex_bytes(ids.hashes[i], FOREIGN_HASH_BYTES, hex);
        ASSERT(memmem(data, size, hex, sizeof(hex) - 1) != NULL);
    }
    return 0;
}
