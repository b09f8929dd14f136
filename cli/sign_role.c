/* The words a command left out come from the project; the way back, from what groups run now. */
#include "cli/sign_role.h"

#include <inttypes.h>

#include "cli/trust/baseline.h"
#include "cli/trust/release.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"

static void take_hwids(const struct project *project, struct option_texts *out)
{
    const json_t *item;
    size_t i;

    json_array_foreach(project->hwids, i, item)
    {
        out->items[out->count++] = json_string_value(item);
    } /* project_read() limits them */
}

bool sign_fill_in(const struct project *project, struct sign_input *input, struct err *err)
{
    if (!input->component)
        input->component = project->component;
    if (!input->product)
        input->product = project->product;
    if (input->hwids.count == 0)
        take_hwids(project, &input->hwids);
    if (!input->component)
        return err_set(err, ERR_INVALID, "--component is missing: which part is the image?");
    if (input->hwids.count == 0)
        return err_set(err, ERR_INVALID, "--hwid is missing: which hardware is the image for?");
    if (input->images.count != input->hwids.count)
        return err_set(err, ERR_INVALID,
                       "%zu images for %zu hardware ids: name one image for each (--hwid)",
                       input->images.count, input->hwids.count);
    return true;
}

/* What the release may be left for: as told, else the baselines above its own floor. */
static bool ways_back(const struct ceremony *ceremony, const struct sign_input *input,
                      const char *hwid, struct baselines *out, struct err *err)
{
    const struct baseline_query query = {input->product, input->component, hwid};
    struct baselines found = {.count = input->back_to.count};

    out->count = 0;
    if (input->no_back_to)
        return true;
    if (found.count > BASELINES_MAX)
        return err_set(err, ERR_LIMIT, "more than %d ways back", BASELINES_MAX);
    for (size_t i = 0; i < found.count; i++) {
        found.counters[i] = input->back_to.items[i];
        if (found.counters[i] < input->floor)
            return err_set(err, ERR_INVALID, "--back-to %llu is below --floor %llu",
                           (unsigned long long)found.counters[i], (unsigned long long)input->floor);
    }
    if (found.count == 0 && ceremony->api && input->product &&
        !baselines_find(ceremony->api, &query, &found, err))
        return err_wrap(err, "what groups run now (see --back-to, --no-back-to)");
    for (size_t i = 0; i < found.count; i++) {
        if (found.counters[i] >= input->floor)
            out->counters[out->count++] = found.counters[i];
    }
    return true;
}

static bool sign_image(struct ceremony *ceremony, const struct sign_input *input, size_t at,
                       json_t *added, struct err *err)
{
    struct baselines back;
    struct release release = {
        .component = input->component,
        .version = input->version,
        .hwid = input->hwids.items[at],
        .image = input->images.items[at],
        .counter = input->counter,
        .floor = input->floor,
        .epoch = input->epoch,
        .stepping_stone = input->stepping_stone,
        .back_to = back.counters,
    };
    json_t *row;

    if (!ways_back(ceremony, input, release.hwid, &back, err))
        return false;
    release.back_to_count = back.count;
    if (!release_add(&ceremony->plan, &release, ceremony->cli->err, &row, err))
        return false;
    ASSERT(json_array_append_new(added, row) == 0);
    return true;
}

bool sign_images(struct ceremony *ceremony, struct sign_input *input, json_t *answer,
                 struct err *err)
{
    json_t *added = json_array();

    ASSERT(json_object_set_new(answer, "targets", added) == 0);
    if (!sign_fill_in(&ceremony->project, input, err))
        return false;
    for (size_t i = 0; i < input->images.count; i++) {
        if (!sign_image(ceremony, input, i, added, err))
            return false;
    }
    return true;
}

char *sign_note(const struct sign_input *input)
{
    return mem_printf("%s %s", input->component, input->version);
}

void sign_print_images(struct cli *cli, const struct sign_input *input, const json_t *answer)
{
    const json_t *item;
    char size[TEXT_SIZE_ROOM];
    size_t i;

    json_array_foreach(json_object_get(answer, "targets"), i, item)
    {
        text_from_size((uint64_t)json_integer_value(json_object_get(item, "length")), size);
        (void)fprintf(cli->out, "%s\n    %s %s, counter %lld, %s, sha256 %s\n",
                      json_string_value(json_object_get(item, "path")), input->component,
                      input->version,
                      (long long)json_integer_value(json_object_get(item, "counter")), size,
                      json_string_value(json_object_get(item, "sha256")));
    }
}
