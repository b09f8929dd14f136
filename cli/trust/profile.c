/*
 * Three tables, and nothing that decides. The director's root has as many keys and the same
 * threshold as root, but never the same keys: a document of one must not be worth anything in the
 * other.
 */
#include "cli/trust/profile.h"

#include "lib/base/text.h"

/* clang-format off */
static const struct profile profiles[] = {
    {
        .name = "solo",
        .summary = "one or two people: root 1 of 2 (a file and a paper key), releases by one key",
        .rules = {
            [PROFILE_ROOT]          = {1, {"owner/root", "paper/root"}},
            [PROFILE_DIRECTOR_ROOT] = {1, {"owner/director-root", "paper/director-root"}},
            [PROFILE_TARGETS]       = {1, {"ci/release"}},
            [PROFILE_OS]            = {1, {"ci/release"}},
        },
        .holders = {
            {"owner", "keep it on a stick or token, not on the build machine"},
            {"paper", "print both lines, lock them away, delete the folder: your way back when a disk dies"},
            {"ci", "stays where releases are signed"},
        },
    },
    {
        .name = "team",
        .summary = "a handful of people: root 2 of 3, releases by the build machine and one person",
        .rules = {
            [PROFILE_ROOT]          = {2, {"root-1/root", "root-2/root", "root-3/root"}},
            [PROFILE_DIRECTOR_ROOT] = {2, {"root-1/director-root", "root-2/director-root", "root-3/director-root"}},
            [PROFILE_TARGETS]       = {2, {"root-1/targets", "root-2/targets", "root-3/targets"}},
            [PROFILE_OS]            = {2, {"ci/os", "human/os"}},
        },
        .holders = {
            {"root-1", "goes to the first of three people; signs about once a year"},
            {"root-2", "goes to the second"},
            {"root-3", "goes to the third, or on paper into a safe"},
            {"ci", "stays on the build machine; signs every release"},
            {"human", "goes to the person who releases; signs every release too"},
        },
        .approval_devices = 100,
        .approval_changes = true,
    },
    {
        .name = "regulated",
        .summary = "an audited organisation: root 3 of 5, targets 2 of 3, releases 2 of 3",
        .rules = {
            [PROFILE_ROOT]          = {3, {"root-1/root", "root-2/root", "root-3/root", "root-4/root", "root-5/root"}},
            [PROFILE_DIRECTOR_ROOT] = {3, {"root-1/director-root", "root-2/director-root", "root-3/director-root", "root-4/director-root", "root-5/director-root"}},
            [PROFILE_TARGETS]       = {2, {"targets-1/targets", "targets-2/targets", "targets-3/targets"}},
            [PROFILE_OS]            = {2, {"release-1/os", "release-2/os", "release-3/os"}},
        },
        .holders = {
            {"root-1", "a root ceremony needs three of these five"},
            {"root-2", "to another person, in another place"},
            {"root-3", "to another person, in another place"},
            {"root-4", "to another person, in another place"},
            {"root-5", "on paper into a safe"},
            {"targets-1", "two of these three say who may sign for which hardware"},
            {"targets-2", "to another person"},
            {"targets-3", "to another person"},
            {"release-1", "two of these three sign every release"},
            {"release-2", "to another release engineer"},
            {"release-3", "to another release engineer"},
        },
        .approval_devices = 10,
        .approval_changes = true,
    },
};
/* clang-format on */

const struct profile *profile_find(const char *name)
{
    for (size_t i = 0; i < COUNT(profiles); i++) {
        if (text_equal(profiles[i].name, name))
            return &profiles[i];
    }
    return NULL;
}

const struct profile *profile_all(size_t *count)
{
    *count = COUNT(profiles);
    return profiles;
}

size_t profile_rule_keys(const struct profile_rule *rule)
{
    size_t count = 0;

    while (rule->keys[count])
        count++;
    return count;
}
