/*
 * The metadata walk. lib/tuf asks for files one after the other and cannot wait; so it runs over
 * what is at hand, and when a file is missing that file is fetched and the walk runs again. What
 * it stored on the way was checked, and the signatures of a second run are in the memo.
 */
#include <string.h>

#include "cli/sim/walk.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"

enum { WALK_MS_MAX = 120000 };

void walk_free(struct walk *walk)
{
    if (!walk)
        return;
    document_unref(walk->timestamp);
    for (size_t i = 0; i < TUF_ROLE_COUNT; i++)
        document_unref(walk->directed[i]);
    mem_free(walk->need_url);
    mem_free(walk);
}

bool walk_needs(struct walk *walk, enum walk_place place, const char *name, char *url,
                struct err *err)
{
    mem_free(walk->need_url);
    walk->need_url = url;
    walk->place = place;
    if (!text_copy(walk->need, sizeof(walk->need), name))
        return err_set(err, ERR_LIMIT, "the name '%s' is too long", name);
    return err_set(err, ERR_UNAVAILABLE, "'%s' is not here yet", name);
}

/* --- what lib/tuf sees --------------------------------------------------------------------------
 */

static bool fetch(void *arg, const char *name, size_t max, struct buf *out, struct err *err)
{
    struct walk *walk = arg;
    bool is_timestamp = text_equal(name, "timestamp.json");
    const struct document *document =
        is_timestamp ? walk->timestamp : library_find(&walk->task->fleet->library, name);

    if (text_equal(name, walk->absent))
        return err_set(err, ERR_NOT_FOUND, "there is no '%s'", name);
    if (!document) {
        walk->need_bytes_max = max;
        return walk_needs(walk, WALK_IMAGE, name,
                          mem_printf("%s/metadata/%s", walk->task->fleet->image_base, name), err);
    }
    if (document->len > max)
        return err_refuse(err, REFUSAL_LENGTH_LIMIT, "'%s' is longer than %zu bytes", name, max);
    buf_add(out, document->data, document->len);
    return true;
}

/* Where the member keeps a top-level role; NULL for others, which it does not keep: the numbered
 * file is in the library. */
static struct document **kept(const struct walk *walk, const char *name)
{
    for (size_t i = 0; i < TUF_ROLE_COUNT; i++) {
        const char *role = tuf_role_name((enum tuf_role)i);

        if (text_starts_with(name, role) && text_equal(name + strlen(role), ".json"))
            return &walk->task->member->trusted[i];
    }
    return NULL;
}

static bool load(void *arg, const char *name, struct buf *out, struct err *err)
{
    struct document **place = kept(arg, name);

    if (!place || !*place)
        return err_set(err, ERR_NOT_FOUND, "there is no trusted %s", name);
    buf_add(out, (*place)->data, (*place)->len);
    return !out->failed || err_set(err, ERR_LIMIT, "%s is too long", name);
}

static bool drop(void *arg, const char *name, struct err *err)
{
    struct document **place = kept(arg, name);

    (void)err;
    if (place)
        document_unref(TAKE(*place));
    return true;
}

static bool store(void *arg, const char *name, const void *data, size_t len, struct err *err)
{
    const struct walk *walk = arg;
    struct document **place = kept(walk, name);
    struct document *document;

    if (!place)
        return true;
    document = library_take(&walk->task->fleet->library, data, len);
    (void)drop(arg, name, err); /* cannot fail */
    *place = document;
    return true;
}

static bool seen(void *arg, const uint8_t digest[HASH_BYTES])
{
    const struct walk *walk = arg;

    return library_has_seen(&walk->task->fleet->library, digest);
}

static void remember(void *arg, const uint8_t digest[HASH_BYTES])
{
    const struct walk *walk = arg;

    library_remember(&walk->task->fleet->library, digest);
}

/* --- the walk -----------------------------------------------------------------------------------
 */

static void succeed(struct task *task, struct tuf_set *set, const struct walk_directed *directed,
                    int64_t now_ms)
{
    struct member *member = task->member;

    member->timestamp_expires_ms =
        directed->some ? directed->expires_ms : tuf_set_expires_ms(set, TUF_TIMESTAMP);
    if (directed->some)
        member->device.director_version = directed->document.version;
    sim_device_walked(&member->device,
                      clock_mono_ms() + (member->timestamp_expires_ms - now_ms) / 2);
    images_identify(task->fleet, member, set);
    if (member->device.state == UPDATE_IDLE && member->device.offer)
        images_judge(task->fleet, member, set, directed->some ? &directed->document : NULL);
    fleet_finish(task);
}

