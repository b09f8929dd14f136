#pragma once
/*
 * What operators send, taken apart strictly: an unknown field, a wrong type, a value out of range
 * is ERR_INVALID whose text names the field. Texts are borrowed from the request or the tree.
 */
#include "lib/crypto/hash.h"
#include "lib/json/json.h"
#include "server/http/http.h"
#include "server/store/page.h"
#include "server/store/store_token.h"

enum {
    INPUT_UUID_LEN = 36,
    INPUT_NAME_MAX = 63,
    INPUT_LIMIT_DEFAULT = 50,
    INPUT_LIMIT_MAX = 200,
};

/* The body as an object with no other fields than `names` (NULL-terminated). */
MUST_USE bool input_object(const struct http_request *req, const char *const *names, json_t **out,
                           struct err *err);
/* [A-Za-z0-9], '.', '_', '-' and whatever is in `more`, 1 to INPUT_NAME_MAX characters. */
MUST_USE bool input_name(const json_t *object, const char *name, const char *more, const char **out,
                         struct err *err);
/* A uuid in lower case. */
MUST_USE bool input_uuid(const json_t *object, const char *name, const char **out, struct err *err);
MUST_USE bool input_i64(const json_t *object, const char *name, int64_t min, int64_t max,
                        int64_t *out, struct err *err);
/* ... where a missing field leaves *out alone. */
MUST_USE bool input_i64_if(const json_t *object, const char *name, int64_t min, int64_t max,
                           int64_t *out, struct err *err);

MUST_USE bool input_is_uuid(const char *text);
/* Draws an operator's token and what is kept of it; the caller wipes `out`. */
void input_new_token(char out[TOKEN_OPERATOR_ROOM], struct store_secret *kept);

/* The route's n-th ":name" segment. */
MUST_USE bool input_uuid_param(const struct http_request *req, size_t n, const char **out,
                               struct err *err);
MUST_USE bool input_hash_param(const struct http_request *req, size_t n, uint8_t out[HASH_BYTES],
                               struct err *err);
/* Of the query; *out is NULL when it is not there. */
MUST_USE bool input_uuid_query(struct http_request *req, const char *name, const char **out,
                               struct err *err);
/* One of the words (NULL-terminated). */
MUST_USE bool input_word_query(struct http_request *req, const char *name, const char *const *words,
                               const char **out, struct err *err);
MUST_USE bool input_limit(struct http_request *req, int64_t *out, struct err *err);
/* ?limit= and ?after=, and the tenant of whoever asks. */
MUST_USE bool input_page(struct http_request *req, struct store_page *out, struct err *err);
