/* Error reports as operators see them: events and their filters, exports, issues, debug files. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "server/artifact/store.h"
#include "server/store/store_event.h"
#include "tests/support/api.h"

#define DEVICE                                                                                     \
    "6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b"            /* sha256 of 1   \
                                                                                   */
#define FILE_1 "4e07408562bedb8b60ce05c1decfe3ad16b72230967de01f640b7e4729b49fce" /* ... of 3 */

static const uint8_t epoch[STORE_EVENT_EPOCH_BYTES] = {1};
static const uint8_t one[HASH_BYTES] = {1};
static const uint8_t two[HASH_BYTES] = {2};

static void add(struct api *api, int64_t device, int64_t seq, const char *category,
                const uint8_t *signature, const char *summary)
{
    struct answer answer = {.fixture = &api->fixture};
    const struct store_event event = {
        .device_id = device,
        .tenant_id = 1,
        .epoch = epoch,
        .seq = seq,
        .category = category,
        .class = "app",
        .component = "pump",
        .count = 1,
        .start_ms = clock_now_ms(),
        .end_ms = clock_now_ms(),
        .exit_status = -1,
        .signal = 11,
        .summary = summary,
        .signature = signature,
        .title = summary,
    };

    api->fixture.pending++;
    store_event_add(api->fixture.db, &event, 1, answer_done, &answer);
    fixture_wait(&api->fixture);
    cr_assert_eq(answer.code, ERR_NONE, "%s", answer.text);
}

/* Two devices in "production", three events of one and two of the other. */
static struct api *scene_open(void)
{
    struct api *api = api_open();

    api_begin(api);
    fixture_sql(&api->fixture,
                "INSERT INTO claim_token (tenant_id, group_id, digest, count, expires_at)"
                " SELECT tenant_id, id, sha256('c'), 2, now() FROM device_group"
                "  WHERE name = 'production'");
    fixture_sql(&api->fixture,
                "INSERT INTO device (tenant_id, device_id, public_key, group_id, claim_token_id,"
                "                    hwid)"
                " SELECT k.tenant_id, sha256(n::text::bytea), sha256(n::text::bytea), k.group_id,"
                "        k.id, 'h1' FROM claim_token k, generate_series(1, 2) AS n");
    add(api, 1, 1, "app-crash", one, "it fell");
    add(api, 1, 2, "app-crash", one, "it fell again");
    add(api, 2, 1, "app-crash", one, "=cmd(\"x\")");
    add(api, 2, 2, "disk-full", two, "no room");
    add(api, 1, 3, "custom", NULL, "hello");
    return api;
}

static size_t items(const struct api_answer *answer)
{
    return json_array_size(json_object_get(answer->json, "items"));
}

Test(event, are_listed_newest_first_and_filtered)
{
    static const struct {
        const char *query;
        size_t count;
    } cases[] = {
        {"", 5},
        {"?device=" DEVICE, 3},
        {"?category=disk-full", 1},
        {"?class=os", 0},
        {"?class=app&category=app-crash", 3},
        {"?since=2020-01-01T00:00:00Z", 5},
        {"?until=2020-01-01T00:00:00Z", 0},
        {"?image=" FILE_1, 0},
    };
    struct api *api = scene_open();

    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO_FREE char *path = mem_printf("/api/v1/events%s", cases[i].query);
        AUTO_ANSWER answer = api_ask(api, "GET", path, NULL);

        cr_expect_eq(answer.status, 200, "%s: %s", cases[i].query, buf_text(&answer.body));
        cr_expect_eq(items(&answer), cases[i].count, "%s", cases[i].query);
        if (i == 0)
            cr_expect_str_eq(api_text(&answer, "items.0.summary"), "hello");
    }
    api_close(api);
}

Test(event, filters_that_make_no_sense_are_refused_by_name)
{
    static const struct {
        const char *query;
        int status;
        const char *says;
    } cases[] = {
        {"events?category=fire", 400, "'category'"},
        {"events?device=xyz", 400, "'device'"},
        {"events?since=yesterday", 400, "'since'"},
        {"events?until=2026-13-01T00:00:00Z", 400, "'until'"},
        {"events?after=abc", 400, "'after'"},
        {"events?limit=0", 400, "'limit'"},
        {"events?format=xml", 400, "'format'"},
        {"events?format=csv&limit=1001", 400, "'limit'"},
        {"events?group=00000000-0000-0000-0000-000000000000", 404, "group"},
        {"events?device=" FILE_1, 404, "device"},
        {"events/daily?since=2026-05-02T00:00:00Z&until=2026-05-01T00:00:00Z", 400, "'since'"},
        {"issues?state=gone", 400, "'state'"},
        {"issues/00000000-0000-0000-0000-000000000000", 404, "issue"},
        {"issues/x", 400, "uuid"},
        {"symbols?after=x", 400, "'after'"},
    };
    struct api *api = scene_open();

    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO_FREE char *path = mem_printf("/api/v1/%s", cases[i].query);
        AUTO_ANSWER answer = api_ask(api, "GET", path, NULL);

        cr_expect_eq(answer.status, cases[i].status, "%s: %s", cases[i].query,
                     buf_text(&answer.body));
        cr_expect(strstr(api_text(&answer, "detail"), cases[i].says), "%s: %s", cases[i].query,
                  buf_text(&answer.body));
    }
    api_close(api);
}

