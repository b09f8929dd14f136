#pragma once
/*
 * POST report with the member "event": something went wrong on the device, or how long it was up.
 * The device counts: one message stands for `count` times between `start` and `end`. Pure; the same
 * rules as in device.h.
 */
#include "lib/wire/device.h"

enum {
    WIRE_CATEGORY_ROOM = 16,
    WIRE_COMPONENT_ROOM = 64,
    WIRE_SUMMARY_ROOM = 201,
    WIRE_BUILD_ID_ROOM = 129, /* 4 to 64 bytes in hex */
    WIRE_FRAMES_MAX = 32,
    WIRE_ATTACHMENT_BYTES_MAX = 16 << 20,
    WIRE_COUNT_MAX = 1000000000,
};

enum wire_category {
    WIRE_UPDATE,
    WIRE_APP_CRASH,
    WIRE_APP_EXIT,
    WIRE_KERNEL_CRASH,
    WIRE_WATCHDOG,
    WIRE_REBOOT,
    WIRE_OUT_OF_MEMORY,
    WIRE_DISK_FULL,
    WIRE_ATTESTATION,
    WIRE_TIME_TROUBLE,
    WIRE_NETWORK,
    WIRE_CUSTOM,
    WIRE_UPTIME, /* no trouble: `uptime_s` of the time between `start` and `end` */
    WIRE_CATEGORY_COUNT,
};
const char *wire_category_name(enum wire_category category);
MUST_USE bool wire_category_parse(const char *name, enum wire_category *out);

struct wire_frame {
    char build_id[WIRE_BUILD_ID_ROOM];
    uint64_t offset;
};

struct wire_attachment {
    bool set;
    char kind[9]; /* "log" or "minidump" */
    uint64_t length;
    uint8_t sha256[HASH_BYTES];
};

// NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding): in the order of the message
struct wire_event_body {
    char category[WIRE_CATEGORY_ROOM];   /* wire_category_name() */
    char class[4];                       /* "os" or "app" */
    char component[WIRE_COMPONENT_ROOM]; /* "": the system's own */
    uint64_t count;
    int64_t start_ms;
    int64_t end_ms;
    bool planned;
    struct wire_hash image; /* that ran */
    struct wire_number exit_status;
    struct wire_number signal;
    char summary[WIRE_SUMMARY_ROOM];
    struct wire_frame backtrace[WIRE_FRAMES_MAX]; /* innermost first */
    size_t frame_count;
    uint64_t uptime_s;                 /* of WIRE_UPTIME */
    struct wire_attachment attachment; /* that can be had: PUT attachment/SHA256 */
};

struct wire_event {
    uint8_t epoch[WIRE_EPOCH_BYTES];
    uint64_t seq; /* from 1, of the same queue as reports */
    struct wire_event_body event;
};

WIRE_MESSAGE(wire_event);

/* Is this report an event? Looks for the member only; what cannot be read is none. */
bool wire_report_is_event(const void *data, size_t len);
/* The frames alone, as a JSON list. */
void wire_backtrace_format(const struct wire_event_body *event, struct buf *out);
