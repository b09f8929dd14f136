/* Nothing is clever here either. */
#include "tests/support/tuf_director.h"

#include <criterion/criterion.h>

void entry_put(json_t *object, const char *name, json_t *value)
{
    cr_assert_eq(json_object_set_new(object, name, value), 0);
}

json_t *director_choice(const json_t *image)
{
    json_t *custom = json_object_get(image, "custom");
    json_t *choice =
        json_pack("{s:O, s:O, s:{s:O, s:{s:{s:s}}, s:s}}", "length",
                  json_object_get(image, "length"), "hashes", json_object_get(image, "hashes"),
                  "custom", "match", json_object_get(custom, "match"), "ecus",
                  DIRECTOR_DEVICE "-main", "hwid", "h1", "action", "install");
    json_t *copy = json_deep_copy(choice);

    cr_assert(copy);
    json_decref(choice);
    return copy;
}

struct tuf_set *director_set(json_t *body)
{
    struct tuf_repo *repo = tuf_repo_new();
    const size_t key = TUF_TARGETS;
    struct tuf_set *set = NULL;
    const struct buf *file;
    struct err err = {0};

    tuf_repo_put(repo, "1.targets.json", body, &key, 1);
    file = tuf_repo_file(repo, "1.targets.json");
    cr_assert(tuf_set_of_targets(file->data, file->len, &set, &err), "%s", err.text);
    tuf_repo_free(repo);
    return set;
}

json_t *director_body(json_t *entries)
{
    json_t *body = tuf_make_targets(17, director_now_ms + 1000, entries, NULL);

    json_decref(entries);
    cr_assert_eq(json_object_set_new(body, "x-device", json_string(DIRECTOR_DEVICE)), 0);
    cr_assert_eq(json_object_set_new(body, "x-bundle", json_string("r55")), 0);
    cr_assert_eq(json_object_set_new(body, "x-bundle-parts", json_integer(1)), 0);
    cr_assert_eq(json_object_set_new(body, "x-issued", json_string("2026-11-22T17:00:00Z")), 0);
    return body;
}

json_t *entry_custom(json_t *entry)
{
    return json_object_get(entry, "custom");
}

json_t *entry_match(json_t *entry)
{
    return json_object_get(entry_custom(entry), "match");
}
