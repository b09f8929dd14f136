/*
 * Attacks by what a server or a network does with a request, against the real agent, by their
 * numbers in the attack table.
 */
#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "device-client/limits.h"
#include "device-client/supervisor/record.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "tests/support/agent_world.h"
#include "tests/support/program.h"

enum { HANDED_OVER_MAX = 16 << 20 }; /* what sockets may hold when a client hangs up */

static struct agent_world w;

static void open_world(void)
{
    agent_world_open(&w);
}

static void close_world(void)
{
    agent_world_close(&w);
}

TestSuite(attack_transfer, .init = open_world, .fini = close_world);

static void expect_refused(const char *what, const char *code, const char *kept)
{
    (void)agent_world_check(&w);
    cr_expect(agent_world_reported(&w, code), "%s: %s", what, program_said());
    cr_expect(agent_world_refused(&w, code), "%s: %s", what, program_said());
    cr_expect_str_eq(agent_world_kept(&w), kept, "%s", what);
}

/* The role's body gets a field that makes its next document so many bytes long. */
static void put_of_length(const char *role, const char *file, size_t len)
{
    json_t *body = forge_role(w.forge, role)->body;
    AUTO_FREE char *pad = mem_alloc(len + 1);
    size_t bare;

    cr_assert_eq(json_object_set_new(body, "x-pad", json_string("")), 0);
    forge_put(w.forge, role);
    bare = forge_file(w.forge, file)->body.len;
    memset(pad, 'x', len - bare);
    cr_assert_eq(json_object_set_new(body, "x-pad", json_string(pad)), 0);
    forge_put(w.forge, role);
    cr_assert_eq(forge_file(w.forge, file)->body.len, len);
}

/* --- length ------------------------------------------------------------------------------------
 */

