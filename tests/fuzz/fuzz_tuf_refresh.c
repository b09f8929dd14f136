/*
 * The whole workflow against a repository that holds the right keys and lies: the first byte
 * chooses a role (a delegated one, too), the rest is the "signed" part of its document, which is
 * signed here properly. Whatever it says, stored versions never go down, a refusal has a code,
 * only documents of their own role are stored, and what a search finds is what was looked for.
 */
#include <string.h>

#include "lib/crypto/sign.h"
#include "lib/tuf/tuf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const int64_t now_ms = 1795370400000;
static const int64_t expires_ms = 1795456800000;

enum { DELEGATED = TUF_ROLE_COUNT, ROLES };

static const char delegated_name[] = "os-h1";
static const char looked_for[] = "os/h1/v1/a";

struct world {
    struct sign_key *keys[ROLES];
    struct buf served[ROLES]; /* 2.root.json, timestamp.json, N.snapshot.json, ... */
    struct buf stored[ROLES];
    uint64_t versions[ROLES];
};

static const char *name_of(size_t role)
{
    return role == DELEGATED ? delegated_name : tuf_role_name((enum tuf_role)role);
}

static void sign_body(const struct world *world, size_t role, const json_t *body, struct buf *out)
{
    const struct sign_key *const keys[] = {world->keys[role]};
    struct err err = {0};

    buf_reset(out);
    ASSERT(tuf_sign_document(body, keys, 1, out, &err));
}

static bool on_fetch(void *arg, const char *name, size_t max, struct buf *out, struct err *err)
{
    const struct world *world = arg;

    for (size_t role = 0; role < ROLES; role++) {
        const struct buf *served = &world->served[role];

        if (role == TUF_ROOT && strcmp(name, "2.root.json") != 0)
            continue;
        if (!strstr(name, name_of(role)) || served->len == 0)
            continue;
        if (served->len > max)
            return err_refuse(err, REFUSAL_LENGTH_LIMIT, "too long");
        buf_add(out, served->data, served->len);
        return true;
    }
    return err_set(err, ERR_NOT_FOUND, "404");
}

/* The role whose file this is. */
static size_t role_of(const char *name)
{
    size_t role = 0;

    while (role < ROLES && !strstr(name, name_of(role)))
        role++;
    ASSERT(role < ROLES);
    return role;
}

static bool on_load(void *arg, const char *name, struct buf *out, struct err *err)
{
    const struct world *world = arg;
    size_t role = role_of(name);

    if (world->stored[role].len == 0)
        return err_set(err, ERR_NOT_FOUND, "nothing");
    buf_add(out, world->stored[role].data, world->stored[role].len);
    return true;
}

static bool on_store(void *arg, const char *name, const void *data, size_t len, struct err *err)
{
    struct world *world = arg;
    size_t role = role_of(name);
    struct tuf_facts facts;

    ASSERT(tuf_peek(data, len, &facts, err));
    ASSERT((size_t)facts.role == (role == DELEGATED ? TUF_TARGETS : role));
    ASSERT(facts.version >= world->versions[role]);
    world->versions[role] = facts.version;
    buf_reset(&world->stored[role]);
    buf_add(&world->stored[role], data, len);
    return true;
}

static bool on_drop(void *arg, const char *name, struct err *err)
{
    struct world *world = arg;
    size_t role = role_of(name);

    (void)err;
    world->versions[role] = 0;
    buf_reset(&world->stored[role]);
    return true;
}

static json_t *make_root(const struct world *world)
{
    struct tuf_root_plan plan = {.version = 1, .expires_ms = expires_ms};
    json_t *keys[TUF_ROLE_COUNT];
    json_t *root = NULL;
    struct err err = {0};

    for (int role = 0; role < TUF_ROLE_COUNT; role++) {
        keys[role] = tuf_key_json(sign_key_public(world->keys[role]));
        plan.roles[role].keys[0] = keys[role];
        plan.roles[role].count = 1;
        plan.roles[role].threshold = 1;
    }
    ASSERT(tuf_make_root(&plan, &root, &err));
    for (int role = 0; role < TUF_ROLE_COUNT; role++)
        json_decref(keys[role]);
    return root;
}

static void world_init(struct world *world)
{
    AUTO_JSON *root = NULL;

    *world = (struct world){0};
    for (size_t role = 0; role < ROLES; role++) {
        uint8_t seed[32];

        memset(seed, (int)role + 1, sizeof(seed));
        world->keys[role] = sign_key_from_seed(seed);
        buf_init(&world->served[role], 8 << 20);
        buf_init(&world->stored[role], 8 << 20);
    }
    root = make_root(world);
    sign_body(world, TUF_ROOT, root, &world->stored[TUF_ROOT]);
    world->versions[TUF_ROOT] = 1;
}

static void world_done(struct world *world)
{
    for (size_t role = 0; role < ROLES; role++) {
        sign_key_free(world->keys[role]);
        buf_done(&world->served[role]);
        buf_done(&world->stored[role]);
    }
}

