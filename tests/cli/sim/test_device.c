#include <criterion/criterion.h>

#include <string.h>

#include "cli/sim/device.h"
#include "lib/base/text.h"

static const uint8_t id[HASH_BYTES] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
static const uint8_t epoch[WIRE_EPOCH_BYTES] = {9};
static const struct sim_image v1 = {.sha256 = {1}, .version = "1", .listed = true};
static const struct sim_image v2 = {.sha256 = {2}, .version = "2", .listed = true, .floor = 7};

static struct wire_poll_answer nothing_at(uint64_t assignment)
{
    return (struct wire_poll_answer){.assignment = assignment, .next_poll_s = 10};
}

/* v2, with a delta from v1. */
static struct wire_poll_answer grant_at(uint64_t assignment, const char *deployment)
{
    struct wire_poll_answer answer = nothing_at(assignment);

    (void)text_copy(answer.deployment, sizeof(answer.deployment), deployment);
    (void)text_copy(answer.targets[0].path, sizeof(answer.targets[0].path), "os/demo/2/rootfs.img");
    memcpy(answer.targets[0].sha256, v2.sha256, HASH_BYTES);
    answer.target_count = 1;
    (void)text_copy(answer.deltas[0].path, sizeof(answer.deltas[0].path), "deltas/ab");
    memcpy(answer.deltas[0].from, v1.sha256, HASH_BYTES);
    answer.delta_count = 1;
    return answer;
}

/* Claimed, with a session and good metadata, running v1; due to poll at 0. */
static struct sim_device ready(void)
{
    struct sim_device device;

    sim_device_init(&device, 3, id, epoch);
    sim_device_claimed(&device);
    sim_device_has_session(&device, "token");
    sim_device_walked(&device, INT64_MAX);
    device.installed = &v1;
    return device;
}

static void expect_report(const struct sim_device *device, enum update_state state,
                          enum refusal reason)
{
    struct wire_report report;

    cr_assert(device->report.pending, "%s is reported", update_state_name(state));
    sim_device_fill_report(device, &report);
    cr_expect_eq(report.state, state, "%s, not %s", update_state_name(state),
                 update_state_name(report.state));
    cr_expect_eq(report.reason, reason);
    cr_expect_eq(report.seq, device->seq);
}

/* With the report of `state` (but OFFERED and IDLE) still to be sent. */
static struct sim_device at(enum update_state state, bool fails)
{
    struct sim_device device = ready();
    struct wire_poll_answer answer = grant_at(1, "d");
    const struct wire_activate_answer go = {.go = true};

    sim_device_polled(&device, &answer, 0);
    sim_device_judged(&device, &v2, fails, NULL);
    if (state == UPDATE_DOWNLOADING)
        return device;
    sim_device_reported(&device, 0);
    sim_device_fetched(&device, 100, 0);
    if (state == UPDATE_STAGED)
        return device;
    sim_device_reported(&device, 0);
    sim_device_allowed(&device, &go, 0);
    if (state == UPDATE_ACTIVATING)
        return device;
    sim_device_reported(&device, 0);
    cr_assert_eq(device.state, UPDATE_VERIFYING);
    return device;
}

Test(device, claims_then_opens_a_session_then_walks_then_polls)
{
    struct sim_device device;
    struct wire_poll_answer answer = nothing_at(0);

    sim_device_init(&device, 3, id, epoch);
    cr_expect_eq(sim_device_next(&device, 0), SIM_CLAIM);
    sim_device_claimed(&device);
    cr_expect_eq(sim_device_next(&device, 0), SIM_SESSION);
    sim_device_has_session(&device, "token");
    cr_expect_eq(sim_device_next(&device, 0), SIM_WALK);
    sim_device_walked(&device, 50000);
    cr_expect_eq(sim_device_next(&device, 0), SIM_POLL);
    cr_expect_not(sim_device_is_settled(&device));
    sim_device_polled(&device, &answer, 0);
    cr_expect_eq(sim_device_next(&device, 0), SIM_WAIT);
    cr_expect(sim_device_is_settled(&device));
    sim_device_done(&device);
}

