#include <criterion/criterion.h>

#include <string.h>

#include "cli/deploy.h"
#include "cli/deploy_body.h"
#include "lib/base/mem.h"
#include "lib/crypto/token.h"
#include "lib/update/place.h"

Test(deploy_phases, are_numbers_and_shares_with_a_percent_sign_and_how_they_end)
{
    static const struct {
        const char *text;
        const char *json; /* NULL: refused */
    } cases[] = {
        {"100%", "[{\"percent\":100}]"},
        {"5%,50%,100%", "[{\"percent\":5},{\"percent\":50},{\"percent\":100}]"},
        {"12.5%,100%", "[{\"percent\":12.5},{\"percent\":100}]"},
        {"", NULL},
        {"3,100%", "[{\"count\":3},{\"percent\":100}]"},
        {"1%:2h,15%:hold,100%",
         "[{\"percent\":1,\"soak_s\":7200},{\"percent\":15,\"advance\":\"manual\"},"
         "{\"percent\":100}]"},
        {"5%:30m:24dh:hold", "[{\"percent\":5,\"soak_s\":1800,\"soak_device_h\":24,"
                             "\"advance\":\"manual\"}]"},
        {"5%:soon", NULL},
        {"5%:dh", NULL},
        {":2h", NULL},
        {"3x", NULL},
        {"-3", NULL},
        {"%", NULL},
        {"5%,", NULL},
        {",5%", NULL},
        {"-5%", NULL},
        {"5%%", NULL},
        {"1e2%", NULL},
        {"nan%", NULL},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO_JSON *phases = NULL;
        struct err err = {0};
        bool good = deploy_parse_phases(cases[i].text, &phases, &err);

        cr_expect_eq(good, cases[i].json != NULL, "'%s'", cases[i].text);
        if (good) {
            AUTO_FREE char *text = json_text(phases);

            cr_expect_str_eq(text, cases[i].json);
        }
    }
}

Test(deploy_time, has_a_unit)
{
    static const struct {
        const char *text;
        uint64_t seconds;
        bool good;
    } cases[] = {
        {"0s", 0, true},     {"90s", 90, true}, {"10m", 600, true},      {"2h", 7200, true},
        {"1d", 86400, true}, {"10", 0, false},  {"s", 0, false},         {"", 0, false},
        {"1.5h", 0, false},  {"-1s", 0, false}, {"99999999d", 0, false},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        uint64_t seconds = 0;
        struct err err = {0};

        cr_expect_eq(deploy_parse_time(cases[i].text, &seconds, &err), cases[i].good, "'%s'",
                     cases[i].text);
        cr_expect_eq(seconds, cases[i].good ? cases[i].seconds : seconds, "'%s'", cases[i].text);
    }
}

Test(deploy_salt, puts_the_named_first_and_as_many_others_as_wished)
{
    uint8_t first[2][32], rest[200][32];
    struct salt_wish wish = {.first = (const uint8_t(*)[32])first,
                             .first_count = 2,
                             .rest = (const uint8_t(*)[32])rest,
                             .rest_count = 200,
                             .share_milli = 5000,
                             .others_min = 5,
                             .others_max = 15};
    char salt[SALT_ROOM];
    size_t others, counted = 0;

    for (size_t i = 0; i < 2; i++)
        memset(first[i], (int)i + 1, 32);
    for (size_t i = 0; i < 200; i++)
        memset(rest[i], (int)i + 3, 32);

    cr_assert(deploy_find_salt(&wish, salt, &others));

    for (size_t i = 0; i < 2; i++)
        cr_expect(place_in_share(place_of(salt, first[i]), 5000));
    for (size_t i = 0; i < 200; i++)
        counted += place_in_share(place_of(salt, rest[i]), 5000);
    cr_expect_eq(counted, others);
    cr_expect(others >= 5 && others <= 15);
}

Test(deploy_salt, gives_up_on_what_cannot_be)
{
    uint8_t first[1][32] = {{1}};
    struct salt_wish wish = {.first = (const uint8_t(*)[32])first,
                             .first_count = 1,
                             .share_milli = 100000,
                             .others_min = 1,
                             .others_max = 2};
    char salt[SALT_ROOM];
    size_t others;

    cr_expect_not(deploy_find_salt(&wish, salt, &others));
}
