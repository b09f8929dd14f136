#include "server/dev/dev.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/json/json.h"
#include "lib/os/file.h"
#include "lib/os/unix.h"
#include "server/db/sync.h"
#include "server/dev/cluster.h"
#include "tests/support/signer.h"

static char dir[] = "/tmp/slipway-dev-XXXXXX";
static char *program; /* the signer of this build */

static void setup(void)
{
    program = built_program("slipway-signer");
    cr_assert_not_null(mkdtemp(dir));
}

static void teardown(void)
{
    struct err err;

    mem_free(program);
    cr_assert(cluster_destroy(dir, &err) && file_remove_tree(dir, &err), "%s", err.text);
}

static struct dev *open_dev(void)
{
    struct dev *dev = NULL;
    struct err err;

    cr_assert(dev_open(dir, program, &dev, &err), "%s", err.text);
    return dev;
}

static void close_dev(struct dev *dev)
{
    struct err err;

    cr_assert(dev_close(dev, &err), "%s", err.text);
}

static json_t *read_json(void)
{
    AUTO_FREE char *path = mem_printf("%s/dev.json", dir);
    json_t *tree = NULL;
    AUTO_BUF text;
    struct err err;

    buf_init(&text, 64 << 10);
    cr_assert(file_read(path, &text, &err), "%s", err.text);
    cr_assert(json_parse(text.data, text.len, &json_limits_api, &tree, &err), "%s", err.text);
    return tree;
}

static pid_t pid_of(const char *name)
{
    AUTO_JSON *tree = read_json();

    return (pid_t)json_integer_value(json_object_get(tree, name));
}

static pid_t postgres_pid(void)
{
    return pid_of("pg_pid");
}

static bool signer_listens(void)
{
    AUTO_FREE char *path = mem_printf("%s/signer/socket", dir);
    AUTO_CLOSE int fd = -1;
    struct err err;

    return unix_connect(path, &fd, &err);
}

static bool answers(const struct dev *dev)
{
    AUTO_DB_SYNC *sync = NULL;
    struct err err;

    return db_sync_open(dev_database_url(dev), &sync, &err);
}

TestSuite(dev, .init = setup, .fini = teardown);

Test(dev, says_where_it_is_only_to_its_owner_and_only_while_it_runs)
{
    AUTO_FREE char *path = mem_printf("%s/dev.json", dir);
    struct dev *dev = open_dev();
    AUTO_JSON *tree = NULL;
    char token[TOKEN_OPERATOR_ROOM];
    struct stat info;
    struct err err;

    cr_assert_not(file_exists(path), "not ready yet");
    cr_assert(dev_ready(dev, "http://127.0.0.1:1", &err), "%s", err.text);
    cr_assert(dev_token(dev, token, &err), "%s", err.text);
    tree = read_json();
    cr_assert_str_eq(json_string_value(json_object_get(tree, "url")), "http://127.0.0.1:1");
    cr_assert_str_eq(json_string_value(json_object_get(tree, "token")), token);
    cr_assert_eq(json_integer_value(json_object_get(tree, "pid")), getpid());
    cr_assert_str_eq(json_string_value(json_object_get(tree, "database")), dev_database_url(dev));
    cr_assert_eq(stat(path, &info), 0);
    cr_assert_eq(info.st_mode & 0777, 0600);

    close_dev(dev);
    cr_assert_not(file_exists(path));
}

Test(dev, the_token_stays_the_same)
{
    struct dev *dev = open_dev();
    char first[TOKEN_OPERATOR_ROOM];
    char second[TOKEN_OPERATOR_ROOM];
    struct err err;

    cr_assert(dev_token(dev, first, &err), "%s", err.text);
    close_dev(dev);
    dev = open_dev();
    cr_assert(dev_token(dev, second, &err), "%s", err.text);
    cr_assert_str_eq(first, second);
    close_dev(dev);
}

Test(dev, a_second_server_on_the_folder_is_refused_and_harms_nothing)
{
    struct dev *dev = open_dev();
    struct dev *second = NULL;
    struct err err;

    cr_assert(dev_ready(dev, "http://127.0.0.1:1", &err), "%s", err.text);
    cr_assert_not(dev_open(dir, program, &second, &err));
    cr_assert_eq(err.code, ERR_CONFLICT);
    cr_assert(strstr(err.text, "a server is already running in"), "%s", err.text);
    cr_assert(answers(dev));
    cr_assert_gt(postgres_pid(), 0);
    close_dev(dev);
}

Test(dev, a_database_that_dies_is_started_again)
{
    struct dev *dev = open_dev();
    struct err err;
    pid_t before;

    cr_assert(dev_ready(dev, "http://127.0.0.1:1", &err), "%s", err.text);
    before = postgres_pid();
    cr_assert_eq(kill(before, SIGKILL), 0);
    while (postgres_pid() == before || !answers(dev)) /* the watching thread is at work */
        cr_assert_eq(access(dir, F_OK), 0);
    close_dev(dev);
}

Test(dev, has_a_signer_of_its_own_that_is_started_again_when_it_dies)
{
    struct dev *dev = open_dev();
    struct err err;
    pid_t before;

    cr_assert(signer_listens());
    cr_assert(dev_ready(dev, "http://127.0.0.1:1", &err), "%s", err.text);
    before = pid_of("signer_pid");
    cr_assert_gt(before, 0);
    cr_assert_eq(kill(before, SIGKILL), 0);
    while (pid_of("signer_pid") == before || !signer_listens()) /* the watching thread works */
        cr_assert_eq(access(dir, F_OK), 0);
    close_dev(dev);

    cr_expect_not(signer_listens(), "it ends with the server");
}
