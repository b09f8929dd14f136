/*
 * Two trees side by side. Whatever is missing or of another type counts as empty, so a document
 * that would never be published still gets its summary.
 */
#include "lib/tuf/summary.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/json/json.h"

enum { KEYID_SHOWN = 16, ENTRY_BYTES_MAX = 3000, LINE_BYTES = 2 * ENTRY_BYTES_MAX + 400 };

struct summary {
    struct buf *out;
    size_t lines;
};

/* Formats one line; values come from outside, so control characters become blanks. */
static void line(struct summary *summary, const char *fmt, ...) PRINTF(2, 3);
static void line(struct summary *summary, const char *fmt, ...)
{
    char text[LINE_BYTES];
    va_list args;
    int len;

    if (++summary->lines > TUF_SUMMARY_LINES_MAX)
        return;
    va_start(args, fmt);
    len = vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    ASSERT(len >= 0); /* cut at the end if need be */
    for (char *c = text; *c; c++) {
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = ' ';
    }
    buf_printf(summary->out, "%s\n", text);
}

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text ? text : "";
}

static json_int_t number_of(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

/* --- lists of texts ----------------------------------------------------------------------------
 */

static bool has_text(const json_t *list, const char *text)
{
    const json_t *item;
    size_t i;

    json_array_foreach(list, i, item)
    {
        const char *other = json_string_value(item);

        if (other && text_equal(other, text))
            return true;
    }
    return false;
}

/* What is in `list` and not in `other`, each on a line behind `sign` and `what`. */
static void only_in(struct summary *summary, const char *head, const char *what, int shown,
                    const json_t *list, const json_t *other)
{
    const json_t *item;
    size_t i;

    json_array_foreach(list, i, item)
    {
        const char *text = json_string_value(item);

        if (text && !has_text(other, text))
            line(summary, "%s %s %.*s", head, what, shown, text);
    }
}

static void compare_texts(struct summary *summary, const char *of, const char *what, int shown,
                          const json_t *before, const json_t *after)
{
    AUTO_FREE char *added = mem_printf("+ %s:", of);
    AUTO_FREE char *removed = mem_printf("- %s:", of);

    only_in(summary, added, what, shown, after, before);
    only_in(summary, removed, what, shown, before, after);
}

static void join_texts(const json_t *list, struct buf *out)
{
    const json_t *item;
    size_t i;

    json_array_foreach(list, i, item)
    {
        const char *text = json_string_value(item);

        buf_printf(out, "%s%s", i ? ", " : "", text ? text : "?");
    }
}

/* --- keys and thresholds -----------------------------------------------------------------------
 */

static void compare_rule(struct summary *summary, const char *of, const json_t *before,
                         const json_t *after)
{
    json_int_t old = number_of(before, "threshold");
    json_int_t fresh = number_of(after, "threshold");

    compare_texts(summary, of, "key", KEYID_SHOWN, json_object_get(before, "keyids"),
                  json_object_get(after, "keyids"));
    if (before && old != fresh)
        line(summary, "%s: threshold %" PRId64 " -> %" PRId64, of, (int64_t)old, (int64_t)fresh);
    else if (!before)
        line(summary, "%s: %" PRId64 " of %zu keys", of, (int64_t)fresh,
             json_array_size(json_object_get(after, "keyids")));
}

static void compare_root(struct summary *summary, const json_t *before, const json_t *after)
{
    const json_t *old = json_object_get(before, "roles");
    const char *name;
    json_t *rule;

    json_object_foreach(json_iterable(json_object_get(after, "roles")), name, rule)
    {
        compare_rule(summary, name, json_object_get(old, name), rule);
    }
}

/* --- delegations -------------------------------------------------------------------------------
 */

static const json_t *delegation_named(const json_t *roles, const char *name)
{
    const json_t *role;
    size_t i;

    json_array_foreach(roles, i, role)
    {
        if (text_equal(text_of(role, "name"), name))
            return role;
    }
    return NULL;
}

static void new_delegation(struct summary *summary, const json_t *role)
{
    AUTO_BUF paths;
    AUTO_BUF hwids;

    buf_init(&paths, 400);
    buf_init(&hwids, 200);
    join_texts(json_object_get(role, "paths"), &paths);
    join_texts(json_object_get(role, "x-hwids"), &hwids);
    line(summary, "+ role %s may sign %s for hardware %s: %" PRId64 " of %zu keys",
         text_of(role, "name"), buf_text(&paths), hwids.len ? buf_text(&hwids) : "of any kind",
         (int64_t)number_of(role, "threshold"), json_array_size(json_object_get(role, "keyids")));
}

static void compare_delegation(struct summary *summary, const json_t *before, const json_t *after)
{
    const char *name = text_of(after, "name");

    if (!before) {
        new_delegation(summary, after);
        return;
    }
    compare_rule(summary, name, before, after);
    compare_texts(summary, name, "paths", TUF_SUMMARY_LINES_MAX, json_object_get(before, "paths"),
                  json_object_get(after, "paths"));
    compare_texts(summary, name, "hardware", TUF_SUMMARY_LINES_MAX,
                  json_object_get(before, "x-hwids"), json_object_get(after, "x-hwids"));
    if (json_is_true(json_object_get(before, "terminating")) !=
        json_is_true(json_object_get(after, "terminating")))
        line(summary, "%s: terminating is %s now", name,
             json_is_true(json_object_get(after, "terminating")) ? "true" : "false");
}

static void compare_bins(struct summary *summary, const json_t *before, const json_t *after)
{
    const char *prefix = text_of(after ? after : before, "name_prefix");

    if (!before && !after)
        return;
    if (!after)
        line(summary, "- bins %s", prefix);
    else if (!before)
        line(summary, "+ bins %s: %lld of them", prefix,
             1LL << (number_of(after, "bit_length") & 31));
    else if (number_of(before, "bit_length") != number_of(after, "bit_length") ||
             !text_equal(text_of(before, "name_prefix"), prefix))
        line(summary, "bins %s, %lld of them, take the place of bins %s", prefix,
             1LL << (number_of(after, "bit_length") & 31), text_of(before, "name_prefix"));
    if (after)
        compare_rule(summary, prefix, before, after);
}

static void compare_delegations(struct summary *summary, const json_t *before, const json_t *after)
{
    const json_t *old = json_object_get(before, "roles");
    const json_t *fresh = json_object_get(after, "roles");
    const json_t *role;
    size_t i;

    json_array_foreach(fresh, i, role)
    {
        compare_delegation(summary, delegation_named(old, text_of(role, "name")), role);
    }
    json_array_foreach(old, i, role)
    {
        if (!delegation_named(fresh, text_of(role, "name")))
            line(summary, "- role %s may sign nothing any more", text_of(role, "name"));
    }
    compare_bins(summary, json_object_get(before, "succinct_roles"),
                 json_object_get(after, "succinct_roles"));
}

/* --- targets -----------------------------------------------------------------------------------
 */

/* ", floor 5" of each number that is not 0. */
static void add_numbers(const json_t *object, const char *const *names, const char *const *words,
                        struct buf *out)
{
    for (size_t i = 0; names[i]; i++) {
        if (number_of(object, names[i]) != 0)
            buf_printf(out, ", %s %" PRId64, words[i], (int64_t)number_of(object, names[i]));
    }
}

/* What else decides where it fits. */
static void describe_fit(const json_t *custom, struct buf *out)
{
    const json_t *hwids = json_object_get(json_object_get(custom, "match"), "hwids");
    const json_t *require;
    size_t i;

    if (json_array_size(hwids) > 0) {
        buf_add_text(out, ", for ");
        join_texts(hwids, out);
    }
    json_array_foreach(json_object_get(custom, "requires"), i, require)
    {
        buf_printf(out, ", requires %s %s from counter %" PRId64, text_of(require, "type"),
                   text_of(require, "name"), (int64_t)number_of(require, "min_counter"));
    }
}

static void describe(const json_t *entry, struct buf *out)
{
    static const char *const of_match[] = {"release_counter", "security_epoch", NULL};
    static const char *const match_words[] = {"counter", "epoch"};
    static const char *const of_custom[] = {"floor", "stepping_stone", NULL};
    static const char *const custom_words[] = {"floor", "stepping stone"};
    const json_t *custom = json_object_get(entry, "custom");
    const json_t *match = json_object_get(custom, "match");
    const json_t *reverts = json_object_get(custom, "revert_to");
    const json_t *counter;
    size_t i;

    buf_printf(out, "%s %s", text_of(match, "name"), text_of(match, "version"));
    add_numbers(match, of_match, match_words, out);
    add_numbers(custom, of_custom, custom_words, out);
    json_array_foreach(reverts, i, counter)
    {
        buf_printf(out, "%s%" PRId64, i ? " " : ", may go back to ",
                   (int64_t)json_integer_value(counter));
    }
    if (json_array_size(reverts) > 0)
        buf_printf(out, " until %s", text_of(custom, "revert_until"));
    buf_printf(out, ", %" PRId64 " bytes, sha256 %.*s", (int64_t)number_of(entry, "length"),
               KEYID_SHOWN, text_of(json_object_get(entry, "hashes"), "sha256"));
    describe_fit(custom, out);
}

static void compare_entry(struct summary *summary, const char *path, const json_t *before,
                          const json_t *after)
{
    AUTO_BUF old;
    AUTO_BUF fresh;

    buf_init(&old, ENTRY_BYTES_MAX);
    buf_init(&fresh, ENTRY_BYTES_MAX);
    describe(before, &old);
    describe(after, &fresh);
    if (!before)
        line(summary, "+ %s: %s", path, buf_text(&fresh));
    else if (!json_equal(before, after))
        line(summary, "~ %s: %s (was %s)", path, buf_text(&fresh), buf_text(&old));
}

static void compare_targets(struct summary *summary, const json_t *before, const json_t *after)
{
    const char *path;
    json_t *entry;

    json_object_foreach(json_iterable(after), path, entry)
    {
        compare_entry(summary, path, json_object_get(before, path), entry);
    }
    json_object_foreach(json_iterable(before), path, entry)
    {
        if (!json_object_get(after, path))
            line(summary, "- %s", path);
    }
}

/* --- all of it ---------------------------------------------------------------------------------
 */

static void compare(struct summary *summary, const char *role, const json_t *before,
                    const json_t *after)
{
    const char *expires = text_of(after, "expires");

    if (before)
        line(summary, "%s: version %" PRId64 " -> %" PRId64, role,
             (int64_t)number_of(before, "version"), (int64_t)number_of(after, "version"));
    else
        line(summary, "%s: version %" PRId64 ", the first", role,
             (int64_t)number_of(after, "version"));
    if (!before)
        line(summary, "expires %s", expires);
    else if (!text_equal(text_of(before, "expires"), expires))
        line(summary, "expires %s (was %s)", expires, text_of(before, "expires"));
    compare_root(summary, before, after);
    compare_delegations(summary, json_object_get(before, "delegations"),
                        json_object_get(after, "delegations"));
    compare_targets(summary, json_object_get(before, "targets"), json_object_get(after, "targets"));
}

static bool parse(const struct buf *bytes, json_t **out, struct err *err)
{
    AUTO_JSON *tree = NULL;
    json_t *signed_part;

    if (!json_parse(bytes->data, bytes->len, &json_limits_metadata, &tree, err))
        return false;
    signed_part = json_object_get(tree, "signed");
    *out = json_incref(json_is_object(signed_part) ? signed_part : tree);
    return json_is_object(*out) || err_set(err, ERR_INVALID, "it is no JSON object");
}

bool tuf_summary(const char *role, const struct buf *before, const struct buf *after,
                 struct buf *out, struct err *err)
{
    struct summary summary = {.out = out};
    AUTO_JSON *old = NULL;
    AUTO_JSON *fresh = NULL;

    if ((before && !parse(before, &old, err)) || !parse(after, &fresh, err))
        return err_wrap(err, "%s", role);
    compare(&summary, role, old, fresh);
    if (summary.lines > TUF_SUMMARY_LINES_MAX)
        buf_printf(out, "... and %zu more lines\n", summary.lines - TUF_SUMMARY_LINES_MAX);
    return true;
}
