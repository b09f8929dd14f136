#include "device-client/trust/trust.h"

#include <criterion/criterion.h>

#include "device-client/limits.h"
#include "lib/base/mem.h"
#include "tests/support/scripted.h"
#include "tests/support/temp.h"
#include "tests/support/tuf_repo.h"

#define DAY_MS (INT64_C(86400) * 1000)

Test(trust_time, never_goes_back_and_refuses_a_long_jump)
{
    static const struct {
        int64_t trusted_ms, clock_ms, now_ms;
        bool ok;
    } cases[] = {
        {0, 5 * DAY_MS, 5 * DAY_MS, true},
        {10 * DAY_MS, 11 * DAY_MS, 11 * DAY_MS, true},
        {10 * DAY_MS, 2 * DAY_MS, 10 * DAY_MS, true},
        {10 * DAY_MS, 410 * DAY_MS, 410 * DAY_MS, true},
        {10 * DAY_MS, 410 * DAY_MS + 1, 0, false},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t now_ms = 0;
        struct err err = {0};

        cr_expect_eq(trust_time(cases[i].trusted_ms, cases[i].clock_ms, &now_ms, &err), cases[i].ok,
                     "case %zu", i);
        cr_expect_eq(now_ms, cases[i].now_ms, "case %zu", i);
        cr_expect_eq(err.refusal, cases[i].ok ? REFUSAL_NONE : REFUSAL_TIME_JUMP, "case %zu", i);
    }
}

Test(trust_time, metadata_is_stale_after_half_of_its_timestamp_s_life)
{
    cr_expect(trust_is_stale(0, 0, 5), "there is none");
    cr_expect(trust_is_stale(0, 100, 5), "never walked");
    cr_expect_not(trust_is_stale(100, 200, 149));
    cr_expect(trust_is_stale(100, 200, 150));
    cr_expect(trust_is_stale(100, 90, 100), "it expired");
}

static char *answer_with(struct tuf_repo *repo, const char *name)
{
    return mem_printf("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n%s",
                      buf_text(tuf_repo_file(repo, name)));
}

/* The device's last trusted time is that of a clock that was not set yet. */
static bool walk_after_a_jump(int64_t later_ms, int64_t *now_ms, struct err *err)
{
    struct tuf_repo *repo = tuf_repo_new_updated();
    struct buf *root = tuf_repo_file(repo, "1.root.json");
    AUTO_FREE char *timestamp = answer_with(repo, "timestamp.json");
    AUTO_FREE char *snapshot = answer_with(repo, "1.snapshot.json");
    AUTO_FREE char *targets = answer_with(repo, "1.targets.json");
    const struct scripted_answer script[] = {
        {.text = "HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n"},
        {.text = timestamp},
        {.text = snapshot},
        {.text = targets}};
    struct scripted *server = scripted_start(script, later_ms ? 2 : COUNT(script));
    const struct transport_options options = {.origin = scripted_origin(server)};
    struct trust trust = {.dir = temp_dir(), .image_base = options.origin};
    struct tuf_set *set = NULL;
    bool ok;

    cr_assert(transport_open(&options, &trust.transport, err), "%s", err->text);
    cr_assert(trust_install_root(&trust, root->data, root->len, err), "%s", err->text);
    *err = (struct err){0};
    ok = trust_walk(&trust, 10 * DAY_MS, repo->now_ms + later_ms, now_ms, &set, err);
    cr_expect_eq(set != NULL, ok);
    tuf_set_free(set);
    transport_close(trust.transport);
    (void)scripted_stop(server);
    tuf_repo_free(repo);
    return ok;
}

Test(trust_walk, believes_a_clock_that_jumped_if_all_metadata_is_valid_by_it, .fini = temp_done)
{
    int64_t now_ms = 0;
    struct err err = {0};

    cr_assert(walk_after_a_jump(0, &now_ms, &err), "%s", err.text);
    cr_expect_gt(now_ms, 410 * DAY_MS);
}

Test(trust_walk, refuses_a_clock_that_jumped_past_the_metadata, .fini = temp_done)
{
    int64_t now_ms = 0;
    struct err err = {0};

    cr_expect_not(walk_after_a_jump(2 * DAY_MS, &now_ms, &err));
    cr_expect_eq(err.refusal, REFUSAL_TIME_JUMP, "%s", err.text);
    cr_expect_eq(now_ms, 0);
}
