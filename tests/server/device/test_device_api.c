/* The device API from outside: requests on sockets, and what is in the database afterwards. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "tests/support/desk_world.h"

/* --- claims and sessions -------------------------------------------------------------------------
 */

Test(device_api, a_claim_is_answered_the_same_again)
{
    struct desk_world world;
    struct gadget gadget;
    struct wire_claim_answer first, second;
    struct err err;

    desk_world_open(&world);
    gadget_open(&gadget, &world);
    cr_assert_eq(gadget_claim(&gadget, WORLD_CLAIM, "board"), 200);
    cr_assert(wire_claim_answer_parse(gadget.reply.body.data, gadget.reply.body.len, &first, &err));
    cr_assert_eq(gadget_claim(&gadget, WORLD_CLAIM, "board"), 200);
    cr_assert(
        wire_claim_answer_parse(gadget.reply.body.data, gadget.reply.body.len, &second, &err));

    cr_expect_str_eq(first.image_base, "http://server.test:8080/t/default/image");
    cr_expect_str_eq(first.group, "production");
    cr_expect_arr_eq(first.device, gadget.id, sizeof(gadget.id));
    cr_expect_arr_eq((char *)&first, (char *)&second, sizeof(first));
    cr_expect_eq(world_number(&world.fixture, "SELECT used FROM claim_token"), 1);
    gadget_close(&gadget);
    desk_world_close(&world);
}

Test(device_api, refuses_claims_of_others)
{
    struct desk_world world;
    struct gadget gadget;
    struct wire_claim claim = {.claim = WORLD_CLAIM, .hwid = "board"};
    AUTO_BUF body;

    buf_init(&body, WIRE_REQUEST_BYTES_MAX);
    desk_world_open(&world);
    gadget_open(&gadget, &world);
    cr_expect_eq(gadget_claim(&gadget, "not-the-claim", "board"), 403);
    cr_expect_eq(gadget_claim(&gadget, WORLD_CLAIM, "toaster"), 403);
    memcpy(claim.public_key, sign_key_public(gadget.key), sizeof(claim.public_key));
    wire_claim_format(&claim, &body); /* the signature is all zeros */
    cr_expect_eq(gadget_ask(&gadget, "POST", "claim", &body), 403);
    buf_reset(&body);
    buf_add_text(&body, "{\"claim\":1}");
    cr_expect_eq(gadget_ask(&gadget, "POST", "claim", &body), 400);
    cr_expect_eq(world_number(&world.fixture, "SELECT count(*) FROM device"), 0);
    gadget_close(&gadget);
    desk_world_close(&world);
}

Test(device_api, a_session_is_for_who_signs_a_fresh_nonce)
{
    struct desk_world world;
    struct gadget gadget, other;
    struct wire_session asked = {0};
    struct wire_nonce_answer nonce;
    struct err err;
    AUTO_BUF body;

    buf_init(&body, WIRE_REQUEST_BYTES_MAX);
    desk_world_open(&world);
    gadget_open(&gadget, &world);
    gadget_open(&other, &world);
    cr_expect_eq(gadget_session(&gadget), 410, "never claimed");
    cr_assert_eq(gadget_claim(&gadget, WORLD_CLAIM, "board"), 200);
    cr_expect_eq(gadget_poll(&gadget), 401, "no session yet");
    cr_assert_eq(gadget_session(&gadget), 200);
    cr_expect_eq(gadget_poll(&gadget), 200);

    memcpy(other.id, gadget.id, sizeof(other.id));
    cr_expect_eq(gadget_session(&other), 403, "somebody else's key");
    cr_expect_eq(gadget_ask(&other, "POST", "session", NULL), 200);
    cr_assert(wire_nonce_answer_parse(other.reply.body.data, other.reply.body.len, &nonce, &err));
    memcpy(asked.nonce, nonce.nonce, sizeof(asked.nonce));
    asked.nonce[0] = asked.nonce[0] == '0' ? '1' : '0';
    wire_session_format(&asked, &body);
    cr_expect_eq(gadget_ask(&other, "POST", "session", &body), 403, "not our nonce");
    gadget_close(&other);
    gadget_close(&gadget);
    desk_world_close(&world);
}

