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

static void add(uint64_t counter, struct baselines *out)
{
    for (size_t i = 0; i < out->count; i++) {
        if (out->counters[i] == counter)
            return;
    }
    if (out->count < BASELINES_MAX && counter > 0)
        out->counters[out->count++] = counter;
}

static bool add_release(struct api *api, const struct baseline_query *query, const char *id,
                        struct baselines *out, struct err *err)
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

        if (name && text_equal(name, query->component) &&
            names(json_object_get(image, "hwids"), query->hwid))
            add((uint64_t)json_integer_value(json_object_get(image, "release_counter")), out);
    }
    return true;
}

bool baselines_find(struct api *api, const struct baseline_query *query, struct baselines *out,
                    struct err *err)
{
    AUTO_FREE char *id = NULL;
    AUTO_FREE char *path = NULL;
    AUTO_JSON *groups = NULL;
    const json_t *group;
    size_t i;

    out->count = 0;
    if (!api_product_id(api, query->product, &id, err))
        return false;
    path = mem_printf("/products/%s/groups", id);
    if (!api_list(api, path, 0, &groups, err))
        return false;
    json_array_foreach(json_object_get(groups, "items"), i, group)
    {
        const char *release =
            json_string_value(json_object_get(json_object_get(group, "baseline"), "release_id"));

        if (release && !add_release(api, query, release, out, err))
            return false;
    }
    return true;
}
