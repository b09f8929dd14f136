/* The server's side of the socket, against the real program; where that behaves too well, against a
 * listener of the test's own. */
#include "server/repo/signer.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/loop/loop.h"
#include "lib/os/unix.h"
#include "tests/support/signer.h"
#include "tests/support/temp.h"

struct outcome {
    unsigned runs;
    enum err_code code;
    char text[240];
    size_t count;
    struct signer_signature first;
    struct signer_keys keys;
};

static struct loop *loop;
static struct loop_timer *tick;

static void on_tick(void *arg)
{
    (void)arg;
    loop_timer_set(tick, 5); /* the loop turns, whatever else happens */
}

static void setup(void)
{
    struct err err;

    cr_assert(loop_open(&loop, &err), "%s", err.text);
    tick = loop_timer_new(loop, on_tick, NULL);
    loop_timer_set(tick, 5);
}

static void teardown(void)
{
    loop_timer_free(tick);
    loop_close(loop);
    temp_done();
}

TestSuite(signer, .init = setup, .fini = teardown);

static void note(struct outcome *outcome, const struct err *err)
{
    outcome->runs++;
    outcome->code = err ? err->code : ERR_NONE;
    (void)text_copy(outcome->text, sizeof(outcome->text), err ? err->text : "");
}

static void on_signed(const struct signer_signature *signatures, size_t count,
                      const struct err *err, void *arg)
{
    struct outcome *outcome = arg;

    cr_assert_eq(signatures == NULL, err != NULL);
    note(outcome, err);
    outcome->count = count;
    if (signatures)
        outcome->first = signatures[0];
}

static void on_keys(const struct signer_keys *keys, const struct err *err, void *arg)
{
    struct outcome *outcome = arg;

    cr_assert_eq(keys == NULL, err != NULL);
    note(outcome, err);
    if (keys)
        outcome->keys = *keys;
}

static void on_imported(const struct err *err, void *arg)
{
    note(arg, err);
}

static void wait_for(const struct outcome *outcome)
{
    while (outcome->runs == 0)
        loop_turn(loop);
}

static struct signer *connect_to(const char *path)
{
    struct signer *signer;
    struct err err;

    cr_assert(signer_open(loop, path, &signer, &err), "%s", err.text);
    return signer;
}

/* A snapshot of this moment; freed by the caller. */
static char *snapshot(int64_t version)
{
    char expires[TEXT_TIME_ROOM];

    text_from_time(clock_now_ms() + 3600000, expires);
    return mem_printf("{\"_type\":\"snapshot\",\"expires\":\"%s\",\"meta\":{\"targets.json\":"
                      "{\"version\":1}},\"spec_version\":\"1.0.31\",\"version\":%" PRId64 "}",
                      expires, version);
}

static void sign(struct signer *signer, const char *const *texts, size_t count,
                 struct outcome *outcome)
{
    struct signer_request requests[4];

    for (size_t i = 0; i < count; i++)
        requests[i] = (struct signer_request){.tenant = "t",
                                              .label = SIGNER_SNAPSHOT,
                                              .device = "",
                                              .data = texts[i],
                                              .len = strlen(texts[i])};
    signer_sign(signer, requests, count, on_signed, outcome);
}

Test(signer, gives_keys_and_signatures_by_them_later_and_once)
{
    struct test_signer process = {0};
    AUTO_FREE char *text = snapshot(clock_now_ms());
    const char *texts[] = {text};
    struct outcome keys = {0};
    struct outcome signature = {0};
    struct signer *signer;

    signer_start(&process, NULL);
    signer = connect_to(process.socket);
    signer_keys(signer, "t", on_keys, &keys);
    sign(signer, texts, 1, &signature);
    cr_expect_eq(keys.runs + signature.runs, 0, "never from inside the call");
    wait_for(&signature);

    cr_expect_eq(keys.runs, 1, "answers come in order");
    cr_assert_eq(signature.code, ERR_NONE, "%s", signature.text);
    cr_expect_eq(signature.count, 1);
    cr_expect(
        sign_check(keys.keys.public_key[SIGNER_SNAPSHOT], text, strlen(text), signature.first.sig));
    signer_close(signer);
    cr_expect_eq(signer_stop(&process), 0);
}

Test(signer, a_group_with_one_refusal_is_refused_as_a_whole)
{
    struct test_signer process = {0};
    int64_t version = clock_now_ms();
    AUTO_FREE char *one = snapshot(version);
    AUTO_FREE char *two = snapshot(version + 1);
    AUTO_FREE char *three = snapshot(version + 2);
    const char *const bad[] = {one, one, two};
    const char *const good[] = {three};
    struct outcome keys = {0};
    struct outcome group = {0};
    struct outcome after = {0};
    struct signer *signer;

    signer_start(&process, NULL);
    signer = connect_to(process.socket);
    signer_keys(signer, "t", on_keys, &keys);
    sign(signer, bad, COUNT(bad), &group);
    sign(signer, good, 1, &after);
    wait_for(&after);

    cr_expect_eq(group.runs, 1);
    cr_expect_eq(group.code, ERR_DENIED);
    cr_expect(strstr(group.text, "not above"), "%s", group.text);
    cr_expect_eq(after.code, ERR_NONE, "%s", after.text);
    signer_close(signer);
    cr_expect_eq(signer_stop(&process), 0);
}

