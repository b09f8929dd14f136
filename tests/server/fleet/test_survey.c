#include "server/fleet/survey.h"

#include <criterion/criterion.h>
#include <string.h>

#include "server/fleet/fleet.h"
#include "server/limits.h"
#include "tests/support/world.h"

static const int64_t NOW_MS = 1800000000000;
enum { DEVICES = 1000 };

struct ground {
    struct fixture fixture;
    struct fleet *fleet;
    struct fleet_index *index; /* of the test's own */
    struct model *model;
    struct survey_ask ask;
    struct model_image image;
    struct model_image stones[2];
    struct store_model_delta delta;
};

static void ground_open(struct ground *ground)
{
    *ground = (struct ground){0};
    world_open(&ground->fixture, 1);
    ground->fleet = fleet_new();
    fleet_start(ground->fleet, ground->fixture.loop, ground->fixture.db);
    while (!fleet_is_ready(ground->fleet))
        loop_turn(ground->fixture.loop);
    ground->model = model_holder_get(fleet_model_of(ground->fleet));
    ground->index = fleet_index_new();
    ground->image = (struct model_image){.hwid = "board", .counter = 3, .length = 1000};
    world_image(3, ground->image.sha256);
    ground->ask = (struct survey_ask){
        .model = ground->model,
        .group_id = 1,
        .deployment = {.salt = "salt", .images = &ground->image, .image_count = 1}};
}

static void ground_close(struct ground *ground)
{
    fleet_index_free(ground->index);
    model_unref(ground->model);
    db_close(ground->fixture.db);
    fleet_stop(ground->fleet);
    fleet_free(ground->fleet);
    ground->fixture.db = NULL;
    fixture_close(&ground->fixture);
}

/* A device that runs a version and was heard of so long ago. */
static struct fleet_device *add(struct ground *ground, unsigned number, unsigned version,
                                int64_t ago_ms)
{
    struct store_device device = {.id = number,
                                  .tenant_id = 1,
                                  .group_id = 1,
                                  .hwid = "board",
                                  .standing = {.device_id = number},
                                  .installed_count = 1,
                                  .seen_ms = NOW_MS - ago_ms};

    world_device_id(number, device.device);
    world_image(version, device.installed[0]);
    return fleet_index_add(ground->index, &device);
}

static struct survey walk(struct ground *ground)
{
    struct survey_walk *walk = survey_walk_new(ground->index, &ground->ask, NOW_MS);
    struct survey survey;

    while (survey_step(walk, 7))
        ;
    survey_read(walk, &survey);
    survey_walk_free(walk);
    return survey;
}

static void phases(struct ground *ground, const struct rollout_phase *list, uint32_t count)
{
    ground->ask.deployment.phases = list;
    ground->ask.deployment.phase_count = count;
}

Test(survey, counts_everybody_once_and_says_why_not)
{
    static const struct rollout_phase all = {.share_milli = PLACE_SHARE_ALL};
    struct ground ground;
    struct survey survey;

    ground_open(&ground);
    phases(&ground, &all, 1);
    for (unsigned n = 1; n <= 10; n++)
        add(&ground, n, 1, 1000);
    add(&ground, 11, 3, 1000);               /* runs it */
    add(&ground, 12, 4, 1000);               /* runs a newer one */
    add(&ground, 13, 1, SURVEY_LOST_MS + 1); /* in a drawer for good */
    add(&ground, 14, 1, SURVEY_LOST_MS - 1); /* ... and for a while */
    survey = walk(&ground);
    cr_expect_eq(survey.devices, 14);
    cr_expect_eq(survey.eligible, 11);
    cr_expect_eq(survey.asleep, 1);
    cr_expect_eq(survey.lost, 1);
    cr_expect_eq(survey.skipped[REASON_RUNS_IT], 1);
    cr_expect_eq(survey.skipped[REASON_RUNS_NEWER], 1);
    cr_expect_eq(survey.phases[0].devices, 11);
    cr_expect_eq(survey.full_bytes, 11000);
    cr_expect_eq(survey.ages[1], 10, "a second ago");

    ground.ask.deployment.goes_back = true;
    survey = walk(&ground);
    cr_expect_eq(survey.eligible, 1, "a downgrade is for who runs a newer one");
    cr_expect_eq(survey.skipped[REASON_RUNS_OLDER], 12);
    ground.image.hwid = "toaster";
    survey = walk(&ground);
    cr_expect_eq(survey.skipped[REASON_HARDWARE], 14);
    ground.ask.group_id = 2;
    survey = walk(&ground);
    cr_expect_eq(survey.devices, 0);
    ground_close(&ground);
}

