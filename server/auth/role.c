/*
 * One table, action by role. Nothing is deleted through the API yet, so what sets a contributor
 * apart from an administrator is, so far, only who may make tenants.
 */
#include "server/auth/role.h"

#include "lib/base/text.h"

/* clang-format off */
static const char *const names[] = {
    [ROLE_READER]        = "reader",
    [ROLE_CONTRIBUTOR]   = "contributor",
    [ROLE_APPROVER]      = "approver",
    [ROLE_ADMINISTRATOR] = "administrator",
    [ROLE_AUDITOR]       = "auditor",
};
_Static_assert(COUNT(names) == ROLE_COUNT, "every role has a name");

static const struct {
    const char *action;
    bool may[ROLE_COUNT];
} actions[] = {
    /* action      reader contributor approver administrator auditor */
    {"read",       {true,  true,      true,    true,         true}},  /* look at everything */
    {"write",      {false, true,      false,   true,         false}}, /* products to releases */
    {"deploy",     {false, true,      false,   true,         false}}, /* start a deployment */
    {"steer",      {false, true,      true,    true,         false}}, /* pause, resume, abort */
    {"administer", {false, false,     false,   true,         false}}, /* tenants */
};
/* clang-format on */

const char *role_name(enum role role)
{
    ASSERT((unsigned)role < ROLE_COUNT);
    return names[role];
}

bool role_parse(const char *name, enum role *out)
{
    for (size_t i = 0; i < COUNT(names); i++) {
        if (text_equal(names[i], name)) {
            *out = (enum role)i;
            return true;
        }
    }
    return false;
}

bool role_may(enum role role, const char *action)
{
    ASSERT((unsigned)role < ROLE_COUNT);
    for (size_t i = 0; i < COUNT(actions); i++) {
        if (text_equal(actions[i].action, action))
            return actions[i].may[role];
    }
    return false;
}

bool role_action_is_known(const char *action)
{
    for (size_t i = 0; i < COUNT(actions); i++) {
        if (text_equal(actions[i].action, action))
            return true;
    }
    return false;
}
