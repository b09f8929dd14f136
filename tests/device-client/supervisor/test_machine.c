/*
 * The machine against a world whose durable things live in memory: record, boot state, slots and
 * report queue. The power can be cut after any durable write; then the loader starts again.
 */
#include "device-client/supervisor/machine.h"

#include <criterion/criterion.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "device-client/boot/file.h"
#include "lib/base/text.h"
#include "lib/log/log.h"

#define UUID "0f8fad5b-d9cb-469f-a165-70867728950e"
enum { REPORTS_MAX = 200, GARBAGE = 0, OLD = 1, NEW = 2, NEWER = 3, DIRECTED = 9, STARTS_MAX = 40 };

/* What goes otherwise than hoped. */
enum { KILLS_MAX = 7 };

struct twist {
    bool unhealthy;  /* the new system fails its health check */
    bool unbootable; /* the new system dies before the agent */
    bool bad_delta;  /* the patch is wrong */
    bool bad_image;  /* the image is wrong */
    bool unsigned_;  /* the choice is refused */
    bool withdrawn;  /* the server takes the offer back once it was staged */
    bool with_delta;
    bool directed;       /* a director names the patch */
    bool delta_kills;    /* the agent ends whenever it applies the patch, ... */
    bool delta_advances; /* ... each time a little later, and the KILLS_MAX-th not */
};

struct world {
    /* durable */
    struct record record;
    struct boot_status boot;
    int slots[SLOT_COUNT];
    struct wire_report reports[REPORTS_MAX];
    size_t report_count;
    struct twist twist;
    uint64_t committed_floor;
    uint64_t progress;   /* of the patch */
    unsigned patches;    /* that were begun */
    int closed;          /* the window; else 0 */
    int goal;            /* what the server chooses; 0: NEW */
    uint64_t assignment; /* of it; 0: 1 */
    /* the power */
    unsigned writes;
    unsigned cut_at;    /* after this write; 0: never */
    unsigned cut_again; /* so many writes after that; 0: never */
    jmp_buf dark;
    enum slot running;
};

static void wrote(struct world *world)
{
    if (++world->writes == world->cut_at) {
        world->cut_at = world->cut_again ? world->writes + world->cut_again : 0;
        world->cut_again = 0;
        longjmp(world->dark, 1);
    }
}

static bool save(void *arg, const struct record *record, struct err *err)
{
    struct world *world = arg;

    (void)err;
    world->record = *record;
    wrote(world);
    return true;
}

static bool report(void *arg, struct wire_report *report, struct err *err)
{
    struct world *world = arg;

    (void)err;
    cr_assert_lt(world->report_count, REPORTS_MAX);
    report->seq = world->report_count + 1;
    memset(report->epoch, 7, sizeof(report->epoch));
    world->reports[world->report_count++] = *report;
    wrote(world);
    return true;
}

static uint64_t report_last(void *arg, uint8_t epoch[WIRE_EPOCH_BYTES])
{
    const struct world *world = arg;

    memset(epoch, 7, WIRE_EPOCH_BYTES);
    return world->report_count;
}

static bool boot_read(void *arg, struct boot_status *out, struct err *err)
{
    const struct world *world = arg;

    (void)err;
    *out = world->boot;
    return true;
}

static bool boot_set(struct world *world, enum slot slot, enum boot_slot_state state)
{
    world->boot.slots[slot] = (struct boot_slot){.state = state};
    wrote(world);
    return true;
}

static bool boot_try(void *arg, enum slot slot, struct err *err)
{
    struct world *world = arg;

    (void)err;
    cr_assert_neq(world->boot.active, slot);
    cr_assert_geq(world->slots[slot], NEW, "only a whole slot is ever tried");
    return boot_set(world, slot, BOOT_TRY);
}

static bool boot_confirm(void *arg, enum slot slot, struct err *err)
{
    struct world *world = arg;

    (void)err;
    cr_assert_eq(slot, world->running);
    world->boot.active = slot;
    return boot_set(world, slot, BOOT_GOOD);
}

