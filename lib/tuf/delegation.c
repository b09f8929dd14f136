/*
 * Delegations: who else may sign which paths. A step is one delegation taken out of its document,
 * with its own copy of its patterns and a reference to the keys, so that a search can free the
 * document before it follows the step.
 */
#include <inttypes.h>
#include <stdint.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/tuf/internal.h"

static struct flat_value delegations_of(const struct tuf_doc *doc)
{
    return flat_get(tuf_doc_body(doc), "delegations");
}

/* --- steps -------------------------------------------------------------------------------------
 */

void tuf_step_unref(struct tuf_step *step)
{
    while (step && --step->refs == 0) {
        struct tuf_step *parent = step->parent;

        flat_done(&step->flat);
        buf_done(&step->text);
        tuf_keys_unref(step->keys);
        mem_free(step);
        step = parent;
    }
}

/* The delegation itself, or all bins of succinct ones. */
static bool parse_facts(const struct tuf_doc *doc, struct flat_value value, bool is_succinct,
                        struct tuf_step *out, struct err *err)
{
    const char *name = is_succinct ? "name_prefix" : "name";
    uint64_t bits = 0;

    if (flat_text_len(flat_get(value, name)) >= sizeof(out->name))
        return err_refuse(err, REFUSAL_NAME_UNSAFE, "a role's name is longer than %d",
                          TUF_ROLE_NAME_MAX);
    if (!tuf_field_text(value, name, out->name, sizeof(out->name), err) ||
        !tuf_rule_parse(value, out->name, doc->keys, &out->rule, err))
        return false;
    if (!is_succinct)
        return tuf_field_bool(value, "terminating", &out->terminating, err);
    if (!tuf_field_u64(value, "bit_length", 1, &bits, err))
        return false;
    if (bits > TUF_BITS_MAX)
        return err_refuse(err, REFUSAL_JSON_STRICT, "a bit_length of %" PRIu64 " is above %d", bits,
                          TUF_BITS_MAX);
    out->bits = (unsigned)bits;
    out->terminating = true; /* a path has one bin */
    out->prefix_len = strlen(out->name);
    return true;
}

enum { CANONICAL_GROWTH = 6 }; /* a control character becomes six */
static const struct flat_limits copy_limits = {
    .bytes_max = (size_t)CANONICAL_GROWTH * (TUF_TARGETS_BYTES_MAX + 64),
    .nodes_max = SIZE_MAX,
    .depth_max = 2,
};

/* The lists that bound a delegation, alone: in a document of their own they pass all limits, for
 * their items are texts that are not empty. */
static void copy_scope(struct flat_value value, struct buf *out)
{
    static const char *const lists[] = {"paths", "path_hash_prefixes", "x-hwids"};
    struct err err = {0};
    AUTO_BUF canonical;

    buf_init(&canonical, out->max);
    for (size_t i = 0; i < COUNT(lists); i++) {
        struct flat_value list = flat_get(value, lists[i]);

        if (!flat_is(list, FLAT_ARRAY))
            continue;
        buf_printf(&canonical, "%s\"%s\":", canonical.len ? "," : "", lists[i]);
        ASSERT(flat_canonical(list, &canonical, &err));
    }
    buf_add_text(out, "{");
    tuf_add_canonical(out, &canonical);
    buf_add_text(out, "}");
}

/* The document was checked, so nothing here can be found wrong. */
static struct tuf_step *step_new(const struct tuf_doc *doc, struct flat_value value,
                                 bool is_succinct)
{
    struct tuf_step *step = mem_alloc(sizeof(*step));
    struct err err = {0};
    bool good;

    step->refs = 1;
    good = parse_facts(doc, value, is_succinct, step, &err);
    ASSERT(good);
    buf_init(&step->text, (size_t)CANONICAL_GROWTH * (doc->len + 64));
    copy_scope(value, &step->text);
    good = flat_parse(buf_text(&step->text), step->text.len, &copy_limits, &step->flat, &err);
    ASSERT(good);
    step->keys = tuf_keys_ref(doc->keys);
    ASSERT(text_copy(step->delegator, sizeof(step->delegator), doc->name));
    return step;
}

/* --- matching ----------------------------------------------------------------------------------
 */

static bool matches_pattern(struct flat_value patterns, const char *path)
{
    for (struct flat_value at = flat_first(patterns); flat_some(at); at = flat_next(at)) {
        char pattern[TUF_PATTERN_MAX];

        if (flat_text_copy(at, pattern, sizeof(pattern)) && tuf_pattern_matches(pattern, path))
            return true;
    }
    return false;
}

