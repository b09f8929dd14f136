/*
 * The publisher's questions, answered by the device's own code: may this root follow that one, may
 * this role be published beside the others. What a device would refuse is refused here first, and
 * so is what other clients would read in another way.
 */
#include "lib/tuf/publish.h"

#include <inttypes.h>
#include <string.h>

#include "lib/base/text.h"

/* Other implementations sort keys by UTF-16 unit: only ASCII keys sort the same everywhere. */
static bool keys_are_plain(struct flat_value value)
{
    bool is_object = flat_is(value, FLAT_OBJECT);

    for (struct flat_value at = flat_first(value); flat_some(at); at = flat_next(at)) {
        AUTO_BUF key;

        buf_init(&key, TUF_ROOT_BYTES_MAX);
        if (is_object && !flat_text_add(flat_key(at), &key))
            return false;
        for (size_t i = 0; i < key.len; i++) {
            if (key.data[i] < ' ' || key.data[i] > '~')
                return false;
        }
        if (!keys_are_plain(at)) /* as deep as the parser let it be: 32 */
            return false;
    }
    return true;
}

static bool check_plain(const struct tuf_doc *doc, struct err *err)
{
    return keys_are_plain(flat_root(&doc->flat)) ||
           err_refuse(err, REFUSAL_NAME_UNSAFE, "%s has a key that is not printable ASCII",
                      doc->name);
}

/* --- root --------------------------------------------------------------------------------------
 */

static bool check_step(const struct buf *old_bytes, const struct tuf_root *fresh, struct err *err)
{
    struct tuf_root old;
    bool good;

    if (!old_bytes)
        return tuf_root_verify_itself(fresh, REFUSAL_ROOT_NEW_THRESHOLD, NULL, err);
    if (!tuf_root_parse(old_bytes, &old, err))
        return err_wrap(err, "old root");
    good = tuf_root_follows(&old, fresh, NULL, err);
    tuf_root_done(&old);
    return good;
}

/* Other clients refuse a root of more roles; a threshold nobody can reach ends a repository. */
static bool check_rules(const struct tuf_root *root, struct err *err)
{
    if (flat_count(flat_get(tuf_doc_body(&root->doc), "roles")) != TUF_ROLE_COUNT)
        return err_refuse(err, REFUSAL_JSON_STRICT, "the root has another role than the four");
    for (int role = 0; role < TUF_ROLE_COUNT; role++) {
        if (!tuf_rule_is_sound(&root->rules[role], root->keys, tuf_role_name((enum tuf_role)role),
                               err))
            return false;
    }
    return true;
}

bool tuf_check_root_step(const struct buf *old, const struct buf *fresh, int64_t now_ms,
                         struct err *err)
{
    struct tuf_root root;
    bool good;

    if (!tuf_root_parse(fresh, &root, err))
        return false;
    good = check_plain(&root.doc, err) && check_step(old, &root, err) && check_rules(&root, err) &&
           tuf_check_expiry(&root.doc, now_ms, REFUSAL_ROOT_EXPIRED, err);
    tuf_root_done(&root);
    return good;
}

bool tuf_check_director_root(const struct buf *old, const struct buf *fresh, int64_t now_ms,
                             struct err *err)
{
    return tuf_check_root_step(old, fresh, now_ms, err);
}

bool tuf_check_root_names(const struct buf *root, enum tuf_role role, const char *keyid,
                          struct err *err)
{
    struct tuf_root parsed;
    bool good;

    if (!tuf_root_parse(root, &parsed, err))
        return false;
    good = tuf_rule_key(&parsed.rules[role], parsed.keys, keyid) != NULL;
    tuf_root_done(&parsed);
    return good || err_set(err, ERR_INVALID, "root does not give key '%.16s' to %s", keyid,
                           tuf_role_name(role));
}

bool tuf_check_signed(const struct buf *root, const struct buf *document, struct err *err)
{
    static const enum refusal few[] = {
        [TUF_ROOT] = REFUSAL_ROOT_OLD_THRESHOLD,
        [TUF_TIMESTAMP] = REFUSAL_TIMESTAMP_THRESHOLD,
        [TUF_SNAPSHOT] = REFUSAL_SNAPSHOT_THRESHOLD,
        [TUF_TARGETS] = REFUSAL_TARGETS_THRESHOLD,
    };
    struct tuf_facts facts;
    struct tuf_root parsed = {0};
    struct tuf_doc doc = {0};
    bool good;

    if (!tuf_peek(buf_text(document), document->len, &facts, err))
        return false;
    good = tuf_root_parse(root, &parsed, err) &&
           tuf_doc_parse(facts.role, tuf_role_name(facts.role), document, &doc, err) &&
           tuf_doc_verify(&doc, parsed.keys, &parsed.rules[facts.role], few[facts.role], NULL, err);
    tuf_root_done(&parsed);
    tuf_doc_done(&doc);
    return good;
}

/* --- delegations -------------------------------------------------------------------------------
 */

/* The other documents' delegations, against one name. */
struct clash {
    const char *name;
    bool found;
};

static bool on_other(struct tuf_step *step, void *arg)
{
    struct clash *clash = arg;

    clash->found = text_equal(step->name, clash->name);
    tuf_step_unref(step);
    return !clash->found;
}

struct checking {
    const struct shelf *shelf;
    const struct tuf_doc *fresh;
    struct err *err;
    bool good;
};

