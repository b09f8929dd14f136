#pragma once
/*
 * PostgreSQL for tests: one private cluster per run of the tests, a fresh database per test.
 *
 * The cluster's folder is in SLIPWAY_TEST_PG (tests/run sets it and stops the cluster at the
 * end). Without it a test binary makes one of its own, and a watching child removes it when the
 * binary ends, however it ends. The cluster starts when the first test asks for a database.
 * All of this ends the test when it fails.
 */

/* Connection string of a new database with all migrations applied. The caller frees it with
 * mem_free(); databases of tests that ended are dropped by later callers. */
char *pg_test_database(void);
/* ... of a new database without any table. */
char *pg_test_empty_database(void);
/* The folder of this checkout's migrations; the caller frees it with mem_free(). */
char *pg_test_migrations(void);
