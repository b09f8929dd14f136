/* The program itself: its socket, its restart, and what it gave up. */
#include <criterion/criterion.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/os/file.h"
#include "lib/os/spawn.h"
#include "lib/os/unix.h"
#include "signer/harden.h"
#include "tests/support/signer.h"
#include "tests/support/softhsm.h"
#include "tests/support/temp.h"

static const struct signer_ask ask_keys = {.op = SIGNER_KEYS, .tenant = "t"};

/* A snapshot of this moment; freed by the caller. */
static char *snapshot(int64_t version)
{
    char expires[TEXT_TIME_ROOM];

    text_from_time(clock_now_ms() + 3600000, expires);
    return mem_printf("{\"_type\":\"snapshot\",\"expires\":\"%s\",\"meta\":{\"targets.json\":"
                      "{\"version\":1}},\"spec_version\":\"1.0.31\",\"version\":%" PRId64 "}",
                      expires, version);
}

static struct signer_answer sign(const struct test_signer *signer, int64_t version)
{
    AUTO_FREE char *text = snapshot(version);
    struct signer_answer answer;

    signer_ask(signer,
               &(struct signer_ask){.op = SIGNER_SIGN,
                                    .tenant = "t",
                                    .label = SIGNER_SNAPSHOT,
                                    .data = (const uint8_t *)text,
                                    .len = strlen(text)},
               &answer);
    return answer;
}

TestSuite(process, .fini = temp_done);

Test(process, kill_9_forgets_no_key_and_no_version)
{
    struct test_signer signer = {0};
    struct signer_answer before;
    struct signer_answer after;
    int64_t version = clock_now_ms();

    signer_start(&signer, NULL);
    signer_ask(&signer, &ask_keys, &before);
    cr_assert_not(sign(&signer, version).refused);
    signer_kill(&signer);
    signer_start(&signer, NULL);
    signer_ask(&signer, &ask_keys, &after);

    cr_expect_arr_eq(before.keys.public_key, after.keys.public_key, sizeof(before.keys.public_key));
    cr_expect(sign(&signer, version).refused);
    cr_expect_not(sign(&signer, version + 1).refused);
    cr_expect_eq(signer_stop(&signer), 0);
}

Test(process, keeps_its_keys_in_a_token, .init = softhsm_open)
{
    const char *const options[] = {"--backend",      "pkcs11",           "--module",
                                   softhsm_module(), "--token",          SOFTHSM_TOKEN,
                                   "--pin-file",     softhsm_pin_file(), NULL};
    AUTO_FREE char *keys = mem_printf("%s/signer/keys", temp_dir());
    struct test_signer signer = {0};
    struct signer_answer before;
    struct signer_answer after;

    signer_start(&signer, options);
    signer_ask(&signer, &ask_keys, &before);
    cr_assert_not(sign(&signer, clock_now_ms()).refused);
    signer_kill(&signer);
    signer_start(&signer, options);
    signer_ask(&signer, &ask_keys, &after);

    cr_expect_arr_eq(before.keys.public_key, after.keys.public_key, sizeof(before.keys.public_key));
    cr_expect_not(file_exists(keys), "no key in a file");
    cr_expect_eq(signer_stop(&signer), 0);
}

Test(process, its_files_and_its_socket_are_its_owners_only)
{
    static const struct {
        const char *name;
        unsigned mode;
    } files[] = {{"signer.socket", 0600},
                 {"signer", 0700},
                 {"signer/keys", 0700},
                 {"signer/keys/master-key", 0600},
                 {"signer/keys/t.time.key", 0600},
                 {"signer/tenants/t.json", 0600}};
    struct test_signer signer = {0};
    struct signer_answer answer;

    signer_start(&signer, NULL);
    signer_ask(&signer, &ask_keys, &answer);
    cr_assert_not(sign(&signer, clock_now_ms()).refused);

    for (size_t i = 0; i < COUNT(files); i++) {
        struct stat info;

        cr_assert_eq(stat(temp_path(files[i].name), &info), 0, "%s", files[i].name);
        cr_expect_eq(info.st_mode & 0777, files[i].mode, "%s", files[i].name);
    }
    cr_expect_eq(signer_stop(&signer), 0);
}