static bool boot_invalidate(void *arg, enum slot slot, struct err *err)
{
    struct world *world = arg;

    (void)err;
    cr_assert_neq(world->boot.active, slot);
    return boot_set(world, slot, BOOT_EMPTY);
}

static bool boot_give_up(void *arg, enum slot slot, struct err *err)
{
    struct world *world = arg;

    (void)err;
    if (world->boot.active == slot)
        world->boot.active = slot_other(slot);
    return boot_set(world, slot, BOOT_BAD);
}

static bool judge(void *arg, const struct record *record, struct verdict *out, struct err *err)
{
    const struct world *world = arg;

    if (world->twist.unsigned_)
        return err_refuse(err, REFUSAL_HWID_MISMATCH, "not for us");
    memcpy(out->image.sha256, record->offered.sha256, HASH_BYTES);
    out->image.floor = 5;
    out->directed = world->twist.directed;
    out->has_delta = world->twist.directed && world->twist.with_delta;
    out->delta.from[0] = OLD;
    out->delta.sha256[0] = DIRECTED;
    return true;
}

static bool fetch(void *arg, const struct record *record, const struct wire_delta *delta,
                  uint64_t *bytes, struct err *err)
{
    const struct world *world = arg;

    (void)record;
    *bytes += 10;
    if (!delta && world->twist.bad_image)
        return err_refuse(err, REFUSAL_TARGET_HASH, "other bytes");
    return true;
}

static bool write_slot(void *arg, const struct record *record, const struct wire_delta *delta,
                       struct err *err)
{
    struct world *world = arg;
    enum slot slot = (enum slot)record->target_slot;

    cr_assert_neq(slot, world->running, "the running slot is never written");
    cr_assert_neq(slot, world->boot.active);
    cr_assert_eq(world->boot.slots[slot].state, BOOT_EMPTY, "nobody starts a slot being written");
    cr_assert_not(world->record.slots[slot].known, "nor believes what it held");
    world->slots[slot] = GARBAGE;
    wrote(world);
    if (delta) {
        world->patches++;
        cr_assert(world->twist.delta_advances ? world->record.delta_tries == 1
                                              : world->record.delta_tries >= world->patches,
                  "the try is durable");
        cr_assert_eq(delta->sha256[0] == DIRECTED, world->twist.directed);
        cr_assert_eq(record->directed, world->twist.directed);
        if (world->twist.delta_advances)
            world->progress++;
        if (world->twist.delta_kills && world->patches < KILLS_MAX)
            longjmp(world->dark, 1);
    }
    if (delta && world->twist.bad_delta)
        return err_refuse(err, REFUSAL_DELTA_RESULT_HASH, "bad patch");
    world->slots[slot] = record->image.sha256[0];
    wrote(world);
    return true;
}

static bool commit(void *arg, const struct image *image, struct err *err)
{
    struct world *world = arg;

    (void)err;
    cr_assert_eq(world->boot.slots[world->running].state, BOOT_GOOD, "only what is confirmed");
    world->committed_floor = image->floor;
    wrote(world);
    return true;
}

static uint64_t patch_progress(void *arg)
{
    const struct world *world = arg;

    return world->progress;
}

static bool holds(void *arg, enum slot slot, const struct image *image, struct err *err)
{
    const struct world *world = arg;

    return world->slots[slot] == image->sha256[0] ||
           err_refuse(err, REFUSAL_INSTALL_READBACK, "other bytes");
}

static bool may_switch(void *arg, const struct record *record, struct err *why)
{
    struct world *world = arg;

    (void)record;
    if (!world->closed)
        return true;
    return err_refuse(why, REFUSAL_WINDOW, "the window opens at %d", world->closed);
}

static bool allow(void *arg, const struct record *record, bool *go, struct err *err)
{
    const struct world *world = arg;

    (void)record;
    (void)err;
    *go = !world->twist.withdrawn;
    return true;
}

static bool health(void *arg, struct err *err)
{
    const struct world *world = arg;

    return !world->twist.unhealthy || err_set(err, ERR_INVALID, "exit status 1");
}

