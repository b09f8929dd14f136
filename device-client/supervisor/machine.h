#pragma once
/*
 * Drives one update through lib/update's table. The record is durable before the effects of a
 * state begin, and every state can be entered again after a power cut. All effects are behind
 * machine_ops, so that tests cut the power after each of them.
 */
#include "device-client/supervisor/record.h"

/* What is signed about an offer. */
struct verdict {
    struct image image;
    bool directed; /* a director was asked: its patch counts, not the poll's */
    bool has_delta;
    struct wire_delta delta; /* `sha256` is that of the patch's header */
};

/* Every function returns false with an error when it could not do its work; `save`, `report` and
 * the boot functions are durable when they return true. */
struct machine_ops {
    bool (*save)(void *arg, const struct record *record, struct err *err);
    /* Appends to the queue, which sets epoch and seq. */
    bool (*report)(void *arg, struct wire_report *report, struct err *err);
    /* The queue's epoch and the last sequence number it gave. */
    uint64_t (*report_last)(void *arg, uint8_t epoch[WIRE_EPOCH_BYTES]);

    bool (*boot_read)(void *arg, struct boot_status *out, struct err *err);
    bool (*boot_try)(void *arg, enum slot slot, struct err *err);
    bool (*boot_confirm)(void *arg, enum slot slot, struct err *err);
    bool (*boot_invalidate)(void *arg, enum slot slot, struct err *err);
    bool (*boot_give_up)(void *arg, enum slot slot, struct err *err);

    /* What is signed about record->offered, if this device may install it (a refusal if not). */
    bool (*judge)(void *arg, const struct record *record, struct verdict *out, struct err *err);
    /* Downloads the patch, or the image when `delta` is NULL; `*bytes` grows by what came. */
    bool (*fetch)(void *arg, const struct record *record, const struct wire_delta *delta,
                  uint64_t *bytes, struct err *err);
    /* Puts what was fetched into the target slot, and reads it back. */
    bool (*write)(void *arg, const struct record *record, const struct wire_delta *delta,
                  struct err *err);
    /* How far the patch was applied that was begun last; a number that grows. */
    uint64_t (*patch_progress)(void *arg);
    /* True when the slot's bytes are the image's. */
    bool (*holds)(void *arg, enum slot slot, const struct image *image, struct err *err);
    /* False, with a reason to tell: somebody asked to wait, or the window is closed. */
    bool (*may_switch)(void *arg, const struct record *record, struct err *why);
    /* The server's second permission. */
    bool (*allow)(void *arg, const struct record *record, bool *go, struct err *err);
    /* The image is committed: its counter and floor are noted where they never fall. */
    bool (*commit)(void *arg, const struct image *image, struct err *err);
    /* The health program of the running system. */
    bool (*health)(void *arg, struct err *err);
};

struct machine {
    const struct machine_ops *ops;
    void *arg;
    struct record *record; /* the caller's, loaded */
    enum slot running;
    bool reached;      /* the server answered a poll since this start */
    bool healthy;      /* the health program passed since this start */
    bool slot_checked; /* the staged slot was read since this start */
};

enum machine_next {
    MACHINE_ON,     /* never the result of a whole run: there is more to do */
    MACHINE_REST,   /* until the next poll */
    MACHINE_RETRY,  /* something is not available: back off; the error says what */
    MACHINE_REBOOT, /* ask the loader to start again */
};

/* Once after start: brings the record and the boot state together. */
MUST_USE bool machine_boot(struct machine *machine, enum machine_next *next, struct err *err);
/* The server's answer to a poll. */
MUST_USE bool machine_answer(struct machine *machine, const struct wire_poll_answer *answer,
                             int64_t now_ms, struct err *err);
/* Goes on until there is nothing to do. False: the device itself failed (disk), try later. */
MUST_USE bool machine_run(struct machine *machine, enum machine_next *next, struct err *err);
/* An image that was put into `offered` by hand (`slipway-agent install`): no deployment. */
MUST_USE bool machine_install(struct machine *machine, const struct wire_target *target,
                              int64_t now_ms, struct err *err);
