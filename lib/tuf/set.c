/* Looking into a set of trusted metadata. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/tuf/internal.h"

void tuf_set_free(struct tuf_set *set)
{
    if (!set)
        return;
    tuf_root_done(&set->root);
    for (size_t i = 0; i < COUNT(set->docs); i++)
        tuf_doc_done(&set->docs[i]);
    mem_free(set);
}

bool tuf_set_of_targets(const void *data, size_t len, struct tuf_set **out, struct err *err)
{
    struct tuf_set *set = mem_alloc(sizeof(*set));

    if (!tuf_doc_parse(TUF_TARGETS, data, len, &set->docs[TUF_TARGETS], err)) {
        tuf_set_free(set);
        return false;
    }
    *out = set;
    return true;
}

static const struct tuf_doc *doc_of(const struct tuf_set *set, enum tuf_role role)
{
    ASSERT(role < TUF_ROLE_COUNT);
    return role == TUF_ROOT ? &set->root.doc : &set->docs[role];
}

uint64_t tuf_set_version(const struct tuf_set *set, enum tuf_role role)
{
    return doc_of(set, role)->version;
}

int64_t tuf_set_expires_ms(const struct tuf_set *set, enum tuf_role role)
{
    return doc_of(set, role)->expires_ms;
}

bool tuf_set_target(const struct tuf_set *set, const char *path, struct tuf_target *out,
                    struct err *err)
{
    const json_t *targets = json_object_get(set->docs[TUF_TARGETS].body, "targets");
    void *iter = json_object_iter_at(json_iterable(targets), path);

    if (!iter)
        return err_refuse(err, REFUSAL_TARGET_NOT_IN_IMAGE_REPO, "no signed target '%.120s'", path);
    /* The document's own text of the path: the caller's may end before the target does. */
    return tuf_target_parse(json_object_iter_key(iter), json_object_iter_value(iter), out, err);
}

static int compare_paths(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void tuf_set_each(const struct tuf_set *set, bool (*each)(const struct tuf_target *, void *arg),
                  void *arg)
{
    const json_t *targets = json_object_get(set->docs[TUF_TARGETS].body, "targets");
    AUTO_FREE const char **paths = mem_array(json_object_size(targets), sizeof(*paths));
    const char *path;
    json_t *entry;
    size_t count = 0;

    json_object_foreach(json_iterable(targets), path, entry) paths[count++] = path;
    qsort(paths, count, sizeof(*paths), compare_paths);
    for (size_t i = 0; i < count; i++) {
        struct tuf_target target;
        struct err err = {0};

        /* An entry of a kind that is not ours is nobody's failure. */
        if (tuf_target_parse(paths[i], json_object_get(targets, paths[i]), &target, &err) &&
            !each(&target, arg))
            return;
    }
}
