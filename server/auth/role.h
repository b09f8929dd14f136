#pragma once
/* What an operator may do: a role is a set of actions. A route names the action it needs. */
#include "lib/base/err.h"
#include "server/auth/action.h"

enum role {
    ROLE_READER,
    ROLE_CONTRIBUTOR, /* authors; deletes and approves nothing */
    ROLE_APPROVER,
    ROLE_ADMINISTRATOR,
    ROLE_AUDITOR,
    ROLE_COUNT,
};

const char *role_name(enum role role);
MUST_USE bool role_parse(const char *name, enum role *out);
/* "deploy.create"; "" for ACTION_NONE. */
const char *action_name(enum action action);
/* May somebody with this role do that? The one place where it is decided; no role may do
 * ACTION_NONE. (A token that is narrowed to products and groups is held to them where the object is
 * known, in the transaction of the change: slipway_audit() of the schema.) */
MUST_USE bool role_authorize(enum role role, enum action action, struct err *err);
