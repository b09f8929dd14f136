/* Views are built whole and never changed, so readers need no lock while they use one. */
#include "server/repo/view.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"

static const char *const kind_names[] = {[REPO_IMAGE] = "image", [REPO_DIRECTOR] = "director"};
_Static_assert(COUNT(kind_names) == REPO_KIND_COUNT, "every repository has a name");

const char *repo_kind_name(enum repo_kind kind)
{
    ASSERT((unsigned)kind < REPO_KIND_COUNT);
    return kind_names[kind];
}

bool repo_kind_parse(const char *name, enum repo_kind *out)
{
    for (size_t i = 0; i < COUNT(kind_names); i++) {
        if (text_equal(kind_names[i], name)) {
            *out = (enum repo_kind)i;
            return true;
        }
    }
    return false;
}

bool repo_role_is_online(const char *role)
{
    return text_equal(role, "snapshot") || text_equal(role, "timestamp");
}

/* --- documents ---------------------------------------------------------------------------------
 */

static bool keep_target(const struct tuf_target *target, void *arg)
{
    struct repo_document *document = arg;
    size_t count = document->target_count;

    if ((count & (count + 1)) == 0) /* room doubles: 1, 3, 7, ... are full */
        document->targets =
            mem_resize(document->targets, 2 * count + 1, sizeof(*document->targets));
    tuf_target_copy(target, &document->targets[document->target_count++]);
    return true;
}

/* A word that is there for another reason costs time, not trust. */
bool repo_may_delegate(const char *role, const struct buf *bytes)
{
    static const char word[] = "\"delegations\"";

    return text_equal(role, "root") || memmem(bytes->data, bytes->len, word, sizeof(word) - 1);
}

bool repo_document_new(enum repo_kind kind, const char *role, const struct buf *bytes,
                       bool look_into, struct repo_document **out, struct err *err)
{
    struct repo_document *document;
    uint8_t digest[HASH_BYTES];
    struct tuf_facts facts;

    if (!tuf_peek(bytes->data, bytes->len, &facts, err))
        return false;
    document = mem_alloc(sizeof(*document));
    document->refs = 1;
    document->repository = kind;
    document->role = mem_strdup(role);
    document->version = facts.version;
    document->expires_ms = facts.expires_ms;
    document->may_delegate = repo_may_delegate(role, bytes);
    buf_init(&document->bytes, bytes->len);
    buf_add(&document->bytes, bytes->data, bytes->len);
    if (look_into && facts.role == TUF_TARGETS &&
        !tuf_entries_each(role, bytes->data, bytes->len, keep_target, document, err)) {
        repo_document_unref(document);
        return false;
    }
    hash_sha256(bytes->data, bytes->len, digest);
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
    for (size_t i = 0; i < document->target_count; i++)
        tuf_target_done(&document->targets[i]);
    mem_free(document->targets);
    buf_done(&document->bytes);
    mem_free(document->role);
    mem_free(document);
}

/* --- views -------------------------------------------------------------------------------------
 */

static bool same_role(const struct repo_document *a, const struct repo_document *b)
{
    return a->repository == b->repository && text_equal(a->role, b->role);
}

static int by_role_and_version(const void *a, const void *b)
{
    const struct repo_document *one = *(struct repo_document *const *)a;
    const struct repo_document *other = *(struct repo_document *const *)b;
    int order;

    if (one->repository != other->repository)
        return one->repository < other->repository ? -1 : 1;
    order = strcmp(one->role, other->role);
    return order ? order : (one->version > other->version) - (one->version < other->version);
}

/* Is it a root, or among the newest few of its role? The documents are sorted. */
static bool is_kept(struct repo_document *const *documents, size_t count, size_t i)
{
    size_t newer = i + REPO_KEPT;

    return text_equal(documents[i]->role, "root") || newer >= count ||
           !same_role(documents[newer], documents[i]);
}

static bool is_newest(const struct repo_view *view, size_t i)
{
    return i + 1 == view->count || !same_role(view->documents[i + 1], view->documents[i]);
}

static int by_hash(const void *a, const void *b)
{
    const struct tuf_target *one = *(const struct tuf_target *const *)a;
    const struct tuf_target *other = *(const struct tuf_target *const *)b;
    int order = memcmp(one->sha256, other->sha256, HASH_BYTES);

    return order ? order
                 : (one->release_counter < other->release_counter) -
                       (one->release_counter > other->release_counter);
}

static void index_targets(struct repo_view *view)
{
    size_t count = 0;

    for (size_t i = 0; i < view->count; i++)
        count += is_newest(view, i) ? view->documents[i]->target_count : 0;
    view->targets = mem_array(count + 1, sizeof(struct tuf_target *));
    for (size_t i = 0; i < view->count; i++) {
        const struct repo_document *document = view->documents[i];

        for (size_t k = 0; is_newest(view, i) && k < document->target_count; k++)
            view->targets[view->target_count++] = &document->targets[k];
    }
    ASSERT(view->target_count == count);
    qsort(view->targets, count, sizeof(struct tuf_target *), by_hash);
}

struct repo_view *repo_view_new(int64_t tenant_id, const char *tenant, uint64_t version_floor,
                                struct repo_document *const *documents, size_t count)
{
    struct repo_view *view = mem_alloc(sizeof(*view) + count * sizeof(struct repo_document *));
    AUTO_FREE struct repo_document **sorted = mem_array(count + 1, sizeof(struct repo_document *));

