/* The places are asked in order; the first that has a URL wins. A token goes to the server it was
 * kept for and to no other: one that was only named by its URL gets the token of the place that
 * names the same URL. */
#include "cli/client/login.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/crypto/token.h"
#include "lib/json/json.h"
#include "lib/os/file.h"

enum { LOGIN_BYTES_MAX = 65536, TOKEN_BYTES_MAX = 256 };

static char *login_path(void)
{
    const char *config = getenv("XDG_CONFIG_HOME");
    const char *home = getenv("HOME");

    if (config && config[0])
        return mem_printf("%s/slipway/login.json", config);
    return mem_printf("%s/.config/slipway/login.json", home && home[0] ? home : ".");
}

static bool read_token(const char *path, char **out, struct err *err)
{
    AUTO_BUF text;

    buf_init(&text, TOKEN_BYTES_MAX);
    if (!file_read(path, &text, err))
        return err_wrap(err, "token file");
    while (text.len > 0 && text.data[text.len - 1] <= ' ')
        text.len--;
    *out = mem_strndup(buf_text(&text), text.len);
    crypto_wipe(text.data, text.len);
    return true;
}

/* A JSON file with "url" and "token"; one that is missing says nothing. */
static bool from_file(const char *path, struct login *out, struct err *err)
{
    AUTO_JSON *tree = NULL;
    AUTO_BUF text;
    const char *url, *token;

    buf_init(&text, LOGIN_BYTES_MAX);
    if (!file_exists(path))
        return true;
    if (!file_read(path, &text, err) ||
        !json_parse(buf_text(&text), text.len, &json_limits_api, &tree, err) ||
        !json_field_text(tree, "", "url", LOGIN_BYTES_MAX, &url, err) ||
        !json_field_text(tree, "", "token", TOKEN_BYTES_MAX, &token, err))
        return err_wrap(err, "login file '%s'", path);
    *out = (struct login){mem_strdup(url), mem_strdup(token)};
    return true;
}

static void from_environment(struct login *out)
{
    const char *url = getenv("SLIPWAY_URL");

    if (url && url[0])
        out->url = mem_strdup(url);
}

static bool from_dev(struct login *out, struct err *err)
{
    const char *dir = getenv("SLIPWAY_DEV_DIR");
    AUTO_FREE char *path = mem_printf("%s/dev.json", dir && dir[0] ? dir : "var");

    return from_file(path, out, err);
}

/* The token of a place, if that place is about the same server. */
static void take_token(struct login *out, struct login *place)
{
    if (!out->token && place->url && text_equal(place->url, out->url))
        out->token = TAKE(place->token);
    login_done(place);
}

/* For a URL that came alone. */
static bool find_token(const char *path, struct login *out, struct err *err)
{
    const char *token = getenv("SLIPWAY_TOKEN");
    struct login place = {0};

    if (token && token[0]) {
        out->token = mem_strdup(token);
        return true;
    }
    if (!from_file(path, &place, err))
        return false;
    take_token(out, &place);
    if (!from_dev(&place, err))
        return false;
    take_token(out, &place);
    return true;
}

bool login_find(const char *url_option, const char *token_file_option, struct login *out,
                struct err *err)
{
    const char *dev = getenv("SLIPWAY_DEV_DIR");
    AUTO_FREE char *path = login_path();
    struct login found = {0};
    bool good = true;

    if (url_option)
        found.url = mem_strdup(url_option);
    if (!found.url)
        from_environment(&found);
    /* A dev folder that was named goes before a login that is merely lying about. */
    if (!found.url && dev && dev[0])
        good = from_dev(&found, err);
    if (good && !found.url)
        good = from_file(path, &found, err);
    if (good && !found.url)
        good = from_dev(&found, err);
    if (good && token_file_option) {
        mem_free(TAKE(found.token));
        good = read_token(token_file_option, &found.token, err);
    }
    if (good && found.url && !found.token)
        good = find_token(path, &found, err);
    if (good && !found.url)
        good = err_set(err, ERR_INVALID,
                       "no server is known: start 'slipwayd --dev', run 'slipway login URL', or "
                       "give --url");
    if (!good) {
        login_done(&found);
        return false;
    }
    *out = found;
    return true;
}

bool login_save(const struct login *login, struct err *err)
{
    AUTO_FREE char *path = login_path();
    AUTO_FREE char *dir = mem_strndup(path, (size_t)(strrchr(path, '/') - path));
    AUTO_JSON *tree = json_pack("{s:s, s:s}", "url", login->url, "token", login->token);
    AUTO_FREE char *text = json_text(tree);

    return file_make_dirs(dir, 0700, err) && file_write(path, 0600, text, strlen(text), err);
}

void login_done(struct login *login)
{
    if (login->token)
        crypto_wipe(login->token, strlen(login->token));
    mem_free(TAKE(login->token));
    mem_free(TAKE(login->url));
}
