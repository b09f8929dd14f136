#include "server/store/store_report.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "server/store/store_activate.h"
#include "server/store/store_grant.h"
#include "tests/support/world.h"

/* A small generator, so that a failure can be repeated. */
static uint32_t random_below(uint64_t *state, uint32_t bound)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)((z ^ (z >> 31)) % bound);
}

static struct wire_report report_of(uint64_t seq, const char *deployment, enum update_state state)
{
    struct wire_report report = {
        .epoch = {7}, .seq = seq, .state = state, .bytes = seq * 10, .time_ms = 1700000000000};

    cr_assert(text_copy(report.deployment, sizeof(report.deployment), deployment));
    return report;
}

static void grant_all(struct fixture *fixture, int64_t deployment, unsigned devices)
{
    AUTO_FREE struct store_grant *asks = mem_array(devices, sizeof(*asks));
    struct answer answer = {.fixture = fixture};

    uint8_t image[HASH_BYTES];

    world_image(2, image);
    for (unsigned i = 0; i < devices; i++)
        asks[i] = (struct store_grant){
            .device_id = i + 1, .deployment_id = deployment, .phase = 1, .image = image};
    fixture->pending++;
    if (devices > 20) { /* the answer's text has no room for more */
        store_grant_add(fixture->db, asks, devices, NULL, NULL);
        fixture->pending--;
        while (world_number(fixture, "SELECT count(*) FROM deployment_device") < devices)
            loop_turn(fixture->loop);
        return;
    }
    store_grant_add(fixture->db, asks, devices, answer_done, &answer);
    fixture_wait(fixture);
    cr_assert_eq(answer.code, ERR_NONE, "%s", answer.text);
}

/* "device|assignment|deployment|phase|state|wants image|moved" without the assignment and the
 * image. */
static const char *short_of(char *text)
{
    char *bars[6] = {NULL};
    unsigned count = 0;

    for (char *at = strchr(text, '|'); at && count < COUNT(bars); at = strchr(at + 1, '|'))
        bars[count++] = at;
    if (count < COUNT(bars))
        return text;
    memmove(bars[4], bars[5], strlen(bars[5]) + 1);
    memmove(bars[0], bars[1], strlen(bars[1]) + 1);
    return text;
}

static const char *add(struct answer *answer, const struct store_report *reports, size_t count)
{
    answer->fixture->pending++;
    store_report_add(answer->fixture->db, reports, count, answer_done, answer);
    fixture_wait(answer->fixture);
    return short_of(answer->text);
}

Test(store_report, moves_a_row_forward_and_never_out_of_its_end)
{
    static const struct {
        enum update_state said;
        const char *answer; /* device|deployment|phase|state|moved */
    } steps[] = {
        {UPDATE_DOWNLOADING, "1|1|1|downloading|t"}, {UPDATE_DOWNLOADING, "1|1|1|downloading|f"},
        {UPDATE_STAGED, "1|1|1|staged|t"},           {UPDATE_OFFERED, "1|1|1|staged|f"},
        {UPDATE_DOWNLOADING, "1|1|1|staged|f"},      {UPDATE_VERIFYING, "1|1|1|verifying|t"},
        {UPDATE_ROLLED_BACK, "1|1|1|rolled-back|t"}, {UPDATE_SUCCEEDED, "1|1|1|rolled-back|f"},
        {UPDATE_VERIFYING, "1|1|1|rolled-back|f"},
    };
    struct fixture fixture;
    struct answer answer = {.fixture = &fixture};
    char uuid[64];
    int64_t id;

    world_open(&fixture, 1);
    world_devices(&fixture, 1);
    id = world_deployment(&fixture, 2, "100000");
    (void)snprintf(uuid, sizeof(uuid), "%s", world_deployment_uuid(&fixture, id));
    grant_all(&fixture, id, 1);
    for (size_t i = 0; i < COUNT(steps); i++) {
        struct wire_report said = report_of(i + 1, uuid, steps[i].said);
        struct store_report report = {1, 1, &said};

        said.reason = steps[i].said == UPDATE_ROLLED_BACK ? REFUSAL_HEALTH : REFUSAL_NONE;
        cr_expect_str_eq(add(&answer, &report, 1), steps[i].answer, "step %zu: %s", i, answer.text);
        (void)add(&answer, &report, 1);
        cr_expect_eq(answer.text[strlen(answer.text) - 1], 'f', "the same again moves nothing");
        cr_expect_eq(world_counters_wrong(&fixture), 0, "step %zu", i);
    }
    cr_expect_eq(world_number(&fixture, "SELECT count(*) FROM report"), COUNT(steps));
    cr_expect_str_eq(world_text(&fixture, "SELECT reason FROM deployment_device"), "HEALTH");
    fixture_close(&fixture);
}

