#include "server/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "lib/base/mem.h"
#include "lib/os/file.h"
#include "server/app.h"

Test(server_config, every_default_is_valid)
{
    struct server_config config;
    struct err err;

    cr_assert(server_config_load(NULL, &config, &err), "%s", err.text);
    cr_assert_eq(config.listen_port, 8443);
    cr_assert_str_eq(config.tls_certificate, "");
    server_config_done(&config);
}

Test(server_config, keys_that_belong_together_are_checked_together)
{
    static const struct {
        const char *text;
        const char *words;
    } cases[] = {
        {"tls.key = a", "'tls.certificate' and 'tls.key' are set together"},
        {"tls.certificate = a", "'tls.certificate' and 'tls.key' are set together"},
        {"log.level = loud", "'log.level' is error, warning, info or debug"},
        {"public.url = updates.example.org", "'public.url' starts with http:// or https://"},
        {"public.url = https://updates.example.org/", "'public.url' does not end with a slash"},
        {"workers = 65", "'workers' is a number between 0 and 64"},
    };
    char path[] = "/tmp/slipway-config-XXXXXX";
    int fd = mkstemp(path);

    cr_assert_geq(fd, 0);
    cleanup_close(&fd);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct server_config config;
        struct err err = {0};

        cr_assert(file_write(path, 0600, cases[i].text, strlen(cases[i].text), &err));
        cr_expect_not(server_config_load(path, &config, &err), "%s", cases[i].text);
        cr_expect_eq(err.code, ERR_INVALID, "%s", cases[i].text);
        cr_expect(strstr(err.text, cases[i].words), "%s: %s", cases[i].text, err.text);
    }
    cr_assert_eq(remove(path), 0);
}

Test(server_config, dev_has_its_own_defaults_and_the_environment_wins)
{
    struct server_config config;
    struct err err;

    cr_assert(server_config_load_dev("/d", "host=/s", &config, &err), "%s", err.text);
    cr_assert_eq(config.listen_port, 8080);
    cr_assert_str_eq(config.listen_address, "127.0.0.1");
    cr_assert_str_eq(config.storage_dir, "/d");
    cr_assert_str_eq(config.database_url, "host=/s");
    server_config_done(&config);

    cr_assert_eq(setenv("SLIPWAY_LISTEN_PORT", "0", 1), 0);
    cr_assert_eq(setenv("SLIPWAY_DATABASE_URL", "host=/elsewhere", 1), 0);
    cr_assert(server_config_load_dev("/d", "host=/s", &config, &err), "%s", err.text);
    cr_assert_eq(config.listen_port, 0);
    cr_assert_str_eq(config.database_url, "host=/s", "--dev is private");
    server_config_done(&config);
}

Test(server_config, the_api_page_lists_every_table)
{
    AUTO_BUF page;

    buf_init(&page, 1 << 20);
    app_print_api(&page);
    cr_assert_not(page.failed);
    cr_assert(strstr(buf_text(&page), "| GET | `/healthz` | everybody | - | 200 as long as"));
}
