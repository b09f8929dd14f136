/* Every rule about the form of operators' input that more than one handler needs. */
#include "server/operator/input.h"

#include <inttypes.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"

/* As json_limits_api, but phases may have fractions of a percent. */
static const struct json_limits limits = {
    .bytes_max = 1 << 20,
    .depth_max = 16,
    .containers_max = 20000,
};

bool input_object(const struct http_request *req, const char *const *names, json_t **out,
                  struct err *err)
{
    AUTO_JSON *tree = NULL;

    if (!json_parse(req->body, req->body_len, &limits, &tree, err))
        return err_wrap(err, "body");
    if (!json_is_object(tree))
        return err_set(err, ERR_INVALID, "body: a JSON object is needed");
    if (!json_fields_known(tree, "", names, err))
        return false;
    *out = TAKE(tree);
    return true;
}

static bool is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool input_name(const json_t *object, const char *name, const char *more, const char **out,
                struct err *err)
{
    const char *text;

    if (!json_field_text(object, "", name, INPUT_NAME_MAX, &text, err))
        return false;
    if (text[0] == '\0')
        return err_set(err, ERR_INVALID, "field '%s' is empty", name);
    for (const char *c = text; *c; c++) {
        if (!is_alnum(*c) && !strchr("._-", *c) && !strchr(more, *c))
            return err_set(err, ERR_INVALID, "field '%s' may have letters, digits and '._-%s' only",
                           name, more);
    }
    *out = text;
    return true;
}

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

bool input_is_uuid(const char *text)
{
    if (strlen(text) != INPUT_UUID_LEN)
        return false;
    for (size_t i = 0; i < INPUT_UUID_LEN; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;

        if (dash ? text[i] != '-' : !is_hex(text[i]))
            return false;
    }
    return true;
}

static bool want_uuid(const char *what, const char *text, struct err *err)
{
    if (!input_is_uuid(text))
        return err_set(err, ERR_INVALID, "%s is not a uuid: '%.40s'", what, text);
    return true;
}

bool input_uuid(const json_t *object, const char *name, const char **out, struct err *err)
{
    const char *text;

    if (!json_field_text(object, "", name, INPUT_UUID_LEN, &text, err))
        return false;
    if (!want_uuid("the value", text, err))
        return err_wrap(err, "field '%s'", name);
    *out = text;
    return true;
}

// NOLINTNEXTLINE(readability-function-size): a number is never read without its range
bool input_i64(const json_t *object, const char *name, int64_t min, int64_t max, int64_t *out,
               struct err *err)
{
    uint64_t value;

    ASSERT(min >= 0 && max >= min);
    if (!json_field_u64(object, "", name, (uint64_t)min, (uint64_t)max, &value, err))
        return false;
    *out = (int64_t)value;
    return true;
}

bool input_i64_if(const json_t *object, const char *name, int64_t min, int64_t max, int64_t *out,
                  struct err *err)
{
    return !json_object_get(object, name) || input_i64(object, name, min, max, out, err);
}

void input_new_token(char out[TOKEN_OPERATOR_ROOM], struct store_secret *kept)
{
    token_make_operator(out);
    token_digest(out, strlen(out), kept->digest);
    ASSERT(token_operator_id(out, kept->id));
}

bool input_uuid_param(const struct http_request *req, size_t n, const char **out, struct err *err)
{
    if (!want_uuid("the id in the path", req->params[n], err))
        return false;
    *out = req->params[n];
    return true;
}

bool input_hash_param(const struct http_request *req, size_t n, uint8_t out[HASH_BYTES],
                      struct err *err)
{
    const char *text = req->params[n];

    if (!text_to_hex_bytes(text, strlen(text), out, HASH_BYTES))
        return err_set(err, ERR_INVALID, "the id in the path is not 64 lower-case hex digits");
    return true;
}

bool input_uuid_query(struct http_request *req, const char *name, const char **out, struct err *err)
{
    const char *text = http_query(req, name);

    if (text && !want_uuid("the value", text, err))
        return err_wrap(err, "parameter '%s'", name);
    *out = text;
    return true;
}

bool input_word_query(struct http_request *req, const char *name, const char *const *words,
                      const char **out, struct err *err)
{
    *out = http_query(req, name);
    if (!*out)
        return true;
    for (; *words; words++) {
        if (text_equal(*words, *out))
            return true;
    }
    return err_set(err, ERR_INVALID, "parameter '%s' is not one of its words: '%.40s'", name, *out);
}

bool input_limit(struct http_request *req, int64_t *out, struct err *err)
{
    const char *text = http_query(req, "limit");
    uint64_t value = INPUT_LIMIT_DEFAULT;

    if (text && !text_to_u64(text, strlen(text), 1, INPUT_LIMIT_MAX, &value))
        return err_set(err, ERR_INVALID, "parameter 'limit' is not a number within 1 to %d",
                       INPUT_LIMIT_MAX);
    *out = (int64_t)value;
    return true;
}

bool input_page(struct http_request *req, struct store_page *out, struct err *err)
{
    const char *text = http_query(req, "after");
    uint64_t after = 0;

    if (text && !text_to_u64(text, strlen(text), 0, INT64_MAX, &after))
        return err_set(err, ERR_INVALID, "parameter 'after' is not the 'next' of a page");
    out->tenant_id = req->identity.tenant_id;
    out->after = (int64_t)after;
    return input_limit(req, &out->limit, err);
}
