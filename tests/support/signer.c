#include "tests/support/signer.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/os/spawn.h"
#include "lib/os/unix.h"
#include "tests/support/temp.h"

enum { WORDS_MAX = 32, PATIENCE_MS = 20000, READ_BYTES = 64 << 10 };

/* The tests are build/MODE/tests/..., the programs build/MODE/NAME. */
char *built_program(const char *name)
{
    const char *build = getenv("SLIPWAY_BUILD");
    char self[4096];
    ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
    char *tests;

    if (build)
        return mem_printf("%s/%s", build, name);
    cr_assert(len > 0);
    self[len] = '\0';
    tests = strstr(self, "/tests/");
    cr_assert_not_null(tests, "%s is not below a build's tests", self);
    return mem_printf("%.*s/%s", (int)(tests - self), self, name);
}

static bool try_ask(const struct test_signer *signer, const struct signer_ask *ask,
                    struct signer_answer *out)
{
    AUTO_CLOSE int fd = -1;
    struct err err = {0};
    size_t message = 0;
    bool whole = false;
    AUTO_BUF frame;

    buf_init(&frame, (size_t)2 * SIGNER_FRAME_BYTES_MAX);
    if (!unix_connect(signer->socket, &fd, &err))
        return false;
    signer_ask_format(ask, &frame);
    while (frame.len > 0) {
        struct pollfd ready = {.fd = fd, .events = POLLOUT};
        ssize_t len;

        cr_assert_eq(poll(&ready, 1, PATIENCE_MS), 1);
        len = send(fd, frame.data, frame.len, MSG_NOSIGNAL);
        if (len <= 0)
            return false;
        buf_consume(&frame, (size_t)len);
    }
    while (!whole) {
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        uint8_t *at = buf_reserve(&frame, READ_BYTES);
        ssize_t len;

        cr_assert_eq(poll(&ready, 1, PATIENCE_MS), 1);
        len = recv(fd, at, READ_BYTES, 0);
        if (len <= 0)
            return false;
        frame.len += (size_t)len;
        cr_assert(signer_frame_find(frame.data, frame.len, &whole, &message, &err));
    }
    cr_assert(signer_answer_parse(frame.data + 4, message, out, &err), "%s", err.text);
    return true;
}

void signer_ask(const struct test_signer *signer, const struct signer_ask *ask,
                struct signer_answer *out)
{
    cr_assert(try_ask(signer, ask, out), "the signer did not answer");
}

static void wait_for(const struct test_signer *signer)
{
    int64_t deadline_ms = clock_mono_ms() + PATIENCE_MS;
    struct signer_answer answer;

    while (!try_ask(signer, &(struct signer_ask){.op = SIGNER_PING}, &answer)) {
        cr_assert(clock_mono_ms() < deadline_ms, "the signer does not start");
        cr_assert_eq(waitpid(signer->pid, NULL, WNOHANG), 0, "the signer ended");
        (void)poll(NULL, 0, 5);
    }
}

void signer_start(struct test_signer *signer, const char *const *options)
{
    const struct spawn_options spawn = {.output_fd = -1, .ends_with_us = true};
    AUTO_FREE char *program = built_program("slipway-signer");
    const char *argv[WORDS_MAX] = {program, "--log-level", "error", "--state",
                                   NULL,    "--socket",    NULL};
    size_t count = 7;
    struct err err = {0};

    if (!signer->dir) {
        signer->dir = mem_printf("%s/signer", temp_dir());
        signer->socket = mem_printf("%s/signer.socket", temp_dir());
    }
    argv[4] = signer->dir;
    argv[6] = signer->socket;
    while (options && *options && count < WORDS_MAX - 1)
        argv[count++] = *options++;
    cr_assert(spawn_start(argv, &spawn, &signer->pid, &err), "%s", err.text);
    wait_for(signer);
}

void signer_kill(struct test_signer *signer)
{
    (void)kill(signer->pid, SIGKILL);
    (void)waitpid(signer->pid, NULL, 0);
}

int signer_stop(struct test_signer *signer)
{
    int status = 0;

    (void)kill(signer->pid, SIGTERM);
    cr_assert_eq(waitpid(signer->pid, &status, 0), signer->pid);
    mem_free(signer->dir);
    mem_free(signer->socket);
    *signer = (struct test_signer){0};
    return spawn_exit_status(status);
}
