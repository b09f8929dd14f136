#pragma once
/*
 * Empties the report queue into the server, oldest first.
 */
#include "device-client/report/queue.h"
#include "device-client/transport/transport.h"

/* True when the queue is empty. A report that the server calls wrong is dropped with a warning:
 * sending it again could only fail again, and would hold up those behind it. */
MUST_USE bool report_send_all(struct report_queue *queue, struct transport *transport,
                              struct err *err);
