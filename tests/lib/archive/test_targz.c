#include "lib/archive/targz.h"

#include <criterion/criterion.h>
#include <string.h>

Test(targz, is_the_same_for_the_same_and_refuses_what_does_not_fit)
{
    char name[TARGZ_NAME_MAX + 2];
    struct targz one, two;
    AUTO_BUF first;
    AUTO_BUF second;
    struct err err;

    buf_init(&first, 1 << 20);
    buf_init(&second, 1 << 20);
    memset(name, 'x', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    targz_init(&one, 8192);
    targz_init(&two, 8192);
    cr_expect(!targz_add(&one, name, "a", 1, 0), "a name of %d bytes", TARGZ_NAME_MAX + 1);
    name[TARGZ_NAME_MAX] = '\0';
    cr_expect(targz_add(&one, name, "a", 1, 7));
    cr_expect(targz_add(&two, name, "a", 1, 7));
    cr_expect(!targz_add(&one, "big", name, 8192, 0), "no room");
    cr_assert(targz_finish(&one, &first, &err), "%s", err.text);
    cr_assert(targz_finish(&two, &second, &err), "%s", err.text);
    cr_expect_eq(first.len, second.len);
    cr_expect_eq(memcmp(first.data, second.data, first.len), 0);
    cr_expect_eq(first.data[0], 0x1f);
    cr_expect_eq(first.data[1], 0x8b);
    targz_done(&one);
    targz_done(&two);
}
