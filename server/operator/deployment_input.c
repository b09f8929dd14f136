/*
 * Phases by number or by filter alone come before phases by percent, because who asks first is
 * known only while it happens; percentages are cumulative, so they rise, and the last is all.
 */
#include "server/operator/deployment_input.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "server/rollout/filter.h"

enum {
    COUNT_MAX = 10000000,
    SOAK_S_MAX = 31536000, /* a year, as the schema says */
    SOAK_DEVICE_H_MAX = 1000000000,
    RETRY_MAX = 10,
    RETRY_AFTER_S_MAX = 2592000,
    RETRY_AFTER_S_DEFAULT = 3600,
    DELTA_DEADLINE_S_DEFAULT = 7200,
    DELTA_DEADLINE_S_MAX = 2592000,
};
static const int64_t bytes_per_hour_max = 1000000000000000;

/* --- words -------------------------------------------------------------------------------------
 */

/* One of the words (NULL-terminated); the first is what is meant without the field. */
static bool word(const json_t *object, const char *name, const char *const *words, const char **out,
                 struct err *err)
{
    const json_t *value = json_object_get(object, name);
    const char *text = json_string_value(value);
    AUTO_BUF list;

    buf_init(&list, sizeof(err->text));
    *out = words[0];
    if (!value)
        return true;
    for (const char *const *at = words; *at; at++) {
        if (text && text_equal(*at, text)) {
            *out = *at;
            return true;
        }
    }
    for (const char *const *at = words; *at; at++)
        buf_printf(&list, "%s'%s'", at > words ? ", " : "", *at);
    return err_set(err, ERR_INVALID, "field '%s' is not one of %s", name, buf_text(&list));
}

static bool flag(const json_t *object, const char *name, bool *out, struct err *err)
{
    *out = false;
    return !json_object_get(object, name) || json_field_bool(object, "", name, out, err);
}

/* A number within a phase or an object, named by the whole path. */
static bool number_in(const json_t *object, const char *path, const char *name,
                      const uint64_t range[2], int32_t *out, struct err *err)
{
    uint64_t value;

    if (!json_object_get(object, name))
        return true;
    if (!json_field_u64(object, path, name, range[0], range[1], &value, err))
        return false;
    *out = (int32_t)value;
    return true;
}

/* --- phases ------------------------------------------------------------------------------------
 */

/* Thousandths of a percent, exactly: 12.5 is fine, 0.0001 is not. */
static bool percent(const json_t *phase, const char *path, int32_t *out, struct err *err)
{
    double milli = json_number_value(json_object_get(phase, "percent")) * 1000.0;
    double off;

    *out = milli >= 0.5 && milli < DEPLOYMENT_SHARE_ALL + 0.5 ? (int32_t)(milli + 0.5) : 0;
    off = milli - *out;
    if (*out == 0 || off > 1e-6 || off < -1e-6)
        return err_set(err, ERR_INVALID, "field '%s.percent' is not a number within 0.001 to 100",
                       path);
    return true;
}

static bool filter_in(const json_t *object, const char *path, const char *name, const char **out,
                      struct err *err)
{
    AUTO_FILTER *filter = NULL;

    *out = "";
    if (!json_object_get(object, name))
        return true;
    if (!json_field_text(object, path, name, FILTER_BYTES_MAX, out, err))
        return false;
    return filter_parse(*out, &filter, err) ||
           err_wrap(err, "field '%s%s%s'", path, path[0] ? "." : "", name);
}

static bool advance(const json_t *phase, const char *path, bool *is_manual, struct err *err)
{
    const json_t *value = json_object_get(phase, "advance");
    const char *text = json_string_value(value);

    *is_manual = text && text_equal(text, "manual");
    if (value && !*is_manual && !(text && text_equal(text, "auto")))
        return err_set(err, ERR_INVALID, "field '%s.advance' is neither 'auto' nor 'manual'", path);
    return true;
}

static bool phase_fields(const json_t *phase, const char *path, struct deployment_phase *out,
                         struct err *err)
{
    static const uint64_t counts[2] = {1, COUNT_MAX};
    static const uint64_t soaks[2] = {0, SOAK_S_MAX};
    static const uint64_t hours[2] = {0, SOAK_DEVICE_H_MAX};
    static const char *const fields[] = {"percent",       "count",   "filter", "soak_s",
                                         "soak_device_h", "advance", NULL};