static const struct machine_ops ops = {
    .save = save,
    .report = report,
    .report_last = report_last,
    .boot_read = boot_read,
    .boot_try = boot_try,
    .boot_confirm = boot_confirm,
    .boot_invalidate = boot_invalidate,
    .boot_give_up = boot_give_up,
    .judge = judge,
    .fetch = fetch,
    .write = write_slot,
    .patch_progress = patch_progress,
    .holds = holds,
    .commit = commit,
    .may_switch = may_switch,
    .allow = allow,
    .health = health,
};

static struct wire_poll_answer answer_of(const struct world *world)
{
    struct wire_poll_answer answer = {.assignment = world->assignment ? world->assignment : 1,
                                      .next_poll_s = 1,
                                      .target_count = 1};

    if (world->twist.withdrawn && world->record.state == UPDATE_STAGED) {
        answer.assignment = 2;
        return answer;
    }
    if (world->twist.withdrawn && world->record.assignment == 2)
        return (struct wire_poll_answer){.assignment = 2, .next_poll_s = 1};
    (void)text_copy(answer.deployment, sizeof(answer.deployment), UUID);
    (void)text_copy(answer.targets[0].path, sizeof(answer.targets[0].path), "os/x");
    answer.targets[0].sha256[0] = (uint8_t)(world->goal ? world->goal : NEW);
    answer.deltas[0].from[0] = OLD;
    answer.delta_count = world->twist.with_delta;
    return answer;
}

static void factory(struct world *world)
{
    log_set_level(LOG_LEVEL_ERROR);
    record_init(&world->record);
    world->record.slots[SLOT_A] = (struct image){.known = true, .sha256 = {OLD}};
    world->boot.slots[SLOT_A].state = BOOT_GOOD;
    world->slots[SLOT_A] = OLD;
}

/* One life between two starts of the loader. True when the device has nothing left to do. */
static bool live(struct world *world)
{
    struct record record = world->record;
    struct machine machine = {
        .ops = &ops, .arg = world, .record = &record, .running = world->running};
    enum machine_next next;
    struct err err = {0};

    cr_assert(machine_boot(&machine, &next, &err), "%s", err.text);
    if (next == MACHINE_REBOOT)
        return false;
    for (int polls = 0; polls < 4; polls++) {
        struct wire_poll_answer answer = answer_of(world);

        machine.reached = true;
        cr_assert(machine_answer(&machine, &answer, 0, &err), "%s", err.text);
        cr_assert(machine_run(&machine, &next, &err), "%s", err.text);
        cr_assert_neq(next, MACHINE_ON);
        if (next == MACHINE_REBOOT)
            return false;
    }
    return record.state == UPDATE_IDLE;
}

/* Starts, cuts, starts again until the device rests. */
static void run(struct world *world)
{
    for (volatile int starts = 0; starts < STARTS_MAX; starts++) {
        if (setjmp(world->dark) != 0)
            continue;
        world->running = boot_choose(&world->boot);
        wrote(world); /* the loader's own count */
        cr_assert_neq(world->slots[world->running], GARBAGE, "a start in a broken system");
        if (world->twist.unbootable && world->slots[world->running] == NEW)
            continue;
        if (live(world))
            return;
    }
    cr_assert_fail("the device never came to rest");
}

static const struct wire_report *last_report(const struct world *world)
{
    cr_assert_gt(world->report_count, 0);
    return &world->reports[world->report_count - 1];
}

/* What must be true however the power went. */
static void expect_whole(const struct world *world)
{
    enum slot active = world->boot.active;

    cr_expect_eq(world->running, active);
    cr_expect_eq(world->boot.slots[active].state, BOOT_GOOD);
    cr_expect_eq(world->record.slots[active].sha256[0], world->slots[active]);
    cr_expect(update_state_is_terminal(last_report(world)->state));
    cr_expect_eq(world->record.deployment[0], '\0');
    for (size_t i = 1; i < world->report_count; i++)
        cr_expect_geq(update_state_rank(world->reports[i].state),
                      update_state_rank(world->reports[i - 1].state), "reports go back");
}

