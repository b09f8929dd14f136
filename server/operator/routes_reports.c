/* Error reports: events, issues, attachments and the debug files that name their frames. */
#include "server/operator/routes_reports.h"

#include "server/limits.h"

#define READ(path, handler, summary)                                                               \
    {                                                                                              \
        "GET", path, ACCESS_OPERATOR, ACTION_READ, 0, false, handler, summary                      \
    }
#define STEER(path, handler, summary)                                                              \
    {                                                                                              \
        "POST", path, ACCESS_OPERATOR, ACTION_ISSUE_STEER, OPERATOR_BODY_BYTES_MAX, false,         \
            handler, summary                                                                       \
    }

const struct http_route report_routes[] = {
    READ("/api/v1/events", on_event_list,
         "Errors and notices of devices, newest first. `?group=`, `?release=`, `?issue=` (ids), "
         "`?device=`, `?image=`, `?category=`, `?class=`, `?since=`, `?until=` (times of arrival); "
         "`?format=csv` or `jsonl`: lines, up to 1,000, the cursor in `Slipway-Next`"),
    READ("/api/v1/events/daily", on_event_days,
         "Events, devices and uptime by day, category and class, kept ten years. `?since=`, "
         "`?until=`, `?group=` (id), `?image=`, `?category=`"),
    READ("/api/v1/quarantine", on_quarantine_list,
         "Reports that could not be read, as they came (base64), and why"),
    READ("/api/v1/issues", on_issue_list,
         "Events grouped by signature, newest first. `?state=`, `?category=`, `?product=`, "
         "`?release=` (ids), `?component=`, `?image=`"),
    READ("/api/v1/issues/:id", on_issue_get,
         "An issue: versions, days, devices, newest events, backtrace and its functions"),
    {"PATCH", "/api/v1/issues/:id", ACCESS_OPERATOR, ACTION_ISSUE_STEER, OPERATOR_BODY_BYTES_MAX,
     false, on_issue_change, "Change `{note, assignee}`, or one of them"},
    STEER("/api/v1/issues/:id/resolve", on_issue_resolve,
          "It is gone `{note, release}`; it regresses when it comes back, or when that release or "
          "a later one has it"),
    STEER("/api/v1/issues/:id/reopen", on_issue_reopen, "It is not gone, or not to be ignored"),
    STEER("/api/v1/issues/:id/ignore", on_issue_ignore, "Count it and say nothing more"),
};

_Static_assert(COUNT(report_routes) == REPORT_ROUTE_COUNT, "the header says how many");
