/* Devices as they are looked at: one, and lists by what is known of them. */
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "server/operator/filter_input.h"
#include "server/operator/handlers.h"
#include "server/operator/input.h"
#include "server/operator/reply.h"
#include "server/operator/tags_input.h"
#include "server/store/store_device_view.h"
#include "server/worker.h"

enum { DEVICE_WORDS_MAX = 100, DEVICE_PREFIX_MIN = 4 };

/* "name=value" as {"name": "value"}, in the arena. */
static bool pair_query(struct http_request *req, const char *parameter, const char **out,
                       struct err *err)
{
    const char *text = http_query(req, parameter);
    const char *value = text ? strchr(text, '=') : NULL;
    AUTO_FREE char *json = NULL;
    AUTO_JSON *tree = NULL;

    if (!text)
        return true;
    if (!value || value == text)
        return err_set(err, ERR_INVALID, "parameter '%s' is not a NAME=VALUE: '%.40s'", parameter,
                       text);
    tree = json_object();
    if (json_object_setn_new(tree, text, (size_t)(value - text), json_string(value + 1)) != 0)
        return err_set(err, ERR_INVALID, "parameter '%s' is not UTF-8", parameter);
    json = json_text(tree);
    *out = arena_strdup(req->arena, json);
    return true;
}

/* ?tag=NAME or NAME=VALUE */
static bool tag_query(struct http_request *req, struct store_device_filter *filter, struct err *err)
{
    const char *text = http_query(req, "tag");

    if (text && strchr(text, '='))
        return pair_query(req, "tag", &filter->tag_value, err);
    if (text && !tag_name_is_good(text))
        return err_set(err, ERR_INVALID, "parameter 'tag' is not a NAME or NAME=VALUE: '%.40s'",
                       text);
    filter->tag = text;
    return true;
}

static bool truth_query(struct http_request *req, const char *parameter, enum store_answer *out,
                        struct err *err)
{
    static const char *const words[] = {"true", "false", NULL};
    const char *text;

    if (!input_word_query(req, parameter, words, &text, err))
        return false;
    if (text)
        *out = text_equal(text, "true") ? STORE_YES : STORE_NO;
    return true;
}

/* The ids that begin with these hex digits: from zeros to ones behind them. */
static bool is_prefix(const char *text, struct store_device_filter *filter)
{
    char low[HASH_HEX_ROOM], high[HASH_HEX_ROOM];
    size_t len = strlen(text);

    if (len < DEVICE_PREFIX_MIN || len >= HASH_HEX_ROOM)
        return false;
    for (size_t i = 0; i < HASH_HEX_ROOM - 1; i++) {
        low[i] = (char)(i < len ? text[i] : '0');
        high[i] = (char)(i < len ? text[i] : 'f');
    }
    return text_to_hex_bytes(low, HASH_HEX_ROOM - 1, filter->first, HASH_BYTES) &&
           text_to_hex_bytes(high, HASH_HEX_ROOM - 1, filter->last, HASH_BYTES);
}

/* ?q=: the beginning of an id, or words somewhere else. */
static bool words_query(struct http_request *req, struct store_device_filter *filter,
                        struct err *err)
{
    const char *text = http_query(req, "q");

    if (!text)
        return true;
    if (text[0] == '\0' || strlen(text) > DEVICE_WORDS_MAX)
        return err_set(err, ERR_INVALID, "parameter 'q' has not 1 to %d bytes", DEVICE_WORDS_MAX);
    filter->has_prefix = is_prefix(text, filter);
    filter->words = filter->has_prefix ? NULL : text;
    return true;
}

static bool read_filter(struct http_request *req, struct store_device_filter *filter,
                        struct err *err)
{
    static const char *const states[] = {"active", "quarantined", "decommissioned", NULL};
    enum store_answer quarantined = STORE_EITHER;

    if (!input_uuid_query(req, "group", &filter->group, err) ||
        !input_word_query(req, "state", states, &filter->state, err) ||
        !truth_query(req, "held", &filter->held, err) ||
        !truth_query(req, "quarantined", &quarantined, err) || !tag_query(req, filter, err) ||
        !pair_query(req, "attribute", &filter->attribute, err) || !words_query(req, filter, err) ||
        !input_filter(http_query(req, "filter"), req->arena, &filter->program, err))
        return false;
    filter->version = http_query(req, "version");
    if (quarantined == STORE_EITHER)
        return true;
    if (filter->state || quarantined == STORE_NO)
        return err_set(err, ERR_INVALID,
                       "parameter 'quarantined' is 'true', without 'state'; for others give that");
    filter->state = "quarantined";
    return true;
}

void on_device_list(struct http_request *req, void *app)
{
    struct worker *worker = app;
    struct store_device_filter filter = {0};
    struct store_page page;
    struct err err;

    if (!input_page(req, &page, &err) || !read_filter(req, &filter, &err)) {
        http_answer_error(req, &err);
        return;
    }
    store_device_list(worker->db, &page, &filter, reply_send, reply_list(req));
}

void on_device_director(struct http_request *req, void *app)
{
    struct worker *worker = app;
    uint8_t device[HASH_BYTES];
    struct err err;

    if (!input_hash_param(req, 0, device, &err)) {
        http_answer_error(req, &err);
        return;
    }
    store_device_director(
        worker->db, req->identity.tenant_id, device, reply_send,
        reply_new(req, 200, ERR_NOT_FOUND, "the director has signed nothing for such a device"));
}

void on_device_get(struct http_request *req, void *app)
{
    struct worker *worker = app;
    uint8_t device[HASH_BYTES];
    struct err err;

    if (!input_hash_param(req, 0, device, &err)) {
        http_answer_error(req, &err);
        return;
    }
    store_device_get(worker->db, req->identity.tenant_id, device, reply_send,
                     reply_new(req, 200, ERR_NOT_FOUND, "there is no such device"));
}