static const struct {
    const char *what;
    struct twist twist;
    enum update_state end;
    enum refusal reason;
    int runs;
} scenarios[] = {
    {"a good image", {.unhealthy = false}, UPDATE_SUCCEEDED, REFUSAL_NONE, NEW},
    {"a good patch", {.with_delta = true}, UPDATE_SUCCEEDED, REFUSAL_NONE, NEW},
    {"a directed patch",
     {.with_delta = true, .directed = true},
     UPDATE_SUCCEEDED,
     REFUSAL_NONE,
     NEW},
    {"a bad patch, then the image",
     {.with_delta = true, .bad_delta = true},
     UPDATE_SUCCEEDED,
     REFUSAL_NONE,
     NEW},
    {"a bad patch and a bad image",
     {.with_delta = true, .bad_delta = true, .bad_image = true},
     UPDATE_FAILED,
     REFUSAL_TARGET_HASH,
     OLD},
    {"other bytes than were signed", {.bad_image = true}, UPDATE_FAILED, REFUSAL_TARGET_HASH, OLD},
    {"a choice nobody signed", {.unsigned_ = true}, UPDATE_FAILED, REFUSAL_HWID_MISMATCH, OLD},
    {"a system that fails its health check",
     {.unhealthy = true},
     UPDATE_ROLLED_BACK,
     REFUSAL_HEALTH,
     OLD},
    {"a system that does not start",
     {.unbootable = true},
     UPDATE_ROLLED_BACK,
     REFUSAL_BOOT_FALLBACK,
     OLD},
    {"an offer that is withdrawn", {.withdrawn = true}, UPDATE_CANCELLED, REFUSAL_CANCELLED, OLD},
};

Test(machine, ends_every_kind_of_update_as_it_should)
{
    for (size_t i = 0; i < COUNT(scenarios); i++) {
        struct world world = {.twist = scenarios[i].twist};

        factory(&world);
        run(&world);
        expect_whole(&world);
        cr_expect_eq(last_report(&world)->state, scenarios[i].end, "%s", scenarios[i].what);
        cr_expect_eq(last_report(&world)->reason, scenarios[i].reason, "%s", scenarios[i].what);
        cr_expect_eq(world.slots[world.running], scenarios[i].runs, "%s", scenarios[i].what);
    }
}

Test(machine, reports_every_step_once_and_in_order)
{
    static const enum update_state want[] = {UPDATE_DOWNLOADING, UPDATE_STAGED, UPDATE_ACTIVATING,
                                             UPDATE_VERIFYING, UPDATE_SUCCEEDED};
    struct world world = {.cut_at = 0};

    factory(&world);
    run(&world);
    cr_assert_eq(world.report_count, COUNT(want));
    for (size_t i = 0; i < COUNT(want); i++)
        cr_expect_eq(world.reports[i].state, want[i]);
    cr_expect_eq(world.record.floor, 5, "the floor rises with the commit");
    cr_expect_eq(world.committed_floor, 5, "also where it never falls");
}

Test(machine, tells_of_a_refused_patch_before_it_fetches_the_image)
{
    struct world world = {.twist = {.with_delta = true, .bad_delta = true}};

    factory(&world);
    run(&world);
    cr_assert_geq(world.report_count, 2);
    cr_expect_eq(world.reports[1].state, UPDATE_DOWNLOADING);
    cr_expect_eq(world.reports[1].reason, REFUSAL_DELTA_RESULT_HASH);
    cr_expect_eq(last_report(&world)->bytes, 20, "patch and image were fetched");
}

Test(machine, gives_a_patch_up_that_ends_the_agent_twice)
{
    struct world world = {.twist = {.with_delta = true, .delta_kills = true}};
    bool told = false;

    factory(&world);
    run(&world);
    cr_expect_eq(world.patches, 2);
    cr_expect_eq(last_report(&world)->state, UPDATE_SUCCEEDED);
    for (size_t i = 0; i < world.report_count; i++)
        told = told || world.reports[i].reason == REFUSAL_DELTA_LIMIT;
    cr_expect(told);
}

