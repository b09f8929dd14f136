/* Runs stored inputs through a fuzz target with any compiler: the corpus as an ordinary test. */
#include <stdio.h>

#include "lib/base/buf.h"
#include "lib/os/file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        AUTO_BUF input;
        struct err err = {0};

        buf_init(&input, 64 << 20);
        if (!file_read(argv[i], &input, &err)) {
            (void)fprintf(stderr, "%s\n", err.text);
            return 1;
        }
        (void)LLVMFuzzerTestOneInput((const uint8_t *)buf_text(&input), input.len);
    }
    (void)printf("%d inputs replayed\n", argc - 1);
    return argc > 1 ? 0 : 1;
}
