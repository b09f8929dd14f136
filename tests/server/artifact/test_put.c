#include <criterion/criterion.h>

#include <unistd.h>

#include "lib/base/mem.h"
#include "server/artifact/store.h"
#include "tests/support/api.h"

static struct api_answer put(struct api *api, const char *path, const char *token, const void *data,
                             size_t len)
{
    return api_send(
        api, &(struct api_request){
                 .method = "PUT", .path = path, .token = token, .body = data, .body_len = len});
}

static void sign(struct api *api, unsigned version)
{
    AUTO_BUF targets = api_sign_targets(api, version);
    AUTO_ANSWER answer = api_publish(api, &targets);

    cr_assert_eq(answer.status, 201, "%s", buf_text(&answer.body));
}

Test(put, takes_what_is_signed_and_answers_the_same_when_it_has_it)
{
    struct api *api = api_open();
    api_begin(api);
    size_t len = 3000000;
    AUTO_FREE uint8_t *image = mem_alloc(len);
    AUTO_FREE char *path = NULL;
    AUTO_ANSWER first = {0};
    AUTO_ANSWER second = {0};

    memset(image, 0x5a, len);
    path = api_put_path(image, len);
    api_add_target(api, "os/h1/1.0/rootfs.img", 1, image, len);
    sign(api, 1);
    first = put(api, path, API_ADMIN, image, len);
    second = put(api, path, API_ADMIN, image, len);
    cr_expect_eq(first.status, 201, "%s", buf_text(&first.body));
    cr_expect_eq(api_number(&first, "length"), 3000000);
    cr_expect_eq(api_number(&first, "release_counter"), 1);
    cr_expect_eq(second.status, 200, "%s", buf_text(&second.body));
    cr_expect_str_eq(api_text(&first, "sha256"), api_text(&second, "sha256"));
    api_close(api);
}

Test(put, says_100_continue_only_to_what_it_will_take)
{
    struct api *api = api_open();
    api_begin(api);
    AUTO_FREE char *path = api_put_path("first", 5);
    struct api_request request = {.method = "PUT",
                                  .path = path,
                                  .token = API_ADMIN,
                                  .headers = "Expect: 100-continue\r\n",
                                  .body = "first",
                                  .body_len = 5};
    AUTO_ANSWER refused = api_send(api, &request);
    AUTO_ANSWER taken = {0};

    api_add_target(api, "os/h1/1.0/rootfs.img", 1, "first", 5);
    sign(api, 1);
    taken = api_send(api, &request);
    cr_expect_eq(refused.status, 409, "%s", buf_text(&refused.body));
    cr_expect(strstr(api_text(&refused, "detail"), "signed metadata"));
    cr_expect_eq(taken.status, 201, "%s", buf_text(&taken.body));
    api_close(api);
}

Test(put, refuses_everything_else)
{
    struct api *api = api_open();
    api_begin(api);
    AUTO_FREE char *good = api_put_path("first", 5);
    AUTO_FREE char *unsigned_one = api_put_path("other", 5);
    AUTO_FREE char *homeless = api_put_path("homeless", 8);
    json_t *entry;
    const struct {
        const char *what;
        const char *path;
        const char *token;
        const char *body;
        int status;
        const char *says;
    } cases[] = {
        {"no hash", "/api/v1/images/abc", API_ADMIN, "first", 400, "hex"},
        {"unsigned", unsigned_one, API_ADMIN, "other", 409, "signed metadata"},
        {"another tenant's", good, "other-administrator", "first", 409, "signed metadata"},
        {"too short", good, API_ADMIN, "firs", 400, "Content-Length is 4"},
        {"too long", good, API_ADMIN, "first!", 400, "Content-Length is 6"},
        {"other bytes", good, API_ADMIN, "fakes", 422, "hash"},
        {"no component", homeless, API_ADMIN, "homeless", 409, "base-os"},
        {"a reader", good, "default-reader", "first", 403, ""},
        {"an approver", good, "default-approver", "first", 403, ""},
        {"nobody", good, "nobody", "first", 401, ""},
        {"good", good, "default-contributor", "first", 201, ""},
    };

    api_add_target(api, "os/h1/1.0/rootfs.img", 1, "first", 5);
    api_add_target(api, "os/h9/1.0/rootfs.img", 1, "homeless", 8);
    entry = json_object_get(
        json_object_get(json_object_get(api->targets, "os/h9/1.0/rootfs.img"), "custom"), "match");
    cr_assert_eq(json_object_set_new(entry, "hwids", json_pack("[s]", "h9")), 0);
    sign(api, 1);
    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO_ANSWER answer =
            put(api, cases[i].path, cases[i].token, cases[i].body, strlen(cases[i].body));

        cr_expect_eq(answer.status, cases[i].status, "%s: %d %s", cases[i].what, answer.status,
                     buf_text(&answer.body));
        cr_expect(strstr(buf_text(&answer.body), cases[i].says), "%s: %s", cases[i].what,
                  buf_text(&answer.body));
    }
    api_close(api);
}

Test(put, takes_a_file_again_that_was_lost)
{
    struct api *api = api_open();
    char path[ARTIFACT_PATH_ROOM];
    uint8_t hash[HASH_BYTES];
    AUTO_FREE char *url = api_put_path("first", 5);
    AUTO_ANSWER again = {0};

    api_begin(api);
    mem_free(api_image(api, "1.0", 1, "first", 5));
    hash_sha256("first", 5, hash);
    artifact_store_path(api->worker.artifacts, hash, path);
    cr_assert_eq(unlink(path), 0);
    again = put(api, url, API_ADMIN, "first", 5);
    cr_expect_eq(again.status, 201, "%s", buf_text(&again.body));
    cr_expect_eq(access(path, R_OK), 0);
    api_close(api);
}

Test(put, forgets_an_upload_whose_client_leaves)
{
    struct api *api = api_open();
    api_begin(api);
    size_t len = 3000000;
    AUTO_FREE uint8_t *image = mem_alloc(len);
    AUTO_FREE char *path = NULL;
    static const size_t moments[] = {1, 100, 70000, 1100000, 2900000};
    AUTO_ANSWER whole = {0};

    memset(image, 0x33, len);
    path = api_put_path(image, len);
    api_add_target(api, "os/h1/1.0/rootfs.img", 1, image, len);
    sign(api, 1);
    for (size_t i = 0; i < COUNT(moments); i++) {
        AUTO_ANSWER left = api_send(api, &(struct api_request){.method = "PUT",
                                                               .path = path,
                                                               .token = API_ADMIN,
                                                               .body = image,
                                                               .body_len = len,
                                                               .send_len = moments[i]});

        cr_expect_eq(left.status, 0);
    }
    whole = put(api, path, API_ADMIN, image, len);
    cr_expect_eq(whole.status, 201, "%s", buf_text(&whole.body));
    api_close(api);
}