static json_t *make_targets(const struct world *world, uint64_t version)
{
    static const char *const path = "os/h1/*/*";
    AUTO_JSON *key = tuf_key_json(sign_key_public(world->keys[DELEGATED]));
    const json_t *const keys[] = {key};
    AUTO_JSON *none = json_object();
    AUTO_JSON *delegations = NULL;
    char keyid[TUF_KEYID_ROOM];
    const char *const keyids[] = {keyid};
    const struct tuf_delegation_plan plan = {.name = delegated_name,
                                             .keyids = keyids,
                                             .keyid_count = 1,
                                             .threshold = 1,
                                             .paths = &path,
                                             .path_count = 1};
    json_t *roles = json_array();
    struct err err = {0};

    tuf_keyid(sign_key_public(world->keys[DELEGATED]), keyid);
    ASSERT(json_array_append_new(roles, tuf_delegation_json(&plan)) == 0);
    ASSERT(tuf_delegations_json(keys, 1, roles, NULL, &delegations, &err));
    return tuf_make_targets(version, expires_ms, none, delegations);
}

static json_t *make_delegated(uint64_t version)
{
    AUTO_JSON *targets =
        json_pack("{s:{s:i, s:{s:s}}}", looked_for, "length", 1, "hashes", "sha256",
                  "0000000000000000000000000000000000000000000000000000000000000000");

    return tuf_make_targets(version, expires_ms, targets, NULL);
}

static struct tuf_listed listed_as(const char *name, uint64_t version, const struct buf *file)
{
    struct tuf_listed listed = {.name = name, .version = version, .length = file->len};

    hash_sha256(file->data, file->len, listed.sha256);
    return listed;
}

static json_t *make_honest(const struct world *world, uint64_t version, size_t role)
{
    const struct tuf_listed listed[] = {
        listed_as("targets", version, &world->served[TUF_TARGETS]),
        listed_as(delegated_name, version, &world->served[DELEGATED]),
        listed_as("snapshot", version, &world->served[TUF_SNAPSHOT]),
    };

    if (role == DELEGATED)
        return make_delegated(version);
    if (role == TUF_TARGETS)
        return make_targets(world, version);
    if (role == TUF_SNAPSHOT)
        return tuf_make_snapshot(version, expires_ms, listed, 2);
    return tuf_make_timestamp(version, expires_ms, version, listed[2].length, listed[2].sha256);
}

/* An honest repository of one version, but for the role whose body is given. */
static void publish(struct world *world, uint64_t version, size_t lying, const json_t *body)
{
    static const size_t order[] = {DELEGATED, TUF_TARGETS, TUF_SNAPSHOT, TUF_TIMESTAMP};

    for (size_t i = 0; i < COUNT(order); i++) {
        AUTO_JSON *honest = make_honest(world, version, order[i]);

        sign_body(world, order[i], order[i] == lying ? body : honest, &world->served[order[i]]);
    }
    if (lying == TUF_ROOT)
        sign_body(world, TUF_ROOT, body, &world->served[TUF_ROOT]);
}

static void check_refused(const struct err *err)
{
    ASSERT(err->code == ERR_UNTRUSTED && err->refusal != REFUSAL_NONE);
}

static bool on_target(const struct tuf_target *target, void *arg)
{
    (void)arg;
    ASSERT(tuf_path_is_safe(target->path) && target->entry[0] == '{');
    return true;
}

static void search(struct tuf_set *set)
{
    static const char *const hwids[] = {NULL, "h1", "h2"};

    for (size_t i = 0; i < COUNT(hwids); i++) {
        AUTO_TUF_TARGET target = {0};
        struct err err = {0};

        if (!tuf_find(set, looked_for, hwids[i], &target, &err))
            check_refused(&err);
        else
            ASSERT(strcmp(target.path, looked_for) == 0);
        if (!tuf_each(set, hwids[i], on_target, NULL, &err))
            check_refused(&err);
    }
}

static void refresh(struct world *world)
{
    const struct tuf_io io = {
        .fetch = on_fetch, .load = on_load, .store = on_store, .drop = on_drop, .arg = world};
    struct tuf_set *set = NULL;
    struct err err = {0};

    if (tuf_refresh(&io, &tuf_limits_wide, now_ms, &set, &err))
        search(set);
    else
        check_refused(&err);
    tuf_set_free(set);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_JSON *body = NULL;
    AUTO_JSON *none = json_object();
    struct world world;
    size_t lying;
    struct err err = {0};

    if (size < 2 || !json_parse(data + 1, size - 1, &json_limits_metadata, &body, &err))
        return 0;
    lying = data[0] % ROLES;
    world_init(&world);
    publish(&world, 1, ROLES, none);
    refresh(&world);
    ASSERT(world.versions[TUF_TARGETS] == 1 && world.versions[DELEGATED] == 1);
    publish(&world, 2, lying, body);
    refresh(&world);
    world_done(&world);
    return 0;
}
