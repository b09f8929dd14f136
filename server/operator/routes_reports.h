#pragma once
/* Error reports for operators: the table, its handlers. `app` is the struct worker. */
#include "server/http/http.h"

enum { REPORT_ROUTE_COUNT = 9 };
extern const struct http_route report_routes[];

http_handler_fn on_event_list, on_event_days, on_quarantine_list;
http_handler_fn on_issue_list, on_issue_get, on_issue_change, on_issue_resolve, on_issue_reopen,
    on_issue_ignore;
