#pragma once
/* `slipway keys rotate` and `sign request rotate`: rows of cli/keys.c and cli/sign.c. */
#include "cli/trust/ceremony.h"

extern const struct option keys_rotate_options[];
int keys_run_rotate(int argc, char **argv, struct cli *cli);
/* The same for the role root; without a change of keys it is only renewed. */
extern const struct option keys_rotate_root_options[];
int keys_run_rotate_root(int argc, char **argv, struct cli *cli);