Test(process, many_requests_in_one_write_are_answered_in_order)
{
    enum { REQUESTS = 3000 };
    struct test_signer signer = {0};
    struct err err = {0};
    int64_t version = clock_now_ms();
    size_t sent = 0;
    size_t used = 0;
    unsigned answered = 0;
    AUTO_CLOSE int fd = -1;
    AUTO_BUF out;
    AUTO_BUF in;

    buf_init(&out, 8 << 20);
    buf_init(&in, 8 << 20);
    signer_start(&signer, NULL);
    signer_ask(&signer, &ask_keys, &(struct signer_answer){0});
    for (unsigned i = 0; i < REQUESTS; i++) {
        /* Every third one is refused: the version of the one before it. */
        AUTO_FREE char *text = snapshot(version + i - (i % 3 == 2));

        signer_ask_format(&(struct signer_ask){.op = SIGNER_SIGN,
                                               .tenant = "t",
                                               .label = SIGNER_SNAPSHOT,
                                               .data = (const uint8_t *)text,
                                               .len = strlen(text)},
                          &out);
    }
    cr_assert(unix_connect(signer.socket, &fd, &err), "%s", err.text);
    while (answered < REQUESTS) {
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        uint8_t *at = buf_reserve(&in, 64 << 10);
        size_t message;
        ssize_t len;
        bool whole;

        ready.events |= sent < out.len ? POLLOUT : 0;
        cr_assert_eq(poll(&ready, 1, 20000), 1);
        if (ready.revents & POLLOUT) {
            len = send(fd, out.data + sent, out.len - sent, MSG_NOSIGNAL);
            sent += len > 0 ? (size_t)len : 0;
        }
        len = recv(fd, at, 64 << 10, 0);
        cr_assert(len != 0);
        in.len += len > 0 ? (size_t)len : 0;
        while (signer_frame_find(in.data + used, in.len - used, &whole, &message, &err) && whole) {
            struct signer_answer answer;

            cr_assert(signer_answer_parse(in.data + used + 4, message, &answer, &err));
            cr_assert_eq(answer.refused, answered % 3 == 2, "answer %u: %s", answered,
                         answer.err.text);
            answered++;
            used += 4 + message;
        }
    }
    cr_expect_eq(signer_stop(&signer), 0);
}

Test(process, a_frame_that_is_too_long_ends_the_connection_and_nothing_else)
{
    static const uint8_t frame[] = {1, 0, 0x10, 0, 1};
    struct test_signer signer = {0};
    struct err err = {0};
    struct signer_answer answer;
    AUTO_CLOSE int fd = -1;
    struct pollfd ready;
    char byte;

    signer_start(&signer, NULL);
    cr_assert(unix_connect(signer.socket, &fd, &err), "%s", err.text);
    cr_assert_eq(send(fd, frame, sizeof(frame), MSG_NOSIGNAL), sizeof(frame));
    ready = (struct pollfd){.fd = fd, .events = POLLIN};
    cr_assert_eq(poll(&ready, 1, 20000), 1);

    cr_expect_leq(recv(fd, &byte, 1, 0), 0);
    signer_ask(&signer, &(struct signer_ask){.op = SIGNER_PING}, &answer);
    cr_expect_not(answer.refused);
    cr_expect_eq(signer_stop(&signer), 0);
}

