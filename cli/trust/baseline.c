/* A group's baseline is its last finished deployment; its release names images with counters. */
#include "cli/trust/baseline.h"

#include "lib/base/mem.h"
#include "lib/base/text.h"

static bool names(const json_t *list, const char *text)
{
    const json_t *item;
    size_t i;

    json_array_foreach(list, i, item)
    {
        if (text_equal(json_string_value(item), text))
            return true;
    }
    return false;
}

static void add(uint64_t counter, uint64_t *out, size_t *count)
{
    for (size_t i = 0; i < *count; i++) {
        if (out[i] == counter)
            return;
    }
    if (*count < BASELINES_MAX && counter > 0)
        out[(*count)++] = counter;
}

static bool add_release(struct api *api, const char *id, const char *component, const char *hwid,
                        uint64_t *out, size_t *count, struct err *err)
{
    AUTO_FREE char *path = mem_printf("/releases/%s", id);
    AUTO_JSON *release = NULL;
    const json_t *image;
    size_t i;

    if (!api_call(api, "GET", path, NULL, &release, err))
        return false;
    json_array_foreach(json_object_get(release, "images"), i, image)
    {
        const char *name = json_string_value(json_object_get(image, "component"));

        if (name && text_equal(name, component) && names(json_object_get(image, "hwids"), hwid))
            add((uint64_t)json_integer_value(json_object_get(image, "release_counter")), out,
                count);
    }
    return true;
}

bool baseline_counters(struct api *api, const char *product, const char *component,
                       const char *hwid, uint64_t *out, size_t *count, struct err *err)
{
    AUTO_FREE char *id = NULL;
    AUTO_FREE char *path = NULL;
    AUTO_JSON *groups = NULL;
    const json_t *group;
    size_t i;

    *count = 0;
    if (!api_product_id(api, product, &id, err))
        return false;
    path = mem_printf("/products/%s/groups", id);
    if (!api_list(api, path, 0, &groups, err))
        return false;
    json_array_foreach(json_object_get(groups, "items"), i, group)
    {
        const char *release =
            json_string_value(json_object_get(json_object_get(group, "baseline"), "release_id"));

        if (release && !add_release(api, release, component, hwid, out, count, err))
            return false;
    }
    return true;
}
