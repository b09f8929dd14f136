#include "server/http/file.h"

#include <criterion/criterion.h>

Test(http_file, sends_what_the_preconditions_ask_for)
{
    static const struct {
        const char *range;
        const char *if_range;
        const char *if_none_match;
        enum http_method method;
        int status;
        uint64_t first;
        uint64_t length;
    } cases[] = {
        {NULL, NULL, NULL, HTTP_GET, 200, 0, 100},
        {"bytes=10-19", NULL, NULL, HTTP_GET, 206, 10, 10},
        {"bytes=-10", NULL, NULL, HTTP_GET, 206, 90, 10},
        {"bytes=0-1,5-6", NULL, NULL, HTTP_GET, 200, 0, 100},
        {"bytes=100-", NULL, NULL, HTTP_GET, 416, 0, 0},
        {"bytes=10-19", "\"tag\"", NULL, HTTP_GET, 206, 10, 10},
        {"bytes=10-19", "\"old\"", NULL, HTTP_GET, 200, 0, 100},
        {"bytes=10-19", "W/\"tag\"", NULL, HTTP_GET, 200, 0, 100},
        {"bytes=100-", "\"old\"", NULL, HTTP_GET, 200, 0, 100},
        {NULL, NULL, "\"tag\"", HTTP_GET, 304, 0, 0},
        {"bytes=10-19", NULL, "\"tag\"", HTTP_GET, 304, 0, 0},
        {"bytes=10-19", NULL, "\"old\"", HTTP_GET, 206, 10, 10},
        {NULL, NULL, "*", HTTP_HEAD, 304, 0, 0},
        {"bytes=10-19", NULL, NULL, HTTP_HEAD, 200, 0, 100},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct http_header headers[3];
        struct http_head head = {.method = cases[i].method, .headers = headers};
        struct http_file_plan plan;

        if (cases[i].range)
            headers[head.header_count++] = (struct http_header){"range", cases[i].range};
        if (cases[i].if_range)
            headers[head.header_count++] = (struct http_header){"if-range", cases[i].if_range};
        if (cases[i].if_none_match)
            headers[head.header_count++] =
                (struct http_header){"if-none-match", cases[i].if_none_match};
        plan = http_file_plan(&head, 100, "tag");
        cr_expect_eq(plan.status, cases[i].status, "%zu", i);
        cr_expect_eq(plan.first, cases[i].first, "%zu", i);
        cr_expect_eq(plan.length, cases[i].length, "%zu", i);
    }
}
