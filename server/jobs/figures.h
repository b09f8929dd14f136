#pragma once
/*
 * Figures for people and collectors, gathered beside the work: a portrait of the fleet out of
 * memory, the history of deployments' counters, and the texts of /metrics that come from the
 * database. Every process gathers; what is written is the same.
 */
#include <stdint.h>

struct figures;
struct worker;

enum { FIGURES_RUN_MS = 5000 };

struct figures *figures_new(const struct worker *worker);
/* After the database was closed. */
void figures_free(struct figures *figures);
/* Every FIGURES_RUN_MS; what still runs is let run. */
void figures_run(struct figures *figures);
