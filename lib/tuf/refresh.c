/*
 * The client's workflow: own root, the chain of new roots, timestamp, snapshot, targets. The
 * first failing check ends it; what was trusted before stays stored, for a role is stored only
 * after its last check. Local files that no longer verify count as absent.
 *
 * When a root changes the keys of timestamp or snapshot, both local files are dropped before that
 * root is stored: an attacker who once had those keys may have run the versions far ahead, and
 * only without the old files can smaller versions be accepted again. A power cut between the two
 * just walks the step again.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/tuf/internal.h"

struct walk {
    const struct tuf_io *io;
    int64_t now_ms;
    struct tuf_set *set;
};

enum { FILE_NAME_ROOM = 48 };

/* The refusals of the two roles that another role lists by version, length and hash. */
static const struct listed_rule {
    enum refusal threshold;
    enum refusal length;
    enum refusal hash;
    enum refusal version;
    enum refusal expired;
} listed_rules[TUF_ROLE_COUNT] = {
    [TUF_SNAPSHOT] = {REFUSAL_SNAPSHOT_THRESHOLD, REFUSAL_SNAPSHOT_LENGTH, REFUSAL_SNAPSHOT_HASH,
                      REFUSAL_SNAPSHOT_VERSION, REFUSAL_SNAPSHOT_EXPIRED},
    [TUF_TARGETS] = {REFUSAL_TARGETS_THRESHOLD, REFUSAL_TARGETS_LENGTH, REFUSAL_TARGETS_HASH,
                     REFUSAL_TARGETS_VERSION, REFUSAL_TARGETS_EXPIRED},
};

static enum refusal threshold_refusal(enum tuf_role role)
{
    return role == TUF_TIMESTAMP ? REFUSAL_TIMESTAMP_THRESHOLD : listed_rules[role].threshold;
}

/* The buffer's maximum bounds it as well, in case the callback does not keep to it. */
static bool fetch(const struct walk *walk, const char *name, struct buf *out, struct err *err)
{
    if (!walk->io->fetch(walk->io->arg, name, out->max, out, err))
        return err_wrap(err, "%s", name);
    if (out->failed)
        return err_refuse(err, REFUSAL_LENGTH_LIMIT, "%s is longer than %zu bytes", name, out->max);
    return true;
}

static bool check_expiry(const struct walk *walk, const struct tuf_doc *doc, enum refusal refusal,
                         struct err *err)
{
    if (doc->expires_ms > walk->now_ms)
        return true;
    return err_refuse(err, refusal, "%s %" PRIu64 " has expired", tuf_role_name(doc->role),
                      doc->version);
}

static bool load_root(const struct walk *walk, struct err *err)
{
    struct tuf_root *root = &walk->set->root;
    AUTO_BUF text;

    buf_init(&text, TUF_ROOT_BYTES_MAX);
    if (!walk->io->load(walk->io->arg, TUF_ROOT, &text, err)) {
        if (err->code == ERR_NOT_FOUND)
            return err_refuse(err, REFUSAL_ROOT_LOCAL_INVALID, "there is no trusted root");
        return false;
    }
    if (!tuf_root_parse(buf_text(&text), text.len, root, err) ||
        !tuf_doc_verify(&root->doc, root, REFUSAL_ROOT_LOCAL_INVALID, walk->io, err)) {
        err->code = ERR_UNTRUSTED;
        err->refusal = REFUSAL_ROOT_LOCAL_INVALID;
        return err_wrap(err, "stored root");
    }
    return true;
}

/* Takes the verified root over: old files of rotated roles go first, see above. */
static bool adopt_root(const struct walk *walk, struct tuf_root *fresh, const struct buf *text,
                       struct err *err)
{
    const struct tuf_io *io = walk->io;
    struct tuf_root *root = &walk->set->root;

    if (tuf_root_rotates(root, fresh, TUF_TIMESTAMP) ||
        tuf_root_rotates(root, fresh, TUF_SNAPSHOT)) {
        if (!io->drop(io->arg, TUF_TIMESTAMP, err) || !io->drop(io->arg, TUF_SNAPSHOT, err))
            return false;
    }
    if (!io->store(io->arg, TUF_ROOT, text->data, text->len, err))
        return false;
    tuf_root_done(root);
    *root = *fresh;
    *fresh = (struct tuf_root){0};
    return true;
}

/* One step; *found is false at the end of the chain. */
static bool next_root(const struct walk *walk, bool may_step, bool *found, struct err *err)
{
    struct tuf_root fresh = {0};
    char name[FILE_NAME_ROOM];
    AUTO_BUF text;
    bool good;

    (void)snprintf(name, sizeof(name), "%" PRIu64 ".root.json", walk->set->root.doc.version + 1);
    buf_init(&text, TUF_ROOT_BYTES_MAX);
    if (!fetch(walk, name, &text, err)) {
        *found = false;
        return err->code == ERR_NOT_FOUND;
    }
    *found = true;
    if (!may_step)
        return err_refuse(err, REFUSAL_ROOT_CHAIN_TOO_LONG, "more than %d new roots",
                          TUF_ROOT_STEPS_MAX);
    good = tuf_root_parse(buf_text(&text), text.len, &fresh, err) &&
           tuf_root_follows(&walk->set->root, &fresh, walk->io, err) &&
           adopt_root(walk, &fresh, &text, err);
    tuf_root_done(&fresh);
    return good;
}

