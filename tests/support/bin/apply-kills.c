/*
 * apply-kills OLD NEW PATCH KILLS: the agent's installation of a real patch, by hand. A child
 * applies it to a slot and is killed (SIGKILL) after a random part of the time that it takes when
 * nobody disturbs it, again and again; each next one
 * goes on at the last checkpoint. Whenever an update comes to its end the slot's hash is compared
 * and the next one begins.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "device-client/apply/apply.h"
#include "device-client/apply/progress.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/os/file.h"

enum { IMAGE_BYTES_MAX = 1 << 30, RUNS = 1 /* of a whole update, at most in one go */ };

struct trial {
    struct slots slots;
    struct buf *old;
    struct apply_patch from;
    struct apply_target target;
    const char *patch_path, *progress_path;
    uint32_t seed;
    unsigned run_ms_max; /* before it is killed */
    unsigned kills, updates, advanced;
};

static void stop(const char *what)
{
    (void)fprintf(stderr, "apply-kills: %s\n", what);
    exit(1);
}

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525 + 1013904223;
    return *state >> 8;
}

static void pause_ms(unsigned ms)
{
    const struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};

    (void)nanosleep(&pause, NULL);
}

/* True when the child came to the end before it was killed. */
static bool run(struct trial *trial)
{
    unsigned left = trial->run_ms_max == UINT32_MAX ? UINT32_MAX
                                                    : next_random(&trial->seed) % trial->run_ms_max;
    int status = 0;
    pid_t child = fork();

    if (child < 0)
        stop("no process");
    if (child == 0) {
        struct err err = {0};
        bool good =
            apply_patch(&trial->slots, trial->patch_path, &trial->from, &trial->target, &err);

        if (!good)
            (void)fprintf(stderr, "apply-kills: %s\n", err.text);
        _exit(good ? 0 : 1);
    }
    while (left > 0 && waitpid(child, &status, WNOHANG) == 0) {
        unsigned some = left < 20 ? left : 20;

        pause_ms(some);
        left -= some;
    }
    if (left == 0) {
        (void)kill(child, SIGKILL);
        while (waitpid(child, &status, 0) < 0 && errno == EINTR)
            ;
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) != 0)
        stop("the patch was refused");
    return WIFEXITED(status);
}

static void check_slot(struct trial *trial)
{
    uint8_t found[HASH_BYTES];
    struct err err = {0};

    if (!slots_hash(&trial->slots, SLOT_B, trial->target.length, found, &err))
        stop(err.text);
    if (memcmp(found, trial->target.sha256, HASH_BYTES) != 0)
        stop("the slot holds another image");
    if (apply_progress_measure(trial->progress_path) != 0)
        stop("progress is left over");
    if (!file_write(trial->slots.paths[SLOT_B], 0600, trial->old->data, trial->old->len, &err))
        stop(err.text);
}

static void measure(struct trial *trial)
{
    int64_t start = clock_mono_ms();

    trial->run_ms_max = UINT32_MAX;
    if (!run(trial))
        stop("it was killed by somebody else");
    trial->run_ms_max = (unsigned)(clock_mono_ms() - start) / RUNS + 1;
    check_slot(trial);
    (void)printf("undisturbed: %lld ms\n", (long long)(clock_mono_ms() - start));
}

static void go(struct trial *trial, unsigned kills)
{
    while (trial->kills < kills) {
        uint64_t before = apply_progress_measure(trial->progress_path);
        uint64_t after;

        if (run(trial)) {
            check_slot(trial);
            trial->updates++;
            continue;
        }
        trial->kills++;
        after = apply_progress_measure(trial->progress_path);
        if (after < before)
            stop("it went back");
        trial->advanced += after > before;
        (void)printf("\rkill %u, update %u ", trial->kills, trial->updates + 1);
        (void)fflush(stdout);
    }
    while (!run(trial))
        trial->kills++;
    check_slot(trial);
    (void)printf("\n%u kills, %u updates came to their end with the right hash, %u kills behind a "
                 "new checkpoint\n",
                 trial->kills, trial->updates + 1, trial->advanced);
}

int main(int argc, char **argv)
{
    AUTO_BUF old;
    AUTO_BUF new_image;
    AUTO_FREE char *progress = NULL;
    AUTO_FREE char *slot_b = NULL;
    uint8_t old_sha256[HASH_BYTES];
    struct trial trial = {.old = &old, .seed = (uint32_t)clock_now_ms(), .target.slot = SLOT_B};
    struct err err = {0};
    uint64_t kills = 0;

    if (argc != 5 || !text_to_u64(argv[4], strlen(argv[4]), 1, 100000, &kills))
        stop("usage: apply-kills OLD NEW PATCH KILLS");
    buf_init(&old, IMAGE_BYTES_MAX);
    buf_init(&new_image, IMAGE_BYTES_MAX);
    if (!file_read(argv[1], &old, &err) || !file_read(argv[2], &new_image, &err))
        stop(err.text);
    progress = mem_printf("%s.progress", argv[3]);
    slot_b = mem_printf("%s.slot", argv[3]);
    slots_init(&trial.slots, argv[1], slot_b);
    if (!file_write(slot_b, 0600, old.data, old.len, &err))
        stop(err.text);
    hash_sha256(old.data, old.len, old_sha256);
    hash_sha256(new_image.data, new_image.len, trial.target.sha256);
    trial.target.length = new_image.len;
    trial.patch_path = argv[3];
    trial.progress_path = progress;
    trial.from = (struct apply_patch){
        .old_length = old.len, .old_sha256 = old_sha256, .progress_path = progress};
    measure(&trial);
    go(&trial, (unsigned)kills);
    (void)unlink(slot_b); /* a folder of the caller's */
    slots_done(&trial.slots);
    return 0;
}
