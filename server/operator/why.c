/* GET devices/:device/why. First what is stored, in one statement; then memory is asked, so that
 * both are of the same moment as nearly as can be. */
#include "server/operator/why.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "server/fleet/fleet.h"
#include "server/operator/input.h"
#include "server/operator/routes_why.h"
#include "server/store/store_why.h"
#include "server/worker.h"

enum { SENTENCE_ROOM = 512 };

const char *why_text(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text ? text : "";
}

int64_t why_number(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

bool why_is(const json_t *object, const char *name)
{
    return json_is_true(json_object_get(object, name));
}

/* Bytes of the whole characters of a text that may have been cut. */
static size_t whole_len(const char *text)
{
    size_t len = 0;
    size_t all = strlen(text);
    unsigned one;

    while (len < all && (one = text_utf8_len((const uint8_t *)text + len, all - len)) > 0)
        len += one;
    return len;
}

void why_add(struct why *why, const char *step, enum why_verdict verdict, const char *reason,
             json_t *facts, const char *fmt, ...)
{
    static const char *const verdicts[] = {
        [WHY_PASSES] = "passes", [WHY_STOPS] = "stops", [WHY_NONE] = "none"};
    char text[SENTENCE_ROOM];
    va_list args;
    int len;

    va_start(args, fmt);
    len = vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    ASSERT(len >= 0); /* a long reason is cut in the sentence; the facts have all of it */
    (void)json_array_append_new(why->steps,
                                json_pack("{s:s, s:s, s:s, s:o, s:o}", "step", step, "verdict",
                                          verdicts[verdict], "reason", reason, "text",
                                          json_stringn(text, whole_len(text)), "facts",
                                          facts ? facts : json_object()));
}

/* --- the answer --------------------------------------------------------------------------------
 */

/* When it should be heard of next, by when it was last and how often it comes. */
static json_t *next_poll(const struct fleet_facts *facts, const json_t *stored)
{
    char text[TEXT_TIME_ROOM];

    if (!facts || facts->seen_ms == 0)
        return json_null();
    text_from_time(facts->seen_ms + why_number(stored, "poll_interval_s") * 1000, text);
    return json_string(text);
}

static json_t *last_seen(const struct fleet_facts *facts, const json_t *stored)
{
    char text[TEXT_TIME_ROOM];

    if (!facts || facts->seen_ms == 0)
        return json_incref(json_object_get(stored, "last_seen"));
    text_from_time(facts->seen_ms, text);
    return json_string(text);
}

json_t *why_json(const struct model *model, const struct fleet_facts *facts, const json_t *stored,
                 int64_t now_ms)
{
    struct why why = {
        .model = model, .facts = facts, .stored = stored, .now_ms = now_ms, .steps = json_array()};

    if (facts)
        fleet_plan_trace(model, facts, (uint64_t)facts->standing.assignment, now_ms, &why.plan,
                         &why.trace);
    why_add_decision(&why);
    why_add_permissions(&why);
    return json_pack("{s:s, s:o, s:o, s:o, s:o, s:O?, s:O?}", "device", why_text(stored, "id"),
                     "answer", why_answer(&why), "steps", why.steps, "last_seen",
                     last_seen(facts, stored), "next_poll", next_poll(facts, stored), "row",
                     json_object_get(stored, "row"), "refusals",
                     json_object_get(stored, "refusals"));
}

/* --- the handler -------------------------------------------------------------------------------
 */

struct asked {
    struct http_request *req;
    struct fleet *fleet;
    uint8_t device[HASH_BYTES];
};

static void on_stored(const struct db_result *result, const struct err *err, void *arg)
{
    const struct asked *asked = arg;
    struct fleet_device *device = fleet_index_find(fleet_index_of(asked->fleet), asked->device);
    AUTO_JSON *stored = NULL;
    AUTO_JSON *tree = NULL;
    AUTO_FREE char *text = NULL;
    struct model *model;
    struct fleet_facts facts;
    struct err none;

    if (err || db_rows(result) == 0) {
        (void)err_set(&none, ERR_NOT_FOUND, "there is no such device");
        http_answer_error(asked->req, err ? err : &none);
        return;
    }
    stored = json_loads(db_text(result, 0, 0), 0, NULL);
    ASSERT(stored);
    if (device)
        fleet_device_read(device, &facts);
    model = model_holder_get(fleet_model_of(asked->fleet));
    tree = why_json(model, device ? &facts : NULL, stored, clock_now_ms());
    model_unref(model);
    text = json_text(tree);
    http_answer_json(asked->req, 200, text);
}

void on_device_why(struct http_request *req, void *app)
{
    struct worker *worker = app;
    struct asked *asked = arena_alloc(req->arena, sizeof(*asked));
    struct err err;

    if (!input_hash_param(req, 0, asked->device, &err)) {
        http_answer_error(req, &err);
        return;
    }
    asked->req = req;
    asked->fleet = worker->fleet;
    store_why_load(worker->db, req->identity.tenant_id, asked->device, on_stored, asked);
}
