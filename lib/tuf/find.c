/*
 * The search through delegated roles: pre-order, depth first, over a list of steps still to be
 * taken, so that only one delegated document is in memory at a time. A role counts as visited for
 * the delegator it was reached from: another delegator's keys must have signed it as well.
 */
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/tuf/internal.h"

enum { ROLES_MAX_OF_ALL = 4096 }; /* when all roles are walked */

struct visited {
    char delegator[TUF_ROLE_NAME_MAX + 1];
    char name[TUF_ROLE_NAME_MAX + 1];
};

struct search {
    struct tuf_set *set;
    const char *path; /* NULL: all */
    const char *hwid; /* NULL: any */
    struct tuf_target *out;
    bool found;
    tuf_each_fn *each;
    void *arg;
    bool ended;              /* by `each` */
    struct tuf_step **steps; /* to be taken, the next one last; owned */
    size_t step_count;
    size_t step_room;
    struct visited *visited;
    size_t visited_count;
    size_t visited_max;
};

/* --- steps -------------------------------------------------------------------------------------
 */

static void push(struct search *search, struct tuf_step *step)
{
    if (search->step_count == search->step_room) {
        search->step_room = search->step_room ? 2 * search->step_room : 8;
        search->steps = mem_resize(search->steps, search->step_room, sizeof(struct tuf_step *));
    }
    search->steps[search->step_count++] = step;
}

static void drop_steps(struct search *search)
{
    while (search->step_count)
        tuf_step_unref(search->steps[--search->step_count]);
}

static bool was_visited(const struct search *search, const struct tuf_step *step)
{
    for (size_t i = 0; i < search->visited_count; i++) {
        if (text_equal(search->visited[i].name, step->name) &&
            text_equal(search->visited[i].delegator, step->delegator))
            return true;
    }
    return false;
}

static bool visit(struct search *search, const struct tuf_step *step, struct err *err)
{
    struct visited *now;

    if (search->visited_count == search->visited_max)
        return err_refuse(err, REFUSAL_ROLE_LIMIT, "more than %zu delegated roles",
                          search->visited_max);
    search->visited =
        mem_resize(search->visited, search->visited_count + 1, sizeof(search->visited[0]));
    now = &search->visited[search->visited_count++];
    memcpy(now->name, step->name, sizeof(now->name));
    memcpy(now->delegator, step->delegator, sizeof(now->delegator));
    return true;
}

/* The children of one document, in order. */
struct children {
    struct search *search;
    struct tuf_step *parent;
    struct tuf_step **items; /* owned */
    size_t count;
    bool terminated;
};

static bool on_child(struct tuf_step *step, void *arg)
{
    struct children *children = arg;
    const struct search *search = children->search;
    /* One more than may be visited is enough to reach that limit. */
    size_t room = search->visited_max - search->visited_count + 1;

    if (search->hwid && !tuf_step_is_for(step, search->hwid)) {
        tuf_step_unref(step);
        return true;
    }
    children->terminated = search->path && step->terminating;
    if (was_visited(search, step)) {
        tuf_step_unref(step);
        return !children->terminated;
    }
    step->parent = children->parent;
    if (step->parent)
        step->parent->refs++;
    children->items = mem_resize(children->items, children->count + 1, sizeof(struct tuf_step *));
    children->items[children->count++] = step;
    return !children->terminated && children->count < room;
}

static bool push_children(struct search *search, const struct tuf_doc *doc, struct tuf_step *parent,
                          struct err *err)
{
    struct children children = {.search = search, .parent = parent};
    bool good = tuf_delegations_each(doc, search->path, on_child, &children, err);

    if (children.terminated)
        drop_steps(search); /* nothing else may sign this path */
    while (children.count)
        push(search, children.items[--children.count]);
    mem_free(children.items);
    return good;
}

/* --- documents ---------------------------------------------------------------------------------
 */

static bool chain_allows(const struct tuf_step *step, const char *path)
{
    for (; step; step = step->parent) {
        if (!tuf_step_matches(step, path))
            return false;
    }
    return true;
}