Test(device, polls_at_the_servers_interval_twenty_percent_more_or_less)
{
    struct sim_device device = ready();
    int64_t least = INT64_MAX, most = 0;

    for (int i = 0; i < 500; i++) {
        struct wire_poll_answer answer = nothing_at(0);

        sim_device_polled(&device, &answer, 1000);
        least = device.poll_mono_ms < least ? device.poll_mono_ms : least;
        most = device.poll_mono_ms > most ? device.poll_mono_ms : most;
    }

    cr_expect(least >= 9000 && least < 9200, "%lld", (long long)least);
    cr_expect(most <= 13000 && most > 12800, "%lld", (long long)most);
    cr_expect_eq(sim_device_next(&device, device.poll_mono_ms - 1), SIM_WAIT);
    cr_expect_eq(sim_device_next(&device, device.poll_mono_ms), SIM_POLL);
    sim_device_done(&device);
}

Test(device, walks_again_when_the_metadata_is_half_old_and_only_then)
{
    struct sim_device device = ready();
    struct wire_poll_answer answer = nothing_at(0);

    sim_device_walked(&device, 50000);
    sim_device_polled(&device, &answer, 0);

    cr_expect_eq(sim_device_next(&device, 49999), SIM_POLL);
    cr_expect_eq(sim_device_next(&device, 50000), SIM_WALK);
    sim_device_done(&device);
}

Test(device, reports_every_step_of_an_update_in_order)
{
    struct sim_device device = ready();
    struct wire_poll_answer answer = grant_at(1, "d");
    const struct wire_activate_answer go = {.go = true};
    struct wire_poll poll;

    sim_device_polled(&device, &answer, 0);
    cr_expect_eq(device.assignment, 0, "not taken before the metadata was walked");
    cr_expect_eq(sim_device_next(&device, 0), SIM_WALK);
    sim_device_walked(&device, 50000);
    sim_device_judged(&device, &v2, false, NULL);
    cr_expect_eq(device.assignment, 1);
    cr_expect_eq(sim_device_next(&device, 0), SIM_REPORT);
    expect_report(&device, UPDATE_DOWNLOADING, REFUSAL_NONE);
    sim_device_reported(&device, 0);
    cr_expect_eq(sim_device_next(&device, 0), SIM_FETCH);
    cr_expect_not_null(sim_device_delta(&device));
    sim_device_fetched(&device, 100, 0);
    expect_report(&device, UPDATE_STAGED, REFUSAL_NONE);
    sim_device_reported(&device, 0);
    cr_expect_eq(sim_device_next(&device, 0), SIM_ACTIVATE);
    sim_device_allowed(&device, &go, 0);
    expect_report(&device, UPDATE_ACTIVATING, REFUSAL_NONE);
    cr_expect_eq(sim_device_runs(&device), &v1);
    sim_device_reported(&device, 0);
    expect_report(&device, UPDATE_VERIFYING, REFUSAL_NONE);
    sim_device_reported(&device, 5);
    cr_expect_eq(sim_device_next(&device, 5), SIM_POLL, "the new system reaches the server");
    sim_device_fill_poll(&device, &poll);
    cr_expect_arr_eq(poll.installed[0], v2.sha256, HASH_BYTES);
    answer = nothing_at(1);
    sim_device_polled(&device, &answer, 5);
    expect_report(&device, UPDATE_SUCCEEDED, REFUSAL_NONE);
    cr_expect_not(sim_device_is_settled(&device));
    sim_device_reported(&device, 5);
    cr_expect(sim_device_is_settled(&device));
    cr_expect_eq(device.installed, &v2);
    cr_expect_eq(device.floor, 7);
    cr_expect_eq(device.seq, 5);
    sim_device_done(&device);
}

