/*
 * What an image is made of, as an operator sends it. Beyond not crashing: what is taken has one of
 * the two formats, and no more packages than it has bytes.
 */
#include <string.h>

#include "server/operator/sbom_input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sbom sbom = {0};
    struct err err = {0};

    if (sbom_parse(data, size, &sbom, &err)) {
        ASSERT(strcmp(sbom.format, "spdx") == 0 || strcmp(sbom.format, "cyclonedx") == 0);
        ASSERT(sbom.packages < size && sbom.version[0] != '\0');
        ASSERT(strcmp(sbom_media_type(sbom.format), "application/json") != 0);
    } else {
        ASSERT(err.code == ERR_INVALID || err.code == ERR_LIMIT);
    }
    return 0;
}
