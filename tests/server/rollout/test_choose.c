/* Every combination of what a poll can find is decided by exactly one row of the table below,
 * read from the top; and every row decides at least one. */
#include "server/rollout/choose.h"

#include <criterion/criterion.h>

enum { CURRENT_ID = 10, BASELINE_ID = 20, OTHER_ID = 30 };

/* What the rows speak about. */
enum row { ANY_ROW, NO_ROW, ENDED, BEFORE_SWITCH, PAST_SWITCH };
enum whose { ANYBODYS, CURRENTS, BASELINES, ANOTHERS, STANDING };
enum answer { ANY, NO, YES };

struct rule {
    const char *because;
    enum row row;
    enum whose whose;     /* the deployment of the row */
    enum answer current;  /* the current deployment may be granted */
    enum answer covers;   /* it speaks for the device: then the baseline does not */
    enum answer baseline; /* the baseline may be granted */
    enum answer told;
    enum rollout_action action;
};

/* clang-format off */
static const struct rule rules[] = {
    /* because                                          row            whose      current covers baseline told  action */
    {"past the switch, it knows",                       PAST_SWITCH,   ANYBODYS,  ANY,    ANY,   ANY,     YES,  ROLLOUT_KEEP},
    {"past the switch, it forgot",                      PAST_SWITCH,   ANYBODYS,  ANY,    ANY,   ANY,     NO,   ROLLOUT_RESEND},
    {"a deployment came for it, whatever it had",       ANY_ROW,       ANYBODYS,  YES,    ANY,   ANY,     ANY,  ROLLOUT_GRANT},
    {"the baseline is its own and nothing covers it",   ANY_ROW,       ANYBODYS,  NO,     NO,    YES,     ANY,  ROLLOUT_GRANT_BASELINE},
    {"nothing more for it",                             NO_ROW,        ANYBODYS,  NO,     ANY,   ANY,     ANY,  ROLLOUT_NOTHING},
    {"nothing more after the end",                      ENDED,         ANYBODYS,  NO,     ANY,   ANY,     ANY,  ROLLOUT_NOTHING},
    {"what it was offered is gone",                     BEFORE_SWITCH, ANOTHERS,  NO,     ANY,   ANY,     ANY,  ROLLOUT_WITHDRAW},
    {"what it was offered stands, it knows",            BEFORE_SWITCH, STANDING,  NO,     ANY,   ANY,     YES,  ROLLOUT_KEEP},
    {"what it was offered stands, it forgot",           BEFORE_SWITCH, STANDING,  NO,     ANY,   ANY,     NO,   ROLLOUT_RESEND},
};
/* clang-format on */

static bool fits(enum answer wanted, bool is)
{
    return wanted == ANY || (wanted == YES) == is;
}

static enum row row_of(const struct rollout_view *view)
{
    switch (view->state) {
    case UPDATE_IDLE:
        return NO_ROW;
    case UPDATE_OFFERED:
    case UPDATE_DOWNLOADING:
    case UPDATE_STAGED:
        return BEFORE_SWITCH;
    case UPDATE_ACTIVATING:
    case UPDATE_VERIFYING:
        return PAST_SWITCH;
    case UPDATE_SUCCEEDED:
    case UPDATE_FAILED:
    case UPDATE_ROLLED_BACK:
    case UPDATE_CANCELLED:
    case UPDATE_SKIPPED:
        return ENDED;
    case UPDATE_STATE_COUNT:
        break;
    }
    cr_assert_fail("no such state");
    return ANY_ROW;
}

static bool has(const struct rollout_view *view, int64_t id)
{
    return view->closed_id == id || (view->state != UPDATE_IDLE && view->deployment_id == id);
}

