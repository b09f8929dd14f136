#pragma once
/* What an operator may do: a role is a set of actions. A route names the action it needs. */
#include "lib/base/base.h"

enum role {
    ROLE_READER,
    ROLE_CONTRIBUTOR,
    ROLE_APPROVER,
    ROLE_ADMINISTRATOR,
    ROLE_AUDITOR,
    ROLE_COUNT,
};

const char *role_name(enum role role);
MUST_USE bool role_parse(const char *name, enum role *out);
/* False for an action that is not in the table, too. */
bool role_may(enum role role, const char *action);
bool role_action_is_known(const char *action);
