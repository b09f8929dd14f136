/* The place to go on from is in a header, as browsers send it, or in the query, for everybody. */
#include "server/stream/routes.h"

#include <string.h>

#include "lib/base/text.h"
#include "server/stream/hub.h"
#include "server/worker.h"

static http_handler_fn on_stream;

const struct http_route stream_routes[STREAM_ROUTE_COUNT] = {
    {"GET", "/api/v1/stream", ACCESS_OPERATOR, ACTION_READ, 0, false, on_stream,
     "What happens, as server-sent events (`text/event-stream`), from now on or after "
     "`Last-Event-ID` (or `?after=`): deployments, issues, devices. `stream.cut` and `stream.end`: "
     "come again; `stream.gap`: something was forgotten"},
};

static bool read_after(struct http_request *req, int64_t *out, struct err *err)
{
    const char *text = http_header(req, "last-event-id");
    uint64_t value;

    if (!text)
        text = http_query(req, "after");
    *out = -1;
    if (!text || text[0] == '\0')
        return true;
    if (!text_to_u64(text, strlen(text), 0, INT64_MAX - 1, &value))
        return err_set(err, ERR_INVALID, "'Last-Event-ID' is not the id of an event");
    *out = (int64_t)value;
    return true;
}

static void on_stream(struct http_request *req, void *app)
{
    const struct worker *worker = app;
    int64_t after;
    struct err err;

    if (!read_after(req, &after, &err)) {
        http_answer_error(req, &err);
        return;
    }
    http_answer_header(req, "X-Accel-Buffering", "no"); /* nginx would keep what we send */
    if (req->method == HTTP_HEAD)
        http_answer(req, 200, "text/event-stream", NULL, 0);
    else if (!stream_hub_listen(worker->stream, req, after, &err))
        http_answer_error(req, &err);
}
