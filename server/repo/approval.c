/*
 * Which changes a second person has to approve where a tenant wants that: those that alter who may
 * sign, and those that take the way back away from devices.
 */
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "server/repo/compose.h"

/* The parts of a signed document that say who may sign what; the rest may change freely. */
static const char *const authorities[] = {"keys", "roles", "delegations", "consistent_snapshot"};

static json_t *signed_part(const struct repo_document *document)
{
    AUTO_JSON *tree = NULL;
    struct err err;
    bool parsed =
        json_parse(document->bytes.data, document->bytes.len, &json_limits_metadata, &tree, &err);

    ASSERT(parsed); /* it was verified */
    return json_incref(json_object_get(tree, "signed"));
}

static bool alters_authority(const struct repo_document *old, const struct repo_document *fresh)
{
    AUTO_JSON *one = signed_part(old);
    AUTO_JSON *other = signed_part(fresh);

    for (size_t i = 0; i < COUNT(authorities); i++) {
        const json_t *a = json_object_get(one, authorities[i]);
        const json_t *b = json_object_get(other, authorities[i]);

        if ((a != NULL) != (b != NULL) || (a && !json_equal(a, b)))
            return true;
    }
    return false;
}

/* A role that is published for the first time has no keys to change; what it delegates is new. */
static bool delegates(const struct repo_document *document)
{
    AUTO_JSON *tree = signed_part(document);

    return json_object_get(tree, "delegations") != NULL;
}

static bool share_hardware(const struct tuf_target *a, const struct tuf_target *b)
{
    for (size_t i = 0; i < a->hwid_count; i++) {
        for (size_t k = 0; k < b->hwid_count; k++) {
            if (text_equal(a->hwids[i], b->hwids[k]))
                return true;
        }
    }
    return false;
}

/* Is its floor above every floor that devices of its hardware may hold already? */
static bool raises_floor(const struct repo_view *before, const struct tuf_target *target)
{
    for (size_t i = 0; i < before->target_count; i++) {
        const struct tuf_target *old = before->targets[i];

        if (old->floor >= target->floor && text_equal(old->type, target->type) &&
            text_equal(old->name, target->name) && share_hardware(old, target))
            return false;
    }
    return target->floor > 0;
}

static bool needs_approval(const struct repo_view *before, const struct repo_document *document)
{
    const struct repo_document *old =
        repo_view_newest(before, document->repository, document->role);

    if (repo_role_is_online(document->role))
        return false;
    if (old ? alters_authority(old, document) : delegates(document))
        return true;
    for (size_t i = 0; i < document->target_count; i++) {
        if (raises_floor(before, &document->targets[i]))
            return true;
    }
    return false;
}

bool repo_change_needs_approval(const struct repo_view *before,
                                const struct repo_document *const *documents, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (needs_approval(before, documents[i]))
            return true;
    }
    return false;
}
