/* A hold needs a reason: who finds a device on an old release wants to know why. */
#include "server/operator/hold_input.h"

#include "server/operator/input.h"

static const int64_t hold_ms_max = 3650LL * 24 * 3600 * 1000;

bool input_reason(const json_t *body, const char *name, const char **out, struct err *err)
{
    const char *text;

    if (!json_field_text(body, "", name, INPUT_REASON_MAX, &text, err))
        return false;
    if (text[0] == '\0')
        return err_set(err, ERR_INVALID, "field '%s' is empty", name);
    for (const char *c = text; *c; c++) {
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            return err_set(err, ERR_INVALID, "field '%s' has a control character", name);
    }
    *out = text;
    return true;
}

bool hold_input_read(const struct http_request *req, int64_t now_ms, json_t **body,
                     struct store_hold *out, struct err *err)
{
    static const char *const fields[] = {"reason", "until", NULL};

    if (!input_object(req, fields, body, err) || !input_reason(*body, "reason", &out->reason, err))
        return false;
    out->until_ms = INT64_MAX;
    if (!json_object_get(*body, "until"))
        return true;
    if (!json_field_time(*body, "", "until", &out->until_ms, err))
        return false;
    return (out->until_ms > now_ms && out->until_ms <= now_ms + hold_ms_max) ||
           err_set(err, ERR_INVALID, "field 'until' is not within the next ten years");
}

bool reason_input_read(const struct http_request *req, json_t **body, const char **reason,
                       struct err *err)
{
    static const char *const fields[] = {"reason", NULL};

    return input_object(req, fields, body, err) && input_reason(*body, "reason", reason, err);
}

bool input_empty(const struct http_request *req, struct err *err)
{
    static const char *const fields[] = {NULL};
    AUTO_JSON *body = NULL;

    return req->body_len == 0 || input_object(req, fields, &body, err);
}
