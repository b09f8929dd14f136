/* One row for each property; a missing one is no mistake here. */
#include "server/operator/group_input.h"

#include <string.h>

#include "lib/base/text.h"
#include "server/operator/hold_input.h"
#include "server/operator/input.h"

const char *const group_property_names[] = {
    "name",        "poll_interval_s", "update_policy",   "feed",   "crash_dumps", "maintenance",
    "concurrency", "bytes_per_hour",  "updates_stopped", "reason", NULL};

static const char *const days[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
enum { TIME_LEN = 5, TIME_MAX = 16 };

/* --- the window --------------------------------------------------------------------------------
 */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool check_time(const json_t *window, const char *name, const char **out, struct err *err)
{
    const char *text;
    bool is_good;

    if (!json_field_text(window, "maintenance", name, TIME_MAX, &text, err))
        return false;
    is_good = strlen(text) == TIME_LEN && is_digit(text[0]) && is_digit(text[1]) &&
              text[2] == ':' && text[3] >= '0' && text[3] <= '5' && is_digit(text[4]) &&
              (text[0] < '2' || (text[0] == '2' && text[1] < '4'));
    if (!is_good)
        return err_set(err, ERR_INVALID, "field 'maintenance.%s' is not a time of day as 02:30",
                       name);
    *out = text;
    return true;
}

static bool check_days(const json_t *window, struct err *err)
{
    json_t *list;
    unsigned seen = 0;

    if (!json_field_array(window, "maintenance", "days", COUNT(days), &list, err))
        return false;
    if (json_array_size(list) == 0)
        return err_set(err, ERR_INVALID, "field 'maintenance.days' is empty");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *text = json_string_value(json_array_get(list, i));
        size_t day = 0;

        while (text && day < COUNT(days) && !text_equal(days[day], text))
            day++;
        if (!text || day == COUNT(days))
            return err_set(err, ERR_INVALID,
                           "field 'maintenance.days[%zu]' is not one of 'mon' to 'sun'", i);
        if (seen & 1U << day)
            return err_set(err, ERR_INVALID, "field 'maintenance.days[%zu]' stands there twice", i);
        seen |= 1U << day;
    }
    return true;
}

bool group_window_check(const json_t *window, struct err *err)
{
    static const char *const names[] = {"days", "start", "end", NULL};
    const char *start = "", *end = "";

    if (!json_is_object(window))
        return err_set(err, ERR_INVALID, "field 'maintenance' is not an object");
    if (!json_fields_known(window, "maintenance", names, err) || !check_days(window, err) ||
        !check_time(window, "start", &start, err) || !check_time(window, "end", &end, err))
        return false;
    return !text_equal(start, end) ||
           err_set(err, ERR_INVALID,
                   "field 'maintenance.end' is the start: the window has no time");
}

/* --- the properties ----------------------------------------------------------------------------
 */

static bool check_window(const json_t *body, const char *name, struct err *err)
{
    const json_t *window = json_object_get(body, name);

    return json_is_null(window) || group_window_check(window, err);
}

static bool check_name(const json_t *body, const char *name, struct err *err)
{
    const char *text;

    return input_name(body, name, "", &text, err);
}

static bool check_policy(const json_t *body, const char *name, struct err *err)
{
    const char *text;

    if (!json_field_text(body, "", name, INPUT_NAME_MAX, &text, err))
        return false;
    return text_equal(text, "all") || text_equal(text, "os-only") || text_equal(text, "none") ||
           err_set(err, ERR_INVALID, "field '%s' is not one of 'all', 'os-only', 'none'", name);
}

static bool check_truth(const json_t *body, const char *name, struct err *err)
{
    bool value;

    return json_field_bool(body, "", name, &value, err);
}

static bool check_interval(const json_t *body, const char *name, struct err *err)
{
    int64_t value;

    return input_i64(body, name, 1, GROUP_POLL_INTERVAL_S_MAX, &value, err);
}

static bool check_concurrency(const json_t *body, const char *name, struct err *err)
{
    int64_t value;

    return json_is_null(json_object_get(body, name)) ||
           input_i64(body, name, 1, GROUP_CONCURRENCY_MAX, &value, err);
}

static bool check_bytes(const json_t *body, const char *name, struct err *err)
{
    int64_t value;

    return json_is_null(json_object_get(body, name)) ||
           input_i64(body, name, 1, (int64_t)GROUP_BYTES_PER_HOUR_MAX, &value, err);
}

/* A reason is one for stopping: nothing else in a group's properties has one. */
static bool check_reason(const json_t *body, const char *name, struct err *err)
{
    const char *text;

    if (!json_is_true(json_object_get(body, "updates_stopped")))
        return err_set(err, ERR_INVALID, "field '%s' belongs to 'updates_stopped': true", name);
    return input_reason(body, name, &text, err);
}

/* clang-format off */
static const struct {
    const char *name;
    bool (*check)(const json_t *body, const char *name, struct err *err);
} properties[] = {
    {"name",            check_name},
    {"poll_interval_s", check_interval},
    {"update_policy",   check_policy},
    {"feed",            check_name},
    {"crash_dumps",     check_truth},
    {"maintenance",     check_window},
    {"concurrency",     check_concurrency},
    {"bytes_per_hour",  check_bytes},
    {"updates_stopped", check_truth},
    {"reason",          check_reason},
};
/* clang-format on */
_Static_assert(COUNT(group_property_names) == COUNT(properties) + 1, "every property has a row");

bool group_properties_check(const json_t *body, struct err *err)
{
    for (size_t i = 0; i < COUNT(properties); i++) {
        if (json_object_get(body, properties[i].name) &&
            !properties[i].check(body, properties[i].name, err))
            return false;
    }
    return true;
}
