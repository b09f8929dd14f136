#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "cli/trust/bins.h"
#include "cli/trust/release.h"
#include "cli/trust/signers.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "tests/support/owner.h"
#include "tests/support/temp.h"

static struct owner *owner;

static void start(const char *profile)
{
    (void)temp_dir();
    owner = owner_new(profile);
    temp_write(temp_path("image"), "hello", 5);
}

static void stop(void)
{
    owner_free(owner);
    temp_done();
}

static void open_plan(struct plan *plan)
{
    plan_init(plan, &owner->state, clock_now_ms(), CEREMONY_EXPIRES_DAYS);
}

static bool add_release(struct plan *plan, const char *version, const char *hwid, uint64_t counter,
                        struct err *err)
{
    const char *image = temp_path("image");
    const struct release release = {.component = "base-os",
                                    .version = version,
                                    .hwid = hwid,
                                    .image = image,
                                    .counter = counter};
    AUTO_JSON *added = NULL;

    temp_write(image, version, strlen(version)); /* bytes of its own */
    return release_add(plan, &release, stderr, &added, err);
}

static bool publish(struct plan *plan, struct err *err)
{
    AUTO_BUNDLE bundle = {0};

    owner_sign(owner, plan, &bundle);
    return owner_publish(owner, &bundle, err);
}

Test(plan, makes_first_documents_that_devices_take_for_every_profile)
{
    size_t count;
    const struct profile *all = profile_all(&count);

    for (size_t i = 0; i < count; i++) {
        owner = owner_new(all[i].name);
        cr_expect_eq(owner->state.roles.count, 4, "root, targets, os-h1, os-h2");
        cr_expect_eq(owner->state.director_roots.count, 1);
        cr_expect(binder_get(&owner->state.files, "trust/anchors.json"));
        owner_free(owner);
    }
    temp_done();
}

Test(plan, counts_releases_up_for_each_hardware)
{
    struct err err = {0};

    start("team");
    for (unsigned i = 1; i <= 3; i++) {
        AUTO_PLAN plan;
        AUTO_FREE char *version = mem_printf("1.%u", i);

        open_plan(&plan);
        cr_expect_eq(release_last_counter(&plan, "base-os", "h1"), i - 1);
        cr_assert(add_release(&plan, version, "h1", 0, &err), "%s", err.text);
        cr_assert(publish(&plan, &err), "%s", err.text);
        cr_expect_eq(release_last_counter(&plan, "base-os", "h1"), i);
        cr_expect_eq(release_last_counter(&plan, "base-os", "h2"), 0);
    }
    stop();
}

static bool same_bytes_again(struct plan *plan, struct err *err)
{
    const char *image = temp_path("image");
    const struct release release = {
        .component = "base-os", .version = "2.0", .hwid = "h1", .image = image, .counter = 9};
    AUTO_JSON *added = NULL;

    return release_add(plan, &release, stderr, &added, err);
}

Test(plan, refuses_what_nobody_may_sign_and_what_is_signed)
{
    AUTO_PLAN plan;
    struct err err = {0};

    start("solo");
    open_plan(&plan);
    cr_expect_not(add_release(&plan, "1.0", "h3", 1, &err));
    cr_expect_eq(err.code, ERR_NOT_FOUND, "%s", err.text);
    cr_expect_not(add_release(&plan, "1/0", "h1", 1, &err));
    cr_expect_eq(err.code, ERR_INVALID, "%s", err.text);
    cr_assert(add_release(&plan, "1.0", "h1", 1, &err), "%s", err.text);
    cr_expect_not(add_release(&plan, "1.0", "h1", 2, &err));
    cr_expect_eq(err.code, ERR_CONFLICT, "%s", err.text);
    cr_expect_not(same_bytes_again(&plan, &err));
    cr_expect(strstr(err.text, "same bytes"), "%s", err.text);
    stop();
}

