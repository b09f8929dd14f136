/* Looking into a set of trusted metadata. */
#include "lib/base/mem.h"
#include "lib/tuf/internal.h"

void tuf_set_free(struct tuf_set *set)
{
    if (!set)
        return;
    tuf_root_done(&set->root);
    tuf_doc_done(&set->timestamp);
    tuf_doc_done(&set->snapshot);
    tuf_doc_done(&set->targets);
    mem_free(set);
}

static const struct tuf_doc *doc_of(const struct tuf_set *set, enum tuf_role role)
{
    const struct tuf_doc *const docs[] = {
        [TUF_ROOT] = &set->root.doc,
        [TUF_TIMESTAMP] = &set->timestamp,
        [TUF_SNAPSHOT] = &set->snapshot,
        [TUF_TARGETS] = &set->targets,
    };

    ASSERT(role < TUF_ROLE_COUNT);
    return docs[role];
}

uint64_t tuf_set_version(const struct tuf_set *set, enum tuf_role role)
{
    return doc_of(set, role)->version;
}

int64_t tuf_set_expires_ms(const struct tuf_set *set, enum tuf_role role)
{
    return doc_of(set, role)->expires_ms;
}

static bool parse_targets(const char *role, const void *data, size_t len, struct tuf_doc *out,
                          struct err *err)
{
    AUTO_BUF text;

    buf_init(&text, len);
    buf_add(&text, data, len);
    if (!tuf_doc_parse(TUF_TARGETS, role, &text, out, err))
        return false;
    tuf_doc_own(out, &text);
    return true;
}

bool tuf_set_of_targets(const void *data, size_t len, struct tuf_set **out, struct err *err)
{
    struct tuf_set *set = mem_alloc(sizeof(*set));

    if (!parse_targets(tuf_role_name(TUF_TARGETS), data, len, &set->targets, err)) {
        tuf_set_free(set);
        return false;
    }
    set->offline = true;
    *out = set;
    return true;
}

bool tuf_set_target(const struct tuf_set *set, const char *path, struct tuf_target *out,
                    struct err *err)
{
    return tuf_doc_target(&set->targets, path, out, err);
}

void tuf_doc_each(const struct tuf_doc *doc, tuf_each_fn *each, void *arg)
{
    struct flat_value targets = flat_get(tuf_doc_body(doc), "targets");

    for (struct flat_value at = flat_first(targets); flat_some(at); at = flat_next(at)) {
        AUTO_TUF_TARGET target = {0};
        char path[TUF_PATH_MAX + 1];
        struct err ignored = {0}; /* an entry of a kind that is not ours is nobody's failure */

        if (flat_text_copy(flat_key(at), path, sizeof(path)) &&
            tuf_target_parse(doc->name, path, at, false, &target, &ignored) && !each(&target, arg))
            return;
    }
}

void tuf_set_each(const struct tuf_set *set, tuf_each_fn *each, void *arg)
{
    if (set->targets.some)
        tuf_doc_each(&set->targets, each, arg);
}

bool tuf_entries_each(const char *role, const void *data, size_t len, tuf_each_fn *each, void *arg,
                      struct err *err)
{
    struct tuf_doc doc;

    if (!parse_targets(role, data, len, &doc, err))
        return false;
    tuf_doc_each(&doc, each, arg);
    tuf_doc_done(&doc);
    return true;
}