static bool walk_roots(const struct walk *walk, struct err *err)
{
    bool found = true;

    for (int steps = 0; found; steps++) {
        if (!next_root(walk, steps < TUF_ROOT_STEPS_MAX, &found, err))
            return false;
    }
    *err = (struct err){0}; /* the 404 that ended the chain is no failure */
    return check_expiry(walk, &walk->set->root.doc, REFUSAL_ROOT_EXPIRED, err);
}

/* What is stored of a role, if it still verifies; else `out` stays empty. False only when the
 * store itself fails. */
static bool load_doc(const struct walk *walk, enum tuf_role role, struct tuf_doc *out,
                     struct err *err)
{
    struct err why = {0};
    AUTO_BUF text;

    *out = (struct tuf_doc){0};
    buf_init(&text, tuf_role_bytes_max(role));
    if (!walk->io->load(walk->io->arg, role, &text, &why)) {
        if (why.code == ERR_NOT_FOUND || why.code == ERR_LIMIT)
            return true;
        *err = why;
        return false;
    }
    if (tuf_doc_parse(role, buf_text(&text), text.len, out, &why) &&
        !tuf_doc_verify(out, &walk->set->root, threshold_refusal(role), walk->io, &why))
        tuf_doc_done(out);
    return true;
}

static bool store_doc(const struct walk *walk, struct tuf_doc *fresh, const struct buf *text,
                      struct err *err)
{
    struct tuf_doc *kept = &walk->set->docs[fresh->role];

    if (!walk->io->store(walk->io->arg, fresh->role, text->data, text->len, err))
        return false;
    tuf_doc_done(kept);
    *kept = *fresh;
    *fresh = (struct tuf_doc){0};
    return true;
}

/* May the fresh timestamp replace the local one? */
static bool check_timestamp(const struct walk *walk, const struct tuf_doc *fresh, struct err *err)
{
    const struct tuf_doc *local = &walk->set->docs[TUF_TIMESTAMP];

    if (local->tree && fresh->version < local->version)
        return err_refuse(err, REFUSAL_TIMESTAMP_ROLLBACK,
                          "timestamp %" PRIu64 " is older than the trusted %" PRIu64,
                          fresh->version, local->version);
    if (local->tree && fresh->version > local->version &&
        fresh->listed.version < local->listed.version)
        return err_refuse(err, REFUSAL_SNAPSHOT_ROLLBACK,
                          "timestamp names snapshot %" PRIu64 ", trusted is %" PRIu64,
                          fresh->listed.version, local->listed.version);
    return true;
}

static bool take_timestamp(const struct walk *walk, struct tuf_doc *fresh, const struct buf *text,
                           struct err *err)
{
    const struct tuf_doc *local = &walk->set->docs[TUF_TIMESTAMP];

    if (!tuf_doc_verify(fresh, &walk->set->root, REFUSAL_TIMESTAMP_THRESHOLD, walk->io, err) ||
        !check_timestamp(walk, fresh, err))
        return false;
    if (local->tree && fresh->version == local->version) /* nothing new, whatever it says */
        return check_expiry(walk, local, REFUSAL_TIMESTAMP_EXPIRED, err);
    return check_expiry(walk, fresh, REFUSAL_TIMESTAMP_EXPIRED, err) &&
           store_doc(walk, fresh, text, err);
}

static bool refresh_timestamp(const struct walk *walk, struct err *err)
{
    struct tuf_doc fresh = {0};
    AUTO_BUF text;
    bool good;

    buf_init(&text, TUF_TIMESTAMP_BYTES_MAX);
    good = load_doc(walk, TUF_TIMESTAMP, &walk->set->docs[TUF_TIMESTAMP], err) &&
           fetch(walk, "timestamp.json", &text, err) &&
           tuf_doc_parse(TUF_TIMESTAMP, buf_text(&text), text.len, &fresh, err) &&
           take_timestamp(walk, &fresh, &text, err);
    tuf_doc_done(&fresh);
    return good;
}

static bool is_listed(const struct tuf_doc *doc, const struct tuf_file *listed)
{
    return doc->tree && doc->version == listed->version &&
           (listed->length == 0 || listed->length == doc->len) &&
           (!listed->has_hash || crypto_equal(listed->sha256, doc->sha256, HASH_BYTES));
}

/* Length and hash of what came, before it is parsed. */
static bool check_bytes(enum tuf_role role, const struct tuf_file *listed, const struct buf *text,
                        struct err *err)
{
    uint8_t sha256[HASH_BYTES];

