/* What releases promise, what images are made of, products that grow. */
#include <string.h>

#include <criterion/criterion.h>

#include "lib/base/mem.h"
#include "tests/support/api.h"
#include "tests/support/world.h"

/* Product "cam" with an operating system and an app; images by hand, named by the digit that their
 * hash is made of. */
static char *open_product(struct api **out)
{
    struct api *api = *out = api_open();
    char *product = api_create(api, "/api/v1/products", "{\"name\":\"cam\",\"hwids\":[\"a\"]}");
    AUTO_FREE char *os =
        mem_printf("{\"product\":\"%s\",\"type\":\"os\",\"name\":\"base\"}", product);
    AUTO_FREE char *app =
        mem_printf("{\"product\":\"%s\",\"type\":\"app\",\"name\":\"modem\"}", product);

    mem_free(api_create(api, "/api/v1/components", os));
    mem_free(api_create(api, "/api/v1/components", app));
    return product;
}

static void add_image(struct api *api, int digit, const char *type, int counter, const char *more)
{
    world_sql(&api->fixture,
              "INSERT INTO image (tenant_id, component_id, sha256, length, path, version, hwids,"
              "    release_counter, security_epoch, floor, stepping_stone)"
              " SELECT tenant_id, id, decode(repeat('%d', 64), 'hex'), 1, 'p%d', 'v%d', '{a}', %d,"
              "        0, 0, 0 FROM component WHERE type = '%s';"
              "UPDATE image SET %s WHERE sha256 = decode(repeat('%d', 64), 'hex')",
              digit, digit, counter, counter, type, more, digit);
}

/* `digits` are its images; `more` are further fields. */
static struct api_answer release(struct api *api, const char *product, const char *name,
                                 const char *digits, const char *more)
{
    AUTO_BUF body;

    buf_init(&body, 4096);
    buf_printf(&body, "{\"name\":\"%s\",\"product\":\"%s\",\"images\":[", name, product);
    for (const char *c = digits; *c; c++) {
        buf_add_text(&body, c == digits ? "\"" : ",\"");
        for (int i = 0; i < 64; i++)
            buf_add(&body, c, 1);
        buf_add_text(&body, "\"");
    }
    buf_printf(&body, "]%s}", more);
    return api_ask(api, "POST", "/api/v1/releases", buf_text(&body));
}

Test(release_model, keeps_what_it_promises)
{
    struct api *api;
    AUTO_FREE char *product = open_product(&api);

    add_image(api, 1, "os", 1, "floor = 1");
    {
        AUTO_ANSWER plain = release(api, product, "v1", "1", "");
        AUTO_ANSWER full = release(
            api, product, "v1b", "1",
            ",\"exact\":true,\"reversible\":true,\"assumes\":{\"app/modem\":4},\"notes\":\"n\"");

        cr_expect_eq(plain.status, 201, "%s", buf_text(&plain.body));
        cr_expect(strstr(buf_text(&plain.body), "\"exact\" : false"));
        cr_expect_eq(full.status, 201, "nobody runs anything yet: %s", buf_text(&full.body));
        cr_expect(strstr(buf_text(&full.body), "\"exact\" : true"));
        cr_expect(strstr(buf_text(&full.body), "\"reversible\" : true"));
        cr_expect_eq(api_number(&full, "assumes.app/modem"), 4);
        cr_expect_eq(api_number(&full, "images.0.floor"), 1);
    }
    api_close(api);
}

Test(release_model, needs_what_its_images_require)
{
    static const char require[] =
        "requires = '[{\"type\":\"app\",\"name\":\"modem\",\"min_counter\":4}]'";
    static const struct {
        const char *digits;
        const char *more;
        int status;
        const char *says;
    } cases[] = {
        {"2", "", 409, "requires app/modem at 4: the release has none"},
        {"23", "", 409, "the release has it at 3"},
        {"24", "", 201, ""},
        {"2", ",\"assumes\":{\"app/modem\":3}", 409, "requires app/modem at 4"},
        {"2", ",\"assumes\":{\"app/modem\":4}", 201, ""},
        {"23", ",\"assumes\":{\"app/modem\":5}", 201, ""},
        {"2", ",\"assumes\":{\"modem\":5}", 400, "'modem'"},
        {"2", ",\"assumes\":{\"app/modem\":-1}", 400, "assumes.app/modem"},
        {"2", ",\"assumes\":[]", 400, "'assumes'"},
        {"2", ",\"exact\":1", 400, "'exact'"},
    };
    struct api *api;
    AUTO_FREE char *product = open_product(&api);

    add_image(api, 2, "os", 2, require);
    add_image(api, 3, "app", 3, "floor = 0");
    add_image(api, 4, "app", 4, "floor = 0");
    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO_FREE char *name = mem_printf("r%zu", i);
        AUTO_ANSWER answer = release(api, product, name, cases[i].digits, cases[i].more);

        cr_expect_eq(answer.status, cases[i].status, "%s %s: %s", cases[i].digits, cases[i].more,
                     buf_text(&answer.body));
        cr_expect(strstr(api_text(&answer, "detail"), cases[i].says), "%s", buf_text(&answer.body));
    }
    api_close(api);
}

