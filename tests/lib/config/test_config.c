#include "lib/config/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "lib/base/mem.h"

struct sample {
    char *name;
    uint64_t port;
    uint64_t room_bytes;
    bool quiet;
};

static const struct config_key keys[] = {
    {.name = "name",
     .type = CONFIG_TEXT,
     .field = offsetof(struct sample, name),
     .fallback = "boat",
     .min = 1,
     .max = 12,
     .help = "What it is called."},
    {.name = "listen.port",
     .type = CONFIG_UINT,
     .field = offsetof(struct sample, port),
     .fallback = "8443",
     .min = 1,
     .max = 65535,
     .help = "Where it listens."},
    {.name = "disk.room",
     .type = CONFIG_SIZE,
     .field = offsetof(struct sample, room_bytes),
     .fallback = "1M",
     .min = 1024,
     .max = 1 << 30,
     .help = "How much it may keep."},
    {.name = "quiet",
     .type = CONFIG_BOOL,
     .field = offsetof(struct sample, quiet),
     .fallback = "false",
     .help = "Whether it is silent."},
};
static const struct config_table table = {keys, COUNT(keys), "BOAT"};

static bool parse(const char *text, struct sample *out, struct err *err)
{
    return config_parse(&table, text, strlen(text), out, err);
}

Test(config, an_empty_file_gives_the_defaults)
{
    struct sample sample;
    struct err err;

    cr_assert(parse("", &sample, &err), "%s", err.text);
    cr_assert_str_eq(sample.name, "boat");
    cr_assert_eq(sample.port, 8443);
    cr_assert_eq(sample.room_bytes, 1 << 20);
    cr_assert_not(sample.quiet);
    config_done(&table, &sample);
}

Test(config, lines_are_keys_and_values_comments_or_empty)
{
    struct sample sample;
    struct err err;

    cr_assert(parse("# a comment\n\n \tname=  a = b # c \r\nlisten.port = 65535\nquiet = true\n"
                    "disk.room = 64K",
                    &sample, &err),
              "%s", err.text);
    cr_assert_str_eq(sample.name, "a = b # c");
    cr_assert_eq(sample.port, 65535);
    cr_assert_eq(sample.room_bytes, 64 << 10);
    cr_assert(sample.quiet);
    config_done(&table, &sample);
}

Test(config, mistakes_are_refused_with_their_line)
{
    static const struct {
        const char *text;
        const char *words;
    } cases[] = {
        {"listen.prot = 1", "line 1: there is no key 'listen.prot'"},
        {"\nname", "line 2: 'name' is not 'key = value'"},
        {"quiet = true\nquiet = true", "line 2: key 'quiet' is set twice"},
        {"listen.port = 0", "'listen.port' is a number between 1 and 65535"},
        {"listen.port = 65536", "'listen.port' is a number between 1 and 65535"},
        {"listen.port = 08", "'listen.port' is a number between 1 and 65535"},
        {"listen.port =", "'listen.port' is a number between 1 and 65535"},
        {"name =", "'name' is a text with a length between 1 and 12"},
        {"name = 1234567890123", "'name' is a text with a length between 1 and 12"},
        {"name = a\tb", "'name' holds a control character"},
        {"quiet = yes", "'quiet' is 'true' or 'false'"},
        {"disk.room = 1023",
         "'disk.room' is a size (like 64K, 3M, 2G) between 1024 and 1073741824"},
        {"disk.room = 2G", "'disk.room' is a size"},
        {"disk.room = much", "'disk.room' is a size"},
        {"= 1", "there is no key ''"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct sample sample;
        struct err err = {0};

        cr_expect_not(parse(cases[i].text, &sample, &err), "%s", cases[i].text);
        cr_expect_eq(err.code, ERR_INVALID, "%s", cases[i].text);
        cr_expect(strstr(err.text, cases[i].words), "%s: %s", cases[i].text, err.text);
    }
}

Test(config, a_nul_and_a_file_that_is_too_long_are_refused)
{
    AUTO_FREE char *big = mem_alloc(CONFIG_FILE_BYTES_MAX + 1);
    struct sample sample;
    struct err err;

    cr_assert_not(config_parse(&table, "quiet\0 = true", 13, &sample, &err));
    cr_assert_eq(err.code, ERR_INVALID);
    memset(big, '\n', CONFIG_FILE_BYTES_MAX + 1);
    cr_assert_not(config_parse(&table, big, CONFIG_FILE_BYTES_MAX + 1, &sample, &err));
    cr_assert_eq(err.code, ERR_LIMIT);
    cr_assert(config_parse(&table, big, CONFIG_FILE_BYTES_MAX, &sample, &err));
    config_done(&table, &sample);
}

Test(config, the_environment_wins_over_the_file)
{
    struct sample sample;
    char path[] = "/tmp/slipway-config-XXXXXX";
    int fd = mkstemp(path);
    FILE *file = fdopen(fd, "w");
    struct err err;

    cr_assert_not_null(file);
    cr_assert_geq(fputs("listen.port = 1\nname = file\n", file), 0);
    cr_assert_eq(fclose(file), 0);
    cr_assert_eq(setenv("BOAT_LISTEN_PORT", "2", 1), 0);
    cr_assert_eq(setenv("BOAT_SOMETHING_ELSE", "2", 1), 0);
    cr_assert(config_load(&table, path, &sample, &err), "%s", err.text);
    cr_assert_eq(sample.port, 2);
    cr_assert_str_eq(sample.name, "file");
    config_done(&table, &sample);

    cr_assert_eq(setenv("BOAT_LISTEN_PORT", "x", 1), 0);
    cr_assert_not(config_load(&table, path, &sample, &err));
    cr_assert(strstr(err.text, "environment variable BOAT_LISTEN_PORT"), "%s", err.text);
    cr_assert_eq(remove(path), 0);
    cr_assert_not(config_load(&table, path, &sample, &err), "the file is gone");
    cr_assert_eq(unsetenv("BOAT_LISTEN_PORT"), 0);
    cr_assert(config_load(&table, NULL, &sample, &err), "no file at all is fine");
    config_done(&table, &sample);
}

Test(config, help_and_sample_are_printed_from_the_table)
{
    AUTO_BUF help;
    AUTO_BUF sample;

    buf_init(&help, 4096);
    buf_init(&sample, 4096);
    config_print_help(&table, &help);
    config_print_sample(&table, &sample);
    cr_assert(strstr(buf_text(&help), "listen.port (number, 1 to 65535, default 8443; "
                                      "BOAT_LISTEN_PORT)\n    Where it listens.\n"),
              "%s", buf_text(&help));
    cr_assert(strstr(buf_text(&sample), "# Where it listens.\n# listen.port = 8443\n"));
}

Test(config, what_is_formatted_parses_to_the_same)
{
    struct sample sample;
    struct sample again;
    AUTO_BUF text;
    struct err err;

    buf_init(&text, 4096);
    cr_assert(parse("name = x y\ndisk.room = 4K\nquiet = true", &sample, &err), "%s", err.text);
    config_format(&table, &sample, &text);
    cr_assert(parse(buf_text(&text), &again, &err), "%s", err.text);
    cr_assert_str_eq(again.name, sample.name);
    cr_assert_eq(again.port, sample.port);
    cr_assert_eq(again.room_bytes, sample.room_bytes);
    cr_assert_eq(again.quiet, sample.quiet);
    config_done(&table, &sample);
    config_done(&table, &again);
}