Test(store_report, of_one_batch_the_furthest_counts_and_the_first_of_two_ends)
{
    enum { REPORTS = 6 };
    struct fixture fixture;
    struct answer answer = {.fixture = &fixture};
    AUTO_FREE struct wire_report *said = mem_array(REPORTS, sizeof(*said));
    struct store_report reports[REPORTS + 2];
    char uuid[64];
    int64_t id;

    world_open(&fixture, 1);
    world_devices(&fixture, 1);
    id = world_deployment(&fixture, 2, "100000");
    (void)snprintf(uuid, sizeof(uuid), "%s", world_deployment_uuid(&fixture, id));
    grant_all(&fixture, id, 1);
    said[0] = report_of(4, uuid, UPDATE_SUCCEEDED);
    said[1] = report_of(1, uuid, UPDATE_DOWNLOADING);
    said[2] = report_of(3, uuid, UPDATE_FAILED);
    said[3] = report_of(2, uuid, UPDATE_STAGED);
    said[4] = report_of(5, "", UPDATE_IDLE); /* an event outside a deployment */
    said[4].reason = REFUSAL_TIMESTAMP_EXPIRED;
    said[5] = report_of(6, "00000000-0000-0000-0000-000000000000", UPDATE_STAGED);
    for (size_t i = 0; i < REPORTS; i++)
        reports[i] = (struct store_report){1, 1, &said[i]};
    reports[6] = reports[7] = reports[2]; /* twice more */

    cr_expect_str_eq(add(&answer, reports, COUNT(reports)), "1|1|1|failed|t", "%s", answer.text);

    cr_expect_eq(world_number(&fixture, "SELECT count(*) FROM report"), REPORTS);
    cr_expect_eq(world_number(&fixture, "SELECT count(*) FROM report WHERE deployment_id IS NULL"),
                 2);
    cr_expect_eq(world_counters_wrong(&fixture), 0);
    fixture_close(&fixture);
}

Test(store_report, nobody_moves_what_was_not_granted_or_belongs_to_another_tenant)
{
    struct fixture fixture;
    struct answer answer = {.fixture = &fixture};
    struct wire_report said;
    struct store_report report = {2, 1, &said};
    char uuid[64];
    int64_t id;

    world_open(&fixture, 1);
    world_devices(&fixture, 3);
    id = world_deployment(&fixture, 2, "100000");
    (void)snprintf(uuid, sizeof(uuid), "%s", world_deployment_uuid(&fixture, id));
    grant_all(&fixture, id, 1);
    said = report_of(1, uuid, UPDATE_SUCCEEDED);

    cr_expect_str_eq(add(&answer, &report, 1), "2|1|NULL|NULL|f", "%s", answer.text);
    report = (struct store_report){1, 2, &said};
    cr_expect_str_eq(add(&answer, &report, 1), "", "%s", answer.text);
    report = (struct store_report){99, 1, &said};
    (void)add(&answer, &report, 1);
    cr_expect_eq(answer.code, ERR_CONFLICT, "a device that is not there: %s", answer.text);

    cr_expect_str_eq(world_text(&fixture, "SELECT state FROM deployment_device"), "offered");
    cr_expect_eq(world_counters_wrong(&fixture), 0);
    fixture_close(&fixture);
}

struct storm {
    struct fixture *fixture;
    unsigned failed;
};

static void on_added(const struct db_result *result, const struct err *err, void *arg)
{
    struct storm *storm = arg;

    (void)result;
    storm->failed += err != NULL;
    fixture_answered(storm->fixture);
}

/* Batches with duplicates inside, and the same batches on several connections at once, beside
 * grants, activations and another deployment: every report is there once, counters agree. */
Test(store_report, a_storm_on_four_connections_is_counted_exactly_once)
{
    enum { DEVICES = 60, SEQS = 12, BATCHES = 40, ROWS = 150 };
    AUTO_FREE struct wire_report *said = mem_array((size_t)DEVICES * SEQS, sizeof(*said));
    struct fixture fixture;
    struct storm storm = {.fixture = &fixture};
    uint64_t random = 42;
    char uuid[64];
    int64_t id;
    unsigned sent = 0;
    static bool is_sent[DEVICES][SEQS];

    world_open(&fixture, 4);
    world_devices(&fixture, DEVICES);
    id = world_deployment(&fixture, 2, "100000");
    (void)snprintf(uuid, sizeof(uuid), "%s", world_deployment_uuid(&fixture, id));
    grant_all(&fixture, id, DEVICES);
    for (unsigned d = 0; d < DEVICES; d++)
        for (unsigned s = 0; s < SEQS; s++)
            said[d * SEQS + s] =
                report_of(s + 1, uuid,
                          (enum update_state)(UPDATE_OFFERED +
                                              random_below(&random, s < 9 ? 5 : UPDATE_SKIPPED)));
    for (unsigned b = 0; b < BATCHES; b++) {
        struct store_report reports[ROWS];
        struct store_activation ask = {1 + random_below(&random, DEVICES), uuid, 1};

        for (unsigned r = 0; r < ROWS; r++) {
            unsigned d = random_below(&random, DEVICES), s = random_below(&random, SEQS);

            reports[r] = (struct store_report){d + 1, 1, &said[d * SEQS + s]};
            sent += !is_sent[d][s];
            is_sent[d][s] = true;
        }
        fixture.pending += 3;
        store_report_add(fixture.db, reports, ROWS, on_added, &storm);
        store_grant_activate(fixture.db, &ask, 1, on_added, &storm);
        store_report_add(fixture.db, reports, ROWS, on_added, &storm);
    }
    fixture_wait(&fixture);

    cr_expect_eq(storm.failed, 0, "%u statements failed", storm.failed);
    cr_expect_eq(world_number(&fixture, "SELECT count(*) FROM report"), sent);
    cr_expect_eq(world_counters_wrong(&fixture), 0);
    fixture_close(&fixture);
}
