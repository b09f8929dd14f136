#pragma once
/*
 * What a poll gets: one decision from what memory knows about a device and its group. Pure.
 *
 * Memory may only say no. ROLLOUT_GRANT and ROLLOUT_WITHDRAW are wishes: the statement that
 * carries them out checks everything again on locked rows.
 */
#include "lib/update/state.h"

/* A deployment as one device sees it. All zeros: there is none. */
struct rollout_candidate {
    int64_t deployment_id;
    bool fits;       /* it names an image for the device's hardware */
    bool is_running; /* the device runs that image */
    bool is_older;   /* that image comes before the one that the device runs */
    bool goes_back;  /* the deployment is a downgrade: it is for devices that run a newer one */
};

/* What the group's newest deployment permits. */
enum rollout_standing {
    ROLLOUT_OPEN,   /* running: fetch and activate */
    ROLLOUT_PAUSED, /* rows stay as they are, nothing moves on */
    ROLLOUT_HALTED, /* the same, but the group's other members follow the baseline */
};

struct rollout_view {
    bool updates_allowed; /* by the group's update policy */
    struct rollout_candidate current;
    enum rollout_standing standing; /* of `current` */
    bool is_covered;                /* the device's place is in a phase of `current` that began */
    struct rollout_candidate baseline;
    /* The device's newest row; UPDATE_IDLE: it has none. */
    int64_t deployment_id;
    enum update_state state;
    int64_t closed_id;    /* a deployment known to hold an ended row of the device, or 0 */
    bool is_told_already; /* the device's assignment is ours */
};

enum rollout_action {
    ROLLOUT_NOTHING,        /* it has what it shall have, or may not have more */
    ROLLOUT_KEEP,           /* go on with what you were offered */
    ROLLOUT_RESEND,         /* the same offer again: the device does not know it */
    ROLLOUT_GRANT,          /* ask for the current deployment */
    ROLLOUT_GRANT_BASELINE, /* ask for the baseline; the caller limits the rate */
    ROLLOUT_WITHDRAW,       /* ask to take the offer back */
    ROLLOUT_ACTION_COUNT,
};

enum rollout_action rollout_choose(const struct rollout_view *view);
