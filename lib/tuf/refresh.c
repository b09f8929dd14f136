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
#include <string.h>

#include "lib/base/mem.h"
#include "lib/tuf/internal.h"

static const char root_file[] = "root.json";
static const char timestamp_file[] = "timestamp.json";
static const char snapshot_file[] = "snapshot.json";

/* --- root --------------------------------------------------------------------------------------
 */

static bool load_root(struct tuf_set *set, struct err *err)
{
    AUTO_BUF text;

    buf_init(&text, set->limits.root_bytes_max);
    if (!set->io.load(set->io.arg, root_file, &text, err)) {
        if (err->code == ERR_NOT_FOUND)
            return err_refuse(err, REFUSAL_ROOT_LOCAL_INVALID, "there is no trusted root");
        return false;
    }
    if (!tuf_root_parse(&text, &set->root, err) ||
        !tuf_root_verify_itself(&set->root, REFUSAL_ROOT_LOCAL_INVALID, &set->io, err)) {
        err->code = ERR_UNTRUSTED;
        err->refusal = REFUSAL_ROOT_LOCAL_INVALID;
        tuf_doc_shed(&set->root.doc);
        return err_wrap(err, "stored root");
    }
    tuf_doc_shed(&set->root.doc);
    return true;
}

/* Takes the verified root over: old files of rotated roles go first, see above. */
static bool adopt_root(struct tuf_set *set, struct tuf_root *fresh, const struct buf *text,
                       struct err *err)
{
    const struct tuf_io *io = &set->io;

    if (tuf_root_rotates(&set->root, fresh, TUF_TIMESTAMP) ||
        tuf_root_rotates(&set->root, fresh, TUF_SNAPSHOT)) {
        if (!io->drop(io->arg, timestamp_file, err) || !io->drop(io->arg, snapshot_file, err))
            return false;
    }
    if (!io->store(io->arg, root_file, text->data, text->len, err))
        return false;
    tuf_doc_shed(&fresh->doc);
    tuf_root_done(&set->root);
    set->root = *fresh;
    *fresh = (struct tuf_root){0};
    return true;
}

/* One step; *found is false at the end of the chain. */
static bool next_root(struct tuf_set *set, bool may_step, bool *found, struct err *err)
{
    struct tuf_root fresh = {0};
    char name[TUF_FILE_NAME_ROOM];
    AUTO_BUF text;
    bool good;

    ASSERT(tuf_file_name("root", set->root.doc.version + 1, name, sizeof(name)));
    buf_init(&text, set->limits.root_bytes_max);
    if (!tuf_get_fetch(set, name, &text, err)) {
        *found = false;
        return err->code == ERR_NOT_FOUND;
    }
    *found = true;
    if (!may_step)
        return err_refuse(err, REFUSAL_ROOT_CHAIN_TOO_LONG, "more than %d new roots",
                          TUF_ROOT_STEPS_MAX);
    good = tuf_root_parse(&text, &fresh, err) &&
           tuf_root_follows(&set->root, &fresh, &set->io, err) &&
           adopt_root(set, &fresh, &text, err);
    tuf_root_done(&fresh);
    return good;
}

static bool walk_roots(struct tuf_set *set, struct err *err)
{
    bool found = true;

    for (int steps = 0; found; steps++) {
        if (!next_root(set, steps < TUF_ROOT_STEPS_MAX, &found, err))
            return false;
    }
    *err = (struct err){0}; /* the 404 that ended the chain is no failure */
    return tuf_check_expiry(&set->root.doc, set->now_ms, REFUSAL_ROOT_EXPIRED, err);
}

/* --- timestamp ---------------------------------------------------------------------------------
 */

static const struct tuf_codes timestamp_codes = {.threshold = REFUSAL_TIMESTAMP_THRESHOLD,
                                                 .expired = REFUSAL_TIMESTAMP_EXPIRED};

static struct tuf_want want_of(const struct tuf_set *set, enum tuf_role role)
{
    return (struct tuf_want){
        .role = role,
        .name = tuf_role_name(role),
        .keys = set->root.keys,
        .rule = &set->root.rules[role],
        .bytes_max = role == TUF_TIMESTAMP  ? set->limits.timestamp_bytes_max
                     : role == TUF_SNAPSHOT ? set->limits.snapshot_bytes_max
                                            : set->limits.targets_bytes_max,
        .codes = role == TUF_TIMESTAMP  ? &timestamp_codes
                 : role == TUF_SNAPSHOT ? &tuf_codes_snapshot
                                        : &tuf_codes_targets,
    };
}

/* May the fresh timestamp replace the local one? */
static bool check_timestamp(const struct tuf_doc *local, const struct tuf_doc *fresh,
                            struct err *err)
{
    struct tuf_file before = {0};
    struct tuf_file after = {0};

