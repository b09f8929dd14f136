/* The counters of a deployment against its rows. */
#include <criterion/criterion.h>
#include <string.h>

#include "lib/base/mem.h"
#include "server/jobs/recount.h"
#include "server/metrics/metrics.h"
#include "server/store/store_recount.h"
#include "tests/support/world.h"

/* A deployment with rows in several states, and counters that say so. */
static void fill(struct fixture *fixture)
{
    world_open(fixture, 1);
    world_devices(fixture, 4);
    (void)world_deployment(fixture, 2, "100000");
    world_sql(fixture,
              "INSERT INTO deployment_device (deployment_id, device_id, tenant_id, phase, state,"
              "                               stratum, activated_at, verdict) VALUES"
              " (1, 1, 1, 1, 'staged', 1, NULL, NULL), (1, 2, 1, 1, 'verifying', 1, now(), NULL),"
              " (1, 3, 1, 1, 'succeeded', 1, now(), 'success'),"
              " (1, 4, 1, 1, 'failed', 0, now(), 'failure');"
              "INSERT INTO deployment_counter (deployment_id, phase, state, tenant_id, n) VALUES"
              " (1, 1, 'staged', 1, 1), (1, 1, 'verifying', 1, 1), (1, 1, 'succeeded', 1, 1),"
              " (1, 1, 'failed', 1, 1), (1, 1, 'touched', 1, 3), (1, 1, 'offered', 1, 0);"
              "INSERT INTO deployment_stratum (deployment_id, stratum, tenant_id, granted, touched,"
              "                                open, succeeded, failed) VALUES"
              " (1, 1, 1, 3, 2, 1, 1, 0), (1, 0, 1, 1, 1, 0, 0, 1)");
}

Test(recount, finds_no_drift_where_there_is_none_and_names_what_differs)
{
    static const struct {
        const char *change;
        const char *answer;
    } cases[] = {
        {"SELECT 1", "0|"},
        {"UPDATE deployment_counter SET n = 2 WHERE state = 'staged'",
         "1|1/staged is 2, rows are 1"},
        {"UPDATE deployment_counter SET n = 0 WHERE state = 'touched'",
         "1|1/touched is 0, rows are 3"},
        {"DELETE FROM deployment_counter WHERE state = 'failed'", "1|1/failed is 0, rows are 1"},
        {"UPDATE deployment_stratum SET open = 0 WHERE stratum = 1",
         "1|stratum 1/open is 0, rows are 1"},
        {"INSERT INTO deployment_stratum (deployment_id, stratum, tenant_id, server)"
         " VALUES (1, 2, 1, 5)",
         "1|stratum 2/server is 5, rows are 0"},
        {"DELETE FROM deployment_device WHERE device_id = 4", "5|1/failed is 1, rows are 0"},
        {"UPDATE deployment SET state = 'finished', ended_at = now() - interval '3 days'", NULL},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct fixture fixture;
        struct answer answer = {.fixture = &fixture};
        const char *from;

        fill(&fixture);
        world_sql(&fixture, "%s", cases[i].change);
        fixture.pending++;
        store_recount_next(fixture.db, 0, answer_done, &answer);
        fixture_wait(&fixture);
        from = strchr(answer.text, '|');
        from = from ? strchr(from + 1, '|') : NULL;
        if (!cases[i].answer)
            cr_expect_str_eq(answer.text, "", "%s", cases[i].change);
        else
            cr_expect(from && strcmp(from + 1, cases[i].answer) == 0, "%s: %s", cases[i].change,
                      answer.text);
        fixture_close(&fixture);
    }
}

Test(recount, tells_how_many_counters_drifted)
{
    struct fixture fixture;
    struct metrics *metrics = metrics_new(1);
    struct recount *recount;
    bool is_told = false;

    fill(&fixture);
    world_sql(&fixture, "UPDATE deployment_counter SET n = n + 1");
    recount = recount_new(fixture.db, metrics);
    recount_run(recount);
    while (!is_told) {
        AUTO_BUF page;

        buf_init(&page, 1 << 16);
        metrics_print(metrics, &page);
        is_told = strstr(buf_text(&page), "slipway_counters_drifted 6\n") != NULL;
        if (!is_told)
            loop_turn(fixture.loop);
    }
    fixture_close(&fixture);
    recount_free(recount);
    metrics_free(metrics);
}