Test(event, pages_follow_each_other_while_new_ones_come)
{
    struct api *api = scene_open();
    AUTO_ANSWER first = api_ask(api, "GET", "/api/v1/events?limit=2", NULL);
    AUTO_FREE char *path = mem_printf("/api/v1/events?limit=10&after=%s", api_text(&first, "next"));

    add(api, 1, 4, "custom", NULL, "new");
    {
        AUTO_ANSWER rest = api_ask(api, "GET", path, NULL);

        cr_expect_eq(items(&first), 2);
        cr_expect_eq(items(&rest), 3);
        cr_expect_str_eq(api_text(&rest, "items.0.summary"), "=cmd(\"x\")");
        cr_expect(json_is_null(json_object_get(rest.json, "next")));
    }
    api_close(api);
}

Test(event, exports_are_lines_and_no_cell_is_a_formula)
{
    struct api *api = scene_open();
    AUTO_ANSWER csv = api_ask(api, "GET", "/api/v1/events?format=csv&limit=3", NULL);
    AUTO_ANSWER lines = api_ask(api, "GET", "/api/v1/events?format=jsonl", NULL);
    unsigned count = 0;

    cr_assert_eq(csv.status, 200, "%s", buf_text(&csv.body));
    cr_expect(text_starts_with(buf_text(&csv.body), "id,received,device,"));
    cr_expect(strstr(buf_text(&csv.body), "\"'=cmd(\"\"x\"\")\""), "%s", buf_text(&csv.body));
    cr_expect(strstr(buf_text(&csv.head), "Slipway-Next: "), "%s", buf_text(&csv.head));
    cr_expect(strstr(buf_text(&csv.head), "text/csv"));
    cr_assert_eq(lines.status, 200);
    cr_expect_not(strstr(buf_text(&lines.head), "Slipway-Next: "), "that was all");
    for (const char *at = buf_text(&lines.body); *at; at = strchr(at, '\n') + 1) {
        AUTO_JSON *line = json_loads(at, JSON_DISABLE_EOF_CHECK, NULL);

        cr_expect(json_is_string(json_object_get(line, "device")));
        count++;
    }
    cr_expect_eq(count, 5);
    api_close(api);
}

Test(event, days_add_up)
{
    struct api *api = scene_open();
    AUTO_ANSWER days = api_ask(api, "GET", "/api/v1/events/daily?category=app-crash", NULL);

    cr_assert_eq(days.status, 200, "%s", buf_text(&days.body));
    cr_expect_eq(api_number(&days, "items.0.events"), 3);
    cr_expect_eq(api_number(&days, "items.0.devices"), 2);
    api_close(api);
}

Test(event, another_tenant_sees_none_of_it)
{
    static const char *const paths[] = {"events", "issues", "quarantine", "events/daily",
                                        "symbols"};
    struct api *api = scene_open();

    for (size_t i = 0; i < COUNT(paths); i++) {
        AUTO_FREE char *path = mem_printf("/api/v1/%s", paths[i]);
        struct api_request request = {"GET", path, "other-reader", NULL, NULL, 0, 0};
        AUTO_ANSWER answer = api_send(api, &request);

        cr_expect_eq(answer.status, 200, "%s", path);
        cr_expect_eq(items(&answer), 0, "%s", path);
    }
    api_close(api);
}

/* --- issues ------------------------------------------------------------------------------------
 */

static char *issue_path(struct api *api, const char *more)
{
    AUTO_ANSWER list = api_ask(api, "GET", "/api/v1/issues?category=app-crash", NULL);

    return mem_printf("/api/v1/issues/%s%s", api_text(&list, "items.0.id"), more);
}

