/* Two lists side by side, numbered alike: the files of the folder and the rows of the table. */
#include "server/db/migrate.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/crypto/hash.h"
#include "lib/os/file.h"
#include "server/db/sync.h"
#include "server/limits.h"

/* Any number will do, as long as all slipwayd agree on it. */
#define MIGRATE_LOCK "7205759403792793"

struct migration {
    char *name; /* "0001_first", owned; NULL: the file is missing */
    uint8_t *sql;
    size_t sql_len;
    uint8_t sha256[HASH_BYTES];
};

struct migrations {
    const char *dir;
    size_t count;
    struct migration list[MIGRATIONS_MAX];
};

#define AUTO_MIGRATIONS CLEANUP(migrations_done) struct migrations

static void migrations_done(struct migrations *migrations)
{
    for (size_t i = 0; i < COUNT(migrations->list); i++) {
        mem_free(migrations->list[i].name);
        mem_free(migrations->list[i].sql);
    }
}

/* --- the files ---------------------------------------------------------------------------------
 */

/* "0001_first.sql" -> 1 */
static bool parse_name(const char *name, size_t *number)
{
    static const char what[] = "abcdefghijklmnopqrstuvwxyz0123456789_";
    size_t digits = strspn(name, "0123456789");
    size_t value = 0;

    if (digits != 4 || name[4] != '_')
        return false;
    for (size_t i = 0; i < digits; i++)
        value = value * 10 + (size_t)(name[i] - '0');
    *number = value;
    return value > 0 && text_equal(name + 5 + strspn(name + 5, what), ".sql") && name[5] != '.';
}

static bool read_one(struct migrations *migrations, const char *file, struct err *err)
{
    AUTO_FREE char *path = mem_printf("%s/%s", migrations->dir, file);
    struct migration *migration;
    size_t number = 0;
    AUTO_BUF sql = {0};

    if (!parse_name(file, &number))
        return err_set(err, ERR_INVALID, "migration '%s' is not named NNNN_what.sql", file);
    if (number > MIGRATIONS_MAX)
        return err_set(err, ERR_LIMIT, "migration '%s' is above %d", file, MIGRATIONS_MAX);
    migration = &migrations->list[number - 1];
    if (migration->name)
        return err_set(err, ERR_INVALID, "two migrations have the number of '%s'", file);
    buf_init(&sql, MIGRATION_BYTES_MAX);
    if (!file_read(path, &sql, err))
        return false;
    hash_sha256(sql.data, sql.len, migration->sha256);
    migration->name = mem_strndup(file, strlen(file) - strlen(".sql"));
    migration->sql_len = sql.len;
    migration->sql = buf_take(&sql);
    if (number > migrations->count)
        migrations->count = number;
    return true;
}

static bool read_all(struct migrations *migrations, DIR *dir, struct err *err)
{
    const struct dirent *entry;

    while ((entry = readdir(dir)) != NULL) {
        if (text_ends_with(entry->d_name, ".sql") && !read_one(migrations, entry->d_name, err))
            return false;
    }
    if (migrations->count == 0)
        return err_set(err, ERR_NOT_FOUND, "folder '%s' holds no migrations", migrations->dir);
    for (size_t i = 0; i < migrations->count; i++) {
        if (!migrations->list[i].name)
            return err_set(err, ERR_INVALID, "migration %04zu is missing in '%s'", i + 1,
                           migrations->dir);
    }
    return true;
}

static bool read_folder(struct migrations *migrations, struct err *err)
{
    DIR *dir = opendir(migrations->dir);
    bool read;

    if (!dir)
        return err_system(err, "could not open the folder of migrations '%s'", migrations->dir);
    read = read_all(migrations, dir, err);
    (void)closedir(dir);
    return read;
}

/* Upwards from the program: /usr/local/bin finds /usr/local/share/slipway/migrations, and
 * build/release of a checkout finds its migrations. */
bool migrate_find_dir(char *out, size_t room, struct err *err)
{
    static const char *const places[] = {"share/slipway/migrations", "migrations"};
    char path[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 1);
    char *slash;

    if (len < 0)
        return err_system(err, "could not find this program's own path");
    path[len] = '\0';
    while ((slash = strrchr(path, '/')) != NULL) {
        *slash = '\0';
        for (size_t i = 0; i < COUNT(places); i++) {
            AUTO_FREE char *first = mem_printf("%s/%s/0001_first.sql", path, places[i]);

            if (file_exists(first))
                return snprintf(out, room, "%s/%s", path, places[i]) < (int)room ||
                       err_set(err, ERR_LIMIT, "the path '%s' is too long", path);
        }
    }
    return err_set(err, ERR_NOT_FOUND,
                   "no folder of migrations was found near this program: name it with "
                   "--migrations");
}