Test(device, rolls_back_for_its_health_and_runs_what_it_ran)
{
    struct sim_device device = at(UPDATE_VERIFYING, true);

    expect_report(&device, UPDATE_VERIFYING, REFUSAL_NONE);
    sim_device_reported(&device, 0);
    expect_report(&device, UPDATE_ROLLED_BACK, REFUSAL_HEALTH);
    sim_device_reported(&device, 0);

    cr_expect_eq(device.installed, &v1);
    cr_expect_eq(device.floor, 0);
    cr_expect(sim_device_is_settled(&device));
    sim_device_done(&device);
}

Test(device, skips_what_it_runs_already)
{
    struct sim_device device = ready();
    struct wire_poll_answer answer = grant_at(1, "d");

    device.installed = &v2;
    sim_device_polled(&device, &answer, 0);
    sim_device_judged(&device, &v2, false, NULL);

    expect_report(&device, UPDATE_SKIPPED, REFUSAL_NONE);
    sim_device_reported(&device, 0);
    cr_expect_eq(device.state, UPDATE_IDLE);
    sim_device_done(&device);
}

Test(device, refuses_what_is_not_signed_for_it)
{
    struct sim_device device = ready();
    struct wire_poll_answer answer = grant_at(1, "d");
    struct err why = {0};

    (void)err_refuse(&why, REFUSAL_HWID_MISMATCH, "for other hardware");
    sim_device_polled(&device, &answer, 0);
    sim_device_judged(&device, NULL, false, &why);

    expect_report(&device, UPDATE_FAILED, REFUSAL_HWID_MISMATCH);
    cr_expect_eq(device.assignment, 1, "it is not offered again");
    sim_device_reported(&device, 0);
    cr_expect(sim_device_is_settled(&device));
    sim_device_done(&device);
}

Test(device, asks_again_for_permission_and_stays_staged)
{
    struct sim_device device = at(UPDATE_STAGED, false);
    const struct wire_activate_answer not_now = {.retry_s = 4};

    sim_device_reported(&device, 0);
    sim_device_allowed(&device, &not_now, 0);

    cr_expect_eq(sim_device_next(&device, 3999), SIM_WAIT);
    cr_expect_eq(device.wake_mono_ms, 4000);
    cr_expect_eq(sim_device_next(&device, 4000), SIM_ACTIVATE);
    cr_expect_eq(device.state, UPDATE_STAGED);
    cr_expect_not(device.report.pending);
    sim_device_done(&device);
}

Test(device, fetches_the_whole_image_once_when_the_delta_is_wrong)
{
    struct sim_device device = at(UPDATE_DOWNLOADING, false);
    struct err why = {0};

    (void)err_refuse(&why, REFUSAL_DELTA_FILE_HASH, "other bytes");
    sim_device_reported(&device, 0);
    sim_device_not_fetched(&device, 50, &why, 0);
    expect_report(&device, UPDATE_DOWNLOADING, REFUSAL_DELTA_FILE_HASH);
    sim_device_reported(&device, 0);
    cr_expect_eq(sim_device_next(&device, 0), SIM_FETCH);
    cr_expect_null(sim_device_delta(&device));

    (void)err_refuse(&why, REFUSAL_TARGET_HASH, "other bytes");
    sim_device_not_fetched(&device, 200, &why, 0);
    expect_report(&device, UPDATE_FAILED, REFUSAL_TARGET_HASH);
    cr_expect_eq(device.bytes, 250);
    sim_device_done(&device);
}

Test(device, takes_no_delta_from_an_image_it_does_not_run)
{
    static const struct sim_image other = {.sha256 = {8}};
    struct sim_device device = ready();
    struct wire_poll_answer answer = grant_at(1, "d");

    device.installed = &other;
    sim_device_polled(&device, &answer, 0);

    cr_expect_null(sim_device_delta(&device));
    sim_device_done(&device);
}

