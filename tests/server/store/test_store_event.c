#include "server/store/store_event.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "tests/support/world.h"

#define HOUR_MS INT64_C(3600000)
/* 2026-05-10 00:00 UTC; times in cases are hours after it. */
#define DAY_MS INT64_C(1778371200000)

static const uint8_t epoch_a[16] = {1};
static const uint8_t epoch_b[16] = {2};
static const uint8_t signature[HASH_BYTES] = {9};

static struct store_event event_of(int64_t device, int64_t seq, const char *category, double hour)
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

static struct store_event uptime_of(int64_t device, int64_t seq, double from, double to)
{
    struct store_event event = event_of(device, seq, "uptime", from);

    event.end_ms = DAY_MS + (int64_t)(to * HOUR_MS);
    event.uptime_s = (event.end_ms - event.start_ms) / 1000;
    event.signature = NULL;
    return event;
}

/* The answer in text: "uuid|back|title" for each new issue. */
static const char *add(struct answer *answer, const struct store_event *events, size_t count)
{
    answer->fixture->pending++;
    store_event_add(answer->fixture->db, events, count, answer_done, answer);
    fixture_wait(answer->fixture);
    cr_assert_eq(answer->code, ERR_NONE, "%s", answer->text);
    return answer->text;
}

static void open_world(struct fixture *fixture, struct answer *answer, unsigned devices)
{
    *answer = (struct answer){.fixture = fixture};
    world_open(fixture, 1);
    world_devices(fixture, devices);
}

Test(store_event, counts_an_event_once_however_often_it_is_said)
{
    struct fixture fixture;
    struct answer answer;
    struct store_event events[3];

    open_world(&fixture, &answer, 1);
    events[0] = event_of(1, 1, "app-crash", 3);
    events[1] = events[0];
    events[2] = event_of(1, 2, "app-crash", 4);
    events[2].count = 5;

    cr_expect_neq(add(&answer, events, 3)[0], '\0', "the issue is new");
    cr_expect_eq(add(&answer, events, 3)[0], '\0', "and then it is not");
    events[1].epoch = epoch_b;
    (void)add(&answer, &events[1], 1);

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

    open_world(&fixture, &answer, 1);
    for (size_t i = 0; i < COUNT(steps); i++) {
        struct store_event event = event_of(1, steps[i].seq, "app-crash", 1);

        (void)add(&answer, &event, 1);
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

    open_world(&fixture, &answer, 1);
    for (size_t i = 0; i < EVENTS; i++)
        events[i] = event_of(1, (int64_t)((i * 77) % EVENTS) + 1, "custom", 1);
    (void)add(&answer, events, EVENTS);
    (void)add(&answer, events, EVENTS);
    cr_expect_eq(world_number(&fixture, "SELECT count(*) FROM event"), EVENTS);
    cr_expect_eq(world_number(&fixture, "SELECT high FROM event_epoch"), EVENTS);
    fixture_close(&fixture);
}

Test(store_event, counts_devices_once_a_day_and_category)
{
    struct fixture fixture;
    struct answer answer;
    struct store_event events[6];

    open_world(&fixture, &answer, 2);
    events[0] = event_of(1, 1, "app-crash", 1);
    events[1] = event_of(1, 2, "app-crash", 2);
    events[2] = event_of(2, 1, "app-crash", 2);
    events[3] = event_of(1, 3, "disk-full", 2);
    events[4] = event_of(1, 4, "app-crash", 25);
    events[5] = event_of(1, 5, "app-crash", 3);
    events[5].flags = STORE_EVENT_PLANNED;
    events[5].signature = NULL;
    (void)add(&answer, events, 5);
    (void)add(&answer, &events[5], 1);

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

    open_world(&fixture, &answer, 1);
    events[0] = uptime_of(1, 1, 22.5, 50.25);
    events[0].uptime_s -= 1001; /* it slept a little */
    events[1] = uptime_of(1, 2, 51, 51);
    (void)add(&answer, events, 2);

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

    open_world(&fixture, &answer, 1);
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
            (void)add(&answer, &first, 1);
            world_sql(&fixture,
                      "UPDATE issue SET state = 'resolved', state_at = '2026-05-10 10:00 UTC'");
        }
        (void)add(&answer, &event, 1);
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

    open_world(&fixture, &answer, 1);
    event = event_of(1, 1, "app-crash", 1);
    (void)add(&answer, &event, 1);
    world_sql(&fixture, "UPDATE issue SET state = 'ignored'");
    event.seq = 2;
    cr_expect_eq(add(&answer, &event, 1)[0], '\0', "nobody is told");
    cr_expect_str_eq(world_text(&fixture, "SELECT state || count FROM issue"), "ignored2");
    fixture_close(&fixture);
}

