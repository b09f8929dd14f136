#include "cli/sim/trouble.h"

#include <criterion/criterion.h>

#include "cli/sim/device.h"
#include "lib/base/mem.h"

Test(sim_trouble, reads_a_version_and_its_crashes_a_day)
{
    static const struct {
        const char *text;
        bool good;
        uint64_t per_day;
    } cases[] = {
        {"2.0=3", true, 3},  {"a=b=1", true, 1},          {"2.0=100000000", true, 100000000},
        {"2.0=0", false, 0}, {"2.0=100000001", false, 0}, {"=3", false, 0},
        {"2.0", false, 0},   {"2.0=0.5", false, 0},       {"2.0=", false, 0},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct sim_crash crash = {0};
        struct err err = {0};

        cr_expect_eq(sim_crash_parse(cases[i].text, &crash, &err), cases[i].good, "%s",
                     cases[i].text);
        cr_expect_eq(crash.per_day, cases[i].per_day, "%s", cases[i].text);
        cr_expect_eq(err.code, cases[i].good ? ERR_NONE : ERR_INVALID, "%s", cases[i].text);
        mem_free(crash.version);
    }
}

Test(sim_trouble, draws_as_many_as_are_to_be_expected)
{
    uint64_t crashes = 0;

    cr_expect_eq(sim_crash_draw(0, 86400000, 0), 0);
    cr_expect_eq(sim_crash_draw(5, 86400000, UINT32_MAX), 5);
    cr_expect_eq(sim_crash_draw(86400, 500, 0), 1, "half a one, with luck");
    cr_expect_eq(sim_crash_draw(86400, 500, UINT32_MAX), 0, "and without");
    for (uint32_t i = 0; i < 1000; i++)
        crashes += sim_crash_draw(86400, 250, i * (UINT32_MAX / 1000));
    cr_expect(crashes >= 249 && crashes <= 251, "%llu", (unsigned long long)crashes);
}

static void poll(struct sim_device *device, uint64_t report_s, int64_t now_mono_ms)
{
    struct wire_poll_answer answer = {.next_poll_s = 1000};

    answer.report_s.set = report_s > 0;
    answer.report_s.value = report_s;
    sim_device_polled(device, &answer, now_mono_ms);
}

Test(sim_trouble, tells_of_crashes_and_then_of_uptime_as_often_as_the_server_wants)
{
    struct sim_device device;
    const uint8_t id[HASH_BYTES] = {1};
    const uint8_t epoch[WIRE_EPOCH_BYTES] = {2};
    uint64_t seq;

    sim_device_init(&device, 0, id, epoch);
    sim_device_claimed(&device);
    sim_device_has_session(&device, "token");
    device.walk_mono_ms = INT64_MAX;
    poll(&device, 0, 0);
    cr_expect_eq(sim_device_next(&device, 100), SIM_WAIT, "nobody wants to know");
    device.wake_mono_ms = 0;
    poll(&device, 10, 1000);
    cr_expect_eq(sim_device_next(&device, 1000), SIM_WAIT);
    cr_expect_eq(device.wake_mono_ms, 11000);
    device.crashes_per_day = 86400ULL * 2;
    seq = device.seq;
    cr_expect_eq(sim_device_next(&device, 11000), SIM_EVENT);
    cr_expect(device.event.is_crash);
    cr_expect_eq(device.event.count, 20);
    cr_expect_eq(device.event.span_ms, 10000);
    cr_expect_eq(sim_device_next(&device, 11500), SIM_EVENT, "until it is the server's");
    sim_device_told(&device);
    cr_expect_eq(sim_device_next(&device, 12000), SIM_EVENT);
    cr_expect_not(device.event.is_crash, "now the uptime");
    cr_expect_eq(device.event.span_ms, 10000);
    sim_device_told(&device);
    cr_expect_eq(sim_device_next(&device, 12000), SIM_WAIT);
    cr_expect_eq(device.seq, seq + 2);
    sim_device_done(&device);
}

Test(sim_trouble, of_a_new_system_begins_with_it)
{
    struct sim_device device;
    const uint8_t id[HASH_BYTES] = {1};
    const uint8_t epoch[WIRE_EPOCH_BYTES] = {2};

    sim_device_init(&device, 0, id, epoch);
    sim_device_claimed(&device);
    sim_device_has_session(&device, "token");
    poll(&device, 10, 1000);
    device.state = UPDATE_ACTIVATING;
    device.report.pending = true;
    device.crashes_per_day = 86400;
    sim_device_reported(&device, 8000);
    cr_expect_eq(device.state, UPDATE_VERIFYING);
    device.report.pending = false;
    cr_expect_neq(sim_device_next(&device, 17999), SIM_EVENT, "the time before is the old one's");
    device.wake_mono_ms = 0;
    cr_expect_eq(sim_device_next(&device, 18000), SIM_EVENT);
    cr_expect_eq(device.event.span_ms, 10000);
    cr_expect_eq(device.event.count, 10);
    sim_device_done(&device);
}
