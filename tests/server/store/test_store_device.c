#include "server/store/store_device.h"

#include <criterion/criterion.h>
#include <string.h>

#include "lib/base/text.h"
#include "server/store/store_seen.h"
#include "server/store/store_session.h"
#include "tests/support/world.h"

static struct wire_claim claim_of(unsigned number, const char *token, const char *hwid)
{
    struct wire_claim claim = {0};

    world_device_id(number, claim.public_key);
    cr_assert(text_copy(claim.claim, sizeof(claim.claim), token));
    cr_assert(text_copy(claim.hwid, sizeof(claim.hwid), hwid));
    return claim;
}

static const char *claim(struct answer *answer, unsigned number, const char *token,
                         const char *hwid)
{
    struct wire_claim message = claim_of(number, token, hwid);
    uint8_t device[32];

    world_device_id(number, device);
    answer->fixture->pending++;
    store_device_claim(answer->fixture->db, &message, device, answer_done, answer);
    fixture_wait(answer->fixture);
    return answer->text;
}

Test(store_device, claims_as_often_as_the_token_says_and_the_same_again_for_the_same)
{
    struct fixture fixture;
    struct answer answer = {.fixture = &fixture};

    world_open(&fixture, 1);
    world_sql(&fixture, "UPDATE claim_token SET count = 2");

    cr_expect_str_eq(claim(&answer, 1, WORLD_CLAIM, "board"), "good|default|board|production");
    cr_expect_str_eq(claim(&answer, 1, WORLD_CLAIM, "board"), "good|default|board|production");
    cr_expect_str_eq(claim(&answer, 2, WORLD_CLAIM, "toaster"), "other-hardware|NULL|NULL|NULL");
    cr_expect_str_eq(claim(&answer, 2, "another", "board"), "unknown|NULL|NULL|NULL");
    cr_expect_str_eq(claim(&answer, 2, WORLD_CLAIM, "board"), "good|default|board|production");
    cr_expect_str_eq(claim(&answer, 3, WORLD_CLAIM, "board"), "used-up|NULL|NULL|NULL");
    world_sql(&fixture, "UPDATE claim_token SET count = 9, expires_at = now()");
    cr_expect_str_eq(claim(&answer, 3, WORLD_CLAIM, "board"), "expired|NULL|NULL|NULL");
    cr_expect_str_eq(claim(&answer, 1, WORLD_CLAIM, "board"), "good|default|board|production",
                     "a claim that was answered is answered for ever");

    cr_expect_eq(world_number(&fixture, "SELECT used FROM claim_token"), 2);
    cr_expect_eq(world_number(&fixture, "SELECT count(*) FROM device"), 2);
    world_sql(&fixture, "INSERT INTO claim_token (tenant_id, group_id, digest, count, expires_at)"
                        " SELECT 1, 1, sha256('other'), 1, now() + interval '1 day'");
    cr_expect_str_eq(claim(&answer, 1, "other", "board"), "other|NULL|NULL|NULL");
    fixture_close(&fixture);
}

struct claims {
    struct fixture *fixture;
    unsigned good;
    unsigned conflicts;
    unsigned used_up;
};

static void on_claimed(const struct db_result *result, const struct err *err, void *arg)
{
    struct claims *claims = arg;
    struct store_claimed claimed;

    if (err) {
        cr_expect_eq(err->code, ERR_CONFLICT, "%s", err->text);
        claims->conflicts++;
    } else {
        store_claimed_read(result, &claimed);
        claims->good += claimed.outcome == CLAIM_GOOD;
        claims->used_up += claimed.outcome == CLAIM_USED_UP;
    }
    fixture_answered(claims->fixture);
}

Test(store_device, claims_at_the_same_time_never_pass_the_count)
{
    struct fixture fixture;
    struct claims claims = {.fixture = &fixture};

    world_open(&fixture, 4);
    world_sql(&fixture, "UPDATE claim_token SET count = 10");
    fixture.pending = 60;
    for (unsigned i = 0; i < 60; i++) {
        struct wire_claim message = claim_of(1 + i / 2, WORLD_CLAIM, "board"); /* each key twice */
        uint8_t device[32];

        world_device_id(1 + i / 2, device);
        store_device_claim(fixture.db, &message, device, on_claimed, &claims);
    }
    fixture_wait(&fixture);

    cr_expect_eq(world_number(&fixture, "SELECT used FROM claim_token"), 10);
    cr_expect_eq(world_number(&fixture, "SELECT count(*) FROM device"), 10);
    cr_expect(claims.good >= 10 && claims.good <= 20, "%u", claims.good);
    cr_expect_eq(claims.good + claims.conflicts + claims.used_up, 60);
    fixture_close(&fixture);
}