static bool matches_prefix(struct flat_value prefixes, const char *path)
{
    char hex[HASH_HEX_ROOM];
    uint8_t hash[HASH_BYTES];

    hash_sha256(path, strlen(path), hash);
    text_from_hex_bytes(hash, sizeof(hash), hex);
    for (struct flat_value at = flat_first(prefixes); flat_some(at); at = flat_next(at)) {
        char prefix[HASH_HEX_ROOM];

        if (flat_text_copy(at, prefix, sizeof(prefix)) && text_starts_with(hex, prefix))
            return true;
    }
    return false;
}

static bool value_matches(struct flat_value value, const char *path)
{
    return matches_pattern(flat_get(value, "paths"), path) ||
           matches_prefix(flat_get(value, "path_hash_prefixes"), path);
}

bool tuf_step_matches(const struct tuf_step *step, const char *path)
{
    char name[TUF_ROLE_NAME_MAX + 1];
    char prefix[TUF_ROLE_NAME_MAX + 1];

    if (!step->bits)
        return value_matches(flat_root(&step->flat), path);
    memcpy(prefix, step->name, step->prefix_len);
    prefix[step->prefix_len] = '\0';
    return tuf_bin_name(prefix, step->bits, path, name, sizeof(name)) &&
           text_equal(name, step->name);
}

bool tuf_step_is_for(const struct tuf_step *step, const char *hwid)
{
    struct flat_value hwids = flat_get(flat_root(&step->flat), "x-hwids");

    if (!flat_some(hwids))
        return true;
    for (struct flat_value at = flat_first(hwids); flat_some(at); at = flat_next(at)) {
        if (flat_text_is(at, hwid))
            return true;
    }
    return false;
}

/* --- checking a document's --------------------------------------------------------------------
 */

static bool check_texts(struct flat_value object, const char *name, size_t room, struct err *err)
{
    struct flat_value list;

    if (!tuf_field_array(object, name, TUF_META_MAX, &list, err))
        return false;
    for (struct flat_value at = flat_first(list); flat_some(at); at = flat_next(at)) {
        if (!flat_is(at, FLAT_TEXT) || flat_text_len(at) == 0 || flat_text_len(at) >= room)
            return err_refuse(err, REFUSAL_JSON_STRICT, "'%s' has an item of no fitting form",
                              name);
    }
    return true;
}

static bool check_scope(struct flat_value role, struct err *err)
{
    bool paths = tuf_field_has(role, "paths");
    bool prefixes = tuf_field_has(role, "path_hash_prefixes");

    if (paths == prefixes)
        return err_refuse(err, REFUSAL_JSON_STRICT,
                          "a delegation has not one of paths and path_hash_prefixes");
    return check_texts(role, paths ? "paths" : "path_hash_prefixes",
                       paths ? TUF_PATTERN_MAX : HASH_HEX_ROOM, err);
}

static bool check_name(const char *name, struct err *err)
{
    return tuf_delegated_name_is_good(name) ||
           err_refuse(err, REFUSAL_NAME_UNSAFE, "a delegated role cannot be called '%.64s'", name);
}

static bool check_hwids(struct flat_value role, struct err *err)
{
    return !flat_some(flat_get(role, "x-hwids")) ||
           check_texts(role, "x-hwids", TUF_WORD_MAX + 1, err);
}

static bool check_role(const struct tuf_doc *doc, struct flat_value role, struct err *err)
{
    struct tuf_step facts = {0};

    return parse_facts(doc, role, false, &facts, err) && check_name(facts.name, err) &&
           check_scope(role, err) && check_hwids(role, err);
}

static bool check_roles(const struct tuf_doc *doc, struct flat_value roles, struct err *err)
{
    for (struct flat_value at = flat_first(roles); flat_some(at); at = flat_next(at)) {
        if (!check_role(doc, at, err))
            return false;
        for (struct flat_value other = flat_first(roles); other.at != at.at;
             other = flat_next(other)) {
            if (flat_equal(flat_get(at, "name"), flat_get(other, "name")))
                return err_refuse(err, REFUSAL_JSON_STRICT, "two delegations have one name");
        }
    }
    return true;
}

