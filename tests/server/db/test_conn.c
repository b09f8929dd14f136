/* Outages. They need a cluster of their own, since they kill it. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "lib/base/mem.h"
#include "lib/os/file.h"
#include "server/dev/cluster.h"
#include "tests/support/db_fixture.h"

static const struct db_stmt one = {.scope = DB_NO_TENANT, .name = "one", .sql = "SELECT 1"};
static const struct db_stmt sleep_long = {
    .scope = DB_NO_TENANT, .name = "sleep", .sql = "SELECT pg_sleep(600)"};
static const struct db_stmt add = {
    .scope = DB_NO_TENANT, .name = "add", .sql = "INSERT INTO t VALUES (1)"};
static const struct db_stmt count = {
    .scope = DB_NO_TENANT, .name = "count", .sql = "SELECT count(*) FROM t"};

static char dir[] = "/tmp/slipway-conn-XXXXXX";
static struct cluster *cluster;
static struct fixture fixture;

static void start_cluster(void)
{
    struct err err;

    cr_assert(cluster_start(dir, CLUSTER_TEST, &cluster, &err), "%s", err.text);
}

static void setup(void)
{
    AUTO_FREE char *conninfo = NULL;

    cr_assert_not_null(mkdtemp(dir));
    start_cluster();
    conninfo = cluster_conninfo(cluster, "postgres");
    fixture_open_empty_at(&fixture, conninfo, 1);
    fixture_sql(&fixture, "CREATE TABLE t (a integer)");
}

static void teardown(void)
{
    struct err err;

    fixture_close(&fixture);
    cluster_free(cluster);
    cr_assert(cluster_destroy(dir, &err) && file_remove_tree(dir, &err), "%s", err.text);
}

static struct answer call(const struct db_stmt *stmt)
{
    struct answer answer = {.fixture = &fixture};

    answer_wait(&answer, db_call_new(fixture.db, stmt, answer_done, &answer));
    return answer;
}

static void send(struct answer *answer, const struct db_stmt *stmt)
{
    answer->fixture = &fixture;
    fixture.pending++;
    db_send(db_call_new(fixture.db, stmt, answer_done, answer));
}

static void turn_until_in_flight(size_t wanted)
{
    struct db_stats stats;

    do {
        loop_turn(fixture.loop);
        db_stats(fixture.db, &stats);
    } while (stats.in_flight < wanted);
}

/* Calls until one is answered well; each waits at most DB_WAIT_MS_MAX, none is lost. */
static void wait_until_up(void)
{
    while (call(&one).code != ERR_NONE)
        ;
}

static void kill_9(void)
{
    cr_assert_eq(kill(cluster_pid(cluster), SIGKILL), 0);
    cluster_free(cluster);
}

TestSuite(conn, .init = setup, .fini = teardown);

Test(conn, calls_in_flight_at_a_crash_are_unavailable_and_later_ones_work_again)
{
    struct answer answers[3] = {0};
    struct db_stats stats;

    cr_assert_eq(call(&add).code, ERR_NONE);
    send(&answers[0], &sleep_long);
    send(&answers[1], &one);
    turn_until_in_flight(2);
    kill_9();
    fixture_wait(&fixture);
    cr_assert_eq(answers[0].code, ERR_UNAVAILABLE, "%s", answers[0].text);
    cr_assert_eq(answers[1].code, ERR_UNAVAILABLE, "%s", answers[1].text);
    cr_assert_not(db_is_up(fixture.db));
    cr_assert_eq(call(&one).code, ERR_UNAVAILABLE, "nobody is there");

    start_cluster();
    send(&answers[2], &count);
    fixture_wait(&fixture);
    if (answers[2].code == ERR_UNAVAILABLE) { /* it gave up before the back-off was over */
        wait_until_up();
        answers[2] = call(&count);
    }
    cr_assert_str_eq(answers[2].text, "1", "what was answered is there, and once");
    db_stats(fixture.db, &stats);
    cr_assert_eq(stats.connects, 2);
}

Test(conn, a_shutdown_in_good_order_is_unavailable_too)
{
    struct answer answer = {0};
    struct err err;

    wait_until_up();
    send(&answer, &sleep_long);
    turn_until_in_flight(1);
    cr_assert(cluster_stop(cluster, &err), "%s", err.text);
    cluster_free(cluster);
    fixture_wait(&fixture);
    cr_assert_eq(answer.code, ERR_UNAVAILABLE, "%s", answer.text);

    start_cluster();
    wait_until_up();
}

static unsigned made;
static unsigned told;
static char payload_seen[64];

static void on_notify(const char *payload, void *arg)
{
    struct fixture *waiting = arg;

    if (payload) {
        told++;
        (void)snprintf(payload_seen, sizeof(payload_seen), "%s", payload);
    } else {
        made++;
    }
    if (waiting->pending > 0)
        waiting->pending--;
}

Test(conn, notifications_arrive_and_each_new_connection_is_announced)
{
    db_listen(fixture.db, "change_log", on_notify, &fixture);
    fixture.pending = 1;
    fixture_wait(&fixture);
    cr_assert_eq(made, 1);

    fixture.pending = 1;
    fixture_sql(&fixture, "NOTIFY elsewhere, 'no'; NOTIFY change_log, '42'");
    fixture_wait(&fixture);
    cr_assert_eq(told, 1);
    cr_assert_str_eq(payload_seen, "42");

    /* A second channel joins while the connection is up. */
    db_listen(fixture.db, "second", on_notify, &fixture);
    fixture.pending = 1;
    fixture_wait(&fixture);
    cr_assert_eq(made, 2);

    kill_9();
    start_cluster();
    fixture.pending = 2;
    fixture_wait(&fixture);
    cr_assert_eq(made, 4, "both channels, again");
    fixture.pending = 1;
    fixture_sql(&fixture, "NOTIFY second, 'late'");
    fixture_wait(&fixture);
    cr_assert_str_eq(payload_seen, "late");
}
