/*
 * A renewal that another node was faster with ends in a conflict, which is as good.
 *
 * The first round of a process also tells the signer what is published: it may have been lost
 * with the process that published it.
 */
#include "server/repo/renew.h"

#include "lib/base/mem.h"
#include "lib/log/log.h"
#include "server/repo/signer.h"

struct repo_renewer {
    struct repo_place place;
    int64_t tenant_id; /* being renewed, or the last that was */
    int64_t now_ms;
    bool running;
    bool told; /* the signer knows all that is published */
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

static void tell(const struct repo_renewer *renewer, const struct repo_view *view)
{
    const struct repo_document *snapshot = repo_view_newest(view, REPO_IMAGE, "snapshot");

    if (!renewer->told && snapshot)
        signer_published(renewer->place.signer, view->tenant, snapshot->bytes.data,
                         snapshot->bytes.len);
}

static void round_ended(struct repo_renewer *renewer)
{
    renewer->running = false;
    renewer->told = renewer->told || repo_ready(renewer->place.repo);
}

static void renew_next(struct repo_renewer *renewer)
{
    for (;;) {
        AUTO_REPO_VIEW *view = repo_view_after(renewer->place.repo, renewer->tenant_id);

        renewer->running = true;
        if (!view) {
            round_ended(renewer);
            return;
        }
        renewer->tenant_id = view->tenant_id;
        tell(renewer, view);
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
