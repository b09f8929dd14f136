#include <criterion/criterion.h>

#include "lib/base/mem.h"
#include "server/artifact/store.h"
#include "tests/support/api.h"

static struct api_answer get(struct api *api, const char *path, const char *headers)
{
    return api_send(api, &(struct api_request){.method = "GET", .path = path, .headers = headers});
}

Test(get, serves_an_image_under_its_signed_path_only)
{
    struct api *api = api_open();
    api_begin(api);
    AUTO_FREE char *hash = api_image(api, "1.0", 1, "0123456789", 10);
    const struct {
        const char *path;
        int status;
    } cases[] = {
        {"/t/default/image/targets/os/h1/1.0/%s.rootfs.img", 200},
        {"/t/default/image/targets/os/h1/1.0/%s.other.img", 404},
        {"/t/default/image/targets/os/h1/2.0/%s.rootfs.img", 404},
        {"/t/other/image/targets/os/h1/1.0/%s.rootfs.img", 404},
        {"/t/nobody/image/targets/os/h1/1.0/%s.rootfs.img", 404},
        {"/t/default/image/targets/%s.rootfs.img", 404},
        {"/t/default/image/targets/os/h1/1.0/%s", 404},
        {"/t/default/image/targets/os/h1/1.0/%s.", 404},
        {"/t/default/image/targets/os/h1/1.0/rootfs.img", 404},
        {"/t/default/image/deltas/%s", 404},
        {"/t/default/image/deltas/abc", 404},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *mark = strstr(cases[i].path, "%s");
        AUTO_FREE char *path = mark ? mem_printf("%.*s%s%s", (int)(mark - cases[i].path),
                                                 cases[i].path, hash, mark + 2)
                                    : mem_strdup(cases[i].path);
        AUTO_ANSWER answer = get(api, path, NULL);

        cr_expect_eq(answer.status, cases[i].status, "%s: %d", path, answer.status);
        if (cases[i].status == 200)
            cr_expect_str_eq(buf_text(&answer.body), "0123456789");
    }
    api_close(api);
}

Test(get, serves_ranges_that_are_named_by_content)
{
    struct api *api = api_open();
    api_begin(api);
    AUTO_FREE char *hash = api_image(api, "1.0", 1, "0123456789", 10);
    AUTO_FREE char *path = mem_printf("/t/default/image/targets/os/h1/1.0/%s.rootfs.img", hash);
    AUTO_FREE char *same = mem_printf("Range: bytes=4-\r\nIf-Range: \"%s\"\r\n", hash);
    AUTO_ANSWER part = get(api, path, same);
    AUTO_ANSWER changed = get(api, path, "Range: bytes=4-\r\nIf-Range: \"other\"\r\n");

    cr_expect_eq(part.status, 206);
    cr_expect_str_eq(buf_text(&part.body), "456789");
    cr_expect(strstr(buf_text(&part.head), "immutable"));
    cr_expect_eq(changed.status, 200);
    api_close(api);
}

Test(get, serves_a_kept_delta_of_the_tenant)
{
    struct api *api = api_open();
    api_begin(api);
    AUTO_FREE char *one = api_image(api, "1.0", 1, "one", 3);
    AUTO_FREE char *two = api_image(api, "2.0", 2, "two", 3);
    char temp[ARTIFACT_PATH_ROOM];
    uint8_t hash[HASH_BYTES];
    AUTO_FREE char *hex = api_put_path("patch", 5);
    AUTO_FREE char *path = mem_printf("/t/default/image/deltas/%s", strrchr(hex, '/') + 1);
    AUTO_FREE char *theirs = mem_printf("/t/other/image/deltas/%s", strrchr(hex, '/') + 1);
    struct err err;
    int status;

    hash_sha256("patch", 5, hash);
    artifact_store_temp(api->worker.artifacts, temp);
    {
        FILE *file = fopen(temp, "w");

        cr_assert(file);
        (void)fputs("patch", file);
        (void)fclose(file);
    }
    cr_assert(artifact_store_adopt(api->worker.artifacts, temp, hash, &err), "%s", err.text);
    fixture_sql(&api->fixture,
                "INSERT INTO delta (tenant_id, from_image_id, to_image_id, state, sha256, length)"
                " SELECT min(tenant_id), min(id), max(id), 'dropped', sha256('patch'), 5"
                "   FROM image");
    {
        AUTO_ANSWER dropped = get(api, path, NULL);

        cr_expect_eq(dropped.status, 404);
    }
    fixture_sql(&api->fixture, "UPDATE delta SET state = 'kept'");
    {
        AUTO_ANSWER kept = get(api, path, NULL);
        AUTO_ANSWER other = get(api, theirs, NULL);
        AUTO_ANSWER list = api_ask(api, "GET", "/api/v1/deltas?state=kept", NULL);

        status = kept.status;
        cr_expect_str_eq(buf_text(&kept.body), "patch");
        cr_expect_eq(other.status, 404);
        cr_expect_str_eq(api_text(&list, "items.0.from"), one);
        cr_expect_str_eq(api_text(&list, "items.0.to"), two);
        cr_expect_eq(api_number(&list, "items.0.length"), 5);
    }
    cr_expect_eq(status, 200);
    fixture_sql(&api->fixture, "UPDATE delta SET length = 6"); /* the file is damaged */
    {
        AUTO_ANSWER damaged = get(api, path, NULL);

        cr_expect_eq(damaged.status, 404);
    }
    api_close(api);
}