/* Power fails again and again, but the patch gets further each time. */
Test(machine, goes_on_with_a_patch_that_advances)
{
    struct world world = {
        .twist = {.with_delta = true, .delta_kills = true, .delta_advances = true}};

    factory(&world);
    run(&world);
    cr_expect_eq(world.patches, KILLS_MAX);
    cr_expect_eq(last_report(&world)->state, UPDATE_SUCCEEDED);
    for (size_t i = 0; i < world.report_count; i++)
        cr_expect_neq(world.reports[i].reason, REFUSAL_DELTA_LIMIT);
}

Test(machine, takes_the_directors_patch_and_not_the_polls)
{
    struct world world = {.twist = {.with_delta = true, .directed = true}};

    factory(&world);
    run(&world);
    cr_expect_eq(last_report(&world)->state, UPDATE_SUCCEEDED);
    cr_expect_eq(world.patches, 1);
    world = (struct world){.twist = {.directed = true}};
    factory(&world);
    run(&world);
    cr_expect_eq(world.patches, 0);
}

Test(machine, survives_a_power_cut_after_every_durable_write)
{
    for (size_t i = 0; i < COUNT(scenarios); i++) {
        struct world whole = {.twist = scenarios[i].twist};

        factory(&whole);
        run(&whole);
        for (unsigned cut = 1; cut <= whole.writes; cut++) {
            struct world world = {.twist = scenarios[i].twist};

            factory(&world);
            world.cut_at = cut;
            run(&world);
            expect_whole(&world);
            cr_expect_eq(last_report(&world)->state, scenarios[i].end, "%s, cut %u",
                         scenarios[i].what, cut);
            cr_expect_eq(last_report(&world)->reason, scenarios[i].reason, "%s, cut %u",
                         scenarios[i].what, cut);
            cr_expect_eq(world.slots[world.running], scenarios[i].runs, "%s, cut %u",
                         scenarios[i].what, cut);
        }
    }
}

Test(machine, survives_two_power_cuts_wherever_they_fall)
{
    for (size_t i = 0; i < COUNT(scenarios); i++) {
        for (unsigned cut = 1; cut < 30; cut++) {
            for (unsigned again = 1; again < 30; again++) {
                struct world world = {.twist = scenarios[i].twist};

                factory(&world);
                world.cut_at = cut;
                world.cut_again = again;
                run(&world);
                expect_whole(&world);
                /* Two cuts in the new system use its two tries up: then it is rolled back. */
                if (last_report(&world)->state != UPDATE_ROLLED_BACK)
                    cr_expect_eq(last_report(&world)->state, scenarios[i].end, "%s, %u then %u",
                                 scenarios[i].what, cut, again);
            }
        }
    }
}

/* Whatever the record and the boot state say, a start never ends in an abort, never switches to
 * a slot that is not whole, and comes to rest. */
Test(machine, comes_to_rest_from_every_state_in_every_boot_state)
{
    for (unsigned state = 0; state < UPDATE_STATE_COUNT; state++) {
        for (unsigned boot = 0; boot < BOOT_SLOT_STATE_COUNT; boot++) {
            for (unsigned tries = 0; tries < 3; tries++) {
                struct world world = {.cut_at = 0};
                struct record *record = &world.record;

                factory(&world);
                world.boot.slots[SLOT_B] =
                    (struct boot_slot){.state = (enum boot_slot_state)boot, .tries = tries};
                world.slots[SLOT_B] = NEW;
                record->state = (enum update_state)state;
                record->target_slot = SLOT_B;
                record->image = (struct image){.known = true, .sha256 = {NEW}};
                record->offered.sha256[0] = NEW;
                (void)text_copy(record->offered.path, sizeof(record->offered.path), "os/x");
                (void)text_copy(record->deployment, sizeof(record->deployment), UUID);
                record->assignment = 1;
                run(&world);
                cr_expect(world.slots[world.running] == OLD || world.slots[world.running] == NEW);
            }
        }
    }
}

