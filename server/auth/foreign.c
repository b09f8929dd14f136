/* The ids of a request are wherever somebody could write one: in the path, the query, the body. So
 * no handler has to tell which of them it looked for. */
#include "server/auth/foreign.h"

#include <string.h>

#include "lib/base/text.h"
#include "lib/log/log.h"
#include "server/auth/operator.h"
#include "server/http/http.h"
#include "server/store/store_audit.h"

enum { BODY_BYTES_MAX = 64 << 10, HASH_HEX_LEN = 64, UUID_LEN = 36 };

static bool is_id_char(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || c == '-';
}

static bool is_uuid(const char *text)
{
    for (size_t i = 0; i < UUID_LEN; i++) {
        if ((text[i] == '-') != (i == 8 || i == 13 || i == 18 || i == 23))
            return false;
    }
    return true;
}

static void add_word(const char *word, size_t len, struct foreign_ids *ids)
{
    if (len == UUID_LEN && ids->uuid_count < FOREIGN_IDS_MAX && is_uuid(word)) {
        memcpy(ids->uuids[ids->uuid_count], word, UUID_LEN);
        ids->uuids[ids->uuid_count++][UUID_LEN] = '\0';
    } else if (len == HASH_HEX_LEN && ids->hash_count < FOREIGN_IDS_MAX &&
               text_to_hex_bytes(word, len, ids->hashes[ids->hash_count], FOREIGN_HASH_BYTES)) {
        ids->hash_count++;
    }
}

void foreign_ids_add(const char *text, size_t len, struct foreign_ids *ids)
{
    size_t from = 0;

    for (size_t i = 0; i <= len; i++) {
        if (i < len && is_id_char(text[i]))
            continue;
        add_word(text + from, i - from, ids);
        from = i + 1;
    }
}

/* What was asked for, in the request's arena. */
static struct foreign_ids *ids_of(const struct http_request *req)
{
    struct foreign_ids *ids = arena_alloc(req->arena, sizeof(*ids));

    *ids = (struct foreign_ids){0};
    for (size_t i = 0; i < COUNT(req->params) && req->params[i]; i++)
        foreign_ids_add(req->params[i], strlen(req->params[i]), ids);
    foreign_ids_add(req->query, strlen(req->query), ids);
    if (req->body_len <= BODY_BYTES_MAX)
        foreign_ids_add((const char *)req->body, req->body_len, ids);
    return ids;
}

struct refusal_to_send {
    struct http_request *req;
    struct err err;
};

static void on_noted(const struct db_result *result, const struct err *err, void *arg)
{
    const struct refusal_to_send *refusal = arg;

    if (err)
        LOG_ERROR("audit.cross_tenant_not_noted", "request=%s error=%s", refusal->req->id,
                  err->text);
    else if (db_rows(result) > 0)
        LOG_WARNING("auth.cross_tenant", "request=%s path=%s", refusal->req->id,
                    refusal->req->path);
    /* An attempt that could not be noted is answered like one that cannot be looked up. */
    http_answer_error(refusal->req, err ? err : &refusal->err);
}

void foreign_answer(struct http_request *req, const struct err *err, struct db *db)
{
    struct refusal_to_send *refusal = arena_alloc(req->arena, sizeof(*refusal));
    const struct foreign_ids *ids = ids_of(req);
    const struct store_actor actor = operator_actor(req);
    const char *tenant = http_query(req, "tenant");
    const char *uuids[FOREIGN_IDS_MAX];
    struct db_slice hashes[FOREIGN_IDS_MAX];

    *refusal = (struct refusal_to_send){.req = req, .err = *err};
    if (ids->uuid_count + ids->hash_count == 0 && !tenant) {
        http_answer_error(req, err);
        return;
    }
    for (size_t i = 0; i < ids->uuid_count; i++)
        uuids[i] = ids->uuids[i];
    for (size_t i = 0; i < ids->hash_count; i++)
        hashes[i] = (struct db_slice){.data = ids->hashes[i], .len = FOREIGN_HASH_BYTES};
    store_audit_foreign(db,
                        &(const struct store_foreign){.actor = &actor,
                                                      .uuids = uuids,
                                                      .uuid_count = ids->uuid_count,
                                                      .hashes = hashes,
                                                      .hash_count = ids->hash_count,
                                                      .tenant = tenant},
                        on_noted, refusal);
}
