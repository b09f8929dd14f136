/* A published repository, to be asked who signs what. */
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/tuf/publish.h"

void shelf_done(struct shelf *shelf)
{
    tuf_root_done(&shelf->root);
    for (size_t i = 0; i < shelf->count; i++)
        tuf_doc_done(&shelf->docs[i]);
    for (size_t i = 0; i < shelf->before_count; i++)
        tuf_doc_done(&shelf->before[i]);
    mem_free(shelf->docs);
    mem_free(shelf->before);
    *shelf = (struct shelf){0};
}

static bool is_online(const char *name)
{
    return text_equal(name, "timestamp") || text_equal(name, "snapshot");
}

static bool add_role(struct shelf *shelf, const struct tuf_named *named, struct err *err)
{
    if (is_online(named->name))
        return true;
    if (text_equal(named->name, tuf_role_name(TUF_ROOT))) {
        tuf_root_done(&shelf->root);
        return tuf_root_parse(named->bytes, &shelf->root, err);
    }
    if (!tuf_doc_parse(TUF_TARGETS, named->name, named->bytes, &shelf->docs[shelf->count], err))
        return false;
    shelf->count++;
    return true;
}

/* Only to look into its entries. */
static bool add_before(struct shelf *shelf, const struct tuf_published *before, struct err *err)
{
    shelf->before = mem_array(before->count + 1, sizeof(shelf->before[0]));
    for (size_t i = 0; i < before->count; i++) {
        const struct tuf_named *named = &before->roles[i];

        if (is_online(named->name) || text_equal(named->name, tuf_role_name(TUF_ROOT)))
            continue;
        if (!tuf_doc_parse(TUF_TARGETS, named->name, named->bytes,
                           &shelf->before[shelf->before_count], err))
            return err_wrap(err, "published before");
        shelf->before_count++;
    }
    return true;
}

bool shelf_open(const struct tuf_published *published, struct shelf *out, struct err *err)
{
    *out = (struct shelf){.docs = mem_array(published->count + 1, sizeof(out->docs[0]))};
    if (published->before && !add_before(out, published->before, err)) {
        shelf_done(out);
        return false;
    }
    for (size_t i = 0; i < published->count; i++) {
        if (!add_role(out, &published->roles[i], err)) {
            shelf_done(out);
            return err_wrap(err, "published");
        }
    }
    return true;
}

const struct tuf_doc *shelf_find(const struct shelf *shelf, const char *name)
{
    for (size_t i = 0; i < shelf->count; i++) {
        if (text_equal(shelf->docs[i].name, name))
            return &shelf->docs[i];
    }
    return NULL;
}

/* --- who signs ---------------------------------------------------------------------------------
 */

struct wanted {
    const char *name;
    struct tuf_step *step;
};

static bool on_step(struct tuf_step *step, void *arg)
{
    struct wanted *wanted = arg;

    if (!text_equal(step->name, wanted->name)) {
        tuf_step_unref(step);
        return true;
    }
    wanted->step = step;
    return false;
}

struct tuf_step *shelf_step(const struct shelf *shelf, const char *name)
{
    struct wanted wanted = {.name = name};
    struct err ignored = {0};

    for (size_t i = 0; i < shelf->count && !wanted.step; i++) {
        if (!tuf_delegations_each(&shelf->docs[i], NULL, on_step, &wanted, &ignored))
            continue; /* more bins than can be listed: none was published with so many */
    }
    return wanted.step;
}

void authority_done(struct authority *authority)
{
    tuf_step_unref(authority->chain);
    *authority = (struct authority){0};
}

static bool top_authority(const struct shelf *shelf, enum tuf_role role, struct authority *out,
                          struct err *err)
{
    if (!shelf->root.doc.some)
        return err_set(err, ERR_CONFLICT, "a root must be published first");
    *out = (struct authority){.keys = shelf->root.keys, .rule = &shelf->root.rules[role]};
    return true;
}

/* From the role up to targets. */
static bool climb(const struct shelf *shelf, struct tuf_step *step, struct err *err)
{
    for (int depth = 0; !text_equal(step->delegator, tuf_role_name(TUF_TARGETS)); depth++) {
        step->parent = depth < TUF_ROLES_VISITED_MAX ? shelf_step(shelf, step->delegator) : NULL;
        if (!step->parent)
            return err_refuse(err, REFUSAL_DELEGATION_DENIED, "nobody delegates to '%.64s'",
                              step->delegator);
        step = step->parent;
    }
    return true;
}

bool shelf_authority(const struct shelf *shelf, const char *name, struct authority *out,
                     struct err *err)
{
    struct tuf_step *step;

    *out = (struct authority){0};
    for (int role = 0; role < TUF_ROLE_COUNT; role++) {
        if (text_equal(name, tuf_role_name((enum tuf_role)role)))
            return top_authority(shelf, (enum tuf_role)role, out, err);
    }
    step = shelf_step(shelf, name);
    if (!step)
        return err_refuse(err, REFUSAL_DELEGATION_DENIED, "nobody delegates to '%.64s'", name);
    *out = (struct authority){.keys = step->keys, .rule = &step->rule, .chain = step};
    if (climb(shelf, step, err))
        return true;
    authority_done(out);
    return false;
}

bool tuf_signers_of(const struct tuf_published *published, const char *name,
                    struct tuf_signers *out, struct err *err)
{
    AUTO_SHELF shelf = {0};
    struct authority authority;

    if (!shelf_open(published, &shelf, err) || !shelf_authority(&shelf, name, &authority, err))
        return false;
    *out = (struct tuf_signers){.threshold = authority.rule->threshold};
    for (size_t i = 0; i < authority.rule->count; i++)
        memcpy(out->keyids[out->count++], authority.keys->items[authority.rule->keys[i]].keyid,
               TUF_KEYID_ROOM);
    authority_done(&authority);
    return true;
}

static bool check_one(const struct authority *authority, const char *name,
                      const struct buf *signed_bytes, const char *const signature[2],
                      struct err *err)
{
    const struct tuf_key *key = tuf_rule_key(authority->rule, authority->keys, signature[0]);

    if (!key)
        return err_refuse(err, REFUSAL_DELEGATION_DENIED, "key '%.16s' does not sign '%.64s'",
                          signature[0], name);
    if (!tuf_key_signed(key, buf_text(signed_bytes), signed_bytes->len, signature[1]))
        return err_refuse(err, REFUSAL_TARGETS_THRESHOLD,
                          "the signature of '%.64s' by key '%.16s' is not good", name,
                          signature[0]);
    return true;
}

bool tuf_check_signature(const struct tuf_published *published, const char *name,
                         const struct buf *signed_bytes, const char *keyid, const char *sig_hex,
                         struct err *err)
{
    AUTO_SHELF shelf = {0};
    struct authority authority;
    bool good;

    if (!shelf_open(published, &shelf, err) || !shelf_authority(&shelf, name, &authority, err))
        return false;
    good = check_one(&authority, name, signed_bytes, (const char *const[]){keyid, sig_hex}, err);
    authority_done(&authority);
    return good;
}
