#include <criterion/criterion.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "tests/support/api.h"

#define MISSING "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"

Test(release, is_made_of_uploaded_images_of_its_product)
{
    struct api *api = api_open();
    api_begin(api);
    AUTO_FREE char *one = api_image(api, "1.0", 1, "first", 5);
    AUTO_FREE char *two = api_image(api, "2.0", 2, "second", 6);
    AUTO_FREE char *other =
        api_create(api, "/api/v1/products", "{\"name\":\"other\",\"hwids\":[\"h2\"]}");
    AUTO_FREE char *one_list = mem_printf("[\"%s\"]", one);
    AUTO_FREE char *two_list = mem_printf("[\"%s\"]", two);
    AUTO_FREE char *twice = mem_printf("[\"%s\",\"%s\"]", one, one);
    AUTO_FREE char *both = mem_printf("[\"%s\",\"%s\"]", one, two);
    const struct {
        const char *what;
        const char *product;
        const char *images; /* the array */
        int status;
        const char *says;
    } cases[] = {
        {"no image", api->product, "[]", 400, "'images' is empty"},
        {"no hash", api->product, "[\"x\"]", 400, "images[0]"},
        {"the same twice", api->product, twice, 400, "images[1]"},
        {"not uploaded", api->product, "[\"" MISSING "\"]", 409, MISSING},
        {"another product's", other, one_list, 409, "another product"},
        {"two for one component", api->product, both, 409, "same component"},
        {"no product", "00000000-0000-0000-0000-000000000000", one_list, 404, "no such product"},
        {"good", api->product, one_list, 201, ""},
        {"the name again", api->product, two_list, 409, "release named 'v1'"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO_FREE char *body = mem_printf("{\"name\":\"v1\",\"product\":\"%s\",\"images\":%s}",
                                          cases[i].product, cases[i].images);
        AUTO_ANSWER answer = api_ask(api, "POST", "/api/v1/releases", body);

        cr_expect_eq(answer.status, cases[i].status, "%s: %s", cases[i].what,
                     buf_text(&answer.body));
        cr_expect(strstr(api_text(&answer, "detail"), cases[i].says), "%s: %s", cases[i].what,
                  buf_text(&answer.body));
        if (answer.status == 201)
            cr_expect_str_eq(api_text(&answer, "images.0.sha256"), one);
    }
    api_close(api);
}

Test(release, is_listed_with_its_images_and_found_by_id)
{
    struct api *api = api_open();
    api_begin(api);
    AUTO_FREE char *image = api_image(api, "1.0", 1, "first", 5);
    AUTO_FREE char *body = mem_printf(
        "{\"name\":\"v1\",\"product\":\"%s\",\"images\":[\"%s\"],\"notes\":\"first light\"}",
        api->product, image);
    AUTO_FREE char *id = api_create(api, "/api/v1/releases", body);
    AUTO_FREE char *path = mem_printf("/api/v1/releases/%s", id);
    AUTO_FREE char *image_path = mem_printf("/api/v1/images/%s", image);
    AUTO_ANSWER list = api_ask(api, "GET", "/api/v1/releases?name=v1", NULL);
    AUTO_ANSWER none = api_ask(api, "GET", "/api/v1/releases?name=v2", NULL);
    AUTO_ANSWER one = api_ask(api, "GET", path, NULL);
    AUTO_ANSWER shown = api_ask(api, "GET", image_path, NULL);
    AUTO_ANSWER hidden = api_send(
        api, &(struct api_request){.method = "GET", .path = image_path, .token = "other-reader"});

    cr_expect_str_eq(api_text(&list, "items.0.images.0.version"), "1.0");
    cr_expect_eq(api_number(&none, "items"), 0);
    cr_expect_str_eq(api_text(&one, "notes"), "first light");
    cr_expect_str_eq(api_text(&one, "product"), "board");
    cr_expect_eq(api_number(&shown, "length"), 5);
    cr_expect_str_eq(api_text(&shown, "path"), "os/h1/1.0/rootfs.img");
    cr_expect_str_eq(api_text(&shown, "component"), "base-os");
    cr_expect_eq(hidden.status, 404);
    api_close(api);
}