    if (!local->some)
        return true;
    if (fresh->version < local->version)
        return err_refuse(err, REFUSAL_TIMESTAMP_ROLLBACK,
                          "timestamp %" PRIu64 " is older than the trusted %" PRIu64,
                          fresh->version, local->version);
    (void)tuf_doc_lists(local, "snapshot", &before); /* both were parsed: they do */
    (void)tuf_doc_lists(fresh, "snapshot", &after);
    if (fresh->version > local->version && after.version < before.version)
        return err_refuse(err, REFUSAL_SNAPSHOT_ROLLBACK,
                          "timestamp names snapshot %" PRIu64 ", trusted is %" PRIu64,
                          after.version, before.version);
    return true;
}

static bool take_timestamp(struct tuf_set *set, const struct tuf_want *want, struct tuf_doc *fresh,
                           struct buf *text, struct err *err)
{
    struct tuf_doc *local = &set->timestamp;

    if (!tuf_doc_verify(fresh, want->keys, want->rule, want->codes->threshold, &set->io, err) ||
        !check_timestamp(local, fresh, err))
        return false;
    if (local->some && fresh->version == local->version) /* nothing new, whatever it says */
        return tuf_check_expiry(local, set->now_ms, want->codes->expired, err);
    if (!tuf_check_expiry(fresh, set->now_ms, want->codes->expired, err) ||
        !set->io.store(set->io.arg, timestamp_file, text->data, text->len, err))
        return false;
    tuf_doc_own(fresh, text);
    tuf_doc_done(local);
    *local = *fresh;
    *fresh = (struct tuf_doc){0};
    return true;
}

static bool refresh_timestamp(struct tuf_set *set, struct err *err)
{
    const struct tuf_want want = want_of(set, TUF_TIMESTAMP);
    struct tuf_doc fresh = {0};
    AUTO_BUF text;
    bool good;

    buf_init(&text, want.bytes_max);
    good = tuf_get_stored(set, &want, &set->timestamp, err) &&
           tuf_get_fetch(set, timestamp_file, &text, err) &&
           tuf_doc_parse(want.role, want.name, &text, &fresh, err) &&
           take_timestamp(set, &want, &fresh, &text, err);
    tuf_doc_done(&fresh);
    return good;
}

/* --- what is listed ----------------------------------------------------------------------------
 */

/* The old one is needed until the new one is checked against it. */
static bool refresh_snapshot(struct tuf_set *set, struct err *err)
{
    struct tuf_want want = want_of(set, TUF_SNAPSHOT);
    struct tuf_doc fresh;

    (void)tuf_doc_lists(&set->timestamp, want.name, &want.listed); /* it was parsed: it does */
    if (!tuf_get_stored(set, &want, &set->snapshot, err))
        return false;
    if (tuf_want_is_met(&want, &set->snapshot))
        return tuf_check_expiry(&set->snapshot, set->now_ms, want.codes->expired, err);
    if (!tuf_get_fresh(set, &want, &set->snapshot, &fresh, err))
        return false;
    tuf_doc_done(&set->snapshot);
    set->snapshot = fresh;
    return true;
}

static bool refresh_targets(struct tuf_set *set, struct err *err)
{
    struct tuf_want want = want_of(set, TUF_TARGETS);

    (void)tuf_doc_lists(&set->snapshot, want.name, &want.listed); /* it was parsed: it does */
    return tuf_get(set, &want, &set->targets, err);
}

/* --- in all ------------------------------------------------------------------------------------
 */

static struct tuf_set *set_new(const struct tuf_io *io, const struct tuf_limits *limits)
{
    struct tuf_set *set = mem_alloc(sizeof(*set));

    set->io = *io;
    set->limits = *limits;
    return set;
}

static bool finish(bool good, struct tuf_set *set, struct tuf_set **out)
{
    if (good)
        *out = set;
    else
        tuf_set_free(set);
    return good;
}

bool tuf_refresh(const struct tuf_io *io, const struct tuf_limits *limits, int64_t now_ms,
                 struct tuf_set **out, struct err *err)
{
    struct tuf_set *set = set_new(io, limits);

    set->now_ms = now_ms;
    return finish(load_root(set, err) && walk_roots(set, err) && refresh_timestamp(set, err) &&
                      refresh_snapshot(set, err) && refresh_targets(set, err),
                  set, out);
}

bool tuf_load_root(const struct tuf_io *io, const struct tuf_limits *limits, struct tuf_set **out,
                   struct err *err)
{
    struct tuf_set *set = set_new(io, limits);

    set->offline = true;
    return finish(load_root(set, err), set, out);
}

bool tuf_load(const struct tuf_io *io, const struct tuf_limits *limits, struct tuf_set **out,
              struct err *err)
{
    static const enum tuf_role roles[] = {TUF_TIMESTAMP, TUF_SNAPSHOT, TUF_TARGETS};
    struct tuf_set *set = NULL;
    bool good = tuf_load_root(io, limits, &set, err);

    for (size_t i = 0; i < COUNT(roles) && good; i++) {
        struct tuf_doc *const docs[] = {&set->timestamp, &set->snapshot, &set->targets};
        const struct tuf_want want = want_of(set, roles[i]);

        good = tuf_get_stored(set, &want, docs[i], err);
        if (!good)
            tuf_set_free(set);
    }
    if (good)
        *out = set;
    return good;
}