Test(process, two_signers_do_not_share_a_folder)
{
    struct test_signer signer = {0};
    AUTO_FREE char *program = built_program("slipway-signer");
    const struct spawn_options options = {.output_fd = -1};
    struct err err = {0};
    int status;

    signer_start(&signer, NULL);
    {
        const char *const argv[] = {program,       "--log-level", "error",    "--socket",
                                    signer.socket, "--state",     signer.dir, NULL};

        cr_assert(spawn_run(argv, &options, 20000, &status, &err), "%s", err.text);
    }
    cr_expect_eq(status, 1);
    cr_expect_not(sign(&signer, 1).err.code == ERR_NONE, "the first one still listens");
    cr_expect_eq(signer_stop(&signer), 0);
}

Test(process, somebody_else_is_not_answered)
{
    AUTO_FREE char *path = NULL;
    struct test_signer signer = {0};
    int status = 0;
    pid_t child;

    if (geteuid() != 0)
        cr_skip_test("only root can be somebody else");
    signer_start(&signer, NULL);
    path = mem_strdup(signer.socket);
    /* Whoever gets past the socket's mode meets the check of the peer. */
    cr_assert(chmod(temp_dir(), 0711) == 0 && chmod(path, 0666) == 0);
    child = fork();
    if (child == 0) {
        struct err err = {0};
        struct pollfd ready;
        char byte;
        int fd = -1;

        if (setresuid(65534, 65534, 65534) != 0 || !unix_connect(path, &fd, &err))
            _exit(2);
        ready = (struct pollfd){.fd = fd, .events = POLLIN};
        if (send(fd, "\2\0\0\0\1\0", 6, MSG_NOSIGNAL) < 0)
            _exit(0); /* hung up already */
        if (poll(&ready, 1, 20000) != 1)
            _exit(3);
        _exit(recv(fd, &byte, 1, 0) <= 0 ? 0 : 1);
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %d", WEXITSTATUS(status));
    cr_expect_eq(signer_stop(&signer), 0);
}

/* --- hardening ---------------------------------------------------------------------------------
 */

Test(harden, refuses_every_socket_that_is_not_a_unix_one)
{
    static const int families[] = {AF_INET, AF_INET6, AF_NETLINK, AF_PACKET, AF_VSOCK};
    struct err err = {0};
    int fd;

    fd = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_geq(fd, 0, "before, it is allowed");
    (void)close(fd);
    cr_assert(harden(&err), "%s", err.text);

    for (size_t i = 0; i < COUNT(families); i++) {
        errno = 0;
        cr_expect_eq(socket(families[i], SOCK_STREAM, 0), -1);
        cr_expect_eq(errno, EPERM, "family %d: %s", families[i], strerror(errno));
    }
    fd = socket(AF_UNIX, SOCK_STREAM, 0);
    cr_expect_geq(fd, 0);
    (void)close(fd);
}

Test(harden, refuses_other_programs_and_ways_around_the_filter)
{
    char *const argv[] = {NULL};
    struct err err = {0};

    cr_assert(harden(&err), "%s", err.text);

    errno = 0;
    cr_expect_eq(execve("/bin/true", argv, argv), -1);
    cr_expect_eq(errno, EPERM);
    errno = 0;
    cr_expect_eq(syscall(__NR_io_uring_setup, 1, NULL), -1);
    cr_expect_eq(errno, EPERM);
    errno = 0;
    cr_expect_eq(syscall(__NR_process_vm_readv, getpid(), NULL, 0, NULL, 0, 0), -1);
    cr_expect_eq(errno, EPERM);
}

Test(process, runs_under_its_filter_and_without_new_privileges)
{
    struct test_signer signer = {0};
    AUTO_FREE char *path = NULL;
    struct err err = {0};
    AUTO_BUF text;

    buf_init(&text, 64 << 10);
    signer_start(&signer, NULL);
    path = mem_printf("/proc/%d/status", (int)signer.pid);
    cr_assert(file_read(path, &text, &err), "%s", err.text);

    cr_expect(strstr(buf_text(&text), "Seccomp:\t2"), "%s", buf_text(&text));
    cr_expect(strstr(buf_text(&text), "NoNewPrivs:\t1"), "%s", buf_text(&text));
    cr_expect_eq(signer_stop(&signer), 0);
}
