/* Issues: what operators look at and what they say of them. */
#include <string.h>

#include "lib/base/text.h"
#include "server/auth/operator.h"
#include "server/operator/input.h"
#include "server/operator/reply.h"
#include "server/operator/routes_reports.h"
#include "server/store/store_issue.h"
#include "server/worker.h"

enum { NOTE_MAX = 1000, ASSIGNEE_MAX = 63 };

static const char *const states[] = {"open", "resolved", "regressed", "ignored", NULL};

void on_issue_list(struct http_request *req, void *app)
{
    struct worker *worker = app;
    const char *image = http_query(req, "image");
    uint8_t hash[HASH_BYTES];
    struct store_issue_query query = {.image = image ? hash : NULL};
    struct store_page page;
    struct err err = {0};

    if (!input_page(req, &page, &err) ||
        !input_word_query(req, "state", states, &query.state, &err) ||
        !input_uuid_query(req, "product", &query.product, &err) ||
        !input_uuid_query(req, "release", &query.release, &err) ||
        (image && !text_to_hex_bytes(image, strlen(image), hash, HASH_BYTES) &&
         !err_set(&err, ERR_INVALID, "parameter 'image' is not 64 lower-case hex digits"))) {
        http_answer_error(req, &err);
        return;
    }
    query.tenant_id = page.tenant_id;
    query.before = page.after;
    query.limit = page.limit;
    query.category = http_query(req, "category");
    query.component = http_query(req, "component");
    store_issue_list(worker->db, &query, reply_send, reply_list(req));
}

void on_issue_get(struct http_request *req, void *app)
{
    struct worker *worker = app;
    const char *id;
    struct err err;

    if (!input_uuid_param(req, 0, &id, &err)) {
        http_answer_error(req, &err);
        return;
    }
    store_issue_get(worker->db, req->identity.tenant_id, id, reply_send,
                    reply_new(req, 200, ERR_NOT_FOUND, "there is no such issue"));
}

/* --- changes -----------------------------------------------------------------------------------
 */

static bool read_text(const json_t *body, const char *name, size_t max, const char **out,
                      struct err *err)
{
    *out = NULL;
    if (!json_object_get(body, name))
        return true;
    if (!json_field_text(body, "", name, max, out, err))
        return false;
    for (const char *c = *out; *c; c++) {
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            return err_set(err, ERR_INVALID, "field '%s' has a control character", name);
    }
    return true;
}

static void change(struct http_request *req, const struct worker *worker, const char *state,
                   const char *const *fields)
{
    struct store_issue_change wanted = {.actor = operator_actor(req), .state = state};
    AUTO_JSON *body = NULL;
    struct err err;

    if (!input_uuid_param(req, 0, &wanted.id, &err) ||
        (req->body_len > 0 && !input_object(req, fields, &body, &err)) ||
        !read_text(body, "note", NOTE_MAX, &wanted.note, &err) ||
        !read_text(body, "assignee", ASSIGNEE_MAX, &wanted.assignee, &err) ||
        (json_object_get(body, "release") && !input_uuid(body, "release", &wanted.release, &err))) {
        http_answer_error(req, &err);
        return;
    }
    store_issue_change(worker->db, &wanted, reply_send,
                       reply_new(req, 200, ERR_NOT_FOUND, "there is no such issue"));
}

void on_issue_resolve(struct http_request *req, void *app)
{
    static const char *const fields[] = {"note", "release", NULL};

    change(req, app, "resolved", fields);
}

static const char *const note_only[] = {"note", NULL};

void on_issue_reopen(struct http_request *req, void *app)
{
    change(req, app, "open", note_only);
}

void on_issue_ignore(struct http_request *req, void *app)
{
    change(req, app, "ignored", note_only);
}

void on_issue_change(struct http_request *req, void *app)
{
    static const char *const fields[] = {"note", "assignee", NULL};

    change(req, app, NULL, fields);
}
