#pragma once
/*
 * What an image is made of, as an operator sends it: an SPDX 2.2 or 2.3 document, or a CycloneDX
 * 1.2 to 1.6 one, as JSON. Pure: only its form is looked at, and what lists count on.
 */
#include "lib/base/err.h"

enum {
    SBOM_CONTAINERS_MAX = 200000,
    SBOM_DEPTH_MAX = 64,
    SBOM_VERSION_ROOM = 16,
    SBOM_TEXT_MAX = 4096, /* a name or an id */
};

struct sbom {
    const char *format; /* "spdx" or "cyclonedx" */
    char version[SBOM_VERSION_ROOM];
    size_t packages;
};

MUST_USE bool sbom_parse(const void *data, size_t len, struct sbom *out, struct err *err);
/* The media type of a format. */
const char *sbom_media_type(const char *format);
