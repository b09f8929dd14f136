/* SQLSTATE to our codes. The first row that is a prefix decides, so exceptions to a class stand
 * above it. What no row names is a mistake in our SQL: ERR_SYSTEM. */
#include "server/db/error.h"

#include <string.h>

#include "lib/base/text.h"

struct row {
    const char *prefix;
    enum err_code code;
};

/* clang-format off */
static const struct row rows[] = {
    {"23502", ERR_SYSTEM},      /* not_null_violation: we forgot a value */
    {"23",    ERR_CONFLICT},    /* unique, foreign key, check, exclusion */
    {"22",    ERR_INVALID},     /* data exceptions: not a uuid, out of range, bad text */
    {"P0001", ERR_INVALID},     /* RAISE EXCEPTION */
    {"P0002", ERR_NOT_FOUND},   /* no_data_found */
    {"SL400", ERR_INVALID},     /* our own, raised by statements that decide */
    {"SL403", ERR_DENIED},
    {"SL404", ERR_NOT_FOUND},
    {"SL409", ERR_CONFLICT},
    {"SL412", ERR_STALE},
    {"SLRBA", ERR_DENIED},
    {"SLEYE", ERR_CONFLICT},
    {"08",    ERR_UNAVAILABLE}, /* connection exceptions */
    {"40",    ERR_UNAVAILABLE}, /* serialization failure, deadlock: run it again */
    {"53",    ERR_UNAVAILABLE}, /* too many connections, out of disk or memory */
    {"55P03", ERR_UNAVAILABLE}, /* lock_not_available */
    {"57",    ERR_UNAVAILABLE}, /* shutdown, cannot_connect_now, statement timeout */
    {"25006", ERR_UNAVAILABLE}, /* read only: a standby that is not promoted yet */
};
/* clang-format on */

static enum err_code classify(const char *sqlstate)
{
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (text_starts_with(sqlstate, rows[i].prefix))
            return rows[i].code;
    }
    return ERR_SYSTEM;
}

/* Those of our own that have a code for the API's clients. */
static enum refusal refusal_of(const char *sqlstate)
{
    static const struct {
        const char *sqlstate;
        enum refusal refusal;
    } refusals[] = {
        {"SLRBA", REFUSAL_RBAC},      /* the audit's function: not this operator */
        {"SLEYE", REFUSAL_FOUR_EYES}, /* the author's own approval */
    };

    for (size_t i = 0; i < COUNT(refusals); i++) {
        if (text_equal(refusals[i].sqlstate, sqlstate))
            return refusals[i].refusal;
    }
    return REFUSAL_NONE;
}

void db_error_set(struct err *err, const char *sqlstate, const char *message)
{
    enum err_code code = classify(sqlstate ? sqlstate : "");

    if (!message || message[0] == '\0')
        message = "no message";
    if (!sqlstate || sqlstate[0] == '\0')
        (void)err_set(err, ERR_UNAVAILABLE, "database: %s", message);
    else if (code == ERR_SYSTEM || code == ERR_UNAVAILABLE)
        (void)err_set(err, code, "database (%s): %s", sqlstate, message);
    else
        (void)err_set(err, code, "%s", message);
    err->refusal = refusal_of(sqlstate ? sqlstate : "");

    /* One line, and single quotes as everywhere: libpq's own messages end with a newline. */
    for (char *c = err->text; *c; c++) {
        if (*c == '"')
            *c = '\'';
        else if ((unsigned char)*c < ' ')
            *c = c[1] ? ' ' : '\0';
    }
}
