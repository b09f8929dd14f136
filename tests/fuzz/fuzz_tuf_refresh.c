/*
 * The whole workflow against a repository that holds the right keys and lies: the first byte
 * chooses a role, the rest is the "signed" part of its document, which is signed here properly.
 * Whatever it says, stored versions never go down, a refusal has a code, and only documents of
 * their own role are stored.
 */
#include <string.h>

#include "lib/crypto/sign.h"
#include "lib/tuf/tuf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const int64_t now_ms = 1795370400000;
static const int64_t expires_ms = 1795456800000;

struct world {
    struct sign_key *keys[TUF_ROLE_COUNT];
    struct buf served[TUF_ROLE_COUNT]; /* 2.root.json, timestamp.json, N.snapshot.json, ... */
    struct buf stored[TUF_ROLE_COUNT];
    uint64_t versions[TUF_ROLE_COUNT];
};

static void sign_body(const struct world *world, enum tuf_role role, const json_t *body,
                      struct buf *out)
{
    const struct sign_key *const keys[] = {world->keys[role]};
    struct err err = {0};

    buf_reset(out);
    ASSERT(tuf_sign_document(body, keys, 1, out, &err));
}

static bool on_fetch(void *arg, const char *name, size_t max, struct buf *out, struct err *err)
{
    const struct world *world = arg;

    for (int role = 0; role < TUF_ROLE_COUNT; role++) {
        const struct buf *served = &world->served[role];

        if (role == TUF_ROOT && strcmp(name, "2.root.json") != 0)
            continue;
        if (!strstr(name, tuf_role_name((enum tuf_role)role)) || served->len == 0)
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

    while (role < TUF_ROLE_COUNT && !strstr(name, tuf_role_name((enum tuf_role)role)))
        role++;
    ASSERT(role < TUF_ROLE_COUNT);
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

    ASSERT(tuf_peek(data, len, &facts, err) && (size_t)facts.role == role);
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
    for (int role = 0; role < TUF_ROLE_COUNT; role++) {
        uint8_t seed[32];

        memset(seed, role + 1, sizeof(seed));
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
    for (int role = 0; role < TUF_ROLE_COUNT; role++) {
        sign_key_free(world->keys[role]);
        buf_done(&world->served[role]);
        buf_done(&world->stored[role]);
    }
}

static json_t *make_snapshot(uint64_t version, const struct buf *targets)
{
    struct tuf_listed listed = {.name = "targets", .version = version, .length = targets->len};

    hash_sha256(targets->data, targets->len, listed.sha256);
    return tuf_make_snapshot(version, expires_ms, &listed, 1);
}

/* An honest repository of one version, but for the role whose body is given. */
static void publish(struct world *world, uint64_t version, enum tuf_role lying, const json_t *body)
{
    AUTO_JSON *none = json_object();
    uint8_t sha256[HASH_BYTES];

    for (int at = 0; at < 3; at++) {
        static const enum tuf_role order[] = {TUF_TARGETS, TUF_SNAPSHOT, TUF_TIMESTAMP};
        const struct buf *below = at ? &world->served[order[at - 1]] : NULL;
        AUTO_JSON *honest = NULL;

        if (below)
            hash_sha256(below->data, below->len, sha256);
        if (order[at] == TUF_TARGETS)
            honest = tuf_make_targets(version, expires_ms, none, NULL);
        else if (order[at] == TUF_SNAPSHOT)
            honest = make_snapshot(version, below);
        else
            honest = tuf_make_timestamp(version, expires_ms, version, below->len, sha256);
        sign_body(world, order[at], order[at] == lying ? body : honest, &world->served[order[at]]);
    }
    if (lying == TUF_ROOT)
        sign_body(world, TUF_ROOT, body, &world->served[TUF_ROOT]);
}

static void refresh(struct world *world)
{
    const struct tuf_io io = {
        .fetch = on_fetch, .load = on_load, .store = on_store, .drop = on_drop, .arg = world};
    struct tuf_set *set = NULL;
    struct err err = {0};

    if (!tuf_refresh(&io, &tuf_limits_wide, now_ms, &set, &err))
        ASSERT(err.code == ERR_UNTRUSTED && err.refusal != REFUSAL_NONE);
    tuf_set_free(set);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_JSON *body = NULL;
    AUTO_JSON *none = json_object();
    struct world world;
    enum tuf_role lying;
    struct err err = {0};

    if (size < 2 || !json_parse(data + 1, size - 1, &json_limits_metadata, &body, &err))
        return 0;
    lying = (enum tuf_role)(data[0] % TUF_ROLE_COUNT);
    world_init(&world);
    publish(&world, 1, TUF_ROLE_COUNT, none);
    refresh(&world);
    ASSERT(world.versions[TUF_TARGETS] == 1);
    publish(&world, 2, lying, body);
    refresh(&world);
    world_done(&world);
    return 0;
}
