#pragma once
/* What is behind the struct db_result of db.h: libpq's result. Only for this folder. */
#include <libpq-fe.h>

#include "server/db/db.h"

struct db_result {
    PGresult *pg; /* owned */
};
