#pragma once
/*
 * Counters for operators. Each worker counts in its own memory; once a second it publishes its
 * figures here, where any worker may add them up. Nothing on a request's path is shared.
 */
#include "lib/base/buf.h"
#include "server/http/http.h"

enum metric {
    METRIC_CONNECTIONS,
    METRIC_OPEN,
    METRIC_REQUESTS,
    METRIC_REFUSED,
    METRIC_BYTES_SENT,
    METRIC_DB_STATEMENTS,
    METRIC_DB_FAILED,
    METRIC_DB_CONNECTS,
    METRIC_DB_WAITING,
    METRIC_DB_IN_FLIGHT,
    METRIC_COUNT,
};

struct metrics;

struct metrics *metrics_new(unsigned workers);
void metrics_free(struct metrics *metrics);
/* From the worker's thread: its figures are now these. */
void metrics_publish(struct metrics *metrics, unsigned worker, const uint64_t values[METRIC_COUNT]);
/* ... and the statement of this name was sent by it so often. The name lives as long as the
 * program. */
void metrics_publish_statement(struct metrics *metrics, unsigned worker, const char *name,
                               uint64_t sent);
/* Metadata roles that people have to sign again: so many are this near to their expiry. `level` is
 * the label, "90" days for one, and lives as long as the program. */
void metrics_publish_expiring(struct metrics *metrics, const char *level, uint64_t count);
/* Devices that were not heard of for days; somebody may keep them from us. */
void metrics_publish_silent(struct metrics *metrics, uint64_t count);
/* Counters of deployments that differ from the rows they count, by the last recount. */
void metrics_publish_drift(struct metrics *metrics, uint64_t count);
/* Families whose lines are made elsewhere, now and then. */
enum metrics_family {
    METRICS_DEPLOYMENTS,
    METRICS_DEVICES,
    METRICS_GATES,
    METRICS_WEBHOOKS,
    METRICS_FAMILY_COUNT,
};
/* The lines of a family as collectors read them, without HELP and TYPE; copied. */
void metrics_publish_lines(struct metrics *metrics, enum metrics_family family, const char *lines);
/* How long the answers of a route took: HTTP_LATENCY_BUCKETS counts, not added up. The
 * texts live as long as the program. */
void metrics_publish_route(struct metrics *metrics, unsigned worker, const char *method,
                           const char *path, const struct http_latency *latency);
/* From any thread: the sums, in Prometheus' text format. */
void metrics_print(struct metrics *metrics, struct buf *out);
