/* A row for each format: how it says what it is, and where its packages are. */
#include "server/operator/sbom_input.h"

#include <string.h>

#include "lib/base/text.h"
#include "lib/json/json.h"
#include "server/limits.h"

static const struct json_limits limits = {
    .bytes_max = SBOM_BYTES_MAX,
    .depth_max = SBOM_DEPTH_MAX,
    .containers_max = SBOM_CONTAINERS_MAX,
};

static const char *const spdx_versions[] = {"SPDX-2.2", "SPDX-2.3", NULL};
static const char *const spdx_package[] = {"name", "SPDXID", NULL};
static const char *const cyclonedx_versions[] = {"1.2", "1.3", "1.4", "1.5", "1.6", NULL};
static const char *const cyclonedx_package[] = {"name", "type", NULL};

static const struct format {
    const char *name;
    const char *media_type;
    const char *marker; /* the field and the text by which a document says what it is */
    const char *mark;
    const char *version_field;
    const char *const *versions;
    const char *list;
    bool list_is_needed;
    const char *const *package; /* texts that each has */
} formats[] = {
    {
        .name = "spdx",
        .media_type = "application/spdx+json",
        .marker = "SPDXID",
        .mark = "SPDXRef-DOCUMENT",
        .version_field = "spdxVersion",
        .versions = spdx_versions,
        .list = "packages",
        .list_is_needed = true,
        .package = spdx_package,
    },
    {
        .name = "cyclonedx",
        .media_type = "application/vnd.cyclonedx+json",
        .marker = "bomFormat",
        .mark = "CycloneDX",
        .version_field = "specVersion",
        .versions = cyclonedx_versions,
        .list = "components",
        .package = cyclonedx_package,
    },
};

static bool check_version(const json_t *tree, const struct format *format, struct sbom *out,
                          struct err *err)
{
    const char *text = "";

    if (!json_field_text(tree, "", format->version_field, SBOM_VERSION_ROOM - 1, &text, err))
        return false;
    for (const char *const *known = format->versions; *known; known++) {
        if (text_equal(*known, text))
            return text_copy(out->version, sizeof(out->version), text);
    }
    return err_set(err, ERR_INVALID, "field '%s' is not a version that is known here: '%s'",
                   format->version_field, text);
}

static bool check_packages(const json_t *tree, const struct format *format, struct sbom *out,
                           struct err *err)
{
    json_t *list = NULL;

    out->packages = 0;
    if (!json_object_get(tree, format->list) && !format->list_is_needed)
        return true;
    if (!json_field_array(tree, "", format->list, SBOM_CONTAINERS_MAX, &list, err))
        return false;
    out->packages = json_array_size(list);
    for (size_t i = 0; i < out->packages; i++) {
        for (const char *const *name = format->package; *name; name++) {
            const char *text;

            if (!json_field_text(json_array_get(list, i), "", *name, SBOM_TEXT_MAX, &text, err))
                return err_wrap(err, "'%s[%zu]'", format->list, i);
        }
    }
    return true;
}

bool sbom_parse(const void *data, size_t len, struct sbom *out, struct err *err)
{
    AUTO_JSON *tree = NULL;

    if (!json_parse(data, len, &limits, &tree, err))
        return err_wrap(err, "body");
    for (size_t i = 0; i < COUNT(formats); i++) {
        const char *mark = json_string_value(json_object_get(tree, formats[i].marker));

        if (!mark || !text_equal(mark, formats[i].mark))
            continue;
        out->format = formats[i].name;
        return check_version(tree, &formats[i], out, err) &&
               check_packages(tree, &formats[i], out, err);
    }
    return err_set(err, ERR_INVALID, "body: neither an SPDX 2 nor a CycloneDX document");
}

const char *sbom_media_type(const char *format)
{
    for (size_t i = 0; i < COUNT(formats); i++) {
        if (text_equal(formats[i].name, format))
            return formats[i].media_type;
    }
    return "application/json";
}
