#include "server/store/store_event.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/mem.h"
#include "tests/support/event_world.h"

static const uint8_t epoch_b[STORE_EVENT_EPOCH_BYTES] = {2};

Test(store_event, counts_an_event_once_however_often_it_is_said)
{
    struct fixture fixture;
    struct answer answer;
    struct store_event events[3];

    event_world_open(&fixture, &answer, 1);
    events[0] = event_of(1, 1, "app-crash", 3);
    events[1] = events[0];
    events[2] = event_of(1, 2, "app-crash", 4);
    events[2].count = 5;

    cr_expect_neq(event_world_add(&answer, events, 3)[0], '\0', "the issue is new");
    cr_expect_eq(event_world_add(&answer, events, 3)[0], '\0', "and then it is not");
    events[1].epoch = epoch_b;
    (void)event_world_add(&answer, &events[1], 1);

    cr_expect_eq(world_number(&fixture, "SELECT count(*) FROM event"), 3);
    cr_expect_str_eq(world_text(&fixture, "SELECT count || ' ' || devices FROM issue"), "7 1");
    cr_expect_eq(world_number(&fixture, "SELECT count FROM issue_device"), 7);
    cr_expect_eq(world_number(&fixture, "SELECT count FROM issue_day"), 7);
    cr_expect_str_eq(
        world_text(&fixture, "SELECT events || ' ' || count || ' ' || devices FROM event_day"),
        "3 7 1");
    fixture_close(&fixture);
}

Test(store_event, takes_a_queue_out_of_order_as_long_as_the_window_reaches)
{
    static const struct {
        int64_t seq;
        bool is_new;
    } steps[] = {{100, true},       {99, true},
                 {100, false},      {38, true},
                 {38, false},       {37, false},
                 {101, true},       {39, true},
                 {38, false},       {164, true},
                 {101, false},      {102, true},
                 {163, true},       {1000, true},
                 {937, false},      {938, true},
                 {1, false},        {INT64_MAX - 1, true},
                 {INT64_MAX, true}, {INT64_MAX - 1, false}};
    struct fixture fixture;
    struct answer answer;
    int64_t expected = 0;

    event_world_open(&fixture, &answer, 1);
    for (size_t i = 0; i < COUNT(steps); i++) {
        struct store_event event = event_of(1, steps[i].seq, "app-crash", 1);

        (void)event_world_add(&answer, &event, 1);
        expected += steps[i].is_new;
        cr_expect_eq(world_number(&fixture, "SELECT count(*) FROM event"), expected,
                     "step %zu: %lld", i, (long long)steps[i].seq);
    }
    fixture_close(&fixture);
}

Test(store_event, a_whole_batch_is_judged_by_what_was_seen_before_it)
{
    enum { EVENTS = 200 };
    struct fixture fixture;
    struct answer answer;
    AUTO_FREE struct store_event *events = mem_array(EVENTS, sizeof(*events));

    event_world_open(&fixture, &answer, 1);
    for (size_t i = 0; i < EVENTS; i++)
        events[i] = event_of(1, (int64_t)((i * 77) % EVENTS) + 1, "custom", 1);
    (void)event_world_add(&answer, events, EVENTS);
    (void)event_world_add(&answer, events, EVENTS);
    cr_expect_eq(world_number(&fixture, "SELECT count(*) FROM event"), EVENTS);
    cr_expect_eq(world_number(&fixture, "SELECT high FROM event_epoch"), EVENTS);
    fixture_close(&fixture);
}

