/*
 * A request with an Idempotency-Key. Its row in the database is made first; the handler's answer is
 * caught, kept in the row, and then sent. What is a secret shown only now is not kept: a repeated
 * answer lacks it. An answer that is no success leaves no row, except where nobody knows whether
 * the change was made (503): then the next one with this key finds out.
 */
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/crypto/hash.h"
#include "lib/json/json.h"
#include "lib/log/log.h"
#include "server/guard/internal.h"
#include "server/store/store_once.h"

enum { KEY_LEN_MAX = 128, ANSWER_KEPT_MAX = 1 << 20 };

struct once {
    struct http_request *req;
    struct worker *worker;
    struct store_once row;
    uint8_t hash[HASH_BYTES];
    struct http_answer answer; /* of the handler, copied */
};

/* --- afterwards --------------------------------------------------------------------------------
 */

/* Kept or not: the handler's answer is the answer. A row without one tells a repetition no more
 * than that it was done. */
static void on_kept(const struct db_result *result, const struct err *err, void *arg)
{
    struct once *once = arg;

    (void)result;
    if (err)
        LOG_WARNING("once.not_kept", "request=%s error=\"%s\"", once->req->id, err->text);
    http_answer(once->req, once->answer.status, once->answer.content_type, once->answer.body,
                once->answer.len);
}

/* The answer's text without what is shown only once; the caller frees. NULL: not to be kept. */
static char *kept_text(const struct http_answer *answer)
{
    static const char *const secrets[] = {"token", "secret"};
    AUTO_JSON *tree = json_loadb(answer->body, answer->len, 0, NULL);

    if (!tree || answer->len > ANSWER_KEPT_MAX)
        return NULL;
    for (size_t i = 0; i < COUNT(secrets); i++)
        (void)json_object_del(tree, secrets[i]);
    return json_text(tree);
}

static void on_answer(struct http_request *req, const struct http_answer *answer, void *arg)
{
    struct once *once = arg;
    struct db *db = once->worker->db;
    AUTO_FREE char *text = NULL;
    char *body = arena_alloc(req->arena, answer->len + 1);
    struct store_once_answer kept;

    memcpy(body, answer->body ? answer->body : "", answer->len);
    once->answer = *answer;
    once->answer.body = body;
    if (answer->content_type)
        once->answer.content_type = arena_strdup(req->arena, answer->content_type);
    if (answer->status >= 500) {
        store_once_give_up(db, &once->row, on_kept, once);
        return;
    }
    if (answer->status >= 300) {
        store_once_forget(db, &once->row, on_kept, once);
        return;
    }
    text = kept_text(answer);
    kept = (struct store_once_answer){answer->status, once->answer.content_type, text};
    if (text)
        store_once_keep(db, &once->row, &kept, on_kept, once);
    else
        store_once_give_up(db, &once->row, on_kept, once);
}

/* --- before ------------------------------------------------------------------------------------
 */

static void answer_done(struct http_request *req, const char *seq, const char *object)
{
    AUTO_JSON *tree = json_pack("{s:b, s:s, s:s}", "done", 1, "audit", seq, "object", object);
    AUTO_FREE char *text = json_text(tree);

    http_answer_json(req, 200, text);
}

static void answer_running(struct http_request *req)
{
    struct err err;

    http_answer_header(req, "Retry-After", "1");
    (void)err_set(&err, ERR_CONFLICT, "a request with this Idempotency-Key is being done");
    http_answer_error(req, &err);
}

static void on_begun(const struct db_result *result, const struct err *err, void *arg)
{
    struct once *once = arg;
    struct http_request *req = once->req;
    const char *verdict = err ? "" : db_text(result, 0, 0);
    struct err refusal;

    if (err) {
        http_answer_error(req, err);
        return;
    }
    if (text_equal(verdict, "run")) {
        http_capture(req, on_answer, once);
        http_proceed(req);
        return;
    }
    http_answer_header(req, "Idempotency-Replayed", "true");
    if (text_equal(verdict, "answer")) {
        http_answer(req, (int)db_i64(result, 0, 1), "application/json", db_text(result, 0, 3),
                    strlen(db_text(result, 0, 3)));
    } else if (text_equal(verdict, "done")) {
        answer_done(req, db_text(result, 0, 4), db_text(result, 0, 5));
    } else if (text_equal(verdict, "running")) {
        answer_running(req);
    } else {
        (void)err_set(&refusal, ERR_LIMIT, "%s",
                      text_equal(verdict, "other")
                          ? "another request was made with this Idempotency-Key"
                          : "there are too many Idempotency-Keys of this token in these 24 hours");
        http_answer_error(req, &refusal);
    }
}

static bool key_is_good(const char *key)
{
    size_t len = strlen(key);

    for (size_t i = 0; i < len; i++) {
        if (key[i] < 0x21 || key[i] > 0x7e)
            return false;
    }
    return len >= 1 && len <= KEY_LEN_MAX;
}

static void hash_request(const struct http_request *req, uint8_t out[HASH_BYTES])
{
    AUTO_SHA256 struct sha256 *hash = sha256_new();

    sha256_add(hash, req->path, strlen(req->path) + 1);
    sha256_add(hash, req->query, strlen(req->query) + 1);
    sha256_add(hash, req->body, req->body_len);
    sha256_peek(hash, out);
}

void once_begin(struct http_request *req, const char *key, struct worker *worker)
{
    struct once *once = arena_alloc(req->arena, sizeof(*once));
    struct err err;

    if (!key_is_good(key)) {
        (void)err_set(&err, ERR_INVALID, "Idempotency-Key is not 1 to %d visible characters",
                      KEY_LEN_MAX);
        http_answer_error(req, &err);
        return;
    }
    *once = (struct once){.req = req, .worker = worker};
    hash_request(req, once->hash);
    once->row = (struct store_once){.tenant_id = req->identity.tenant_id,
                                    .token_id = req->identity.subject_id,
                                    .key = key,
                                    .request = req->id,
                                    .hash = once->hash};
    store_once_begin(worker->db, &once->row, on_begun, once);
}
