/*
 * deltagen: small patches between two images, for build machines and the server's workers.
 * Commands and options are tables; each command has a file of its own.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "deltagen/command.h"
#include "deltagen/make.h"
#include "lib/base/text.h"

enum {
    MEMORY_DIFF_BYTES = 0, /* not told */
    MEMORY_APPLY_BYTES = 512 << 20,
    THREADS_MAX = 16,
    ERASE_BYTES = 4 << 10,
};

/* clang-format off */
static const struct command {
    const char *name;
    command_fn *run;
    int files;
    const char *options; /* the letters of those below that it takes */
    uint64_t memory_bytes;
    const char *usage;
    const char *help;
} commands[] = {
    {"diff",   command_diff,   3, "jckmtie", MEMORY_DIFF_BYTES,
     "diff OLD NEW PATCH [--class S|M|L|Z|X|H] [--codec auto|zlib|zstd|cm|stored] [--memory SIZE]\n"
     "           [--threads N] [--in-place SIZE [--erase-block SIZE]] [--json]",
     "make PATCH, which turns OLD into NEW; it is tried before it is written"},
    {"full",   command_full,   2, "jckmt", MEMORY_DIFF_BYTES,
     "full IMAGE PATCH [--class S|M|L|Z|X|H] [--codec auto|zlib|zstd|cm|stored] [--memory SIZE]\n"
     "           [--threads N] [--json]",
     "a patch that makes IMAGE of nothing, for devices whose image there is no patch for"},
    {"apply",  command_apply,  3, "m",    MEMORY_APPLY_BYTES,
     "apply OLD PATCH NEW [--memory SIZE]",
     "make NEW, with the code that runs on devices"},
    {"info",   command_info,   1, "j",    MEMORY_APPLY_BYTES,
     "info PATCH [--json]",
     "what a patch is for, and what applying it takes"},
    {"verify", command_verify, 3, "m",    MEMORY_APPLY_BYTES,
     "verify OLD PATCH NEW [--memory SIZE]",
     "whether PATCH makes NEW of OLD; writes nothing"},
    {"update", command_update, 2, "mo",   MEMORY_APPLY_BYTES,
     "update IMAGE PATCH [--journal FILE] [--memory SIZE]",
     "make the new image where the old one lies, by a patch of diff --in-place; goes on after it\n"
     "      was interrupted"},
};
/* clang-format on */

static const struct option long_options[] = {
    {"json", no_argument, NULL, 'j'},
    {"codec", required_argument, NULL, 'c'},
    {"class", required_argument, NULL, 'k'},
    {"memory", required_argument, NULL, 'm'},
    {"threads", required_argument, NULL, 't'},
    {"in-place", required_argument, NULL, 'i'},
    {"erase-block", required_argument, NULL, 'e'},
    {"journal", required_argument, NULL, 'o'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

int command_failed(const struct err *err)
{
    (void)fprintf(stderr, "deltagen: %s%s%s%s\n", err->text, err->refusal ? " (" : "",
                  err->refusal ? refusal_name(err->refusal) : "", err->refusal ? ")" : "");
    return EXIT_FAILED;
}

static void print_help(FILE *out)
{
    (void)fprintf(out, "deltagen: small patches between two images\n\n");
    for (size_t i = 0; i < COUNT(commands); i++)
        (void)fprintf(out, "  deltagen %s\n      %s\n", commands[i].usage, commands[i].help);
    (void)fprintf(
        out,
        "\n"
        "  --codec    how the patch is coded; auto (the default) tries all that may be worth it\n"
        "  --class    what the device may spend on applying, at most: S 48K, M 256K, L 1M, Z 3M,\n"
        "             X 7M (the default), H 64M; more than L is taken only to pack what was "
        "packed\n"
        "  --memory   diff, full: all that deltagen itself may use beside the images, by default\n"
        "             about 1G; else what applying may use\n"
        "  --threads  codecs tried at once; default: one for each CPU\n"
        "  --in-place the device has room for one image: how long the region is that it lies in\n"
        "  --erase-block  of that region's medium, 256 to 1M, default 4K\n"
        "  --journal  where update notes how far it came; default: IMAGE.journal\n"
        "  --json     the result as one line of JSON\n"
        "\n"
        "examples:\n"
        "  deltagen diff rootfs-1.img rootfs-2.img update.patch\n"
        "  deltagen diff --json --class M old.bin new.bin small.patch\n"
        "  deltagen info update.patch\n"
        "  deltagen apply rootfs-1.img update.patch rebuilt.img\n"
        "  deltagen diff --in-place 1M --erase-block 4K --class M old.bin new.bin one-slot.patch\n"
        "  deltagen update flash.img one-slot.patch\n"
        "\n"
        "Exit status: 0 done, 1 refused or failed, 2 wrong usage.\n");
}

static int wrong_usage(const struct command *command, const char *what, const char *value)
{
    (void)fprintf(stderr, "deltagen: %s '%s'\n", what, value);
    if (command)
        (void)fprintf(stderr, "usage: deltagen %s\n", command->usage);
    else
        (void)fprintf(stderr, "try 'deltagen --help'\n");
    return EXIT_USAGE;
}

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < COUNT(commands); i++)
        if (text_equal(commands[i].name, name))
            return &commands[i];
    return NULL;
}

