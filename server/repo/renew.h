#pragma once
/* Keeps every tenant's timestamp young: a row of the table of jobs. */
#include "server/repo/publish.h"

struct repo_renewer;

struct repo_renewer *repo_renewer_new(const struct repo_place *place);
/* After the database was closed. */
void repo_renewer_free(struct repo_renewer *renewer);
/* Renews what is due, one tenant after the other; nothing when that is still going on. */
void repo_renewer_run(struct repo_renewer *renewer, int64_t now_ms);
