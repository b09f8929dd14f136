#include <criterion/criterion.h>

#include "server/artifact/routes.h"
#include "server/auth/role.h"
#include "server/operator/routes.h"
#include "server/repo/routes.h"

Test(role, allows_what_the_table_says_and_nothing_else)
{
    static const struct {
        enum role role;
        const char *may;     /* one letter for each action it has */
        const char *may_not; /* ... and has not */
    } cases[] = {
        {ROLE_READER, "r", "wdsa"},   {ROLE_CONTRIBUTOR, "rwds", "a"},
        {ROLE_APPROVER, "rs", "wda"}, {ROLE_ADMINISTRATOR, "rwdsa", ""},
        {ROLE_AUDITOR, "r", "wdsa"},
    };
    static const char *const actions[256] = {
        ['r'] = "read", ['w'] = "write", ['d'] = "deploy", ['s'] = "steer", ['a'] = "administer"};

    for (size_t i = 0; i < COUNT(cases); i++) {
        for (const char *c = cases[i].may; *c; c++)
            cr_expect(role_may(cases[i].role, actions[(unsigned char)*c]), "%s %s",
                      role_name(cases[i].role), actions[(unsigned char)*c]);
        for (const char *c = cases[i].may_not; *c; c++)
            cr_expect_not(role_may(cases[i].role, actions[(unsigned char)*c]), "%s %s",
                          role_name(cases[i].role), actions[(unsigned char)*c]);
        cr_expect_not(role_may(cases[i].role, "fly"));
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

Test(role, is_asked_for_a_known_action_by_every_route_of_operators)
{
    static const struct {
        const struct http_route *routes;
        size_t count;
    } tables[] = {{operator_routes, OPERATOR_ROUTE_COUNT},
                  {repo_routes, REPO_ROUTE_COUNT},
                  {artifact_routes, ARTIFACT_ROUTE_COUNT}};

    for (size_t t = 0; t < COUNT(tables); t++) {
        for (size_t i = 0; i < tables[t].count; i++) {
            const struct http_route *route = &tables[t].routes[i];

            if (route->access == ACCESS_OPERATOR)
                cr_expect(route->action && role_action_is_known(route->action), "%s %s",
                          route->method, route->path);
            else
                cr_expect_null(route->action, "%s %s", route->method, route->path);
        }
    }
}
