#pragma once
/*
 * The properties of a device group as operators send them. Pure. What was checked here is stored
 * as it is: the members of the object are those of store_group.h.
 */
#include "lib/json/json.h"

enum {
    GROUP_POLL_INTERVAL_S_MAX = 604800, /* a week, as the schema says */
    GROUP_CONCURRENCY_MAX = 10000000,
};
#define GROUP_BYTES_PER_HOUR_MAX 1000000000000000ULL

/* NULL-terminated: what a PATCH may have; a creation has "product" beside some of them. */
extern const char *const group_property_names[];

/* Checks every property that is there. */
MUST_USE bool group_properties_check(const json_t *body, struct err *err);
/* {"days": ["mon" ...], "start": "HH:MM", "end": "HH:MM"}: days named once, start before or after
 * the end (then over midnight), never at it. */
MUST_USE bool group_window_check(const json_t *window, struct err *err);
