#include "cli/redact.h"

#include <criterion/criterion.h>
#include <string.h>

#include "lib/base/base.h"

Test(redact, takes_secrets_out_and_leaves_the_rest)
{
    static const struct {
        const char *text;
        const char *clean;
    } cases[] = {
        {"", ""},
        {"level=info device=ab12 sha256=9f86", "level=info device=ab12 sha256=9f86"},
        {"{\"token\":\"abc\",\"name\":\"x\"}", "{\"token\":\"REDACTED\",\"name\":\"x\"}"},
        {"{\"claim_token\" : \"a\\\"b\", \"n\":1}", "{\"claim_token\" : \"REDACTED\", \"n\":1}"},
        {"{\"secrets\":{\"a\":1}}", "{\"secrets\":{\"a\":1}}"},
        {"db.password = hunter2\nport = 5", "db.password = REDACTED\nport = 5"},
        {"DB_PASSWORD=hunter2", "DB_PASSWORD=REDACTED"},
        {"postgres://joe:hunter2@db/x", "postgres://REDACTED@db/x"},
        {"https://db/x@y", "https://db/x@y"},
        {"a Bearer xyz b", "a Bearer REDACTED b"},
        {"Authorization: Bearer xyz", "Authorization: REDACTED"},
        {"revoked slw_12345678_abcdef now", "revoked slw_REDACTED now"},
        {"-----BEGIN PRIVATE KEY-----\nAAA\n-----END PRIVATE KEY-----\nrest", "REDACTED\nrest"},
        {"-----BEGIN X", "REDACTED"},
        {"token", "token"},
        {"token=", "token="},
        {"no token here", "no token here"},
        {"tokens: \"a", "tokens: \"REDACTED"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO_BUF out;

        buf_init(&out, 4096);
        redact_text(cases[i].text, strlen(cases[i].text), &out);
        cr_expect_str_eq(buf_text(&out), cases[i].clean, "%s: %s", cases[i].text, buf_text(&out));
    }
}

Test(redact, changes_nothing_the_second_time)
{
    static const char text[] = "token=a \"secret\":\"b\" x://u:p@h Bearer c slw_1_2";
    AUTO_BUF once;
    AUTO_BUF twice;

    buf_init(&once, 4096);
    buf_init(&twice, 4096);
    redact_text(text, strlen(text), &once);
    redact_text(buf_text(&once), once.len, &twice);
    cr_expect_str_eq(buf_text(&twice), buf_text(&once));
}