static bool check_unique(const struct checking *checking, const struct tuf_step *step)
{
    struct clash clash = {.name = step->name};

    for (size_t i = 0; i < checking->shelf->count; i++) {
        const struct tuf_doc *doc = &checking->shelf->docs[i];

        if (text_equal(doc->name, checking->fresh->name))
            continue; /* the one before it */
        if (!tuf_delegations_each(doc, NULL, on_other, &clash, checking->err))
            return false;
        if (clash.found)
            return err_refuse(checking->err, REFUSAL_DELEGATION_DENIED,
                              "'%.64s' delegates to '%.64s' already", doc->name, step->name);
    }
    return !text_equal(step->name, checking->fresh->name) ||
           err_refuse(checking->err, REFUSAL_DELEGATION_DENIED, "'%.64s' delegates to itself",
                      step->name);
}

/* tuf-js keeps roles in an object whose integer-like keys change their order. */
static bool is_number(const char *name)
{
    return name[strspn(name, "0123456789")] == '\0';
}

static bool check_form(const struct tuf_step *step, struct err *err)
{
    struct flat_value role = flat_root(&step->flat);

    if (strchr(step->name, '/') || !tuf_path_is_safe(step->name) || is_number(step->name))
        return err_refuse(err, REFUSAL_NAME_UNSAFE, "a role cannot be called '%.64s'", step->name);
    if (tuf_field_has(role, "path_hash_prefixes"))
        return err_refuse(err, REFUSAL_JSON_STRICT, "'%.64s' is delegated by hash prefixes",
                          step->name);
    return tuf_rule_is_sound(&step->rule, step->keys, step->name, err);
}

static bool on_fresh(struct tuf_step *step, void *arg)
{
    struct checking *checking = arg;

    checking->good = check_form(step, checking->err) && check_unique(checking, step);
    tuf_step_unref(step);
    return checking->good;
}

static bool check_delegations(const struct shelf *shelf, const struct tuf_doc *fresh,
                              struct err *err)
{
    struct checking checking = {.shelf = shelf, .fresh = fresh, .err = err, .good = true};

    return tuf_delegations_each(fresh, NULL, on_fresh, &checking, err) && checking.good;
}

/* --- roles -------------------------------------------------------------------------------------
 */

static bool check_version(const struct tuf_doc *previous, const struct tuf_doc *fresh,
                          struct err *err)
{
    uint64_t before = previous ? previous->version : 0;

    return fresh->version == before + 1 ||
           err_refuse(err, REFUSAL_TARGETS_VERSION,
                      "%s %" PRIu64 " does not follow version %" PRIu64, fresh->name,
                      fresh->version, before);
}

static bool check_fresh(const struct shelf *shelf, const struct tuf_doc *fresh, int64_t now_ms,
                        struct err *err)
{
    struct authority authority;
    bool good;

    if (!shelf_authority(shelf, fresh->name, &authority, err))
        return false;
    good = check_plain(fresh, err) &&
           tuf_doc_verify(fresh, authority.keys, authority.rule,
                          authority.chain ? REFUSAL_DELEGATION_DENIED : REFUSAL_TARGETS_THRESHOLD,
                          NULL, err) &&
           check_version(shelf_find(shelf, fresh->name), fresh, err) &&
           tuf_check_entries(shelf, fresh, authority.chain, err) &&
           check_delegations(shelf, fresh, err) &&
           tuf_check_expiry(fresh, now_ms, REFUSAL_TARGETS_EXPIRED, err);
    authority_done(&authority);
    return good;
}

bool tuf_check_role(const struct tuf_published *published, const char *name,
                    const struct buf *fresh, int64_t now_ms, struct err *err)
{
    AUTO_SHELF shelf = {0};
    struct tuf_doc doc;
    bool good;

    if (!text_equal(name, tuf_role_name(TUF_TARGETS)) && fresh->len > TUF_DELEGATED_BYTES_MAX)
        return err_refuse(err, REFUSAL_LENGTH_LIMIT, "%.64s of %zu bytes is longer than %d", name,
                          fresh->len, TUF_DELEGATED_BYTES_MAX);
    if (!tuf_doc_parse(TUF_TARGETS, name, fresh, &doc, err))
        return false;
    good = shelf_open(published, &shelf, err) && check_fresh(&shelf, &doc, now_ms, err);
    tuf_doc_done(&doc);
    return good;
}

static bool check_kept(const struct shelf *shelf, const struct tuf_doc *doc, struct err *err)
{
    struct authority authority;
    bool good;

    if (!shelf_authority(shelf, doc->name, &authority, err))
        return false;
    good = tuf_doc_verify(doc, authority.keys, authority.rule,
                          authority.chain ? REFUSAL_DELEGATED_THRESHOLD : REFUSAL_TARGETS_THRESHOLD,
                          NULL, err);
    authority_done(&authority);
    return good;
}

bool tuf_check_whole(const struct tuf_published *published, struct err *err)
{
    AUTO_SHELF shelf = {0};

    if (!shelf_open(published, &shelf, err))
        return false;
    for (size_t i = 0; i < shelf.count; i++) {
        const char *name = shelf.docs[i].name;
        struct tuf_step *step;

        if (!text_equal(name, tuf_role_name(TUF_TARGETS))) {
            step = shelf_step(&shelf, name);
            tuf_step_unref(step);
            if (!step) /* nobody delegates to it any more: no device looks for it */
                continue;
        }
        if (!check_kept(&shelf, &shelf.docs[i], err))
            return err_wrap(err, "devices would refuse what is published");
    }
    return true;
}

bool tuf_check_targets(const struct buf *root, const struct buf *fresh, const struct buf *previous,
                       int64_t now_ms, struct err *err)
{
    const struct tuf_named roles[] = {{"root", root}, {"targets", previous}};
    const struct tuf_published published = {.roles = roles, .count = previous ? 2 : 1};

    return tuf_check_role(&published, "targets", fresh, now_ms, err);
}
