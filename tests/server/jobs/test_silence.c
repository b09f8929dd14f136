/* T23, the server's half: a device that is kept from us is noticed. */
#include <criterion/criterion.h>
#include <string.h>

#include "lib/base/clock.h"
#include "server/jobs/silence.h"
#include "server/metrics/metrics.h"
#include "tests/support/world.h"

static bool says(struct metrics *metrics, const char *line)
{
    bool found;
    AUTO_BUF page;

    buf_init(&page, 1 << 16);
    metrics_print(metrics, &page);
    found = strstr(buf_text(&page), line) != NULL;
    return found;
}

Test(silence, a_device_that_was_not_heard_of_for_three_days_is_counted)
{
    struct fixture fixture;
    struct metrics *metrics = metrics_new(1);
    struct silence *silence;
    int64_t now_ms = clock_now_ms();

    world_open(&fixture, 1);
    world_devices(&fixture, 3);
    world_sql(&fixture, "INSERT INTO device_seen (device_id, tenant_id, seen_at)"
                        " SELECT id, tenant_id, now() - CASE id WHEN 1 THEN interval '1 hour'"
                        "   WHEN 2 THEN interval '71 hours 55 minutes' ELSE interval '80 days' END"
                        "   FROM device"
                        " ON CONFLICT (device_id) DO UPDATE SET seen_at = excluded.seen_at");
    silence = silence_new(fixture.db, metrics);
    cr_expect(says(metrics, "slipway_devices_silent 0\n"));
    silence_run(silence, now_ms);
    while (!says(metrics, "slipway_devices_silent 1\n"))
        loop_turn(fixture.loop);
    silence_run(silence, now_ms + INT64_C(3600000));
    while (!says(metrics, "slipway_devices_silent 2\n"))
        loop_turn(fixture.loop);
    fixture_close(&fixture);
    silence_free(silence);
    metrics_free(metrics);
}
