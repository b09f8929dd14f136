#include <criterion/criterion.h>
#include <string.h>

#include "lib/base/mem.h"
#include "tests/support/api.h"

/* Product "board" with two groups of its own, images v1 and v2, a running deployment. */
static const char world[] =
    "INSERT INTO product (tenant_id, name, hwids) SELECT id, 'board', '{board}' FROM tenant;"
    "INSERT INTO device_group (tenant_id, product_id, name)"
    " SELECT p.tenant_id, p.id, n FROM product p, unnest(ARRAY['a', 'b']) AS n;"
    "INSERT INTO component (tenant_id, product_id, type, name)"
    " SELECT tenant_id, id, t, t FROM product, unnest(ARRAY['os', 'app']) AS t;"
    "INSERT INTO image (tenant_id, component_id, sha256, length, path, version, hwids,"
    "                   release_counter, security_epoch, floor, stepping_stone)"
    " SELECT c.tenant_id, c.id, sha256((c.tenant_id || c.type || n)::bytea), 1000, c.type || n,"
    "        'v' || n, '{board}', n, 1, 0, 0 FROM component c, generate_series(1, 2) AS n;"
    "INSERT INTO release (tenant_id, product_id, name) SELECT tenant_id, id, 'v2' FROM product;"
    "INSERT INTO release_image (release_id, image_id, tenant_id)"
    " SELECT r.id, i.id, r.tenant_id FROM release r JOIN image i ON i.tenant_id = r.tenant_id"
    "    AND i.path = 'os2';"
    "INSERT INTO deployment (public_id, tenant_id, group_id, release_id, state, salt)"
    " SELECT gen_random_uuid(), g.tenant_id, g.id, r.id, 'running', 's' FROM device_group g"
    "   JOIN release r ON r.tenant_id = g.tenant_id WHERE g.name = 'a';"
    "INSERT INTO deployment_phase (deployment_id, phase, tenant_id, share_milli)"
    " SELECT d.id, n, d.tenant_id, n * 50000 FROM deployment d, generate_series(1, 2) AS n";

/* A look at each group: group a has 3 devices (one of an unknown image), b has 2 in quarantine. */
static const char looks[] =
    "INSERT INTO version_count (group_id, at, tenant_id, counts, classes)"
    " SELECT g.id, now() - o.age, g.tenant_id, CASE g.name WHEN 'a' THEN jsonb_build_object("
    "        encode(sha256((g.tenant_id || 'os1')::bytea), 'hex'), o.n,"
    "        encode(sha256((g.tenant_id || 'app1')::bytea), 'hex'), 3) ELSE '{}' END,"
    "        CASE g.name WHEN 'a' THEN '{\"online\":2,\"quiet\":1}'::jsonb"
    "                    ELSE '{\"quarantined\":2}'::jsonb END"
    "   FROM device_group g, (VALUES (interval '2 days', 1), (interval '1 minute', 2))"
    "        AS o (age, n)";

static struct api *open_world(void)
{
    struct api *api = api_open();

    fixture_sql(&api->fixture, world);
    fixture_sql(&api->fixture, looks);
    return api;
}

static char *id_of(struct api *api, const char *path, const char *item)
{
    AUTO_ANSWER list = api_ask(api, "GET", path, NULL);

    return mem_strdup(api_text(&list, item));
}

Test(dashboard, shows_each_device_in_one_class_and_the_classes_make_the_total)
{
    struct api *api = open_world();
    AUTO_ANSWER health = api_ask(api, "GET", "/api/v1/dashboard/health", NULL);
    json_int_t sum = 0;

    cr_assert_eq(health.status, 200, "%s", buf_text(&health.body));
    cr_expect_eq(api_number(&health, "total"), 5);
    for (int i = 0; i < 5; i++) {
        AUTO_FREE char *at = mem_printf("classes.%d.count", i);

        sum += api_number(&health, at);
    }
    cr_expect_eq(sum, 5);
    cr_expect_str_eq(api_text(&health, "classes.4.class"), "quarantined");
    cr_expect_eq(api_number(&health, "classes.4.count"), 2);
    cr_expect_eq(api_number(&health, "groups"), 2, "the tenant's only");
    cr_expect_str_eq(api_text(&health, "groups.0.group"), "a");
    cr_expect_eq(api_number(&health, "groups.0.total"), 3);
    cr_expect(strstr(buf_text(&health.body), "\"percent\":40.0"), "%s", buf_text(&health.body));
    api_close(api);
}

