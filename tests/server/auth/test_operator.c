#include <criterion/criterion.h>

#include "tests/support/api.h"

Test(operator, is_401_without_a_token_and_403_without_the_right)
{
    static const struct {
        const char *token;
        const char *method;
        const char *path;
        int status;
    } cases[] = {
        {NULL, "GET", "/api/v1/products", 401},
        {"wrong", "GET", "/api/v1/products", 401},
        {"expired", "GET", "/api/v1/products", 401},
        {"default-reader", "GET", "/api/v1/products", 200},
        {"default-auditor", "GET", "/api/v1/products", 200},
        {"default-reader", "POST", "/api/v1/products", 403},
        {"default-approver", "POST", "/api/v1/products", 403},
        {"default-contributor", "POST", "/api/v1/products", 400}, /* may, but says nothing */
        {"default-reader", "POST", "/api/v1/deployments", 403},
        {"default-reader", "POST", "/api/v1/repo/metadata", 403},
        {"default-reader", "PUT", "/api/v1/images/0", 403},
        {"default-contributor", "GET", "/api/v1/tenants", 403},
        {"default-administrator", "GET", "/api/v1/tenants", 200},
    };
    struct api *api = api_open();

    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO_ANSWER answer = api_send(api, &(struct api_request){.method = cases[i].method,
                                                                 .path = cases[i].path,
                                                                 .token = cases[i].token});

        cr_expect_eq(answer.status, cases[i].status, "%s %s as %s: %d %s", cases[i].method,
                     cases[i].path, cases[i].token ? cases[i].token : "nobody", answer.status,
                     buf_text(&answer.body));
    }
    api_close(api);
}