Test(machine, a_new_offer_replaces_one_that_was_only_staged)
{
    struct world world = {.twist.withdrawn = true};
    struct record record;
    struct machine machine = {.ops = &ops, .arg = &world, .record = &record};
    struct wire_poll_answer answer;
    enum machine_next next;
    struct err err = {0};

    factory(&world);
    record = world.record;
    answer = answer_of(&world);
    cr_assert(machine_answer(&machine, &answer, 0, &err));
    cr_assert(machine_run(&machine, &next, &err));
    cr_assert_eq(record.state, UPDATE_STAGED);

    answer.assignment = 9;
    (void)text_copy(answer.deployment, sizeof(answer.deployment),
                    "aaaaaaaa-d9cb-469f-a165-70867728950e");
    cr_assert(machine_answer(&machine, &answer, 0, &err));
    cr_expect_eq(record.state, UPDATE_OFFERED);
    cr_expect_eq(last_report(&world)->state, UPDATE_CANCELLED);
    cr_expect_str_eq(last_report(&world)->deployment, UUID);
    cr_expect_eq(record.assignment, 9);
}

Test(machine, the_same_update_under_a_new_assignment_goes_on)
{
    struct world world = {.twist.withdrawn = true};
    struct record record;
    struct machine machine = {.ops = &ops, .arg = &world, .record = &record};
    struct wire_poll_answer answer;
    enum machine_next next;
    struct err err = {0};

    factory(&world);
    record = world.record;
    answer = answer_of(&world);
    cr_assert(machine_answer(&machine, &answer, 0, &err));
    cr_assert(machine_run(&machine, &next, &err));
    answer.assignment = 7;
    cr_assert(machine_answer(&machine, &answer, 0, &err));
    cr_expect_eq(record.state, UPDATE_STAGED);
    cr_expect_eq(world.record.assignment, 7);
}

Test(machine, takes_the_same_deployment_again_after_it_failed)
{
    static const struct {
        struct twist twist;
        enum update_state end;
    } firsts[] = {
        {{.bad_image = true}, UPDATE_FAILED},
        {{.unhealthy = true}, UPDATE_ROLLED_BACK},
        {{.unbootable = true}, UPDATE_ROLLED_BACK},
        {{.with_delta = true, .bad_delta = true, .bad_image = true}, UPDATE_FAILED},
    };

    for (size_t i = 0; i < COUNT(firsts); i++) {
        struct world world = {.twist = firsts[i].twist};
        size_t first;

        factory(&world);
        run(&world);
        cr_assert_eq(last_report(&world)->state, firsts[i].end, "%zu", i);
        first = world.report_count;
        world.twist = (struct twist){.with_delta = firsts[i].twist.with_delta};
        world.assignment = 5;
        world.patches = 0;
        run(&world);
        cr_expect_eq(last_report(&world)->state, UPDATE_SUCCEEDED, "%zu", i);
        cr_expect_str_eq(last_report(&world)->deployment, UUID);
        cr_expect_eq(world.reports[first].state, UPDATE_DOWNLOADING, "it begins anew: %zu", i);
        cr_expect_eq(world.slots[world.running], NEW, "%zu", i);
    }
}

Test(machine, goes_on_from_a_stepping_stone_in_the_same_deployment)
{
    struct world world = {.goal = NEW};
    size_t first;

    factory(&world);
    run(&world);
    cr_assert_eq(last_report(&world)->state, UPDATE_SUCCEEDED);
    first = world.report_count;
    world.goal = NEWER;
    world.assignment = 2;
    run(&world);
    expect_whole(&(struct world){.running = world.running,
                                 .boot = world.boot,
                                 .record = world.record,
                                 .slots = {world.slots[0], world.slots[1]},
                                 .reports = {world.reports[world.report_count - 1]},
                                 .report_count = 1});
    cr_expect_eq(world.slots[world.running], NEWER);
    cr_expect_eq(world.slots[slot_other(world.running)], NEW, "the way back is the stone");
    cr_expect_eq(world.report_count, 2 * first);
    cr_expect_str_eq(last_report(&world)->deployment, UUID);
}

