#pragma once
/*
 * Repositories of the time before the signer have the seeds of their online keys in the database.
 * At its start the server gives them to the signer, one after the other, and forgets each in the
 * database when the signer has it durably: devices see the same keys as before.
 *
 * Before the first request is answered: a signer that is asked for a tenant's keys earlier would
 * make new ones, which no root names.
 */
#include "lib/base/base.h"

struct db;
struct loop;
struct repo_import;
struct signer;

/* Begins, and tries again until everything was moved. */
struct repo_import *repo_import_new(struct loop *loop, struct db *db, struct signer *signer);
bool repo_import_ready(const struct repo_import *import);
/* After the database and the signer's connection were closed. */
void repo_import_free(struct repo_import *import);
