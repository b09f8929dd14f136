/* Remembered is only what was told: which role, at which level, when. */
#include "server/repo/expiry.h"

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/log/log.h"

static const int64_t again_ms = 24LL * 3600 * 1000;

struct told {
    int64_t tenant_id;
    enum repo_kind repository;
    char *role;
    enum repo_expiry level;
    int64_t told_ms;
};

struct repo_watch {
    struct repo *repo;
    struct told *told;
    size_t count;
};

struct repo_watch *repo_watch_new(struct repo *repo)
{
    struct repo_watch *watch = mem_alloc(sizeof(*watch));

    watch->repo = repo;
    return watch;
}

void repo_watch_free(struct repo_watch *watch)
{
    if (!watch)
        return;
    for (size_t i = 0; i < watch->count; i++)
        mem_free(watch->told[i].role);
    mem_free(watch->told);
    mem_free(watch);
}

static struct told *told_of(struct repo_watch *watch, int64_t tenant_id,
                            const struct repo_document *document)
{
    struct told *fresh;

    for (size_t i = 0; i < watch->count; i++) {
        struct told *told = &watch->told[i];

        if (told->tenant_id == tenant_id && told->repository == document->repository &&
            text_equal(told->role, document->role))
            return told;
    }
    watch->told = mem_resize(watch->told, watch->count + 1, sizeof(*watch->told));
    fresh = &watch->told[watch->count++];
    *fresh = (struct told){.tenant_id = tenant_id,
                           .repository = document->repository,
                           .role = mem_strdup(document->role)};
    return fresh;
}

static void tell(struct repo_watch *watch, const struct repo_view *view,
                 const struct repo_document *document, enum repo_expiry level, int64_t now_ms)
{
    struct told *told = told_of(watch, view->tenant_id, document);
    char expires[TEXT_TIME_ROOM];

    if (told->level >= level && now_ms < told->told_ms + again_ms)
        return;
    told->level = level;
    told->told_ms = now_ms;
    text_from_time(document->expires_ms, expires);
    if (level == EXPIRY_PAST)
        LOG_ERROR("repo.role_expired", "tenant=%s repository=%s role=%s expires=%s", view->tenant,
                  repo_kind_name(document->repository), document->role, expires);
    else
        LOG_WARNING("repo.role_expires",
                    "tenant=%s repository=%s role=%s within_days=%s expires=%s", view->tenant,
                    repo_kind_name(document->repository), document->role, repo_expiry_name(level),
                    expires);
}

static void look(struct repo_watch *watch, const struct repo_view *view, int64_t now_ms,
                 uint64_t counts[EXPIRY_COUNT])
{
    for (size_t kind = 0; kind < REPO_KIND_COUNT; kind++) {
        const struct repo_document *document = NULL;

        while ((document = repo_view_next_role(view, (enum repo_kind)kind, document)) != NULL) {
            enum repo_expiry level = repo_expiry_of(document, now_ms);

            counts[level]++;
            if (level != EXPIRY_FAR)
                tell(watch, view, document, level, now_ms);
        }
    }
}

void repo_watch_run(struct repo_watch *watch, int64_t now_ms, uint64_t counts[EXPIRY_COUNT])
{
    int64_t tenant_id = 0;

    for (size_t level = 0; level < EXPIRY_COUNT; level++)
        counts[level] = 0;
    for (;;) {
        AUTO_REPO_VIEW *view = repo_view_after(watch->repo, tenant_id);

        if (!view)
            return;
        tenant_id = view->tenant_id;
        look(watch, view, now_ms, counts);
    }
}
