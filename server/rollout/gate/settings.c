/* One table of numbers: where each is, its range and its default. */
#include "server/rollout/gate/settings.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"

/* clang-format off */
const struct gate_settings gate_settings_default = {
    .install = {true, 0.005, 0.05, 0.005, 0.01, 3},
    .health = {true, 2.7, 0.008, 0.05},
    .silence = {true, 5, 3.0, 0.01},
    .threshold = {false, 10, 3},
};

enum kind { REAL, WHOLE };
enum { REAL_ROOM = 32 };

struct number {
    const char *name;
    enum kind kind;
    size_t field; /* in struct gate_settings */
    double min;   /* of a real: exclusive */
    double max;   /* of a real: exclusive */
    const char *help;
};

#define AT(member) offsetof(struct gate_settings, member)
static const struct number install_numbers[] = {
    {"p0",    REAL,  AT(install.p0),    1e-9, 1, "share of devices that may fail with a good release"},
    {"p1",    REAL,  AT(install.p1),    1e-9, 1, "share that fails with a bad one; above `p0`"},
    {"alpha", REAL,  AT(install.alpha), 1e-9, 0.5, "chance to stop a good release, at most"},
    {"beta",  REAL,  AT(install.beta),  1e-9, 0.5, "chance to lift the cap for a bad one, at most"},
    {"start", WHOLE, AT(install.start), 1, 1000000,
     "devices that may be activating with an open outcome at first; each success adds one"},
};
static const struct number health_numbers[] = {
    {"ratio", REAL, AT(health.ratio), 1.01, 1000, "so many times the bad days of the others is bad"},
    {"alpha", REAL, AT(health.alpha), 1e-9, 0.5, "chance to stop a good release, at most"},
    {"beta",  REAL, AT(health.beta),  1e-9, 0.5,
     "how far good days are remembered: the smaller, the longer"},
};
static const struct number silence_numbers[] = {
    {"intervals", WHOLE, AT(silence.intervals), 2, 1000,
     "poll intervals without a word until a device is silent; two minutes at least"},
    {"ratio",     REAL,  AT(silence.ratio),     1.01, 1000,
     "so many times the silent devices of the others is bad"},
    {"alpha",     REAL,  AT(silence.alpha),     1e-9, 0.5, "chance to stop a good release, at most"},
};
static const struct number threshold_numbers[] = {
    {"failed_percent", WHOLE, AT(threshold.failed_percent), 0, 100,
     "share of ended devices that may have failed ..."},
    {"min_finished",   WHOLE, AT(threshold.finished_min),   1, 10000000,
     "... once so many have ended"},
};

static const struct section {
    const char *name;
    size_t is_on;
    const struct number *numbers;
    size_t count;
    const char *help;
} sections[] = {
    {"install",   AT(install.is_on),   install_numbers,   COUNT(install_numbers),
     "outcomes of installing: a sequential test, for all devices and for each stratum (hardware "
     "and image before)"},
    {"health",    AT(health.is_on),    health_numbers,    COUNT(health_numbers),
     "days with a crash, an unplanned exit or reboot: updated devices against the others, hour "
     "by hour"},
    {"silence",   AT(silence.is_on),   silence_numbers,   COUNT(silence_numbers),
     "devices that are not heard of after they switched, against the others"},
    {"threshold", AT(threshold.is_on), threshold_numbers, COUNT(threshold_numbers),
     "a plain share; off unless it is set"},
};
/* clang-format on */

static void *at(struct gate_settings *settings, size_t field)
{
    return (char *)settings + field;
}

static const void *at_const(const struct gate_settings *settings, size_t field)
{
    return (const char *)settings + field;
}

static bool read_real(const struct number *number, const json_t *value, const char *path,
                      struct gate_settings *out, struct err *err)
{
    double real = json_is_number(value) ? json_number_value(value) : number->min;

    if (real <= number->min || real >= number->max)
        return err_set(err, ERR_INVALID, "field '%s.%s' has to be a number between %g and %g", path,
                       number->name, number->min, number->max);
    memcpy(at(out, number->field), &real, sizeof(real));
    return true;
}

static bool read_whole(const struct number *number, const json_t *value, const char *path,
                       struct gate_settings *out, struct err *err)
{
    json_int_t whole = json_is_integer(value) ? json_integer_value(value) : -1;
    uint64_t kept;

    if (whole < (json_int_t)number->min || whole > (json_int_t)number->max)
        return err_set(err, ERR_INVALID, "field '%s.%s' has to be a whole number from %g to %g",
                       path, number->name, number->min, number->max);
    kept = (uint64_t)whole;
    memcpy(at(out, number->field), &kept, sizeof(kept));
    return true;
}

static bool read_number(const struct number *number, const json_t *object, const char *path,
                        struct gate_settings *out, struct err *err)
{
    const json_t *value = json_object_get(object, number->name);

    if (!value)
        return true;
    return number->kind == REAL ? read_real(number, value, path, out, err)
                                : read_whole(number, value, path, out, err);
}

static bool read_section(const struct section *section, const json_t *value, const char *path,
                         struct gate_settings *out, struct err *err)
{
    const char *names[8] = {NULL};
    bool is_on = !json_is_null(value);
    AUTO_FREE char *inner = mem_printf("%s.%s", path, section->name);

