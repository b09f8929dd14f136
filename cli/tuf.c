/*
 * `slipway-tuf`: a plain TUF client on the device's own code, with the command line that public
 * conformance suites drive. Exit status 0 or 1, nothing else.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cli/tuf/client.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/os/file.h"

enum { TARGETS_MAX = 256 };

struct arguments {
    const char *metadata_url;
    const char *metadata_dir;
    const char *target_url;
    const char *target_dir;
    const char *targets[TARGETS_MAX];
    size_t target_count;
    const char *command;
    const char *file; /* of init */
};

typedef bool command_fn(const struct arguments *args, struct tuf_client *client, struct err *err);
static command_fn run_init, run_refresh, run_download;

/* clang-format off */
static const struct command {
    const char *name;
    bool wants_file, wants_url, wants_targets;
    command_fn *run;
} commands[] = {
    /* name       file   url    targets */
    {"init",      true,  false, false,  run_init},
    {"refresh",   false, true,  false,  run_refresh},
    {"download",  false, true,  true,   run_download},
};
/* clang-format on */

static int usage(void)
{
    (void)fprintf(stderr,
                  "usage: slipway-tuf --metadata-dir DIR init TRUSTED_ROOT\n"
                  "       slipway-tuf --metadata-url URL --metadata-dir DIR refresh\n"
                  "       slipway-tuf --metadata-url URL --metadata-dir DIR --target-name NAME...\n"
                  "                   --target-dir DIR --target-base-url URL download\n"
                  "A plain TUF 1.0 client: keeps what it trusts in DIR. Exit status 0 or 1.\n");
    return 1;
}

/* The file that was given stands for the stored root until it is known to be one. */
static bool load_given(void *arg, const char *name, struct buf *out, struct err *err)
{
    const struct buf *given = arg;

    (void)name;
    buf_add(out, given->data, given->len);
    return !out->failed || err_set(err, ERR_LIMIT, "the root is too long");
}

static bool run_init(const struct arguments *args, struct tuf_client *client, struct err *err)
{
    const struct tuf_io io = tuf_client_io(client);
    struct tuf_set *set = NULL;
    AUTO_BUF root;
    const struct tuf_io given = {.load = load_given, .arg = &root};

    buf_init(&root, TUF_ROOT_BYTES_MAX);
    (void)text_copy(client->file, sizeof(client->file), "root.json"); /* what it is about */
    if (!file_read(args->file, &root, err) || !tuf_load_root(&given, &tuf_limits_wide, &set, err))
        return false;
    tuf_set_free(set);
    return file_make_dirs(args->metadata_dir, 0755, err) &&
           io.store(io.arg, "root.json", buf_text(&root), root.len, err);
}

static bool run_refresh(const struct arguments *args, struct tuf_client *client, struct err *err)
{
    const struct tuf_io io = tuf_client_io(client);
    struct tuf_set *set = NULL;

    (void)args;
    if (!tuf_refresh(&io, &tuf_limits_wide, clock_now_ms(), &set, err))
        return false;
    tuf_set_free(set);
    return true;
}

static bool download_one(struct tuf_client *client, struct tuf_set *set, const char *name,
                         struct err *err)
{
    AUTO_TUF_TARGET target = {0};

    return tuf_find(set, name, NULL, &target, err) && tuf_client_download(client, &target, err);
}

static bool run_download(const struct arguments *args, struct tuf_client *client, struct err *err)
{
    const struct tuf_io io = tuf_client_io(client);
    struct tuf_set *set = NULL;
    bool good = tuf_refresh(&io, &tuf_limits_wide, clock_now_ms(), &set, err) &&
                file_make_dirs(args->target_dir, 0755, err);

    for (size_t i = 0; i < args->target_count && good; i++)
        good = download_one(client, set, args->targets[i], err);
    tuf_set_free(set);
    return good;
}

/* Options may stand before, behind and around the command. */
static bool parse(int argc, char **argv, struct arguments *out)
{
    struct {
        const char *name;
        const char **value;
    } const options[] = {
        {"--metadata-url", &out->metadata_url},
        {"--metadata-dir", &out->metadata_dir},
        {"--target-base-url", &out->target_url},
        {"--target-dir", &out->target_dir},
    };

    for (int i = 1; i < argc; i++) {
        bool known = false;

        if (strncmp(argv[i], "--", 2) != 0) {
            if (out->command && out->file)
                return false;
            *(out->command ? &out->file : &out->command) = argv[i];
            continue;
        }
        if (i + 1 == argc)
            return false;
        if (text_equal(argv[i], "--target-name")) {
            if (out->target_count == TARGETS_MAX)
                return false;
            out->targets[out->target_count++] = argv[++i];
            continue;
        }
        for (size_t k = 0; k < COUNT(options) && !known; k++) {
            known = text_equal(argv[i], options[k].name);
            if (known)
                *options[k].value = argv[++i];
        }
        if (!known)
            return false;
    }
    return true;
}

static const struct command *find(const struct arguments *args)
{
    for (size_t i = 0; args->command && i < COUNT(commands); i++) {
        const struct command *command = &commands[i];

        if (!text_equal(args->command, command->name))
            continue;
        if (!args->metadata_dir || command->wants_file != (args->file != NULL) ||
            (command->wants_url && !args->metadata_url) ||
            (command->wants_targets &&
             (args->target_count == 0 || !args->target_url || !args->target_dir)))
            return NULL;
        return command;
    }
    return NULL;
}

/* "7.os-demo.json" is about "os-demo". */
static void print_refusal(const struct tuf_client *client, const struct err *err)
{
    const char *role = client->file;
    size_t digits = strspn(role, "0123456789");

    if (digits && role[digits] == '.')
        role += digits + 1;
    (void)fprintf(stderr, "result=%s role=%.*s repo=%s\nslipway-tuf: %s\n",
                  err->refusal != REFUSAL_NONE ? refusal_name(err->refusal)
                                               : err_code_name(err->code),
                  (int)(text_ends_with(role, ".json") ? strlen(role) - 5 : strlen(role)), role,
                  client->metadata_url ? client->metadata_url : "-", err->text);
}

static char *without_slash(const char *url)
{
    size_t len = url ? strlen(url) : 0;

    while (len > 0 && url[len - 1] == '/')
        len--;
    return url ? mem_strndup(url, len) : NULL;
}

int main(int argc, char **argv)
{
    const struct client_options options = {.user_agent = "slipway-tuf/1"};
    struct arguments args = {0};
    const struct command *command;
    AUTO_FREE char *metadata_url = NULL;
    AUTO_FREE char *target_url = NULL;
    struct tuf_client client = {0};
    struct err err = {0};
    bool good;

    if (!parse(argc, argv, &args) || !(command = find(&args)))
        return usage();
    (void)signal(SIGPIPE, SIG_IGN);
    metadata_url = without_slash(args.metadata_url);
    target_url = without_slash(args.target_url);
    client = (struct tuf_client){.metadata_dir = args.metadata_dir,
                                 .metadata_url = metadata_url,
                                 .target_dir = args.target_dir,
                                 .target_url = target_url};
    good = client_open(&options, &client.http, &err) && command->run(&args, &client, &err);
    if (!good)
        print_refusal(&client, &err);
    client_close(client.http);
    return good ? 0 : 1;
}