    if (!json_is_object(phase))
        return err_set(err, ERR_INVALID, "field '%s' is not an object", path);
    if (!json_fields_known(phase, path, fields, err))
        return false;
    if (json_object_get(phase, "percent") && json_object_get(phase, "count"))
        return err_set(err, ERR_INVALID, "field '%s' has a percent and a count: one of them", path);
    if (json_object_get(phase, "percent") && !percent(phase, path, &out->share_milli, err))
        return false;
    if (!number_in(phase, path, "count", counts, &out->device_count, err) ||
        !number_in(phase, path, "soak_s", soaks, &out->soak_s, err) ||
        !number_in(phase, path, "soak_device_h", hours, &out->soak_device_h, err) ||
        !filter_in(phase, path, "filter", &out->filter, err) ||
        !advance(phase, path, &out->is_manual, err))
        return false;
    return out->share_milli > 0 || out->device_count > 0 || out->filter[0] ||
           err_set(err, ERR_INVALID, "field '%s.percent' is missing (or 'count', or 'filter')",
                   path);
}

/* `before` is NULL for the first. */
static bool phase_order(const struct deployment_phase *phase, const struct deployment_phase *before,
                        const char *path, struct err *err)
{
    if (!before || before->share_milli == 0)
        return true;
    if (phase->share_milli == 0)
        return err_set(err, ERR_INVALID,
                       "field '%s' has no percent, but the one before it has: phases by count or "
                       "filter come first",
                       path);
    return phase->share_milli > before->share_milli ||
           err_set(err, ERR_INVALID, "field '%s.percent' is not above the one before it", path);
}

static bool last_phase(const struct deployment_phase *last, size_t n, struct err *err)
{
    if (last->share_milli != DEPLOYMENT_SHARE_ALL)
        return err_set(err, ERR_INVALID, "field 'phases[%zu].percent' is not 100, but the last", n);
    return !last->filter[0] ||
           err_set(err, ERR_INVALID,
                   "field 'phases[%zu].filter' stands in the last phase, which is for everybody",
                   n);
}

static bool phases(const json_t *body, struct deployment_input *out, struct err *err)
{
    size_t first = out->phase_count; /* one that `first` made */
    json_t *list;
    size_t count;

    if (!json_field_array(body, "", "phases", DEPLOYMENT_PHASES_MAX - first, &list, err))
        return false;
    count = json_array_size(list);
    if (count == 0)
        return err_set(err, ERR_INVALID, "field 'phases' is empty");
    for (size_t i = 0; i < count; i++) {
        struct deployment_phase *phase = &out->phases[out->phase_count];
        char path[] = "phases[00]";

        (void)snprintf(path, sizeof(path), "phases[%u]", (unsigned)(i % 100));
        *phase = (struct deployment_phase){.soak_s = (int32_t)out->soak_s};
        if (!phase_fields(json_array_get(list, i), path, phase, err) ||
            !phase_order(phase, out->phase_count > 0 ? phase - 1 : NULL, path, err))
            return false;
        out->phase_count++;
    }
    return last_phase(&out->phases[out->phase_count - 1], count - 1, err);
}

/* `first` is a phase in front of the others. */
static bool first_phase(const json_t *body, struct deployment_input *out, struct err *err)
{
    struct deployment_phase *phase = &out->phases[0];

    *phase = (struct deployment_phase){.soak_s = (int32_t)out->soak_s};
    if (!filter_in(body, "", "first", &phase->filter, err))
        return false;
    out->phase_count = phase->filter[0] ? 1 : 0;
    return true;
}

/* --- the rest ----------------------------------------------------------------------------------
 */

/* Printable, so that anybody can write it down and recompute the places. */
static bool salt(const json_t *body, const char **out, struct err *err)
{
    *out = NULL;
    if (!json_object_get(body, "salt"))
        return true;
    if (!json_field_text(body, "", "salt", DEPLOYMENT_SALT_MAX, out, err))
        return false;
    for (const char *c = *out; *c; c++) {
        if (*c < ' ' || *c > '~')
            return err_set(err, ERR_INVALID, "field 'salt' may have printable ASCII only");
    }
    return **out != '\0' || err_set(err, ERR_INVALID, "field 'salt' is empty");
}