Test(device_api, sessions_and_rows_outlive_the_server)
{
    struct desk_world world;
    struct gadget gadget;

    desk_world_open(&world);
    gadget_join(&gadget, &world);
    (void)world_deployment(&world.fixture, 2, "100000");
    desk_world_reload(&world);
    cr_assert_eq(gadget_poll(&gadget), 200);
    cr_assert_str_neq(gadget.offered.deployment, "");

    desk_world_restart(&world);
    peer_close(gadget.peer);
    gadget.peer = peer_open(&world.front);
    cr_expect_eq(gadget_poll(&gadget), 200, "the session is still good");
    cr_expect_str_eq(gadget.offered.deployment, "", "and nothing is new");
    gadget.poll.assignment = 0;
    cr_expect_eq(gadget_poll(&gadget), 200);
    cr_expect_str_eq(gadget.offered.deployment, gadget.deployment, "but it is said again");
    cr_expect_eq(gadget.offered.assignment, 1);
    gadget_close(&gadget);
    desk_world_close(&world);
}

/* --- offers -------------------------------------------------------------------------------------
 */

Test(device_api, offers_the_image_and_the_deltas_once_and_follows_the_update)
{
    static const enum update_state steps[] = {UPDATE_DOWNLOADING, UPDATE_STAGED};
    struct desk_world world;
    struct gadget gadget;
    struct wire_activate_answer activate;
    uint8_t hash[HASH_BYTES];

    desk_world_open(&world);
    gadget_join(&gadget, &world);
    cr_expect_eq(gadget.offered.next_poll_s, 1);
    cr_expect_eq(gadget.offered.assignment, 0);
    world_sql(&world.fixture, "INSERT INTO delta (tenant_id, from_image_id, to_image_id, state,"
                              " sha256, length) VALUES (1, 1, 2, 'kept', sha256('x'), 77),"
                              " (1, 3, 2, 'kept', sha256('y'), 78)");
    (void)world_deployment(&world.fixture, 2, "100000");
    desk_world_reload(&world);
    cr_assert_eq(gadget_poll(&gadget), 200);

    world_image(2, hash);
    cr_assert_eq(gadget.offered.target_count, 1);
    cr_expect_arr_eq(gadget.offered.targets[0].sha256, hash, HASH_BYTES);
    cr_expect_str_eq(gadget.offered.targets[0].path, "os/board/v2");
    cr_assert_eq(gadget.offered.delta_count, 1, "only from what it runs");
    cr_expect_eq(gadget.offered.deltas[0].length, 77);
    cr_expect_arr_eq(gadget.offered.deltas[0].from, gadget.poll.installed[0], HASH_BYTES);
    cr_expect(text_starts_with(gadget.offered.deltas[0].path, "deltas/2d711642b726b044"));
    cr_expect_eq(gadget.offered.assignment, 1);

    cr_assert_eq(gadget_poll(&gadget), 200);
    cr_expect_str_eq(gadget.offered.deployment, "", "it was told already");
    for (size_t i = 0; i < COUNT(steps); i++)
        cr_expect_eq(gadget_report(&gadget, steps[i]), 200);
    cr_assert_eq(gadget_activate(&gadget, &activate), 200);
    cr_expect(activate.go);
    cr_expect_eq(gadget_report(&gadget, UPDATE_VERIFYING), 200);
    gadget.poll.installed[0][0] = 2;
    memset(gadget.poll.installed[0], 2, HASH_BYTES);
    cr_expect_eq(gadget_report(&gadget, UPDATE_SUCCEEDED), 200);
    cr_assert_eq(gadget_poll(&gadget), 200);
    cr_expect_str_eq(gadget.offered.deployment, "");
    cr_expect_eq(gadget.offered.assignment, 1, "nothing changed for it");

    cr_expect_str_eq(world_text(&world.fixture, "SELECT state FROM deployment_device"),
                     "succeeded");
    cr_expect_eq(world_counters_wrong(&world.fixture), 0);
    while (world_number(&world.fixture, "SELECT get_byte(installed[1], 0) FROM device") != 2)
        loop_turn(world.worker.loop);
    gadget_close(&gadget);
    desk_world_close(&world);
}

