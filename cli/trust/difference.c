/* lib/tuf tells the changes; the tables below say which fields it tells about. */
#include "cli/trust/difference.h"

#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/tuf/summary.h"

/* clang-format off */
static const char *const root_fields[] = {"_type", "spec_version", "version", "expires", "consistent_snapshot", "keys", "roles", NULL};
static const char *const roles_fields[] = {"root", "targets", "snapshot", "timestamp", NULL};
static const char *const rule_fields[] = {"keyids", "threshold", NULL};
static const char *const targets_fields[] = {"_type", "spec_version", "version", "expires", "targets", "delegations", NULL};
static const char *const delegations_fields[] = {"keys", "roles", "succinct_roles", NULL};
static const char *const delegation_fields[] = {"name", "keyids", "threshold", "paths", "terminating", "x-hwids", NULL};
static const char *const succinct_fields[] = {"keyids", "threshold", "bit_length", "name_prefix", NULL};
static const char *const key_fields[] = {"keytype", "scheme", "keyval", NULL};
static const char *const entry_fields[] = {"length", "hashes", "custom", NULL};
static const char *const custom_fields[] = {"type", "match", "payload", "requires", "floor", "stepping_stone", "revert_to", "revert_until", NULL};
static const char *const match_fields[] = {"name", "version", "hwids", "release_counter", "security_epoch", NULL};
static const char *const payload_fields[] = {"format", "slot", "encoding", "plain_length", "plain_sha256", NULL};
/* clang-format on */

/* A missing object has no unknown fields. */
static bool known(const json_t *object, const char *path, const char *const *fields,
                  struct err *err)
{
    return !object || json_fields_known(object, path, fields, err);
}

/* Every member of an object of objects. */
static bool each_known(const json_t *holder, const char *path, const char *const *fields,
                       struct err *err)
{
    const char *name;
    json_t *item;

    json_object_foreach(json_iterable(holder), name, item)
    {
        if (!known(item, name, fields, err))
            return err_wrap(err, "%s", path);
    }
    return true;
}

static bool check_root(const json_t *body, struct err *err)
{
    const json_t *roles = json_object_get(body, "roles");

    return known(body, "root", root_fields, err) && known(roles, "roles", roles_fields, err) &&
           each_known(roles, "roles", rule_fields, err) &&
           each_known(json_object_get(body, "keys"), "keys", key_fields, err);
}

static bool check_entry(const char *path, const json_t *entry, struct err *err)
{
    const json_t *custom = json_object_get(entry, "custom");

    return known(entry, path, entry_fields, err) && known(custom, path, custom_fields, err) &&
           known(json_object_get(custom, "match"), path, match_fields, err) &&
           known(json_object_get(custom, "payload"), path, payload_fields, err);
}

static bool check_delegations(const json_t *delegations, struct err *err)
{
    const json_t *item;
    size_t i;

    if (!known(delegations, "delegations", delegations_fields, err) ||
        !each_known(json_object_get(delegations, "keys"), "keys", key_fields, err) ||
        !known(json_object_get(delegations, "succinct_roles"), "succinct_roles", succinct_fields,
               err))
        return false;
    json_array_foreach(json_object_get(delegations, "roles"), i, item)
    {
        if (!known(item, "delegation", delegation_fields, err))
            return false;
    }
    return true;
}

static bool check_targets(const json_t *body, struct err *err)
{
    const char *path;
    json_t *entry;

    if (!known(body, "targets", targets_fields, err) ||
        !check_delegations(json_object_get(body, "delegations"), err))
        return false;
    json_object_foreach(json_object_get(body, "targets"), path, entry)
    {
        if (!check_entry(path, entry, err))
            return false;
    }
    return true;
}

static size_t add_lines(const struct buf *text, json_t *lines)
{
    const char *at = buf_text(text);
    size_t count = 0;

    while (*at) {
        size_t len = strcspn(at, "\n");

        ASSERT(json_array_append_new(lines, json_stringn_nocheck(at, len)) == 0);
        count++;
        at += len + (at[len] == '\n' ? 1 : 0);
    }
    return count;
}

