#include <criterion/criterion.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/mem.h"
#include "lib/os/file.h"
#include "lib/os/spawn.h"

static char dir[] = "/tmp/slipway-test-XXXXXX";

static void make_dir(void)
{
    cr_assert(mkdtemp(dir));
}

static void drop_dir(void)
{
    struct err err;

    cr_assert(file_remove_tree(dir, &err));
}

TestSuite(file, .init = make_dir, .fini = drop_dir);

Test(file, is_replaced_whole_and_read_back)
{
    AUTO_FREE char *path = mem_printf("%s/a", dir);
    struct err err = {0};
    AUTO_BUF back;

    buf_init(&back, 100);
    cr_assert(file_write(path, 0600, "one", 3, &err), "%s", err.text);
    cr_assert(file_write(path, 0600, "second", 6, &err), "%s", err.text);
    cr_assert(file_read(path, &back, &err), "%s", err.text);
    cr_expect_str_eq(buf_text(&back), "second");
}

Test(file, create_refuses_what_exists)
{
    AUTO_FREE char *path = mem_printf("%s/a", dir);
    struct err err = {0};

    cr_assert(file_create(path, 0600, "one", 3, &err), "%s", err.text);
    cr_expect_not(file_create(path, 0600, "two", 3, &err));
    cr_expect_eq(err.code, ERR_CONFLICT);
}

Test(file, reading_stops_at_the_limit)
{
    AUTO_FREE char *path = mem_printf("%s/a", dir);
    struct err err = {0};
    AUTO_BUF back;

    buf_init(&back, 2);
    cr_assert(file_write(path, 0600, "one", 3, &err));
    cr_expect_not(file_read(path, &back, &err));
    cr_expect_eq(err.code, ERR_LIMIT);
    cr_expect_not(file_read("/nonexistent/x", &back, &err));
    cr_expect_eq(err.code, ERR_NOT_FOUND);
}

Test(file, a_lock_is_held_once)
{
    AUTO_FREE char *path = mem_printf("%s/lock", dir);
    AUTO_CLOSE int first = -1;
    int second = -1;
    struct err err = {0};

    cr_assert(file_lock(path, &first, &err), "%s", err.text);
    cr_expect_not(file_lock(path, &second, &err));
    cr_expect_eq(err.code, ERR_CONFLICT);
}

Test(spawn, reports_exit_status_signals_and_a_missing_program)
{
    static const struct {
        const char *script;
        int status;
    } cases[] = {{"exit 0", 0}, {"exit 7", 7}, {"kill -9 $$", 137}};
    struct spawn_options options = {.output_fd = -1};
    struct err err = {0};
    int status = -1;

    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *argv[] = {"sh", "-c", cases[i].script, NULL};

        cr_assert(spawn_run(argv, &options, 0, &status, &err), "%s", err.text);
        cr_expect_eq(status, cases[i].status, "%s", cases[i].script);
    }
    const char *missing[] = {"/nonexistent/program", NULL};
    cr_expect_not(spawn_run(missing, &options, 0, &status, &err));
    cr_expect_eq(err.code, ERR_NOT_FOUND);
}

Test(spawn, kills_a_whole_family_that_does_not_end)
{
    const char *argv[] = {"sh", "-c", "sleep 600 & sleep 600", NULL};
    struct spawn_options options = {.output_fd = -1};
    struct err err = {0};
    int status = -1;

    cr_expect_not(spawn_run(argv, &options, 50, &status, &err));
    cr_expect_eq(err.code, ERR_UNAVAILABLE);
}

/* The child of a child that is killed: its output ends when it does. */
Test(spawn, takes_a_child_along_when_the_parent_is_killed)
{
    const char *argv[] = {"sleep", "600", NULL};
    struct spawn_options options = {.own_group = true, .ends_with_us = true};
    struct pollfd output = {.events = POLLIN};
    int fds[2];
    char byte = 0;
    pid_t parent;

    cr_assert_eq(pipe2(fds, O_CLOEXEC), 0);
    options.output_fd = fds[1];
    parent = fork();
    if (parent == 0) {
        struct err err;
        pid_t child;

        if (spawn_start(argv, &options, &child, &err))
            (void)!write(fds[1], "y", 1);
        (void)kill(getpid(), SIGKILL);
    }
    (void)close(fds[1]);
    cr_assert_eq(waitpid(parent, NULL, 0), parent);
    output.fd = fds[0];
    cr_assert_eq(read(fds[0], &byte, 1), 1, "it was not started");
    cr_assert_eq(poll(&output, 1, 20000), 1, "the grandchild lives on");
    cr_expect_eq(read(fds[0], &byte, 1), 0);
    (void)close(fds[0]);
}
