#pragma once
/*
 * Errors: a code for the program, one sentence for the operator, and, for refusals of update
 * trust, the machine-readable reason. The caller owns the struct; nothing is allocated.
 *
 * Every function that sets an error returns false, so failing is one line:
 *     return err_set(err, ERR_INVALID, "port '%s' is not a number", text);
 * Messages start lower case, have no full stop and put outside values in single quotes.
 */
#include "lib/base/base.h"
#include "lib/base/refusal.h"

/* What the caller can do next; see err_code_name() for the words. */
enum err_code {
    ERR_NONE,
    ERR_INVALID,     /* the input is wrong: do not retry, fix it */
    ERR_NOT_FOUND,   /* there is no such thing */
    ERR_CONFLICT,    /* the thing is in another state than the request supposes */
    ERR_DENIED,      /* not allowed */
    ERR_LIMIT,       /* a named limit was reached */
    ERR_UNTRUSTED,   /* signature, hash, version or expiry says no; see `refusal` */
    ERR_UNAVAILABLE, /* try again later */
    ERR_SYSTEM,      /* the machine failed us: disk, memory, process */
    ERR_STALE,       /* it was changed since the caller read it: read it again */
    ERR_CODE_COUNT,
};

struct err {
    enum err_code code;
    enum refusal refusal;
    char text[240];
};

bool err_set(struct err *err, enum err_code code, const char *fmt, ...) PRINTF(3, 4);
/* Adds ": " and errno's words. */
bool err_system(struct err *err, const char *fmt, ...) PRINTF(2, 3);
/* A refusal of update trust: the code is ERR_UNTRUSTED. */
bool err_refuse(struct err *err, enum refusal refusal, const char *fmt, ...) PRINTF(3, 4);
/* Puts context and ": " in front of the text; code and refusal stay. */
bool err_wrap(struct err *err, const char *fmt, ...) PRINTF(2, 3);

/* "invalid", "not-found", ... */
const char *err_code_name(enum err_code code);