Test(plan, publishes_nothing_with_a_signature_too_few)
{
    AUTO_PLAN plan;
    AUTO_BUNDLE bundle = {0};
    uint64_t missing;
    struct err err = {0};

    start("team");
    open_plan(&plan);
    cr_assert(add_release(&plan, "1.0", "h1", 1, &err), "%s", err.text);
    owner_sign(owner, &plan, &bundle);
    cr_expect_eq(json_array_size(bundle.documents[0].signatures), 2);
    cr_expect(signers_complete(&owner->state, &bundle, &missing, &err) && missing == 0);
    (void)json_array_remove(bundle.documents[0].signatures, 1);
    cr_expect(signers_complete(&owner->state, &bundle, &missing, &err) && missing == 1);
    cr_expect_not(owner_publish(owner, &bundle, &err));
    cr_expect_str_eq(refusal_name(err.refusal), "DELEGATION_DENIED");
    stop();
}

/* Adds `count` releases in one publication. */
static void add_many(unsigned from, unsigned count)
{
    AUTO_PLAN plan;
    struct err err = {0};

    open_plan(&plan);
    for (unsigned i = from; i < from + count; i++) {
        AUTO_FREE char *version = mem_printf("1.%u-%050u", i, i);

        cr_assert(add_release(&plan, version, "h1", i, &err), "%s", err.text);
    }
    cr_assert(publish(&plan, &err), "%s", err.text);
}

static bool on_target(const struct tuf_target *target, void *arg)
{
    (void)target;
    ++*(unsigned *)arg;
    return true;
}

static unsigned count_targets(void)
{
    unsigned count = 0;

    for (size_t i = 0; i < owner->state.roles.count; i++) {
        const struct binder_item *item = &owner->state.roles.items[i];
        struct err err;

        cr_expect(item->bytes.len <= TUF_DELEGATED_BYTES_MAX, "%s: %zu", item->name,
                  item->bytes.len);
        if (strncmp(item->name, "os-h1", 5) == 0)
            cr_assert(tuf_entries_each(item->name, item->bytes.data, item->bytes.len, on_target,
                                       &count, &err));
    }
    return count;
}

Test(plan, divides_a_role_into_bins_before_it_is_too_long_for_a_device)
{
    AUTO_PLAN plan;
    AUTO_JSON *names = NULL;
    char place[BUNDLE_NAME_ROOM];

    start("team");
    add_many(1, 150);
    cr_expect_eq(count_targets(), 150);
    add_many(151, 130);
    cr_expect_eq(count_targets(), 280, "no release is lost, none is twice");
    open_plan(&plan);
    names = bins_names(&plan, "os-h1");
    cr_expect(json_array_size(names) >= 4, "%zu", json_array_size(names));
    cr_assert(bins_place(&plan, "os-h1", "os/h1/9/image", place, sizeof(place)));
    cr_expect(strncmp(place, "os-h1.", 6) == 0, "%s", place);
    cr_expect_eq(release_last_counter(&plan, "base-os", "h1"), 280);
    stop();
}

Test(plan, shares_no_counter_between_bins)
{
    AUTO_PLAN plan;
    char first[BUNDLE_NAME_ROOM];
    char other[BUNDLE_NAME_ROOM];
    unsigned number = 0;
    struct err err = {0};

    start("solo");
    add_many(1, 150);
    add_many(151, 130);
    open_plan(&plan);
    cr_assert(bins_place(&plan, "os-h1", "os/h1/2.0/image", first, sizeof(first)));
    do {
        AUTO_FREE char *path = mem_printf("os/h1/3.%u/image", ++number);

        cr_assert(bins_place(&plan, "os-h1", path, other, sizeof(other)));
    } while (strcmp(first, other) == 0);
    {
        AUTO_FREE char *version = mem_printf("3.%u", number);

        cr_assert(add_release(&plan, "2.0", "h1", 300, &err), "%s", err.text);
        cr_assert(add_release(&plan, version, "h1", 300, &err), "%s", err.text);
    }
    cr_expect_not(publish(&plan, &err));
    cr_expect_str_eq(refusal_name(err.refusal), "RELEASE_ROLLBACK");
    stop();
}

Test(plan, adds_to_one_bin_alone)
{
    AUTO_PLAN plan;
    struct err err = {0};

    start("solo");
    add_many(1, 150);
    add_many(151, 130);
    open_plan(&plan);
    cr_assert(add_release(&plan, "2.0", "h1", 0, &err), "%s", err.text);
    cr_expect_eq(plan.count, 1);
    cr_expect(publish(&plan, &err), "%s", err.text);
    stop();
}
