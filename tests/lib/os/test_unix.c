#include "lib/os/unix.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/mem.h"
#include "lib/os/file.h"
#include "tests/support/temp.h"

static void meet(const char *path)
{
    AUTO_CLOSE int listener = -1;
    AUTO_CLOSE int client = -1;
    AUTO_CLOSE int server = -1;
    struct err err = {0};
    struct pollfd ready;
    char byte = 0;
    uid_t uid;

    cr_assert(unix_listen(path, 0600, &listener, &err), "%s", err.text);
    cr_assert(unix_connect(path, &client, &err), "%s", err.text);
    ready = (struct pollfd){.fd = listener, .events = POLLIN};
    cr_assert_eq(poll(&ready, 1, 10000), 1);
    cr_assert(unix_accept(listener, &server, &err) && server >= 0, "%s", err.text);

    cr_expect_eq(write(client, "x", 1), 1);
    cr_expect_eq(read(server, &byte, 1), 1);
    cr_expect_eq(byte, 'x');
    cr_assert(unix_peer_uid(server, &uid, &err));
    cr_expect_eq(uid, getuid());
}

Test(unix_socket, two_ends_meet_at_a_path_of_its_mode, .fini = temp_done)
{
    const char *path = temp_path("socket");
    struct stat info;

    meet(path);

    cr_assert_eq(stat(path, &info), 0);
    cr_expect_eq(info.st_mode & 0777, 0600);
}

Test(unix_socket, a_listener_replaces_one_that_died, .fini = temp_done)
{
    meet(temp_path("socket"));
    meet(temp_path("socket"));
}

Test(unix_socket, a_path_may_be_longer_than_an_address, .fini = temp_done)
{
    AUTO_FREE char *dir = mem_printf("%s/%0120d", temp_dir(), 0);
    AUTO_FREE char *path = mem_printf("%s/socket", dir);
    struct err err = {0};

    cr_assert(file_make_dirs(dir, 0700, &err));
    meet(path);
}

Test(unix_socket, nobody_there_is_unavailable, .fini = temp_done)
{
    struct err err = {0};
    int fd = -1;

    cr_expect_not(unix_connect(temp_path("socket"), &fd, &err));
    cr_expect_eq(err.code, ERR_UNAVAILABLE);
    cr_expect_not(unix_connect(temp_path("folder/socket"), &fd, &err));
    cr_expect_eq(err.code, ERR_UNAVAILABLE);
    meet(temp_path("dead"));
    cr_expect_not(unix_connect(temp_path("dead"), &fd, &err));
    cr_expect_eq(err.code, ERR_UNAVAILABLE);
}

Test(unix_socket, nothing_to_accept_is_no_error, .fini = temp_done)
{
    AUTO_CLOSE int listener = -1;
    struct err err = {0};
    int fd = 7;

    cr_assert(unix_listen(temp_path("socket"), 0600, &listener, &err));
    cr_expect(unix_accept(listener, &fd, &err));
    cr_expect_eq(fd, -1);
}

Test(unix_socket, a_folder_is_no_socket, .fini = temp_done)
{
    AUTO_FREE char *path = mem_printf("%s/", temp_dir());
    struct err err = {0};
    int fd = -1;

    cr_expect_not(unix_listen(path, 0600, &fd, &err));
    cr_expect_eq(err.code, ERR_INVALID);
}
