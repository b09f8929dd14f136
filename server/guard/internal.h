#pragma once
/* What the files of this folder share. */
#include "server/guard/guard.h"
#include "server/worker.h"

/* once.c: a POST with this key. Answers, or goes on with the handler, now or later. */
void once_begin(struct http_request *req, const char *key, struct worker *worker);
