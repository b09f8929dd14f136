/* The last step of every operator's request. */
#include "server/operator/reply.h"

#include <stdarg.h>
#include <stdio.h>

#include "lib/base/mem.h"
#include "lib/json/json.h"
#include "lib/log/log.h"

struct reply {
    struct http_request *req;
    int status;
    const char *token_name;
    const char *token;
    struct err none;
};

struct reply *reply_new(struct http_request *req, int status, enum err_code none, const char *fmt,
                        ...)
{
    struct reply *reply = arena_alloc(req->arena, sizeof(*reply));
    char text[sizeof(reply->none.text)];
    va_list args;
    int len;

    va_start(args, fmt);
    len = vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    ASSERT(len >= 0); /* cut at the end if need be, as every err is */
    (void)err_set(&reply->none, none, "%s", text);
    reply->req = req;
    reply->status = status;
    return reply;
}

struct reply *reply_list(struct http_request *req)
{
    return reply_new(req, 200, ERR_SYSTEM, "the database gave no list");
}

void reply_set_token(struct reply *reply, const char *token)
{
    reply_set_secret(reply, "token", token);
}

void reply_set_secret(struct reply *reply, const char *name, const char *secret)
{
    reply->token_name = name;
    reply->token = arena_strdup(reply->req->arena, secret);
}

static void send_with_token(const struct reply *reply, const char *json)
{
    AUTO_JSON *tree = json_loads(json, 0, NULL);
    AUTO_FREE char *text = NULL;

    ASSERT(tree && json_object_set_new(tree, reply->token_name, json_string(reply->token)) == 0);
    text = json_text(tree);
    http_answer_json(reply->req, reply->status, text);
}

void reply_send(const struct db_result *result, const struct err *err, void *arg)
{
    struct reply *reply = arg;

    if (err) {
        if (err->code == ERR_SYSTEM)
            LOG_ERROR("operator.statement_failed", "request=%s error=%s", reply->req->id,
                      err->text);
        http_answer_error(reply->req, err);
    } else if (db_rows(result) == 0) {
        http_answer_error(reply->req, &reply->none);
    } else if (reply->token) {
        send_with_token(reply, db_text(result, 0, 0));
    } else {
        http_answer_json(reply->req, reply->status, db_text(result, 0, 0));
    }
}
