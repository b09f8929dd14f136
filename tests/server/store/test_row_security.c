/* The second wall: what the database itself keeps apart, whatever a statement says. Every table is
 * looked up in the catalogue, so a new one that forgot its policy is found here. */
#include <criterion/criterion.h>

#include "lib/base/mem.h"
#include "server/db/sync.h"
#include "tests/support/db_fixture.h"
#include "tests/support/pg.h"

static struct db_sync *open_database(char **conninfo)
{
    struct db_sync *sync;
    struct err err;

    *conninfo = pg_test_database();
    cr_assert(db_sync_open(*conninfo, &sync, &err), "%s", err.text);
    return sync;
}

static void run(struct db_sync *sync, const char *sql)
{
    struct err err;

    cr_assert(db_sync_run(sync, sql, &err), "%s: %s", sql, err.text);
}

static const char *ask(struct db_sync *sync, const char *sql)
{
    const struct db_result *result;
    struct err err;

    cr_assert(db_sync_query(sync, sql, NULL, 0, &result, &err), "%s: %s", sql, err.text);
    cr_assert_eq(db_rows(result), 1, "%s", sql);
    return db_text(result, 0, 0);
}

/* A row of tenants 1 and 2 in every table: constraints only stand in the way of that. */
static void fill(struct db_sync *sync)
{
    run(sync, "INSERT INTO tenant (name) VALUES ('one'), ('two')");
    run(sync,
        "CREATE TABLE scoped AS SELECT c.oid::regclass AS name, c.relname::text AS word"
        "  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'"
        " WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition"
        "   AND c.relnamespace = 'public'::regnamespace");
    run(sync,
        "DO $$ DECLARE t record; k record; BEGIN"
        "  FOR k IN SELECT c.conrelid::regclass AS name, c.conname FROM pg_constraint c"
        "            WHERE c.conrelid IN (SELECT name FROM scoped)"
        "            ORDER BY c.contype <> 'f' LOOP"
        "    EXECUTE format('ALTER TABLE %s DROP CONSTRAINT IF EXISTS %I CASCADE',"
        "                   k.name, k.conname);"
        "  END LOOP;"
        "  FOR k IN SELECT a.attrelid::regclass AS name, a.attname FROM pg_attribute a"
        "            WHERE a.attrelid IN (SELECT name FROM scoped) AND a.attnum > 0"
        "              AND a.attnotnull AND a.attidentity = '' LOOP"
        "    EXECUTE format('ALTER TABLE %s ALTER COLUMN %I DROP NOT NULL', k.name, k.attname);"
        "  END LOOP;"
        "  FOR t IN SELECT name FROM scoped LOOP"
        "    EXECUTE format('INSERT INTO %s (tenant_id) VALUES (1), (2)', t.name);"
        "  END LOOP; END $$");
    run(sync, "GRANT SELECT ON scoped TO slipway_runtime");
}

/* How many tables have rows that `rows` selects, and how many there are: "3 of 20". */
#define TABLES_WITH(rows)                                                                          \
    "SELECT count(*) FILTER (WHERE (xpath('/row/n/text()', query_to_xml(format("                   \
    "  'SELECT count(*) AS n FROM %s WHERE " rows                                                  \
    "', name), true, true, '')))[1]::text::bigint > 0)"                                            \
    "  || ' of ' || count(*) FROM scoped"

Test(row_security, hides_other_tenants_rows_in_every_table)
{
    static const struct {
        const char *what;
        const char *scope;
        const char *mine;   /* all or none? */
        const char *theirs; /* ditto */
    } cases[] = {
        {"tenant 1", "1", "all", "none"},
        {"tenant 2", "2", "none", "all"},
        {"a tenant that is not there", "3", "none", "none"},
        {"no tenant", "", "none", "none"},
        {"the server's own work", "*", "all", "all"},
    };
    AUTO_FREE char *conninfo = NULL;
    AUTO_DB_SYNC *sync = open_database(&conninfo);
    AUTO_FREE char *all = NULL;
    AUTO_FREE char *none = NULL;

    fill(sync);
    all = mem_strdup(ask(sync, "SELECT count(*) || ' of ' || count(*) FROM scoped"));
    none = mem_strdup(ask(sync, "SELECT '0 of ' || count(*) FROM scoped"));
    cr_assert_str_neq(all, none);
    run(sync, "SET ROLE slipway_runtime");
    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO_FREE char *set = mem_printf("SET slipway.tenant = '%s'", cases[i].scope);

        run(sync, set);
        cr_expect_str_eq(ask(sync, TABLES_WITH("tenant_id = 1")),
                         cases[i].mine[0] == 'a' ? all : none, "%s, tenant 1's", cases[i].what);
        cr_expect_str_eq(ask(sync, TABLES_WITH("tenant_id = 2")),
                         cases[i].theirs[0] == 'a' ? all : none, "%s, tenant 2's", cases[i].what);
    }
}

