#pragma once
/*
 * What a poll gets: one decision from what memory knows about a device and its group. Pure.
 *
 * Memory may only say no. ROLLOUT_GRANT and ROLLOUT_WITHDRAW are wishes: the statement that
 * carries them out checks everything again on locked rows.
 */
#include "lib/update/state.h"

/* Why a device gets nothing new. */
enum rollout_reason {
    REASON_NONE,           /* it does */
    REASON_UNKNOWN,        /* memory does not know its group yet */
    REASON_OUT,            /* quarantined or decommissioned */
    REASON_STOPPED,        /* the kill switch of its group or tenant */
    REASON_HELD,           /* it, or its group, is kept on what it runs */
    REASON_PENALTY,        /* it failed too often lately */
    REASON_POLICY,         /* the group takes no updates */
    REASON_UNDER_WAY,      /* it is at it */
    REASON_NO_DEPLOYMENT,  /* nothing runs, and there is no baseline for it */
    REASON_HARDWARE,       /* no image for its hardware */
    REASON_RUNS_IT,        /* it runs what it shall run */
    REASON_RUNS_NEWER,     /* an update is nothing for who runs a newer image */
    REASON_RUNS_OLDER,     /* ... and a downgrade only for those */
    REASON_STEPPING_STONE, /* no image leads from what it runs to the release */
    REASON_DELTA,          /* waits for a delta */
    REASON_ENDED,          /* it had its chance in this deployment */
    REASON_PHASE,          /* its phase has not come */
    REASON_PAUSED,
    REASON_HALTED,
    REASON_COUNT,
};
/* "under-way" */
const char *rollout_reason_name(enum rollout_reason reason);

/* A deployment as one device sees it. All zeros: there is none. */
struct rollout_candidate {
    int64_t deployment_id;
    bool fits;       /* it names an image for the device's hardware */
    bool is_running; /* the device runs that image */
    bool is_older;   /* that image comes before the one that the device runs */
    bool goes_back;  /* the deployment is a downgrade: it is for devices that run a newer one */
    bool may_retry;  /* it is offered again to who failed; the statement knows when and how often */
    /* Why there is no image for it now, although the hardware fits: REASON_STEPPING_STONE,
     * REASON_DELTA, REASON_HALTED (for devices like this one); or REASON_NONE. */
    enum rollout_reason waits;
};

/* What the group's newest deployment permits. */
enum rollout_standing {
    ROLLOUT_OPEN,   /* running: fetch and activate */
    ROLLOUT_PAUSED, /* rows stay as they are, nothing moves on */
    ROLLOUT_HALTED, /* the same, but the group's other members follow the baseline */
};

struct rollout_view {
    bool updates_allowed;          /* by policy, switches and holds, ... */
    enum rollout_reason forbidden; /* ... and if not, by which of them */
    bool is_out;                   /* of service: what it was offered is taken back */
    struct rollout_candidate current;
    enum rollout_standing standing; /* of `current` */
    bool is_covered;                /* the device's place is in a phase of `current` that began */
    struct rollout_candidate baseline;
    /* The device's newest row; UPDATE_IDLE: it has none. */
    int64_t deployment_id;
    enum update_state state;
    bool wants_image;     /* the row waits for its next image after a stepping stone */
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

/* `reason` (may be NULL) is REASON_NONE when a grant is wished for. */
enum rollout_action rollout_choose(const struct rollout_view *view, enum rollout_reason *reason);
/* Why the device shall not have what one deployment has for it, phases apart; REASON_NONE: it
 * shall. Once a downgrade is the baseline, devices below it follow it like any other. */
enum rollout_reason rollout_reason_against(const struct rollout_view *view,
                                           const struct rollout_candidate *candidate,
                                           bool as_baseline);
