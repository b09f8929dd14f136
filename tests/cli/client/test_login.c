#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/client/login.h"
#include "lib/base/mem.h"
#include "tests/support/temp.h"

/* Nothing of the machine's own: every place is in a folder of the test's. */
static void isolate(void)
{
    (void)unsetenv("SLIPWAY_URL");
    (void)unsetenv("SLIPWAY_TOKEN");
    (void)unsetenv("SLIPWAY_DEV_DIR");
    cr_assert_eq(setenv("XDG_CONFIG_HOME", temp_dir(), 1), 0);
}

static void keep(const char *url, const char *token)
{
    AUTO_FREE char *url_copy = mem_strdup(url);
    AUTO_FREE char *token_copy = mem_strdup(token);
    const struct login login = {url_copy, token_copy};
    struct err err = {0};

    cr_assert(login_save(&login, &err), "%s", err.text);
}

static void write_dev(const char *url, const char *token)
{
    AUTO_FREE char *text =
        mem_printf("{\"url\":\"%s\",\"token\":\"%s\",\"pid\":1,\"pids\":[1]}", url, token);

    cr_assert_eq(setenv("SLIPWAY_DEV_DIR", temp_dir(), 1), 0);
    temp_write(temp_path("dev.json"), text, strlen(text));
}

static void expect(const char *what, const char *url_option, const char *file, const char *url,
                   const char *token)
{
    AUTO_LOGIN login = {0};
    struct err err = {0};

    cr_assert(login_find(url_option, file, &login, &err), "%s: %s", what, err.text);
    cr_expect_str_eq(login.url, url, "%s", what);
    if (token)
        cr_expect(login.token && strcmp(login.token, token) == 0, "%s: token '%s'", what,
                  login.token ? login.token : "none");
    else
        cr_expect_null(login.token, "%s", what);
}

Test(login, is_kept_readable_by_its_owner_only, .init = isolate, .fini = temp_done)
{
    struct stat info;

    keep("http://kept", "kept-token");

    expect("the kept one", NULL, NULL, "http://kept", "kept-token");
    cr_assert_eq(stat(temp_path("slipway/login.json"), &info), 0);
    cr_expect_eq(info.st_mode & 0777U, 0600U);
}

Test(login, comes_from_the_most_explicit_place, .init = isolate, .fini = temp_done)
{
    keep("http://kept", "kept-token");
    write_dev("http://dev", "dev-token");
    temp_write(temp_path("token"), "file-token\n", 11);

    expect("a dev folder that was named goes before the kept login", NULL, NULL, "http://dev",
           "dev-token");
    cr_assert_eq(setenv("SLIPWAY_URL", "http://env", 1), 0);
    cr_assert_eq(setenv("SLIPWAY_TOKEN", "env-token", 1), 0);
    expect("the environment goes before files", NULL, NULL, "http://env", "env-token");
    expect("an option goes before the environment", "http://option", NULL, "http://option",
           "env-token");
    expect("a token file goes before SLIPWAY_TOKEN", "http://option", temp_path("token"),
           "http://option", "file-token");
}

Test(login, gives_a_kept_token_to_no_other_server, .init = isolate, .fini = temp_done)
{
    keep("http://kept", "kept-token");
    write_dev("http://dev", "dev-token");

    expect("a stranger", "http://stranger", NULL, "http://stranger", NULL);
    expect("a kept server by its URL", "http://kept", NULL, "http://kept", "kept-token");
    expect("a dev server by its URL", "http://dev", NULL, "http://dev", "dev-token");
    cr_assert_eq(setenv("SLIPWAY_URL", "http://stranger", 1), 0);
    expect("a stranger in the environment", NULL, NULL, "http://stranger", NULL);
}

Test(login, says_what_to_do_when_there_is_none, .init = isolate, .fini = temp_done)
{
    struct login login = {0};
    struct err err = {0};

    cr_assert_eq(setenv("SLIPWAY_DEV_DIR", temp_path("nowhere"), 1), 0);
    cr_expect_not(login_find(NULL, NULL, &login, &err));
    cr_expect_eq(err.code, ERR_INVALID);
    cr_expect(strstr(err.text, "slipway login"), "%s", err.text);
}

Test(login, refuses_a_damaged_file_by_its_name, .init = isolate, .fini = temp_done)
{
    static const char *const texts[] = {"", "{", "{\"url\":\"http://x\"}",
                                        "{\"url\":1,\"token\":\"t\"}"};

    for (size_t i = 0; i < COUNT(texts); i++) {
        struct login login = {0};
        struct err err = {0};

        write_dev("http://dev", "dev-token");
        temp_write(temp_path("dev.json"), texts[i], strlen(texts[i]));
        cr_expect_not(login_find(NULL, NULL, &login, &err), "%s", texts[i]);
        cr_expect(strstr(err.text, "dev.json"), "%s: %s", texts[i], err.text);
    }
}
