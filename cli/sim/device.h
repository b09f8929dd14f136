#pragma once
/*
 * One simulated device: what it does next, and what follows from how that went. The order of
 * steps is the agent's; the update itself moves through the table of lib/update. No I/O, no
 * clock: the caller does the action, then tells how it ended by one of the functions below, and
 * asks for the next.
 *
 * A device has at most one action under way and at most one report unsent: a report is sent
 * before anything else happens, so the server hears of each step in order.
 */
#include "lib/tuf/tuf.h"
#include "lib/wire/device.h"

enum sim_action {
    SIM_WAIT,     /* until device->wake_mono_ms */
    SIM_CLAIM,    /* -> claimed */
    SIM_SESSION,  /* nonce and signature -> has_session */
    SIM_REPORT,   /* device->report -> reported */
    SIM_EVENT,    /* device->event -> told */
    SIM_DESCRIBE, /* PUT attributes -> described */
    SIM_WALK,     /* the metadata, and judge the offer if there is one -> walked, judged */
    SIM_POLL,     /* -> polled */
    SIM_FETCH,    /* the delta or the image -> fetched, not_fetched */
    SIM_ACTIVATE, /* -> allowed */
    SIM_ACTION_COUNT,
};

/* What is signed about an image; shared by all devices, never changed. */
struct sim_image {
    uint8_t sha256[HASH_BYTES];
    char path[WIRE_PATH_ROOM];
    char version[WIRE_NAME_ROOM];
    bool listed; /* the signed targets name it: what follows is known */
    uint64_t length;
    uint64_t release_counter;
    uint64_t security_epoch;
    uint64_t floor;
    uint64_t revert_to[TUF_REVERTS_MAX];
    size_t revert_count;
    int64_t revert_until_ms;
};

/* What the server granted; lives as long as the update. */
struct sim_offer {
    uint64_t assignment;
    char deployment[WIRE_UUID_ROOM];
    struct wire_target target;
    bool has_delta; /* from the image that runs */
    struct wire_delta delta;
    uint64_t header_length; /* of the delta, as the director signed it; 0: there is no director */
    uint8_t header_sha256[HASH_BYTES];
};

struct sim_report {
    bool pending;
    bool is_event; /* outside a deployment */
    enum update_state state;
    enum refusal reason;
    char *detail; /* owned; may be NULL */
};

/* Uptime, or crashes; what is waiting to be told. */
struct sim_event {
    bool pending;
    bool is_crash;
    uint64_t count;  /* of crashes */
    int64_t span_ms; /* until now */
};

struct sim_device {
    uint32_t index;
    enum update_state state; /* of the update */
    bool claimed;
    bool polled; /* at least once */
    bool describes;
    bool walk_tried; /* since the last poll */
    bool delta_refused;
    bool fails;        /* the target will not be healthy here */
    unsigned failures; /* in a row */
    enum refusal told; /* the last refusal outside a deployment, told once */
    char *token;       /* of the session, owned; NULL when there is none */
    uint64_t assignment;
    uint64_t seq;              /* of the last report */
    uint64_t bytes;            /* fetched for this update */
    uint64_t floor;            /* the highest ever committed */
    uint64_t director_version; /* of the last document; 0: there was none */
    uint64_t random;           /* state of its dice */
    int64_t wake_mono_ms;
    int64_t poll_mono_ms;              /* when it polls next */
    int64_t walk_mono_ms;              /* from when on its metadata is stale */
    int64_t activate_mono_ms;          /* when it asks (again) to switch */
    const struct sim_image *installed; /* borrowed; NULL: unknown */
    const struct sim_image *target;    /* borrowed; of this update, once it was judged */
    struct sim_offer *offer;           /* owned */
    struct sim_report report;
    struct sim_event event;
    int64_t event_ms;         /* how often the server wants to hear of uptime; 0: never */
    int64_t told_mono_ms;     /* until when it has */
    uint64_t crashes_per_day; /* of what runs; the caller sets it before each step */
    uint8_t id[HASH_BYTES];
    uint8_t epoch[WIRE_EPOCH_BYTES];
};

/* Awake at once. `epoch` is random: a fleet that is started again has new queues. */
void sim_device_init(struct sim_device *device, uint32_t index, const uint8_t id[HASH_BYTES],
                     const uint8_t epoch[WIRE_EPOCH_BYTES]);
void sim_device_done(struct sim_device *device);

/* What to do now. */
enum sim_action sim_device_next(struct sim_device *device, int64_t now_mono_ms);
/* Claimed, has polled, and nothing is under way. */
bool sim_device_is_settled(const struct sim_device *device);
/* The image whose system runs: from the start on, the new one. */
const struct sim_image *sim_device_runs(const struct sim_device *device);
/* What SIM_FETCH shall fetch: a delta, or NULL for the whole image. */
const struct wire_delta *sim_device_delta(const struct sim_device *device);
/* The pending report as a message, without the time. */
void sim_device_fill_report(const struct sim_device *device, struct wire_report *out);
void sim_device_fill_poll(const struct sim_device *device, struct wire_poll *out);

/* --- how an action ended ----------------------------------------------------------------------
 */

/* No answer, or one that says "later" (in `retry_after_s`, 0: it did not say). */
void sim_device_failed(struct sim_device *device, uint64_t retry_after_s, int64_t now_mono_ms);
/* 401: the session is over. */
void sim_device_denied(struct sim_device *device, int64_t now_mono_ms);
/* 410: the server does not know the device; it claims again. */
void sim_device_forgotten(struct sim_device *device, int64_t now_mono_ms);

void sim_device_claimed(struct sim_device *device);
void sim_device_has_session(struct sim_device *device, const char *token);
void sim_device_described(struct sim_device *device);
/* The report is the server's, or hopeless: the update goes on. */
void sim_device_reported(struct sim_device *device, int64_t now_mono_ms);
/* The event is the server's, or hopeless. */
void sim_device_told(struct sim_device *device);
void sim_device_polled(struct sim_device *device, const struct wire_poll_answer *answer,
                       int64_t now_mono_ms);
/* The metadata is good until `stale_mono_ms`. An offer is judged next. */
void sim_device_walked(struct sim_device *device, int64_t stale_mono_ms);
/* It was not had, or refused. An offer is left for the next poll. */
void sim_device_not_walked(struct sim_device *device, const struct err *why, int64_t now_mono_ms);
/* Right after walked, with an offer: `why` is the refusal or NULL, `target` then what is signed
 * about the offered image; `fails` decides its fate on this device. */
void sim_device_judged(struct sim_device *device, const struct sim_image *target, bool fails,
                       const struct err *why);
/* Every byte came and matched. */
void sim_device_fetched(struct sim_device *device, uint64_t bytes, int64_t now_mono_ms);
void sim_device_not_fetched(struct sim_device *device, uint64_t bytes, const struct err *why,
                            int64_t now_mono_ms);
void sim_device_allowed(struct sim_device *device, const struct wire_activate_answer *answer,
                        int64_t now_mono_ms);
