#pragma once
/*
 * Naming an image in a hardware's role: the entry, the next version of the role, and its division
 * into bins when the file would pass the length that devices take. Pure but for hashing the image.
 */
#include <stdio.h>

#include "cli/trust/plan.h"

enum { RELEASE_REVERT_DAYS = 90 };

struct release {
    const char *component;
    const char *version;
    const char *hwid;
    const char *image; /* the file */
    uint64_t counter;  /* 0: the next one */
    uint64_t floor;
    uint64_t epoch;
    uint64_t stepping_stone;
    const uint64_t *back_to;
    size_t back_to_count;
};

/* An entry's "custom": `hwids` (a list of texts) is taken over. The caller owns the result. */
json_t *release_custom(const struct release *release, json_t *hwids, int64_t now_ms);
/* Adds the image to "os-HWID" (or the bin of its path). `*added` is {"path", "sha256", "length",
 * "counter", "hwid"}, the caller's. ERR_CONFLICT when the path or the bytes are signed,
 * ERR_NOT_FOUND when nobody may sign for this hardware. `progress` gets a bar. */
MUST_USE bool release_add(struct plan *plan, const struct release *release, FILE *progress,
                          json_t **added, struct err *err);
/* The highest counter that is signed for this component and hardware; 0: none. */
uint64_t release_last_counter(const struct plan *plan, const char *component, const char *hwid);