Test(survey, puts_each_device_in_its_first_phase_and_takes_counting_ones_out_of_the_others)
{
    static const struct rollout_phase list[] = {
        {.device_count = 3}, {.share_milli = 10000}, {.share_milli = PLACE_SHARE_ALL}};
    struct ground ground;
    struct survey survey;
    unsigned first = 0;

    ground_open(&ground);
    phases(&ground, list, COUNT(list));
    for (unsigned n = 1; n <= DEVICES; n++) {
        uint8_t id[32];

        add(&ground, n, 1, 1000);
        world_device_id(n, id);
        first += place_in_share(place_of("salt", id), 10000);
    }
    survey = walk(&ground);
    cr_expect_eq(survey.phases[0].devices, 3);
    cr_expect(survey.phases[1].devices >= first - 3 && survey.phases[1].devices <= first);
    cr_expect_eq(survey.phases[0].devices + survey.phases[1].devices + survey.phases[2].devices,
                 DEVICES, "nobody is counted twice");
    cr_expect_eq(survey.phases[0].bytes, 3000);
    phases(&ground, list + 1, 2);
    survey = walk(&ground);
    cr_expect_eq(survey.phases[0].devices, first, "without counting it is exact");
    ground_close(&ground);
}

Test(survey, takes_no_more_than_there_are)
{
    static const struct rollout_phase list[] = {{.device_count = 50},
                                                {.share_milli = PLACE_SHARE_ALL}};
    struct ground ground;
    struct survey survey;

    ground_open(&ground);
    phases(&ground, list, COUNT(list));
    for (unsigned n = 1; n <= 20; n++)
        add(&ground, n, 1, 1000);
    survey = walk(&ground);
    cr_expect_eq(survey.phases[0].devices, 20);
    cr_expect_eq(survey.phases[1].devices, 0);
    ground_close(&ground);
}

Test(survey, weighs_deltas_whole_images_and_every_stone_on_the_way)
{
    static const struct rollout_phase all = {.share_milli = PLACE_SHARE_ALL};
    struct ground ground;
    struct survey survey;

    ground_open(&ground);
    phases(&ground, &all, 1);
    add(&ground, 1, 1, 1000);
    add(&ground, 2, 2, 1000);
    world_image(2, ground.delta.from);
    world_image(3, ground.delta.to);
    ground.delta.length = 10;
    ground.ask.deltas = &ground.delta;
    ground.ask.delta_count = 1;
    survey = walk(&ground);
    cr_expect_eq(survey.delta_bytes, 10);
    cr_expect_eq(survey.full_bytes, 1000);

    ground.image.stepping_stone = 2;
    survey = walk(&ground);
    cr_expect_eq(survey.skipped[REASON_STEPPING_STONE], 1, "no stone, no way");
    ground.stones[0] = (struct model_image){.hwid = "board", .counter = 2, .length = 500};
    world_image(2, ground.stones[0].sha256);
    ground.ask.deployment.stones = ground.stones;
    ground.ask.deployment.stone_count = 1;
    survey = walk(&ground);
    cr_expect_eq(survey.full_bytes, 500 + 10, "the stone whole, the rest by the delta from it");
    cr_expect_eq(survey.delta_bytes, 10);

    ground.ask.deployment.delta_policy = MODEL_DELTA_ONLY;
    survey = walk(&ground);
    cr_expect_eq(survey.skipped[REASON_DELTA], 1);
    cr_expect_eq(survey.eligible, 1);
    ground.ask.deployment.delta_policy = MODEL_DELTA_FULL;
    survey = walk(&ground);
    cr_expect_eq(survey.full_bytes, 500 + 1000 + 1000);
    ground_close(&ground);
}

Test(survey, of_a_running_deployment_leaves_out_who_is_at_it_or_through)
{
    static const struct rollout_phase all = {.share_milli = PLACE_SHARE_ALL};
    struct store_standing standing = {.device_id = 1, .assignment = 1, .deployment_id = 9};
    struct ground ground;
    struct survey survey;

    ground_open(&ground);
    phases(&ground, &all, 1);
    ground.ask.deployment.id = 9;
    ground.ask.is_running = true;
    standing.state = UPDATE_STAGED;
    fleet_device_stand(add(&ground, 1, 1, 1000), &standing);
    fleet_device_close(add(&ground, 2, 1, 1000), 9);
    add(&ground, 3, 1, 1000);
    survey = walk(&ground);
    cr_expect_eq(survey.under_way, 1);
    cr_expect_eq(survey.ended, 1);
    cr_expect_eq(survey.eligible, 1);
    ground.ask.is_running = false;
    survey = walk(&ground);
    cr_expect_eq(survey.eligible, 3);
    ground_close(&ground);
}