Test(issue, says_whom_it_met_when_and_how_often)
{
    struct api *api = scene_open();
    AUTO_FREE char *path = issue_path(api, "");
    AUTO_ANSWER list = api_ask(api, "GET", "/api/v1/issues", NULL);
    AUTO_ANSWER issue = api_ask(api, "GET", path, NULL);

    cr_expect_eq(items(&list), 2);
    cr_assert_eq(issue.status, 200, "%s", buf_text(&issue.body));
    cr_expect_str_eq(api_text(&issue, "title"), "it fell");
    cr_expect_str_eq(api_text(&issue, "state"), "open");
    cr_expect_eq(api_number(&issue, "count"), 3);
    cr_expect_eq(api_number(&issue, "devices"), 2);
    cr_expect_eq(api_number(&issue, "timeline.0.count"), 3);
    cr_expect_eq(api_number(&issue, "versions.0.count"), 3);
    cr_expect_eq(json_array_size(json_object_get(issue.json, "affected")), 2);
    cr_expect_eq(json_array_size(json_object_get(issue.json, "samples")), 3);
    api_close(api);
}

Test(issue, is_resolved_comes_back_and_is_ignored_and_all_is_audited)
{
    struct api *api = scene_open();
    AUTO_FREE char *path = issue_path(api, "");
    AUTO_FREE char *resolve = issue_path(api, "/resolve");
    AUTO_FREE char *ignore = issue_path(api, "/ignore");
    AUTO_FREE char *reopen = issue_path(api, "/reopen");
    AUTO_ANSWER resolved = api_ask(api, "POST", resolve, "{\"note\":\"in 1.4\"}");
    AUTO_ANSWER patched = api_ask(api, "PATCH", path, "{\"assignee\":\"kim\"}");

    cr_assert_eq(resolved.status, 200, "%s", buf_text(&resolved.body));
    cr_expect_str_eq(api_text(&resolved, "state"), "resolved");
    cr_expect_str_eq(api_text(&patched, "assignee"), "kim");
    cr_expect_str_eq(api_text(&patched, "note"), "in 1.4");
    fixture_sql(&api->fixture, "UPDATE issue SET state_at = now() - interval '1 minute'");
    add(api, 1, 4, "app-crash", one, "it fell");
    {
        AUTO_ANSWER back = api_ask(api, "GET", path, NULL);
        AUTO_ANSWER ignored = api_ask(api, "POST", ignore, NULL);
        AUTO_ANSWER opened = api_ask(api, "POST", reopen, NULL);
        AUTO_ANSWER audit = api_ask(api, "GET", "/api/v1/audit?limit=200", NULL);

        cr_expect_str_eq(api_text(&back, "state"), "regressed");
        cr_expect_eq(api_number(&back, "regressions"), 1);
        cr_expect_str_eq(api_text(&ignored, "state"), "ignored");
        cr_expect_str_eq(api_text(&opened, "state"), "open");
        cr_expect(strstr(buf_text(&audit.body), "issue.steer"));
    }
    api_close(api);
}

Test(issue, changes_are_refused_to_readers_and_with_unknown_fields)
{
    static const struct {
        const char *token;
        const char *body;
        int status;
    } cases[] = {
        {"default-reader", "{}", 403},
        {"default-auditor", "{}", 403},
        {"default-approver", "{\"not\":1}", 400},
        {"default-contributor", "{\"note\":\"a\\u0007b\"}", 400},
        {"default-contributor", "{\"release\":\"x\"}", 400},
        {"default-contributor", "{\"release\":\"00000000-0000-0000-0000-000000000000\"}", 404},
        {"other-administrator", "{}", 404},
        {"default-contributor", "{}", 200},
    };
    struct api *api = scene_open();
    AUTO_FREE char *path = issue_path(api, "/resolve");

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct api_request request = {
            "POST", path, cases[i].token, NULL, cases[i].body, strlen(cases[i].body), 0};
        AUTO_ANSWER answer = api_send(api, &request);

        cr_expect_eq(answer.status, cases[i].status, "%s %s: %s", cases[i].token, cases[i].body,
                     buf_text(&answer.body));
    }
    api_close(api);
}

/* --- files -------------------------------------------------------------------------------------
 */