Test(device, is_cancelled_before_the_switch_and_not_after_it)
{
    static const struct {
        enum update_state state;
        bool cancelled;
    } cases[] = {
        {UPDATE_DOWNLOADING, true},
        {UPDATE_STAGED, true},
        {UPDATE_VERIFYING, false},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct sim_device device = at(cases[i].state, false);
        struct wire_poll_answer answer = nothing_at(2);

        sim_device_reported(&device, 0);
        sim_device_polled(&device, &answer, 0);
        if (cases[i].cancelled) {
            expect_report(&device, UPDATE_CANCELLED, REFUSAL_CANCELLED);
            cr_expect_eq(device.assignment, 2);
        } else {
            expect_report(&device, UPDATE_SUCCEEDED, REFUSAL_NONE);
            cr_expect_eq(device.assignment, 1, "asked about again by the next poll");
        }
        sim_device_reported(&device, 0);
        cr_expect(sim_device_is_settled(&device));
        sim_device_done(&device);
    }
}

Test(device, goes_on_when_the_same_offer_comes_under_another_number)
{
    struct sim_device device = at(UPDATE_STAGED, false);
    struct wire_poll_answer answer = grant_at(2, "d");

    sim_device_reported(&device, 0);
    sim_device_polled(&device, &answer, 0);

    cr_expect_eq(device.state, UPDATE_STAGED);
    cr_expect_eq(device.assignment, 2);
    cr_expect_not(device.report.pending);
    sim_device_done(&device);
}

Test(device, gives_up_an_offer_for_a_newer_one_and_asks_for_it_at_once)
{
    struct sim_device device = at(UPDATE_STAGED, false);
    struct wire_poll_answer answer = grant_at(2, "e");

    sim_device_reported(&device, 0);
    sim_device_polled(&device, &answer, 0);
    expect_report(&device, UPDATE_CANCELLED, REFUSAL_CANCELLED);
    sim_device_reported(&device, 0);
    cr_expect_eq(sim_device_next(&device, 0), SIM_POLL);
    sim_device_polled(&device, &answer, 0);
    sim_device_judged(&device, &v2, false, NULL);

    cr_expect_eq(device.assignment, 2);
    expect_report(&device, UPDATE_DOWNLOADING, REFUSAL_NONE);
    sim_device_done(&device);
}

Test(device, ignores_an_offer_it_was_told_before)
{
    struct sim_device device = ready();
    struct wire_poll_answer answer = grant_at(4, "d");

    device.assignment = 4;
    sim_device_polled(&device, &answer, 0);

    cr_expect(sim_device_is_settled(&device));
    sim_device_done(&device);
}

Test(device, tells_a_refusal_of_metadata_once_and_polls_all_the_same)
{
    struct sim_device device = ready();
    struct err why = {0};
    struct wire_report report;

    (void)err_refuse(&why, REFUSAL_TIMESTAMP_EXPIRED, "too old");
    sim_device_not_walked(&device, &why, 0);
    expect_report(&device, UPDATE_IDLE, REFUSAL_TIMESTAMP_EXPIRED);
    sim_device_fill_report(&device, &report);
    cr_expect_str_eq(report.deployment, "");
    cr_expect_str_eq(report.detail, "too old");
    sim_device_reported(&device, 0);
    cr_expect_eq(sim_device_next(&device, 0), SIM_POLL);
    sim_device_not_walked(&device, &why, 0);
    cr_expect_not(device.report.pending);
    sim_device_done(&device);
}

Test(device, leaves_an_offer_without_metadata_for_a_later_poll)
{
    struct sim_device device = ready();
    struct wire_poll_answer answer = grant_at(1, "d");
    struct err why = {0};

    (void)err_set(&why, ERR_UNAVAILABLE, "no network");
    sim_device_polled(&device, &answer, 0);
    sim_device_not_walked(&device, &why, 0);

    cr_expect_eq(device.assignment, 0);
    cr_expect_null(device.offer);
    cr_expect_eq(sim_device_next(&device, 0), SIM_WAIT);
    cr_expect_eq(sim_device_next(&device, 60001), SIM_POLL);
    sim_device_done(&device);
}

Test(device, opens_a_new_session_when_the_old_one_is_over)
{
    struct sim_device device = ready();

    sim_device_denied(&device, 0);
    cr_expect_eq(sim_device_next(&device, 0), SIM_SESSION, "at once");
    sim_device_has_session(&device, "token");
    sim_device_denied(&device, 0);
    cr_expect_eq(sim_device_next(&device, 0), SIM_WAIT, "but not for ever");
    sim_device_done(&device);
}

