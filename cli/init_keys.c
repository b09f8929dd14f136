/* Keys of a profile and the first documents that name them. */
#include "cli/init.h"

#include <string.h>

#include "cli/key_dir.h"
#include "cli/trust/anchors.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/os/file.h"

bool init_online_keys(struct api *api, json_t **out, struct err *err)
{
    static const char *const names[] = {"snapshot", "timestamp", "director", "time"};
    AUTO_JSON *answer = NULL;

    if (!api_call(api, "GET", "/repo/online-keys", NULL, &answer, err))
        return false;
    for (size_t i = 0; i < COUNT(names); i++) {
        AUTO_KEY_PUBLIC key = {0};
        json_t *object;

        if (!json_field_object(answer, "", names[i], &object, err) ||
            !key_public_parse(object, names[i], &key, err))
            return err_wrap(err, "the server's keys");
    }
    *out = TAKE(answer);
    return true;
}

static bool make_key(const char *dir, const char *place, struct err *err)
{
    const char *slash = strchr(place, '/');
    AUTO_FREE char *folder = mem_printf("%s/%.*s", dir, (int)(slash - place), place);
    AUTO_FREE char *secret = mem_printf("%s/%s.key", dir, place);
    AUTO_KEY_PUBLIC key = {0};

    if (file_exists(secret))
        return key_dir_public(folder, slash + 1, &key, err);
    return key_dir_make(folder, slash + 1, &key, err);
}

bool init_make_keys(const struct profile *profile, const char *dir, struct err *err)
{
    for (size_t role = 0; role < PROFILE_ROLE_COUNT; role++) {
        for (const char *const *place = profile->rules[role].keys; *place; place++) {
            if (!make_key(dir, *place, err))
                return false;
        }
    }
    return true;
}

/* The key objects of a profile's rule. */
static bool rule_keys(const char *dir, const struct profile_rule *rule, json_t **out,
                      struct err *err)
{
    AUTO_JSON *list = json_array();

    for (const char *const *place = rule->keys; *place; place++) {
        const char *slash = strchr(*place, '/');
        AUTO_FREE char *folder = mem_printf("%s/%.*s", dir, (int)(slash - *place), *place);
        AUTO_KEY_PUBLIC key = {0};

        if (!key_dir_public(folder, slash + 1, &key, err))
            return false;
        ASSERT(json_array_append(list, key.key) == 0);
    }
    *out = TAKE(list);
    return true;
}

static void plan_role(struct tuf_root_plan *plan, enum tuf_role role, const json_t *keys,
                      unsigned threshold)
{
    const json_t *key;
    size_t i;

    json_array_foreach(keys, i, key)
    {
        plan->roles[role].keys[i] = key;
    }
    plan->roles[role].count = json_array_size(keys);
    plan->roles[role].threshold = threshold;
}

static void plan_online(struct tuf_root_plan *plan, enum tuf_role role, const json_t *online,
                        const char *name)
{
    plan->roles[role].keys[0] = json_object_get(json_object_get(online, name), "key");
    plan->roles[role].count = 1;
    plan->roles[role].threshold = 1;
}

static bool image_root(struct ceremony *ceremony, const struct init_plan *plan, struct err *err)
{
    struct tuf_root_plan root_plan = {.version = 1,
                                      .expires_ms = ceremony->plan.now_ms +
                                                    ((int64_t)ceremony->plan.days * EDIT_DAY_MS)};
    AUTO_JSON *root = NULL;
    AUTO_JSON *targets = NULL;
    json_t *body;

    if (!rule_keys(plan->dir, &plan->profile->rules[PROFILE_ROOT], &root, err) ||
        !rule_keys(plan->dir, &plan->profile->rules[PROFILE_TARGETS], &targets, err))
        return false;
    plan_role(&root_plan, TUF_ROOT, root, plan->profile->rules[PROFILE_ROOT].threshold);
    plan_role(&root_plan, TUF_TARGETS, targets, plan->profile->rules[PROFILE_TARGETS].threshold);
    plan_online(&root_plan, TUF_SNAPSHOT, plan->online, "snapshot");
    plan_online(&root_plan, TUF_TIMESTAMP, plan->online, "timestamp");
    if (!tuf_make_root(&root_plan, &body, err))
        return false;
    plan_add(&ceremony->plan, "image", "root", body);
    return true;
}