Test(store_event, one_signature_in_two_products_is_two_issues)
{
    struct fixture fixture;
    struct answer answer;
    struct store_event events[2];

    open_world(&fixture, &answer, 2);
    world_sql(&fixture,
              "INSERT INTO product (tenant_id, name, hwids) VALUES (1, 'other', '{board}');"
              "INSERT INTO device_group (tenant_id, product_id, name) VALUES (1, 2, 'else');"
              "UPDATE device SET group_id = 2 WHERE id = 2");
    events[0] = event_of(1, 1, "app-crash", 1);
    events[1] = event_of(2, 1, "app-crash", 1);
    (void)add(&answer, events, 2);
    cr_expect_eq(world_number(&fixture, "SELECT count(*) FROM issue WHERE count = 1"), 2);
    fixture_close(&fixture);
}

Test(store_event, a_device_that_says_something_new_each_time_makes_no_more_issues)
{
    struct fixture fixture;
    struct answer answer;
    struct store_event event;
    uint8_t other[HASH_BYTES] = {1};

    open_world(&fixture, &answer, 2);
    event = event_of(1, 1, "app-crash", 1);
    (void)add(&answer, &event, 1);
    world_sql(&fixture,
              "INSERT INTO issue_device (tenant_id, signature, device_id, count, first_seen,"
              "                          last_seen)"
              " SELECT 1, sha256(n::text::bytea), 1, 1, now(), now()"
              "   FROM generate_series(1, 199) AS n");
    for (int64_t seq = 2; seq < 6; seq++) {
        other[1] = (uint8_t)seq;
        event = event_of(1, seq, "app-crash", 1);
        event.signature = other;
        (void)add(&answer, &event, 1);
    }
    event = event_of(1, 6, "app-crash", 1); /* one that it has met */
    (void)add(&answer, &event, 1);
    event = event_of(2, 1, "app-crash", 1); /* another device is not concerned */
    event.signature = other;
    (void)add(&answer, &event, 1);
    cr_expect_str_eq(world_text(&fixture, "SELECT string_agg(title || ' ' || count, ', '"
                                          "                  ORDER BY id) FROM issue"),
                     "pump: app-crash 2, app-crash: more kinds than a device can have 4, "
                     "pump: app-crash 1");
    fixture_close(&fixture);
}

/* --- the health of a deployment ----------------------------------------------------------------
 */

