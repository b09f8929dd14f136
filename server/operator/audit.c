/* The audit as auditors read it. Whoever names a tenant gets that one's or nothing: there is no way
 * to another's. */
#include "server/operator/handlers.h"

#include "lib/base/text.h"
#include "server/operator/input.h"
#include "server/operator/reply.h"
#include "server/store/store_audit.h"
#include "server/store/store_tenant.h"
#include "server/worker.h"

struct question {
    struct http_request *req;
    struct worker *worker;
    struct store_page page;
};

static void read_page(const struct question *question)
{
    store_audit_list(question->worker->db, &question->page, reply_send, reply_list(question->req));
}

/* The tenant's own name is in its settings. */
static void on_own_name(const struct db_result *result, const struct err *err, void *arg)
{
    const struct question *question = arg;
    AUTO_JSON *settings = NULL;
    const char *own;
    struct err none;

    if (err) {
        http_answer_error(question->req, err);
        return;
    }
    settings = db_rows(result) ? json_loads(db_text(result, 0, 0), 0, NULL) : NULL;
    own = json_string_value(json_object_get(settings, "name"));
    if (own && text_equal(own, http_query(question->req, "tenant"))) {
        read_page(question);
        return;
    }
    (void)err_set(&none, ERR_NOT_FOUND, "there is no such audit");
    http_answer_error(question->req, &none);
}

void on_audit_list(struct http_request *req, void *app)
{
    struct question *question = arena_alloc(req->arena, sizeof(*question));
    struct err err;

    *question = (struct question){.req = req, .worker = app};
    if (!input_page(req, &question->page, &err)) {
        http_answer_error(req, &err);
        return;
    }
    if (!http_query(req, "tenant"))
        read_page(question);
    else
        store_tenant_settings(question->worker->db, req->identity.tenant_id, on_own_name, question);
}
