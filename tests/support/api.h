#pragma once
/*
 * The operator's half of the server in this thread: a migrated database, the routes of operators,
 * image repository and files behind a real front, and requests to it. Whenever a request would
 * wait, the loop takes a turn.
 *
 * There are the tenants "default" and "other". A token is "TENANT-ROLE": "default-reader".
 */
#include "lib/crypto/sign.h"
#include "lib/json/json.h"
#include "server/http/http.h"
#include "server/worker.h"
#include "tests/support/db_fixture.h"
#include "tests/support/signer.h"

struct api {
    struct fixture fixture;
    struct worker worker;
    struct http_app app;
    struct test_signer signer;
    struct sign_key *keys[2]; /* offline: root, targets */
    struct stream_feed *feed;
    json_t *targets; /* {path: entry} of what is signed next */
    char *product;   /* the id, after api_begin() */
    unsigned root_version;
    unsigned targets_version;
    unsigned port;
};

#define API_ADMIN "default-administrator"

/* Ends the test when it fails. */
struct api *api_open(void);
void api_close(struct api *api);

struct api_answer {
    int status;
    struct buf head; /* status line and headers */
    struct buf body;
    json_t *json; /* of a JSON body */
};
#define AUTO_ANSWER CLEANUP(api_answer_done) struct api_answer
void api_answer_done(struct api_answer *answer);

/* One request on a connection of its own. `headers` is NULL or lines with CR LF. */
struct api_request {
    const char *method;
    const char *path;
    const char *token; /* NULL: none */
    const char *headers;
    const void *body;
    size_t body_len;
    size_t send_len; /* > 0: so much of the body, then the client leaves; status is 0 */
};
struct api_answer api_send(struct api *api, const struct api_request *request);
/* As the default tenant's administrator; `body` is NULL or text. */
struct api_answer api_ask(struct api *api, const char *method, const char *path, const char *body);
/* The text at a path of the answer's JSON ("items.0.name"); "" when it is not there. */
const char *api_text(const struct api_answer *answer, const char *path);
json_int_t api_number(const struct api_answer *answer, const char *path);
/* Makes something and gives its id; the caller frees. */
char *api_create(struct api *api, const char *path, const char *body);

/* --- signing, as `slipway sign` does it --------------------------------------------------------
 */
/* Names the server's online keys. The caller frees with buf_done(). */
struct buf api_sign_root(struct api *api, unsigned version);
/* Adds an image to what is signed. */
void api_add_target(struct api *api, const char *path, unsigned counter, const void *data,
                    size_t len);
struct buf api_sign_targets(struct api *api, unsigned version);
struct api_answer api_publish(struct api *api, const struct buf *document);
/* Root 1, and product "board" (hwid "h1") with component "base-os". */
void api_begin(struct api *api);
/* Signs, publishes and uploads an image; gives its hash in hex, which the caller frees. */
char *api_image(struct api *api, const char *version, unsigned counter, const void *data,
                size_t len);
char *api_put_path(const void *data, size_t len); /* "/api/v1/images/HASH" */
