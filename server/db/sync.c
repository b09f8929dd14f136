/* libpq's blocking calls, with our errors. */
#include "server/db/sync.h"

#include "lib/base/mem.h"
#include "server/db/error.h"
#include "server/db/result.h"

struct db_sync {
    PGconn *pg;
    struct db_result result; /* of the last query */
};

static void on_notice(void *arg, const PGresult *result)
{
    (void)arg; /* "relation exists, skipping" tells nobody anything */
    (void)result;
}

bool db_sync_open(const char *conninfo, struct db_sync **out, struct err *err)
{
    static const char *const keys[] = {"connect_timeout", "dbname", "client_encoding", "options",
                                       NULL};
    static const char settings[] = "-c timezone=UTC -c datestyle=ISO -c bytea_output=hex"
                                   " -c slipway.tenant=*";
    const char *values[] = {"10", conninfo, "UTF8", settings, NULL};
    PGconn *pg = PQconnectdbParams(keys, values, 1);

    if (PQstatus(pg) != CONNECTION_OK) {
        db_error_set(err, NULL, PQerrorMessage(pg));
        PQfinish(pg);
        return false;
    }
    (void)PQsetNoticeReceiver(pg, on_notice, NULL); /* the old one is libpq's printf */
    *out = mem_alloc(sizeof(**out));
    (*out)->pg = pg;
    return true;
}

void db_sync_close(struct db_sync *sync)
{
    if (!sync)
        return;
    PQclear(sync->result.pg);
    PQfinish(sync->pg);
    mem_free(sync);
}

void db_sync_cleanup(struct db_sync **sync)
{
    db_sync_close(*sync);
}

static bool take_result(struct db_sync *sync, PGresult *pg, struct err *err)
{
    ExecStatusType status = PQresultStatus(pg);
    const char *message;

    PQclear(sync->result.pg);
    sync->result.pg = pg;
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY)
        return true;
    message = PQresultErrorField(pg, PG_DIAG_MESSAGE_PRIMARY);
    db_error_set(err, PQresultErrorField(pg, PG_DIAG_SQLSTATE),
                 message ? message : PQerrorMessage(sync->pg));
    return false;
}

bool db_sync_run(struct db_sync *sync, const char *sql, struct err *err)
{
    return take_result(sync, PQexec(sync->pg, sql), err);
}

bool db_sync_query(struct db_sync *sync, const char *sql, const char *const *values, size_t count,
                   const struct db_result **out, struct err *err)
{
    if (!take_result(sync, PQexecParams(sync->pg, sql, (int)count, NULL, values, NULL, NULL, 0),
                     err))
        return false;
    *out = &sync->result;
    return true;
}

char *db_sync_quote_name(const char *name)
{
    AUTO_BUF out;

    buf_init(&out, 1024);
    buf_add_u8(&out, '"');
    for (const char *c = name; *c; c++) {
        if (*c == '"')
            buf_add_u8(&out, '"');
        buf_add(&out, c, 1);
    }
    buf_add_u8(&out, '"');
    ASSERT(!out.failed);
    return (char *)buf_take(&out);
}
