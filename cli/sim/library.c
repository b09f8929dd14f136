/* A list, for there are only as many different documents as the server published lately. */
#include "cli/sim/library.h"

#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"

void library_init(struct library *library)
{
    memset(library, 0, sizeof(*library));
    list_init(&library->documents);
}

struct document *document_ref(struct document *document)
{
    document->refs++;
    return document;
}

void document_unref(struct document *document)
{
    if (!document || --document->refs > 0)
        return;
    list_remove(&document->link);
    mem_free(document->data);
    mem_free(document);
}

void library_forget_names(struct library *library)
{
    for (size_t i = 0; i < COUNT(library->named); i++) {
        if (library->named[i])
            library->named[i]->name[0] = '\0';
        document_unref(TAKE(library->named[i]));
    }
}

void library_done(struct library *library)
{
    library_forget_names(library);
    ASSERT(list_is_empty(&library->documents));
}

struct document *library_take(struct library *library, const void *data, size_t len)
{
    struct document *document;

    LIST_EACH(item, &library->documents)
    {
        document = LIST_OF(item, struct document, link);
        if (document->len == len && memcmp(document->data, data, len) == 0)
            return document_ref(document);
    }
    document = mem_alloc(sizeof(*document));
    document->refs = 1;
    document->data = mem_dup(data, len);
    document->len = len;
    list_add(&library->documents, &document->link);
    return document;
}

struct document *library_find(const struct library *library, const char *name)
{
    for (size_t i = 0; i < COUNT(library->named); i++)
        if (library->named[i] && text_equal(library->named[i]->name, name))
            return library->named[i];
    return NULL;
}

void library_name(struct library *library, struct document *document, const char *name)
{
    struct document **place = &library->named[library->next_named];

    if (document->name[0] || !text_copy(document->name, sizeof(document->name), name))
        return; /* another device was faster; no file of ours has so long a name */
    if (*place)
        (*place)->name[0] = '\0';
    document_unref(*place);
    *place = document_ref(document);
    library->next_named = (library->next_named + 1) % COUNT(library->named);
}

bool library_has_seen(const struct library *library, const uint8_t digest[HASH_BYTES])
{
    for (size_t i = 0; i < COUNT(library->seen); i++)
        if (crypto_equal(library->seen[i], digest, HASH_BYTES))
            return true;
    return false;
}

void library_remember(struct library *library, const uint8_t digest[HASH_BYTES])
{
    memcpy(library->seen[library->next_seen], digest, HASH_BYTES);
    library->next_seen = (library->next_seen + 1) % COUNT(library->seen);
}