    view->refs = 1;
    view->tenant_id = tenant_id;
    view->tenant = mem_strdup(tenant);
    view->version_floor = version_floor;
    for (size_t i = 0; i < count; i++)
        sorted[i] = documents[i];
    qsort(sorted, count, sizeof(struct repo_document *), by_role_and_version);
    for (size_t i = 0; i < count; i++) {
        if (is_kept(sorted, count, i))
            view->documents[view->count++] = repo_document_ref(sorted[i]);
    }
    index_targets(view);
    return view;
}

struct repo_view *repo_view_with(const struct repo_view *before, struct repo_document *const *added,
                                 size_t count)
{
    size_t all = before->count + count;
    AUTO_FREE struct repo_document **documents = mem_array(all + 1, sizeof(struct repo_document *));

    for (size_t i = 0; i < all; i++)
        documents[i] = i < before->count ? before->documents[i] : added[i - before->count];
    return repo_view_new(before->tenant_id, before->tenant, before->version_floor, documents, all);
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
    mem_free(view->targets);
    mem_free(view->tenant);
    mem_free(view);
}

void repo_view_cleanup(struct repo_view **view)
{
    repo_view_unref(*view);
}

/* --- looking -----------------------------------------------------------------------------------
 */

const struct repo_document *repo_view_newest(const struct repo_view *view, enum repo_kind kind,
                                             const char *role)
{
    for (size_t i = view->count; i > 0; i--) {
        const struct repo_document *document = view->documents[i - 1];

        if (document->repository == kind && text_equal(document->role, role))
            return document;
    }
    return NULL;
}

uint64_t repo_view_version(const struct repo_view *view, enum repo_kind kind, const char *role)
{
    const struct repo_document *newest = repo_view_newest(view, kind, role);

    return newest ? newest->version : 0;
}

void repo_view_stamp(const struct repo_view *view, struct repo_stamp *out)
{
    *out = (struct repo_stamp){{repo_view_version(view, REPO_IMAGE, "root"),
                                repo_view_version(view, REPO_DIRECTOR, "root"),
                                repo_view_version(view, REPO_IMAGE, "timestamp")}};
}

/* "3.root.json" is version 3 of "root". */
static bool has_name(const struct repo_document *document, uint64_t version, const char *rest)
{
    return document->version == version && text_starts_with(rest, document->role) &&
           text_equal(rest + strlen(document->role), ".json") &&
           !text_equal(document->role, "timestamp");
}

const struct repo_document *repo_view_find(const struct repo_view *view, enum repo_kind kind,
                                           const char *name)
{
    size_t digits = strspn(name, "0123456789");
    uint64_t version;

    if (text_equal(name, "timestamp.json"))
        return repo_view_newest(view, kind, "timestamp");
    if (!text_to_u64(name, digits, 1, INT64_MAX, &version) || name[digits] != '.')
        return NULL;
    for (size_t i = 0; i < view->count; i++) {
        if (view->documents[i]->repository == kind &&
            has_name(view->documents[i], version, name + digits + 1))
            return view->documents[i];
    }
    return NULL;
}

const struct repo_document *repo_view_director_root(const struct repo_view *view, uint64_t version)
{
    const struct repo_document *found = NULL;

    for (size_t i = 0; i < view->count; i++) {
        const struct repo_document *document = view->documents[i];

        if (document->repository == REPO_DIRECTOR && text_equal(document->role, "root") &&
            (version == 0 || document->version == version))
            found = document; /* the last is the newest */
    }
    return found;
}

const struct repo_document *repo_view_next_role(const struct repo_view *view, enum repo_kind kind,
                                                const struct repo_document *after)
{
    bool passed = after == NULL;

    for (size_t i = 0; i < view->count; i++) {
        const struct repo_document *document = view->documents[i];

        if (passed && document->repository == kind && is_newest(view, i))
            return document;
        passed = passed || document == after;
    }
    return NULL;
}

static struct tuf_named *name_offline(const struct repo_view *view, enum repo_kind kind,
                                      bool delegators_only, size_t *count)
{
    struct tuf_named *named = mem_array(view->count + 1, sizeof(*named));

    *count = 0;
    for (size_t i = 0; i < view->count; i++) {
        const struct repo_document *document = view->documents[i];

        if (document->repository == kind && is_newest(view, i) &&
            !repo_role_is_online(document->role) && (document->may_delegate || !delegators_only))
            named[(*count)++] =
                (struct tuf_named){.name = document->role, .bytes = &document->bytes};
    }
    return named;
}

struct tuf_named *repo_view_published(const struct repo_view *view, enum repo_kind kind,
                                      size_t *count)
{
    return name_offline(view, kind, false, count);
}

struct tuf_named *repo_view_delegators(const struct repo_view *view, enum repo_kind kind,
                                       size_t *count)
{
    return name_offline(view, kind, true, count);
}

const struct tuf_target *repo_view_target(const struct repo_view *view,
                                          const uint8_t sha256[HASH_BYTES])
{
    size_t low = 0;
    size_t high = view->target_count;

    /* The first that is not below: of those with this hash the one with the newest counter. */
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (memcmp(view->targets[middle]->sha256, sha256, HASH_BYTES) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == view->target_count || !crypto_equal(view->targets[low]->sha256, sha256, HASH_BYTES))
        return NULL;
    return view->targets[low];
}

const struct tuf_target *repo_view_target_at(const struct repo_view *view, const char *path)
{
    for (size_t i = 0; i < view->target_count; i++) {
        if (text_equal(view->targets[i]->path, path))
            return view->targets[i];
    }
    return NULL;
}
