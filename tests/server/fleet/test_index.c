#include "server/fleet/index.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <string.h>

#include "server/limits.h"

static struct store_device device_of(unsigned number)
{
    struct store_device device = {
        .id = number,
        .tenant_id = 1,
        .group_id = 2,
        .hwid = "board",
        .standing = {.device_id = number},
    };

    memcpy(device.device, &number, sizeof(number));
    return device;
}

static struct fleet_facts facts_of(struct fleet_device *device)
{
    struct fleet_facts facts;

    fleet_device_read(device, &facts);
    return facts;
}

Test(fleet_index, finds_devices_by_id_and_by_row)
{
    enum { DEVICES = 5000 };
    struct fleet_index *index = fleet_index_new();
    struct store_device device;

    for (unsigned n = 1; n <= DEVICES; n++) {
        device = device_of(n);
        (void)fleet_index_add(index, &device);
    }

    cr_expect_eq(fleet_index_count(index), DEVICES);
    for (unsigned n = 1; n <= DEVICES; n++) {
        struct fleet_device *found;

        device = device_of(n);
        found = fleet_index_find(index, device.device);
        cr_assert_not_null(found);
        cr_assert_eq(fleet_device_row(found), n);
        cr_assert_eq(fleet_index_find_row(index, n), found);
    }
    device = device_of(DEVICES + 1);
    cr_expect_null(fleet_index_find(index, device.device));
    cr_expect_null(fleet_index_find_row(index, DEVICES + 1));
    device = device_of(7);
    cr_expect_eq(fleet_index_add(index, &device), fleet_index_find(index, device.device),
                 "a known device is the same");
    cr_expect_eq(fleet_index_count(index), DEVICES);
    fleet_index_free(index);
}

Test(fleet_index, news_of_a_device_only_move_it_forward)
{
    static const struct {
        const char *what;
        struct store_standing news;
        int64_t deployment_id;
        enum update_state state;
    } steps[] = {
        {"a grant", {1, 1, 10, 1, UPDATE_OFFERED, false}, 10, UPDATE_OFFERED},
        {"a step", {1, 1, 10, 1, UPDATE_STAGED, false}, 10, UPDATE_STAGED},
        {"an older step", {1, 1, 10, 1, UPDATE_DOWNLOADING, false}, 10, UPDATE_STAGED},
        {"an end", {1, 1, 10, 1, UPDATE_FAILED, false}, 10, UPDATE_FAILED},
        {"another end", {1, 1, 10, 1, UPDATE_SUCCEEDED, false}, 10, UPDATE_FAILED},
        {"the next grant", {1, 2, 11, 1, UPDATE_OFFERED, false}, 11, UPDATE_OFFERED},
        {"news of before", {1, 1, 10, 1, UPDATE_FAILED, false}, 11, UPDATE_OFFERED},
        {"taken back", {1, 3, 11, 1, UPDATE_CANCELLED, false}, 11, UPDATE_CANCELLED},
        {"offered, said late", {1, 2, 11, 1, UPDATE_OFFERED, false}, 11, UPDATE_CANCELLED},
    };
    struct fleet_index *index = fleet_index_new();
    struct store_device row = device_of(1);
    struct fleet_device *device = fleet_index_add(index, &row);

    for (size_t i = 0; i < COUNT(steps); i++) {
        fleet_device_stand(device, &steps[i].news);
        cr_expect_eq(facts_of(device).standing.deployment_id, steps[i].deployment_id, "%s",
                     steps[i].what);
        cr_expect_eq(facts_of(device).standing.state, steps[i].state, "%s", steps[i].what);
    }
    fleet_device_stand(device, &(struct store_standing){1, 4, 12, 1, UPDATE_OFFERED, false});
    fleet_device_moved(device, 11, UPDATE_FAILED);
    cr_expect_eq(facts_of(device).standing.state, UPDATE_OFFERED, "another deployment's row");
    fleet_device_moved(device, 12, UPDATE_VERIFYING);
    cr_expect_eq(facts_of(device).standing.state, UPDATE_VERIFYING);
    fleet_index_free(index);
}

