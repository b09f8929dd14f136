#include <criterion/criterion.h>

#include <string.h>

#include "cli/trust/profile.h"
#include "lib/base/text.h"

static bool has_holder(const struct profile *profile, const char *key)
{
    for (const struct profile_holder *holder = profile->holders; holder->folder; holder++) {
        size_t len = strlen(holder->folder);

        if (strncmp(key, holder->folder, len) == 0 && key[len] == '/')
            return true;
    }
    return false;
}

static bool shares(const struct profile_rule *a, const struct profile_rule *b)
{
    for (const char *const *x = a->keys; *x; x++) {
        for (const char *const *y = b->keys; *y; y++) {
            if (text_equal(*x, *y))
                return true;
        }
    }
    return false;
}

Test(profile, can_reach_every_threshold_and_says_who_holds_each_key)
{
    size_t count;
    const struct profile *all = profile_all(&count);

    cr_assert_eq(count, 3);
    for (size_t i = 0; i < count; i++) {
        for (size_t role = 0; role < PROFILE_ROLE_COUNT; role++) {
            const struct profile_rule *rule = &all[i].rules[role];

            cr_expect(rule->threshold >= 1 && rule->threshold <= profile_rule_keys(rule), "%s",
                      all[i].name);
            for (const char *const *key = rule->keys; *key; key++)
                cr_expect(has_holder(&all[i], *key), "%s: %s", all[i].name, *key);
        }
    }
}

Test(profile, never_uses_a_root_key_for_anything_else)
{
    size_t count;
    const struct profile *all = profile_all(&count);

    for (size_t i = 0; i < count; i++) {
        const struct profile_rule *rules = all[i].rules;

        cr_expect_eq(profile_rule_keys(&rules[PROFILE_ROOT]),
                     profile_rule_keys(&rules[PROFILE_DIRECTOR_ROOT]));
        cr_expect_eq(rules[PROFILE_ROOT].threshold, rules[PROFILE_DIRECTOR_ROOT].threshold);
        for (size_t role = PROFILE_ROOT + 1; role < PROFILE_ROLE_COUNT; role++)
            cr_expect_not(shares(&rules[PROFILE_ROOT], &rules[role]), "%s", all[i].name);
        for (size_t role = PROFILE_DIRECTOR_ROOT + 1; role < PROFILE_ROLE_COUNT; role++)
            cr_expect_not(shares(&rules[PROFILE_DIRECTOR_ROOT], &rules[role]), "%s", all[i].name);
    }
}

Test(profile, has_the_numbers_of_the_manual)
{
    static const struct {
        const char *name;
        unsigned keys[PROFILE_ROLE_COUNT];
        unsigned thresholds[PROFILE_ROLE_COUNT];
        bool approvals;
    } cases[] = {
        {"solo", {2, 2, 1, 1}, {1, 1, 1, 1}, false},
        {"team", {3, 3, 3, 2}, {2, 2, 2, 2}, true},
        {"regulated", {5, 5, 3, 3}, {3, 3, 2, 2}, true},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct profile *profile = profile_find(cases[i].name);

        cr_assert(profile, "%s", cases[i].name);
        for (size_t role = 0; role < PROFILE_ROLE_COUNT; role++) {
            cr_expect_eq(profile_rule_keys(&profile->rules[role]), cases[i].keys[role], "%s",
                         cases[i].name);
            cr_expect_eq(profile->rules[role].threshold, cases[i].thresholds[role], "%s",
                         cases[i].name);
        }
        cr_expect_eq(profile->approval_changes, cases[i].approvals);
    }
    cr_expect_null(profile_find("duo"));
}
