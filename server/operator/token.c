/* Operators' tokens: made, listed, revoked. A token is shown in the answer that made it, and never
 * again. */
#include "server/operator/handlers.h"

#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/text.h"
#include "server/auth/operator.h"
#include "server/auth/role.h"
#include "server/operator/input.h"
#include "server/operator/reply.h"
#include "server/store/store_token.h"
#include "server/worker.h"

enum { NARROW_MAX = 64, NAME_MAX_CHARS = 63 };
static const int64_t token_life_ms = 365LL * 24 * 3600 * 1000;
static const int64_t token_life_ms_max = 366LL * 24 * 3600 * 1000;

/* A year at most: one that nobody remembers ends by itself. */
static bool token_life(const json_t *body, int64_t now_ms, int64_t *expires_ms, struct err *err)
{
    *expires_ms = now_ms + token_life_ms;
    if (!json_object_get(body, "expires"))
        return true;
    if (!json_field_time(body, "", "expires", expires_ms, err))
        return false;
    if (*expires_ms <= now_ms || *expires_ms > now_ms + token_life_ms_max)
        return err_set(err, ERR_INVALID, "field 'expires' is not within the next year");
    return true;
}

static bool token_role(const json_t *body, const char **out, struct err *err)
{
    enum role role;

    if (!json_field_text(body, "", "role", NAME_MAX_CHARS, out, err))
        return false;
    return role_parse(*out, &role) ||
           err_set(err, ERR_INVALID,
                   "field 'role' is not reader, contributor, approver, administrator or auditor");
}

/* What people call it: any printable text. */
static bool token_name(const json_t *body, const char **out, struct err *err)
{
    if (!json_field_text(body, "", "name", NAME_MAX_CHARS, out, err))
        return false;
    for (const char *c = *out; *c; c++) {
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            return err_set(err, ERR_INVALID, "field 'name' has a control character");
    }
    return (*out)[0] != '\0' || err_set(err, ERR_INVALID, "field 'name' is empty");
}

static bool uuid_list(const json_t *body, const char *name, const char *out[NARROW_MAX],
                      size_t *count, struct err *err)
{
    json_t *list;

    *count = 0;
    if (!json_object_get(body, name))
        return true;
    if (!json_field_array(body, "", name, NARROW_MAX, &list, err))
        return false;
    if (json_array_size(list) == 0)
        return err_set(err, ERR_INVALID, "field '%s' is empty: leave it out", name);
    for (size_t i = 0; i < json_array_size(list); i++) {
        out[i] = json_string_value(json_array_get(list, i));
        if (!out[i] || !input_is_uuid(out[i]))
            return err_set(err, ERR_INVALID, "field '%s[%zu]' is not a uuid", name, i);
        for (size_t k = 0; k < i; k++) {
            if (text_equal(out[i], out[k]))
                return err_set(err, ERR_INVALID, "field '%s[%zu]' stands there twice", name, i);
        }
    }
    *count = json_array_size(list);
    return true;
}

void on_token_create(struct http_request *req, void *app)
{
    static const char *const fields[] = {"name", "role", "products", "groups", "expires", NULL};
    const struct store_actor actor = operator_actor(req);
    struct worker *worker = app;
    AUTO_JSON *body = NULL;
    const char *products[NARROW_MAX];
    const char *groups[NARROW_MAX];
    struct store_token token = {.actor = &actor, .products = products, .groups = groups};
    char text[TOKEN_OPERATOR_ROOM];
    struct reply *reply;
    struct err err;

    if (!input_object(req, fields, &body, &err) || !token_name(body, &token.name, &err) ||
        !token_role(body, &token.role, &err) ||
        !uuid_list(body, "products", products, &token.product_count, &err) ||
        !uuid_list(body, "groups", groups, &token.group_count, &err) ||
        !token_life(body, clock_now_ms(), &token.expires_ms, &err)) {
        http_answer_error(req, &err);
        return;
    }
    input_new_token(text, &token.secret);
    /* Of four thousand million ids one was taken: the next attempt draws another. */
    reply = reply_new(req, 201, ERR_UNAVAILABLE, "the token's id is taken: ask again");
    reply_set_token(reply, text);
    store_token_create(worker->db, &token, reply_send, reply);
    crypto_wipe(text, sizeof(text));
}

void on_token_list(struct http_request *req, void *app)
{
    struct worker *worker = app;
    struct store_page page;
    struct err err;

    if (!input_page(req, &page, &err)) {
        http_answer_error(req, &err);
        return;
    }
    store_token_list(worker->db, &page, reply_send, reply_list(req));
}

/* "slw_0011aabb" or the eight digits alone. */
void on_token_revoke(struct http_request *req, void *app)
{
    const struct store_actor actor = operator_actor(req);
    struct worker *worker = app;
    const char *id = req->params[0];

    if (text_starts_with(id, TOKEN_OPERATOR_PREFIX))
        id += strlen(TOKEN_OPERATOR_PREFIX);
    store_token_revoke(worker->db, &actor, id, reply_send,
                       reply_new(req, 200, ERR_NOT_FOUND, "there is no such token"));
}