Test(fleet_index, a_poll_says_when_the_images_are_to_be_stored)
{
    struct fleet_index *index = fleet_index_new();
    struct store_device row = device_of(1);
    struct fleet_device *device = fleet_index_add(index, &row);
    struct store_installed stored = {.device_id = 1};
    struct wire_poll poll = {.installed_count = 1, .installed = {{1}}};
    struct fleet_facts facts;

    cr_expect(fleet_device_poll(device, &poll, 1000, &facts), "it runs something new");
    cr_expect_eq(facts.installed_count, 1);
    cr_expect_not(fleet_device_poll(device, &poll, 1000, &facts), "that is on its way");
    stored.count = 1;
    stored.images[0][0] = 1;
    fleet_device_saved(device, &stored, false);
    cr_expect(fleet_device_poll(device, &poll, 1000, &facts), "it could not be stored");
    poll.installed[0][0] = 2;
    cr_expect_not(fleet_device_poll(device, &poll, 1000, &facts), "one at a time");
    fleet_device_saved(device, &stored, true);
    cr_expect(fleet_device_poll(device, &poll, 1000, &facts), "what was stored is old");
    stored.images[0][0] = 2;
    fleet_device_saved(device, &stored, true);
    cr_expect_not(fleet_device_poll(device, &poll, 1000, &facts), "stored");
    poll.installed_count = WIRE_INSTALLED_MAX;
    cr_expect(fleet_device_poll(device, &poll, 1000, &facts));
    cr_expect_eq(facts.installed_count, STORE_INSTALLED_MAX, "more than we keep");
    fleet_index_free(index);
}

Test(fleet_index, one_statement_at_a_time_and_one_attempt_per_pause)
{
    struct fleet_index *index = fleet_index_new();
    struct store_device row = device_of(1);
    struct fleet_device *device = fleet_index_add(index, &row);

    cr_expect(fleet_device_ask(device, 1000, 500));
    cr_expect_not(fleet_device_ask(device, 9000, 500), "one runs");
    cr_expect_not(fleet_device_ask(device, 9000, 0), "one runs");
    fleet_device_asked(device);
    cr_expect_not(fleet_device_ask(device, 1499, 500), "too soon");
    cr_expect(fleet_device_ask(device, 1499, 0), "what does not pause does not wait");
    fleet_device_asked(device);
    cr_expect(fleet_device_ask(device, 1500, 500));
    fleet_index_free(index);
}

Test(fleet_index, sessions_end_in_time_and_the_oldest_gives_way)
{
    struct fleet_index *index = fleet_index_new();
    struct store_device row = device_of(1);
    struct fleet_device *device = fleet_index_add(index, &row);
    uint8_t digests[5][HASH_BYTES] = {{1}, {2}, {3}, {4}, {5}};

    fleet_session_add(index, device, digests[0], 2000);
    fleet_session_add(index, device, digests[1], 3000);
    cr_expect_eq(fleet_session_find(index, digests[0], 1999), device);
    cr_expect_null(fleet_session_find(index, digests[0], 2000), "it is over");
    cr_expect_null(fleet_session_find(index, digests[2], 0), "never opened");
    fleet_session_add(index, device, digests[2], 4000);
    cr_expect_null(fleet_session_find(index, digests[0], 0), "the oldest gave way");
    cr_expect_eq(fleet_session_find(index, digests[1], 0), device);
    cr_expect_eq(fleet_session_find(index, digests[2], 0), device);
    fleet_index_free(index);
}