Test(dashboard, shows_versions_of_the_system_now_and_then_and_who_is_not_known)
{
    struct api *api = open_world();
    AUTO_ANSWER now = api_ask(api, "GET", "/api/v1/dashboard/versions?points=3", NULL);

    cr_assert_eq(now.status, 200, "%s", buf_text(&now.body));
    cr_expect_eq(api_number(&now, "versions"), 2, "%s", buf_text(&now.body));
    cr_expect_str_eq(api_text(&now, "versions.0.version"), "v1");
    cr_expect_eq(api_number(&now, "versions.0.count"), 2, "apps do not count");
    cr_expect_eq(api_number(&now, "versions.1.count"), 3, "one of a, two of b");
    cr_expect_eq(api_number(&now, "history"), 1, "looks began two days ago");
    cr_expect_eq(api_number(&now, "history.0.versions.0.count"), 2);
    api_close(api);
}

Test(dashboard, narrows_to_a_group_or_product_and_knows_no_others)
{
    struct api *api = open_world();
    AUTO_FREE char *group = id_of(api, "/api/v1/dashboard/health", "groups.1.id");
    AUTO_FREE char *path = mem_printf("/api/v1/dashboard/health?group=%s", group);
    AUTO_ANSWER one = api_ask(api, "GET", path, NULL);
    AUTO_ANSWER other = api_send(
        api, &(struct api_request){.method = "GET", .path = path, .token = "other-administrator"});

    cr_expect_eq(api_number(&one, "total"), 2, "%s", buf_text(&one.body));
    cr_expect_eq(other.status, 404);
    api_close(api);
}

Test(dashboard, shows_a_deployment_by_phase_state_and_stratum)
{
    struct api *api = open_world();
    AUTO_FREE char *id = id_of(api, "/api/v1/deployments", "items.0.id");
    AUTO_FREE char *path = mem_printf("/api/v1/dashboard/deployments/%s/progress", id);

    fixture_sql(&api->fixture,
                "INSERT INTO deployment_counter (deployment_id, phase, state, tenant_id, n)"
                " SELECT id, 1, s, tenant_id, n FROM deployment, (VALUES ('succeeded', 2),"
                "        ('failed', 1), ('staged', 3), ('offered', 4), ('touched', 3))"
                "        AS v (s, n);"
                "INSERT INTO deployment_stratum (deployment_id, stratum, tenant_id, hwid, granted,"
                "                                touched, succeeded, failed)"
                " SELECT id, 1, tenant_id, 'board', 10, 3, 2, 1 FROM deployment");
    {
        AUTO_ANSWER now = api_ask(api, "GET", path, NULL);

        cr_assert_eq(now.status, 200, "%s", buf_text(&now.body));
        cr_expect_eq(api_number(&now, "phases"), 2);
        cr_expect_eq(api_number(&now, "phases.0.granted"), 10);
        cr_expect_eq(api_number(&now, "phases.0.fetched"), 5);
        cr_expect_eq(api_number(&now, "phases.0.touched"), 3);
        cr_expect_str_eq(api_text(&now, "phases.0.states.0.state"), "offered");
        cr_expect_eq(api_number(&now, "phases.1.states"), 0);
        cr_expect_eq(api_number(&now, "strata.0.touched"), 3);
        cr_expect_eq(api_number(&now, "strata.0.verdicts.0.count"), 2);
    }
    api_close(api);
}

