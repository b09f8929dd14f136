#pragma once
/* `slipway sign`: what its commands share. */
#include "cli/command.h"
#include "cli/option.h"
#include "lib/tuf/tuf.h"

enum { SIGN_DAY_MS = 24 * 60 * 60 * 1000, SIGN_EXPIRES_DAYS = 365, SIGN_EXPIRES_DAYS_MAX = 3650 };

int sign_run_root(int argc, char **argv, struct cli *cli);
int sign_run_release(int argc, char **argv, struct cli *cli);
int sign_run_bundle(int argc, char **argv, struct cli *cli);
int sign_run_renew(int argc, char **argv, struct cli *cli);
int sign_run_trust(int argc, char **argv, struct cli *cli);
int sign_run_targets(int argc, char **argv, struct cli *cli);
int sign_run_request_release(int argc, char **argv, struct cli *cli);
extern const struct option sign_root_options[];
extern const struct option sign_release_options[];
extern const struct option sign_bundle_options[];
extern const struct option sign_renew_options[];
extern const struct option sign_trust_options[];
extern const struct option sign_targets_options[];
extern const struct option sign_request_release_options[];

/* Reads a metadata file into `out`, which the caller has initialised with the role's maximum. */
MUST_USE bool sign_read(const char *path, struct buf *out, struct err *err);
/* Writes a new file; refuses to replace one, for a signed version never changes. */
MUST_USE bool sign_write(const char *path, const struct buf *document, struct err *err);
