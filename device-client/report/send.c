/* One message at a time: the server joins reports of many devices, not of one. */
#include "device-client/report/send.h"

#include "device-client/limits.h"
#include "lib/log/log.h"

/* The server read it and will never take it. */
static bool is_hopeless(const struct err *err)
{
    return err->code == ERR_INVALID || err->code == ERR_LIMIT || err->code == ERR_CONFLICT;
}

static bool send_first(struct report_queue *queue, struct transport *transport, struct err *err)
{
    AUTO_BUF answer;

    buf_init(&answer, ANSWER_BYTES_MAX);
    if (transport_send(transport, "POST", "/device/v1/report", report_queue_first(queue), &answer,
                       err))
        return true;
    if (!is_hopeless(err))
        return false;
    LOG_WARNING("report.dropped", "because='%s'", err->text);
    return true;
}

bool report_send_all(struct report_queue *queue, struct transport *transport, struct err *err)
{
    struct err trim_err = {0};
    bool ok = true;

    while (ok && report_queue_first(queue)) {
        ok = send_first(queue, transport, err);
        if (ok)
            report_queue_drop_first(queue);
    }
    if (!report_queue_trim(queue, &trim_err)) { /* sent again later, counted once */
        LOG_WARNING("report.not_trimmed", "because='%s'", trim_err.text);
    }
    return ok;
}