Test(store_event, counts_devices_once_a_day_and_category)
{
    struct fixture fixture;
    struct answer answer;
    struct store_event events[6];

    event_world_open(&fixture, &answer, 2);
    events[0] = event_of(1, 1, "app-crash", 1);
    events[1] = event_of(1, 2, "app-crash", 2);
    events[2] = event_of(2, 1, "app-crash", 2);
    events[3] = event_of(1, 3, "disk-full", 2);
    events[4] = event_of(1, 4, "app-crash", 25);
    events[5] = event_of(1, 5, "app-crash", 3);
    events[5].flags = STORE_EVENT_PLANNED;
    events[5].signature = NULL;
    (void)event_world_add(&answer, events, 5);
    (void)event_world_add(&answer, &events[5], 1);

    cr_expect_str_eq(world_text(&fixture,
                                "SELECT string_agg(day || ' ' || category || ' ' || devices || ' '"
                                "                  || events, ', ' ORDER BY day, category)"
                                "  FROM (SELECT day, category, sum(devices) AS devices,"
                                "               sum(events) AS events FROM event_day"
                                "         GROUP BY day, category) AS d"),
                     "2026-05-10 app-crash 2 4, 2026-05-10 disk-full 1 1, "
                     "2026-05-11 app-crash 1 1");
    fixture_close(&fixture);
}

Test(store_event, cuts_uptime_by_days_and_loses_none)
{
    struct fixture fixture;
    struct answer answer;
    struct store_event events[2];

    event_world_open(&fixture, &answer, 1);
    events[0] = uptime_of(1, 1, 22.5, 50.25);
    events[0].uptime_s -= 1001; /* it slept a little */
    events[1] = uptime_of(1, 2, 51, 51);
    (void)event_world_add(&answer, events, 2);

    cr_expect_eq(world_number(&fixture, "SELECT sum(uptime_s) FROM device_health_day"),
                 events[0].uptime_s);
    cr_expect_eq(world_number(&fixture, "SELECT sum(uptime_s) FROM event_day"), events[0].uptime_s);
    cr_expect_eq(world_number(&fixture, "SELECT sum(events) FROM event_day"), 2);
    cr_expect_eq(world_number(&fixture, "SELECT count(*) FROM device_health_day"), 3);
    cr_expect_eq(world_number(&fixture, "SELECT count(*) FROM event"), 0, "uptime is not kept raw");
    fixture_close(&fixture);
}

/* --- issues ------------------------------------------------------------------------------------
 */

Test(store_event, an_issue_comes_back_when_it_happens_after_it_was_resolved)
{
    static const struct {
        const char *what;
        const char *regress_from; /* of the resolved issue */
        unsigned image;           /* 0: not known */
        double hours;             /* after it was resolved */
        const char *state;
    } cases[] = {
        {"again", "NULL", 0, 1, "regressed"},
        {"an old report that came late", "NULL", 0, -1, "resolved"},
        {"an image before the repair", "3", 2, 1, "resolved"},
        {"an image that nobody knows", "3", 0, 1, "resolved"},
        {"the repaired image", "3", 3, 1, "regressed"},
        {"one after it", "3", 4, 1, "regressed"},
    };
    struct fixture fixture;
    struct answer answer;
    uint8_t image[HASH_BYTES];

    event_world_open(&fixture, &answer, 1);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct store_event event = event_of(1, (int64_t)i + 1, "app-crash", 10 + cases[i].hours);

        world_sql(&fixture,
                  "UPDATE issue SET state = 'resolved', regress_from = %s,"
                  " state_at = '2026-05-10 10:00 UTC'",
                  cases[i].regress_from);
        if (cases[i].image > 0) {
            world_image(cases[i].image, image);
            event.image = image;
        }
        if (i == 0) { /* it has to be there */
            struct store_event first = event_of(1, 50, "app-crash", 1);

            first.epoch = epoch_b;
            (void)event_world_add(&answer, &first, 1);
            world_sql(&fixture,
                      "UPDATE issue SET state = 'resolved', state_at = '2026-05-10 10:00 UTC'");
        }
        (void)event_world_add(&answer, &event, 1);
        cr_expect_str_eq(world_text(&fixture, "SELECT state FROM issue"), cases[i].state, "%s",
                         cases[i].what);
        cr_expect_eq(answer.text[0] != '\0', cases[i].state[2] == 'g', "%s: %s", cases[i].what,
                     answer.text);
    }
    cr_expect_eq(world_number(&fixture, "SELECT regressions FROM issue"), 3);
    fixture_close(&fixture);
}