/* A deployment that began at 02:00 of the day, and the device's row in it. */
static void deploy(struct fixture *fixture, const char *state, const char *activated,
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

/* "u5:3600/1" is: updated, hour 5, exposure and bad. */
static const char *health(const struct fixture *fixture)
{
    return world_text(fixture,
                      "SELECT coalesce(string_agg(CASE WHEN updated THEN 'u' ELSE 'c' END"
                      "       || extract(hour FROM hour AT TIME ZONE 'UTC') || ':' || exposure_s"
                      "       || '/' || bad, ' ' ORDER BY hour, updated), '')"
                      "  FROM deployment_health");
}

Test(store_event, uptime_goes_to_the_side_and_hour_in_which_it_was)
{
    static const struct {
        const char *what;
        const char *state;
        const char *activated;
        const char *ended;
        double from;
        double to;
        const char *health;
    } cases[] = {
        {"no row", "", "", "", 3.5, 4.25, "c3:1800/0 c4:900/0"},
        {"from before the deployment", "", "", "", 0, 2.5, "c2:1800/0"},
        {"all of it before", "", "", "", 0, 2, ""},
        {"not yet activated", "staged", "NULL", "NULL", 3, 4, "c3:3600/0"},
        {"across the switch", "verifying", "'2026-05-10 05:30 UTC'", "NULL", 5, 6.5,
         "c5:1800/0 u5:1800/0 u6:1800/0"},
        {"after the end", "succeeded", "'2026-05-10 05:00 UTC'", "'2026-05-10 05:10 UTC'", 6, 6.5,
         "u6:1800/0"},
        {"past a fall back", "rolled-back", "'2026-05-10 05:00 UTC'", "'2026-05-10 05:30 UTC'", 5,
         7, "u5:1800/0"},
        {"waiting for the next step", "offered", "'2026-05-10 05:00 UTC'", "NULL", 4.5, 6,
         "c4:1800/0"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct fixture fixture;
        struct answer answer;
        struct store_event event = uptime_of(1, 1, cases[i].from, cases[i].to);

        open_world(&fixture, &answer, 1);
        deploy(&fixture, cases[i].state, cases[i].activated, cases[i].ended);
        (void)add(&answer, &event, 1);
        (void)add(&answer, &event, 1);
        cr_expect_str_eq(health(&fixture), cases[i].health, "%s", cases[i].what);
        cr_expect_eq(world_number(&fixture,
                                  "SELECT count(*) FROM deployment_health"
                                  " WHERE stratum <> %d",
                                  cases[i].state[0] ? 7 : 0),
                     0, "%s", cases[i].what);
        fixture_close(&fixture);
    }
}

Test(store_event, a_bad_day_counts_once_on_each_side)
{
    struct fixture fixture;
    struct answer answer;
    struct store_event events[] = {
        event_of(1, 1, "app-crash", 3),   event_of(1, 2, "app-exit", 4),
        event_of(1, 3, "app-crash", 6),   event_of(1, 4, "kernel-crash", 7),
        event_of(1, 5, "disk-full", 5.5), event_of(1, 6, "watchdog", 30),
        event_of(1, 7, "app-crash", 1.5),
    };

    open_world(&fixture, &answer, 1);
    deploy(&fixture, "succeeded", "'2026-05-10 05:00 UTC'", "'2026-05-10 05:10 UTC'");
    (void)add(&answer, &events[6], 1); /* before the deployment: it is another day for it */
    (void)add(&answer, events, 6);
    (void)add(&answer, events, 7);
    events[0].seq = 8;
    (void)add(&answer, events, 1);
    cr_expect_str_eq(health(&fixture), "c3:0/1 u6:0/1 u6:0/1");
    fixture_close(&fixture);
}

Test(store_event, a_device_that_was_bad_before_says_nothing_of_a_deployment)
{
    static const struct {
        unsigned days;
        const char *health;
    } cases[] = {{2, "c3:3600/1"}, {3, ""}};

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct fixture fixture;
        struct answer answer;
        struct store_event events[] = {event_of(1, 1, "app-crash", 3), uptime_of(1, 2, 3, 4)};

        open_world(&fixture, &answer, 1);
        deploy(&fixture, "", "", "");
        world_sql(&fixture,
                  "INSERT INTO device_health_day (day, device_id, tenant_id, group_id, uptime_s,"
                  "                               bad, categories, bad_at)"
                  " SELECT '2026-05-10'::date - n, 1, 1, 1, 0, 1, 0, now()"
                  "   FROM generate_series(1, %u) AS n",
                  cases[i].days);
        (void)add(&answer, events, COUNT(events));
        cr_expect_str_eq(health(&fixture), cases[i].health, "%u days", cases[i].days);
        fixture_close(&fixture);
    }
}

Test(store_event, the_updates_own_reboot_and_planned_ones_are_not_bad)
{
    static const struct {
        const char *what;
        const char *category;
        int64_t flags;
        const char *state;
        double hour;
        const char *health;
    } cases[] = {
        {"the update's own", "reboot", 0, "verifying", 5.1, ""},
        {"the update's own, told later", "reboot", 0, "succeeded", 5.1, ""},
        {"falling back", "reboot", 0, "rolled-back", 5.1, ""},
        {"after the update", "reboot", 0, "succeeded", 5.6, "u5:0/1"},
        {"before the update", "reboot", 0, "succeeded", 4, "c4:0/1"},
        {"planned", "reboot", STORE_EVENT_PLANNED, "succeeded", 6, ""},
        {"a planned stop", "app-exit", STORE_EVENT_PLANNED, "succeeded", 6, ""},
        {"a crash while it is tried", "kernel-crash", 0, "verifying", 5.1, "u5:0/1"},
        {"after it fell back", "app-crash", 0, "rolled-back", 6, ""},
        {"no trouble of the kind", "network", 0, "succeeded", 6, ""},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct fixture fixture;
        struct answer answer;
        struct store_event event = event_of(1, 1, cases[i].category, cases[i].hour);

        event.flags = cases[i].flags;
        open_world(&fixture, &answer, 1);
        deploy(&fixture, cases[i].state, "'2026-05-10 05:00 UTC'",
               cases[i].state[0] == 'v' ? "NULL" : "'2026-05-10 05:30 UTC'");
        (void)add(&answer, &event, 1);
        cr_expect_str_eq(health(&fixture), cases[i].health, "%s", cases[i].what);
        fixture_close(&fixture);
    }
}

Test(store_event, a_device_not_yet_offered_stands_in_the_stratum_of_its_image)
{
    struct fixture fixture;
    struct answer answer;
    struct store_event events[] = {uptime_of(1, 1, 3, 4), uptime_of(2, 1, 3, 4)};

    open_world(&fixture, &answer, 2);
    deploy(&fixture, "", "", "");
    world_sql(&fixture, "INSERT INTO deployment_stratum (deployment_id, stratum, tenant_id, hwid,"
                        "                                source)"
                        " VALUES (1, 3, 1, 'board', decode(repeat('01', 32), 'hex'));"
                        "UPDATE device SET hwid = 'odd' WHERE id = 2");
    (void)add(&answer, events, 2);
    cr_expect_str_eq(world_text(&fixture, "SELECT string_agg(stratum || ':' || exposure_s, ' '"
                                          "                  ORDER BY stratum)"
                                          "  FROM deployment_health"),
                     "0:3600 3:3600");
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
    deploy(&fixture, "", "", "");
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

/* --- quarantine --------------------------------------------------------------------------------
 */

static void refuse(struct answer *answer, int64_t device, uint8_t number)
{
    const uint8_t bytes[] = {number, 0, 0xff};
    struct store_quarantine refused = {1, device, {number}, bytes, sizeof(bytes), "field 'x'"};

    answer->fixture->pending++;
    store_quarantine_add(answer->fixture->db, &refused, answer_done, answer);
    fixture_wait(answer->fixture);
    cr_assert_eq(answer->code, ERR_NONE, "%s", answer->text);
}

Test(store_event, the_quarantine_keeps_a_report_once_and_a_device_has_its_bound)
{
    struct fixture fixture;
    struct answer answer;

    open_world(&fixture, &answer, 2);
    refuse(&answer, 2, 1);
    refuse(&answer, 2, 1);
    cr_expect_str_eq(world_text(&fixture, "SELECT count(*) || ' ' || max(times)"
                                          "  FROM report_quarantine"),
                     "1 2");
    for (int i = 0; i < STORE_QUARANTINE_DEVICE_MAX + 5; i++)
        refuse(&answer, 1, (uint8_t)i);
    cr_expect_eq(world_number(&fixture, "SELECT count(*) FROM report_quarantine"
                                        " WHERE device_id = 1"),
                 STORE_QUARANTINE_DEVICE_MAX);
    cr_expect_str_eq(world_text(&fixture, "SELECT min(encode(bytes, 'hex')) FROM report_quarantine"
                                          " WHERE device_id = 1"),
                     "0500ff", "the newest stay");
    cr_expect_eq(world_number(&fixture, "SELECT count(*) FROM report_quarantine"
                                        " WHERE device_id = 2"),
                 1, "another's stay too");
    fixture_close(&fixture);
}

Test(store_event, the_quarantine_of_a_tenant_is_bounded)
{
    struct fixture fixture;
    struct answer answer;

    open_world(&fixture, &answer, 1);
    world_sql(&fixture,
              "INSERT INTO report_quarantine (tenant_id, device_id, digest, bytes, error)"
              " SELECT 1, 100 + n, sha256(n::text::bytea), 'x', ''"
              "   FROM generate_series(1, %d) AS n",
              STORE_QUARANTINE_MAX);
    refuse(&answer, 1, 1);
    cr_expect_eq(world_number(&fixture, "SELECT count(*) FROM report_quarantine"),
                 STORE_QUARANTINE_MAX);
    cr_expect_eq(world_number(&fixture, "SELECT min(device_id) FROM report_quarantine"
                                        " WHERE device_id > 1"),
                 102);
    fixture_close(&fixture);
}

/* --- partitions --------------------------------------------------------------------------------
 */

Test(store_event, partitions_are_made_ahead_take_what_was_caught_and_are_dropped)
{
    struct fixture fixture;
    struct answer answer;
    struct store_event event = event_of(1, 1, "app-crash", 3);

    open_world(&fixture, &answer, 1);
    (void)add(&answer, &event, 1);
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
    (void)add(&answer, &event, 1);
    world_sql(&fixture, "SET slipway.tenant = '*';"
                        "SELECT slipway_partitions((now() AT TIME ZONE 'UTC')::date + 15, 14)");
    cr_expect_eq(world_number(&fixture, "SELECT count(*) FROM event"), 0);
    cr_expect_eq(world_number(&fixture, "SELECT sum(count) FROM event_day"), 2,
                 "the rollups stay for years");
    event.seq = 1;
    (void)add(&answer, &event, 1);
    cr_expect_eq(world_number(&fixture, "SELECT count FROM issue"), 2,
                 "the key outlives the partition");
    fixture_close(&fixture);
}