Test(device_api, ten_thousand_polls_run_no_statement)
{
    enum { POLLS = 10000 };
    struct desk_world world;
    struct gadget gadget;
    struct db_stats stats;
    uint64_t before;

    desk_world_open(&world);
    gadget_join(&gadget, &world);
    (void)world_deployment(&world.fixture, 2, "100000");
    desk_world_reload(&world);
    cr_assert_eq(gadget_poll(&gadget), 200);
    do { /* what it runs is being stored */
        loop_turn(world.worker.loop);
        db_stats(world.fixture.db, &stats);
    } while (stats.in_flight + stats.waiting > 0);

    before = desk_world_statements(&world);
    for (int i = 0; i < POLLS; i++)
        cr_assert_eq(gadget_poll(&gadget), 200);

    cr_expect_eq(desk_world_statements(&world), before);
    gadget_close(&gadget);
    desk_world_close(&world);
}

Test(device_api, memory_that_is_late_only_says_no)
{
    struct desk_world world;
    struct gadget gadget;
    struct wire_activate_answer activate;

    desk_world_open(&world);
    gadget_join(&gadget, &world);
    (void)world_deployment(&world.fixture, 2, "100000");
    desk_world_reload(&world);

    world_sql(&world.fixture, "UPDATE deployment SET state = 'paused'"); /* memory does not know */
    cr_assert_eq(gadget_poll(&gadget), 200);
    cr_expect_str_eq(gadget.offered.deployment, "", "paused between poll and grant");
    cr_expect_eq(world_number(&world.fixture, "SELECT count(*) FROM deployment_device"), 0);
    world_sql(&world.fixture, "UPDATE deployment SET state = 'running'");
    while (gadget.offered.deployment[0] == '\0')
        cr_assert_eq(gadget_poll(&gadget), 200); /* at most one attempt per half interval */

    cr_expect_eq(gadget_report(&gadget, UPDATE_STAGED), 200);
    world_sql(&world.fixture, "UPDATE deployment SET state = 'halted'"); /* memory does not know */
    cr_assert_eq(gadget_activate(&gadget, &activate), 200);
    cr_expect_not(activate.go, "halted between staging and activation");
    cr_expect_str_eq(activate.reason, "halted");
    cr_expect_eq(activate.retry_s, 1);
    cr_expect_eq(world_number(&world.fixture, "SELECT count(activated_at) FROM deployment_device"),
                 0);
    gadget_close(&gadget);
    desk_world_close(&world);
}

Test(device_api, an_aborted_offer_is_taken_back_and_the_next_one_comes)
{
    struct desk_world world;
    struct gadget gadget;
    struct wire_activate_answer activate;
    char first[WIRE_UUID_ROOM];

    desk_world_open(&world);
    gadget_join(&gadget, &world);
    (void)world_deployment(&world.fixture, 2, "100000");
    desk_world_reload(&world);
    cr_assert_eq(gadget_poll(&gadget), 200);
    memcpy(first, gadget.deployment, sizeof(first));
    cr_expect_eq(gadget_report(&gadget, UPDATE_STAGED), 200);

    world_sql(&world.fixture, "UPDATE deployment SET state = 'aborted'");
    desk_world_reload(&world);
    while (gadget.offered.assignment == 1)
        cr_assert_eq(gadget_poll(&gadget), 200);
    cr_expect_eq(gadget.offered.assignment, 2);
    cr_expect_str_eq(gadget.offered.deployment, "", "a new assignment without a deployment");
    cr_expect_eq(gadget_report(&gadget, UPDATE_CANCELLED), 200);
    cr_assert_eq(gadget_activate(&gadget, &activate), 200);
    cr_expect_str_eq(activate.reason, "superseded");

    (void)world_deployment(&world.fixture, 3, "100000");
    desk_world_reload(&world);
    while (gadget.offered.deployment[0] == '\0')
        cr_assert_eq(gadget_poll(&gadget), 200);
    cr_expect_str_neq(gadget.offered.deployment, first);
    cr_expect_eq(gadget.offered.assignment, 3);
    cr_expect_eq(world_counters_wrong(&world.fixture), 0);
    gadget_close(&gadget);
    desk_world_close(&world);
}