/* --- entries that only move ------------------------------------------------------------------- */

struct moves {
    json_t *published; /* {path: entry} of every role */
    json_t *proposed;  /* of every document of the bundle */
};

static json_t *published_entries(const struct state *state)
{
    json_t *all = json_object();

    for (size_t i = 0; i < state->roles.count; i++) {
        AUTO_JSON *body = state_body(state, "image", state->roles.items[i].name);

        (void)json_object_update(all, json_object_get(body, "targets")); /* none in root */
    }
    return all;
}

static json_t *proposed_entries(const struct bundle *bundle)
{
    json_t *all = json_object();

    for (size_t i = 0; i < bundle->count; i++)
        (void)json_object_update(all, json_object_get(bundle->documents[i].body, "targets"));
    return all;
}

/* Takes out of `entries` what is not in `other` but unchanged `elsewhere`; how many. */
static size_t take_moved(json_t *entries, const json_t *other, const json_t *elsewhere)
{
    size_t moved = 0;
    const char *path;
    json_t *entry;
    void *next;

    json_object_foreach_safe(entries, next, path, entry)
    {
        if (json_object_get(other, path) || !json_equal(entry, json_object_get(elsewhere, path)))
            continue;
        (void)json_object_del(entries, path); /* it is there */
        moved++;
    }
    return moved;
}

static void add_count(json_t *lines, size_t count, const char *words)
{
    AUTO_FREE char *line = mem_printf("%zu entries %s, unchanged", count, words);

    if (count > 0)
        ASSERT(json_array_append_new(lines, json_string(line)) == 0);
}

/* --- one document ----------------------------------------------------------------------------- */

static bool compare(const char *role, const json_t *before, const json_t *after, json_t *lines,
                    struct err *err)
{
    AUTO_BUF old;
    AUTO_BUF fresh;
    AUTO_BUF text;

    buf_init(&old, TUF_TARGETS_BYTES_MAX);
    buf_init(&fresh, TUF_TARGETS_BYTES_MAX);
    buf_init(&text, (size_t)4 * TUF_SUMMARY_BYTES_MAX);
    if ((before && !json_canonical(before, &old, err)) || !json_canonical(after, &fresh, err) ||
        !tuf_summary(role, before ? &old : NULL, &fresh, &text, err))
        return false;
    if (add_lines(&text, lines) > TUF_SUMMARY_LINES_MAX || text.failed)
        return err_set(err, ERR_LIMIT, "%s has more than %d changes: sign them in smaller steps",
                       role, TUF_SUMMARY_LINES_MAX);
    return true;
}

static bool difference_of(const struct state *state, const struct moves *moves,
                          struct bundle_document *document, struct err *err)
{
    AUTO_JSON *published = state_body(state, document->repository, document->role);
    AUTO_JSON *before = published ? json_deep_copy(published) : NULL;
    AUTO_JSON *after = json_deep_copy(document->body);
    json_t *lines = json_array();
    size_t in, out;

    json_decref(document->summary);
    document->summary = lines;
    if (!(text_equal(document->role, "root") ? check_root : check_targets)(document->body, err))
        return err_wrap(err, "%s cannot be shown completely", document->role);
    in = take_moved(json_object_get(after, "targets"), json_object_get(before, "targets"),
                    moves->published);
    out = take_moved(json_object_get(before, "targets"), json_object_get(document->body, "targets"),
                     moves->proposed);
    if (!compare(document->role, before, after, lines, err))
        return false;
    add_count(lines, in, "come from other roles");
    add_count(lines, out, "go to other roles of this request");
    return true;
}

bool difference_fill(const struct state *state, struct bundle *bundle, struct err *err)
{
    AUTO_JSON *published = published_entries(state);
    AUTO_JSON *proposed = proposed_entries(bundle);
    const struct moves moves = {published, proposed};

    for (size_t i = 0; i < bundle->count; i++) {
        if (!difference_of(state, &moves, &bundle->documents[i], err))
            return false;
    }
    return true;
}