Test(release_model, is_reversible_only_to_what_groups_run)
{
    struct api *api;
    AUTO_FREE char *product = open_product(&api);

    add_image(api, 1, "os", 1, "floor = 0");
    add_image(api, 2, "os", 2, "revert_to = '{1}', revert_until = now() + interval '1 day'");
    add_image(api, 3, "os", 3, "revert_to = '{2}', revert_until = now() + interval '1 day'");
    add_image(api, 4, "os", 4, "revert_to = '{1}', revert_until = now() - interval '1 day'");
    {
        AUTO_ANSWER first = release(api, product, "v1", "1", "");

        cr_assert_eq(first.status, 201);
        world_sql(&api->fixture,
                  "INSERT INTO deployment (public_id, tenant_id, group_id, release_id, state, salt)"
                  " SELECT gen_random_uuid(), g.tenant_id, g.id, r.id, 'finished', 's'"
                  "   FROM release r, device_group g WHERE g.name = 'production';"
                  "UPDATE device_group g SET baseline_deployment_id = d.id FROM deployment d"
                  " WHERE d.group_id = g.id");
    }
    {
        AUTO_ANSWER good = release(api, product, "v2", "2", ",\"reversible\":true");
        AUTO_ANSWER other = release(api, product, "v3", "3", ",\"reversible\":true");
        AUTO_ANSWER over = release(api, product, "v4", "4", ",\"reversible\":true");
        AUTO_ANSWER plain = release(api, product, "v3", "3", "");

        cr_expect_eq(good.status, 201, "%s", buf_text(&good.body));
        cr_expect_eq(other.status, 409);
        cr_expect(strstr(api_text(&other, "detail"), "back to 1, which group 'production' runs"),
                  "%s", buf_text(&other.body));
        cr_expect_eq(over.status, 409, "its time is over");
        cr_expect_eq(plain.status, 201);
    }
    api_close(api);
}

Test(release_model, keeps_what_an_image_is_made_of_as_it_came)
{
    static const char spdx[] =
        "{ \"SPDXID\":\"SPDXRef-DOCUMENT\",\"spdxVersion\":\"SPDX-2.3\",\"packages\":[]}";
    static const char cyclone[] = "{\"bomFormat\":\"CycloneDX\",\"specVersion\":\"1.5\"}";
    struct api *api;
    AUTO_FREE char *path = mem_printf("/api/v1/images/%064d/sbom", 0);

    mem_free(open_product(&api));
    add_image(api, 0, "os", 1, "floor = 0");
    {
        AUTO_ANSWER none = api_ask(api, "GET", path, NULL);
        AUTO_ANSWER put = api_ask(api, "PUT", path, spdx);
        AUTO_ANSWER got = api_ask(api, "GET", path, NULL);
        AUTO_ANSWER again = api_ask(api, "PUT", path, cyclone);
        AUTO_ANSWER bad = api_ask(api, "PUT", path, "{}");
        AUTO_FREE char *image_path = mem_printf("/api/v1/images/%064d", 0);
        AUTO_ANSWER image = api_ask(api, "GET", image_path, NULL);
        AUTO_FREE char *other = mem_printf("/api/v1/images/%064d/sbom", 9);
        AUTO_ANSWER lost = api_ask(api, "PUT", other, spdx);
        AUTO_ANSWER foreign = api_send(
            api, &(struct api_request){.method = "GET", .path = path, .token = "other-reader"});

        cr_expect_eq(none.status, 404);
        cr_expect_eq(put.status, 200, "%s", buf_text(&put.body));
        cr_expect_str_eq(api_text(&put, "format"), "spdx");
        cr_expect_str_eq(buf_text(&got.body), spdx, "byte for byte");
        cr_expect(strstr(buf_text(&got.head), "application/spdx+json"));
        cr_expect_eq(again.status, 200);
        cr_expect_eq(bad.status, 400);
        cr_expect_str_eq(api_text(&image, "sbom.format"), "cyclonedx");
        cr_expect_eq(lost.status, 404);
        cr_expect_eq(foreign.status, 404);
    }
    api_close(api);
}

Test(release_model, lets_a_product_grow_and_change_its_name)
{
    struct api *api;
    AUTO_FREE char *product = open_product(&api);
    AUTO_FREE char *path = mem_printf("/api/v1/products/%s", product);
    AUTO_BUF many;

    buf_init(&many, 4096);
    for (int i = 0; i < 30; i++)
        buf_printf(&many, "%s\"h%d\"", i ? "," : "{\"add_hwids\":[", i);
    buf_add_text(&many, "]}");
    mem_free(api_create(api, "/api/v1/products", "{\"name\":\"gw\",\"hwids\":[\"g\"]}"));
    {
        AUTO_ANSWER grown = api_ask(api, "PATCH", path, "{\"add_hwids\":[\"b\",\"a\"]}");
        AUTO_ANSWER named = api_ask(api, "PATCH", path, "{\"name\":\"camera\"}");
        AUTO_ANSWER taken = api_ask(api, "PATCH", path, "{\"name\":\"gw\"}");
        AUTO_ANSWER full = api_ask(api, "PATCH", path, buf_text(&many));
        AUTO_ANSWER above = api_ask(api, "PATCH", path, "{\"add_hwids\":[\"last\"]}");
        AUTO_ANSWER nothing = api_ask(api, "PATCH", path, "{}");
        AUTO_ANSWER empty = api_ask(api, "PATCH", path, "{\"add_hwids\":[]}");
        AUTO_ANSWER apps = api_ask(api, "GET", "/api/v1/components?type=app", NULL);

        cr_expect_eq(grown.status, 200, "%s", buf_text(&grown.body));
        cr_expect_eq(api_number(&grown, "hwids"), 2, "'a' was there");
        cr_expect_str_eq(api_text(&named, "name"), "camera");
        cr_expect_eq(taken.status, 409);
        cr_expect_eq(full.status, 200, "32 are good: %s", buf_text(&full.body));
        cr_expect_eq(above.status, 409);
        cr_expect_eq(nothing.status, 400);
        cr_expect_eq(empty.status, 400);
        cr_expect_eq(api_number(&apps, "items"), 1);
    }
    api_close(api);
}
