#include "device-client/trust/counters.h"

#include <criterion/criterion.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/os/file.h"
#include "tests/support/temp.h"

static struct counter counter_of(const char *name, uint64_t release, uint64_t floor)
{
    struct counter counter = {.type = "os", .release_counter = release, .floor = floor};

    (void)text_copy(counter.name, sizeof(counter.name), name);
    return counter;
}

static void commit(struct counters *counters, const char *name, uint64_t release, uint64_t floor)
{
    const struct counter counter = counter_of(name, release, floor);
    struct err err = {0};

    cr_assert(counters_commit(counters, &counter, &err), "%s", err.text);
}

Test(counters, follow_what_runs_but_their_floor_only_rises)
{
    struct counters counters = {0};

    commit(&counters, "base", 2040, 2031);
    commit(&counters, "base", 2031, 2000);
    commit(&counters, "extra", 7, 2050);
    cr_expect_eq(counters_of(&counters, "os", "base").release_counter, 2031,
                 "a consented way back");
    cr_expect_eq(counters_of(&counters, "os", "base").floor, 2031);
    cr_expect_eq(counters_of(&counters, "app", "base").floor, 0);
    cr_expect_eq(counters_highest(&counters, "os").floor, 2050);
    cr_expect_eq(counters_highest(&counters, "os").release_counter, 2031);
}

Test(counters, have_room_for_8_components)
{
    struct counters counters = {0};
    const struct counter one_more = counter_of("i", 1, 0);
    struct err err = {0};

    for (char name[] = "a"; name[0] < 'i'; name[0]++)
        commit(&counters, name, 1, 0);
    cr_expect_not(counters_commit(&counters, &one_more, &err));
    cr_expect_eq(err.code, ERR_LIMIT);
    commit(&counters, "a", 2, 0);
}

static const struct counters_backend *backend(void)
{
    const struct counters_backend *found = counters_backend_find("file");

    cr_assert_not_null(found);
    cr_assert_null(counters_backend_find("tpm"));
    return found;
}

Test(counters, come_back_from_their_file, .fini = temp_done)
{
    const char *path = temp_path("counters");
    struct counters counters = {0};
    struct counters again;
    struct err err = {0};

    cr_expect_not(backend()->load(path, &again, &err));
    cr_expect_eq(err.code, ERR_NOT_FOUND);
    for (uint64_t i = 1; i <= 5; i++) {
        commit(&counters, "base", i, i / 2);
        counters.director_version = i * 1000;
        cr_assert(backend()->save(path, &counters, &err), "%s", err.text);
        cr_assert(backend()->load(path, &again, &err), "%s", err.text);
        cr_expect_eq(again.sequence, i);
        cr_expect_eq(again.director_version, i * 1000);
        cr_expect_eq(counters_of(&again, "os", "base").release_counter, i);
        cr_expect_eq(counters_of(&again, "os", "base").floor, i / 2);
    }
}

/* Whatever a torn write left of the newest copy: the other one counts. */
Test(counters, survive_damage_to_any_byte_of_one_copy, .fini = temp_done)
{
    const char *path = temp_path("counters");
    struct counters counters = {0};
    struct counters again;
    struct err err = {0};
    AUTO_BUF text;
    size_t newest = (size_t)COUNTERS_COPY_DISTANCE * (3 & 1);

    for (uint64_t i = 1; i <= 3; i++) {
        commit(&counters, "base", i, i);
        cr_assert(backend()->save(path, &counters, &err), "%s", err.text);
    }
    buf_init(&text, COUNTERS_FILE_BYTES + 1);
    cr_assert(file_read(path, &text, &err), "%s", err.text);
    cr_assert_eq(text.len, COUNTERS_FILE_BYTES);
    for (size_t i = 0; i < 60; i++) {
        text.data[newest + i] ^= 4;
        cr_assert(counters_parse(text.data, &again, &err), "byte %zu: %s", i, err.text);
        if (again.sequence != 3) /* else the byte lies behind the copy */
            cr_expect_eq(counters_of(&again, "os", "base").floor, 2, "byte %zu", i);
        text.data[newest + i] ^= 4;
    }
    text.data[0] ^= 1;
    text.data[COUNTERS_COPY_DISTANCE] ^= 1;
    cr_expect_not(counters_parse(text.data, &again, &err));
    cr_expect_eq(err.code, ERR_INVALID);
}
