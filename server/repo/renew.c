/* A renewal that another node was faster with ends in a conflict, which is as good. */
#include "server/repo/renew.h"

#include "lib/base/mem.h"
#include "lib/log/log.h"

struct repo_renewer {
    struct repo_place place;
    int64_t tenant_id; /* being renewed, or the last that was */
    int64_t now_ms;
    bool running;
};

struct repo_renewer *repo_renewer_new(const struct repo_place *place)
{
    struct repo_renewer *renewer = mem_alloc(sizeof(*renewer));

    renewer->place = *place;
    return renewer;
}

void repo_renewer_free(struct repo_renewer *renewer)
{
    mem_free(renewer);
}

static void renew_next(struct repo_renewer *renewer);

static void on_renewed(const struct repo_view *after, const struct repo_change *change,
                       const struct err *err, void *arg)
{
    struct repo_renewer *renewer = arg;

    (void)change;
    if (!err)
        LOG_INFO("repo.timestamp_signed", "tenant=%s version=%llu", after->tenant,
                 (unsigned long long)repo_view_version(after, REPO_IMAGE, "timestamp"));
    else if (err->code != ERR_CONFLICT)
        LOG_WARNING("repo.timestamp_not_signed", "tenant_id=%lld error=%s",
                    (long long)renewer->tenant_id, err->text);
    renew_next(renewer);
}

static void renew_next(struct repo_renewer *renewer)
{
    for (;;) {
        AUTO_REPO_VIEW *view = repo_view_after(renewer->place.repo, renewer->tenant_id);

        renewer->running = view != NULL;
        if (!view)
            return;
        renewer->tenant_id = view->tenant_id;
        if (repo_compose_is_due(view, renewer->now_ms)) {
            repo_renew(&renewer->place, view->tenant_id, on_renewed, renewer);
            return;
        }
    }
}

void repo_renewer_run(struct repo_renewer *renewer, int64_t now_ms)
{
    if (renewer->running)
        return;
    renewer->now_ms = now_ms;
    renewer->tenant_id = 0;
    renew_next(renewer);
}
