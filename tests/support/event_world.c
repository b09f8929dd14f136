/* The same signature for all, unless the test says otherwise. */
#include "tests/support/event_world.h"

#include <criterion/criterion.h>

#define HOUR_MS INT64_C(3600000)
/* 2026-05-10 00:00 UTC; times in cases are hours after it. */
#define DAY_MS INT64_C(1778371200000)

static const uint8_t epoch_a[16] = {1};
static const uint8_t signature[HASH_BYTES] = {9};

struct store_event event_of(int64_t device, int64_t seq, const char *category, double hour)
{
    return (struct store_event){
        .device_id = device,
        .tenant_id = 1,
        .epoch = epoch_a,
        .seq = seq,
        .category = category,
        .class = "app",
        .component = "pump",
        .count = 1,
        .start_ms = DAY_MS + (int64_t)(hour * HOUR_MS),
        .end_ms = DAY_MS + (int64_t)(hour * HOUR_MS),
        .exit_status = -1,
        .signal = 11,
        .summary = "said",
        .signature = signature,
        .title = "pump: app-crash",
    };
}

struct store_event uptime_of(int64_t device, int64_t seq, double from, double to)
{
    struct store_event event = event_of(device, seq, "uptime", from);

    event.end_ms = DAY_MS + (int64_t)(to * HOUR_MS);
    event.uptime_s = (event.end_ms - event.start_ms) / 1000;
    event.signature = NULL;
    return event;
}

const char *event_world_add(struct answer *answer, const struct store_event *events, size_t count)
{
    answer->fixture->pending++;
    store_event_add(answer->fixture->db, events, count, answer_done, answer);
    fixture_wait(answer->fixture);
    cr_assert_eq(answer->code, ERR_NONE, "%s", answer->text);
    return answer->text;
}

void event_world_open(struct fixture *fixture, struct answer *answer, unsigned devices)
{
    *answer = (struct answer){.fixture = fixture};
    world_open(fixture, 1);
    world_devices(fixture, devices);
}

void event_world_deploy(const struct fixture *fixture, const char *state, const char *activated,
                        const char *ended)
{
    (void)world_deployment(fixture, 2, "100000");
    world_sql(fixture, "UPDATE deployment SET created_at = '2026-05-10 02:00 UTC'");
    if (state[0])
        world_sql(
            fixture,
            "INSERT INTO deployment_device (deployment_id, device_id, tenant_id, phase, state,"
            "                               stratum, activated_at, verdict_at, updated_at)"
            " VALUES (1, 1, 1, 1, '%s', 7, %s, %s, coalesce(%s, now()))",
            state, activated, ended, ended);
}
