#include <criterion/criterion.h>

#include "lib/base/clock.h"
#include "server/auth/tokens.h"
#include "tests/support/api.h"

static bool find(struct auth_tokens *tokens, const char *token, struct auth_token *out,
                 struct err *err)
{
    return auth_tokens_find(tokens, token, clock_now_ms(), out, err);
}

Test(tokens, are_nobodys_before_the_table_was_read)
{
    struct auth_tokens *tokens = auth_tokens_new();
    struct auth_token found;
    struct err err = {0};

    cr_expect_not(auth_tokens_ready(tokens));
    cr_expect_not(find(tokens, "default-reader", &found, &err));
    cr_expect_eq(err.code, ERR_UNAVAILABLE);
    auth_tokens_free(tokens);
}

Test(tokens, are_found_by_digest_with_tenant_and_role)
{
    struct api *api = api_open();
    struct auth_token mine;
    struct auth_token theirs;
    struct err err = {0};

    cr_expect(find(api->worker.tokens, "default-reader", &mine, &err));
    cr_expect(find(api->worker.tokens, "other-administrator", &theirs, &err));
    cr_expect_eq(mine.role, ROLE_READER);
    cr_expect_eq(theirs.role, ROLE_ADMINISTRATOR);
    cr_expect_neq(mine.tenant_id, theirs.tenant_id);
    cr_expect_not(find(api->worker.tokens, "default-reade", &mine, &err));
    cr_expect_eq(err.code, ERR_DENIED);
    cr_expect_not(find(api->worker.tokens, "", &mine, &err));
    cr_expect_not(find(api->worker.tokens, "expired", &mine, &err));
    cr_expect_str_eq(err.text, "the token has expired");
    api_close(api);
}

Test(tokens, follow_the_table_when_it_is_read_again)
{
    struct api *api = api_open();
    struct auth_token found;
    struct err err = {0};

    fixture_sql(&api->fixture, "UPDATE operator_token SET revoked_at = now()"
                               " WHERE digest = sha256('default-reader')");
    fixture_sql(&api->fixture, "INSERT INTO operator_token (tenant_id, digest, name, role)"
                               " SELECT id, sha256('new'), 'new', 'auditor' FROM tenant LIMIT 1");
    auth_tokens_load(api->worker.tokens, api->worker.db);
    auth_tokens_load(api->worker.tokens, api->worker.db); /* while the first is under way */
    while (!find(api->worker.tokens, "new", &found, &err))
        loop_turn(api->worker.loop);

    cr_expect_eq(found.role, ROLE_AUDITOR);
    cr_expect_not(find(api->worker.tokens, "default-reader", &found, &err));
    api_close(api);
}
