/*
 * slipway-symbolize FILE ADDRESS [FILE ADDRESS]...: a line for each pair, FUNCTION, SOURCE and LINE
 * between tabs, empty where nothing is known.
 *
 * Started by the server for what its users uploaded. It opens the files, gives up everything else,
 * and only then looks into them; limits of memory and time are set by who starts it. Whatever a
 * file does to it, the server gets lines that it checks, or none.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/text.h"
#include "symbolize/confine.h"
#include "symbolize/look.h"

enum { PAIRS_MAX = 32 };

struct pair {
    const char *path;
    int fd;
    uint64_t address;
};

static bool read_pairs(int argc, char **argv, struct pair pairs[PAIRS_MAX], size_t *count)
{
    *count = (size_t)(argc - 1) / 2;
    if (argc < 3 || argc % 2 == 0 || *count > PAIRS_MAX)
        return false;
    for (size_t i = 0; i < *count; i++) {
        const char *address = argv[2 + 2 * i];

        pairs[i].path = argv[1 + 2 * i];
        if (!text_to_u64(address, strlen(address), 0, UINT64_MAX, &pairs[i].address))
            return false;
        pairs[i].fd = i > 0 && text_equal(pairs[i].path, pairs[i - 1].path)
                          ? pairs[i - 1].fd
                          : open(pairs[i].path, O_RDONLY | O_CLOEXEC);
    }
    return true;
}

/* Neighbours are often of the same file: it is read once. */
static void print_pairs(const struct pair *pairs, size_t count)
{
    struct debug_file *file = NULL;

    for (size_t i = 0; i < count; i++) {
        struct look look = {0};

        if (i == 0 || pairs[i].fd != pairs[i - 1].fd) {
            debug_file_close(file);
            file = pairs[i].fd >= 0 ? debug_file_open(pairs[i].fd) : NULL;
        }
        if (file)
            debug_file_look(file, pairs[i].address, &look);
        (void)printf("%s\t%s\t%d\n", look.function, look.source, look.line);
    }
    debug_file_close(file);
}

int main(int argc, char **argv)
{
    struct pair pairs[PAIRS_MAX];
    struct err err;
    size_t count;

    if (!read_pairs(argc, argv, pairs, &count)) {
        (void)fputs("usage: slipway-symbolize FILE ADDRESS [FILE ADDRESS]...\n", stderr);
        return 2;
    }
    if (!confine(&err)) {
        (void)fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    print_pairs(pairs, count);
    return fflush(stdout) == 0 ? 0 : 1;
}
