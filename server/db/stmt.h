#pragma once
/*
 * The statements a pool has met: a small number for each, so that a connection remembers in one
 * bit whether it has prepared it, and a counter.
 */
#include "server/db/db.h"

struct stmt_set;

struct stmt_set *stmt_set_new(void);
void stmt_set_free(struct stmt_set *set);
/* The statement's number, below DB_STATEMENTS_MAX; a new one gets the next. */
unsigned stmt_number(struct stmt_set *set, const struct db_stmt *stmt);
void stmt_count(struct stmt_set *set, unsigned number);
/* A transaction ended. */
void stmt_count_end(struct stmt_set *set, bool failed);
uint64_t stmt_sent_total(const struct stmt_set *set);
uint64_t stmt_failed_total(const struct stmt_set *set);
void stmt_each(const struct stmt_set *set, db_count_fn *fn, void *arg);
