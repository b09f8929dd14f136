/* What events say of a running deployment: which side, which hour, and what does not count. */
#include "server/store/store_event.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/mem.h"
#include "tests/support/event_world.h"

/* "u5:3600/1" is: updated, hour 5, exposure and bad. */
static const char *health(const struct fixture *fixture)
{
    return world_text(fixture,
                      "SELECT coalesce(string_agg(CASE WHEN updated THEN 'u' ELSE 'c' END"
                      "       || extract(hour FROM hour AT TIME ZONE 'UTC') || ':' || exposure_s"
                      "       || '/' || bad, ' ' ORDER BY hour, updated), '')"
                      "  FROM deployment_health");
}

Test(store_event_health, uptime_goes_to_the_side_and_hour_in_which_it_was)
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

        event_world_open(&fixture, &answer, 1);
        event_world_deploy(&fixture, cases[i].state, cases[i].activated, cases[i].ended);
        (void)event_world_add(&answer, &event, 1);
        (void)event_world_add(&answer, &event, 1);
        cr_expect_str_eq(health(&fixture), cases[i].health, "%s", cases[i].what);
        cr_expect_eq(world_number(&fixture,
                                  "SELECT count(*) FROM deployment_health"
                                  " WHERE stratum <> %d",
                                  cases[i].state[0] ? 7 : 0),
                     0, "%s", cases[i].what);
        fixture_close(&fixture);
    }
}

Test(store_event_health, a_bad_day_counts_once_on_each_side)
{
    struct fixture fixture;
    struct answer answer;
    struct store_event events[] = {
        event_of(1, 1, "app-crash", 3),   event_of(1, 2, "app-exit", 4),
        event_of(1, 3, "app-crash", 6),   event_of(1, 4, "kernel-crash", 7),
        event_of(1, 5, "disk-full", 5.5), event_of(1, 6, "watchdog", 30),
        event_of(1, 7, "app-crash", 1.5),
    };

    event_world_open(&fixture, &answer, 1);
    event_world_deploy(&fixture, "succeeded", "'2026-05-10 05:00 UTC'", "'2026-05-10 05:10 UTC'");
    (void)event_world_add(&answer, &events[6],
                          1); /* before the deployment: it is another day for it */
    (void)event_world_add(&answer, events, 6);
    (void)event_world_add(&answer, events, 7);
    events[0].seq = 8;
    (void)event_world_add(&answer, events, 1);
    cr_expect_str_eq(health(&fixture), "c3:0/1 u6:0/1 u6:0/1");
    fixture_close(&fixture);
}

Test(store_event_health, the_second_of_the_switch_is_the_new_images)
{
    static const struct {
        double hour;
        const char *health;
    } cases[] = {{5, "u5:0/1"}, {5 - 1 / 3600.0, "c4:0/1"}};

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct fixture fixture;
        struct answer answer;
        struct store_event event = event_of(1, 1, "app-crash", cases[i].hour);

        event_world_open(&fixture, &answer, 1);
        event_world_deploy(&fixture, "succeeded", "'2026-05-10 05:00:00.7 UTC'",
                           "'2026-05-10 05:10 UTC'");
        (void)event_world_add(&answer, &event, 1);
        cr_expect_str_eq(health(&fixture), cases[i].health, "case %zu", i);
        fixture_close(&fixture);
    }
}

Test(store_event_health, a_device_that_was_bad_on_three_days_says_nothing_of_a_deployment_any_more)
{
    static const struct {
        const char *what;
        const char *bad; /* days, as numbers before the 10th */
        const char *health;
    } cases[] = {
        {"twice", "1, 2", "c3:3600/1"},
        {"three times", "1, 2, 3", ""},
        {"... once too long ago", "1, 2, 25", "c3:3600/1"},
        {"... today among them", "0, 1, 2", "c3:3600/0"},
        {"... later", "-1, -2, -3", "c3:3600/1"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct fixture fixture;
        struct answer answer;
        struct store_event events[] = {event_of(1, 1, "app-crash", 3), uptime_of(1, 2, 3, 4)};

        event_world_open(&fixture, &answer, 1);
        event_world_deploy(&fixture, "", "", "");
        world_sql(&fixture,
                  "INSERT INTO device_health_day (day, device_id, tenant_id, group_id, uptime_s,"
                  "                               bad, categories, bad_at)"
                  " SELECT '2026-05-10'::date - n, 1, 1, 1, 0, 1, 0, now()"
                  "   FROM unnest(ARRAY[%s]) AS n",
                  cases[i].bad);
        (void)event_world_add(&answer, events, COUNT(events));
        cr_expect_str_eq(health(&fixture), cases[i].health, "%s", cases[i].what);
        fixture_close(&fixture);
    }
}

Test(store_event_health, the_third_bad_day_of_a_deployment_is_the_last_that_counts)
{
    struct fixture fixture;
    struct answer answer;
    struct store_event events[5];

    event_world_open(&fixture, &answer, 1);
    event_world_deploy(&fixture, "", "", "");
    for (int day = 0; day < 5; day++) {
        events[day] = event_of(1, day + 1, "app-crash", 24 * day + 3);
        (void)event_world_add(&answer, &events[day], 1);
    }
    cr_expect_eq(world_number(&fixture, "SELECT sum(bad) FROM deployment_health"), 3);
    fixture_close(&fixture);
}

Test(store_event_health, the_updates_own_reboot_and_planned_ones_are_not_bad)
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
        event_world_open(&fixture, &answer, 1);
        event_world_deploy(&fixture, cases[i].state, "'2026-05-10 05:00 UTC'",
                           cases[i].state[0] == 'v' ? "NULL" : "'2026-05-10 05:30 UTC'");
        (void)event_world_add(&answer, &event, 1);
        cr_expect_str_eq(health(&fixture), cases[i].health, "%s", cases[i].what);
        fixture_close(&fixture);
    }
}

Test(store_event_health, a_device_not_yet_offered_stands_in_the_stratum_of_its_image)
{
    struct fixture fixture;
    struct answer answer;
    struct store_event events[] = {uptime_of(1, 1, 3, 4), uptime_of(2, 1, 3, 4)};

    event_world_open(&fixture, &answer, 2);
    event_world_deploy(&fixture, "", "", "");
    world_sql(&fixture, "INSERT INTO deployment_stratum (deployment_id, stratum, tenant_id, hwid,"
                        "                                source)"
                        " VALUES (1, 3, 1, 'board', decode(repeat('01', 32), 'hex'));"
                        "UPDATE device SET hwid = 'odd' WHERE id = 2");
    (void)event_world_add(&answer, events, 2);
    cr_expect_str_eq(world_text(&fixture, "SELECT string_agg(stratum || ':' || exposure_s, ' '"
                                          "                  ORDER BY stratum)"
                                          "  FROM deployment_health"),
                     "0:3600 3:3600");
    fixture_close(&fixture);
}
