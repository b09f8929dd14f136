/*
 * kill -9 while a patch is applied: the next one goes on, and the slot holds the image in the end.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "device-client/apply/apply.h"
#include "device-client/apply/progress.h"
#include "lib/base/mem.h"
#include "lib/os/file.h"
#include "tests/support/delta_patch.h"
#include "tests/support/temp.h"

enum { LEN = 2 << 20, GROUPS = 32, GROUP_LEN = LEN / GROUPS, KILLS = 100 };

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525 + 1013904223;
    return *state >> 8;
}

/* A stored patch of many groups, each an insert of its part. */
static void make_patch(const char *file, const uint8_t *old, const uint8_t *image)
{
    struct delta_header header = {.codec = DELTA_STORED,
                                  .class = DELTA_CLASS_L,
                                  .batch_bytes = GROUP_LEN + 64,
                                  .old_length = LEN,
                                  .old_space = LEN,
                                  .new_length = LEN,
                                  .new_space = LEN};
    struct delta_patch_group groups[GROUPS];
    struct buf codes[GROUPS];
    AUTO_BUF patch;

    buf_init(&patch, 4 << 20);
    hash_sha256(old, LEN, header.old_sha256);
    for (size_t i = 0; i < GROUPS; i++) {
        AUTO_BUF control;

        buf_init(&control, 100);
        buf_init(&codes[i], GROUP_LEN + 100);
        buf_add_varint(&control, (uint64_t)GROUP_LEN << 3 | DELTA_INSERT);
        buf_add_u32(&codes[i], (uint32_t)control.len);
        buf_add_u32(&codes[i], 0);
        buf_add_u32(&codes[i], GROUP_LEN);
        buf_add(&codes[i], control.data, control.len);
        buf_add(&codes[i], image + i * GROUP_LEN, GROUP_LEN);
        groups[i] = (struct delta_patch_group){.space_bytes = GROUP_LEN,
                                               .image_from = i * GROUP_LEN,
                                               .image_end = (i + 1) * GROUP_LEN,
                                               .code = codes[i].data,
                                               .code_len = codes[i].len};
    }
    delta_patch_write(&header, image, groups, GROUPS, &patch);
    temp_write(file, patch.data, patch.len);
    for (size_t i = 0; i < GROUPS; i++)
        buf_done(&codes[i]);
}

/* True when the child came to the end before it was killed. */
static bool run_and_kill(const struct slots *slots, const char *file,
                         const struct apply_patch *from, const struct apply_target *target,
                         useconds_t after_us)
{
    int status = 0;
    pid_t child = fork();

    cr_assert_geq(child, 0);
    if (child == 0) {
        struct err err = {0};

        _exit(apply_patch(slots, file, from, target, &err) ? 0 : 1);
    }
    (void)usleep(after_us);
    (void)kill(child, SIGKILL);
    while (waitpid(child, &status, 0) < 0)
        cr_assert_eq(errno, EINTR);
    cr_assert(WIFSIGNALED(status) || WEXITSTATUS(status) == 0, "the patch was refused");
    return !WIFSIGNALED(status);
}

Test(apply_patch, goes_on_after_kills_at_any_moment, .fini = temp_done)
{
    AUTO_FREE uint8_t *old = mem_alloc(LEN);
    AUTO_FREE uint8_t *image = mem_alloc(LEN);
    struct slots slots;
    const char *file = temp_path("patch");
    uint8_t old_hash[HASH_BYTES];
    const struct apply_patch from = {
        .old_length = LEN, .old_sha256 = old_hash, .progress_path = temp_path("progress")};
    struct apply_target target = {.slot = SLOT_B, .length = LEN};
    uint32_t seed = 11;
    unsigned kills = 0;
    unsigned advanced = 0;

    for (size_t i = 0; i < LEN; i++) {
        old[i] = (uint8_t)(i >> 3);
        image[i] = (uint8_t)next_random(&seed);
    }
    slots_init(&slots, temp_path("a"), temp_path("b"));
    temp_write(slots.paths[SLOT_A], old, LEN);
    temp_write(slots.paths[SLOT_B], old, LEN);
    hash_sha256(old, LEN, old_hash);
    hash_sha256(image, LEN, target.sha256);
    make_patch(file, old, image);

    while (kills < KILLS) {
        uint64_t before = apply_progress_measure(from.progress_path);
        uint8_t found[HASH_BYTES];
        struct err err = {0};

        if (run_and_kill(&slots, file, &from, &target, next_random(&seed) % 40000)) {
            cr_assert(slots_hash(&slots, SLOT_B, LEN, found, &err));
            cr_assert_arr_eq(found, target.sha256, HASH_BYTES, "after %u kills", kills);
            cr_assert_eq(apply_progress_measure(from.progress_path), 0, "nothing is left over");
            temp_write(slots.paths[SLOT_B], old, LEN);
            continue;
        }
        kills++;
        cr_assert(before == 0 || apply_progress_measure(from.progress_path) == 0 ||
                      apply_progress_measure(from.progress_path) >= before,
                  "it never goes back");
        advanced += apply_progress_measure(from.progress_path) > before;
    }
    cr_expect_gt(advanced, KILLS / 10, "%u of %d", advanced, KILLS);
    slots_done(&slots);
}

Test(apply_progress, is_only_what_belongs_to_the_patch_and_the_slot, .fini = temp_done)
{
    struct apply_progress progress = {.path = temp_path("progress"), .patch = {1}, .slot = SLOT_B};
    struct delta_checkpoint point = {.frame = {.offset = 9, .bytes = 100}, .verified = 3};
    uint8_t record[DELTA_CHECKPOINT_BYTES];
    uint8_t back[DELTA_CHECKPOINT_BYTES];
    struct err err = {0};

    cr_expect_not(apply_progress_load(&progress, back));
    delta_checkpoint_format(&point, record);
    cr_assert(apply_progress_store(&progress, record, &err), "%s", err.text);
    cr_assert(apply_progress_load(&progress, back));
    cr_expect_arr_eq(back, record, sizeof(record));
    cr_expect_eq(apply_progress_measure(progress.path), 12);
    progress.slot = SLOT_A;
    cr_expect_not(apply_progress_load(&progress, back));
    progress.slot = SLOT_B;
    progress.patch[0] = 2;
    cr_expect_not(apply_progress_load(&progress, back));
    temp_write(progress.path, record, sizeof(record));
    cr_expect_not(apply_progress_load(&progress, back), "a short file");
    cr_expect_eq(apply_progress_measure(progress.path), 0);
    cr_assert(apply_progress_forget(progress.path, &err));
    cr_expect(apply_progress_forget(progress.path, &err), "twice");
}
