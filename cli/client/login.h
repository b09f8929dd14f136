#pragma once
/*
 * Which server a command talks to, and as whom. In this order: --url; the environment
 * (SLIPWAY_URL); a server started with --dev in SLIPWAY_DEV_DIR, when that is set; the login that
 * `slipway login` keeps in ~/.config/slipway/login.json (0600); a --dev server in ./var.
 * The token is that of --token-file, of SLIPWAY_TOKEN, or the one kept for the same URL.
 */
#include "lib/base/err.h"

/* Owned texts; `token` may be NULL when only a URL was given. */
struct login {
    char *url;
    char *token;
};

#define AUTO_LOGIN CLEANUP(login_done) struct login

MUST_USE bool login_find(const char *url_option, const char *token_file_option, struct login *out,
                         struct err *err);
/* Keeps the login for later commands, readable by its owner only. */
MUST_USE bool login_save(const struct login *login, struct err *err);
void login_done(struct login *login);