static void fail(struct task *task, const struct err *why)
{
    if (why->code == ERR_UNTRUSTED) {
        task->fleet->summary.refusals++;
        library_forget_names(&task->fleet->library);
        library_forget_names(&task->fleet->directed);
    }
    sim_device_not_walked(&task->member->device, why, clock_mono_ms());
    fleet_finish(task);
}

static void run(struct task *task);

/* Only these may be missing: the end of the chain of roots, and everything. */
static bool may_be_absent(const char *name)
{
    return text_ends_with(name, ".root.json") || text_equal(name, "timestamp.json");
}

static bool is_missing(const struct client_answer *answer)
{
    return answer && (answer->status == 403 || answer->status == 404);
}

static void on_file(const struct client_answer *answer, const struct err *err, void *arg)
{
    struct task *task = arg;
    struct walk *walk = task->walk;
    struct document *document;
    struct err why = {0};

    if (walk->place == WALK_DIRECTOR && answer && answer->status == 401) {
        sim_device_denied(&task->member->device, clock_mono_ms());
        fleet_finish(task);
        return;
    }
    if (walk->place != WALK_FILE && is_missing(answer) && may_be_absent(walk->need)) {
        memcpy(walk->place == WALK_DIRECTOR ? walk->absent_directed : walk->absent, walk->need,
               sizeof(walk->absent));
        run(task);
        return;
    }
    if (!answer || !client_answer_check(answer, &why)) {
        if (!answer)
            why = *err;
        else if (why.code != ERR_UNAVAILABLE)
            (void)err_refuse(&why, REFUSAL_HTTP_STATUS, "'%s' was answered with HTTP %u",
                             walk->need, answer->status);
        fleet_note_error(task->fleet, &why);
        fail(task, &why);
        return;
    }
    if (walk->place != WALK_IMAGE) {
        walk_director_take(walk, buf_text(&answer->body), answer->body.len);
        run(task);
        return;
    }
    document = library_take(&task->fleet->library, buf_text(&answer->body), answer->body.len);
    if (text_equal(walk->need, "timestamp.json")) {
        walk->timestamp = document;
    } else {
        library_name(&task->fleet->library, document, walk->need);
        document_unref(document);
    }
    run(task);
}

static void send(struct task *task)
{
    const struct walk *walk = task->walk;
    const struct client_request request = {
        .method = "GET",
        .url = walk->need_url,
        .bearer = walk->place == WALK_DIRECTOR ? task->member->device.token : NULL,
        .answer_bytes_max = walk->need_bytes_max,
        .total_ms = WALK_MS_MAX};

    client_pool_send(task->fleet->pool, &request, on_file, task);
}

static bool pass_by(const struct tuf_target *target, void *arg)
{
    (void)target;
    (void)arg;
    return true;
}

/* Looks for what will be looked for, so that delegated roles are fetched before. */
static bool has_roles(struct task *task, struct tuf_set *set)
{
    const struct fleet *fleet = task->fleet;
    const struct sim_device *device = &task->member->device;
    AUTO_TUF_TARGET target = {0};
    struct err later = {0}; /* whoever really looks tells it */
    bool good = true;

    if (fleet->options->installed && !(fleet->installed && fleet->installed->listed))
        good = tuf_each(set, fleet->options->hwid, pass_by, NULL, &later);
    if (good && device->state == UPDATE_IDLE && device->offer)
        good = tuf_find(set, device->offer->target.path, fleet->options->hwid, &target, &later);
    return good || task->walk->need[0] == '\0';
}

static void run(struct task *task)
{
    const struct tuf_io io = {
        .fetch = fetch,
        .load = load,
        .store = store,
        .drop = drop,
        .arg = task->walk,
        .seen = seen,
        .remember = remember,
    };
    int64_t now_ms = clock_now_ms();
    struct tuf_set *set = NULL;
    struct walk_directed directed = {0};
    struct err why = {0};

    task->walk->need[0] = '\0';
    if (tuf_refresh(&io, &tuf_limits_wide, now_ms, &set, &why) && has_roles(task, set) &&
        walk_director(task->walk, set, now_ms, &directed, &why))
        succeed(task, set, &directed, now_ms);
    else if (task->walk->need[0])
        send(task);
    else
        fail(task, &why);
    tuf_director_done(&directed.document);
    tuf_set_free(set);
}

void walk_start(struct fleet *fleet, struct member *member)
{
    struct task *task = task_new(fleet, member);

    task->walk = mem_alloc(sizeof(*task->walk));
    task->walk->task = task;
    run(task);
}
