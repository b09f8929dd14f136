/* Query parameters: one row for each name, whichever route takes it. */
#include <string.h>

#include "server/openapi/openapi.h"

/* clang-format off */
static const struct openapi_parameter parameters[] = {
    {"limit",        "int(1,10000)", "At most so many; lists have 50 and at most 200 at a time", NULL},
    {"after",        "text",   "`next` of the page before", NULL},
    {"name",         "text",   "Only of this name", NULL},
    {"state",        "text",   "Only in this state", NULL},
    {"product",      "uuid",   "Only of this product", NULL},
    {"group",        "uuid",   "Only of this group", NULL},
    {"release",      "uuid",   "Only of this release", NULL},
    {"issue",        "uuid",   "Only of this issue", NULL},
    {"deployment",   "uuid",   "Only of this deployment", NULL},
    {"device",       "hash",   "Only of this device", NULL},
    {"image",        "hash",   "Only of this image", NULL},
    {"component",    "text",   "Only of this component", NULL},
    {"category",     "text",   "Only of this category: `app-crash`", "app-crash"},
    {"class",        "'os'|'app'", "Only of this class", NULL},
    {"since",        "time",   "From this time on", NULL},
    {"until",        "time",   "Before this time", NULL},
    {"format",       "'json'|'jsonl'|'csv'", "Lines instead of a page", NULL},
    {"tenant",       "text",   "Of a tenant that yours made", NULL},
    {"held",         "'true'|'false'", "Only those that a hold keeps", NULL},
    {"quarantined",  "'true'|'false'", "Only those in quarantine", NULL},
    {"tag",          "text",   "`NAME` or `NAME=VALUE`", "lab"},
    {"attribute",    "text",   "`NAME=VALUE`", "site=berlin"},
    {"version",      "text",   "Only those that run this version", NULL},
    {"filter",       "text",   "An expression over attributes, as docs/API.md has it",
     "site = 'berlin'"},
    {"q",            "text",   "The beginning of an id, or words", NULL},
    {"role",         "text",   "Of the metadata", "os-board"},
    {"repository",   "'image'|'director'", "Which of the two", NULL},
    {"price_per_gb", "number", "What a gigabyte costs", NULL},
    {"past",         "'true'|'false'", "Those that are over, too", NULL},
    {"claimed",      "'true'|'false'", "Only those that have joined, or have not", NULL},
    {"first_line",   "int(1,1000000000)", "The number of the first line, for errors", NULL},
    {"points",       "int(1,1000)", "At most so many points of time", NULL},
    {"event",        "text",   "Only of this event", NULL},
};
/* clang-format on */

const struct openapi_parameter *openapi_parameter_find(const char *name, size_t len)
{
    for (size_t i = 0; i < COUNT(parameters); i++) {
        if (strlen(parameters[i].name) == len && strncmp(parameters[i].name, name, len) == 0)
            return &parameters[i];
    }
    return NULL;
}
