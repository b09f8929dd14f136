/* Order of verification: roots, then targets, then what they delegate to, in the order it came. */
#include "cli/trust/plan.h"

#include <string.h>

#include "cli/trust/difference.h"
#include "cli/trust/signers.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"

void plan_init(struct plan *plan, const struct state *state, int64_t now_ms, uint64_t days)
{
    *plan = (struct plan){.state = state, .now_ms = now_ms, .days = days, .files = json_object()};
}

static void draft_done(struct plan_draft *draft)
{
    mem_free(draft->repository);
    mem_free(draft->role);
    json_decref(draft->body);
}

void plan_done(struct plan *plan)
{
    for (size_t i = 0; i < plan->count; i++)
        draft_done(&plan->drafts[i]);
    mem_free(plan->drafts);
    json_decref(plan->files);
}

static json_t *find(const struct plan *plan, const char *repository, const char *role)
{
    for (size_t i = 0; i < plan->count; i++) {
        if (text_equal(plan->drafts[i].repository, repository) &&
            text_equal(plan->drafts[i].role, role))
            return plan->drafts[i].body;
    }
    return NULL;
}

void plan_add(struct plan *plan, const char *repository, const char *role, json_t *body)
{
    plan->drafts = mem_resize(plan->drafts, plan->count + 1, sizeof(*plan->drafts));
    plan->drafts[plan->count++] =
        (struct plan_draft){mem_strdup(repository), mem_strdup(role), body};
}

json_t *plan_edit(struct plan *plan, const char *repository, const char *role)
{
    json_t *found = find(plan, repository, role);
    AUTO_JSON *published = NULL;

    if (found)
        return found;
    published = state_body(plan->state, repository, role);
    if (!published)
        return NULL;
    found = edit_next(published, plan->now_ms, plan->days);
    plan_add(plan, repository, role, found);
    return found;
}

json_t *plan_look(const struct plan *plan, const char *repository, const char *role)
{
    json_t *found = find(plan, repository, role);

    return found ? json_incref(found) : state_body(plan->state, repository, role);
}

/* "os-a.2-0f" is a bin of "os-a"; "os-a.b" is not. */
static bool is_role_or_bin(const struct plan_draft *draft, const char *role)
{
    const char *rest = draft->role + strlen(role);

    if (!text_equal(draft->repository, "image") || !text_starts_with(draft->role, role))
        return false;
    if (*rest == '\0')
        return true;
    return *rest == '.' && strspn(rest + 1, "0123456789") > 0 &&
           rest[1 + strspn(rest + 1, "0123456789")] == '-';
}

void plan_drop(struct plan *plan, const char *role)
{
    size_t kept = 0;

    for (size_t i = 0; i < plan->count; i++) {
        if (is_role_or_bin(&plan->drafts[i], role))
            draft_done(&plan->drafts[i]);
        else
            plan->drafts[kept++] = plan->drafts[i];
    }
    plan->count = kept;
}

/* Counters of trust files rise like those of releases. */
static uint64_t next_counter(const json_t *targets, const char *path)
{
    const json_t *custom = json_object_get(json_object_get(targets, path), "custom");
    json_int_t last =
        json_integer_value(json_object_get(json_object_get(custom, "match"), "release_counter"));

    return (uint64_t)last + 1;
}

bool plan_add_file(struct plan *plan, const char *path, const char *name, const char *text,
                   struct err *err)
{
    json_t *body = plan_edit(plan, "image", "targets");
    json_t *targets;

    if (!body)
        return err_set(err, ERR_NOT_FOUND, "there are no targets yet");
    targets = edit_targets(body);
    ASSERT(json_object_set_new(
               targets, path,
               edit_trust_entry(name, next_counter(targets, path), text, strlen(text))) == 0);
    ASSERT(json_object_set_new(plan->files, path, json_string(text)) == 0);
    return true;
}

/* --- freezing --------------------------------------------------------------------------------- */

static int rank(const struct plan_draft *draft)
{
    if (text_equal(draft->role, "root"))
        return text_equal(draft->repository, "image") ? 0 : 1;
    return text_equal(draft->role, "targets") ? 2 : 3;
}

static bool add_ranked(const struct plan *plan, int wanted, struct bundle *out, struct err *err)
{
    for (size_t i = 0; i < plan->count; i++) {
        const struct plan_draft *draft = &plan->drafts[i];

        if (rank(draft) == wanted && !bundle_add(out, draft->repository, draft->role,
                                                 json_deep_copy(draft->body), NULL, err))
            return false;
    }
    return true;
}

static json_t *context_of(const struct plan *plan)
{
    AUTO_FREE const char **names = mem_array(plan->count + 1, sizeof(*names));

    for (size_t i = 0; i < plan->count; i++)
        names[i] = plan->drafts[i].role;
    return state_context(plan->state, names);
}

static bool fill(const struct plan *plan, struct bundle *made, struct err *err)
{
    const char *path;
    json_t *text;

    for (int wanted = 0; wanted <= 3; wanted++) {
        if (!add_ranked(plan, wanted, made, err))
            return false;
    }
    json_object_foreach(plan->files, path, text)
    {
        bundle_add_file(made, path, json_string_value(text));
    }
    if (plan->state->roots.count > 0) {
        json_decref(made->context);
        made->context = context_of(plan);
    }
    return signers_fill(plan->state, made, err) && difference_fill(plan->state, made, err);
}

bool plan_freeze(const struct plan *plan, const char *tenant, const char *note, struct bundle *out,
                 struct err *err)
{
    struct bundle made;

    if (plan->count == 0)
        return err_set(err, ERR_NOT_FOUND, "there is nothing to sign");
    bundle_init(&made, tenant, note);
    if (!fill(plan, &made, err)) {
        bundle_done(&made);
        return false;
    }
    *out = made;
    return true;
}