Test(attack_transfer, t20_each_role_has_its_longest_file)
{
    static const struct {
        const char *role, *file;
        size_t len_max;
        const char *kept_before, *kept_after;
    } cases[] = {
        {"root", "2.root.json", 512000, "1 0 0 0", "2 1 1 1"},
        {"timestamp", "timestamp.json", 16384, "1 0 0 0", "1 2 1 1"},
        {"snapshot", "2.snapshot.json", 131072, "1 2 0 0", "1 2 2 1"},
        {"targets", "2.targets.json", 131072, "1 2 2 0", "1 2 2 2"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *role = cases[i].role;

        forge_bump(w.forge, role);
        if (text_equal(role, "targets"))
            forge_snapshot(w.forge);
        if (text_equal(role, "snapshot"))
            forge_timestamp(w.forge);
        put_of_length(role, cases[i].file, cases[i].len_max + 1);
        expect_refused(role, "LENGTH_LIMIT", cases[i].kept_before);
        put_of_length(role, cases[i].file, cases[i].len_max);
        cr_expect_eq(agent_world_check(&w), 0, "%s: %s", role, program_said());
        cr_expect_str_eq(agent_world_kept(&w), cases[i].kept_after, "%s", role);
        agent_world_again(&w);
    }
}

/* Most memory that any program we ran so far had. */
static long peak_kib(void)
{
    struct rusage usage;

    cr_assert_eq(getrusage(RUSAGE_CHILDREN, &usage), 0);
    return usage.ru_maxrss;
}

Test(attack_transfer, t20_t21_an_answer_without_end_is_cut_off_and_costs_no_memory)
{
    static const char *const lengths[] = {
        "", /* not even announced */
        "Content-Length: 67108864\r\n",
        "Content-Length: 2147483647\r\n",
        "Content-Length: 2147483648\r\n",
        "Content-Length: 4294967295\r\n",
        "Content-Length: 4294967296\r\n",
        "Content-Length: 10737418240\r\n",
        "Content-Length: 9223372036854775807\r\n",
    };
    long before;

    cr_assert_eq(agent_world_check(&w), 0);
    forge_timestamp(w.forge);
    cr_assert_eq(agent_world_check(&w), 0);
    before = peak_kib();
    forge_timestamp(w.forge);
    for (size_t i = 0; i < COUNT(lengths); i++) {
        struct web_answer *file = forge_file(w.forge, "timestamp.json");

        file->manner = WEB_ENDLESS;
        cr_assert(text_copy(file->lines, sizeof(file->lines), lengths[i]));
        expect_refused(lengths[i], "LENGTH_LIMIT", "1 2 1 1");
        cr_expect(web_sent(w.web) < HANDED_OVER_MAX);
    }
    cr_expect(peak_kib() < before + 1024, "%ld KiB, before %ld KiB", peak_kib(), before);
}

Test(attack_transfer, t20_lengths_that_are_listed_are_no_reason_to_take_more)
{
    static const struct {
        uint64_t length;
        const char *code;
    } cases[] = {
        {1, "LENGTH_LIMIT"}, /* the file is longer than listed */
        {131071, "SNAPSHOT_LENGTH"},
        {131072, "SNAPSHOT_LENGTH"},
        {131073, "LENGTH_LIMIT"}, /* more than a device takes */
        {(UINT64_C(1) << 26) - 1, "LENGTH_LIMIT"},
        {UINT64_C(1) << 26, "LENGTH_LIMIT"},
        {(UINT64_C(1) << 31) - 1, "LENGTH_LIMIT"},
        {UINT64_C(1) << 31, "LENGTH_LIMIT"},
        {(UINT64_C(1) << 32) - 1, "LENGTH_LIMIT"},
        {UINT64_C(1) << 32, "LENGTH_LIMIT"},
        {(UINT64_C(1) << 32) + 1, "LENGTH_LIMIT"},
        {(UINT64_C(1) << 53) - 1, "LENGTH_LIMIT"},
        {UINT64_C(1) << 53, "JSON_STRICT"},
        {0, "JSON_STRICT"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO_FREE char *what = mem_printf("%llu", (unsigned long long)cases[i].length);
        json_t *listed;

        forge_snapshot(w.forge);
        listed = json_object_get(json_object_get(forge_role(w.forge, "timestamp")->body, "meta"),
                                 "snapshot.json");
        cr_assert_eq(
            json_object_set_new(listed, "length", json_integer((json_int_t)cases[i].length)), 0);
        forge_put(w.forge, "timestamp");
        (void)agent_world_asked(&w);
        expect_refused(what, cases[i].code,
                       text_equal(cases[i].code, "JSON_STRICT") ? "1 0 0 0" : "1 2 0 0");
        agent_world_again(&w);
    }
}

/* --- time --------------------------------------------------------------------------------------
 */

/* The one test that takes its time: a minute is what the agent gives a server. */
Test(attack_transfer, t22_a_trickle_is_given_up_within_the_minute, .timeout = 150)
{
    int64_t begun_ms = clock_mono_ms();

    cr_assert_eq(agent_world_check(&w), 0);
    forge_timestamp(w.forge);
    put_of_length("timestamp", "timestamp.json", 16000);
    forge_file(w.forge, "timestamp.json")->manner = WEB_SLOW;
    expect_refused("a byte now and then", "SLOW_RETRIEVAL", "1 1 1 1");
    cr_expect(clock_mono_ms() - begun_ms < INT64_C(100000));
    cr_expect(web_sent(w.web) < 16000);
    forge_put(w.forge, "timestamp");
    cr_assert_eq(agent_world_check(&w), 0, "%s", program_said());
    cr_assert_str_eq(agent_world_kept(&w), "1 2 1 1");
}

/* The device walked last so long ago. */
static void age(int64_t by_ms)
{
    AUTO_FREE char *path = agent_world_path("record");
    AUTO_FREE struct record *record = mem_alloc(sizeof(*record));
    struct err err = {0};

    cr_assert(record_load(path, record, &err), "%s", err.text);
    record->walked_ms -= by_ms;
    cr_assert(record_save(path, record, &err), "%s", err.text);
}

Test(attack_transfer, t23_a_device_that_is_kept_from_news_says_so)
{
    cr_assert_eq(agent_world_check(&w), 0);
    w.is_gone = true;
    age(FRESH_MS_MAX - 60000);
    (void)agent_world_check(&w);
    cr_assert(agent_world_refused(&w, "NONE"), "%s", program_said());
    age(120000);
    (void)agent_world_check(&w);
    cr_assert(agent_world_refused(&w, "NO_FRESH_METADATA"), "%s", program_said());
    cr_assert_str_eq(agent_world_kept(&w), "1 1 1 1");
    w.is_gone = false; /* and tells the server when it comes back */
    cr_assert_eq(agent_world_check(&w), 0, "%s", program_said());
    cr_assert(agent_world_reported(&w, "NO_FRESH_METADATA"));
}

/* --- HTTP --------------------------------------------------------------------------------------
 */

Test(attack_transfer, t24_no_encoding_is_undone)
{
    static const char *const encodings[] = {"gzip", "br", "deflate", "x-gzip", "gzip, gzip"};

    cr_assert_eq(agent_world_check(&w), 0);
    for (size_t i = 0; i < COUNT(encodings); i++) {
        struct web_answer *file;

        forge_timestamp(w.forge);
        file = forge_file(w.forge, "timestamp.json");
        (void)snprintf(file->lines, sizeof(file->lines), "Content-Encoding: %s\r\n", encodings[i]);
        expect_refused(encodings[i], "HTTP_ENCODING", "1 1 1 1");
    }
    forge_timestamp(w.forge);
    (void)snprintf(forge_file(w.forge, "timestamp.json")->lines, 64,
                   "Content-Encoding: identity\r\n");
    cr_assert_eq(agent_world_check(&w), 0, "%s", program_said());
    cr_assert_str_eq(agent_world_kept(&w), "1 7 1 1");
}

Test(attack_transfer, t24_no_redirect_is_followed)
{
    static const unsigned statuses[] = {301, 302, 303, 307, 308};

    cr_assert_eq(agent_world_check(&w), 0);
    for (size_t i = 0; i < COUNT(statuses); i++) {
        struct web_answer *file;
        AUTO_FREE char *what = mem_printf("status %u", statuses[i]);

        forge_timestamp(w.forge);
        file = forge_file(w.forge, "timestamp.json");
        file->status = statuses[i];
        (void)snprintf(file->lines, sizeof(file->lines), "Location: %s/elsewhere\r\n",
                       web_origin(w.web));
        web_forget(w.web);
        (void)agent_world_check(&w);
        cr_expect_not(strstr(web_log(w.web), "elsewhere"), "%s", what);
        cr_expect(agent_world_reported(&w, "HTTP_REDIRECT"), "%s", what);
        cr_expect_str_eq(agent_world_kept(&w), "1 1 1 1", "%s", what);
    }
    cr_assert(agent_world_refused(&w, "HTTP_REDIRECT"), "%s", program_said());
}

Test(attack_transfer, a_server_that_is_out_of_order_is_waited_for)
{
    cr_assert_eq(agent_world_check(&w), 0);
    forge_timestamp(w.forge);
    forge_file(w.forge, "timestamp.json")->status = 503;
    (void)agent_world_check(&w);
    cr_assert(agent_world_refused(&w, "NONE"), "%s", program_said());
    forge_file(w.forge, "timestamp.json")->manner = WEB_DROPPED;
    (void)agent_world_check(&w);
    cr_assert(agent_world_refused(&w, "NONE"), "%s", program_said());
    cr_assert_str_eq(agent_world_kept(&w), "1 1 1 1");
}
