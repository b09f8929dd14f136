#pragma once
/*
 * Which server a command talks to, and as whom. In this order: --url with --token-file; the
 * environment (SLIPWAY_URL, SLIPWAY_TOKEN); the login that `slipway login` keeps in
 * ~/.config/slipway/login.json (0600); a server started with --dev, by its dev.json in
 * SLIPWAY_DEV_DIR or ./var.
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
