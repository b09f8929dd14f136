#include <string.h>

#include <criterion/criterion.h>

#include "server/auth/role.h"
#include "server/routes.h"

Test(role, allows_what_the_design_says_and_nothing_else)
{
    /* The letter of each role that may: reader, contributor, approver, administrator, auDitor. */
    static const char *const expected[] = {
        [ACTION_NONE] = "",
        [ACTION_READ] = "rcpad",
        [ACTION_PRODUCT_WRITE] = "ca",
        [ACTION_GROUP_WRITE] = "ca",
        [ACTION_GROUP_DELETE] = "a",
        [ACTION_DEVICE_WRITE] = "ca",
        [ACTION_DEVICE_REMOVE] = "a",
        [ACTION_FREEZE_WRITE] = "pa",
        [ACTION_CAPABILITY_ISSUE] = "a",
        [ACTION_COMPONENT_WRITE] = "ca",
        [ACTION_CLAIM_WRITE] = "ca",
        [ACTION_IMAGE_UPLOAD] = "ca",
        [ACTION_RELEASE_WRITE] = "ca",
        [ACTION_DEPLOY_CREATE] = "ca",
        [ACTION_DEPLOY_STEER] = "cpa",
        [ACTION_DEPLOY_APPROVE] = "pa",
        [ACTION_ISSUE_STEER] = "cpa",
        [ACTION_ATTACHMENT_READ] = "ca",
        [ACTION_SYMBOLS_WRITE] = "ca",
        [ACTION_WEBHOOK_WRITE] = "ca",
        [ACTION_WEBHOOK_REMOVE] = "a",
        [ACTION_REPO_PUBLISH] = "ca",
        [ACTION_REPO_REQUEST] = "ca",
        [ACTION_REPO_SIGN] = "cpa",
        [ACTION_REPO_APPROVE] = "pa",
        [ACTION_TENANT_MANAGE] = "a",
        [ACTION_TENANT_SETTINGS] = "a",
        [ACTION_TOKEN_MANAGE] = "a",
        [ACTION_AUDIT_READ] = "ad",
    };
    static const char letters[] = "rcpad";

    cr_assert_eq(COUNT(expected), ACTION_COUNT);
    for (int action = 0; action < ACTION_COUNT; action++) {
        for (int role = 0; role < ROLE_COUNT; role++) {
            struct err err = {0};
            bool may = role_authorize((enum role)role, (enum action)action, &err);

            cr_expect_eq(may, strchr(expected[action], letters[role]) != NULL, "%s %s",
                         role_name((enum role)role), action_name((enum action)action));
            cr_expect_eq(err.code, may ? ERR_NONE : ERR_DENIED);
            cr_expect_eq(err.refusal, may ? REFUSAL_NONE : REFUSAL_RBAC);
        }
    }
}

Test(role, has_names_that_parse_to_itself)
{
    enum role role;

    for (int i = 0; i < ROLE_COUNT; i++) {
        cr_expect(role_parse(role_name((enum role)i), &role));
        cr_expect_eq((int)role, i);
    }
    cr_expect_not(role_parse("root", &role));
    cr_expect_not(role_parse("", &role));
}

Test(role, is_asked_by_every_route_of_operators_and_by_no_other)
{
    for (size_t t = 0; route_tables[t]; t++) {
        for (size_t i = 0; i < route_counts[t]; i++) {
            const struct http_route *route = &route_tables[t][i];

            cr_expect_eq(route->access == ACCESS_OPERATOR, route->action != ACTION_NONE, "%s %s",
                         route->method, route->path);
            cr_expect_lt((unsigned)route->action, ACTION_COUNT, "%s %s", route->method,
                         route->path);
        }
    }
}