Test(store_event, ignored_issues_stay_ignored_and_are_counted)
{
    struct fixture fixture;
    struct answer answer;
    struct store_event event;

    event_world_open(&fixture, &answer, 1);
    event = event_of(1, 1, "app-crash", 1);
    (void)event_world_add(&answer, &event, 1);
    world_sql(&fixture, "UPDATE issue SET state = 'ignored'");
    event.seq = 2;
    cr_expect_eq(event_world_add(&answer, &event, 1)[0], '\0', "nobody is told");
    cr_expect_str_eq(world_text(&fixture, "SELECT state || count FROM issue"), "ignored2");
    fixture_close(&fixture);
}

Test(store_event, one_signature_in_two_products_is_two_issues)
{
    struct fixture fixture;
    struct answer answer;
    struct store_event events[2];

    event_world_open(&fixture, &answer, 2);
    world_sql(&fixture,
              "INSERT INTO product (tenant_id, name, hwids) VALUES (1, 'other', '{board}');"
              "INSERT INTO device_group (tenant_id, product_id, name) VALUES (1, 2, 'else');"
              "UPDATE device SET group_id = 2 WHERE id = 2");
    events[0] = event_of(1, 1, "app-crash", 1);
    events[1] = event_of(2, 1, "app-crash", 1);
    (void)event_world_add(&answer, events, 2);
    cr_expect_eq(world_number(&fixture, "SELECT count(*) FROM issue WHERE count = 1"), 2);
    fixture_close(&fixture);
}

Test(store_event, a_device_that_says_something_new_each_time_makes_no_more_issues)
{
    struct fixture fixture;
    struct answer answer;
    struct store_event event;
    uint8_t other[HASH_BYTES] = {1};

    event_world_open(&fixture, &answer, 2);
    event = event_of(1, 1, "app-crash", 1);
    (void)event_world_add(&answer, &event, 1);
    world_sql(&fixture,
              "INSERT INTO issue_device (tenant_id, signature, device_id, count, first_seen,"
              "                          last_seen)"
              " SELECT 1, sha256(n::text::bytea), 1, 1, now(), now()"
              "   FROM generate_series(1, 199) AS n");
    for (int64_t seq = 2; seq < 6; seq++) {
        other[1] = (uint8_t)seq;
        event = event_of(1, seq, "app-crash", 1);
        event.signature = other;
        (void)event_world_add(&answer, &event, 1);
    }
    event = event_of(1, 6, "app-crash", 1); /* one that it has met */
    (void)event_world_add(&answer, &event, 1);
    event = event_of(2, 1, "app-crash", 1); /* another device is not concerned */
    event.signature = other;
    (void)event_world_add(&answer, &event, 1);
    cr_expect_str_eq(world_text(&fixture, "SELECT string_agg(title || ' ' || count, ', '"
                                          "                  ORDER BY id) FROM issue"),
                     "pump: app-crash 2, app-crash: more kinds than a device can have 4, "
                     "pump: app-crash 1");
    fixture_close(&fixture);
}

/* --- many at once ------------------------------------------------------------------------------
 */

