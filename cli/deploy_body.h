#pragma once
/* What `deploy create` and `deploy plan` have in common: the options that say what a deployment
 * shall be, and the request's body that they come to. */
#include "cli/client/api.h"
#include "cli/option.h"

/* The first member of the command's values. */
struct deploy_body {
    struct api_options api;
    const char *group;
    const char *release;
    const char *phases;
    const char *first;
    const char *soak;
    const char *gate;
    uint64_t failed_percent; /* UINT64_MAX: not said */
    uint64_t min_finished;   /* UINT64_MAX: not said */
    const char *on_stop;
    const char *salt;
    bool downgrade;
    const char *start;
    bool draft;
    uint64_t concurrency;
    uint64_t bytes_per_hour;
    const char *delta_policy;
    const char *delta_deadline;
    uint64_t retries;
    const char *retry_after;
    bool security;
    bool supersede;
};
#define DEPLOY_BODY_UNSAID                                                                         \
    {                                                                                              \
        .failed_percent = UINT64_MAX, .min_finished = UINT64_MAX                                   \
    }

/* Rows for a command's table of options whose values begin with a struct deploy_body. */
/* clang-format off */
#define DEPLOY_BODY_AT(member) .field = offsetof(struct deploy_body, member)
#define DEPLOY_BODY_OPTIONS \
    {.name = "group",   .type = OPTION_TEXT, .required = true, DEPLOY_BODY_AT(group), .value = "PRODUCT/GROUP", .help = "who gets it"}, \
    {.name = "release", .type = OPTION_TEXT, .required = true, DEPLOY_BODY_AT(release), .value = "NAME", .help = "what they get"}, \
    {.name = "phases",  .type = OPTION_TEXT, .required = true, DEPLOY_BODY_AT(phases), .value = "PHASES", .help = "3,1%:2h,15%:hold,100%: numbers of devices, then cumulative shares up to 100%; behind a colon the soak (30m, 2h, 1d, 24dh: device-hours), 'hold': go on by hand"}, \
    {.name = "first",   .type = OPTION_TEXT, DEPLOY_BODY_AT(first), .value = "FILTER", .help = "a phase in front for devices that it fits, \"tag.ring = 'lab'\""}, \
    {.name = "soak",    .type = OPTION_TEXT, DEPLOY_BODY_AT(soak), .value = "TIME", .help = "how long a complete phase is watched: 90s, 10m, 2h, 1d (0s)"}, \
    {.name = "gate",    .type = OPTION_TEXT, DEPLOY_BODY_AT(gate), .value = "JSON", .help = "settings of the gates, {\"install\":{\"p0\":0.01}}; see docs/API.md"}, \
    {.name = "failed-percent", .type = OPTION_U64, DEPLOY_BODY_AT(failed_percent), .max = 100, .value = "F", .help = "a plain threshold instead of the gates: halt when more than F % failed ..."}, \
    {.name = "min-finished",   .type = OPTION_U64, DEPLOY_BODY_AT(min_finished), .min = 1, .max = 1000000000, .value = "N", .help = "... among at least N that finished"}, \
    {.name = "on-stop", .type = OPTION_TEXT, DEPLOY_BODY_AT(on_stop), .value = "WORD", .help = "what a gate that says stop does: halt (as without), pause, roll-back"}, \
    {.name = "salt",    .type = OPTION_TEXT, DEPLOY_BODY_AT(salt), .value = "TEXT", .help = "decides which devices come first; see 'deploy salt'"}, \
    {.name = "downgrade", .type = OPTION_FLAG, DEPLOY_BODY_AT(downgrade), .help = "back to an older release, if the newer one was signed with --back-to"}, \
    {.name = "start",   .type = OPTION_TEXT, DEPLOY_BODY_AT(start), .value = "TIME", .help = "begin then, 2026-11-24T02:00:00Z"}, \
    {.name = "draft",   .type = OPTION_FLAG, DEPLOY_BODY_AT(draft), .help = "make it, and start it later with 'deploy start'"}, \
    {.name = "concurrency", .type = OPTION_U64, DEPLOY_BODY_AT(concurrency), .min = 1, .value = "N", .help = "at most so many devices fetch at the same time"}, \
    {.name = "bytes-per-hour", .type = OPTION_SIZE, DEPLOY_BODY_AT(bytes_per_hour), .value = "SIZE", .help = "at most so many bytes are granted in an hour: 500M"}, \
    {.name = "delta-policy", .type = OPTION_TEXT, DEPLOY_BODY_AT(delta_policy), .value = "WORD", .help = "delta-then-full (as without), full, delta-only, wait-for-delta"}, \
    {.name = "delta-deadline", .type = OPTION_TEXT, DEPLOY_BODY_AT(delta_deadline), .value = "TIME", .help = "how long wait-for-delta waits (2h)"}, \
    {.name = "retries", .type = OPTION_U64, DEPLOY_BODY_AT(retries), .max = 10, .value = "N", .help = "how often a device that failed is offered it again (0) ..."}, \
    {.name = "retry-after", .type = OPTION_TEXT, DEPLOY_BODY_AT(retry_after), .value = "TIME", .help = "... and after how long (1h)"}, \
    {.name = "security", .type = OPTION_FLAG, DEPLOY_BODY_AT(security), .help = "passes a freeze, with a second person's approval"}, \
    {.name = "supersede", .type = OPTION_FLAG, DEPLOY_BODY_AT(supersede), .help = "take the place of the group's unfinished deployment"}, \
    API_OPTIONS(struct deploy_body)
/* clang-format on */

/* "3,1%:2h,15%:hold,100%" to [{"count": 3}, {"percent": 1, "soak_s": 7200}, ...]. */
MUST_USE bool deploy_parse_phases(const char *text, json_t **out, struct err *err);
/* Looks up group and release by name. The caller owns `out`. */
MUST_USE bool deploy_body_make(struct api *api, const struct deploy_body *values, json_t **out,
                               struct err *err);