static void on_device(const struct db_result *result, const struct err *err, void *arg)
{
    struct fixture *fixture = arg;
    struct store_device device;
    uint8_t want[32];

    cr_assert_null(err);
    cr_assert_eq(db_rows(result), 2, "a page of two");
    store_device_read(result, 0, &device);
    world_device_id(2, want);
    cr_expect_eq(device.id, 2);
    cr_expect_arr_eq(device.device, want, 32);
    cr_expect_str_eq(device.hwid, "board");
    cr_expect_eq(device.standing.state, UPDATE_STAGED);
    cr_expect_eq(device.standing.phase, 3);
    cr_expect_eq(device.standing.assignment, 7);
    cr_expect_eq(device.installed_count, 2);
    world_image(4, want);
    cr_expect_arr_eq(device.installed[0], want, 32);
    world_image(2, want);
    cr_expect_arr_eq(device.installed[1], want, 32);
    cr_expect(device.attributes_hash.set);
    cr_expect_eq(device.seen_ms, 1700000000000);
    store_device_read(result, 1, &device);
    cr_expect_eq(device.id, 3);
    cr_expect_eq(device.standing.state, UPDATE_IDLE);
    cr_expect_eq(device.standing.deployment_id, 0);
    cr_expect_eq(device.installed_count, 1);
    cr_expect_not(device.attributes_hash.set);
    cr_expect_eq(device.seen_ms, 0);
    fixture_answered(fixture);
}

Test(store_device, reads_pages_with_all_that_memory_needs)
{
    struct fixture fixture;
    struct answer answer = {.fixture = &fixture};
    struct store_installed installed = {.device_id = 2, .count = 2};
    struct store_seen seen[] = {{2, 1, 1700000000000}};
    uint8_t hash[HASH_BYTES] = {1};
    int64_t deployment;

    world_open(&fixture, 1);
    world_devices(&fixture, 4);
    deployment = world_deployment(&fixture, 2, "100000");
    world_sql(&fixture,
              "UPDATE device SET assignment = 7, deployment_id = %lld WHERE id = 2;"
              "INSERT INTO deployment_device (deployment_id, device_id, tenant_id, phase, state)"
              " VALUES (%lld, 2, 1, 3, 'staged')",
              (long long)deployment, (long long)deployment);
    world_image(4, installed.images[0]);
    world_image(2, installed.images[1]);
    fixture.pending = 4;
    store_device_installed(fixture.db, &installed, 1, answer_done, &answer);
    store_device_attributes(fixture.db, 2, "{\"zone\":\"lab\"}", hash, answer_done, &answer);
    store_seen_write(fixture.db, seen, 1, answer_done, &answer);
    seen[0].seen_ms -= 1000;
    store_seen_write(fixture.db, seen, 1, answer_done, &answer); /* an older time changes nothing */
    fixture_wait(&fixture);

    fixture.pending = 1;
    store_device_page(fixture.db, 1, 2, on_device, &fixture);
    fixture_wait(&fixture);

    cr_expect_str_eq(world_text(&fixture, "SELECT attributes->>'zone' FROM device WHERE id = 2"),
                     "lab");
    fixture_close(&fixture);
}

Test(store_device, an_empty_list_of_images_is_stored_as_one)
{
    struct fixture fixture;
    struct answer answer = {.fixture = &fixture};
    struct store_installed installed = {.device_id = 1};

    world_open(&fixture, 1);
    world_devices(&fixture, 1);
    fixture.pending = 1;
    store_device_installed(fixture.db, &installed, 1, answer_done, &answer);
    fixture_wait(&fixture);

    cr_expect_eq(answer.code, ERR_NONE, "%s", answer.text);
    cr_expect_eq(world_number(&fixture, "SELECT cardinality(installed) FROM device"), 0);
    fixture_close(&fixture);
}

Test(store_session, keeps_the_newest_two_of_a_device)
{
    struct fixture fixture;
    struct answer answer = {.fixture = &fixture};
    struct store_session session = {.device_id = 1};

    world_open(&fixture, 1);
    world_devices(&fixture, 2);
    for (uint8_t i = 1; i <= 4; i++) {
        session.digest[0] = i;
        session.expires_ms = 4102444800000 + i;
        fixture.pending = 1;
        store_session_add(fixture.db, &session, answer_done, &answer);
        fixture_wait(&fixture);
        cr_expect_eq(answer.code, ERR_NONE, "%s", answer.text);
    }
    session = (struct store_session){.device_id = 2, .digest = {9}, .expires_ms = 1000};
    fixture.pending = 1;
    store_session_add(fixture.db, &session, answer_done, &answer);
    fixture_wait(&fixture);

    fixture.pending = 1;
    store_session_page(fixture.db, NULL, 10, answer_done, &answer);
    fixture_wait(&fixture);

    cr_expect_eq(world_number(&fixture, "SELECT count(*) FROM device_session"
                                        " WHERE device_id = 1 AND get_byte(digest, 0) > 2"),
                 2);
    cr_expect_eq(world_number(&fixture, "SELECT count(*) FROM device_session"), 3);
    cr_expect_not_null(strchr(answer.text, ';'), "two rows: %s", answer.text);
    cr_expect_null(strstr(answer.text, "x09"), "an expired one is not read");
    fixture_close(&fixture);
}
