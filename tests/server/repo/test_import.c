#include "server/repo/import.h"

#include <criterion/criterion.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/loop/loop.h"
#include "server/repo/signer.h"
#include "tests/support/api.h"
#include "tests/support/temp.h"

static void insert_key(const struct api *api, const char *tenant, const char *role,
                       const struct sign_key *key)
{
    AUTO_FREE char *sql = NULL;
    uint8_t seed[SIGNER_SEED_BYTES];
    char seed_hex[2 * SIGNER_SEED_BYTES + 1];
    char public_hex[SIGN_PUBLIC_HEX_ROOM];

    sign_key_seed(key, seed);
    text_from_hex_bytes(seed, sizeof(seed), seed_hex);
    text_from_hex_bytes(sign_key_public(key), SIGN_PUBLIC_BYTES, public_hex);
    sql = mem_printf("INSERT INTO repo_online_key (tenant_id, role, seed, public_key)"
                     " SELECT id, '%s', '\\x%s', '\\x%s' FROM tenant WHERE name = '%s'",
                     role, seed_hex, public_hex, tenant);
    fixture_sql(&api->fixture, sql);
}

static void run_import(struct api *api)
{
    struct repo_import *import =
        repo_import_new(api->worker.loop, api->worker.db, api->worker.signer);

    while (!repo_import_ready(import))
        loop_turn(api->worker.loop);
    repo_import_free(import);
}

/* The server's own word about the key of the default tenant. */
static bool serves(struct api *api, const char *role, const struct sign_key *key)
{
    AUTO_ANSWER answer = api_ask(api, "GET", "/api/v1/repo/online-keys", NULL);
    AUTO_FREE char *path = mem_printf("%s.key.keyval.public", role);
    char hex[SIGN_PUBLIC_HEX_ROOM];

    text_from_hex_bytes(sign_key_public(key), SIGN_PUBLIC_BYTES, hex);
    return text_equal(api_text(&answer, path), hex);
}

/* Fails when there is a seed left that is not of `role`. */
static void check_seeds(const struct api *api, const char *left)
{
    AUTO_FREE char *sql =
        mem_printf("DO $$ BEGIN IF (SELECT coalesce(string_agg(role, ','), '') FROM repo_online_key"
                   " WHERE seed IS NOT NULL) <> '%s' THEN RAISE 'other seeds are left'; END IF;"
                   " END $$",
                   left);

    fixture_sql(&api->fixture, sql);
}

Test(import, moves_every_tenants_keys_into_the_signer_and_forgets_them)
{
    struct api *api = api_open();
    AUTO_SIGN_KEY struct sign_key *snapshot = sign_key_new();
    AUTO_SIGN_KEY struct sign_key *timestamp = sign_key_new();
    AUTO_SIGN_KEY struct sign_key *other = sign_key_new();

    insert_key(api, "default", "snapshot", snapshot);
    insert_key(api, "default", "timestamp", timestamp);
    insert_key(api, "other", "snapshot", other);
    run_import(api);

    cr_expect(serves(api, "snapshot", snapshot));
    cr_expect(serves(api, "timestamp", timestamp));
    check_seeds(api, "");
    run_import(api); /* nothing is left to do */
    cr_expect(serves(api, "snapshot", snapshot));
    api_close(api);
}

Test(import, a_move_that_was_cut_short_is_made_again)
{
    struct api *api = api_open();
    AUTO_SIGN_KEY struct sign_key *snapshot = sign_key_new();

    insert_key(api, "default", "snapshot", snapshot);
    run_import(api);
    fixture_sql(&api->fixture, "DELETE FROM repo_online_key");
    insert_key(api, "default", "snapshot", snapshot); /* as if forgetting had failed */
    run_import(api);

    cr_expect(serves(api, "snapshot", snapshot));
    check_seeds(api, "");
    api_close(api);
}

Test(import, a_key_whose_place_is_taken_stays_and_keeps_nobody_from_being_served)
{
    struct api *api = api_open();
    AUTO_SIGN_KEY struct sign_key *first = sign_key_new();
    AUTO_SIGN_KEY struct sign_key *second = sign_key_new();
    AUTO_SIGN_KEY struct sign_key *timestamp = sign_key_new();

    insert_key(api, "default", "snapshot", first);
    run_import(api);
    fixture_sql(&api->fixture, "DELETE FROM repo_online_key");
    insert_key(api, "default", "snapshot", second);
    insert_key(api, "default", "timestamp", timestamp);
    run_import(api);

    cr_expect(serves(api, "snapshot", first));
    cr_expect(serves(api, "timestamp", timestamp));
    check_seeds(api, "snapshot");
    api_close(api);
}
