/*
 * What the director costs, in signatures counted over days that are lived through and not waited
 * for. What a device decides is the half of its timestamp's remaining life, as
 * device-client/trust says; what the server decides is the director's own rule.
 */
#include <criterion/criterion.h>
#include <stdio.h>

#include "lib/base/mem.h"
#include "server/repo/director_compose.h"

enum { DEVICES = 1000000, POLL_S = 300, DAY_S = 86400, HERD_S = 600, PARTS = 3 };

/* When its timestamp was signed and when the device last looked, in seconds; a day is spent before
 * the simulation begins. */
struct sleeper {
    uint32_t signed_s;
    uint32_t walked_s;
};

struct tally {
    uint64_t count;
    uint64_t devices;     /* that got something signed */
    uint32_t *per_minute; /* of the days that are simulated */
};

static bool device_asks(const struct sleeper *sleeper, uint32_t now_s)
{
    int64_t expires_s = (int64_t)sleeper->signed_s + DIRECTOR_TIMESTAMP_LIFE_MS / 1000;

    return now_s >= ((int64_t)sleeper->walked_s + expires_s) / 2;
}

/* The device looks; signed is what is due. */
static void look(struct sleeper *sleeper, bool is_moved, uint32_t now_s, struct tally *tally)
{
    struct store_director facts = {
        .timestamp_version = 1,
        .is_moved = is_moved,
        .targets_expires_ms = INT64_C(20) * DAY_S * 1000,
        .signed_ms = (int64_t)sleeper->signed_s * 1000,
    };
    enum director_due due = director_due(&facts, (int64_t)now_s * 1000);
    uint32_t signatures = due == DIRECTOR_ALL ? PARTS : due == DIRECTOR_TIMESTAMP ? 1 : 0;

    sleeper->walked_s = now_s;
    if (signatures == 0)
        return;
    sleeper->signed_s = now_s;
    tally->count += signatures;
    tally->devices++;
    tally->per_minute[(now_s - DAY_S) / 60] += signatures;
}

/* One device polls from its first poll to `end_s`. */
static void live(struct sleeper *sleeper, uint32_t first_s, uint32_t end_s, struct tally *tally)
{
    for (uint32_t s = first_s; s < end_s; s += POLL_S) {
        if (device_asks(sleeper, s))
            look(sleeper, false, s, tally);
    }
}

static double busiest(const struct tally *tally, size_t minutes)
{
    uint32_t most = 0;

    for (size_t i = 0; i < minutes; i++)
        most = tally->per_minute[i] > most ? tally->per_minute[i] : most;
    return most / 60.0;
}

Test(director_day, a_million_idle_devices_cost_at_most_twelve_signatures_a_second)
{
    struct tally tally = {.per_minute = mem_array(DAY_S / 60, sizeof(*tally.per_minute))};

    /* Ages of the timestamps are spread over their day, as polls are: device i was signed for at
     * second (i * 7919) of the day before. */
    for (uint32_t i = 0; i < DEVICES; i++) {
        uint32_t signed_s = (uint32_t)((uint64_t)i * 7919 % DAY_S);
        struct sleeper sleeper = {signed_s, signed_s};

        live(&sleeper, DAY_S + i % POLL_S, 2 * DAY_S, &tally);
    }
    (void)fprintf(
        stderr, "signatures of a simulated day: %llu, %.2f a second, busiest minute %.1f\n",
        (unsigned long long)tally.count, (double)tally.count / DAY_S, busiest(&tally, DAY_S / 60));
    cr_expect_leq(tally.count, UINT64_C(12) * DAY_S);
    cr_expect_geq(tally.count, (uint64_t)DEVICES * 9 / 10, "every device's timestamp stays fresh");
    mem_free(tally.per_minute);
}

Test(director_day, a_herd_costs_three_signatures_a_device_and_one_the_day_after)
{
    enum { END_S = 2 * DAY_S + 2 * HERD_S, MINUTES = (END_S - DAY_S) / 60 };
    struct tally herd = {.per_minute = mem_array(MINUTES, sizeof(*herd.per_minute))};
    struct tally after = {.per_minute = mem_array(MINUTES, sizeof(*after.per_minute))};

    for (uint32_t i = 0; i < DEVICES; i++) {
        struct sleeper sleeper = {0, 0};
        uint32_t asks_s = DAY_S + i % HERD_S;

        look(&sleeper, true, asks_s, &herd);
        live(&sleeper, asks_s + POLL_S, END_S, &after);
    }
    (void)fprintf(stderr,
                  "a herd of %d, all within %d s: %llu signatures, busiest minute %.1f a second; "
                  "the day after %llu, busiest minute %.1f\n",
                  DEVICES, HERD_S, (unsigned long long)herd.count, busiest(&herd, MINUTES),
                  (unsigned long long)after.count, busiest(&after, MINUTES));
    cr_expect_eq(herd.count, (uint64_t)PARTS * DEVICES);
    cr_expect_eq(after.count, DEVICES, "everybody stays fresh, at one signature");
    cr_expect_eq(after.devices, DEVICES);
    mem_free(herd.per_minute);
    mem_free(after.per_minute);
}