/* --- the table ----------------------------------------------------------------------------------
 */

static const char make_table_sql[] = "CREATE TABLE IF NOT EXISTS schema_migration ("
                                     " number integer PRIMARY KEY,"
                                     " name text NOT NULL,"
                                     " sha256 bytea NOT NULL CHECK (octet_length(sha256) = 32),"
                                     " applied_at timestamptz NOT NULL DEFAULT now())";
static const char has_table_sql[] = "SELECT to_regclass('schema_migration') IS NOT NULL";
static const char list_sql[] = "SELECT number, name, sha256 FROM schema_migration ORDER BY number";
static const char remember_sql[] =
    "INSERT INTO schema_migration (number, name, sha256) VALUES ($1, $2, decode($3, 'hex'))";

static bool check_row(const struct migrations *migrations, const struct db_result *rows, size_t row,
                      struct err *err)
{
    const char *name = db_text(rows, row, 1);
    const struct migration *migration;
    uint8_t sha256[HASH_BYTES];

    if (row >= migrations->count)
        return err_set(err, ERR_CONFLICT,
                       "the database is newer than this program: it has migration '%s', this "
                       "program knows %zu; start the newer slipwayd",
                       name, migrations->count);
    if (db_i64(rows, row, 0) != (int64_t)row + 1)
        return err_set(err, ERR_CONFLICT, "the database lacks migration %04zu but has '%s'",
                       row + 1, name);
    migration = &migrations->list[row];
    if (!db_bytes(rows, row, 2, sha256, sizeof(sha256)) ||
        memcmp(sha256, migration->sha256, sizeof(sha256)) != 0)
        return err_set(err, ERR_CONFLICT,
                       "migration '%s' was edited after it was applied as '%s': restore the file",
                       migration->name, name);
    return true;
}

/* How many are applied, after all of them were compared with the files. */
static bool compare(struct db_sync *sync, const struct migrations *migrations, size_t *applied,
                    struct err *err)
{
    const struct db_result *result;

    if (!db_sync_query(sync, has_table_sql, NULL, 0, &result, err))
        return false;
    *applied = 0;
    if (!db_bool(result, 0, 0))
        return true;
    if (!db_sync_query(sync, list_sql, NULL, 0, &result, err))
        return false;
    for (size_t row = 0; row < db_rows(result); row++) {
        if (!check_row(migrations, result, row, err))
            return false;
    }
    *applied = db_rows(result);
    return true;
}

static bool apply_one(struct db_sync *sync, const struct migration *migration, size_t number,
                      struct err *err)
{
    AUTO_FREE char *number_text = mem_printf("%zu", number);
    char sha256[HASH_HEX_ROOM];
    const char *values[] = {number_text, migration->name, sha256};
    const struct db_result *result;
    struct err ignored;

    text_from_hex_bytes(migration->sha256, HASH_BYTES, sha256);
    if (db_sync_run(sync, "BEGIN", err) && db_sync_run(sync, (const char *)migration->sql, err) &&
        db_sync_query(sync, remember_sql, values, COUNT(values), &result, err) &&
        db_sync_run(sync, "COMMIT", err))
        return true;
    (void)!db_sync_run(sync, "ROLLBACK", &ignored); /* the first error is the one to tell */
    return err_wrap(err, "migration '%s'", migration->name);
}

bool migrate_apply(const char *conninfo, const char *dir, unsigned *applied, struct err *err)
{
    AUTO_MIGRATIONS migrations = {.dir = dir};
    AUTO_DB_SYNC *sync = NULL;
    size_t known = 0;

    if (!read_folder(&migrations, err) || !db_sync_open(conninfo, &sync, err))
        return false;
    /* The lock goes with the session. */
    if (!db_sync_run(sync, "SELECT pg_advisory_lock(" MIGRATE_LOCK ")", err) ||
        !db_sync_run(sync, make_table_sql, err) || !compare(sync, &migrations, &known, err))
        return false;
    for (size_t i = known; i < migrations.count; i++) {
        if (!apply_one(sync, &migrations.list[i], i + 1, err))
            return false;
    }
    *applied = (unsigned)(migrations.count - known);
    return true;
}

bool migrate_check(const char *conninfo, const char *dir, struct err *err)
{
    AUTO_MIGRATIONS migrations = {.dir = dir};
    AUTO_DB_SYNC *sync = NULL;
    size_t known = 0;

    if (!read_folder(&migrations, err) || !db_sync_open(conninfo, &sync, err) ||
        !compare(sync, &migrations, &known, err))
        return false;
    if (known < migrations.count)
        return err_set(err, ERR_CONFLICT,
                       "the database lacks migration '%s': run 'slipwayd migrate'",
                       migrations.list[known].name);
    return true;
}