static bool parse_codec(const char *name, int *out)
{
    if (text_equal(name, "auto")) {
        *out = MAKE_CODEC_AUTO;
        return true;
    }
    for (int codec = 0; codec < DELTA_CODEC_COUNT; codec++)
        if (text_equal(name, delta_codec_name((enum delta_codec)codec))) {
            *out = codec;
            return true;
        }
    return false;
}

static bool parse_class(const char *name, enum delta_class *out)
{
    for (int class = 0; class < DELTA_CLASS_COUNT; class ++)
        if (text_equal(name, delta_class_name((enum delta_class) class))) {
            *out = (enum delta_class) class;
            return true;
        }
    return false;
}

static bool parse_erase(const char *value, uint64_t *out)
{
    return text_to_size(value, out) && (*out & (*out - 1)) == 0 &&
           *out >= UINT64_C(1) << DELTA_ERASE_LOG2_MIN &&
           *out <= UINT64_C(1) << DELTA_ERASE_LOG2_MAX;
}

/* Returns what is wrong with the option's value, or NULL. */
static const char *take_option(int letter, const char *value, struct options *options)
{
    uint64_t number;

    switch (letter) {
    case 'j':
        options->json = true;
        return NULL;
    case 'c':
        return parse_codec(value, &options->codec) ? NULL : "there is no codec";
    case 'k':
        return parse_class(value, &options->class) ? NULL : "there is no memory class";
    case 'm':
        return text_to_size(value, &options->memory_bytes) ? NULL : "not a size:";
    case 't':
        if (!text_to_u64(value, strlen(value), 1, THREADS_MAX, &number))
            return "not a number of threads from 1 to 16:";
        options->threads = (unsigned)number;
        return NULL;
    case 'i':
        return text_to_size(value, &options->region_bytes) && options->region_bytes > 0
                   ? NULL
                   : "not a size:";
    case 'e':
        return parse_erase(value, &options->erase_bytes) ? NULL
                                                         : "not a power of two from 256 to 1M:";
    case 'o':
        options->journal = value;
        return NULL;
    default:
        return "unknown option";
    }
}

static int parse(const struct command *command, int argc, char **argv, struct options *options)
{
    int letter;

    opterr = 0;
    while ((letter = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        const char *wrong;

        if (letter == 'h') {
            print_help(stdout);
            return -1;
        }
        if (letter == '?' || !strchr(command->options, letter))
            return wrong_usage(command, "unknown or incomplete option", argv[optind - 1]);
        wrong = take_option(letter, optarg, options);
        if (wrong)
            return wrong_usage(command, wrong, optarg);
    }
    if (argc - optind != command->files)
        return wrong_usage(command, "wrong number of files for", command->name);
    for (int i = 0; i < command->files; i++)
        options->files[i] = argv[optind + i];
    return EXIT_DONE;
}

int main(int argc, char **argv)
{
    const struct command *command = argc > 1 ? find_command(argv[1]) : NULL;
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    struct options options = {
        .codec = MAKE_CODEC_AUTO, .class = DELTA_CLASS_X, .erase_bytes = ERASE_BYTES};
    int status;

    if (argc > 1 && (text_equal(argv[1], "--help") || text_equal(argv[1], "help"))) {
        print_help(stdout);
        return EXIT_DONE;
    }
    if (!command)
        return wrong_usage(NULL, "there is no command", argc > 1 ? argv[1] : "");
    options.memory_bytes = command->memory_bytes;
    options.threads = cpus < 1 ? 1 : cpus > THREADS_MAX ? THREADS_MAX : (unsigned)cpus;
    status = parse(command, argc - 1, argv + 1, &options);
    if (status != EXIT_DONE)
        return status < 0 ? EXIT_DONE : status;
    return command->run(&options);
}
