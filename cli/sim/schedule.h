#pragma once
/*
 * Who is waited for, the earliest first: a binary heap of (time, device number), so that a
 * hundred thousand sleeping devices cost one comparison per turn. Pure.
 */
#include "lib/base/base.h"

struct schedule_entry {
    int64_t at_mono_ms;
    uint32_t index;
};

struct schedule {
    struct schedule_entry *entries; /* owned */
    size_t count;
    size_t room;
};

void schedule_init(struct schedule *schedule);
void schedule_done(struct schedule *schedule);
void schedule_add(struct schedule *schedule, uint32_t index, int64_t at_mono_ms);
/* Takes out the earliest one that is due; false when there is none. */
MUST_USE bool schedule_take_due(struct schedule *schedule, int64_t now_mono_ms, uint32_t *out);
/* Until the earliest is due: 0 when it is, `max_ms` when there is none or it is further away. */
int64_t schedule_wait_ms(const struct schedule *schedule, int64_t now_mono_ms, int64_t max_ms);
