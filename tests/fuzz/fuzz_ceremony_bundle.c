/*
 * Bundles come on a stick from anybody. What is accepted formats to a text that is accepted again
 * and formats to itself; every document's bytes are canonical and its hash is theirs.
 */
#include <string.h>

#include "lib/base/text.h"
#include "lib/ceremony/bundle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_documents(const struct bundle *bundle)
{
    for (size_t i = 0; i < bundle->count; i++) {
        const struct bundle_document *document = &bundle->documents[i];
        uint8_t digest[HASH_BYTES];
        char hex[HASH_HEX_ROOM];

        hash_sha256(document->text.data, document->text.len, digest);
        text_from_hex_bytes(digest, sizeof(digest), hex);
        ASSERT(text_equal(hex, document->sha256) && document->version > 0);
        ASSERT(bundle_find(bundle, document->repository, document->role) == document);
    }
}

static void check_round_trip(const struct bundle *bundle)
{
    AUTO_BUNDLE again = {0};
    struct err err = {0};
    AUTO_BUF first;
    AUTO_BUF second;

    buf_init(&first, BUNDLE_BYTES_MAX);
    buf_init(&second, BUNDLE_BYTES_MAX);
    bundle_format(bundle, &first);
    ASSERT(bundle_parse(first.data, first.len, &again, &err));
    bundle_format(&again, &second);
    ASSERT(first.len == second.len && memcmp(first.data, second.data, first.len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_BUNDLE bundle = {0};
    AUTO_JSON *response = NULL;
    struct err err = {0};

    if (bundle_parse(data, size, &bundle, &err)) {
        check_documents(&bundle);
        check_round_trip(&bundle);
    } else {
        ASSERT(err.code != ERR_NONE && err.code != ERR_SYSTEM);
    }
    if (!bundle_response_parse(data, size, &response, &err))
        ASSERT(err.code != ERR_NONE && err.code != ERR_SYSTEM);
    return 0;
}
