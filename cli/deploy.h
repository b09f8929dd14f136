#pragma once
/* What the files of `slipway deploy` share. */
#include "cli/command.h"
#include "cli/option.h"

/* "90s", "10m", "2h", "1d" to seconds. */
MUST_USE bool deploy_parse_time(const char *text, uint64_t *out_s, struct err *err);

enum { DEPLOY_PAGE_MAX = 65536 };

extern const struct option deploy_watch_options[];
int deploy_run_watch(int argc, char **argv, struct cli *cli);

/*
 * Searches "canary-0", "canary-1", ... for a salt that puts every device of `first` and between
 * `others_min` and `others_max` of the rest among the first `share_milli` (1000 = 1 %). Pure;
 * false after SALT_TRIES_MAX salts.
 */
struct salt_wish {
    const uint8_t (*first)[32];
    size_t first_count;
    const uint8_t (*rest)[32];
    size_t rest_count;
    uint32_t share_milli;
    size_t others_min;
    size_t others_max;
};
enum { SALT_ROOM = 24, SALT_TRIES_MAX = 1000000 };
MUST_USE bool deploy_find_salt(const struct salt_wish *wish, char salt[SALT_ROOM], size_t *others);
extern const struct option deploy_salt_options[];
int deploy_run_salt(int argc, char **argv, struct cli *cli);
