/* A binary heap in an array: the children of entry i are 2i + 1 and 2i + 2. */
#include "cli/sim/schedule.h"

#include "lib/base/mem.h"

enum { ROOM_MIN = 64 };

void schedule_init(struct schedule *schedule)
{
    *schedule = (struct schedule){0};
}

void schedule_done(struct schedule *schedule)
{
    mem_free(schedule->entries);
    schedule_init(schedule);
}

static bool is_before(const struct schedule *schedule, size_t a, size_t b)
{
    return schedule->entries[a].at_mono_ms < schedule->entries[b].at_mono_ms;
}

static void swap(struct schedule *schedule, size_t a, size_t b)
{
    struct schedule_entry held = schedule->entries[a];

    schedule->entries[a] = schedule->entries[b];
    schedule->entries[b] = held;
}

void schedule_add(struct schedule *schedule, uint32_t index, int64_t at_mono_ms)
{
    size_t at = schedule->count;

    if (schedule->count == schedule->room) {
        schedule->room = schedule->room ? schedule->room * 2 : ROOM_MIN;
        schedule->entries =
            mem_resize(schedule->entries, schedule->room, sizeof(schedule->entries[0]));
    }
    schedule->entries[schedule->count++] = (struct schedule_entry){at_mono_ms, index};
    while (at > 0 && is_before(schedule, at, (at - 1) / 2)) {
        swap(schedule, at, (at - 1) / 2);
        at = (at - 1) / 2;
    }
}

/* The entry on top goes down to where it belongs. */
static void sink(struct schedule *schedule)
{
    size_t at = 0;

    for (;;) {
        size_t least = at;

        for (size_t child = 2 * at + 1; child <= 2 * at + 2; child++)
            if (child < schedule->count && is_before(schedule, child, least))
                least = child;
        if (least == at)
            return;
        swap(schedule, at, least);
        at = least;
    }
}

bool schedule_take_due(struct schedule *schedule, int64_t now_mono_ms, uint32_t *out)
{
    if (schedule->count == 0 || schedule->entries[0].at_mono_ms > now_mono_ms)
        return false;
    *out = schedule->entries[0].index;
    schedule->entries[0] = schedule->entries[--schedule->count];
    sink(schedule);
    return true;
}

int64_t schedule_wait_ms(const struct schedule *schedule, int64_t now_mono_ms, int64_t max_ms)
{
    int64_t wait;

    if (schedule->count == 0)
        return max_ms;
    wait = schedule->entries[0].at_mono_ms - now_mono_ms;
    if (wait < 0)
        return 0;
    return wait < max_ms ? wait : max_ms;
}