    memcpy(at(out, section->is_on), &is_on, sizeof(is_on));
    if (!is_on)
        return true;
    if (!json_is_object(value))
        return err_set(err, ERR_INVALID, "field '%s' has to be an object or null", inner);
    ASSERT(section->count < COUNT(names));
    for (size_t i = 0; i < section->count; i++)
        names[i] = section->numbers[i].name;
    if (!json_fields_known(value, inner, names, err))
        return false;
    for (size_t i = 0; i < section->count; i++)
        if (!read_number(&section->numbers[i], value, inner, out, err))
            return false;
    return true;
}

static bool read_scope(const json_t *object, const char *path, struct gate_settings *out,
                       struct err *err)
{
    const json_t *value = json_object_get(object, "scope");
    const char *word = json_string_value(value);

    if (!value)
        return true;
    if (!word || (strcmp(word, "all") != 0 && strcmp(word, "stratum") != 0))
        return err_set(err, ERR_INVALID, "field '%s.scope' has to be 'all' or 'stratum'", path);
    out->is_by_stratum = strcmp(word, "stratum") == 0;
    return true;
}

bool gate_settings_read(const json_t *object, const char *path, struct gate_settings *out,
                        struct err *err)
{
    static const char *const names[] = {"install", "health", "silence", "threshold", "scope", NULL};
    struct gate_settings settings = gate_settings_default;

    *out = settings;
    if (!object || json_is_null(object))
        return true;
    if (!json_is_object(object))
        return err_set(err, ERR_INVALID, "field '%s' has to be an object", path);
    if (!json_fields_known(object, path, names, err))
        return false;
    for (size_t i = 0; i < COUNT(sections); i++) {
        const json_t *value = json_object_get(object, sections[i].name);

        if (value && !read_section(&sections[i], value, path, &settings, err))
            return false;
    }
    if (!read_scope(object, path, &settings, err))
        return false;
    if (settings.install.p1 <= settings.install.p0)
        return err_set(err, ERR_INVALID, "field '%s.install.p1' has to be above p0, which is %g",
                       path, settings.install.p0);
    *out = settings;
    return true;
}

bool gate_settings_parse(const char *text, struct gate_settings *out, struct err *err)
{
    static const struct json_limits limits = {
        .bytes_max = 4096, .depth_max = 4, .containers_max = 16};
    AUTO_JSON *tree = NULL;

    return json_parse(text, strlen(text), &limits, &tree, err) &&
           gate_settings_read(tree, "gate", out, err);
}

/* As short as it can be to be read as the same number. */
static void format_real(double real, struct buf *out)
{
    char text[REAL_ROOM];

    for (int digits = 6; digits <= 17; digits++) {
        (void)snprintf(text, sizeof(text), "%.*g", digits, real);
        if (strtod(text, NULL) == real)
            break;
    }
    buf_add_text(out, text);
}

static void format_number(const struct number *number, const struct gate_settings *settings,
                          struct buf *out)
{
    double real;
    uint64_t whole;

    buf_printf(out, "\"%s\":", number->name);
    if (number->kind == REAL) {
        memcpy(&real, at_const(settings, number->field), sizeof(real));
        format_real(real, out);
    } else {
        memcpy(&whole, at_const(settings, number->field), sizeof(whole));
        buf_printf(out, "%" PRIu64, whole);
    }
}

void gate_settings_format(const struct gate_settings *settings, struct buf *out)
{
    buf_add_text(out, "{");
    for (size_t i = 0; i < COUNT(sections); i++) {
        bool is_on;

        memcpy(&is_on, at_const(settings, sections[i].is_on), sizeof(is_on));
        buf_printf(out, "\"%s\":%s", sections[i].name, is_on ? "{" : "null,");
        for (size_t k = 0; is_on && k < sections[i].count; k++) {
            format_number(&sections[i].numbers[k], settings, out);
            buf_add_text(out, k + 1 < sections[i].count ? "," : "},");
        }
    }
    buf_printf(out, "\"scope\":\"%s\"}", settings->is_by_stratum ? "stratum" : "all");
}

static void describe_number(const struct section *section, const struct number *number,
                            struct buf *out)
{
    buf_printf(out, "| `%s.%s` | ", section->name, number->name);
    if (number->kind == REAL) {
        double real;

        memcpy(&real, at_const(&gate_settings_default, number->field), sizeof(real));
        buf_printf(out, "%.12g | between %.12g and %.12g", real, number->min, number->max);
    } else {
        uint64_t whole;

        memcpy(&whole, at_const(&gate_settings_default, number->field), sizeof(whole));
        buf_printf(out, "%" PRIu64 " | %.0f to %.0f", whole, number->min, number->max);
    }
    buf_printf(out, " | %s |\n", number->help);
}

void gate_settings_describe(struct buf *out)
{
    buf_add_text(
        out, "\n## Gates\n\n"
             "What stops a deployment by itself, as `gate` of a new deployment. A gate that is\n"
             "not named holds its defaults, `null` switches it off; `gate.scope` says whether\n"
             "a stratum that fails stops `all` (the default) or only that `stratum`. The older\n"
             "form `{failed_percent, min_finished}` is a threshold and nothing else.\n\n");
    for (size_t i = 0; i < COUNT(sections); i++)
        buf_printf(out, "- `%s`: %s\n", sections[i].name, sections[i].help);
    buf_add_text(out, "\n| member | default | range | meaning |\n|---|---|---|---|\n");
    for (size_t i = 0; i < COUNT(sections); i++)
        for (size_t k = 0; k < sections[i].count; k++)
            describe_number(&sections[i], &sections[i].numbers[k], out);
}