Test(attachment, is_read_by_who_may_and_that_is_audited)
{
    static const struct {
        const char *token;
        const char *file;
        int status;
    } cases[] = {
        {"default-reader", FILE_1, 403},      {"other-administrator", FILE_1, 404},
        {"default-contributor", DEVICE, 404}, {"default-contributor", "x", 400},
        {"default-contributor", FILE_1, 200},
    };
    struct api *api = scene_open();
    uint8_t hash[HASH_BYTES];
    char temp[ARTIFACT_PATH_ROOM];
    struct err err;
    FILE *file;

    artifact_store_temp(api->worker.attachments, temp);
    file = fopen(temp, "w");
    cr_assert(file && fputs("3", file) >= 0 && fclose(file) == 0);
    hash_sha256("3", 1, hash);
    cr_assert(artifact_store_adopt(api->worker.attachments, temp, hash, &err), "%s", err.text);
    fixture_sql(&api->fixture, "INSERT INTO event_attachment (device_id, sha256, tenant_id, kind,"
                               "   length, stored_at) VALUES (1, sha256('3'), 1, 'log', 1, now())");
    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO_FREE char *path = mem_printf("/api/v1/attachments/" DEVICE "/%s", cases[i].file);
        struct api_request request = {"GET", path, cases[i].token, NULL, NULL, 0, 0};
        AUTO_ANSWER answer = api_send(api, &request);

        cr_expect_eq(answer.status, cases[i].status, "%s %s", cases[i].token, cases[i].file);
        if (answer.status == 200)
            cr_expect_str_eq(buf_text(&answer.body), "3");
    }
    {
        AUTO_ANSWER audit = api_ask(api, "GET", "/api/v1/audit?limit=200", NULL);

        cr_expect(strstr(buf_text(&audit.body), "attachment.read"));
    }
    api_close(api);
}

static struct api_answer put_symbols(struct api *api, const struct buf *file, const char *token)
{
    uint8_t hash[HASH_BYTES];
    char hex[HASH_HEX_ROOM];
    AUTO_FREE char *path = NULL;

    hash_sha256(file->data, file->len, hash);
    text_from_hex_bytes(hash, HASH_BYTES, hex);
    path = mem_printf("/api/v1/symbols/%s", hex);
    return api_send(
        api, &(const struct api_request){"PUT", path, token, NULL, file->data, file->len, 0});
}

/* The smallest file with a build id, see tests/server/reports/test_build_id.c. */
static void make_elf(struct buf *out, uint8_t id)
{
    static const uint8_t head[] = {0x7f, 'E', 'L', 'F', 2, 1, 1};
    uint8_t bytes[128 + 32] = {0};

    memcpy(bytes, head, sizeof(head));
    bytes[40] = 64;
    bytes[58] = 64;
    bytes[60] = 1;
    bytes[68] = 7;
    bytes[88] = 128;
    bytes[96] = 32;
    bytes[128] = 4;
    bytes[132] = 16;
    bytes[136] = 3;
    memcpy(bytes + 140, "GNU", 4);
    memset(bytes + 144, id, 16);
    buf_add(out, bytes, sizeof(bytes));
}

Test(symbols, are_stored_by_build_id_and_make_issues_due)
{
    struct api *api = scene_open();
    AUTO_BUF elf;
    AUTO_BUF text;

    buf_init(&elf, 1000);
    buf_init(&text, 1000);
    make_elf(&elf, 0xab);
    buf_add_text(&text, "this is no ELF file at all");
    fixture_sql(&api->fixture, "UPDATE issue SET backtrace = '[{\"build_id\":"
                               "\"abababababababababababababababab\",\"offset\":1}]'"
                               " WHERE category = 'app-crash'");
    {
        AUTO_ANSWER reader = put_symbols(api, &elf, "default-reader");
        AUTO_ANSWER refused = put_symbols(api, &text, API_ADMIN);
        AUTO_ANSWER made = put_symbols(api, &elf, API_ADMIN);
        AUTO_ANSWER again = put_symbols(api, &elf, API_ADMIN);
        AUTO_ANSWER list = api_ask(api, "GET", "/api/v1/symbols", NULL);

        cr_expect_eq(reader.status, 403);
        cr_expect_eq(refused.status, 400, "%s", buf_text(&refused.body));
        cr_expect(strstr(buf_text(&refused.body), "ELF"));
        cr_assert_eq(made.status, 201, "%s", buf_text(&made.body));
        cr_expect_str_eq(api_text(&made, "build_id"), "abababababababababababababababab");
        cr_expect_eq(again.status, 201);
        cr_expect_eq(items(&list), 1);
    }
    {
        AUTO_ANSWER audit = api_ask(api, "GET", "/api/v1/audit?limit=200", NULL);

        cr_expect(strstr(buf_text(&audit.body), "symbols.write"));
    }
    {
        struct answer answer = {.fixture = &api->fixture};
        static const struct db_stmt due = {.name = "test_due",
                                           .scope = DB_EVERY_TENANT,
                                           .sql = "SELECT count(*) FROM issue"
                                                  " WHERE is_symbols_due"};

        answer_wait(&answer, db_call_new(api->fixture.db, &due, answer_done, &answer));
        cr_expect_str_eq(answer.text, "1");
    }
    api_close(api);
}
