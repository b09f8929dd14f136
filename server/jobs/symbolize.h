#pragma once
/*
 * Names for the frames of issues: for each issue that is due, one run of slipway-symbolize over the
 * debug files that were uploaded for its build ids. Whatever these files do to it, its time and
 * memory are bounded and its words are checked.
 */
#include <stdint.h>

struct artifact_store;
struct db;
struct loop;
struct symbolizer;

enum { SYMBOLIZE_RUN_MS = 5000 };

struct symbolize_place {
    struct db *db;
    struct loop *loop;
    const struct artifact_store *symbols;
    const char *program; /* slipway-symbolize; "": the one beside this program */
};

struct symbolizer *symbolizer_new(const struct symbolize_place *place);
/* Kills the child. After the database was closed. */
void symbolizer_free(struct symbolizer *symbolizer);
/* Looks for issues that are due, and goes on until there are none. */
void symbolizer_run(struct symbolizer *symbolizer);
