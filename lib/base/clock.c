/* The only file that asks the kernel what time it is. */
#include "lib/base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int64_t read_clock(clockid_t id)
{
    struct timespec now;

    ASSERT(clock_gettime(id, &now) == 0);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t clock_now_ms(void)
{
    return read_clock(CLOCK_REALTIME) / 1000;
}

int64_t clock_mono_ms(void)
{
    return read_clock(CLOCK_MONOTONIC) / 1000;
}

int64_t clock_mono_us(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

/* libc takes a zone that it does not know for UTC; a name is a path below its folder. */
bool clock_zone_set(const char *name)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/";
    char path[128];
    char value[128];

    if (name[0] == '\0') {
        name = "UTC";
    } else {
        int len = snprintf(path, sizeof(path), "/usr/share/zoneinfo/%s", name);

        if (len < 0 || (size_t)len >= sizeof(path) || name[0] == '/' ||
            name[strspn(name, plain)] != '\0' || access(path, R_OK) != 0)
            return false;
    }
    if (snprintf(value, sizeof(value), ":%s", name) < 0 || setenv("TZ", value, 1) != 0)
        return false;
    tzset();
    return true;
}

int32_t clock_zone_offset_s(int64_t utc_s, void *unused)
{
    time_t moment = (time_t)utc_s;
    struct tm local;

    (void)unused;
    return localtime_r(&moment, &local) ? (int32_t)local.tm_gmtoff : 0;
}
