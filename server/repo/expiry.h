#pragma once
/*
 * Watches the expiry of everything that people have to sign again: a log line a day for each role
 * within 90, 30 or 7 days of its end (or past it), and figures for the metrics. A row of the table
 * of jobs.
 */
#include "server/repo/repo.h"
#include "server/repo/status.h"

struct repo_watch;

struct repo_watch *repo_watch_new(struct repo *repo);
void repo_watch_free(struct repo_watch *watch);
/* Looks at every tenant's roles; `counts`: how many are at each level. Quick. */
void repo_watch_run(struct repo_watch *watch, int64_t now_ms, uint64_t counts[EXPIRY_COUNT]);