/* The director's root, and the same as the file that tells devices which one it is. */
static bool sign_director_root(const struct ceremony *ceremony, const json_t *body,
                               struct buf *text, struct err *err)
{
    AUTO_BUNDLE bundle;
    struct bundle_document *document;
    const json_t *keyids = json_object_get(edit_rule(body, "root"), "keyids");
    size_t added = 0;

    bundle_init(&bundle, "", "");
    if (!bundle_add(&bundle, "director", "root", json_deep_copy(body), &document, err) ||
        !keyring_sign(&ceremony->ring, keyids, document, NULL, &added, err))
        return false;
    bundle_document_format(document, text);
    return true;
}

static bool director_root(struct ceremony *ceremony, const struct init_plan *plan, struct buf *text,
                          struct err *err)
{
    static const enum tuf_role online_roles[] = {TUF_TARGETS, TUF_SNAPSHOT, TUF_TIMESTAMP};
    struct tuf_root_plan root_plan = {.version = 1,
                                      .expires_ms = ceremony->plan.now_ms +
                                                    ((int64_t)ceremony->plan.days * EDIT_DAY_MS)};
    AUTO_JSON *root = NULL;
    json_t *body;

    if (!rule_keys(plan->dir, &plan->profile->rules[PROFILE_DIRECTOR_ROOT], &root, err))
        return false;
    plan_role(&root_plan, TUF_ROOT, root, plan->profile->rules[PROFILE_DIRECTOR_ROOT].threshold);
    for (size_t i = 0; i < COUNT(online_roles); i++)
        plan_online(&root_plan, online_roles[i], plan->online, "director");
    if (!tuf_make_root(&root_plan, &body, err))
        return false;
    plan_add(&ceremony->plan, "director", "root", body);
    return sign_director_root(ceremony, body, text, err);
}

static bool add_hardware(struct ceremony *ceremony, const struct init_plan *plan, struct err *err)
{
    json_t *targets = plan_edit(&ceremony->plan, "image", "targets");
    AUTO_JSON *keys = NULL;

    if (!rule_keys(plan->dir, &plan->profile->rules[PROFILE_OS], &keys, err))
        return false;
    for (size_t i = 0; i < plan->hwids->count; i++) {
        AUTO_FREE char *role = mem_printf("os-%s", plan->hwids->items[i]);

        if (!edit_delegate_os(targets, plan->hwids->items[i], keys,
                              plan->profile->rules[PROFILE_OS].threshold, err))
            return false;
        plan_add(&ceremony->plan, "image", role,
                 edit_targets_new(ceremony->plan.now_ms, ceremony->plan.days));
    }
    return true;
}

bool init_first_documents(struct ceremony *ceremony, const struct init_plan *plan, struct err *err)
{
    AUTO_JSON *anchors = anchors_new(json_object_get(json_object_get(plan->online, "time"), "key"));
    AUTO_FREE char *anchors_file = NULL;
    AUTO_BUF root;

    buf_init(&root, TUF_ROOT_BYTES_MAX);
    if (!anchors_set_pins(anchors, plan->pins->items, plan->pins->count, err) ||
        !image_root(ceremony, plan, err) || !director_root(ceremony, plan, &root, err))
        return false;
    anchors_file = anchors_text(anchors);
    plan_add(&ceremony->plan, "image", "targets",
             edit_targets_new(ceremony->plan.now_ms, ceremony->plan.days));
    return plan_add_file(&ceremony->plan, "trust/director-root.json", "director-root",
                         buf_text(&root), err) &&
           plan_add_file(&ceremony->plan, "trust/anchors.json", "anchors", anchors_file, err) &&
           add_hardware(ceremony, plan, err);
}
