#pragma once
/*
 * What the agent may tell the boot loader, whatever loader it is: try this slot once, this slot
 * is good, this slot is not to be started. The loader alone decides what boots; the agent reads
 * what it decided.
 */
#include "lib/base/err.h"

enum slot { SLOT_A, SLOT_B, SLOT_COUNT };

enum boot_slot_state {
    BOOT_EMPTY, /* not to be started: being written, or never was */
    BOOT_GOOD,  /* confirmed */
    BOOT_TRY,   /* to be tried, at most BOOT_TRIES_MAX times */
    BOOT_BAD,   /* given up, by the loader or by the agent's health check */
    BOOT_SLOT_STATE_COUNT,
};

struct boot_slot {
    enum boot_slot_state state;
    unsigned tries; /* starts since it was marked BOOT_TRY */
};

struct boot_status {
    enum slot active; /* started when nothing is to be tried */
    struct boot_slot slots[SLOT_COUNT];
};

struct boot_backend {
    const char *name;
    bool (*read)(const char *where, struct boot_status *out, struct err *err);
    /* Durable before they return. */
    bool (*try_once)(const char *where, enum slot slot, struct err *err);
    bool (*confirm)(const char *where, enum slot slot, struct err *err);
    bool (*invalidate)(const char *where, enum slot slot, struct err *err);
    /* Marks the slot bad; when it was the active one the other becomes active, which must be
     * good (ERR_CONFLICT). */
    bool (*give_up)(const char *where, enum slot slot, struct err *err);
};

/* NULL when there is no such backend. */
const struct boot_backend *boot_backend_find(const char *name);

const char *slot_name(enum slot slot); /* "a", "b" */
MUST_USE bool slot_parse(const char *name, enum slot *out);
enum slot slot_other(enum slot slot);
const char *boot_slot_state_name(enum boot_slot_state state);
