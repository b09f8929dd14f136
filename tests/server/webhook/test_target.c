#include "server/webhook/target.h"

#include <criterion/criterion.h>
#include <string.h>

#include "lib/base/mem.h"

Test(webhook_target, is_a_public_https_url)
{
    static const char *const good[] = {"https://hooks.example.org/a?b=c", "https://1.1.1.1:8443/",
                                       "https://[2606:4700::1111]/x", "https://a.example"};
    static const char *const bad[] = {
        "",
        "hooks.example.org",
        "http://hooks.example.org/",
        "ftp://hooks.example.org/",
        "https://localhost/",
        "https://LOCALHOST/",
        "https://a.localhost/",
        "https://intranet/",
        "https://printer.local/",
        "https://metadata.google.internal/",
        "https://127.0.0.1/",
        "https://10.1.2.3/",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://user@hooks.example.org/",
        "https://hooks.example.org/a b",
        "https://hooks.example.org/\n",
    };
    struct err err;

    for (size_t i = 0; i < COUNT(good); i++)
        cr_expect(webhook_target_check(good[i], false, &err), "%s: %s", good[i], err.text);
    for (size_t i = 0; i < COUNT(bad); i++) {
        cr_expect_not(webhook_target_check(bad[i], false, &err), "%s", bad[i]);
        cr_expect_eq(err.code, ERR_INVALID, "%s", bad[i]);
        cr_expect(strstr(err.text, "'url'"), "%s", err.text);
    }
}

Test(webhook_target, may_be_anything_with_a_host_where_the_owner_says_so)
{
    struct err err;

    cr_expect(webhook_target_check("http://127.0.0.1:9/x", true, &err), "%s", err.text);
    cr_expect(webhook_target_check("https://localhost/", true, &err), "%s", err.text);
    cr_expect_not(webhook_target_check("gopher://localhost/", true, &err));
}

Test(webhook_target, has_a_longest_url)
{
    AUTO_FREE char *longest = mem_printf("https://a.example/%0*d", WEBHOOK_URL_MAX - 18, 0);
    AUTO_FREE char *longer = mem_printf("%s0", longest);
    struct err err;

    cr_expect_eq(strlen(longest), WEBHOOK_URL_MAX);
    cr_expect(webhook_target_check(longest, false, &err), "%s", err.text);
    cr_expect_not(webhook_target_check(longer, false, &err));
}
