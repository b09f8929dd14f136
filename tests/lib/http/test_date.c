#include "lib/http/date.h"

#include <criterion/criterion.h>

Test(http_date, has_the_fixed_form)
{
    static const struct {
        int64_t now_ms;
        const char *text;
    } cases[] = {
        {0, "Thu, 01 Jan 1970 00:00:00 GMT"},
        {784111777999, "Sun, 06 Nov 1994 08:49:37 GMT"},
        {951782400000, "Tue, 29 Feb 2000 00:00:00 GMT"},
        {4102444799000, "Thu, 31 Dec 2099 23:59:59 GMT"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        char out[HTTP_DATE_ROOM];

        http_date_format(cases[i].now_ms, out);
        cr_expect_str_eq(out, cases[i].text);
    }
}
