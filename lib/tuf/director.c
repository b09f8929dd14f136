/*
 * The director's document: signed for one device, naming every part of it at most once. Nobody
 * else signs for a director, so it has no delegations.
 */
#include <inttypes.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/tuf/internal.h"

enum { DIRECTOR_TARGETS_MAX = 64, BUNDLE_ROOM = 129 };

void tuf_director_done(struct tuf_director *director)
{
    for (size_t i = 0; i < director->count; i++)
        tuf_target_done(&director->targets[i]);
    mem_free(director->targets);
    mem_free(director->device);
    mem_free(director->bundle);
    *director = (struct tuf_director){0};
}

/* Of a document that must have it, or of one that may. */
static bool check_device(const struct tuf_doc *doc, bool must, const char *device, struct err *err)
{
    struct flat_value named = flat_get(tuf_doc_body(doc), "x-device");

    if ((!flat_some(named) && !must) || flat_text_is(named, device))
        return true;
    return err_refuse(err, REFUSAL_WRONG_DEVICE, "the director's %s is not for this device",
                      doc->name);
}

/* --- parts -------------------------------------------------------------------------------------
 */

static bool is_known_ecu(struct flat_value key, const char *device)
{
    char ecu[TUF_ROLE_NAME_MAX + 1];
    size_t len = strlen(device);

    return flat_text_copy(key, ecu, sizeof(ecu)) && text_starts_with(ecu, device) &&
           text_equal(ecu + len, "-main");
}

static struct flat_value ecus_of(struct flat_value entry)
{
    return flat_get(flat_get(entry, "custom"), "ecus");
}

static bool names_part(struct flat_value entry, struct flat_value key)
{
    for (struct flat_value at = flat_first(ecus_of(entry)); flat_some(at); at = flat_next(at)) {
        if (flat_equal(flat_key(at), key))
            return true;
    }
    return false;
}

static bool check_part(struct flat_value targets, struct flat_value entry, struct flat_value key,
                       const char *device, struct err *err)
{
    if (!is_known_ecu(key, device))
        return err_refuse(err, REFUSAL_ECU_UNKNOWN,
                          "the director names a part this device has not");
    for (struct flat_value at = flat_first(targets); at.at != entry.at; at = flat_next(at)) {
        if (names_part(at, key))
            return err_refuse(err, REFUSAL_ECU_DUPLICATE, "the director names a part twice");
    }
    return true;
}

static bool check_parts(struct flat_value targets, const char *device, struct err *err)
{
    for (struct flat_value at = flat_first(targets); flat_some(at); at = flat_next(at)) {
        struct flat_value ecus = ecus_of(at);

        if (flat_count(ecus) == 0)
            return err_refuse(err, REFUSAL_ECU_UNKNOWN, "the director names a file for no part");
        for (struct flat_value ecu = flat_first(ecus); flat_some(ecu); ecu = flat_next(ecu)) {
            if (!check_part(targets, at, flat_key(ecu), device, err))
                return false;
        }
    }
    return true;
}

/* --- the document ------------------------------------------------------------------------------
 */

static bool read_targets(const struct tuf_doc *doc, struct tuf_director *out, struct err *err)
{
    struct flat_value targets = flat_get(tuf_doc_body(doc), "targets");

    if (flat_count(targets) > DIRECTOR_TARGETS_MAX)
        return err_refuse(err, REFUSAL_JSON_STRICT, "the director lists more than %d files",
                          DIRECTOR_TARGETS_MAX);
    out->targets = mem_array(flat_count(targets), sizeof(out->targets[0]));
    for (struct flat_value at = flat_first(targets); flat_some(at); at = flat_next(at)) {
        char path[TUF_PATH_MAX + 1];

        if (!flat_text_copy(flat_key(at), path, sizeof(path)))
            return err_refuse(err, REFUSAL_NAME_UNSAFE, "a target name is too long");
        if (!tuf_target_parse("director", path, at, true, &out->targets[out->count], err))
            return false;
        out->count++;
    }
    return true;
}

static bool read_body(const struct tuf_doc *doc, struct tuf_director *out, struct err *err)
{
    struct flat_value body = tuf_doc_body(doc);
    char bundle[BUNDLE_ROOM] = "";

    if (!tuf_field_optional_time(body, "x-issued", &out->issued_ms, err) ||
        !tuf_field_optional(body, "x-bundle-parts", &out->parts, err) ||
        (tuf_field_has(body, "x-bundle") &&
         !tuf_field_text(body, "x-bundle", bundle, sizeof(bundle), err)) ||
        !read_targets(doc, out, err))
        return false;
    if (out->parts > out->count)
        return err_refuse(err, REFUSAL_BUNDLE_INCOMPLETE,
                          "the bundle has %" PRIu64 " parts, %zu are listed", out->parts,
                          out->count);
    out->parts = out->count;
    out->bundle = mem_strdup(bundle);
    return true;
}

static bool check(const struct tuf_set *set, const char *device, uint64_t version_min,
                  struct err *err)
{
    const struct tuf_doc *doc = &set->targets;
    struct flat_value body = tuf_doc_body(doc);

    if (!check_device(&set->timestamp, false, device, err) ||
        !check_device(&set->snapshot, false, device, err) || !check_device(doc, true, device, err))
        return false;
    if (flat_some(flat_get(body, "delegations")))
        return err_refuse(err, REFUSAL_DIRECTOR_DELEGATION, "the director's targets delegate");
    if (doc->version < version_min)
        return err_refuse(err, REFUSAL_TARGETS_ROLLBACK,
                          "the director's version %" PRIu64 " is below the last one, %" PRIu64,
                          doc->version, version_min);
    return check_parts(flat_get(body, "targets"), device, err);
}

bool tuf_director_read(struct tuf_set *set, const char *device, uint64_t version_min,
                       struct tuf_director *out, struct err *err)
{
    *out = (struct tuf_director){.version = set->targets.version};
    if (!set->targets.some)
        return err_refuse(err, REFUSAL_DIRECTOR_MISSING, "there is no document of the director");
    if (!check(set, device, version_min, err) || !read_body(&set->targets, out, err)) {
        tuf_director_done(out);
        return err_wrap(err, "director");
    }
    out->device = mem_strdup(device);
    return true;
}