Test(signer, waits_for_a_signer_that_is_being_started)
{
    struct test_signer process = {0};
    AUTO_FREE char *path = mem_strdup(temp_path("signer.socket"));
    struct outcome keys = {0};
    struct signer *signer = connect_to(path);

    signer_keys(signer, "t", on_keys, &keys);
    for (int i = 0; i < 3; i++)
        loop_turn(loop);
    cr_expect_eq(keys.runs, 0);
    signer_start(&process, NULL);
    cr_assert_str_eq(process.socket, path);
    wait_for(&keys);

    cr_expect(keys.code == ERR_NONE || keys.code == ERR_UNAVAILABLE, "%s", keys.text);
    signer_close(signer);
    cr_expect_eq(signer_stop(&process), 0);
}

Test(signer, is_unavailable_when_nobody_listens_for_a_while)
{
    struct signer *signer = connect_to(temp_path("nobody"));
    struct outcome keys = {0};

    signer_keys(signer, "t", on_keys, &keys);
    wait_for(&keys);

    cr_expect_eq(keys.code, ERR_UNAVAILABLE);
    cr_expect(strstr(keys.text, "the signer is not there"), "%s", keys.text);
    signer_close(signer);
}

Test(signer, what_is_in_flight_fails_with_its_connection_and_the_next_call_connects_again)
{
    struct test_signer process = {0};
    struct outcome before = {0};
    struct outcome during = {0};
    struct outcome after = {0};
    struct signer *signer;

    signer_start(&process, NULL);
    signer = connect_to(process.socket);
    signer_keys(signer, "t", on_keys, &before);
    wait_for(&before);
    signer_kill(&process);
    signer_keys(signer, "t", on_keys, &during);
    wait_for(&during);
    signer_start(&process, NULL);
    signer_keys(signer, "t", on_keys, &after);
    wait_for(&after);

    cr_expect_eq(during.code, ERR_UNAVAILABLE);
    cr_assert_eq(after.code, ERR_NONE, "%s", after.text);
    cr_expect_arr_eq(before.keys.public_key, after.keys.public_key, sizeof(before.keys.public_key));
    signer_close(signer);
    cr_expect_eq(signer_stop(&process), 0);
}

Test(signer, closing_tells_everybody_who_waits)
{
    struct signer *signer = connect_to(temp_path("nobody"));
    const uint8_t seed[SIGNER_SEED_BYTES] = {1};
    struct outcome keys = {0};
    struct outcome imported = {0};

    signer_keys(signer, "t", on_keys, &keys);
    signer_import(signer, "t", SIGNER_TIME, seed, on_imported, &imported);
    signer_close(signer);

    cr_expect_eq(keys.runs, 1);
    cr_expect_eq(keys.code, ERR_UNAVAILABLE);
    cr_expect_eq(imported.runs, 1);
    loop_flush(loop);
    signer_close(NULL);
}

Test(signer, a_document_that_fits_no_message_is_refused_here)
{
    struct signer *signer = connect_to(temp_path("nobody"));
    AUTO_FREE char *text = mem_alloc(SIGNER_DATA_BYTES_MAX + 2);
    const char *const texts[] = {text};
    struct outcome outcome = {0};

    memset(text, ' ', SIGNER_DATA_BYTES_MAX + 1);
    sign(signer, texts, 1, &outcome);
    wait_for(&outcome);

    cr_expect_eq(outcome.code, ERR_LIMIT);
    signer_close(signer);
}

Test(signer, a_path_that_cannot_be_a_sockets_is_refused)
{
    struct signer *signer;
    struct err err = {0};

    cr_expect_not(signer_open(loop, "", &signer, &err));
    cr_expect_eq(err.code, ERR_INVALID);
    cr_expect_not(signer_open(loop, "/tmp/", &signer, &err));
}

/* --- a signer that is none ---------------------------------------------------------------------
 */

struct impostor {
    int listen_fd;
    int fd;
    struct loop_event *event;
    const char *answer;
    size_t len;
};

static void on_listening(int fd, int what, void *arg)
{
    struct impostor *impostor = arg;
    struct err err;

    (void)what;
    cr_assert(unix_accept(fd, &impostor->fd, &err), "%s", err.text);
    if (impostor->fd >= 0)
        (void)!send(impostor->fd, impostor->answer, impostor->len, MSG_NOSIGNAL);
}

Test(signer, nonsense_from_the_other_end_loses_the_connection_and_nothing_else)
{
    static const struct {
        const char *what;
        const char *answer;
        size_t len;
    } cases[] = {
        {"a frame without end", "\xff\xff\xff\xff", 4},
        {"a message that is none", "\1\0\0\0\0", 5},
        {"an answer to another request", "\2\0\0\0\0\0", 6},
        {"more answers than requests", "\2\0\0\0\4\1\2\0\0\0\4\1", 12},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct impostor impostor = {.fd = -1, .answer = cases[i].answer, .len = cases[i].len};
        const char *path = temp_path("impostor");
        struct signer *signer = connect_to(path);
        struct outcome keys = {0};
        struct err err;

        cr_assert(unix_listen(path, 0600, &impostor.listen_fd, &err), "%s", err.text);
        impostor.event =
            loop_event_new(loop, impostor.listen_fd, LOOP_READ, on_listening, &impostor);
        signer_keys(signer, "t", on_keys, &keys);
        wait_for(&keys);
        cr_expect_neq(keys.code, ERR_NONE, "%s", cases[i].what);
        cr_expect_eq(keys.runs, 1, "%s", cases[i].what);

        signer_close(signer);
        loop_event_free(impostor.event);
        (void)close(impostor.fd);
        (void)close(impostor.listen_fd);
    }
}