/* The sentences of the table, in the plainest words. */
static const struct rule *rule_for(const struct rollout_view *view, size_t *index)
{
    bool covers = view->updates_allowed && view->current.deployment_id != 0 && view->current.fits &&
                  view->is_covered && view->standing != ROLLOUT_HALTED;
    bool may_current = covers && view->standing == ROLLOUT_OPEN && !view->current.is_running &&
                       view->current.is_older == view->current.goes_back && !has(view, CURRENT_ID);
    bool may_baseline = view->updates_allowed && view->baseline.deployment_id != 0 &&
                        view->baseline.fits && !view->baseline.is_running &&
                        (!view->baseline.is_older || view->baseline.goes_back) &&
                        !has(view, BASELINE_ID);
    enum whose whose = view->deployment_id == view->current.deployment_id    ? CURRENTS
                       : view->deployment_id == view->baseline.deployment_id ? BASELINES
                                                                             : ANOTHERS;

    for (*index = 0; *index < COUNT(rules); (*index)++) {
        const struct rule *rule = &rules[*index];

        if ((rule->row == ANY_ROW || rule->row == row_of(view)) &&
            (rule->whose == ANYBODYS || rule->whose == whose ||
             (rule->whose == STANDING && whose != ANOTHERS)) &&
            fits(rule->current, may_current) && fits(rule->covers, covers) &&
            fits(rule->baseline, may_baseline) && fits(rule->told, view->is_told_already))
            return rule;
    }
    return NULL;
}

/* Digit `n` of a number whose places have these bases. */
static unsigned take(unsigned *number, unsigned base)
{
    unsigned digit = *number % base;

    *number /= base;
    return digit;
}

static bool view_of(unsigned number, struct rollout_view *view)
{
    static const int64_t owners[] = {CURRENT_ID, BASELINE_ID, OTHER_ID};
    static const int64_t closed[] = {0, CURRENT_ID, BASELINE_ID};

    *view = (struct rollout_view){
        .updates_allowed = take(&number, 2),
        .current = {.deployment_id = take(&number, 2) ? CURRENT_ID : 0},
        .standing = (enum rollout_standing)take(&number, 3),
        .is_covered = take(&number, 2),
        .baseline = {.deployment_id = take(&number, 2) ? BASELINE_ID : 0},
        .is_told_already = take(&number, 2),
        .closed_id = closed[take(&number, 3)],
        .state = (enum update_state)take(&number, UPDATE_STATE_COUNT),
    };
    view->current.fits = take(&number, 2);
    view->current.is_running = take(&number, 2);
    view->current.is_older = take(&number, 2);
    view->current.goes_back = take(&number, 2);
    view->baseline.fits = take(&number, 2);
    view->baseline.is_running = take(&number, 2);
    view->baseline.is_older = take(&number, 2);
    view->baseline.goes_back = take(&number, 2);
    view->deployment_id = owners[take(&number, 3)];
    if (view->state == UPDATE_IDLE)
        view->deployment_id = 0;
    return number == 0;
}

Test(rollout_choose, every_combination_follows_one_rule_and_every_rule_is_used)
{
    unsigned used[COUNT(rules)] = {0};
    struct rollout_view view;
    unsigned number;

    for (number = 0; view_of(number, &view); number++) {
        size_t index;
        const struct rule *rule = rule_for(&view, &index);

        cr_assert_not_null(rule, "combination %u has no rule", number);
        cr_assert_eq(rollout_choose(&view, NULL), rule->action, "combination %u: %s", number,
                     rule->because);
        used[index]++;
    }

    cr_expect_eq(number, 3 * 811008);
    for (size_t i = 0; i < COUNT(rules); i++)
        cr_expect_gt(used[i], 0, "never used: %s", rules[i].because);
}

static const struct rollout_candidate current = {.deployment_id = CURRENT_ID,
                                                 .fits = true,
                                                 .is_running = false,
                                                 .is_older = false,
                                                 .goes_back = false};
static const struct rollout_candidate other_hardware = {.deployment_id = CURRENT_ID,
                                                        .fits = false,
                                                        .is_running = false,
                                                        .is_older = false,
                                                        .goes_back = false};
static const struct rollout_candidate baseline = {.deployment_id = BASELINE_ID,
                                                  .fits = true,
                                                  .is_running = false,
                                                  .is_older = false,
                                                  .goes_back = false};
static const struct rollout_candidate older = {.deployment_id = BASELINE_ID,
                                               .fits = true,
                                               .is_running = false,
                                               .is_older = true,
                                               .goes_back = false};
static const struct rollout_candidate newer_runs = {.deployment_id = CURRENT_ID,
                                                    .fits = true,
                                                    .is_running = false,
                                                    .is_older = true,
                                                    .goes_back = false};
static const struct rollout_candidate back = {.deployment_id = CURRENT_ID,
                                              .fits = true,
                                              .is_running = false,
                                              .is_older = true,
                                              .goes_back = true};
