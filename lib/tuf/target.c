/* One signed target, typed, and whether it may go onto a device. */
#include <inttypes.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/tuf/internal.h"

static const uint64_t number_max = (UINT64_C(1) << 53) - 1;

static bool parse_word(const json_t *object, const char *path, const char *name, const char **out,
                       struct err *err)
{
    if (!json_field_text(object, path, name, TUF_WORD_MAX, out, err))
        return tuf_malformed(err);
    if (!tuf_word_is_safe(*out))
        return err_refuse(err, REFUSAL_NAME_UNSAFE, "%s '%s' of '%.80s' is not safe", name, *out,
                          path);
    return true;
}

/* 0 when it is not given. */
static bool parse_optional(const json_t *object, const char *path, const char *name, uint64_t *out,
                           struct err *err)
{
    *out = 0;
    return !json_field_has(object, name) ||
           json_field_u64(object, path, name, 0, number_max, out, err) || tuf_malformed(err);
}

static bool parse_hwids(const json_t *match, const char *path, struct tuf_target *out,
                        struct err *err)
{
    json_t *hwids;

    if (!json_field_array(match, path, "hwids", TUF_HWIDS_MAX, &hwids, err))
        return tuf_malformed(err);
    for (size_t i = 0; i < json_array_size(hwids); i++) {
        const char *hwid = json_string_value(json_array_get(hwids, i));

        if (!hwid || !tuf_word_is_safe(hwid))
            return err_refuse(err, REFUSAL_NAME_UNSAFE, "a hardware id of '%.80s' is not safe",
                              path);
        out->hwids[out->hwid_count++] = hwid;
    }
    if (out->hwid_count == 0)
        return err_refuse(err, REFUSAL_JSON_STRICT, "'%.80s' is for no hardware", path);
    return true;
}

static bool parse_custom(const json_t *entry, const char *path, struct tuf_target *out,
                         struct err *err)
{
    json_t *custom;
    json_t *match;

    if (!json_field_object(entry, path, "custom", &custom, err) ||
        !json_field_object(custom, path, "match", &match, err) ||
        !json_field_u64(match, path, "release_counter", 1, number_max, &out->release_counter, err))
        return tuf_malformed(err);
    return parse_word(custom, path, "type", &out->type, err) &&
           parse_word(match, path, "name", &out->name, err) &&
           parse_word(match, path, "version", &out->version, err) &&
           parse_hwids(match, path, out, err) &&
           parse_optional(match, path, "security_epoch", &out->security_epoch, err) &&
           parse_optional(custom, path, "floor", &out->floor, err) &&
           parse_optional(custom, path, "stepping_stone", &out->stepping_stone, err);
}

bool tuf_target_parse(const char *path, const json_t *entry, struct tuf_target *out,
                      struct err *err)
{
    struct tuf_target target = {.path = path, .entry = entry};

    if (!json_field_u64(entry, path, "length", 0, number_max, &target.length, err))
        return tuf_malformed(err);
    if (!tuf_hashes_parse(entry, path, target.sha256, err) ||
        !parse_custom(entry, path, &target, err))
        return false;
    *out = target;
    return true;
}

static bool path_is_of_type(const char *path, const char *type)
{
    size_t len = strlen(type);

    return text_starts_with(path, type) && path[len] == '/';
}

static bool fits_hardware(const struct tuf_target *target, const struct tuf_device *device,
                          struct err *err)
{
    for (size_t i = 0; i < target->hwid_count; i++) {
        if (text_equal(target->hwids[i], device->hwid))
            return true;
    }
    return err_refuse(err, REFUSAL_HWID_MISMATCH, "'%.100s' is not for hardware '%.60s'",
                      target->path, device->hwid);
}

static bool fits_counter(const struct tuf_target *target, const struct tuf_device *device,
                         struct err *err)
{
    bool same = !device->sha256 || crypto_equal(device->sha256, target->sha256, HASH_BYTES);

    if (!device->installed || target->release_counter > device->release_counter ||
        (target->release_counter == device->release_counter && same))
        return true;
    return err_refuse(err, REFUSAL_RELEASE_ROLLBACK,
                      "release counter %" PRIu64 " is not above the installed %" PRIu64,
                      target->release_counter, device->release_counter);
}

bool tuf_target_fits(const struct tuf_target *target, const struct tuf_device *device,
                     struct err *err)
{
    if (!text_equal(target->type, device->type) || !path_is_of_type(target->path, target->type))
        return err_refuse(err, REFUSAL_TYPE_ROLE_MISMATCH, "'%.100s' of type '%s' is no '%s'",
                          target->path, target->type, device->type);
    if (!fits_hardware(target, device, err) || !fits_counter(target, device, err))
        return false;
    if (target->release_counter < device->floor)
        return err_refuse(err, REFUSAL_BELOW_FLOOR,
                          "release counter %" PRIu64 " is below the floor %" PRIu64,
                          target->release_counter, device->floor);
    if (device->installed && target->security_epoch < device->security_epoch)
        return err_refuse(err, REFUSAL_SECURITY_EPOCH,
                          "security epoch %" PRIu64 " is below %" PRIu64, target->security_epoch,
                          device->security_epoch);
    if (target->stepping_stone > (device->installed ? device->release_counter : 0))
        return err_refuse(err, REFUSAL_STEPPING_STONE, "release %" PRIu64 " must come before",
                          target->stepping_stone);
    return true;
}
