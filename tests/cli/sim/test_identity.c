#include <criterion/criterion.h>

#include <string.h>

#include "cli/sim/identity.h"
#include "lib/base/mem.h"

static void id_of(const char *seed, uint32_t index, uint8_t out[HASH_BYTES])
{
    AUTO_SIGN_KEY struct sign_key *key = sim_identity_key(seed, index);

    sim_identity_id(key, out);
}

Test(identity, the_same_seed_is_the_same_fleet)
{
    uint8_t a[HASH_BYTES], b[HASH_BYTES];

    id_of("harbour", 7, a);
    id_of("harbour", 7, b);

    cr_assert_arr_eq(a, b, HASH_BYTES);
}

Test(identity, another_seed_or_number_is_another_device)
{
    static const struct {
        const char *seed;
        uint32_t index;
    } cases[] = {{"harbour", 0}, {"harbour", 1}, {"harbour", 11}, {"harbour1", 1}, {"", 0}};
    uint8_t ids[COUNT(cases)][HASH_BYTES];

    for (size_t i = 0; i < COUNT(cases); i++) {
        id_of(cases[i].seed, cases[i].index, ids[i]);
        for (size_t j = 0; j < i; j++)
            cr_expect(memcmp(ids[i], ids[j], HASH_BYTES) != 0, "%zu and %zu", i, j);
    }
}

Test(identity, the_devices_that_fail_are_the_same_every_time_and_about_as_many_as_asked)
{
    struct sim_failure failure = {.version = (char[]){"3.0"}, .percent_milli = 30000};
    unsigned failing = 0;

    for (uint32_t i = 0; i < 1000; i++) {
        uint8_t id[HASH_BYTES];

        hash_blake2b(&i, sizeof(i), id);
        bool fails = sim_identity_fails("1", id, "3.0", &failure);

        failing += fails;
        cr_assert_eq(fails, sim_identity_fails("1", id, "3.0", &failure));
        cr_assert_not(sim_identity_fails("1", id, "2.0", &failure), "another version is healthy");
    }

    cr_assert(failing > 230 && failing < 370, "%u of 1000 at 30 %%", failing);
}

Test(identity, no_device_fails_at_nothing_and_every_one_at_a_hundred_percent)
{
    struct sim_failure none = {.version = (char[]){"3.0"}, .percent_milli = 0};
    struct sim_failure all = {.version = (char[]){"3.0"}, .percent_milli = 100000};

    for (uint32_t i = 0; i < 200; i++) {
        uint8_t id[HASH_BYTES];

        hash_blake2b(&i, sizeof(i), id);
        cr_assert_not(sim_identity_fails("1", id, "3.0", &none));
        cr_assert(sim_identity_fails("1", id, "3.0", &all));
    }
}

Test(identity, which_devices_fail_depends_on_the_seed)
{
    struct sim_failure half = {.version = (char[]){"3.0"}, .percent_milli = 50000};
    unsigned different = 0;

    for (uint32_t i = 0; i < 200; i++) {
        uint8_t id[HASH_BYTES];

        hash_blake2b(&i, sizeof(i), id);
        different +=
            sim_identity_fails("1", id, "3.0", &half) != sim_identity_fails("2", id, "3.0", &half);
    }

    cr_assert_gt(different, 50);
}

Test(failure, is_a_version_and_a_percentage)
{
    static const struct {
        const char *text;
        const char *version;
        uint32_t percent_milli;
    } cases[] = {
        {"3.0=60", "3.0", 60000},   {"3.0=0", "3.0", 0}, {"3.0=100", "3.0", 100000},
        {"a=b=12.5", "a=b", 12500}, {"v=0.001", "v", 1}, {"v=99.999", "v", 99999},
        {"v=100.000", "v", 100000},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct sim_failure failure = {0};
        struct err err = {0};

        cr_assert(sim_failure_parse(cases[i].text, &failure, &err), "%s", cases[i].text);
        cr_expect_str_eq(failure.version, cases[i].version);
        cr_expect_eq(failure.percent_milli, cases[i].percent_milli, "%s", cases[i].text);
        mem_free(failure.version);
    }
}

Test(failure, refuses_what_is_no_percentage)
{
    static const char *const cases[] = {"",        "3.0",  "=50",  "3.0=",     "3.0=101",
                                        "v=100.1", "v=1.", "v=.5", "v=1.0001", "v=-1",
                                        "v=1.2x",  "v=5%", "v= 5", "v=1.2.3"};

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct sim_failure failure = {0};
        struct err err = {0};

        cr_expect_not(sim_failure_parse(cases[i], &failure, &err), "'%s'", cases[i]);
        cr_expect_eq(err.code, ERR_INVALID);
    }
}
