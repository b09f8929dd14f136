#include <criterion/criterion.h>

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/mem.h"
#include "lib/log/log.h"

/* Runs with standard error in a pipe and gives back what was written. */
static size_t captured(void (*say)(void), char *out, size_t room)
{
    int saved = dup(STDERR_FILENO);
    int fds[2];
    ssize_t n;

    cr_assert(pipe2(fds, O_NONBLOCK) == 0 && dup2(fds[1], STDERR_FILENO) >= 0);
    say();
    n = read(fds[0], out, room - 1);
    cr_assert(dup2(saved, STDERR_FILENO) >= 0);
    (void)close(saved);
    (void)close(fds[0]);
    (void)close(fds[1]);
    out[n > 0 ? n : 0] = '\0';
    return n > 0 ? (size_t)n : 0;
}

static void say_hostile(void)
{
    LOG_INFO("test.event", "name='%s'", "a\nb\x1b[31m");
}

static void say_debug(void)
{
    LOG_DEBUG("test.event", "x=%d", 1);
}

static void say_long(void)
{
    char big[5000];

    memset(big, 'x', sizeof(big));
    big[sizeof(big) - 1] = '\0';
    LOG_ERROR("test.event", "big=%s", big);
}

Test(log, keeps_text_from_outside_on_one_line)
{
    char out[4096];
    size_t len = captured(say_hostile, out, sizeof(out));

    cr_expect(strstr(out, " info test.event name='a?b?[31m'\n"), "%s", out);
    cr_expect_eq(strchr(out, '\n'), out + len - 1);
}

Test(log, says_nothing_below_its_level)
{
    enum log_level level = LOG_LEVEL_ERROR;
    char out[4096];

    cr_expect_eq(captured(say_debug, out, sizeof(out)), 0);
    cr_expect(log_level_parse("debug", &level));
    log_set_level(level);
    cr_expect_gt(captured(say_debug, out, sizeof(out)), 0);
    cr_expect_not(log_level_parse("loud", &level));
}

Test(log, cuts_a_line_that_is_too_long)
{
    char out[8192];
    size_t len = captured(say_long, out, sizeof(out));

    cr_expect_leq(len, 1000);
    cr_expect_eq(out[len - 1], '\n');
}
