/* Images that were uploaded and the releases made of them. */
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "server/auth/operator.h"
#include "server/operator/handlers.h"
#include "server/operator/input.h"
#include "server/operator/reply.h"
#include "server/store/store_image.h"
#include "server/store/store_release.h"
#include "server/worker.h"

enum {
    RELEASE_IMAGES_MAX = 64,
    RELEASE_NOTES_MAX = 16 << 10,
    RELEASE_ASSUMES_MAX = 64,
};

/* The hashes of a release's images, and the slices that point at them. */
struct image_list {
    uint8_t hashes[RELEASE_IMAGES_MAX][HASH_BYTES];
    struct db_slice slices[RELEASE_IMAGES_MAX];
    size_t count;
};

static bool image_list(const json_t *body, struct image_list *out, struct err *err)
{
    json_t *list;

    if (!json_field_array(body, "", "images", RELEASE_IMAGES_MAX, &list, err))
        return false;
    out->count = json_array_size(list);
    if (out->count == 0)
        return err_set(err, ERR_INVALID, "field 'images' is empty");
    for (size_t i = 0; i < out->count; i++) {
        const char *text = json_string_value(json_array_get(list, i));

        if (!text || !text_to_hex_bytes(text, strlen(text), out->hashes[i], HASH_BYTES))
            return err_set(err, ERR_INVALID, "field 'images[%zu]' is not 64 lower-case hex digits",
                           i);
        for (size_t k = 0; k < i; k++) {
            if (crypto_equal(out->hashes[i], out->hashes[k], HASH_BYTES))
                return err_set(err, ERR_INVALID, "field 'images[%zu]' stands there twice", i);
        }
        out->slices[i] = (struct db_slice){.data = out->hashes[i], .len = HASH_BYTES};
    }
    return true;
}

static bool truth_if(const json_t *body, const char *name, bool *out, struct err *err)
{
    return !json_object_get(body, name) || json_field_bool(body, "", name, out, err);
}

/* {"TYPE/NAME": counter}: what devices are known to have, beside what the release brings. */
static bool check_assumes(const json_t *assumes, struct err *err)
{
    const char *name;
    json_t *value;

    if (!assumes)
        return true;
    if (!json_is_object(assumes) || json_object_size(assumes) > RELEASE_ASSUMES_MAX)
        return err_set(err, ERR_INVALID, "field 'assumes' is not an object of at most %d members",
                       RELEASE_ASSUMES_MAX);
    json_object_foreach(json_iterable(assumes), name, value)
    {
        if (!text_starts_with(name, "os/") && !text_starts_with(name, "app/"))
            return err_set(err, ERR_INVALID,
                           "field 'assumes': '%.80s' is not 'os/NAME' or 'app/NAME'", name);
        if (!json_is_integer(value) || json_integer_value(value) < 0)
            return err_set(err, ERR_INVALID, "field 'assumes.%.80s' is not a release counter",
                           name);
    }
    return true;
}

void on_release_create(struct http_request *req, void *app)
{
    static const char *const fields[] = {"name",  "product",    "images",  "notes",
                                         "exact", "reversible", "assumes", NULL};
    struct worker *worker = app;
    AUTO_JSON *body = NULL;
    struct image_list images;
    const struct store_actor actor = operator_actor(req);
    struct store_release release = {.actor = &actor, .notes = "", .assumes = "{}"};
    AUTO_FREE char *assumes = NULL;
    struct err err;

    if (!input_object(req, fields, &body, &err) ||
        !input_name(body, "name", "+~", &release.name, &err) ||
        !input_uuid(body, "product", &release.product, &err) || !image_list(body, &images, &err) ||
        (json_object_get(body, "notes") &&
         !json_field_text(body, "", "notes", RELEASE_NOTES_MAX, &release.notes, &err)) ||
        !truth_if(body, "exact", &release.is_exact, &err) ||
        !truth_if(body, "reversible", &release.is_reversible, &err) ||
        !check_assumes(json_object_get(body, "assumes"), &err)) {
        http_answer_error(req, &err);
        return;
    }
    if (json_object_get(body, "assumes")) {
        assumes = json_text(json_object_get(body, "assumes"));
        release.assumes = assumes;
    }
    release.images = images.slices;
    release.image_count = images.count;
    store_release_create(worker->db, &release, reply_send,
                         reply_new(req, 201, ERR_CONFLICT,
                                   "the product has a release named '%s' already", release.name));
}

void on_release_list(struct http_request *req, void *app)
{
    struct worker *worker = app;
    struct store_page page;
    const char *product;
    struct err err;

    if (!input_page(req, &page, &err) || !input_uuid_query(req, "product", &product, &err)) {
        http_answer_error(req, &err);
        return;
    }
    store_release_list(worker->db, &page, product, http_query(req, "name"), reply_send,
                       reply_list(req));
}

void on_release_get(struct http_request *req, void *app)
{
    struct worker *worker = app;
    const char *id;
    struct err err;

    if (!input_uuid_param(req, 0, &id, &err)) {
        http_answer_error(req, &err);
        return;
    }
    store_release_get(worker->db, req->identity.tenant_id, id, reply_send,
                      reply_new(req, 200, ERR_NOT_FOUND, "there is no such release"));
}

void on_image_list(struct http_request *req, void *app)
{
    struct worker *worker = app;
    struct store_page page;
    struct err err;

    if (!input_page(req, &page, &err)) {
        http_answer_error(req, &err);
        return;
    }
    store_image_list(worker->db, &page, reply_send, reply_list(req));
}

void on_image_get(struct http_request *req, void *app)
{
    struct worker *worker = app;
    uint8_t sha256[HASH_BYTES];
    struct err err;

    if (!input_hash_param(req, 0, sha256, &err)) {
        http_answer_error(req, &err);
        return;
    }
    store_image_get(worker->db, req->identity.tenant_id, sha256, reply_send,
                    reply_new(req, 200, ERR_NOT_FOUND, "there is no such image"));
}
