#include "tests/support/softhsm.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/mem.h"
#include "lib/os/file.h"
#include "lib/os/spawn.h"
#include "tests/support/temp.h"

const char *softhsm_module(void)
{
    static const char *const places[] = {"/usr/lib/softhsm/libsofthsm2.so",
                                         "/usr/lib64/pkcs11/libsofthsm2.so"};

    for (size_t i = 0; i < COUNT(places); i++) {
        if (file_exists(places[i]))
            return places[i];
    }
    cr_assert_fail("SoftHSM is not installed (deploy/deps.sh)");
    return NULL;
}

const char *softhsm_pin_file(void)
{
    return temp_path("pin");
}

void softhsm_open(void)
{
    const char *const argv[] = {"softhsm2-util", "--init-token", "--free", "--label", SOFTHSM_TOKEN,
                                "--so-pin",      "5678",         "--pin",  "1234",    NULL};
    const struct spawn_options options = {.output_fd = -1};
    AUTO_FREE char *config = mem_printf("directories.tokendir = %s\nobjectstore.backend = file\n"
                                        "log.level = ERROR\n",
                                        temp_path("tokens"));
    struct err err = {0};
    int status;

    cr_assert(file_make_dirs(temp_path("tokens"), 0700, &err), "%s", err.text);
    temp_write(temp_path("softhsm.conf"), config, strlen(config));
    temp_write(softhsm_pin_file(), "1234\n", 5);
    cr_assert_eq(chmod(softhsm_pin_file(), 0600), 0);
    cr_assert_eq(setenv("SOFTHSM2_CONF", temp_path("softhsm.conf"), 1), 0);
    cr_assert(spawn_run(argv, &options, 20000, &status, &err), "%s", err.text);
    cr_assert_eq(status, 0);
}

/* For the sanitizer's own list of leaks that are SoftHSM's (lsan.txt): found by whole stacks only.
 */
// NOLINTNEXTLINE(bugprone-reserved-identifier): the sanitizer's name
const char *__asan_default_options(void);
// NOLINTNEXTLINE(bugprone-reserved-identifier): the sanitizer's name
const char *__asan_default_options(void)
{
    return "fast_unwind_on_malloc=0";
}
