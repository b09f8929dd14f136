/* Options are a table per command; there is nothing clever about them. */
#include "device-client/command.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "device-client/supervisor/config.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/os/file.h"

static const struct option *find(const struct option *options, size_t count, const char *word)
{
    bool is_option = text_starts_with(word, "--");

    for (size_t i = 0; i < count; i++) {
        if (is_option ? options[i].name && text_equal(options[i].name, word)
                      : !options[i].name && !*options[i].value)
            return &options[i];
    }
    return NULL;
}

static bool has_all(const struct option *options, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!options[i].required || *options[i].value)
            continue;
        (void)fprintf(stderr, "slipway-agent: %s is missing\n",
                      options[i].name ? options[i].name : "an argument");
        return false;
    }
    return true;
}

bool options_parse(int argc, char **argv, const struct option *options, size_t count)
{
    for (int i = 0; i < argc; i++) {
        const struct option *option = find(options, count, argv[i]);

        if (!option) {
            (void)fprintf(stderr, "slipway-agent: '%s' is not known here\n", argv[i]);
            return false;
        }
        if (option->flag) {
            *option->flag = true;
            continue;
        }
        if (option->name && ++i == argc) {
            (void)fprintf(stderr, "slipway-agent: %s needs a value\n", option->name);
            return false;
        }
        *option->value = argv[i];
    }
    return has_all(options, count);
}

int command_failed(const struct err *err)
{
    if (err->refusal != REFUSAL_NONE)
        (void)fprintf(stderr, "slipway-agent: %s: %s\n", refusal_name(err->refusal), err->text);
    else
        (void)fprintf(stderr, "slipway-agent: %s\n", err->text);
    return EXIT_FAILED;
}

bool command_find_agent(const char *state_dir, int *out_pid, struct err *err)
{
    AUTO_FREE char *path = state_path(state_dir, "lock");
    AUTO_CLOSE int fd = -1;
    AUTO_BUF text;
    uint64_t pid = 0;

    buf_init(&text, 64);
    *out_pid = 0;
    if (!file_exists(path) || file_lock(path, &fd, err))
        return true;
    if (err->code != ERR_CONFLICT || !file_read(path, &text, err))
        return false;
    if (!text_to_u64(buf_text(&text), strcspn(buf_text(&text), "\n"), 1, INT32_MAX, &pid))
        return err_set(err, ERR_UNAVAILABLE, "the agent is just starting");
    *err = (struct err){0};
    *out_pid = (int)pid;
    return true;
}
