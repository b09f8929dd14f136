#include "server/metrics/metrics.h"

#include <string.h>

#include <criterion/criterion.h>

Test(metrics, are_the_sums_of_what_workers_published_last)
{
    struct metrics *metrics = metrics_new(2);
    uint64_t values[METRIC_COUNT] = {[METRIC_REQUESTS] = 5, [METRIC_OPEN] = 1};
    AUTO_BUF text;

    buf_init(&text, 64 << 10);
    metrics_publish(metrics, 0, values);
    values[METRIC_REQUESTS] = 7;
    metrics_publish(metrics, 0, values);
    values[METRIC_REQUESTS] = 100;
    metrics_publish(metrics, 1, values);
    metrics_print(metrics, &text);

    cr_assert(strstr(buf_text(&text), "\nslipway_http_requests_total 107\n"));
    cr_assert(strstr(buf_text(&text), "\nslipway_http_connections_open 2\n"));
    cr_assert(strstr(buf_text(&text), "\n# TYPE slipway_http_requests_total counter\n"));
    cr_assert(strstr(buf_text(&text), "\nslipway_database_waiting 0\n"));
    metrics_free(metrics);
}

Test(metrics, count_each_statement_over_all_workers)
{
    struct metrics *metrics = metrics_new(2);
    AUTO_BUF text;

    buf_init(&text, 64 << 10);
    metrics_publish_statement(metrics, 0, "device_find", 5);
    metrics_publish_statement(metrics, 1, "device_find", 2);
    metrics_publish_statement(metrics, 0, "device_find", 6);
    metrics_publish_statement(metrics, 1, "seen_write", 1);
    metrics_print(metrics, &text);

    cr_assert(
        strstr(buf_text(&text), "\nslipway_database_statement_total{name=\"device_find\"} 8\n"));
    cr_assert(
        strstr(buf_text(&text), "\nslipway_database_statement_total{name=\"seen_write\"} 1\n"));
    metrics_free(metrics);
}

Test(metrics, show_how_many_roles_are_near_their_expiry_as_told_last)
{
    struct metrics *metrics = metrics_new(1);
    AUTO_BUF text;

    buf_init(&text, 64 << 10);
    metrics_publish_expiring(metrics, "30", 4);
    metrics_publish_expiring(metrics, "7", 2);
    metrics_publish_expiring(metrics, "30", 1);
    metrics_print(metrics, &text);

    cr_expect(strstr(buf_text(&text), "\nslipway_repo_roles_expiring{within=\"30\"} 1\n"));
    cr_expect(strstr(buf_text(&text), "\nslipway_repo_roles_expiring{within=\"7\"} 2\n"));
    cr_expect_not(strstr(buf_text(&text), "} 4\n"));
    metrics_free(metrics);
}
