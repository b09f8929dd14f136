/*
 * The entries of a document before it is published: each complete and in its place, and none a
 * step back against anything that is published in any role. The published documents are gone
 * through one entry at a time; only the fresh ones are all in memory.
 */
#include <inttypes.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/tuf/publish.h"

struct entry {
    struct tuf_target target;
    bool was_published; /* its path, with these bytes */
    uint64_t highest;   /* counter of a published rival */
    char rival[TUF_PATH_MAX + 1];
};

struct entries {
    struct entry *items; /* owned */
    size_t count;
    struct err *err;
    bool good;
    bool together; /* what is compared now comes with the same publication */
};

static void entries_done(struct entries *entries)
{
    for (size_t i = 0; i < entries->count; i++)
        tuf_target_done(&entries->items[i].target);
    mem_free(entries->items);
}

static bool entries_parse(const struct tuf_doc *doc, struct entries *out, struct err *err)
{
    struct flat_value targets = flat_get(tuf_doc_body(doc), "targets");

    *out = (struct entries){.good = true, .err = err};
    out->items = mem_array(flat_count(targets), sizeof(*out->items));
    for (struct flat_value at = flat_first(targets); flat_some(at); at = flat_next(at)) {
        struct tuf_target *target = &out->items[out->count].target;
        char path[TUF_PATH_MAX + 1];

        if (!flat_text_copy(flat_key(at), path, sizeof(path)))
            return err_refuse(err, REFUSAL_NAME_UNSAFE, "a target name is too long");
        if (!tuf_target_parse(doc->name, path, at, false, target, err))
            return false;
        out->count++;
        if (!target->is_typed)
            return err_refuse(err, REFUSAL_JSON_STRICT, "'%.120s' has no custom section", path);
    }
    return true;
}

/* --- each for itself ---------------------------------------------------------------------------
 */