/* Every well-formed entry the delegations allow. */
static void show(struct search *search, const struct tuf_doc *doc, const struct tuf_step *step)
{
    struct flat_value targets = flat_get(tuf_doc_body(doc), "targets");

    for (struct flat_value at = flat_first(targets); !search->ended && flat_some(at);
         at = flat_next(at)) {
        AUTO_TUF_TARGET target = {0};
        char path[TUF_PATH_MAX + 1];
        struct err ignored = {0}; /* an entry of a kind that is not ours is nobody's failure */

        if (flat_text_copy(flat_key(at), path, sizeof(path)) && chain_allows(step, path) &&
            tuf_target_parse(doc->name, path, at, false, &target, &ignored))
            search->ended = !search->each(&target, search->arg);
    }
}

static bool look_into(struct search *search, const struct tuf_doc *doc, struct tuf_step *step,
                      struct err *err)
{
    if (!search->path) {
        show(search, doc, step);
    } else if (flat_some(flat_get(flat_get(tuf_doc_body(doc), "targets"), search->path))) {
        search->found = true;
        return tuf_doc_target(doc, search->path, search->out, err);
    }
    return search->ended || push_children(search, doc, step, err);
}

static bool refuse_absent(const struct tuf_step *step, const char *how, struct err *err)
{
    return err_refuse(err, REFUSAL_TARGET_NOT_IN_IMAGE_REPO, "role '%.64s' may sign it, but is %s",
                      step->name, how);
}

/* Empty when it is not there, which ends a search: what comes after might be of a weaker role. */
static bool get_role(const struct search *search, const struct tuf_step *step, struct tuf_doc *out,
                     struct err *err)
{
    const struct tuf_set *set = search->set;
    struct tuf_want want = {
        .role = TUF_TARGETS,
        .name = step->name,
        .keys = step->keys,
        .rule = &step->rule,
        .bytes_max = set->limits.targets_bytes_max,
        .codes = &tuf_codes_delegated,
    };

    *out = (struct tuf_doc){0};
    if (!set->offline && !tuf_doc_lists(&set->snapshot, step->name, &want.listed))
        return !search->path || refuse_absent(step, "not in the snapshot", err);
    if (!tuf_get(set, &want, out, err))
        return false;
    return out->some || !search->path || refuse_absent(step, "not stored here", err);
}

static bool take_step(struct search *search, struct tuf_step *step, struct err *err)
{
    struct tuf_doc doc;
    bool good;

    if (was_visited(search, step))
        return true;
    if (!visit(search, step, err) || !get_role(search, step, &doc, err))
        return false;
    good = !doc.some || look_into(search, &doc, step, err);
    tuf_doc_done(&doc);
    return good;
}

static bool run(struct search *search, struct err *err)
{
    bool good = look_into(search, &search->set->targets, NULL, err);

    while (good && !search->found && !search->ended && search->step_count) {
        struct tuf_step *step = search->steps[--search->step_count];

        good = take_step(search, step, err);
        tuf_step_unref(step);
    }
    drop_steps(search);
    mem_free(search->steps);
    mem_free(search->visited);
    return good;
}

bool tuf_find(struct tuf_set *set, const char *path, const char *hwid, struct tuf_target *out,
              struct err *err)
{
    struct search search = {
        .set = set, .path = path, .hwid = hwid, .out = out, .visited_max = TUF_ROLES_VISITED_MAX};

    if (!run(&search, err))
        return false;
    return search.found ||
           err_refuse(err, REFUSAL_TARGET_NOT_IN_IMAGE_REPO, "no signed target '%.120s'", path);
}

bool tuf_each(struct tuf_set *set, const char *hwid, tuf_each_fn *each, void *arg, struct err *err)
{
    struct search search = {
        .set = set, .hwid = hwid, .each = each, .arg = arg, .visited_max = ROLES_MAX_OF_ALL};

    return run(&search, err);
}