static const struct rollout_candidate back_below = {.deployment_id = CURRENT_ID,
                                                    .fits = true,
                                                    .is_running = false,
                                                    .is_older = false,
                                                    .goes_back = true};
static const struct rollout_candidate back_baseline = {.deployment_id = BASELINE_ID,
                                                       .fits = true,
                                                       .is_running = false,
                                                       .is_older = false,
                                                       .goes_back = true};
static const struct rollout_candidate none;

/* The table above and the code could share a mistake; these are the promises in single cases. */
Test(rollout_choose, keeps_the_promises_of_the_design)
{
    static const struct {
        const char *what;
        const struct rollout_candidate *current;
        enum rollout_standing standing;
        bool covered;
        const struct rollout_candidate *baseline;
        int64_t row;
        enum update_state state;
        enum rollout_action action;
    } cases[] = {
        {"its phase runs", &current, ROLLOUT_OPEN, true, &none, 0, UPDATE_IDLE, ROLLOUT_GRANT},
        {"its phase is to come", &current, ROLLOUT_OPEN, false, &none, 0, UPDATE_IDLE,
         ROLLOUT_NOTHING},
        {"its phase is to come: the baseline meanwhile", &current, ROLLOUT_OPEN, false, &baseline,
         0, UPDATE_IDLE, ROLLOUT_GRANT_BASELINE},
        {"a pause offers nothing new", &current, ROLLOUT_PAUSED, true, &baseline, 0, UPDATE_IDLE,
         ROLLOUT_NOTHING},
        {"a pause keeps what was offered", &current, ROLLOUT_PAUSED, true, &baseline, CURRENT_ID,
         UPDATE_STAGED, ROLLOUT_KEEP},
        {"a halt keeps what was offered", &current, ROLLOUT_HALTED, true, &none, CURRENT_ID,
         UPDATE_STAGED, ROLLOUT_KEEP},
        {"after a halt the baseline speaks", &current, ROLLOUT_HALTED, true, &baseline, 0,
         UPDATE_IDLE, ROLLOUT_GRANT_BASELINE},
        {"no downgrade to the baseline after a halt", &current, ROLLOUT_HALTED, true, &older,
         CURRENT_ID, UPDATE_SUCCEEDED, ROLLOUT_NOTHING},
        {"a failed device gets no more of it", &current, ROLLOUT_OPEN, true, &baseline, CURRENT_ID,
         UPDATE_FAILED, ROLLOUT_NOTHING},
        {"an aborted offer is taken back", &none, ROLLOUT_OPEN, false, &none, OTHER_ID,
         UPDATE_STAGED, ROLLOUT_WITHDRAW},
        {"a hotfix supersedes what was only staged", &current, ROLLOUT_OPEN, true, &none, OTHER_ID,
         UPDATE_STAGED, ROLLOUT_GRANT},
        {"an activating device finishes first", &current, ROLLOUT_OPEN, true, &none, OTHER_ID,
         UPDATE_ACTIVATING, ROLLOUT_KEEP},
        {"a device that runs something newer", &newer_runs, ROLLOUT_OPEN, true, &none, 0,
         UPDATE_IDLE, ROLLOUT_NOTHING},
        {"a downgrade for a device that runs something newer", &back, ROLLOUT_OPEN, true, &none, 0,
         UPDATE_IDLE, ROLLOUT_GRANT},
        {"a downgrade for a device that runs something older", &back_below, ROLLOUT_OPEN, true,
         &none, 0, UPDATE_IDLE, ROLLOUT_NOTHING},
        {"a finished downgrade is a baseline like any other", &none, ROLLOUT_OPEN, false,
         &back_baseline, 0, UPDATE_IDLE, ROLLOUT_GRANT_BASELINE},
        {"an image for other hardware", &other_hardware, ROLLOUT_OPEN, true, &none, 0, UPDATE_IDLE,
         ROLLOUT_NOTHING},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct rollout_view view = {
            .updates_allowed = true,
            .current = *cases[i].current,
            .standing = cases[i].standing,
            .is_covered = cases[i].covered,
            .baseline = *cases[i].baseline,
            .deployment_id = cases[i].row,
            .state = cases[i].state,
            .is_told_already = true,
        };

        cr_expect_eq(rollout_choose(&view, NULL), cases[i].action, "%s", cases[i].what);
    }
}
