/*
 * Getting a role that another role lists: what is stored if it is the listed one, else the file
 * of that version, checked in the order of the specification: length and hashes of the bytes,
 * signatures, version, expiry; only then it is stored.
 */
#include <inttypes.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/tuf/internal.h"

const struct tuf_codes tuf_codes_snapshot = {REFUSAL_SNAPSHOT_THRESHOLD, REFUSAL_SNAPSHOT_LENGTH,
                                             REFUSAL_SNAPSHOT_HASH, REFUSAL_SNAPSHOT_VERSION,
                                             REFUSAL_SNAPSHOT_EXPIRED};
const struct tuf_codes tuf_codes_targets = {REFUSAL_TARGETS_THRESHOLD, REFUSAL_TARGETS_LENGTH,
                                            REFUSAL_TARGETS_HASH, REFUSAL_TARGETS_VERSION,
                                            REFUSAL_TARGETS_EXPIRED};
const struct tuf_codes tuf_codes_delegated = {REFUSAL_DELEGATED_THRESHOLD, REFUSAL_TARGETS_LENGTH,
                                              REFUSAL_TARGETS_HASH, REFUSAL_TARGETS_VERSION,
                                              REFUSAL_TARGETS_EXPIRED};

bool tuf_get_fetch(const struct tuf_set *set, const char *name, struct buf *out, struct err *err)
{
    if (!set->io.fetch(set->io.arg, name, out->max, out, err))
        return err_wrap(err, "%s", name);
    if (out->failed)
        return err_refuse(err, REFUSAL_LENGTH_LIMIT, "%s is longer than %zu bytes", name, out->max);
    return true;
}

bool tuf_get_stored(const struct tuf_set *set, const struct tuf_want *want, struct tuf_doc *out,
                    struct err *err)
{
    char name[TUF_FILE_NAME_ROOM];
    struct err why = {0};
    AUTO_BUF text;

    *out = (struct tuf_doc){0};
    buf_init(&text, want->bytes_max);
    if (!tuf_file_name(want->name, 0, name, sizeof(name)))
        return true;
    if (!set->io.load(set->io.arg, name, &text, &why)) {
        if (why.code == ERR_NOT_FOUND || why.code == ERR_LIMIT)
            return true;
        *err = why;
        return false;
    }
    if (text.failed || !tuf_doc_parse(want->role, want->name, &text, out, &why))
        return true;
    if (tuf_doc_verify(out, want->keys, want->rule, want->codes->threshold, &set->io, &why))
        tuf_doc_own(out, &text);
    else
        tuf_doc_done(out);
    return true;
}

bool tuf_want_is_met(const struct tuf_want *want, const struct tuf_doc *doc)
{
    return doc->some && doc->version == want->listed.version &&
           (want->listed.length == 0 || want->listed.length == doc->len) &&
           tuf_hashes_fit(&want->listed, doc->bytes, doc->len);
}

/* Length and hashes of what came, before it is parsed. */
static bool check_bytes(const struct tuf_want *want, const struct buf *text, struct err *err)
{
    if (want->listed.length && text->len != want->listed.length)
        return err_refuse(err, want->codes->length, "%s has %zu of %" PRIu64 " bytes", want->name,
                          text->len, want->listed.length);
    if (!tuf_hashes_fit(&want->listed, buf_text(text), text->len))
        return err_refuse(err, want->codes->hash, "%s is not the one that is listed", want->name);
    return true;
}

/* No role that was listed may vanish or go back. */
static bool check_previous(const struct tuf_doc *old, const struct tuf_doc *fresh, struct err *err)
{
    struct flat_value was = flat_get(tuf_doc_body(old), "meta");
    struct flat_value is = flat_get(tuf_doc_body(fresh), "meta");

    for (struct flat_value at = flat_first(was); flat_some(at); at = flat_next(at)) {
        char name[TUF_FILE_NAME_ROOM];
        struct flat_value now;
        uint64_t before = 0;
        uint64_t after = 0;

        if (!flat_text_copy(flat_key(at), name, sizeof(name)))
            continue; /* longer than any role we would look for */
        now = flat_get(is, name);
        if (!flat_some(now))
            return err_refuse(err, REFUSAL_SNAPSHOT_ROLE_REMOVED,
                              "snapshot %" PRIu64 " lists '%.64s' no more", fresh->version, name);
        if (!flat_number(flat_get(at, "version"), &before) ||
            !flat_number(flat_get(now, "version"), &after) || after < before)
            return err_refuse(err, REFUSAL_TARGETS_ROLLBACK,
                              "snapshot %" PRIu64 " lists an older '%.64s'", fresh->version, name);
    }
    return true;
}

static bool check_fresh(const struct tuf_set *set, const struct tuf_want *want,
                        const struct tuf_doc *previous, const struct tuf_doc *fresh,
                        struct err *err)
{
    if (!tuf_doc_verify(fresh, want->keys, want->rule, want->codes->threshold, &set->io, err))
        return false;
    if (fresh->version != want->listed.version)
        return err_refuse(err, want->codes->version,
                          "%s is version %" PRIu64 ", listed is %" PRIu64, want->name,
                          fresh->version, want->listed.version);
    if (previous && previous->some && !check_previous(previous, fresh, err))
        return false;
    return tuf_check_expiry(fresh, set->now_ms, want->codes->expired, err);
}

bool tuf_get_fresh(const struct tuf_set *set, const struct tuf_want *want,
                   const struct tuf_doc *previous, struct tuf_doc *out, struct err *err)
{
    uint64_t length = want->listed.length;
    char name[TUF_FILE_NAME_ROOM];
    char kept[TUF_FILE_NAME_ROOM];
    AUTO_BUF text;

    *out = (struct tuf_doc){0};
    buf_init(&text, length && length < want->bytes_max ? (size_t)length : want->bytes_max);
    if (length > want->bytes_max)
        return err_refuse(err, REFUSAL_LENGTH_LIMIT, "%s of %" PRIu64 " bytes is longer than %zu",
                          want->name, length, want->bytes_max);
    if (!tuf_file_name(want->name, want->listed.version, name, sizeof(name)) ||
        !tuf_file_name(want->name, 0, kept, sizeof(kept)))
        return err_refuse(err, REFUSAL_NAME_UNSAFE, "the role's name '%.64s' is too long",
                          want->name);
    if (!tuf_get_fetch(set, name, &text, err) || !check_bytes(want, &text, err) ||
        !tuf_doc_parse(want->role, want->name, &text, out, err))
        return false;
    if (!check_fresh(set, want, previous, out, err) ||
        !set->io.store(set->io.arg, kept, text.data, text.len, err)) {
        tuf_doc_done(out);
        return false;
    }
    tuf_doc_own(out, &text);
    return true;
}

bool tuf_get(const struct tuf_set *set, const struct tuf_want *want, struct tuf_doc *out,
             struct err *err)
{
    if (!tuf_get_stored(set, want, out, err))
        return false;
    if (set->offline)
        return true;
    if (tuf_want_is_met(want, out)) {
        if (tuf_check_expiry(out, set->now_ms, want->codes->expired, err))
            return true;
        tuf_doc_done(out);
        return false;
    }
    tuf_doc_done(out);
    return tuf_get_fresh(set, want, NULL, out, err);
}
