/*
 * GET deployments/:id/stuck. Whom the deployment waits for, memory knows (fleet_waits_for()); why
 * they do not come, is stored. The walk over the index stops when a page is full, and its cursor is
 * the page's: devices are only ever added at the end of a shard, so it stays good.
 *
 * Whoever moved a moment ago is left out behind the walk, so a page may be shorter than its limit.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/text.h"
#include "server/fleet/fleet.h"
#include "server/fleet/plan.h"
#include "server/limits.h"
#include "server/operator/input.h"
#include "server/operator/routes_why.h"
#include "server/store/store_stuck.h"
#include "server/worker.h"

/* A cursor is one number: the shard above, the place in it below. */
enum { PLACE_BITS = 40, CURSOR_ROOM = 24 };

struct stuck {
    struct http_request *req;
    struct worker *worker;
    struct model *model;
    const struct model_deployment *deployment;
    struct fleet_cursor cursor;
    int64_t now_ms;
    int64_t *found; /* rows of devices */
    size_t count;
    size_t limit;
    bool has_more;
};

static void answer_error(struct stuck *stuck, enum err_code code, const char *text)
{
    struct err err;

    (void)err_set(&err, code, "%s", text);
    http_answer_error(stuck->req, &err);
    model_unref(stuck->model);
}

static int64_t quiet_s(const struct stuck *stuck)
{
    const struct model_group *group = model_group_find(stuck->model, stuck->deployment->group_id);
    int64_t quiet = group ? group->poll_interval_s * AWAKE_INTERVALS : 0;

    return quiet > AWAKE_MS_MIN / 1000 ? quiet : AWAKE_MS_MIN / 1000;
}

static void on_reasons(const struct db_result *result, const struct err *err, void *arg)
{
    struct stuck *stuck = arg;
    char cursor[CURSOR_ROOM] = "";
    char *text;

    if (err) {
        http_answer_error(stuck->req, err);
        model_unref(stuck->model);
        return;
    }
    if (stuck->has_more)
        (void)snprintf(cursor, sizeof(cursor), "\"%" PRIu64 "\"",
                       (uint64_t)stuck->cursor.shard << PLACE_BITS | (uint64_t)stuck->cursor.at);
    text = arena_printf(stuck->req->arena, "{\"items\":%s,\"next\":%s}",
                        db_rows(result) > 0 ? db_text(result, 0, 0) : "[]",
                        stuck->has_more ? cursor : "null");
    http_answer_json(stuck->req, 200, text);
    model_unref(stuck->model);
}

static void ask_why(struct stuck *stuck)
{
    const struct store_stuck ask = {.tenant_id = stuck->req->identity.tenant_id,
                                    .deployment_id = stuck->deployment->id,
                                    .device_ids = stuck->found,
                                    .count = stuck->count,
                                    .quiet_s = quiet_s(stuck)};

    store_stuck_load(stuck->worker->db, &ask, on_reasons, stuck);
}

static void note_device(const struct fleet_facts *facts, void *arg)
{
    struct stuck *stuck = arg;

    if (facts->group_id == stuck->deployment->group_id &&
        fleet_waits_for(stuck->model, stuck->deployment, facts, stuck->now_ms) != FLEET_WAIT_NOT)
        stuck->found[stuck->count++] = facts->standing.device_id;
}

/* Never more devices in one go than there is room for on the page. */
static void on_turn(void *arg)
{
    struct stuck *stuck = arg;
    struct fleet_index *index = fleet_index_of(stuck->worker->fleet);
    size_t looked_at = 0;

    stuck->has_more = true;
    while (looked_at < SURVEY_STEP_MAX && stuck->has_more && stuck->count < stuck->limit) {
        size_t step = stuck->limit - stuck->count;

        stuck->has_more = fleet_index_step(index, &stuck->cursor, step, note_device, stuck);
        looked_at += step;
    }
    if (stuck->has_more && stuck->count < stuck->limit)
        loop_post(stuck->req->loop, on_turn, stuck);
    else
        ask_why(stuck);
}

static void on_found(const struct db_result *result, const struct err *err, void *arg)
{
    struct stuck *stuck = arg;

    if (err) {
        http_answer_error(stuck->req, err);
        return;
    }
    if (db_rows(result) == 0) {
        answer_error(stuck, ERR_NOT_FOUND, "there is no such deployment");
        return;
    }
    stuck->model = model_holder_get(fleet_model_of(stuck->worker->fleet));
    stuck->deployment =
        stuck->model ? model_deployment_find(stuck->model, db_i64(result, 0, 0)) : NULL;
    if (!stuck->deployment || stuck->deployment->is_finished) {
        answer_error(stuck, ERR_CONFLICT, "the deployment does not run: it waits for nobody");
        return;
    }
    loop_post(stuck->req->loop, on_turn, stuck);
}

static bool read_cursor(struct http_request *req, struct fleet_cursor *out, struct err *err)
{
    const char *after = http_query(req, "after");
    uint64_t number = 0;

    if (after && !text_to_u64(after, strlen(after), 0, INT64_MAX, &number))
        return err_set(err, ERR_INVALID, "parameter 'after' is not the 'next' of a page");
    *out = (struct fleet_cursor){(size_t)(number >> PLACE_BITS),
                                 (size_t)(number & ((UINT64_C(1) << PLACE_BITS) - 1))};
    return true;
}

void on_deployment_stuck(struct http_request *req, void *app)
{
    struct stuck *stuck = arena_alloc(req->arena, sizeof(*stuck));
    struct worker *worker = app;
    const char *id;
    int64_t limit;
    struct err err;

    if (!input_uuid_param(req, 0, &id, &err) || !input_limit(req, &limit, &err) ||
        !read_cursor(req, &stuck->cursor, &err)) {
        http_answer_error(req, &err);
        return;
    }
    stuck->req = req;
    stuck->worker = worker;
    stuck->now_ms = clock_now_ms();
    stuck->limit = (size_t)limit;
    stuck->found = arena_alloc(req->arena, stuck->limit * sizeof(*stuck->found));
    store_stuck_find(worker->db, req->identity.tenant_id, id, on_found, stuck);
}
