/*
 * Bins are named "ROLE.BITS-HEX", so that a finer division has names of its own: a name once in a
 * snapshot stays there for ever, with what it said.
 */
#include "cli/trust/bins.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"

enum {
    SIGNATURE_BYTES = 250, /* of one signature and its key id as JSON */
    AROUND_BYTES = 200,
    ROOM_BYTES = TUF_DELEGATED_BYTES_MAX / 2, /* fresh bins are at most half full */
};

static json_t *succinct_of(const json_t *body)
{
    return json_object_get(json_object_get(body, "delegations"), "succinct_roles");
}

static bool bin_of(const json_t *succinct, const char *path, char *out, size_t room)
{
    const char *prefix = json_string_value(json_object_get(succinct, "name_prefix"));
    json_int_t bits = json_integer_value(json_object_get(succinct, "bit_length"));

    return prefix && bits >= 1 && bits <= 32 &&
           tuf_bin_name(prefix, (unsigned)bits, path, out, room);
}

bool bins_place(const struct plan *plan, const char *role, const char *path, char *out, size_t room)
{
    AUTO_JSON *body = plan_look(plan, "image", role);
    const json_t *succinct = succinct_of(body);

    return succinct ? bin_of(succinct, path, out, room) : text_copy(out, room, role);
}

static json_t *names_of(const char *prefix, unsigned bits)
{
    json_t *names = json_array();
    int digits = (int)((bits + 3) / 4);

    for (unsigned long n = 0; n < 1UL << bits; n++) {
        AUTO_FREE char *name = mem_printf("%s-%0*lx", prefix, digits, n);

        ASSERT(json_array_append_new(names, json_string(name)) == 0);
    }
    return names;
}

json_t *bins_names(const struct plan *plan, const char *role)
{
    AUTO_JSON *body = plan_look(plan, "image", role);
    const json_t *succinct = succinct_of(body);
    json_int_t bits = json_integer_value(json_object_get(succinct, "bit_length"));

    if (!succinct || bits < 1 || bits > 16)
        return json_array();
    return names_of(json_string_value(json_object_get(succinct, "name_prefix")), (unsigned)bits);
}

/* How long the body is when it is signed by that many keys. */
static size_t signed_length(const json_t *body, size_t keys)
{
    AUTO_FREE char *text = json_text(body);

    return strlen(text) + AROUND_BYTES + (keys * SIGNATURE_BYTES);
}

static bool too_long(const struct plan *plan, const char *role, size_t keys)
{
    AUTO_JSON *names = bins_names(plan, role);
    AUTO_JSON *body = plan_look(plan, "image", role);
    const json_t *name;
    size_t i;

    if (body && signed_length(body, keys) > TUF_DELEGATED_BYTES_MAX)
        return true;
    json_array_foreach(names, i, name)
    {
        AUTO_JSON *bin = plan_look(plan, "image", json_string_value(name));

        if (bin && signed_length(bin, keys) > TUF_DELEGATED_BYTES_MAX)
            return true;
    }
    return false;
}

/* Every entry of the role and its bins. */
static json_t *all_entries(const struct plan *plan, const char *role)
{
    AUTO_JSON *names = bins_names(plan, role);
    AUTO_JSON *body = plan_look(plan, "image", role);
    json_t *all = json_deep_copy(edit_targets(body));
    const json_t *name;
    size_t i;

    json_array_foreach(names, i, name)
    {
        AUTO_JSON *bin = plan_look(plan, "image", json_string_value(name));

        if (bin)
            ASSERT(json_object_update(all, edit_targets(bin)) == 0);
    }
    return all;
}

/* {bin: {path: entry}} */
static json_t *distribute(const json_t *entries, const char *prefix, unsigned bits)
{
    AUTO_JSON *names = names_of(prefix, bits);
    json_t *bins = json_object();
    const json_t *name;
    const char *path;
    json_t *entry;
    size_t i;

    json_array_foreach(names, i, name)
    {
        ASSERT(json_object_set_new(bins, json_string_value(name), json_object()) == 0);
    }
    json_object_foreach(json_iterable(entries), path, entry)
    {
        char bin[BUNDLE_NAME_ROOM];
        bool fits = tuf_bin_name(prefix, bits, path, bin, sizeof(bin));

        ASSERT(fits && json_object_set(json_object_get(bins, bin), path, entry) == 0);
    }
    return bins;
}

static bool all_fit(const json_t *bins, size_t keys)
{
    const char *name;
    json_t *entries;

    json_object_foreach(json_iterable(bins), name, entries)
    {
        if (signed_length(entries, keys) > ROOM_BYTES)
            return false;
    }
    return true;
}

/* The role's keys and threshold, as its delegator says them, for its own bins. */
static bool delegate_bins(json_t *body, const json_t *delegator, const char *role,
                          const char *prefix, unsigned bits, struct err *err)
{
    const struct tuf_delegation_plan none = {
        .name = prefix,
        .threshold =
            (uint64_t)json_integer_value(json_object_get(edit_rule(delegator, role), "threshold"))};
    AUTO_JSON *keys = edit_keys_of(delegator, role);
    json_t *delegations =
        json_pack("{s:{}, s:o}", "keys", "succinct_roles", tuf_succinct_json(&none, bits));

    ASSERT(delegations && json_object_set_new(body, "delegations", delegations) == 0 &&
           json_object_set_new(body, "targets", json_object()) == 0);
    return edit_set_keys(body, prefix, keys, 0, err);
}

static bool divide(struct plan *plan, const char *role, const json_t *delegator, unsigned bits,
                   json_t *bins, struct err *err)
{
    AUTO_FREE char *prefix = mem_printf("%s.%u", role, bits);
    const char *name;
    json_t *entries;

    if (!delegate_bins(plan_edit(plan, "image", role), delegator, role, prefix, bits, err))
        return false;
    json_object_foreach(bins, name, entries)
    {
        json_t *bin = edit_targets_new(plan->now_ms, plan->days);

        ASSERT(json_object_set(bin, "targets", entries) == 0);
        plan_add(plan, "image", name, bin);
    }
    return true;
}

bool bins_divide(struct plan *plan, const char *role, struct err *err)
{
    AUTO_JSON *delegator = plan_look(plan, "image", "targets");
    AUTO_JSON *body = plan_look(plan, "image", role);
    size_t keys = json_array_size(json_object_get(edit_rule(delegator, role), "keyids"));
    unsigned bits =
        (unsigned)json_integer_value(json_object_get(succinct_of(body), "bit_length")) + 1;
    AUTO_JSON *entries = NULL;

    if (!too_long(plan, role, keys))
        return true;
    entries = all_entries(plan, role);
    for (; bits <= BINS_BITS_MAX; bits++) {
        AUTO_FREE char *prefix = mem_printf("%s.%u", role, bits);
        AUTO_JSON *bins = distribute(entries, prefix, bits);

        if (!all_fit(bins, keys))
            continue;
        plan_drop(plan, role);
        return divide(plan, role, delegator, bits, bins, err);
    }
    return err_set(err, ERR_LIMIT, "%s has too many entries for %d bins", role, 1 << BINS_BITS_MAX);
}
