/*
 * The publisher's questions, answered by the device's own code: may this root follow that one,
 * may these targets be published. What a device would refuse is refused here first.
 */
#include <inttypes.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/tuf/internal.h"

static bool check_expiry(const struct tuf_doc *doc, int64_t now_ms, enum refusal refusal,
                         struct err *err)
{
    if (doc->expires_ms > now_ms)
        return true;
    return err_refuse(err, refusal, "%s %" PRIu64 " has expired", tuf_role_name(doc->role),
                      doc->version);
}

/* Other implementations sort keys by UTF-16 unit: only ASCII keys sort the same everywhere. */
static bool keys_are_plain(const json_t *tree)
{
    const char *key;
    json_t *value;
    size_t i;

    if (json_is_object(tree)) {
        json_object_foreach(json_iterable(tree), key, value)
        {
            for (const char *at = key; *at; at++) {
                if (*at < ' ' || *at > '~')
                    return false;
            }
            if (!keys_are_plain(value))
                return false;
        }
    } else if (json_is_array(tree)) {
        json_array_foreach(tree, i, value)
        {
            if (!keys_are_plain(value))
                return false;
        }
    }
    return true;
}

static bool check_plain(const struct tuf_doc *doc, struct err *err)
{
    return keys_are_plain(doc->tree) ||
           err_refuse(err, REFUSAL_NAME_UNSAFE, "%s has a key that is not printable ASCII",
                      tuf_role_name(doc->role));
}

static bool check_step(const struct buf *old_bytes, const struct tuf_root *fresh, struct err *err)
{
    struct tuf_root old;
    bool good;

    if (!old_bytes)
        return tuf_doc_verify(&fresh->doc, fresh, REFUSAL_ROOT_NEW_THRESHOLD, NULL, err);
    if (!tuf_root_parse(buf_text(old_bytes), old_bytes->len, &old, err))
        return err_wrap(err, "old root");
    good = tuf_root_follows(&old, fresh, NULL, err);
    tuf_root_done(&old);
    return good;
}

bool tuf_check_root_step(const struct buf *old, const struct buf *fresh, int64_t now_ms,
                         struct err *err)
{
    struct tuf_root root;
    bool good;

    if (!tuf_root_parse(buf_text(fresh), fresh->len, &root, err))
        return false;
    good = check_plain(&root.doc, err) && check_step(old, &root, err) &&
           check_expiry(&root.doc, now_ms, REFUSAL_ROOT_EXPIRED, err);
    tuf_root_done(&root);
    return good;
}

bool tuf_check_root_names(const struct buf *root, enum tuf_role role, const char *keyid,
                          struct err *err)
{
    struct tuf_root parsed;
    bool good;

    if (!tuf_root_parse(buf_text(root), root->len, &parsed, err))
        return false;
    good = tuf_root_lists(&parsed, role, keyid);
    tuf_root_done(&parsed);
    return good || err_set(err, ERR_INVALID, "root does not give key '%.16s' to %s", keyid,
                           tuf_role_name(role));
}

/* Two releases of one component for one hardware. */
static bool are_rivals(const struct tuf_target *a, const struct tuf_target *b)
{
    if (!text_equal(a->type, b->type) || !text_equal(a->name, b->name))
        return false;
    for (size_t i = 0; i < a->hwid_count; i++) {
        for (size_t j = 0; j < b->hwid_count; j++) {
            if (text_equal(a->hwids[i], b->hwids[j]))
                return true;
        }
    }
    return false;
}

/* All typed entries of a document. */
struct entries {
    struct tuf_target *items; /* owned */
    size_t count;
};

static bool entries_parse(const struct tuf_doc *doc, struct entries *out, struct err *err)
{
    const json_t *targets = json_object_get(doc->body, "targets");
    const char *path;
    json_t *entry;

    out->count = 0;
    out->items = mem_array(json_object_size(targets), sizeof(*out->items));
    json_object_foreach(json_iterable(targets), path, entry)
    {
        if (!tuf_target_parse(path, entry, &out->items[out->count], err))
            return false;
        out->count++;
    }
    return true;
}

static bool check_type(const struct tuf_target *target, struct err *err)
{
    size_t len = strlen(target->type);

    if (text_starts_with(target->path, target->type) && target->path[len] == '/')
        return true;
    return err_refuse(err, REFUSAL_TYPE_ROLE_MISMATCH, "'%.120s' is not a place for type '%s'",
                      target->path, target->type);
}

/* A floor above the release's own counter would lock every device that commits it out of all
 * releases up to that floor. */
