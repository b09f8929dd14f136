/* The counter is what devices compare; everything that could have been signed before is looked at
 * to find the next one. */
#include "cli/trust/release.h"

#include <string.h>

#include "cli/hash_file.h"
#include "cli/trust/bins.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"

static void set_new(json_t *object, const char *name, json_t *value)
{
    int failed = json_object_set_new(object, name, value);

    ASSERT(failed == 0);
}

static void set_way_back(const struct release *release, int64_t now_ms, json_t *custom)
{
    json_t *counters = json_array();
    char until[TEXT_TIME_ROOM];

    for (size_t i = 0; i < release->back_to_count; i++)
        ASSERT(json_array_append_new(counters, json_integer((json_int_t)release->back_to[i])) == 0);
    text_from_time(now_ms + (RELEASE_REVERT_DAYS * EDIT_DAY_MS), until);
    set_new(custom, "revert_to", counters);
    set_new(custom, "revert_until", json_string(until));
}

json_t *release_custom(const struct release *release, json_t *hwids, int64_t now_ms)
{
    json_t *custom =
        json_pack("{s:s, s:{s:s, s:s, s:o, s:I, s:I}, s:{s:s}}", "type", "os", "match", "name",
                  release->component, "version", release->version, "hwids", hwids,
                  "release_counter", (json_int_t)release->counter, "security_epoch",
                  (json_int_t)release->epoch, "payload", "format", "raw");

    ASSERT(custom);
    if (release->floor)
        set_new(custom, "floor", json_integer((json_int_t)release->floor));
    if (release->stepping_stone)
        set_new(custom, "stepping_stone", json_integer((json_int_t)release->stepping_stone));
    if (release->back_to_count)
        set_way_back(release, now_ms, custom);
    return custom;
}

static uint64_t counter_in(const json_t *targets, const char *component)
{
    uint64_t highest = 0;
    const char *path;
    json_t *entry;

    json_object_foreach(json_iterable(targets), path, entry)
    {
        const json_t *match = json_object_get(json_object_get(entry, "custom"), "match");
        uint64_t counter = (uint64_t)json_integer_value(json_object_get(match, "release_counter"));

        if (text_equal(json_string_value(json_object_get(match, "name")), component) &&
            counter > highest)
            highest = counter;
    }
    return highest;
}

uint64_t release_last_counter(const struct plan *plan, const char *component, const char *hwid)
{
    AUTO_FREE char *role = mem_printf("os-%s", hwid);
    AUTO_JSON *names = bins_names(plan, role);
    AUTO_JSON *body = plan_look(plan, "image", role);
    uint64_t highest = counter_in(edit_targets(body), component);
    const json_t *name;
    size_t i;

    json_array_foreach(names, i, name)
    {
        AUTO_JSON *bin = plan_look(plan, "image", json_string_value(name));
        uint64_t counter = counter_in(edit_targets(bin), component);

        highest = counter > highest ? counter : highest;
    }
    return highest;
}

/* The server knows an image by its bytes: under a second counter they could not be deployed. */
static bool check_new_bytes(const json_t *targets, const char *sha256, struct err *err)
{
    const char *path;
    json_t *entry;

    json_object_foreach(json_iterable(targets), path, entry)
    {
        const char *listed =
            json_string_value(json_object_get(json_object_get(entry, "hashes"), "sha256"));

        if (listed && text_equal(listed, sha256))
            return err_set(err, ERR_CONFLICT,
                           "the same bytes are signed already as '%s': a release needs bytes of "
                           "its own",
                           path);
    }
    return true;
}

static bool check_bytes(const struct plan *plan, const char *role, const char *sha256,
                        struct err *err)
{
    AUTO_JSON *names = bins_names(plan, role);
    AUTO_JSON *body = plan_look(plan, "image", role);
    const json_t *name;
    size_t i;

    if (!check_new_bytes(edit_targets(body), sha256, err))
        return false;
    json_array_foreach(names, i, name)
    {
        AUTO_JSON *bin = plan_look(plan, "image", json_string_value(name));

        if (!check_new_bytes(edit_targets(bin), sha256, err))
            return false;
    }
    return true;
}

static bool check_words(const struct release *release, struct err *err)
{
    const struct {
        const char *what;
        const char *word;
    } words[] = {{"component", release->component},
                 {"version", release->version},
                 {"hardware id", release->hwid}};

    for (size_t i = 0; i < COUNT(words); i++) {
        if (!tuf_word_is_safe(words[i].word))
            return err_set(err, ERR_INVALID,
                           "%s '%s' has characters other than letters, digits and . _ + ~ -",
                           words[i].what, words[i].word);
    }
    return true;
}

/* The draft that gets the entry: of the role, or of a bin of it that may be new. */
static bool open_role(struct plan *plan, const char *hwid, const char *path, json_t **out,
                      struct err *err)
{
    AUTO_FREE char *role = mem_printf("os-%s", hwid);
    AUTO_JSON *targets = plan_look(plan, "image", "targets");
    char place[BUNDLE_NAME_ROOM];

    if (!targets || !edit_rule(targets, role))
        return err_set(err, ERR_NOT_FOUND,
                       "nobody may sign for hardware '%s' yet: slipway sign request targets "
                       "--hwid %s",
                       hwid, hwid);
    if (!bins_place(plan, role, path, place, sizeof(place)))
        return err_set(err, ERR_INVALID, "the name of role %s is too long", role);
    *out = plan_edit(plan, "image", place);
    if (!*out) {
        *out = edit_targets_new(plan->now_ms, plan->days);
        plan_add(plan, "image", place, *out);
    }
    return true;
}

bool release_add(struct plan *plan, const struct release *release, FILE *progress, json_t **added,
                 struct err *err)
{
    AUTO_FREE char *path =
        mem_printf("os/%s/%s/%s", release->hwid, release->version, hash_file_name(release->image));
    AUTO_FREE char *role = mem_printf("os-%s", release->hwid);
    struct release counted = *release;
    uint8_t sha256[HASH_BYTES];
    char hex[HASH_HEX_ROOM];
    uint64_t length;
    json_t *body = NULL;

    if (!check_words(release, err))
        return false;
    if (!tuf_path_is_safe(path))
        return err_set(err, ERR_INVALID, "'%s' cannot be the name of a target", path);
    if (!open_role(plan, release->hwid, path, &body, err))
        return false;
    if (json_object_get(edit_targets(body), path))
        return err_set(err, ERR_CONFLICT, "'%s' is signed already", path);
    if (!hash_file(release->image, progress, &length, sha256, err))
        return false;
    if (counted.counter == 0)
        counted.counter = release_last_counter(plan, release->component, release->hwid) + 1;
    text_from_hex_bytes(sha256, sizeof(sha256), hex);
    if (!check_bytes(plan, role, hex, err))
        return false;
    set_new(edit_targets(body), path,
            json_pack("{s:I, s:{s:s}, s:o}", "length", (json_int_t)length, "hashes", "sha256", hex,
                      "custom",
                      release_custom(&counted, json_pack("[s]", release->hwid), plan->now_ms)));
    *added = json_pack("{s:s, s:s, s:I, s:I, s:s}", "path", path, "sha256", hex, "length",
                       (json_int_t)length, "counter", (json_int_t)counted.counter, "hwid",
                       release->hwid);
    return bins_divide(plan, role, err);
}
