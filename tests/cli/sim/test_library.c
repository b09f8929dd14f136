#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "cli/sim/library.h"

Test(library, keeps_the_same_bytes_once)
{
    struct library library;
    struct document *a, *b, *c;

    library_init(&library);
    a = library_take(&library, "one", 3);
    b = library_take(&library, "one", 3);
    c = library_take(&library, "two", 3);

    cr_expect_eq(a, b);
    cr_expect_neq(a, c);
    document_unref(a);
    cr_expect_eq(memcmp(b->data, "one", 3), 0, "the other reference holds it");
    document_unref(b);
    document_unref(c);
    library_done(&library);
}

Test(library, serves_a_named_document_until_it_is_refused)
{
    struct library library;
    struct document *document;

    library_init(&library);
    document = library_take(&library, "one", 3);
    cr_expect_null(library_find(&library, "1.targets.json"));
    library_name(&library, document, "1.targets.json");
    document_unref(document);
    cr_expect_eq(library_find(&library, "1.targets.json"), document);
    cr_expect_null(library_find(&library, "2.targets.json"));

    library_forget_names(&library);
    cr_expect_null(library_find(&library, "1.targets.json"));
    library_done(&library);
}

Test(library, forgets_the_oldest_name_when_there_are_too_many)
{
    struct library library;
    char name[LIBRARY_NAME_ROOM];

    library_init(&library);
    for (int i = 0; i <= LIBRARY_NAMES_MAX; i++) {
        int len = snprintf(name, sizeof(name), "%d.snapshot.json", i);
        struct document *document = library_take(&library, name, (size_t)len);

        library_name(&library, document, name);
        document_unref(document);
    }

    cr_expect_null(library_find(&library, "0.snapshot.json"));
    cr_expect_not_null(library_find(&library, "1.snapshot.json"));
    cr_expect_not_null(library_find(&library, "64.snapshot.json"));
    library_done(&library);
}

Test(library, remembers_checked_signatures)
{
    struct library library;
    const uint8_t digest[HASH_BYTES] = {1, 2, 3};

    library_init(&library);
    cr_expect_not(library_has_seen(&library, digest));
    library_remember(&library, digest);
    cr_expect(library_has_seen(&library, digest));
    library_done(&library);
}