Test(row_security, lets_nobody_write_or_move_a_row_into_another_tenant)
{
    AUTO_FREE char *conninfo = NULL;
    AUTO_DB_SYNC *sync = open_database(&conninfo);

    fill(sync);
    run(sync, "SET ROLE slipway_runtime");
    run(sync, "SET slipway.tenant = '1'");
    run(sync, "DO $$ DECLARE t record; BEGIN"
              "  FOR t IN SELECT name FROM scoped WHERE word NOT LIKE 'audit%' LOOP"
              "    BEGIN"
              "      EXECUTE format('INSERT INTO %s (tenant_id) VALUES (2)', t.name);"
              "      RAISE 'a row was written into %', t.name;"
              "    EXCEPTION WHEN insufficient_privilege THEN NULL; END;"
              "    BEGIN"
              "      EXECUTE format('UPDATE %s SET tenant_id = 2', t.name);"
              "      RAISE 'a row of % was moved', t.name;"
              "    EXCEPTION WHEN insufficient_privilege THEN NULL; END;"
              "  END LOOP; END $$");
    run(sync, "RESET ROLE");
    cr_expect_str_eq(ask(sync, "SELECT count(*) FROM release WHERE tenant_id = 2"), "1");
}

Test(row_security, shows_a_tenant_itself_and_those_it_made)
{
    AUTO_FREE char *conninfo = NULL;
    AUTO_DB_SYNC *sync = open_database(&conninfo);

    run(sync, "INSERT INTO tenant (name) VALUES ('one'), ('two')");
    run(sync, "INSERT INTO tenant (name, parent_id) VALUES ('child', 1)");
    run(sync, "SET ROLE slipway_runtime");
    run(sync, "SET slipway.tenant = '1'");
    cr_expect_str_eq(ask(sync, "SELECT string_agg(name, ' ' ORDER BY id) FROM tenant"),
                     "one child");
    run(sync, "SET slipway.tenant = '3'");
    cr_expect_str_eq(ask(sync, "SELECT string_agg(name, ' ' ORDER BY id) FROM tenant"), "child");
}

Test(row_security, has_a_runtime_role_that_owns_nothing_and_passes_no_wall)
{
    static const struct {
        const char *what;
        const char *sql;
        const char *answer;
    } cases[] = {
        {"owned by it",
         "SELECT count(*) FROM pg_shdepend WHERE deptype = 'o'"
         " AND refobjid = (SELECT oid FROM pg_roles WHERE rolname = 'slipway_runtime')",
         "0"},
        {"above the walls",
         "SELECT rolsuper OR rolbypassrls OR rolcreaterole OR rolcanlogin FROM pg_roles"
         " WHERE rolname = 'slipway_runtime'",
         "f"},
        {"tables of tenants without row security",
         "SELECT count(*) FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
         "   AND a.attname = 'tenant_id'"
         " WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace"
         "   AND NOT c.relrowsecurity",
         "0"},
        {"tables it may truncate or trigger",
         "SELECT count(*) FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace"
         "   AND c.relkind IN ('r', 'p')"
         "   AND has_table_privilege('slipway_runtime', c.oid, 'TRUNCATE, TRIGGER, REFERENCES')",
         "0"},
        {"a way to make tables",
         "SELECT has_schema_privilege('slipway_runtime', 'public', 'CREATE')", "f"},
        {"a way to write the audit by hand",
         "SELECT has_table_privilege('slipway_runtime', 'audit', 'INSERT, UPDATE, DELETE')"
         " OR has_table_privilege('slipway_runtime', 'audit_head', 'INSERT, UPDATE, DELETE')"
         " OR has_function_privilege('slipway_runtime', 'slipway_audit_append(audit)', 'EXECUTE')",
         "f"},
    };
    AUTO_FREE char *conninfo = NULL;
    AUTO_DB_SYNC *sync = open_database(&conninfo);

    for (size_t i = 0; i < COUNT(cases); i++)
        cr_expect_str_eq(ask(sync, cases[i].sql), cases[i].answer, "%s", cases[i].what);
}

/* The same through the pool, as the server's statements run: none of these has a WHERE. */
Test(row_security, holds_every_statement_to_the_scope_that_it_says)
{
#define WHO "SELECT current_user || ' ' || coalesce(string_agg(tenant_id::text, ' '), '-')"
    static const struct db_stmt of_one = {
        .name = "of_one",
        .params = 1,
        .scope = DB_TENANT,
        .tenant_param = 1,
        .sql = WHO " FROM change_log WHERE $1::bigint > 0",
    };
    static const struct db_stmt of_all = {
        .name = "of_all", .scope = DB_EVERY_TENANT, .sql = WHO " FROM change_log"};
    static const struct db_stmt of_none = {
        .name = "of_none", .scope = DB_NO_TENANT, .sql = WHO " FROM change_log"};
    AUTO_FREE char *conninfo = pg_test_database();
    struct fixture fixture;
    struct answer answer = {.fixture = &fixture};
    struct db_call *call;

    fixture_open_at(&fixture, conninfo, 1);
    fixture_sql(&fixture, "INSERT INTO tenant (name) VALUES ('one'), ('two')");
    fixture_sql(&fixture, "INSERT INTO change_log (tenant_id, what) VALUES (1, 'a'), (2, 'b')");
    call = db_call_new(fixture.db, &of_one, answer_done, &answer);
    db_bind_i64(call, 2);
    answer_wait(&answer, call);
    cr_expect_str_eq(answer.text, "slipway_runtime 2");
    answer_wait(&answer, db_call_new(fixture.db, &of_all, answer_done, &answer));
    cr_expect_str_eq(answer.text, "slipway_runtime 1 2");
    answer_wait(&answer, db_call_new(fixture.db, &of_none, answer_done, &answer));
    cr_expect_str_eq(answer.text, "slipway_runtime -");
    fixture_close(&fixture);
}