/* The older form, a threshold's own members, means a threshold alone. */
static bool gate(const json_t *body, struct gate_settings *out, struct err *err)
{
    const json_t *object = json_object_get(body, "gate");
    AUTO_JSON *whole = NULL;

    if (!json_object_get(object, "failed_percent") && !json_object_get(object, "min_finished"))
        return gate_settings_read(object, "gate", out, err);
    whole = json_pack("{s:n, s:n, s:n, s:O}", "install", "health", "silence", "threshold", object);
    return gate_settings_read(whole, "gate", out, err);
}

static bool retry(const json_t *body, struct deployment_input *out, struct err *err)
{
    static const char *const fields[] = {"max", "after_s", NULL};
    json_t *object;

    out->retry_after_s = RETRY_AFTER_S_DEFAULT;
    if (!json_object_get(body, "retry"))
        return true;
    return json_field_object(body, "", "retry", &object, err) &&
           json_fields_known(object, "retry", fields, err) &&
           ((input_i64_if(object, "max", 0, RETRY_MAX, &out->retry_max, err) &&
             input_i64_if(object, "after_s", 1, RETRY_AFTER_S_MAX, &out->retry_after_s, err)) ||
            err_wrap(err, "retry"));
}

static bool start(const json_t *body, int64_t *out_ms, struct err *err)
{
    *out_ms = 0;
    return !json_object_get(body, "start") || json_field_time(body, "", "start", out_ms, err);
}

/* true, or the id of the one that is meant. */
static bool supersedes(const json_t *body, struct deployment_input *out, struct err *err)
{
    const json_t *value = json_object_get(body, "supersedes");

    if (!value || json_is_boolean(value)) {
        out->supersedes = json_is_true(value);
        return true;
    }
    out->supersedes = true;
    return input_uuid(body, "supersedes", &out->supersedes_id, err);
}

static bool budgets(const json_t *body, struct deployment_input *out, struct err *err)
{
    out->delta_deadline_s = DELTA_DEADLINE_S_DEFAULT;
    return input_i64_if(body, "concurrency", 1, COUNT_MAX, &out->concurrency, err) &&
           input_i64_if(body, "bytes_per_hour", 1, bytes_per_hour_max, &out->bytes_per_hour, err) &&
           input_i64_if(body, "delta_deadline_s", 1, DELTA_DEADLINE_S_MAX, &out->delta_deadline_s,
                        err);
}

static bool words(const json_t *body, struct deployment_input *out, struct err *err)
{
    static const char *const actions[] = {"update", "downgrade", NULL};
    static const char *const stops[] = {"halt", "pause", "roll-back", NULL};
    static const char *const policies[] = {"delta-then-full", "full", "delta-only",
                                           "wait-for-delta", NULL};
    const char *action;

    if (!word(body, "action", actions, &action, err) ||
        !word(body, "on_stop", stops, &out->on_stop, err) ||
        !word(body, "delta_policy", policies, &out->delta_policy, err))
        return false;
    out->is_downgrade = text_equal(action, "downgrade");
    return flag(body, "draft", &out->is_draft, err) &&
           flag(body, "security", &out->is_security, err);
}

bool deployment_input_read(const struct http_request *req, json_t **body,
                           struct deployment_input *out, struct err *err)
{
    static const char *const fields[] = {"group",
                                         "release",
                                         "phases",
                                         "first",
                                         "soak_s",
                                         "gate",
                                         "salt",
                                         "action",
                                         "start",
                                         "draft",
                                         "concurrency",
                                         "bytes_per_hour",
                                         "delta_policy",
                                         "delta_deadline_s",
                                         "retry",
                                         "security",
                                         "supersedes",
                                         "on_stop",
                                         NULL};
    AUTO_JSON *tree = NULL;

    *out = (struct deployment_input){0};
    if (!input_object(req, fields, &tree, err) || !input_uuid(tree, "group", &out->group, err) ||
        !input_uuid(tree, "release", &out->release, err) ||
        !input_i64_if(tree, "soak_s", 0, SOAK_S_MAX, &out->soak_s, err) ||
        !first_phase(tree, out, err) || !phases(tree, out, err) || !gate(tree, &out->gate, err) ||
        !salt(tree, &out->salt, err) || !words(tree, out, err) || !budgets(tree, out, err) ||
        !retry(tree, out, err) || !start(tree, &out->start_ms, err) || !supersedes(tree, out, err))
        return false;
    *body = TAKE(tree);
    return true;
}
