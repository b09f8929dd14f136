/*
 * Documents as a flat array. What is accepted has a canonical form that is never longer than the
 * text, parses to an equal document with that same form, and is the form jansson's tree gets; and
 * the strict parser of trees accepts it, too, but for its own limit of containers.
 */
#include <string.h>

#include "lib/base/mem.h"
#include "lib/json/flat.h"
#include "lib/json/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_walk(struct flat_value value)
{
    size_t count = 0;

    for (struct flat_value at = flat_first(value); flat_some(at); at = flat_next(at)) {
        ASSERT(!flat_is(value, FLAT_OBJECT) || flat_is(flat_key(at), FLAT_TEXT));
        ASSERT(!flat_is(value, FLAT_ARRAY) || flat_item(value, count).at == at.at);
        check_walk(at);
        count++;
    }
    ASSERT(count == flat_count(value));
}

static void check_again(const struct flat *doc, const struct buf *form)
{
    AUTO_FLAT again = {0};
    AUTO_BUF form_again;
    struct err err = {0};

    buf_init(&form_again, form->len);
    /* A control character may stand raw in the canonical form, but not in strict JSON. */
    for (size_t i = 0; i < form->len; i++) {
        if (form->data[i] < 0x20)
            return;
    }
    ASSERT(flat_parse(form->data, form->len, &flat_limits_metadata, &again, &err));
    ASSERT(flat_equal(flat_root(doc), flat_root(&again)));
    ASSERT(flat_canonical(flat_root(&again), &form_again, &err));
    ASSERT(form->len == form_again.len && memcmp(form->data, form_again.data, form->len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_FLAT doc = {0};
    AUTO_JSON *tree = NULL;
    AUTO_BUF form;
    AUTO_BUF tree_form;
    struct err err = {0};

    buf_init(&form, size);
    buf_init(&tree_form, size);
    if (!flat_parse(data, size, &flat_limits_metadata, &doc, &err)) {
        ASSERT(err.code == ERR_UNTRUSTED || err.code == ERR_LIMIT);
        ASSERT(!doc.nodes && doc.count == 0);
        return 0;
    }
    check_walk(flat_root(&doc));
    ASSERT(flat_canonical(flat_root(&doc), &form, &err));
    check_again(&doc, &form);
    if (!json_parse(data, size, &json_limits_metadata, &tree, &err)) {
        ASSERT(err.code == ERR_LIMIT);
        return 0;
    }
    ASSERT(json_canonical(tree, &tree_form, &err));
    ASSERT(form.len == tree_form.len && memcmp(form.data, tree_form.data, form.len) == 0);
    return 0;
}