static bool check_floor(const struct tuf_target *target, struct err *err)
{
    return target->floor <= target->release_counter ||
           err_refuse(err, REFUSAL_BELOW_FLOOR,
                      "the floor %" PRIu64 " of '%.100s' is above its own counter %" PRIu64,
                      target->floor, target->path, target->release_counter);
}

/* Within the document: no two releases share a counter. */
static bool check_distinct(const struct entries *fresh, size_t at, struct err *err)
{
    const struct tuf_target *target = &fresh->items[at];

    for (size_t i = 0; i < at; i++) {
        if (fresh->items[i].release_counter == target->release_counter &&
            are_rivals(&fresh->items[i], target))
            return err_refuse(err, REFUSAL_RELEASE_ROLLBACK,
                              "'%.80s' and '%.80s' have the same release counter",
                              fresh->items[i].path, target->path);
    }
    return true;
}

/* Against the document before. */
static bool check_newer(const struct tuf_target *target, const struct entries *previous,
                        struct err *err)
{
    for (size_t i = 0; i < previous->count; i++) {
        const struct tuf_target *old = &previous->items[i];

        if (!text_equal(old->path, target->path))
            continue;
        if (old->length != target->length || !crypto_equal(old->sha256, target->sha256, HASH_BYTES))
            return err_set(err, ERR_CONFLICT, "target '%.120s' was published with other bytes",
                           target->path);
        return true;
    }
    for (size_t i = 0; i < previous->count; i++) {
        const struct tuf_target *old = &previous->items[i];

        if (target->release_counter <= old->release_counter && are_rivals(target, old))
            return err_refuse(err, REFUSAL_RELEASE_ROLLBACK,
                              "release counter %" PRIu64 " is not above %" PRIu64 " of '%.100s'",
                              target->release_counter, old->release_counter, old->path);
    }
    return true;
}

static bool check_entries(const struct tuf_doc *doc, const struct tuf_doc *previous,
                          struct err *err)
{
    struct entries fresh = {0};
    struct entries old = {0};
    bool good =
        entries_parse(doc, &fresh, err) && (!previous->tree || entries_parse(previous, &old, err));

    for (size_t i = 0; i < fresh.count && good; i++)
        good = check_type(&fresh.items[i], err) && check_floor(&fresh.items[i], err) &&
               check_distinct(&fresh, i, err) && check_newer(&fresh.items[i], &old, err);
    mem_free(fresh.items);
    mem_free(old.items);
    return good;
}

static bool check_targets(const struct buf *root_bytes, const struct tuf_doc *fresh,
                          const struct tuf_doc *previous, struct err *err)
{
    struct tuf_root root;
    bool good;

    if (!tuf_root_parse(buf_text(root_bytes), root_bytes->len, &root, err))
        return false;
    good = check_plain(fresh, err) &&
           tuf_doc_verify(fresh, &root, REFUSAL_TARGETS_THRESHOLD, NULL, err);
    tuf_root_done(&root);
    if (!good)
        return false;
    if (fresh->version != previous->version + 1)
        return err_refuse(err, REFUSAL_TARGETS_VERSION,
                          "targets %" PRIu64 " do not follow version %" PRIu64, fresh->version,
                          previous->version);
    return check_entries(fresh, previous, err);
}

bool tuf_check_targets(const struct buf *root, const struct buf *fresh, const struct buf *previous,
                       int64_t now_ms, struct err *err)
{
    struct tuf_doc fresh_doc = {0};
    struct tuf_doc previous_doc = {0};
    bool good = tuf_doc_parse(TUF_TARGETS, buf_text(fresh), fresh->len, &fresh_doc, err);

    if (good && previous)
        good = tuf_doc_parse(TUF_TARGETS, buf_text(previous), previous->len, &previous_doc, err) ||
               err_wrap(err, "previous");
    good = good && check_targets(root, &fresh_doc, &previous_doc, err) &&
           check_expiry(&fresh_doc, now_ms, REFUSAL_TARGETS_EXPIRED, err);
    tuf_doc_done(&fresh_doc);
    tuf_doc_done(&previous_doc);
    return good;
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
    good = tuf_root_parse(buf_text(root), root->len, &parsed, err) &&
           tuf_doc_parse(facts.role, buf_text(document), document->len, &doc, err) &&
           tuf_doc_verify(&doc, &parsed, few[facts.role], NULL, err);
    tuf_root_done(&parsed);
    tuf_doc_done(&doc);
    return good;
}
