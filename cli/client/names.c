/* People say "camera/production"; the API wants ids. */
#include <stdio.h>
#include <string.h>

#include "cli/client/api.h"
#include "lib/base/mem.h"
#include "lib/http/url.h"

enum { UUID_LEN = 36 };

static bool is_id(const char *text)
{
    return strlen(text) == UUID_LEN && text[8] == '-' && text[13] == '-' && text[18] == '-' &&
           text[23] == '-' && strspn(text, "0123456789abcdef-") == UUID_LEN;
}

/* The id of the only item that the list holds under this name. */
static bool find_one(struct api *api, const char *list, const char *what, const char *name,
                     char **out, struct err *err)
{
    AUTO_BUF path = {0};
    AUTO_JSON *found = NULL;
    const json_t *items;
    bool good;

    if (is_id(name)) {
        *out = mem_strdup(name);
        return true;
    }
    buf_init(&path, 1024);
    buf_printf(&path, "%s%cname=", list, strchr(list, '?') ? '&' : '?');
    url_encode(name, &path);
    if (path.failed)
        return err_set(err, ERR_INVALID, "the name of the %s is too long", what);
    good = api_list(api, buf_text(&path), 0, &found, err);
    if (!good)
        return false;
    items = json_object_get(found, "items");
    if (json_array_size(items) == 0)
        return err_set(err, ERR_NOT_FOUND, "there is no %s '%s'; see 'slipway %s list'", what, name,
                       what);
    if (json_array_size(items) > 1)
        return err_set(err, ERR_CONFLICT, "several %ss are named '%s': give the id", what, name);
    *out = mem_strdup(json_string_value(json_object_get(json_array_get(items, 0), "id")));
    return true;
}

bool api_product_id(struct api *api, const char *name, char **out, struct err *err)
{
    return find_one(api, "/products", "product", name, out, err);
}

bool api_group_id(struct api *api, const char *name, char **out, struct err *err)
{
    const char *slash = strchr(name, '/');
    AUTO_FREE char *product_name = NULL;
    AUTO_FREE char *product = NULL;
    AUTO_FREE char *list = NULL;

    if (is_id(name)) {
        *out = mem_strdup(name);
        return true;
    }
    if (!slash)
        return err_set(err, ERR_INVALID, "a group is named PRODUCT/GROUP, not '%s'", name);
    product_name = mem_strndup(name, (size_t)(slash - name));
    if (!api_product_id(api, product_name, &product, err))
        return false;
    list = mem_printf("/products/%s/groups", product);
    return find_one(api, list, "group", slash + 1, out, err);
}

bool api_release_id(struct api *api, const char *name, const char *product, char **out,
                    struct err *err)
{
    AUTO_FREE char *list =
        product ? mem_printf("/releases?product=%s", product) : mem_strdup("/releases");

    return find_one(api, list, "release", name, out, err);
}
