#pragma once
/*
 * What `slipway init` remembers beside the keys, so that later commands need not be told again:
 * slipway.json in the folder of keys. None of it is secret and none of it is trusted; the roots
 * beside it (root.json, director-root.json) are what is trusted.
 */
#include "lib/base/err.h"
#include "lib/json/json.h"

struct project {
    char *dir;    /* where it was found; NULL: nowhere */
    char *tenant; /* the rest is NULL or empty when it is not said */
    char *profile;
    char *product;
    char *component;
    json_t *hwids; /* list of texts */
};

#define AUTO_PROJECT CLEANUP(project_done) struct project
void project_done(struct project *project);
/* A folder without the file is fine: all is empty then. */
MUST_USE bool project_read(const char *dir, struct project *out, struct err *err);
MUST_USE bool project_write(const struct project *project, struct err *err);
