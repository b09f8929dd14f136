/*
 * What operators send to be published or signed. What is accepted is within its limits, has safe
 * names, and, for a request, is in canonical form; what is refused leaves nothing behind.
 */
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "server/repo/bundle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_bundle(const struct repo_bundle *bundle, const struct err *err, bool good)
{
    struct err ignored;

    if (!good) {
        ASSERT(bundle->document_count == 0 && bundle->file_count == 0 && !bundle->note);
        ASSERT(err->code == ERR_INVALID || err->code == ERR_LIMIT || err->code == ERR_UNTRUSTED);
        return;
    }
    ASSERT(bundle->document_count > 0 && bundle->document_count <= REPO_BUNDLE_DOCUMENTS_MAX);
    ASSERT(bundle->file_count <= REPO_BUNDLE_FILES_MAX && bundle->note);
    for (size_t i = 0; i < bundle->document_count; i++)
        ASSERT(repo_role_is_named(bundle->documents[i].role, &ignored));
    for (size_t i = 0; i < bundle->file_count; i++)
        ASSERT(tuf_path_is_safe(bundle->files[i].path) &&
               bundle->files[i].bytes.len <= REPO_FILE_BYTES_MAX);
}

static void check_canonical(const struct repo_bundle *bundle)
{
    for (size_t i = 0; i < bundle->document_count; i++) {
        const struct buf *part = &bundle->documents[i].bytes;
        AUTO_JSON *tree = NULL;
        AUTO_BUF form;
        struct err err;

        buf_init(&form, part->len);
        ASSERT(json_parse(part->data, part->len, &json_limits_metadata, &tree, &err));
        ASSERT(json_canonical(tree, &form, &err));
        ASSERT(form.len == part->len && memcmp(form.data, part->data, form.len) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_REPO_BUNDLE publication = {0};
    AUTO_REPO_BUNDLE request = {0};
    AUTO_REPO_SIGNING signing = {0};
    struct err err = {0};

    check_bundle(&publication, &err, repo_bundle_parse_publication(data, size, &publication, &err));
    check_bundle(&request, &err, repo_bundle_parse_request(data, size, &request, &err));
    check_canonical(&request);
    if (!repo_signing_parse(data, size, &signing, &err))
        ASSERT(signing.count == 0);
    for (size_t i = 0; i < signing.count; i++) {
        for (size_t k = 0; k < signing.documents[i].count; k++)
            ASSERT(strlen(signing.documents[i].signatures[k].keyid) == TUF_KEYID_ROOM - 1);
    }
    return 0;
}