Test(device, claims_again_when_the_server_forgot_it)
{
    struct sim_device device = ready();

    sim_device_forgotten(&device, 0);

    cr_expect_eq(sim_device_next(&device, 0), SIM_WAIT);
    cr_expect_eq(sim_device_next(&device, 60001), SIM_CLAIM);
    sim_device_done(&device);
}

Test(device, backs_off_further_with_every_failure_and_as_long_as_the_server_says)
{
    struct sim_device device = ready();

    for (unsigned i = 1; i <= 40; i++) {
        sim_device_failed(&device, 0, 1000);
        cr_expect_gt(device.wake_mono_ms, 1000);
        cr_expect_leq(device.wake_mono_ms, 1000 + 60000);
        if (i == 1)
            cr_expect_leq(device.wake_mono_ms, 1000 + 1000);
    }
    sim_device_failed(&device, 20, 0);
    cr_expect(device.wake_mono_ms >= 20000 && device.wake_mono_ms <= 22001);
    sim_device_done(&device);
}

Test(device, sends_a_report_again_until_it_is_the_servers)
{
    struct sim_device device = at(UPDATE_STAGED, false);
    uint64_t seq = device.seq;

    for (int i = 0; i < 3; i++) {
        cr_expect_eq(sim_device_next(&device, device.wake_mono_ms), SIM_REPORT);
        sim_device_failed(&device, 0, device.wake_mono_ms);
    }
    sim_device_denied(&device, device.wake_mono_ms);
    cr_expect_eq(sim_device_next(&device, device.wake_mono_ms), SIM_SESSION);
    sim_device_has_session(&device, "token");
    cr_expect_eq(sim_device_next(&device, device.wake_mono_ms), SIM_REPORT);
    expect_report(&device, UPDATE_STAGED, REFUSAL_NONE);
    cr_expect_eq(device.seq, seq, "under the same number");
    sim_device_done(&device);
}

Test(device, describes_itself_when_asked)
{
    struct sim_device device = ready();
    struct wire_poll_answer answer = nothing_at(0);

    answer.attributes = true;
    sim_device_polled(&device, &answer, 0);
    cr_expect_eq(sim_device_next(&device, 0), SIM_DESCRIBE);
    sim_device_described(&device);
    cr_expect_eq(sim_device_next(&device, 0), SIM_WAIT);
    sim_device_done(&device);
}

/* Whatever happens in whatever state, a device never stops: there is always a next action, and a
 * wait always ends. */
Test(device, goes_on_after_every_failure_in_every_state)
{
    static const enum update_state states[] = {UPDATE_DOWNLOADING, UPDATE_STAGED, UPDATE_ACTIVATING,
                                               UPDATE_VERIFYING};

    for (size_t i = 0; i < COUNT(states); i++) {
        for (int event = 0; event < 6; event++) {
            struct sim_device device = at(states[i], event % 2);
            struct wire_poll_answer answer = event < 3 ? nothing_at(1) : grant_at(9, "e");
            enum update_state before = device.state;

            if (event == 0)
                sim_device_failed(&device, 0, 0);
            else if (event == 1)
                sim_device_denied(&device, 0);
            else if (event == 2)
                sim_device_forgotten(&device, 0);
            if (event < 3) {
                cr_expect_eq(device.state, before, "a lost answer changes nothing");
                cr_expect(device.report.pending);
            }
            if (event >= 3) {
                sim_device_reported(&device, 0);
                while (device.report.pending)
                    sim_device_reported(&device, 0);
                sim_device_polled(&device, &answer, 0);
            }
            enum sim_action next = sim_device_next(&device, 0);

            cr_expect(next != SIM_WAIT || device.wake_mono_ms > 0, "%s, event %d",
                      update_state_name(states[i]), event);
            sim_device_done(&device);
        }
    }
}