Test(fleet_index, who_was_seen_is_taken_once_and_not_too_often)
{
    struct fleet_index *index = fleet_index_new();
    struct store_seen seen[10];
    struct wire_poll poll = {0};
    struct fleet_facts facts;
    int64_t now_ms = 1000000;

    for (unsigned n = 1; n <= 5; n++) {
        struct store_device row = device_of(n);

        (void)fleet_device_poll(fleet_index_add(index, &row), &poll, now_ms, &facts);
    }
    cr_expect_eq(fleet_index_take_seen(index, seen, 3), 3, "at most as many as fit");
    cr_expect_eq(fleet_index_take_seen(index, seen, 10), 2);
    cr_expect_eq(fleet_index_take_seen(index, seen, 10), 0);
    (void)fleet_device_poll(fleet_index_find_row(index, 1), &poll, now_ms + 1, &facts);
    cr_expect_eq(fleet_index_take_seen(index, seen, 10), 0, "a moment later is not written");
    fleet_index_return_seen(index, seen, 2);
    cr_expect_eq(fleet_index_take_seen(index, seen, 10), 2, "what could not be written");
    (void)fleet_device_poll(fleet_index_find_row(index, 3), &poll, now_ms + SEEN_WRITE_MS_MIN,
                            &facts);
    cr_assert_eq(fleet_index_take_seen(index, seen, 10), 1);
    cr_expect_eq(seen[0].device_id, 3);
    cr_expect_eq(seen[0].seen_ms, now_ms + SEEN_WRITE_MS_MIN);
    fleet_index_free(index);
}

static void add_row(const struct fleet_facts *facts, void *arg)
{
    *(int64_t *)arg += facts->standing.device_id;
}

Test(fleet_index, a_walk_meets_everybody_once_in_bounded_steps)
{
    enum { DEVICES = 1000, STEP = 64 };
    struct fleet_index *index = fleet_index_new();
    struct fleet_cursor cursor = {0};
    int64_t sum = 0;
    int steps = 1;

    for (unsigned n = 1; n <= DEVICES; n++) {
        struct store_device row = device_of(n);

        (void)fleet_index_add(index, &row);
    }
    while (fleet_index_step(index, &cursor, STEP, add_row, &sum))
        steps++;
    cr_expect_eq(sum, (int64_t)DEVICES * (DEVICES + 1) / 2);
    cr_expect_geq(steps, DEVICES / STEP);
    fleet_index_free(index);
}

/* --- many threads ------------------------------------------------------------------------------
 */

enum { THREADS = 4, ROUNDS = 4000, SHARED = 50 };

static void *make_noise(void *arg)
{
    struct fleet_index *index = arg;
    struct fleet_cursor cursor = {0};
    struct store_seen seen[16];
    struct fleet_facts facts;
    int64_t sum = 0;

    for (unsigned i = 0; i < ROUNDS; i++) {
        struct store_device row = device_of(i % SHARED + 1);
        struct fleet_device *device = fleet_index_add(index, &row);
        struct wire_poll poll = {.installed_count = 1};
        uint8_t digest[HASH_BYTES] = {0};

        memcpy(digest, &i, sizeof(i));
        memcpy(digest + 8, &arg, sizeof(arg));
        memcpy(digest + 16, &(pthread_t){pthread_self()}, sizeof(pthread_t));
        fleet_session_add(index, device, digest, (int64_t)i + 1);
        (void)fleet_session_find(index, digest, 0);
        (void)fleet_device_poll(device, &poll, (int64_t)i * SEEN_WRITE_MS_MIN, &facts);
        fleet_device_stand(device, &(struct store_standing){fleet_device_row(device), (int64_t)i, 1,
                                                            1, UPDATE_OFFERED, false});
        (void)fleet_index_take_seen(index, seen, COUNT(seen));
        if (!fleet_index_step(index, &cursor, 10, add_row, &sum))
            cursor = (struct fleet_cursor){0};
    }
    return NULL;
}

Test(fleet_index, many_threads_agree)
{
    struct fleet_index *index = fleet_index_new();
    pthread_t threads[THREADS];

    for (size_t i = 0; i < THREADS; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, make_noise, index), 0);
    for (size_t i = 0; i < THREADS; i++)
        cr_assert_eq(pthread_join(threads[i], NULL), 0);

    cr_expect_eq(fleet_index_count(index), SHARED);
    for (int64_t row = 1; row <= SHARED; row++)
        cr_expect_eq(facts_of(fleet_index_find_row(index, row)).standing.assignment,
                     ROUNDS - SHARED + row - 1, "the newest news won");
    fleet_index_free(index);
}
