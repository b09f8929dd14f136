/* From signed targets to the few facts that devices share. */
#include <string.h>

#include "cli/sim/fleet.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"

static struct sim_image *find(const struct fleet *fleet, const uint8_t sha256[HASH_BYTES],
                              bool listed)
{
    for (size_t i = 0; i < fleet->image_count; i++)
        if (fleet->images[i]->listed == listed &&
            crypto_equal(fleet->images[i]->sha256, sha256, HASH_BYTES))
            return fleet->images[i];
    return NULL;
}

static struct sim_image *add(struct fleet *fleet, const uint8_t sha256[HASH_BYTES])
{
    struct sim_image *image = mem_alloc(sizeof(*image));

    fleet->images = mem_resize(fleet->images, fleet->image_count + 1, sizeof(struct sim_image *));
    fleet->images[fleet->image_count++] = image;
    memcpy(image->sha256, sha256, HASH_BYTES);
    return image;
}

const struct sim_image *images_unlisted(struct fleet *fleet, const uint8_t sha256[HASH_BYTES])
{
    struct sim_image *image = find(fleet, sha256, false);

    return image ? image : add(fleet, sha256);
}

static const struct sim_image *image_of(struct fleet *fleet, const struct tuf_target *target)
{
    struct sim_image *image = find(fleet, target->sha256, true);

    if (image && text_equal(image->path, target->path))
        return image;
    image = add(fleet, target->sha256);
    image->listed = true;
    image->length = target->length;
    image->release_counter = target->release_counter;
    image->security_epoch = target->security_epoch;
    image->floor = target->floor;
    image->revert_count = target->revert_count;
    memcpy(image->revert_to, target->revert_to, sizeof(image->revert_to));
    image->revert_until_ms = target->revert_until_ms;
    (void)text_copy(image->path, sizeof(image->path), target->path); /* TUF_PATH_MAX fits */
    (void)text_copy(image->version, sizeof(image->version), target->version); /* likewise */
    return image;
}

void images_done(struct fleet *fleet)
{
    for (size_t i = 0; i < fleet->image_count; i++)
        mem_free(fleet->images[i]);
    mem_free(fleet->images);
}

/* --- what the devices run -----------------------------------------------------------------------
 */

struct search {
    struct fleet *fleet;
    const struct sim_image *found;
};

static bool is_for(const struct tuf_target *target, const char *hwid)
{
    for (size_t i = 0; i < target->hwid_count; i++)
        if (text_equal(target->hwids[i], hwid))
            return true;
    return false;
}

static bool look_at(const struct tuf_target *target, void *arg)
{
    struct search *search = arg;
    const struct fleet *fleet = search->fleet;
    bool is_it = fleet->installed
                     ? crypto_equal(target->sha256, fleet->installed->sha256, HASH_BYTES)
                     : text_equal(target->version, fleet->options->installed);

    if (!is_it || !text_equal(target->type, "os") || !is_for(target, fleet->options->hwid))
        return true;
    search->found = image_of(search->fleet, target);
    return false;
}

void images_identify(struct fleet *fleet, struct member *member, struct tuf_set *set)
{
    struct sim_device *device = &member->device;
    struct search search = {.fleet = fleet};
    struct err err = {0};

    if (!fleet->options->installed || (device->installed && device->installed->listed))
        return;
    if (!fleet->installed || !fleet->installed->listed) {
        if (tuf_each(set, fleet->options->hwid, look_at, &search, &err) && search.found) {
            fleet->installed = search.found;
        } else if (!fleet->installed) {
            (void)err_set(&err, ERR_NOT_FOUND,
                          "the signed targets name no os image '%s' for hardware '%s'",
                          fleet->options->installed, fleet->options->hwid);
            fleet_fail(fleet, &err);
            return;
        }
    }
    device->installed = fleet->installed;
    if (device->installed->floor > device->floor)
        device->floor = device->installed->floor;
}

/* --- what they are offered ----------------------------------------------------------------------
 */

/* A director lists it: what it says of it must be what was signed offline. */
static bool obey(const struct tuf_director *director, const struct tuf_target *image,
                 const struct tuf_device *facts, struct sim_offer *offer, struct err *err)
{
    for (size_t i = 0; i < director->count; i++) {
        const struct tuf_delta *delta = &director->targets[i].choice.delta;

        if (!text_equal(director->targets[i].path, image->path))
            continue;
        /* The patch that the server offers is the director's, or it is not taken. */
        offer->has_delta =
            offer->has_delta && delta->present && text_equal(delta->path, offer->delta.path) &&
            delta->length == offer->delta.length && delta->header_length <= delta->length;
        offer->header_length = delta->header_length;
        memcpy(offer->header_sha256, delta->header_sha256, HASH_BYTES);
        return tuf_cross_check(director, i, image, facts, err);
    }
    return err_refuse(err, REFUSAL_NOT_DIRECTED, "the director does not list '%.100s'",
                      image->path);
}

static bool judge(const struct fleet *fleet, const struct sim_device *device, struct tuf_set *set,
                  const struct tuf_director *director, struct tuf_target *out, struct err *err)
{
    const struct wire_target *offered = &device->offer->target;
    const struct sim_image *runs = device->installed;
    struct tuf_device facts = {.hwid = fleet->options->hwid,
                               .type = "os",
                               .floor = device->floor,
                               .now_ms = clock_now_ms()};

    if (runs)
        facts.sha256 = runs->sha256;
    if (runs && runs->listed) {
        facts.installed = true;
        facts.release_counter = runs->release_counter;
        facts.security_epoch = runs->security_epoch;
        facts.revert_to = runs->revert_to;
        facts.revert_count = runs->revert_count;
        facts.revert_until_ms = runs->revert_until_ms;
    }
    if (!tuf_find(set, offered->path, fleet->options->hwid, out, err))
        return false;
    if (!crypto_equal(out->sha256, offered->sha256, HASH_BYTES))
        return err_refuse(err, REFUSAL_DIRECTOR_IMAGE_MISMATCH,
                          "'%s' is signed with another hash than was chosen", offered->path);
    return director ? obey(director, out, &facts, device->offer, err)
                    : tuf_target_fits(out, &facts, err);
}

static bool will_fail(const struct fleet *fleet, const struct sim_device *device,
                      const struct sim_image *image)
{
    for (size_t i = 0; i < fleet->options->failure_count; i++)
        if (sim_identity_fails(fleet->options->seed, device->id, image->version,
                               &fleet->options->failures[i]))
            return true;
    return false;
}

void images_judge(struct fleet *fleet, struct member *member, struct tuf_set *set,
                  const struct tuf_director *director)
{
    struct sim_device *device = &member->device;
    const struct sim_image *image;
    AUTO_TUF_TARGET target = {0};
    struct err why = {0};

    if (judge(fleet, device, set, director, &target, &why)) {
        image = image_of(fleet, &target);
        sim_device_judged(device, image, will_fail(fleet, device, image), NULL);
        return;
    }
    sim_device_judged(device, NULL, false, &why);
    if (device->state == UPDATE_FAILED) /* what runs already is skipped, whatever is said of it */
        fleet->summary.refusals++;
}