Test(machine, tells_once_what_a_staged_update_waits_for)
{
    struct world world = {.closed = 5};
    struct record record;
    struct machine machine = {.ops = &ops, .arg = &world, .record = &record};
    struct wire_poll_answer answer;
    enum machine_next next;
    struct err err = {0};
    size_t told;

    factory(&world);
    record = world.record;
    answer = answer_of(&world);
    answer.conditions.window = (struct window){.set = true, .days = 1, .start_min = 60};
    cr_assert(machine_answer(&machine, &answer, 0, &err));
    cr_expect_eq(record.window.start_min, 60);
    for (int i = 0; i < 3; i++) {
        cr_assert(machine_run(&machine, &next, &err));
        cr_expect_eq(next, MACHINE_REST);
        cr_assert_eq(record.state, UPDATE_STAGED);
    }
    told = world.report_count;
    cr_expect_eq(told, 3, "downloading, staged, staged because of the window");
    cr_expect_eq(last_report(&world)->state, UPDATE_STAGED);
    cr_expect_eq(last_report(&world)->reason, REFUSAL_WINDOW);
    cr_expect_str_eq(last_report(&world)->detail, "the window opens at 5");
    cr_expect_eq(record.last_refusal, REFUSAL_NONE, "it is no failure");

    world.closed = 0;
    cr_assert(machine_run(&machine, &next, &err));
    cr_expect_eq(next, MACHINE_REBOOT);
    cr_expect_eq(world.report_count, told + 2);
    cr_expect_eq(world.reports[told].state, UPDATE_STAGED);
    cr_expect_eq(world.reports[told].reason, REFUSAL_NONE);
    cr_expect_eq(last_report(&world)->state, UPDATE_ACTIVATING);
}

Test(machine, never_confirms_before_the_server_was_reached)
{
    struct world world = {.running = SLOT_B};
    struct record record;
    struct machine machine = {.ops = &ops, .arg = &world, .record = &record, .running = SLOT_B};
    enum machine_next next;
    struct err err = {0};

    factory(&world);
    world.boot.slots[SLOT_B] = (struct boot_slot){.state = BOOT_TRY, .tries = 1};
    record = world.record;
    record.state = UPDATE_VERIFYING;
    record.running = record.target_slot = SLOT_B;
    (void)text_copy(record.deployment, sizeof(record.deployment), UUID);
    cr_assert(machine_boot(&machine, &next, &err));
    cr_assert(machine_run(&machine, &next, &err));
    cr_expect_eq(next, MACHINE_REST);
    cr_expect_eq(record.state, UPDATE_VERIFYING);
    cr_expect_eq(world.boot.slots[SLOT_B].state, BOOT_TRY);

    machine.reached = true;
    cr_assert(machine_run(&machine, &next, &err));
    cr_expect_eq(world.boot.active, SLOT_B);
    cr_expect_eq(last_report(&world)->state, UPDATE_SUCCEEDED);
}

Test(machine, a_slot_that_is_confirmed_waits_for_nobody)
{
    struct world world = {.running = SLOT_B, .twist.unhealthy = true};
    struct record record;
    struct machine machine = {.ops = &ops, .arg = &world, .record = &record, .running = SLOT_B};
    enum machine_next next;
    struct err err = {0};

    factory(&world);
    world.boot.active = SLOT_B;
    world.boot.slots[SLOT_B].state = BOOT_GOOD;
    record = world.record;
    record.state = UPDATE_VERIFYING;
    record.running = record.target_slot = SLOT_B;
    record.image.floor = 5;
    (void)text_copy(record.deployment, sizeof(record.deployment), UUID);
    cr_assert(machine_boot(&machine, &next, &err));
    cr_assert(machine_run(&machine, &next, &err));
    cr_expect_eq(next, MACHINE_REST);
    cr_expect_eq(world.record.state, UPDATE_IDLE);
    cr_expect_eq(world.record.floor, 5);
    cr_expect_eq(last_report(&world)->state, UPDATE_SUCCEEDED);
}
