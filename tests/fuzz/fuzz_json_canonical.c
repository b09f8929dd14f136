/*
 * Strict parsing and the canonical form. What is accepted keeps its canonical form when it is
 * written plainly and parsed again, and that form is never longer than the text (lib/tuf sizes
 * its buffer by that).
 */
#include <string.h>

#include "lib/base/mem.h"
#include "lib/json/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_JSON *tree = NULL;
    AUTO_JSON *again = NULL;
    AUTO_FREE char *plain = NULL;
    AUTO_BUF form;
    AUTO_BUF form_again;
    struct err err = {0};

    buf_init(&form, size);
    buf_init(&form_again, size);
    if (!json_parse(data, size, &json_limits_metadata, &tree, &err)) {
        ASSERT(err.code == ERR_INVALID || err.code == ERR_LIMIT);
        return 0;
    }
    ASSERT(json_canonical(tree, &form, &err));
    plain = json_text(tree);
    ASSERT(json_parse(plain, strlen(plain), &json_limits_metadata, &again, &err));
    ASSERT(json_canonical(again, &form_again, &err));
    ASSERT(form.len == form_again.len && memcmp(form.data, form_again.data, form.len) == 0);
    return 0;
}
