/* The identity is filled before the role is asked: that is how the front tells 401 from 403. */
#include "server/auth/operator.h"

#include "lib/base/clock.h"
#include "server/auth/tokens.h"
#include "server/guard/guard.h"
#include "server/http/http.h"

bool authenticate_operator(struct http_request *req, const char *token, struct auth_tokens *tokens,
                           struct err *err)
{
    struct auth_token found;

    if (!token)
        return err_set(err, ERR_DENIED, "an operator's token is needed (Authorization: Bearer)");
    if (!auth_tokens_find(tokens, token, clock_now_ms(), &found, err))
        return false;
    req->identity.tenant_id = found.tenant_id;
    req->identity.subject_id = found.id;
    req->identity.role = (int)found.role;
    return role_authorize(found.role, req->route->action, err);
}

struct store_actor operator_actor(const struct http_request *req)
{
    const char *versions = http_header(req, "if-match") ? guard_versions(req) : "";

    return (struct store_actor){
        .tenant_id = req->identity.tenant_id,
        .token_id = req->identity.subject_id,
        .request = versions && versions[0] ? arena_printf(req->arena, "%s %s", req->id, versions)
                                           : req->id};
}
