/* Refused is what contradicts itself; what is only wrong about the world is moved. */
#include "server/reports/intake.h"

bool intake_check(struct intake *intake, int64_t now_ms, struct err *err)
{
    int64_t span_max = intake->is_uptime ? INTAKE_UPTIME_MS : INTAKE_SPAN_MS;
    int64_t span;

    if (intake->end_ms < intake->start_ms)
        return err_set(err, ERR_INVALID, "field 'event.end' is before 'event.start'");
    span = intake->end_ms - intake->start_ms;
    if (span > span_max)
        return err_set(err, ERR_INVALID,
                       "field 'event.start' is more than %lld days before "
                       "'event.end'",
                       (long long)(span_max / INTAKE_DAY_MS));
    if (intake->uptime_s < 0 || intake->uptime_s > span / 1000 + 1)
        return err_set(err, ERR_INVALID,
                       "field 'event.uptime_s' is longer than from 'event.start' to 'event.end'");
    intake->is_moved =
        intake->end_ms > now_ms + INTAKE_AHEAD_MS || intake->end_ms < now_ms - INTAKE_LATE_MS;
    if (intake->is_moved) {
        intake->end_ms = now_ms;
        intake->start_ms = now_ms - span;
    }
    return true;
}
