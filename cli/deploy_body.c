/* Only what was said gets into the body: defaults are the server's. It checks order and range, and
 * names the field. */
#include "cli/deploy_body.h"

#include <stdlib.h>
#include <string.h>

#include "cli/deploy.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"

/* --- phases ------------------------------------------------------------------------------------
 */

/* "12.5%" or "3". Whole numbers stay whole: 5, not 5.0. */
static json_t *parse_size(const char *text)
{
    size_t len = strlen(text);
    bool is_share = len > 0 && text[len - 1] == '%';
    AUTO_FREE char *number = mem_strndup(text, is_share ? len - 1 : len);
    uint64_t count;
    double share;
    char *end;

    if (!is_share)
        return text_to_u64(text, len, 0, 1000000000, &count)
                   ? json_pack("{s:I}", "count", (json_int_t)count)
                   : NULL;
    if (number[0] == '\0' || strspn(number, "0123456789.") != len - 1)
        return NULL;
    share = strtod(number, &end);
    if (*end != '\0')
        return NULL;
    return share == (double)(int)share ? json_pack("{s:i}", "percent", (int)share)
                                       : json_pack("{s:f}", "percent", share);
}

/* "hold", "24dh", "2h". */
static bool add_rest(json_t *phase, const char *text, struct err *err)
{
    size_t len = strlen(text);
    uint64_t number;

    if (text_equal(text, "hold")) {
        (void)json_object_set_new(phase, "advance", json_string("manual"));
        return true;
    }
    if (text_ends_with(text, "dh") && text_to_u64(text, len - 2, 0, 1000000000, &number)) {
        (void)json_object_set_new(phase, "soak_device_h", json_integer((json_int_t)number));
        return true;
    }
    if (!deploy_parse_time(text, &number, err))
        return false;
    (void)json_object_set_new(phase, "soak_s", json_integer((json_int_t)number));
    return true;
}

static bool add_phase(json_t *phases, char *text, struct err *err)
{
    char *rest = NULL;
    char *size = strtok_r(text, ":", &rest);
    json_t *phase = size ? parse_size(size) : NULL;

    if (!phase)
        return err_set(err, ERR_INVALID, "'%s' is neither a share like 5%% or 12.5%% nor a number",
                       size ? size : text);
    (void)json_array_append_new(phases, phase);
    for (char *at = strtok_r(NULL, ":", &rest); at; at = strtok_r(NULL, ":", &rest)) {
        if (!add_rest(phase, at, err))
            return err_wrap(err, "phase '%s'", size);
    }
    return true;
}

bool deploy_parse_phases(const char *text, json_t **out, struct err *err)
{
    AUTO_JSON *phases = json_array();

    for (;;) {
        const char *end = strchrnul(text, ',');
        AUTO_FREE char *phase = mem_strndup(text, (size_t)(end - text));

        if (!add_phase(phases, phase, err))
            return false;
        if (!*end)
            break;
        text = end + 1;
    }
    *out = json_incref(phases);
    return true;
}

/* --- the body ----------------------------------------------------------------------------------
 */

static void set_text(json_t *body, const char *name, const char *text)
{
    if (text)
        (void)json_object_set_new(body, name, json_string(text));
}

static void set_number(json_t *body, const char *name, uint64_t number)
{
    if (number > 0)
        (void)json_object_set_new(body, name, json_integer((json_int_t)number));
}

static void set_flag(json_t *body, const char *name, bool is_set)
{
    if (is_set)
        (void)json_object_set_new(body, name, json_true());
}

static bool set_time(json_t *body, const char *name, const char *text, struct err *err)
{
    uint64_t seconds;

    if (!text)
        return true;
    if (!deploy_parse_time(text, &seconds, err))
        return false;
    (void)json_object_set_new(body, name, json_integer((json_int_t)seconds));
    return true;
}

static bool set_gate(json_t *body, const struct deploy_body *values, struct err *err)
{
    bool has_percent = values->failed_percent != UINT64_MAX;
    bool has_least = values->min_finished != UINT64_MAX;
    json_t *gate = NULL;

    if (values->gate && (has_percent || has_least))
        return err_set(err, ERR_INVALID, "--gate and a plain threshold are one too many");
    if (values->gate &&
        !json_parse(values->gate, strlen(values->gate), &json_limits_api, &gate, err))
        return err_wrap(err, "--gate");
    if (has_percent || has_least)
        gate = json_object();
    if (has_percent)
        (void)json_object_set_new(gate, "failed_percent",
                                  json_integer((json_int_t)values->failed_percent));
    if (has_least)
        (void)json_object_set_new(gate, "min_finished",
                                  json_integer((json_int_t)values->min_finished));
    if (gate)
        (void)json_object_set_new(body, "gate", gate);
    return true;
}

static bool set_retry(json_t *body, const struct deploy_body *values, struct err *err)
{
    json_t *retry;

    if (values->retries == 0 && !values->retry_after)
        return true;
    retry = json_pack("{s:I}", "max", (json_int_t)values->retries);
    (void)json_object_set_new(body, "retry", retry);
    return set_time(retry, "after_s", values->retry_after, err);
}

static bool set_rest(json_t *body, const struct deploy_body *values, struct err *err)
{
    set_text(body, "first", values->first);
    set_text(body, "on_stop", values->on_stop);
    set_text(body, "salt", values->salt);
    set_text(body, "action", values->downgrade ? "downgrade" : NULL);
    set_text(body, "start", values->start);
    set_flag(body, "draft", values->draft);
    set_number(body, "concurrency", values->concurrency);
    set_number(body, "bytes_per_hour", values->bytes_per_hour);
    set_text(body, "delta_policy", values->delta_policy);
    set_flag(body, "security", values->security);
    set_flag(body, "supersedes", values->supersede);
    return set_time(body, "soak_s", values->soak, err) &&
           set_time(body, "delta_deadline_s", values->delta_deadline, err) &&
           set_retry(body, values, err) && set_gate(body, values, err);
}

bool deploy_body_make(struct api *api, const struct deploy_body *values, json_t **out,
                      struct err *err)
{
    AUTO_FREE char *group = NULL;
    AUTO_FREE char *release = NULL;
    AUTO_FREE char *path = NULL;
    AUTO_JSON *found = NULL;
    AUTO_JSON *phases = NULL;
    AUTO_JSON *body = NULL;

    if (!deploy_parse_phases(values->phases, &phases, err) ||
        !api_group_id(api, values->group, &group, err))
        return false;
    path = mem_printf("/groups/%s", group);
    if (!api_call(api, "GET", path, NULL, &found, err) ||
        !api_release_id(api, values->release,
                        json_string_value(json_object_get(found, "product_id")), &release, err))
        return false;
    body = json_pack("{s:s, s:s, s:O}", "group", group, "release", release, "phases", phases);
    if (!set_rest(body, values, err))
        return false;
    *out = json_incref(body);
    return true;
}
