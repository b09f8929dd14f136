/*
 * May this go onto this device? What the director chose against what the image repository signed,
 * and both against what the device holds. The first failing rule is the refusal.
 */
#include <inttypes.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/tuf/internal.h"

struct judged {
    const struct tuf_target *target; /* as the image repository signed it */
    const struct tuf_device *device;
    const struct tuf_director *director; /* NULL: there is none */
    const struct tuf_target *choice;     /* the director's entry, or NULL */
};

/* --- director against image repository ---------------------------------------------------------
 */

static bool check_same_file(const struct judged *judged, struct err *err)
{
    const struct tuf_target *image = judged->target;
    const struct tuf_target *choice = judged->choice;
    bool same = text_equal(image->path, choice->path) && image->length == choice->length &&
                image->has_sha256 && choice->has_sha256 &&
                crypto_equal(image->sha256, choice->sha256, HASH_BYTES);

    if (image->has_sha512 && choice->has_sha512)
        same = same && crypto_equal(image->sha512, choice->sha512, HASH512_BYTES);
    return same || err_refuse(err, REFUSAL_DIRECTOR_IMAGE_MISMATCH,
                              "'%.100s' is not the file that was signed offline", choice->path);
}

static bool check_match(const struct judged *judged, struct err *err)
{
    return text_equal(judged->target->match, judged->choice->match) ||
           err_refuse(err, REFUSAL_MATCH_SECTION_MISMATCH,
                      "the match section of '%.100s' is not the one that was signed offline",
                      judged->choice->path);
}

static bool check_role(const struct judged *judged, struct err *err)
{
    const struct tuf_target *image = judged->target;

    return tuf_role_may_sign(image->role, image->type) ||
           err_refuse(err, REFUSAL_TYPE_ROLE_MISMATCH, "role '%.64s' cannot sign type '%s'",
                      image->role, image->type);
}

static bool check_ecu(const struct judged *judged, struct err *err)
{
    const struct tuf_choice *choice = &judged->choice->choice;

    return text_equal(choice->ecu_hwid, judged->device->hwid) ||
           err_refuse(err, REFUSAL_HWID_MISMATCH, "'%.80s' is said to be '%.60s', it is '%.60s'",
                      choice->ecu, choice->ecu_hwid, judged->device->hwid);
}

/* --- against the device ------------------------------------------------------------------------
 */

static bool check_type(const struct judged *judged, struct err *err)
{
    const struct tuf_target *target = judged->target;

    if (target->is_typed && text_equal(target->type, judged->device->type) &&
        tuf_path_is_of_type(target->path, target->type))
        return true;
    return err_refuse(err, REFUSAL_TYPE_ROLE_MISMATCH, "'%.100s' of type '%s' is no '%s'",
                      target->path, target->is_typed ? target->type : "", judged->device->type);
}

static bool check_hash(const struct judged *judged, struct err *err)
{
    return judged->target->has_sha256 ||
           err_refuse(err, REFUSAL_NO_KNOWN_HASH, "'%.100s' has no sha256", judged->target->path);
}

static bool check_hardware(const struct judged *judged, struct err *err)
{
    const struct tuf_target *target = judged->target;

    for (size_t i = 0; i < target->hwid_count; i++) {
        if (text_equal(target->hwids[i], judged->device->hwid))
            return true;
    }
    return err_refuse(err, REFUSAL_HWID_MISMATCH, "'%.100s' is not for hardware '%.60s'",
                      target->path, judged->device->hwid);
}

/* The installed image said, signed offline, that it may be left for this counter, and until when.
 */
static bool is_consented(const struct judged *judged)
{
    const struct tuf_device *device = judged->device;

    if (!judged->choice || !text_equal(judged->choice->choice.action, "downgrade") ||
        device->now_ms >= device->revert_until_ms)
        return false;
    for (size_t i = 0; i < device->revert_count; i++) {
        if (device->revert_to[i] == judged->target->release_counter)
            return true;
    }
    return false;
}

