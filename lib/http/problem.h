#pragma once
/*
 * Problem answers (RFC 9457): what an error is on the wire. The table is the API's list of error
 * types; a type is stable, its detail is for people.
 */
#include "lib/base/buf.h"
#include "lib/base/err.h"

struct problem {
    int status;
    const char *type; /* "urn:slipway:problem:not-found" */
    const char *title;
};

enum { PROBLEM_TEXT_MAX = 4096 };

/* What an err_code is; not for ERR_NONE. */
const struct problem *problem_of_code(enum err_code code);
/* The type of a status the front itself answers with (400, 401, 404, 405, 413, 414, 417, 431, ...);
 * one for unknown statuses. */
const struct problem *problem_of_status(int status);
/* All of them, for docs/API.md. */
const struct problem *problem_all(size_t *count);
/* The JSON text. `refusal` is added as member "code" unless REFUSAL_NONE, `detail` unless NULL;
 * bytes that are no UTF-8 become U+FFFD. */
void problem_format(const struct problem *problem, const char *detail, enum refusal refusal,
                    struct buf *out);
/* "Not Found"; "Unknown" for what we never send. */
const char *http_status_text(int status);
