#pragma once
/* What the commands of error reports share: filters of events. */
#include "cli/client/api.h"
#include "cli/option.h"

struct report_filters {
    const char *group;
    const char *device;
    const char *release; /* an id, or a name that is the only one */
    const char *image;
    const char *issue;
    const char *category;
    const char *class;
    const char *since;
    const char *until;
};

/* Rows for a table of options; `values` has a member `filters`. */
/* clang-format off */
#define REPORT_FILTER(values, word, sample, text) \
    {.name = #word, .type = OPTION_TEXT, .field = offsetof(values, filters.word), .value = (sample), .help = (text)}
#define REPORT_FILTERS(values) \
    REPORT_FILTER(values, group,    "PRODUCT/GROUP", "only of this group"), \
    REPORT_FILTER(values, device,   "DEVICE",        "only of this device"), \
    REPORT_FILTER(values, release,  "NAME",          "only of this release's images"), \
    REPORT_FILTER(values, image,    "SHA256",        "only of this image"), \
    REPORT_FILTER(values, issue,    "ID",            "only of this issue"), \
    REPORT_FILTER(values, category, "WORD",          "app-crash, watchdog, reboot, ..."), \
    REPORT_FILTER(values, class,    "os|app",        "only of the system, or of apps"), \
    REPORT_FILTER(values, since,    "TIME",          "that arrived from 2026-05-01T00:00:00Z on"), \
    REPORT_FILTER(values, until,    "TIME",          "that arrived before it")
/* clang-format on */

/* Appends "?group=...&..." or nothing; names become ids. */
MUST_USE bool report_path(struct api *api, const char *base, const struct report_filters *filters,
                          struct buf *out, struct err *err);
/* Appends "?name=value" or "&name=value". */
void report_path_add(struct buf *path, const char *name, const char *value);