static bool check_succinct(const struct tuf_doc *doc, struct flat_value value, struct err *err)
{
    struct tuf_step facts = {0};
    char name[TUF_ROLE_NAME_MAX + 1];

    if (!parse_facts(doc, value, true, &facts, err) || !check_hwids(value, err))
        return false;
    if (!tuf_bin_number_name(facts.name, facts.bits, 0, name, sizeof(name)))
        return err_refuse(err, REFUSAL_NAME_UNSAFE, "the prefix '%.64s' is too long", facts.name);
    return check_name(name, err);
}

bool tuf_delegations_check(struct tuf_doc *doc, struct err *err)
{
    struct flat_value delegations;
    struct flat_value keys;
    struct flat_value value;

    if (!tuf_field_has(tuf_doc_body(doc), "delegations"))
        return true;
    if (!tuf_field_object(tuf_doc_body(doc), "delegations", &delegations, err) ||
        !tuf_field_object(delegations, "keys", &keys, err) ||
        !tuf_keys_parse(keys, TUF_DELEGATED_KEYS_MAX, &doc->keys, err))
        return false;
    if (tuf_field_has(delegations, "roles") == tuf_field_has(delegations, "succinct_roles"))
        return err_refuse(err, REFUSAL_JSON_STRICT,
                          "delegations have not one of roles and succinct_roles");
    if (tuf_field_has(delegations, "roles"))
        return tuf_field_array(delegations, "roles", TUF_DELEGATIONS_MAX, &value, err) &&
               check_roles(doc, value, err);
    return tuf_field_object(delegations, "succinct_roles", &value, err) &&
           check_succinct(doc, value, err);
}

/* --- walking -----------------------------------------------------------------------------------
 */

static bool give_bin(const struct tuf_doc *doc, struct flat_value value, uint64_t number,
                     tuf_step_fn *each, void *arg)
{
    struct tuf_step *step = step_new(doc, value, true);
    char prefix[TUF_ROLE_NAME_MAX + 1];
    bool good;

    memcpy(prefix, step->name, sizeof(prefix));
    good = tuf_bin_number_name(prefix, step->bits, number, step->name, sizeof(step->name));
    ASSERT(good); /* all bins' names are of one length, and one was checked */
    return each(step, arg);
}

static bool each_bin(const struct tuf_doc *doc, struct flat_value value, const char *path,
                     tuf_step_fn *each, void *arg, struct err *err)
{
    struct tuf_step facts = {0};

    if (!parse_facts(doc, value, true, &facts, err))
        return false;
    if (path) {
        (void)give_bin(doc, value, tuf_bin_number(path, facts.bits), each, arg); /* the only one */
        return true;
    }
    if (facts.bits > TUF_BITS_LISTED_MAX)
        return err_refuse(err, REFUSAL_ROLE_LIMIT, "%s delegates to 2^%u bins", doc->name,
                          facts.bits);
    for (uint64_t i = 0; i < UINT64_C(1) << facts.bits; i++) {
        if (!give_bin(doc, value, i, each, arg))
            break;
    }
    return true;
}

bool tuf_delegations_each(const struct tuf_doc *doc, const char *path, tuf_step_fn *each, void *arg,
                          struct err *err)
{
    struct flat_value roles = flat_get(delegations_of(doc), "roles");
    struct flat_value succinct = flat_get(delegations_of(doc), "succinct_roles");

    if (!doc->keys)
        return true;
    if (flat_is(succinct, FLAT_OBJECT))
        return each_bin(doc, succinct, path, each, arg, err);
    for (struct flat_value at = flat_first(roles); flat_some(at); at = flat_next(at)) {
        if (path && !value_matches(at, path))
            continue;
        if (!each(step_new(doc, at, false), arg))
            break;
    }
    return true;
}

struct names {
    bool (*each)(const char *name, void *arg);
    void *arg;
};

static bool on_name(struct tuf_step *step, void *arg)
{
    const struct names *names = arg;
    bool go_on = names->each(step->name, names->arg);

    tuf_step_unref(step);
    return go_on;
}

bool tuf_delegated_names(const void *data, size_t len, bool (*each)(const char *name, void *arg),
                         void *arg, struct err *err)
{
    struct names names = {each, arg};
    struct tuf_doc doc;
    AUTO_BUF text;
    bool good;

    buf_init(&text, len);
    buf_add(&text, data, len);
    if (!tuf_doc_parse(TUF_TARGETS, "targets", &text, &doc, err))
        return false;
    good = tuf_delegations_each(&doc, NULL, on_name, &names, err);
    tuf_doc_done(&doc);
    return good;
}
