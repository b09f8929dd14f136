/* Places are a hash of salt and device id, so anybody can compute who comes first. This turns it
 * round: given who shall come first (the lab's devices), it finds a salt. */
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "cli/client/api.h"
#include "cli/deploy.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/update/place.h"

struct values {
    struct api_options api;
    const char *group;
    const char *others;
    uint64_t phase_percent;
    struct option_texts first;
};

/* clang-format off */
const struct option deploy_salt_options[] = {
    {.name = "group", .type = OPTION_TEXT, .required = true, .field = offsetof(struct values, group), .value = "PRODUCT/GROUP", .help = "whose devices"},
    {.name = "phase-percent", .type = OPTION_U64, .required = true, .field = offsetof(struct values, phase_percent), .min = 1, .max = 100, .value = "N", .help = "share of the first phase"},
    {.name = "first", .type = OPTION_TEXTS, .required = true, .field = offsetof(struct values, first), .value = "DEVICE", .help = "a device that shall be in it; may be given again"},
    {.name = "others", .type = OPTION_TEXT, .field = offsetof(struct values, others), .value = "MIN-MAX", .help = "how many more may be in it (any)"},
    API_OPTIONS(struct values), {0}};
/* clang-format on */

static bool is_first(const char *salt, const uint8_t device[32], uint32_t share_milli)
{
    return place_in_share(place_of(salt, device), share_milli);
}

static bool fits(const struct salt_wish *wish, const char *salt, size_t *others)
{
    *others = 0;
    for (size_t i = 0; i < wish->first_count; i++)
        if (!is_first(salt, wish->first[i], wish->share_milli))
            return false;
    for (size_t i = 0; i < wish->rest_count; i++)
        *others += is_first(salt, wish->rest[i], wish->share_milli);
    return *others >= wish->others_min && *others <= wish->others_max;
}

bool deploy_find_salt(const struct salt_wish *wish, char salt[SALT_ROOM], size_t *others)
{
    for (unsigned n = 0; n < SALT_TRIES_MAX; n++) {
        (void)snprintf(salt, SALT_ROOM, "canary-%u", n);
        if (fits(wish, salt, others))
            return true;
    }
    return false;
}

static bool parse_range(const char *text, size_t *min, size_t *max, struct err *err)
{
    const char *dash = text ? strchr(text, '-') : NULL;
    uint64_t low, high;

    if (!text)
        return true;
    if (!dash || !text_to_u64(text, (size_t)(dash - text), 0, SIZE_MAX, &low) ||
        !text_to_u64(dash + 1, strlen(dash + 1), low, SIZE_MAX, &high))
        return err_set(err, ERR_INVALID, "'%s' is not a range like 5-15", text);
    *min = low;
    *max = high;
    return true;
}

static bool is_wanted(const struct option_texts *first, const char *device)
{
    for (size_t i = 0; i < first->count; i++)
        if (text_equal(first->items[i], device))
            return true;
    return false;
}

/* Sorts the group's devices into those that were named and the rest. */
static bool sort_devices(const json_t *items, const struct values *values, uint8_t (*first)[32],
                         uint8_t (*rest)[32], struct salt_wish *wish, struct err *err)
{
    for (size_t i = 0; i < json_array_size(items); i++) {
        const char *device = json_string_value(json_object_get(json_array_get(items, i), "device"));
        bool wanted = device && is_wanted(&values->first, device);
        uint8_t *to = wanted ? first[wish->first_count] : rest[wish->rest_count];

        if (!device || !text_to_hex_bytes(device, strlen(device), to, 32))
            return err_set(err, ERR_INVALID, "the server's list holds a device without an id");
        if (wanted)
            wish->first_count++;
        else
            wish->rest_count++;
    }
    if (wish->first_count != values->first.count)
        return err_set(err, ERR_NOT_FOUND, "%zu of the %zu devices named are not in this group",
                       values->first.count - wish->first_count, values->first.count);
    wish->first = (const uint8_t(*)[32])first;
    wish->rest = (const uint8_t(*)[32])rest;
    return true;
}

static bool search(const json_t *items, const struct values *values, char salt[SALT_ROOM],
                   size_t *others, struct err *err)
{
    size_t count = json_array_size(items);
    AUTO_FREE uint8_t(*first)[32] = mem_array(count + 1, sizeof(*first));
    AUTO_FREE uint8_t(*rest)[32] = mem_array(count + 1, sizeof(*rest));
    struct salt_wish wish = {.share_milli = (uint32_t)values->phase_percent * 1000,
                             .others_max = SIZE_MAX};

    if (!parse_range(values->others, &wish.others_min, &wish.others_max, err) ||
        !sort_devices(items, values, first, rest, &wish, err))
        return false;
    return deploy_find_salt(&wish, salt, others) ||
           err_set(err, ERR_NOT_FOUND,
                   "no salt among %d does that: name fewer devices, or widen "
                   "--others or the phase",
                   SALT_TRIES_MAX);
}

int deploy_run_salt(int argc, char **argv, struct cli *cli)
{
    struct values values = {0};
    AUTO_API struct api *api = NULL;
    AUTO_FREE char *group = NULL;
    AUTO_FREE char *path = NULL;
    AUTO_JSON *devices = NULL;
    char salt[SALT_ROOM];
    size_t others = 0;
    struct err err = {0};
    int status;

    if (!option_parse(argc, argv, cli, &values, &status))
        return status;
    if (!api_open(&values.api, &api, &err) || !api_group_id(api, values.group, &group, &err))
        return cli_fail(cli, &err);
    path = mem_printf("/devices?group=%s", group);
    if (!api_list(api, path, 0, &devices, &err) ||
        !search(json_object_get(devices, "items"), &values, salt, &others, &err))
        return cli_fail(cli, &err);
    if (cli->json) {
        AUTO_JSON *answer = json_pack("{s:s, s:I}", "salt", salt, "others", (json_int_t)others);

        cli_print_json(cli, answer);
    } else {
        (void)fprintf(cli->out, "%s\n", salt);
    }
    return CLI_DONE;
}