static bool check_counter(const struct judged *judged, struct err *err)
{
    const struct tuf_target *target = judged->target;
    const struct tuf_device *device = judged->device;
    bool same = !device->sha256 || crypto_equal(device->sha256, target->sha256, HASH_BYTES);

    if (!device->installed || target->release_counter > device->release_counter ||
        (target->release_counter == device->release_counter && same))
        return true;
    if (target->release_counter < device->release_counter && is_consented(judged))
        return true;
    return err_refuse(err, REFUSAL_RELEASE_ROLLBACK,
                      "release counter %" PRIu64 " is not above the installed %" PRIu64,
                      target->release_counter, device->release_counter);
}

static bool check_floor(const struct judged *judged, struct err *err)
{
    return judged->target->release_counter >= judged->device->floor ||
           err_refuse(err, REFUSAL_BELOW_FLOOR,
                      "release counter %" PRIu64 " is below the floor %" PRIu64,
                      judged->target->release_counter, judged->device->floor);
}

static bool check_epoch(const struct judged *judged, struct err *err)
{
    return !judged->device->installed ||
           judged->target->security_epoch >= judged->device->security_epoch ||
           err_refuse(err, REFUSAL_SECURITY_EPOCH, "security epoch %" PRIu64 " is below %" PRIu64,
                      judged->target->security_epoch, judged->device->security_epoch);
}

static bool check_stone(const struct judged *judged, struct err *err)
{
    uint64_t reached = judged->device->installed ? judged->device->release_counter : 0;

    return judged->target->stepping_stone <= reached ||
           err_refuse(err, REFUSAL_STEPPING_STONE, "release %" PRIu64 " must come before",
                      judged->target->stepping_stone);
}

static bool is_met(const struct judged *judged, const struct tuf_require *require)
{
    const struct tuf_device *device = judged->device;

    if (device->installed && device->name && text_equal(device->type, require->type) &&
        text_equal(device->name, require->name) && device->release_counter >= require->min_counter)
        return true;
    for (size_t i = 0; judged->director && i < judged->director->count; i++) {
        const struct tuf_target *other = &judged->director->targets[i];

        if (text_equal(other->type, require->type) && text_equal(other->name, require->name) &&
            other->release_counter >= require->min_counter)
            return true;
    }
    return false;
}

static bool check_requires(const struct judged *judged, struct err *err)
{
    for (size_t i = 0; i < judged->target->require_count; i++) {
        const struct tuf_require *require = &judged->target->requires[i];

        if (!is_met(judged, require))
            return err_refuse(err, REFUSAL_REQUIRES, "'%.80s' needs %s '%s' of counter %" PRIu64,
                              judged->target->path, require->type, require->name,
                              require->min_counter);
    }
    return true;
}

/* --- in all ------------------------------------------------------------------------------------
 */

typedef bool rule_fn(const struct judged *judged, struct err *err);

static rule_fn *const device_rules[] = {
    check_type,  check_role,  check_hash,  check_hardware, check_counter,
    check_floor, check_epoch, check_stone, check_requires,
};
static rule_fn *const director_rules[] = {check_same_file, check_match};

static bool obey(const struct judged *judged, rule_fn *const *rules, size_t count, struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        if (!rules[i](judged, err))
            return false;
    }
    return true;
}

bool tuf_target_fits(const struct tuf_target *target, const struct tuf_device *device,
                     struct err *err)
{
    const struct judged judged = {.target = target, .device = device};

    return obey(&judged, device_rules, COUNT(device_rules), err);
}

bool tuf_cross_check(const struct tuf_director *director, size_t at, const struct tuf_target *image,
                     const struct tuf_device *device, struct err *err)
{
    const struct judged judged = {
        .target = image, .device = device, .director = director, .choice = &director->targets[at]};

    ASSERT(at < director->count);
    return obey(&judged, director_rules, COUNT(director_rules), err) && check_type(&judged, err) &&
           check_role(&judged, err) && check_hardware(&judged, err) && check_ecu(&judged, err) &&
           obey(&judged, device_rules, COUNT(device_rules), err);
}
