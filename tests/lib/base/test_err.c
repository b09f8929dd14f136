#include <criterion/criterion.h>

#include <errno.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/err.h"
#include "lib/base/list.h"

Test(err, keeps_code_and_reason_when_context_is_put_in_front)
{
    struct err err = {0};

    cr_expect_not(err_refuse(&err, REFUSAL_TIMESTAMP_ROLLBACK, "version %d is older", 3));
    cr_expect_not(err_wrap(&err, "tenant '%s'", "acme"));

    cr_expect_str_eq(err.text, "tenant 'acme': version 3 is older");
    cr_expect_eq(err.code, ERR_UNTRUSTED);
    cr_expect_eq(err.refusal, REFUSAL_TIMESTAMP_ROLLBACK);
}

Test(err, says_errnos_words_and_knows_what_is_missing)
{
    struct err err = {0};

    errno = ENOENT;
    cr_expect_not(err_system(&err, "could not open '%s'", "x"));
    cr_expect_str_eq(err.text, "could not open 'x': No such file or directory");
    cr_expect_eq(err.code, ERR_NOT_FOUND);
    errno = EIO;
    cr_expect_not(err_system(&err, "disk"));
    cr_expect_eq(err.code, ERR_SYSTEM);
}

Test(err, cuts_long_texts_and_stays_a_string)
{
    struct err err = {0};
    char big[600];

    memset(big, 'a', sizeof(big));
    big[599] = '\0';
    (void)err_set(&err, ERR_INVALID, "%s", big);
    (void)err_wrap(&err, "%s", big);
    cr_expect_eq(strlen(err.text), sizeof(err.text) - 1);
}

Test(refusal, names_are_stable_and_parse_back)
{
    for (unsigned i = 0; i < REFUSAL_COUNT; i++) {
        const char *name = refusal_name((enum refusal)i);
        enum refusal back = REFUSAL_COUNT;

        cr_expect(refusal_parse(name, strlen(name), &back) && back == (enum refusal)i, "%s", name);
    }
    cr_expect_str_eq(refusal_name(REFUSAL_DELTA_BASE), "DELTA_BASE");

    enum refusal none = REFUSAL_COUNT;
    cr_expect_not(refusal_parse("delta_base", 10, &none));
    cr_expect_not(refusal_parse("", 0, &none));
}

Test(arena, gives_zeroed_memory_and_takes_it_back_at_once)
{
    struct arena *arena = arena_new();

    for (int round = 0; round < 3; round++) {
        for (size_t size = 1; size < 20000; size = size * 3 + 1) {
            uint8_t *p = arena_alloc(arena, size);

            cr_expect_eq((uintptr_t)p % 16, 0);
            for (size_t i = 0; i < size; i++)
                cr_assert_eq(p[i], 0);
            memset(p, 0xff, size);
        }
        cr_expect_str_eq(arena_printf(arena, "%s-%d", "a", 1), "a-1");
        arena_reset(arena);
    }
    arena_free(arena);
}

struct item {
    int number;
    struct list link;
};

Test(list, lets_members_leave_while_it_is_walked)
{
    struct item items[4] = {{.number = 0}, {.number = 1}, {.number = 2}, {.number = 3}};
    struct list head;
    int sum = 0;

    list_init(&head);
    for (size_t i = 0; i < COUNT(items); i++)
        list_add(&head, &items[i].link);
    LIST_EACH(at, &head)
    {
        struct item *item = LIST_OF(at, struct item, link);

        if (item->number % 2)
            list_remove(at);
    }
    LIST_EACH(at, &head)
    sum += LIST_OF(at, struct item, link)->number;
    cr_expect_eq(sum, 2);
    list_remove(&items[1].link);
    cr_expect_eq(LIST_OF(list_pop(&head), struct item, link)->number, 0);
    cr_expect_eq(LIST_OF(list_pop(&head), struct item, link)->number, 2);
    cr_expect_null(list_pop(&head));
}