Test(device_api, late_joiners_converge_to_the_baseline)
{
    enum { GADGETS = 5 };
    struct desk_world world;
    struct gadget gadgets[GADGETS];
    struct wire_activate_answer activate;

    desk_world_open(&world);
    (void)world_deployment(&world.fixture, 2, "5000,100000");
    world_sql(&world.fixture, "UPDATE deployment SET state = 'finished', phase = 2;"
                              "UPDATE device_group SET baseline_deployment_id = 1");
    desk_world_reload(&world);
    for (size_t i = 0; i < GADGETS; i++) {
        struct gadget *gadget = &gadgets[i];

        gadget_join(gadget, &world);
        cr_expect_str_neq(gadget->offered.deployment, "", "at its first poll");
        cr_expect_eq(gadget_report(gadget, UPDATE_STAGED), 200);
        cr_assert_eq(gadget_activate(gadget, &activate), 200);
        cr_expect(activate.go);
        cr_expect_eq(gadget_report(gadget, i == 0 ? UPDATE_ROLLED_BACK : UPDATE_SUCCEEDED), 200);
        if (i > 0)
            world_image(2, gadget->poll.installed[0]);
    }
    for (int round = 0; round < 50; round++)
        for (size_t i = 0; i < GADGETS; i++) {
            cr_assert_eq(gadget_poll(&gadgets[i]), 200);
            cr_assert_str_eq(gadgets[i].offered.deployment, "", "who failed is not asked again");
        }

    cr_expect_eq(world_number(&world.fixture, "SELECT sum(n) FROM deployment_counter"
                                              " WHERE phase = 2 AND state = 'succeeded'"),
                 GADGETS - 1);
    cr_expect_eq(world_counters_wrong(&world.fixture), 0);
    for (size_t i = 0; i < GADGETS; i++)
        gadget_close(&gadgets[i]);
    desk_world_close(&world);
}

/* --- attributes and reports ---------------------------------------------------------------------
 */

Test(device_api, asks_for_attributes_when_theirs_are_not_ours)
{
    struct desk_world world;
    struct gadget gadget;
    AUTO_FREE struct wire_attributes *attributes = mem_alloc(sizeof(*attributes));
    AUTO_BUF body;

    buf_init(&body, WIRE_REQUEST_BYTES_MAX);
    desk_world_open(&world);
    gadget_join(&gadget, &world);
    cr_expect_not(gadget.offered.attributes, "it has none");
    attributes->count = 1;
    (void)text_copy(attributes->pairs[0].key, sizeof(attributes->pairs[0].key), "zone");
    (void)text_copy(attributes->pairs[0].value, sizeof(attributes->pairs[0].value), "a \"b\"");
    gadget.poll.attributes_hash.set = true;
    wire_attributes_hash(attributes, gadget.poll.attributes_hash.bytes);
    cr_assert_eq(gadget_poll(&gadget), 200);
    cr_expect(gadget.offered.attributes);
    wire_attributes_format(attributes, &body);
    cr_expect_eq(gadget_ask(&gadget, "PUT", "attributes", &body), 200);
    cr_assert_eq(gadget_poll(&gadget), 200);
    cr_expect_not(gadget.offered.attributes);
    cr_expect_str_eq(world_text(&world.fixture, "SELECT attributes->>'zone' FROM device"),
                     "a \"b\"");
    gadget_close(&gadget);
    desk_world_close(&world);
}

