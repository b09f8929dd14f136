/* Views are built whole and never changed, so readers need no lock while they use one. */
#include "server/repo/view.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"

/* --- documents ---------------------------------------------------------------------------------
 */

bool repo_document_new(const struct tuf_facts *facts, const void *data, size_t len, bool look_into,
                       struct repo_document **out, struct err *err)
{
    struct tuf_set *targets = NULL;
    uint8_t digest[HASH_BYTES];
    struct repo_document *document;

    if (look_into && facts->role == TUF_TARGETS && !tuf_set_of_targets(data, len, &targets, err))
        return false;
    document = mem_alloc(sizeof(*document));
    document->refs = 1;
    document->role = facts->role;
    document->version = facts->version;
    document->expires_ms = facts->expires_ms;
    document->targets = targets;
    buf_init(&document->bytes, len);
    buf_add(&document->bytes, data, len);
    hash_sha256(data, len, digest);
    text_from_hex_bytes(digest, sizeof(digest), document->etag);
    *out = document;
    return true;
}

struct repo_document *repo_document_ref(struct repo_document *document)
{
    atomic_fetch_add(&document->refs, 1);
    return document;
}

void repo_document_unref(struct repo_document *document)
{
    if (!document || atomic_fetch_sub(&document->refs, 1) != 1)
        return;
    tuf_set_free(document->targets);
    buf_done(&document->bytes);
    mem_free(document);
}

/* --- views -------------------------------------------------------------------------------------
 */

static int by_role_and_version(const void *a, const void *b)
{
    const struct repo_document *one = *(struct repo_document *const *)a;
    const struct repo_document *other = *(struct repo_document *const *)b;

    if (one->role != other->role)
        return one->role < other->role ? -1 : 1;
    return (one->version > other->version) - (one->version < other->version);
}

/* Is it a root, or among the newest few of its role? The documents are sorted. */
static bool is_kept(const struct repo_view *view, size_t i)
{
    size_t newer = i + REPO_KEPT;

    return view->documents[i]->role == TUF_ROOT || newer >= view->count ||
           view->documents[newer]->role != view->documents[i]->role;
}

struct repo_view *repo_view_new(int64_t tenant_id, const char *tenant,
                                struct repo_document *const *documents, size_t count)
{
    struct repo_view *view = mem_alloc(sizeof(*view) + count * sizeof(struct repo_document *));
    size_t kept = 0;

    view->refs = 1;
    view->tenant_id = tenant_id;
    view->tenant = mem_strdup(tenant);
    view->count = count;
    for (size_t i = 0; i < count; i++)
        view->documents[i] = documents[i];
    qsort(view->documents, count, sizeof(struct repo_document *), by_role_and_version);
    for (size_t i = 0; i < count; i++) {
        if (is_kept(view, i))
            view->documents[kept++] = repo_document_ref(view->documents[i]);
    }
    view->count = kept;
    for (size_t i = 0; i < kept; i++)
        view->newest[view->documents[i]->role] = view->documents[i];
    return view;
}

struct repo_view *repo_view_with(const struct repo_view *before, struct repo_document *const *added,
                                 size_t count)
{
    size_t all = before->count + count;
    AUTO_FREE struct repo_document **documents = mem_array(all, sizeof(struct repo_document *));

    for (size_t i = 0; i < all; i++)
        documents[i] = i < before->count ? before->documents[i] : added[i - before->count];
    return repo_view_new(before->tenant_id, before->tenant, documents, all);
}

struct repo_view *repo_view_ref(struct repo_view *view)
{
    atomic_fetch_add(&view->refs, 1);
    return view;
}

void repo_view_unref(struct repo_view *view)
{
    if (!view || atomic_fetch_sub(&view->refs, 1) != 1)
        return;
    for (size_t i = 0; i < view->count; i++)
        repo_document_unref(view->documents[i]);
    mem_free(view->tenant);
    mem_free(view);
}

void repo_view_cleanup(struct repo_view **view)
{
    repo_view_unref(*view);
}

/* --- looking -----------------------------------------------------------------------------------
 */

uint64_t repo_view_version(const struct repo_view *view, enum tuf_role role)
{
    return view->newest[role] ? view->newest[role]->version : 0;
}

const struct repo_document *repo_view_find(const struct repo_view *view, const char *name)
{
    size_t digits = strspn(name, "0123456789");
    uint64_t version;

    if (text_equal(name, "timestamp.json"))
        return view->newest[TUF_TIMESTAMP];
    if (!text_to_u64(name, digits, 1, INT64_MAX, &version) || name[digits] != '.')
        return NULL;
    for (size_t i = 0; i < view->count; i++) {
        const struct repo_document *document = view->documents[i];
        const char *role = tuf_role_name(document->role);

        if (document->version == version && document->role != TUF_TIMESTAMP &&
            text_starts_with(name + digits + 1, role) &&
            text_equal(name + digits + 1 + strlen(role), ".json"))
            return document;
    }
    return NULL;
}

struct search {
    const uint8_t *sha256;
    struct tuf_target *out;
    size_t count;
    bool found;
};

static bool on_target(const struct tuf_target *target, void *arg)
{
    struct search *search = arg;

    if (!target->is_typed)
        return true;
    search->count++;
    if (!search->sha256 || !crypto_equal(target->sha256, search->sha256, HASH_BYTES))
        return true;
    if (!search->found || target->release_counter > search->out->release_counter) {
        if (search->found)
            tuf_target_done(search->out);
        tuf_target_copy(target, search->out);
    }
    search->found = true;
    return true;
}

bool repo_view_target(const struct repo_view *view, const uint8_t sha256[HASH_BYTES],
                      struct tuf_target *out)
{
    struct search search = {.sha256 = sha256, .out = out};

    if (view->newest[TUF_TARGETS])
        tuf_set_each(view->newest[TUF_TARGETS]->targets, on_target, &search);
    return search.found;
}

size_t repo_view_target_count(const struct repo_view *view)
{
    struct search search = {0};

    if (view->newest[TUF_TARGETS])
        tuf_set_each(view->newest[TUF_TARGETS]->targets, on_target, &search);
    return search.count;
}
