/*
 * Bad luck for the agent, by LD_PRELOAD: a clock that is wrong, a slow answer, a disk that forgets.
 * What it does stands in the file that AGENT_PRELOAD names, read at every call, so that a story can
 * change it while the agent runs; one word and a number a line:
 *
 *   clock SECONDS   the wall clock is off by so much (may be negative)
 *   step SECONDS    each time the agent itself looks at its monotonic clock, that long has passed
 *   flip OFFSET     fsync() of the file AGENT_PRELOAD_SLOT changes a bit of its byte there
 */
#include <dlfcn.h>
#include <execinfo.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* False when the story did not ask for it. */
static int asked(const char *word, long long *value)
{
    const char *path = getenv("AGENT_PRELOAD");
    FILE *file = path ? fopen(path, "re") : NULL;
    char found[32];
    int is_there = 0;

    while (file && !is_there && fscanf(file, "%31s %lld", found, value) == 2)
        is_there = strcmp(found, word) == 0;
    if (file)
        (void)fclose(file); /* only reading */
    return is_there;
}

/* Is the caller the program itself, not a library that waits? Under the sanitizer everybody comes
 * through its own clock_gettime(), which is in the program: so the caller's caller is looked at,
 * too.
 */
static int is_by_program(const void *caller)
{
    enum { FRAMES = 8, LOOKED_AT = 2 };
    void *frames[FRAMES];
    int count = backtrace(frames, FRAMES);
    int found = 0;
    int i = 0;
    Dl_info info;

    while (i < count && frames[i] != caller)
        i++;
    for (; i < count && found < LOOKED_AT; i++, found++) {
        if (!dladdr(frames[i], &info) || !strstr(info.dli_fname, "slipway-agent"))
            return 0;
    }
    return found == LOOKED_AT;
}

/* Under libc's names for the linker. */
int caught_clock_gettime(clockid_t id, struct timespec *now) __asm__("clock_gettime");
int caught_fsync(int fd) __asm__("fsync");

int caught_clock_gettime(clockid_t id, struct timespec *now)
{
    static int (*real)(clockid_t, struct timespec *);
    static _Thread_local int is_inside;
    static long long stepped;
    long long seconds = 0;
    int result;

    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
    result = real(id, now);
    if (result != 0 || is_inside)
        return result;
    is_inside = 1;
    if (id == CLOCK_REALTIME && asked("clock", &seconds))
        now->tv_sec += (time_t)seconds;
    if (id == CLOCK_MONOTONIC && (asked("step", &seconds) || stepped) &&
        is_by_program(__builtin_return_address(0))) {
        stepped += seconds;
        now->tv_sec += (time_t)stepped;
    }
    is_inside = 0;
    return 0;
}

static int is_slot(int fd)
{
    const char *path = getenv("AGENT_PRELOAD_SLOT");
    struct stat slot;
    struct stat file;

    return path && stat(path, &slot) == 0 && fstat(fd, &file) == 0 && slot.st_ino == file.st_ino &&
           slot.st_dev == file.st_dev;
}

int caught_fsync(int fd)
{
    static int (*real)(int);
    const char *path = getenv("AGENT_PRELOAD_SLOT");
    long long offset;
    char byte;
    int slot;

    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "fsync");
    if (path && is_slot(fd) && asked("flip", &offset) &&
        (slot = open(path, O_RDWR | O_CLOEXEC)) >= 0) {
        if (pread(slot, &byte, 1, (off_t)offset) == 1) {
            byte ^= 1;
            (void)!pwrite(slot, &byte, 1, (off_t)offset); /* the story sees that nothing happened */
        }
        (void)close(slot); /* likewise */
    }
    return real(fd);
}