Test(dashboard, counts_bytes_as_rows_move_and_each_once)
{
    struct api *api = open_world();

    fixture_sql(&api->fixture,
                "INSERT INTO device (tenant_id, device_id, public_key, group_id, hwid)"
                " SELECT g.tenant_id, sha256(g.id::text::bytea), sha256(g.id::text::bytea), g.id,"
                "        'board' FROM device_group g WHERE g.name = 'a';"
                "INSERT INTO deployment_device (deployment_id, device_id, tenant_id, phase, state,"
                "                               image_id)"
                " SELECT d.id, v.id, d.tenant_id, 1, 'downloading', i.id FROM deployment d"
                "   JOIN device v ON v.group_id = d.group_id"
                "   JOIN image i ON i.tenant_id = d.tenant_id AND i.path = 'os2';"
                "UPDATE deployment_device SET fetched_bytes = 50;"
                "UPDATE deployment_device SET fetched_bytes = 200, state = 'staged';"
                "UPDATE deployment_device SET fetched_bytes = 200, state = 'activating';"
                "UPDATE deployment_device SET updated_at = now()");
    {
        AUTO_ANSWER bytes = api_ask(api, "GET", "/api/v1/dashboard/bytes", NULL);

        cr_assert_eq(bytes.status, 200, "%s", buf_text(&bytes.body));
        cr_expect_eq(api_number(&bytes, "bytes.0.count"), 200, "sent");
        cr_expect_eq(api_number(&bytes, "bytes.1.count"), 800, "1000 less what was fetched");
        cr_expect(strstr(buf_text(&bytes.body), "\"percent\":80.0"));
        cr_expect_eq(api_number(&bytes, "days"), 1);
    }
    api_close(api);
}

Test(dashboard, shows_the_issues_that_happened_most_lately)
{
    struct api *api = open_world();

    fixture_sql(&api->fixture,
                "INSERT INTO issue (tenant_id, product_id, signature, category, class, component,"
                "                   title, state, first_seen, last_seen, count, devices)"
                " SELECT p.tenant_id, p.id, sha256(n::text::bytea), 'app-crash', 'app', 'pump',"
                "        'issue ' || n, CASE n WHEN 4 THEN 'ignored' ELSE 'open' END, now(), now(),"
                "        n, n FROM product p, generate_series(1, 4) AS n;"
                "INSERT INTO issue_day (day, tenant_id, signature, count)"
                " SELECT current_date - CASE s.title WHEN 'issue 3' THEN 30 ELSE 0 END,"
                "        s.tenant_id, s.signature, s.count * 10 FROM issue s");
    {
        AUTO_ANSWER top = api_ask(api, "GET", "/api/v1/dashboard/issues?limit=2", NULL);

        cr_assert_eq(top.status, 200, "%s", buf_text(&top.body));
        cr_expect_eq(api_number(&top, "items"), 2);
        cr_expect_str_eq(api_text(&top, "items.0.title"), "issue 2", "3 was long ago");
        cr_expect_eq(api_number(&top, "items.0.count"), 20);
    }
    api_close(api);
}

Test(dashboard, refuses_times_and_numbers_that_make_no_sense)
{
    static const char *const cases[] = {
        "versions?points=0",     "versions?points=201",
        "versions?points=x",     "versions?group=x",
        "bytes?since=yesterday", "bytes?until=2026-01-01",
        "issues?limit=101",      "bytes?since=2026-02-01T00:00:00Z&until=2026-01-01T00:00:00Z",
        "health?product=board",
    };
    struct api *api = open_world();

    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO_FREE char *path = mem_printf("/api/v1/dashboard/%s", cases[i]);
        AUTO_ANSWER answer = api_ask(api, "GET", path, NULL);

        cr_expect_eq(answer.status, 400, "%s: %d", cases[i], answer.status);
    }
    api_close(api);
}
