/* An unknown member is refused: what is not understood is not signed. */
#include "signer/shape.h"

#include <string.h>

#include "lib/base/text.h"
#include "lib/crypto/hash.h"

static const char *const file_required[] = {"version", NULL};
static const char *const file_optional[] = {"hashes", "length", NULL};
static const struct shape file_shape = {
    .what = "an entry of \"meta\"", .required = file_required, .optional = file_optional};

static const char *const hashes_required[] = {"sha256", NULL};
static const struct shape hashes_shape = {.what = "\"hashes\"", .required = hashes_required};

static bool names(const char *const *list, const char *name)
{
    for (; list && *list; list++) {
        if (text_equal(*list, name))
            return true;
    }
    return false;
}

bool shape_fits(struct flat_value object, const struct shape *shape, struct err *err)
{
    char name[64];

    if (!flat_is(object, FLAT_OBJECT))
        return err_set(err, ERR_DENIED, "%s is no object", shape->what);
    for (const char *const *required = shape->required; *required; required++) {
        if (!flat_some(flat_get(object, *required)))
            return err_set(err, ERR_DENIED, "%s has no \"%s\"", shape->what, *required);
    }
    for (struct flat_value at = flat_first(object); flat_some(at); at = flat_next(at)) {
        if (!flat_text_copy(flat_key(at), name, sizeof(name)))
            return err_set(err, ERR_DENIED, "%s has a member with a long name", shape->what);
        if (!names(shape->required, name) && !names(shape->optional, name) &&
            !(shape->extensions && text_starts_with(name, "x-")))
            return err_set(err, ERR_DENIED, "%s has no business with a member '%s'", shape->what,
                           name);
    }
    return true;
}

bool shape_version(struct flat_value value, const char *what, uint64_t *out, struct err *err)
{
    uint64_t version = 0;

    if (!flat_number(value, &version) || version == 0)
        return err_set(err, ERR_DENIED, "the version of %s is no number above 0", what);
    *out = version;
    return true;
}

bool shape_time(struct flat_value value, const char *what, int64_t *out_ms, struct err *err)
{
    char text[TEXT_TIME_ROOM];

    if (!flat_text_copy(value, text, sizeof(text)) || !text_to_time(text, strlen(text), out_ms))
        return err_set(err, ERR_DENIED, "\"%s\" is no time", what);
    return true;
}

bool shape_hashes(struct flat_value hashes, struct err *err)
{
    uint8_t digest[HASH_BYTES];

    if (!shape_fits(hashes, &hashes_shape, err))
        return false;
    return flat_hex(flat_get(hashes, "sha256"), digest, sizeof(digest)) ||
           err_set(err, ERR_DENIED, "\"sha256\" is no SHA-256");
}

static bool read_file(struct flat_value file, uint64_t *version, struct err *err)
{
    struct flat_value length = flat_get(file, "length");
    struct flat_value hashes = flat_get(file, "hashes");
    uint64_t bytes;

    if (!shape_fits(file, &file_shape, err) ||
        !shape_version(flat_get(file, "version"), "a listed role", version, err))
        return false;
    if (flat_some(length) && !flat_number(length, &bytes))
        return err_set(err, ERR_DENIED, "a listed length is no number");
    return !flat_some(hashes) || shape_hashes(hashes, err);
}

bool shape_meta(struct flat_value meta, struct roles *out, struct err *err)
{
    char name[ROLE_NAME_MAX + 1];
    uint64_t version = 0;

    if (!flat_is(meta, FLAT_OBJECT) || flat_count(meta) == 0)
        return err_set(err, ERR_DENIED, "\"meta\" lists nothing");
    if (flat_count(meta) > ROLES_MAX)
        return err_set(err, ERR_DENIED, "\"meta\" lists more than %d roles", ROLES_MAX);
    for (struct flat_value at = flat_first(meta); flat_some(at); at = flat_next(at)) {
        if (!flat_text_copy(flat_key(at), name, sizeof(name)) || !text_ends_with(name, ".json"))
            return err_set(err, ERR_DENIED, "\"meta\" lists what is no role's file");
        if (!read_file(at, &version, err))
            return false;
        if (!roles_add(out, name, version))
            return err_set(err, ERR_DENIED, "\"meta\" is not in order at '%s'", name);
    }
    return true;
}
