/* Versions after a restored backup begin where they are told to. */
#include <criterion/criterion.h>

#include "server/store/store_recover.h"
#include "tests/support/world.h"

static const int64_t far_ms = INT64_C(1900000000000);

static uint64_t recover(const struct fixture *fixture, int64_t not_before_ms)
{
    AUTO_DB_SYNC *sync = NULL;
    struct err err = {0};
    uint64_t tenants;

    cr_assert(db_sync_open(fixture->conninfo, &sync, &err), "%s", err.text);
    cr_assert(store_recover(sync, not_before_ms, &tenants, &err), "%s", err.text);
    return tenants;
}

Test(store_recover, raises_and_never_lowers_and_the_audit_says_so)
{
    struct fixture fixture;
    int64_t rows;

    world_open(&fixture, 1);
    rows = world_number(&fixture, "SELECT count(*) FROM audit");
    cr_expect_eq(recover(&fixture, far_ms), 1);
    cr_expect_eq(world_number(&fixture, "SELECT version_floor FROM tenant"), far_ms);
    cr_expect_eq(recover(&fixture, far_ms - 1), 0);
    cr_expect_eq(recover(&fixture, far_ms), 0);
    cr_expect_eq(world_number(&fixture, "SELECT version_floor FROM tenant"), far_ms);
    cr_expect_eq(world_number(&fixture, "SELECT count(*) FROM audit"), rows + 1);
    cr_expect_str_eq(world_text(&fixture, "SELECT action FROM audit ORDER BY seq DESC LIMIT 1"),
                     "repo.recover");
    fixture_close(&fixture);
}
