/* One table, action by role: who may do what is read off here and nowhere else. */
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
    const char *name;
    bool may[ROLE_COUNT];
} actions[] = {
    /*                                             reader contributor approver administrator auditor */
    [ACTION_NONE]            = {"",                {false, false,      false,   false,        false}},
    [ACTION_READ]            = {"read",            {true,  true,       true,    true,         true}},
    [ACTION_PRODUCT_WRITE]   = {"product.write",   {false, true,       false,   true,         false}},
    [ACTION_GROUP_WRITE]     = {"group.write",     {false, true,       false,   true,         false}},
    [ACTION_GROUP_DELETE]    = {"group.delete",    {false, false,      false,   true,         false}},
    [ACTION_DEVICE_WRITE]    = {"device.write",    {false, true,       false,   true,         false}},
    [ACTION_DEVICE_REMOVE]   = {"device.remove",   {false, false,      false,   true,         false}},
    [ACTION_FREEZE_WRITE]    = {"freeze.write",    {false, false,      true,    true,         false}},
    [ACTION_CAPABILITY_ISSUE] = {"capability.issue", {false, false,    false,   true,         false}},
    [ACTION_COMPONENT_WRITE] = {"component.write", {false, true,       false,   true,         false}},
    [ACTION_CLAIM_WRITE]     = {"claim.write",     {false, true,       false,   true,         false}},
    [ACTION_IMAGE_UPLOAD]    = {"image.upload",    {false, true,       false,   true,         false}},
    [ACTION_RELEASE_WRITE]   = {"release.write",   {false, true,       false,   true,         false}},
    [ACTION_DEPLOY_CREATE]   = {"deploy.create",   {false, true,       false,   true,         false}},
    [ACTION_DEPLOY_STEER]    = {"deploy.steer",    {false, true,       true,    true,         false}},
    [ACTION_DEPLOY_APPROVE]  = {"deploy.approve",  {false, false,      true,    true,         false}},
    [ACTION_ISSUE_STEER]     = {"issue.steer",     {false, true,       true,    true,         false}},
    [ACTION_ATTACHMENT_READ] = {"attachment.read", {false, true,       false,   true,         false}},
    [ACTION_SYMBOLS_WRITE]   = {"symbols.write",   {false, true,       false,   true,         false}},
    [ACTION_WEBHOOK_WRITE]  = {"webhook.write",   {false, true,       false,   true,         false}},
    [ACTION_WEBHOOK_REMOVE] = {"webhook.remove",  {false, false,      false,   true,         false}},
    [ACTION_REPO_PUBLISH]    = {"repo.publish",    {false, true,       false,   true,         false}},
    [ACTION_REPO_REQUEST]    = {"repo.request",    {false, true,       false,   true,         false}},
    [ACTION_REPO_SIGN]       = {"repo.sign",       {false, true,       true,    true,         false}},
    [ACTION_REPO_APPROVE]    = {"repo.approve",    {false, false,      true,    true,         false}},
    [ACTION_TENANT_MANAGE]   = {"tenant.manage",   {false, false,      false,   true,         false}},
    [ACTION_TENANT_SETTINGS] = {"tenant.settings", {false, false,      false,   true,         false}},
    [ACTION_TOKEN_MANAGE]    = {"token.manage",    {false, false,      false,   true,         false}},
    [ACTION_AUDIT_READ]      = {"audit.read",      {false, false,      false,   true,         true}},
};
/* clang-format on */
_Static_assert(COUNT(actions) == ACTION_COUNT, "every action has its row");

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

const char *action_name(enum action action)
{
    ASSERT((unsigned)action < ACTION_COUNT && actions[action].name);
    return actions[action].name;
}

bool role_authorize(enum role role, enum action action, struct err *err)
{
    ASSERT((unsigned)role < ROLE_COUNT && (unsigned)action < ACTION_COUNT);
    if (actions[action].may[role])
        return true;
    (void)err_set(err, ERR_DENIED, "the role '%s' may not '%s'", role_name(role),
                  action_name(action));
    err->refusal = REFUSAL_RBAC;
    return false;
}
