#include "lib/base/refusal.h"

#include <criterion/criterion.h>
#include <string.h>

Test(refusal, every_code_has_a_name_of_its_own_that_leads_back_to_it)
{
    for (int i = 0; i < REFUSAL_COUNT; i++) {
        enum refusal refusal = REFUSAL_COUNT;
        const char *name = refusal_name((enum refusal)i);

        cr_assert(refusal_parse(name, strlen(name), &refusal), "%s", name);
        cr_expect_eq((int)refusal, i, "%s", name);
    }
}

Test(refusal, what_is_no_code_is_refused)
{
    static const char *const names[] = {"", "none", "NON", "NONE ", "HEALTHY", "REFUSAL_HEALTH"};

    for (size_t i = 0; i < COUNT(names); i++) {
        enum refusal refusal = REFUSAL_SPACE;

        cr_expect_not(refusal_parse(names[i], strlen(names[i]), &refusal), "%s", names[i]);
        cr_expect_eq(refusal, REFUSAL_SPACE, "%s", names[i]);
    }
}

/* What a rollout is stopped for is a short list; everything that was sent is the server's. */
Test(refusal, only_the_new_image_s_own_failures_are_the_release_s)
{
    static const enum refusal release[] = {REFUSAL_NONE, REFUSAL_HEALTH, REFUSAL_BOOT_FALLBACK};
    static const enum refusal device[] = {
        REFUSAL_ROOT_LOCAL_INVALID,
        REFUSAL_DELTA_BASE,
        REFUSAL_SPACE,
        REFUSAL_POWER,
        REFUSAL_WINDOW,
        REFUSAL_DEFERRED,
        REFUSAL_SLOT_WRITE,
        REFUSAL_INSTALL_READBACK,
        REFUSAL_TIME_JUMP,
    };
    static const enum refusal nobody[] = {REFUSAL_CANCELLED, REFUSAL_RBAC, REFUSAL_FOUR_EYES,
                                          REFUSAL_DEVICE_MISMATCH};
    enum refusal_blame blames[REFUSAL_COUNT];

    for (size_t i = 0; i < REFUSAL_COUNT; i++)
        blames[i] = BLAME_SERVER;
    for (size_t i = 0; i < COUNT(release); i++)
        blames[release[i]] = BLAME_RELEASE;
    for (size_t i = 0; i < COUNT(device); i++)
        blames[device[i]] = BLAME_DEVICE;
    for (size_t i = 0; i < COUNT(nobody); i++)
        blames[nobody[i]] = BLAME_NOBODY;
    for (size_t i = 0; i < REFUSAL_COUNT; i++)
        cr_expect_eq(refusal_blame((enum refusal)i), blames[i], "%s",
                     refusal_name((enum refusal)i));
}

Test(refusal, blames_are_told_in_the_words_of_verdicts)
{
    cr_expect_str_eq(refusal_blame_name(BLAME_NOBODY), "");
    cr_expect_str_eq(refusal_blame_name(BLAME_RELEASE), "failure");
    cr_expect_str_eq(refusal_blame_name(BLAME_DEVICE), "device");
    cr_expect_str_eq(refusal_blame_name(BLAME_SERVER), "server");
}