static bool check_type(const struct tuf_target *target, struct err *err)
{
    if (!tuf_path_is_of_type(target->path, target->type))
        return err_refuse(err, REFUSAL_TYPE_ROLE_MISMATCH, "'%.120s' is not a place for type '%s'",
                          target->path, target->type);
    return tuf_role_may_sign(target->role, target->type) ||
           err_refuse(err, REFUSAL_TYPE_ROLE_MISMATCH, "role '%.64s' cannot sign type '%s'",
                      target->role, target->type);
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

/* A delegation for some hardware is not for files that are for all. */
static bool is_for_hardware(const struct tuf_step *step, const struct tuf_target *target)
{
    if (target->hwid_count == 0)
        return tuf_step_is_for(step, "");
    for (size_t i = 0; i < target->hwid_count; i++) {
        if (!tuf_step_is_for(step, target->hwids[i]))
            return false;
    }
    return true;
}

static bool check_place(const struct tuf_target *target, const struct tuf_step *chain,
                        struct err *err)
{
    for (const struct tuf_step *step = chain; step; step = step->parent) {
        if (!tuf_step_matches(step, target->path))
            return err_refuse(err, REFUSAL_DELEGATION_DENIED,
                              "'%.100s' is not a path '%.64s' delegates to '%.64s'", target->path,
                              step->delegator, step->name);
        if (!is_for_hardware(step, target))
            return err_refuse(err, REFUSAL_DELEGATION_DENIED,
                              "'%.100s' is for hardware '%.64s' does not delegate to '%.64s'",
                              target->path, step->delegator, step->name);
    }
    return true;
}

/* --- against each other ------------------------------------------------------------------------
 */

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

/* Within the document: no two releases share a counter. */
static bool check_distinct(const struct entries *fresh, size_t at, struct err *err)
{
    const struct tuf_target *target = &fresh->items[at].target;

    for (size_t i = 0; i < at; i++) {
        const struct tuf_target *other = &fresh->items[i].target;

        if (other->release_counter == target->release_counter && are_rivals(other, target))
            return err_refuse(err, REFUSAL_RELEASE_ROLLBACK,
                              "'%.80s' and '%.80s' have the same release counter", other->path,
                              target->path);
    }
    return true;
}

/* --- against what is published -----------------------------------------------------------------
 */

static bool are_same_bytes(const struct tuf_target *a, const struct tuf_target *b)
{
    return a->length == b->length && crypto_equal(a->sha256, b->sha256, HASH_BYTES);
}

/* Files of trust keep their place when they change; if they count, they count up. */
static bool may_replace(const struct tuf_target *old, const struct tuf_target *target,
                        struct err *err)
{
    if (!text_equal(target->type, "trust") || !text_equal(old->type, "trust"))
        return err_set(err, ERR_CONFLICT, "target '%.120s' was published with other bytes",
                       target->path);
    return old->release_counter == 0 || target->release_counter > old->release_counter ||
           err_refuse(err, REFUSAL_RELEASE_ROLLBACK,
                      "'%.100s' of counter %" PRIu64 " is not above %" PRIu64, target->path,
                      target->release_counter, old->release_counter);
}

/* `together`: what is published along with it is no older release, but may share no counter. */
static bool compare(struct entry *entry, const struct tuf_target *old, bool together,
                    struct err *err)
{
    const struct tuf_target *target = &entry->target;

    if (text_equal(old->path, target->path)) {
        entry->was_published = true;
        if (!are_same_bytes(old, target))
            return may_replace(old, target, err);
        return text_equal(old->match, target->match) || text_equal(target->type, "trust") ||
               err_set(err, ERR_CONFLICT, "target '%.120s' was published with another match",
                       target->path);
    }
    if (together && old->release_counter != target->release_counter)
        return true;
    if (are_rivals(old, target) && old->release_counter >= entry->highest) {
        entry->highest = old->release_counter;
        (void)text_copy(entry->rival, sizeof(entry->rival), old->path); /* a path fits */
    }
    return true;
}

static bool on_published(const struct tuf_target *old, void *arg)
{
    struct entries *fresh = arg;

    for (size_t i = 0; fresh->good && i < fresh->count; i++)
        fresh->good = compare(&fresh->items[i], old, fresh->together, fresh->err);
    return fresh->good;
}

static bool check_newer(const struct entry *entry, struct err *err)
{
    const struct tuf_target *target = &entry->target;

    return entry->was_published || !entry->rival[0] || target->release_counter > entry->highest ||
           err_refuse(err, REFUSAL_RELEASE_ROLLBACK,
                      "release counter %" PRIu64 " is not above %" PRIu64 " of '%.100s'",
                      target->release_counter, entry->highest, entry->rival);
}

static bool check_all(const struct shelf *shelf, struct entries *fresh,
                      const struct tuf_step *chain, struct err *err)
{
    for (size_t i = 0; i < fresh->count; i++) {
        const struct tuf_target *target = &fresh->items[i].target;

        if (!check_type(target, err) || !check_place(target, chain, err) ||
            !check_floor(target, err) || !check_distinct(fresh, i, err))
            return false;
    }
    for (size_t i = 0; i < shelf->before_count && fresh->good; i++)
        tuf_doc_each(&shelf->before[i], on_published, fresh);
    fresh->together = shelf->before;
    for (size_t i = 0; i < shelf->count && fresh->good; i++)
        tuf_doc_each(&shelf->docs[i], on_published, fresh);
    for (size_t i = 0; i < fresh->count && fresh->good; i++)
        fresh->good = check_newer(&fresh->items[i], err);
    return fresh->good;
}

bool tuf_check_entries(const struct shelf *shelf, const struct tuf_doc *fresh,
                       const struct tuf_step *chain, struct err *err)
{
    struct entries entries;
    bool good = entries_parse(fresh, &entries, err) && check_all(shelf, &entries, chain, err);

    entries_done(&entries);
    return good;
}
