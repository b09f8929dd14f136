/* Both lists are sorted, so comparing is one walk along both. */
#include "signer/roles.h"

#include <string.h>

#include "lib/base/mem.h"

void roles_done(struct roles *roles)
{
    for (size_t i = 0; i < roles->count; i++)
        mem_free(roles->items[i].name);
    mem_free(roles->items);
    *roles = (struct roles){0};
}

bool roles_add(struct roles *roles, const char *name, uint64_t version)
{
    if (roles->count > 0 && strcmp(roles->items[roles->count - 1].name, name) >= 0)
        return false;
    if ((roles->count & (roles->count - 1)) == 0) /* a power of two: full */
        roles->items = mem_resize(roles->items, roles->count ? 2 * roles->count : 1,
                                  sizeof(struct role_version));
    roles->items[roles->count++] =
        (struct role_version){.name = mem_strdup(name), .version = version};
    return true;
}

/* The version of `name` in `roles`, 0 when it is not there. `*at` moves along. */
static uint64_t version_of(const struct roles *roles, const char *name, size_t *at)
{
    while (*at < roles->count && strcmp(roles->items[*at].name, name) < 0)
        (*at)++;
    if (*at < roles->count && strcmp(roles->items[*at].name, name) == 0)
        return roles->items[*at].version;
    return 0;
}

const struct role_version *roles_find_loss(const struct roles *before, const struct roles *after)
{
    size_t at = 0;

    for (size_t i = 0; i < before->count; i++) {
        if (version_of(after, before->items[i].name, &at) < before->items[i].version)
            return &before->items[i];
    }
    return NULL;
}

const struct role_version *roles_find_leap(const struct roles *before, const struct roles *after,
                                           uint64_t rise_max)
{
    size_t at = 0;

    for (size_t i = 0; i < after->count; i++) {
        uint64_t old = version_of(before, after->items[i].name, &at);

        if (after->items[i].version > old && after->items[i].version - old > rise_max)
            return &after->items[i];
    }
    return NULL;
}