static void send_report(struct gadget *gadget, uint64_t seq)
{
    struct wire_report report = {.seq = seq, .reason = REFUSAL_SPACE, .time_ms = 1700000000000};
    AUTO_BUF body;

    buf_init(&body, WIRE_REQUEST_BYTES_MAX);
    wire_report_format(&report, &body);
    gadget_send(gadget, "POST", "report", &body);
}

Test(device_api, one_refused_report_takes_no_other_with_it)
{
    enum { GADGETS = 30, POISONED = 11 };
    struct desk_world world;
    struct gadget gadgets[GADGETS];

    desk_world_open(&world);
    for (size_t i = 0; i < GADGETS; i++)
        gadget_join(&gadgets[i], &world);
    while (world_number(&world.fixture, "SELECT count(*) FROM device WHERE installed <> '{}'") <
           GADGETS)
        loop_turn(world.worker.loop);
    world_sql(&world.fixture,
              "DELETE FROM device_session WHERE device_id = %d;"
              "DELETE FROM device WHERE id = %d",
              POISONED + 1, POISONED + 1); /* its rows are refused by the database */
    for (size_t i = 0; i < GADGETS; i++)
        send_report(&gadgets[i], 1);
    for (size_t i = 0; i < GADGETS; i++)
        cr_expect_eq(gadget_answer(&gadgets[i]), i == POISONED ? 409 : 200, "gadget %zu", i);

    cr_expect_eq(world_number(&world.fixture, "SELECT count(*) FROM report"), GADGETS - 1);
    for (size_t i = 0; i < GADGETS; i++)
        gadget_close(&gadgets[i]);
    desk_world_close(&world);
}

Test(device_api, a_lost_connection_loses_and_doubles_nothing)
{
    struct desk_world world;
    struct gadget gadget;

    desk_world_open(&world);
    gadget_join(&gadget, &world);
    for (uint64_t seq = 1; seq <= 6; seq++) {
        int status;

        world_sql(&world.fixture, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                                  " WHERE datname = current_database()"
                                  "   AND pid <> pg_backend_pid()");
        do { /* the same report again until it is acknowledged */
            send_report(&gadget, seq);
            status = gadget_answer(&gadget);
            cr_assert(status == 200 || status == 503, "%d", status);
        } while (status != 200);
        cr_expect_eq(world_number(&world.fixture, "SELECT count(*) FROM report"), (int64_t)seq);
    }
    gadget_close(&gadget);
    desk_world_close(&world);
}

Test(device_api, without_a_database_polls_say_nothing_new_and_reports_come_again)
{
    struct desk_world world;
    struct gadget gadget;
    struct wire_activate_answer activate;

    desk_world_open(&world);
    gadget_join(&gadget, &world);
    (void)world_deployment(&world.fixture, 2, "100000");
    desk_world_reload(&world);
    world_sql(&world.fixture, "UPDATE pg_database SET datallowconn = false"
                              " WHERE datname = current_database();"
                              "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                              " WHERE datname = current_database() AND pid <> pg_backend_pid()");

    send_report(&gadget, 1);
    cr_expect_eq(gadget_answer(&gadget), 503);
    cr_expect_not_null(strstr(gadget.reply.head, "\r\nRetry-After: "));
    cr_expect_eq(gadget_poll(&gadget), 200);
    cr_expect_str_eq(gadget.offered.deployment, "", "memory cannot say yes");
    (void)text_copy(gadget.deployment, sizeof(gadget.deployment),
                    "00000000-0000-0000-0000-000000000000");
    cr_expect_eq(gadget_activate(&gadget, &activate), 503);
    gadget_close(&gadget);
    desk_world_close(&world);
}

Test(device_api, a_server_that_stops_answers_what_waits)
{
    struct desk_world world;
    struct gadget gadget;

    desk_world_open(&world);
    gadget_join(&gadget, &world);
    send_report(&gadget, 1);
    for (int turn = 0; turn < 3; turn++)
        loop_turn(world.worker.loop);
    desk_world_close(&world); /* in whatever state the report is: nothing leaks, nothing hangs */
    gadget_close(&gadget);
}
