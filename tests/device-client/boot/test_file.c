#include "device-client/boot/file.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "device-client/limits.h"

static struct boot_record record_of(uint64_t sequence)
{
    return (struct boot_record){
        .sequence = sequence,
        .status = {.active = SLOT_B,
                   .slots = {{.state = BOOT_TRY, .tries = 1}, {.state = BOOT_GOOD}}},
    };
}

static void put(uint8_t *file, const struct boot_record *record)
{
    boot_record_format(record, file + (record->sequence & 1) * BOOT_COPY_DISTANCE);
}

Test(boot_file, reads_the_newest_whole_copy)
{
    uint8_t file[BOOT_FILE_BYTES] = {0};
    struct boot_record five = record_of(5);
    struct boot_record six = record_of(6);
    struct boot_record out;
    struct err err = {0};

    put(file, &five);
    cr_assert(boot_record_parse(file, &out, &err));
    cr_expect_eq(out.sequence, 5);
    put(file, &six);
    cr_assert(boot_record_parse(file, &out, &err));
    cr_expect_eq(out.sequence, 6);
    cr_expect_eq(out.status.active, SLOT_B);
    cr_expect_eq(out.status.slots[SLOT_A].state, BOOT_TRY);
    cr_expect_eq(out.status.slots[SLOT_A].tries, 1);
}

Test(boot_file, keeps_a_whole_copy_under_every_torn_write)
{
    struct boot_record old = record_of(5);
    struct boot_record next = record_of(6);
    uint8_t copy[BOOT_COPY_BYTES];

    boot_record_format(&next, copy);
    for (size_t written = 0; written <= BOOT_COPY_BYTES; written++) {
        uint8_t file[BOOT_FILE_BYTES] = {0};
        struct boot_record out;
        struct err err = {0};

        put(file, &old);
        memcpy(file, copy, written);
        cr_assert(boot_record_parse(file, &out, &err), "%zu bytes written", written);
        cr_expect_eq(out.sequence, written == BOOT_COPY_BYTES ? 6 : 5, "%zu bytes written",
                     written);
    }
}

Test(boot_file, believes_no_copy_with_a_flipped_bit)
{
    struct boot_record old = record_of(5);
    struct boot_record next = record_of(6);

    for (size_t bit = 0; bit < 8UL * BOOT_COPY_BYTES; bit++) {
        uint8_t file[BOOT_FILE_BYTES] = {0};
        struct boot_record out;
        struct err err = {0};

        put(file, &old);
        put(file, &next);
        file[bit / 8] ^= (uint8_t)(1u << bit % 8);
        cr_assert(boot_record_parse(file, &out, &err), "bit %zu", bit);
        cr_expect_eq(out.sequence, 5, "bit %zu", bit);
        memset(file + BOOT_COPY_DISTANCE, 0, BOOT_COPY_BYTES);
        cr_expect_not(boot_record_parse(file, &out, &err), "bit %zu", bit);
    }
}

Test(boot_file, starts_a_new_slot_twice_and_then_falls_back_for_good)
{
    struct boot_status status = {.active = SLOT_A,
                                 .slots = {{.state = BOOT_GOOD}, {.state = BOOT_TRY}}};

    for (unsigned i = 0; i < BOOT_TRIES_MAX; i++)
        cr_expect_eq(boot_choose(&status), SLOT_B, "attempt %u", i);
    cr_expect_eq(boot_choose(&status), SLOT_A);
    cr_expect_eq(status.slots[SLOT_B].state, BOOT_BAD);
    cr_expect_eq(boot_choose(&status), SLOT_A);
}

Test(boot_file, never_starts_a_slot_that_is_empty_or_bad)
{
    static const enum boot_slot_state states[] = {BOOT_EMPTY, BOOT_BAD, BOOT_GOOD};

    for (size_t i = 0; i < COUNT(states); i++) {
        struct boot_status status = {.active = SLOT_B,
                                     .slots = {{.state = states[i]}, {.state = BOOT_GOOD}}};

        cr_expect_eq(boot_choose(&status), SLOT_B);
    }
}

/* Without a lock both load the same state, and one change is overwritten by the other. */
Test(boot_file, loses_no_change_of_two_programs_at_once)
{
    enum { CHANGES = 400 };
    char path[] = "/tmp/slipway-boot-XXXXXX";
    int fd = mkstemp(path);
    struct boot_record record = {0};
    struct err err = {0};
    int status = -1;
    pid_t child;

    cr_assert(fd >= 0 && close(fd) == 0 && unlink(path) == 0);
    cr_assert(boot_file_create(path, &err), "%s", err.text);
    child = fork();
    for (int i = 0; i < CHANGES; i++)
        if (!boot_file.invalidate(path, SLOT_B, &err))
            break;
    if (child == 0)
        _exit(err.code == ERR_NONE ? 0 : 1);
    cr_expect_eq(waitpid(child, &status, 0), child);
    cr_expect_eq(status, 0);
    cr_assert(boot_file_load(path, &record, &err), "%s", err.text);
    cr_expect_eq(record.sequence, UINT64_C(2) * CHANGES);
    cr_expect_eq(unlink(path), 0);
}

Test(boot_file, tries_confirms_and_gives_up_in_the_file)
{
    char path[] = "/tmp/slipway-boot-XXXXXX";
    int fd = mkstemp(path);
    struct boot_status status;
    struct err err = {0};

    cr_assert(fd >= 0 && close(fd) == 0 && unlink(path) == 0);
    cr_assert(boot_file_create(path, &err), "%s", err.text);
    cr_expect_not(boot_file_create(path, &err));
    cr_expect_eq(err.code, ERR_CONFLICT);

    cr_expect_not(boot_file.try_once(path, SLOT_A, &err), "the active slot is not for trying");
    cr_expect_not(boot_file.invalidate(path, SLOT_A, &err), "nor for writing");
    cr_expect_not(boot_file.give_up(path, SLOT_A, &err), "there is no other");

    cr_assert(boot_file.invalidate(path, SLOT_B, &err));
    cr_assert(boot_file.try_once(path, SLOT_B, &err));
    cr_assert(boot_file.read(path, &status, &err));
    cr_expect(status.active == SLOT_A && status.slots[SLOT_B].state == BOOT_TRY);
    cr_assert(boot_file.confirm(path, SLOT_B, &err));
    cr_assert(boot_file.read(path, &status, &err));
    cr_expect(status.active == SLOT_B && status.slots[SLOT_B].state == BOOT_GOOD);
    cr_assert(boot_file.give_up(path, SLOT_B, &err), "%s", err.text);
    cr_assert(boot_file.read(path, &status, &err));
    cr_expect(status.active == SLOT_A && status.slots[SLOT_B].state == BOOT_BAD);
    cr_expect_eq(unlink(path), 0);
    cr_expect_not(boot_file.read(path, &status, &err));
}