    if (listed->length && text->len != listed->length)
        return err_refuse(err, listed_rules[role].length, "%s has %zu of %" PRIu64 " bytes",
                          tuf_role_name(role), text->len, listed->length);
    hash_sha256(buf_text(text), text->len, sha256);
    if (listed->has_hash && !crypto_equal(sha256, listed->sha256, HASH_BYTES))
        return err_refuse(err, listed_rules[role].hash, "%s is not the one that is listed",
                          tuf_role_name(role));
    return true;
}

/* No role that was listed may vanish or go back. */
static bool check_previous(const struct tuf_doc *old, const struct tuf_doc *fresh, struct err *err)
{
    const json_t *fresh_meta = json_object_get(fresh->body, "meta");
    const char *name;
    json_t *file;

    if (!old->tree)
        return true;
    json_object_foreach(json_object_get(old->body, "meta"), name, file)
    {
        json_t *now = json_object_get(fresh_meta, name);
        json_int_t before = json_integer_value(json_object_get(file, "version"));

        if (!now)
            return err_refuse(err, REFUSAL_SNAPSHOT_ROLE_REMOVED,
                              "snapshot %" PRIu64 " lists '%.64s' no more", fresh->version, name);
        if (json_integer_value(json_object_get(now, "version")) < before)
            return err_refuse(err, REFUSAL_TARGETS_ROLLBACK,
                              "snapshot %" PRIu64 " lists an older '%.64s'", fresh->version, name);
    }
    return true;
}

static bool take_listed(const struct walk *walk, struct tuf_doc *fresh,
                        const struct tuf_file *listed, const struct buf *text, struct err *err)
{
    const struct listed_rule *rule = &listed_rules[fresh->role];

    if (!tuf_doc_verify(fresh, &walk->set->root, rule->threshold, walk->io, err))
        return false;
    if (fresh->version != listed->version)
        return err_refuse(err, rule->version, "%s is version %" PRIu64 ", listed is %" PRIu64,
                          tuf_role_name(fresh->role), fresh->version, listed->version);
    if (fresh->role == TUF_SNAPSHOT && !check_previous(&walk->set->docs[TUF_SNAPSHOT], fresh, err))
        return false;
    return check_expiry(walk, fresh, rule->expired, err) && store_doc(walk, fresh, text, err);
}

static bool fetch_listed(const struct walk *walk, enum tuf_role role, const struct tuf_file *listed,
                         struct err *err)
{
    size_t max = tuf_role_bytes_max(role);
    struct tuf_doc fresh = {0};
    char name[FILE_NAME_ROOM];
    AUTO_BUF text;
    bool good;

    buf_init(&text, listed->length && listed->length < max ? (size_t)listed->length : max);
    if (listed->length > max)
        return err_refuse(err, REFUSAL_LENGTH_LIMIT, "%s of %" PRIu64 " bytes is longer than %zu",
                          tuf_role_name(role), listed->length, max);
    (void)snprintf(name, sizeof(name), "%" PRIu64 ".%s.json", listed->version, tuf_role_name(role));
    good = fetch(walk, name, &text, err) && check_bytes(role, listed, &text, err) &&
           tuf_doc_parse(role, buf_text(&text), text.len, &fresh, err) &&
           take_listed(walk, &fresh, listed, &text, err);
    tuf_doc_done(&fresh);
    return good;
}

static bool refresh_listed(const struct walk *walk, enum tuf_role role,
                           const struct tuf_file *listed, struct err *err)
{
    struct tuf_doc *local = &walk->set->docs[role];

    if (!load_doc(walk, role, local, err))
        return false;
    if (is_listed(local, listed))
        return check_expiry(walk, local, listed_rules[role].expired, err);
    return fetch_listed(walk, role, listed, err);
}

bool tuf_refresh(const struct tuf_io *io, int64_t now_ms, struct tuf_set **out, struct err *err)
{
    struct tuf_set *set = mem_alloc(sizeof(*set));
    const struct walk walk = {io, now_ms, set};

    if (!load_root(&walk, err) || !walk_roots(&walk, err) || !refresh_timestamp(&walk, err) ||
        !refresh_listed(&walk, TUF_SNAPSHOT, &set->docs[TUF_TIMESTAMP].listed, err) ||
        !refresh_listed(&walk, TUF_TARGETS, &set->docs[TUF_SNAPSHOT].listed, err)) {
        tuf_set_free(set);
        return false;
    }
    *out = set;
    return true;
}

bool tuf_load(const struct tuf_io *io, struct tuf_set **out, struct err *err)
{
    static const enum tuf_role roles[] = {TUF_TIMESTAMP, TUF_SNAPSHOT, TUF_TARGETS};
    struct tuf_set *set = mem_alloc(sizeof(*set));
    const struct walk walk = {io, 0, set};
    bool good = load_root(&walk, err);

    for (size_t i = 0; i < COUNT(roles) && good; i++)
        good = load_doc(&walk, roles[i], &set->docs[roles[i]], err);
    if (!good) {
        tuf_set_free(set);
        return false;
    }
    *out = set;
    return true;
}
