#include "server/store/store_quarantine.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/mem.h"
#include "tests/support/event_world.h"

static void refuse(struct answer *answer, int64_t device, uint8_t number)
{
    const uint8_t bytes[] = {number, 0, 0xff};
    struct store_quarantine refused = {1, device, {number}, bytes, sizeof(bytes), "field 'x'"};

    answer->fixture->pending++;
    store_quarantine_add(answer->fixture->db, &refused, answer_done, answer);
    fixture_wait(answer->fixture);
    cr_assert_eq(answer->code, ERR_NONE, "%s", answer->text);
}

Test(store_quarantine, the_quarantine_keeps_a_report_once_and_a_device_has_its_bound)
{
    struct fixture fixture;
    struct answer answer;

    event_world_open(&fixture, &answer, 2);
    refuse(&answer, 2, 1);
    refuse(&answer, 2, 1);
    cr_expect_str_eq(world_text(&fixture, "SELECT count(*) || ' ' || max(times)"
                                          "  FROM report_quarantine"),
                     "1 2");
    for (int i = 0; i < STORE_QUARANTINE_DEVICE_MAX + 5; i++)
        refuse(&answer, 1, (uint8_t)i);
    cr_expect_eq(world_number(&fixture, "SELECT count(*) FROM report_quarantine"
                                        " WHERE device_id = 1"),
                 STORE_QUARANTINE_DEVICE_MAX);
    cr_expect_str_eq(world_text(&fixture, "SELECT min(encode(bytes, 'hex')) FROM report_quarantine"
                                          " WHERE device_id = 1"),
                     "0500ff", "the newest stay");
    cr_expect_eq(world_number(&fixture, "SELECT count(*) FROM report_quarantine"
                                        " WHERE device_id = 2"),
                 1, "another's stay too");
    fixture_close(&fixture);
}

Test(store_quarantine, the_quarantine_of_a_tenant_is_bounded)
{
    struct fixture fixture;
    struct answer answer;

    event_world_open(&fixture, &answer, 1);
    world_sql(&fixture,
              "INSERT INTO report_quarantine (tenant_id, device_id, digest, bytes, error)"
              " SELECT 1, 100 + n, sha256(n::text::bytea), 'x', ''"
              "   FROM generate_series(1, %d) AS n",
              STORE_QUARANTINE_MAX);
    refuse(&answer, 1, 1);
    cr_expect_eq(world_number(&fixture, "SELECT count(*) FROM report_quarantine"),
                 STORE_QUARANTINE_MAX);
    cr_expect_eq(world_number(&fixture, "SELECT min(device_id) FROM report_quarantine"
                                        " WHERE device_id > 1"),
                 102);
    fixture_close(&fixture);
}