Test(store_event, a_thousand_writers_at_once_lose_no_count)
{
    enum { WRITERS = 1000, EVENTS = 4 };
    struct fixture fixture;
    AUTO_FREE struct answer *answers = mem_array(WRITERS, sizeof(*answers));
    AUTO_FREE struct store_event *events = mem_array((size_t)WRITERS * EVENTS, sizeof(*events));
    AUTO_FREE uint8_t(*epochs)[STORE_EVENT_EPOCH_BYTES] = mem_array(WRITERS, sizeof(*epochs));
    int64_t sum = (int64_t)WRITERS * EVENTS;

    world_open(&fixture, 8);
    world_devices(&fixture, 50);
    event_world_deploy(&fixture, "", "", "");
    for (int64_t i = 0; i < WRITERS; i++) {
        answers[i] = (struct answer){.fixture = &fixture};
        memcpy(epochs[i], &i, sizeof(i));
        for (int64_t k = 0; k < EVENTS; k++) {
            /* devices in another order in every batch: locks must not meet in a circle */
            int64_t device = (i * 7 + (i % 2 ? k : EVENTS - k) * 13) % 50 + 1;

            events[i * EVENTS + k] = event_of(device, k + 1, "app-crash", 3);
            events[i * EVENTS + k].epoch = epochs[i];
        }
    }
    for (int64_t i = 0; i < WRITERS; i++) {
        fixture.pending++;
        store_event_add(fixture.db, &events[i * EVENTS], EVENTS, answer_done, &answers[i]);
    }
    fixture_wait(&fixture);
    for (size_t i = 0; i < WRITERS; i++)
        cr_assert_eq(answers[i].code, ERR_NONE, "%zu: %s", i, answers[i].text);
    cr_expect_eq(world_number(&fixture, "SELECT count(*) FROM event"), sum);
    cr_expect_eq(world_number(&fixture, "SELECT count FROM issue"), sum);
    cr_expect_eq(world_number(&fixture, "SELECT devices FROM issue"), 50);
    cr_expect_eq(world_number(&fixture, "SELECT sum(count) FROM issue_device"), sum);
    cr_expect_eq(world_number(&fixture, "SELECT sum(count) FROM event_day"), sum);
    cr_expect_eq(world_number(&fixture, "SELECT sum(devices) FROM event_day"), 50);
    cr_expect_eq(world_number(&fixture, "SELECT sum(bad) FROM deployment_health"), 50);
    fixture_close(&fixture);
}

/* --- partitions --------------------------------------------------------------------------------
 */

Test(store_event, partitions_are_made_ahead_take_what_was_caught_and_are_dropped)
{
    struct fixture fixture;
    struct answer answer;
    struct store_event event = event_of(1, 1, "app-crash", 3);

    event_world_open(&fixture, &answer, 1);
    (void)event_world_add(&answer, &event, 1);
    cr_expect_eq(world_number(&fixture, "SELECT count(*) FROM event_other"), 1,
                 "the job did not run yet");
    world_sql(&fixture, "SET slipway.tenant = '*';"
                        "SELECT slipway_partitions((now() AT TIME ZONE 'UTC')::date, 14)");
    cr_expect_eq(world_number(&fixture, "SELECT count(*) FROM event_other"), 0);
    cr_expect_eq(world_number(&fixture, "SELECT count(*) FROM event"), 1, "nothing is lost");
    world_sql(&fixture, "SET slipway.tenant = '*';"
                        "SELECT slipway_partitions((now() AT TIME ZONE 'UTC')::date + 14, 14)");
    cr_expect_eq(world_number(&fixture, "SELECT count(*) FROM event"), 1, "the last day it stays");
    event.seq = 2;
    (void)event_world_add(&answer, &event, 1);
    world_sql(&fixture, "SET slipway.tenant = '*';"
                        "SELECT slipway_partitions((now() AT TIME ZONE 'UTC')::date + 15, 14)");
    cr_expect_eq(world_number(&fixture, "SELECT count(*) FROM event"), 0);
    cr_expect_eq(world_number(&fixture, "SELECT sum(count) FROM event_day"), 2,
                 "the rollups stay for years");
    event.seq = 1;
    (void)event_world_add(&answer, &event, 1);
    cr_expect_eq(world_number(&fixture, "SELECT count FROM issue"), 2,
                 "the key outlives the partition");
    fixture_close(&fixture);
}
