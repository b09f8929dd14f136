/* The first byte says how many lines are expected. */
#include <string.h>

#include "server/reports/symbols.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct symbol symbols[SYMBOLS_MAX];
    struct err err;
    size_t count;

    if (size == 0)
        return 0;
    count = data[0] % (SYMBOLS_MAX + 1);
    if (symbols_parse((const char *)data + 1, size - 1, symbols, count, &err)) {
        for (size_t i = 0; i < count; i++)
            ASSERT(strlen(symbols[i].function) < SYMBOLS_TEXT_ROOM &&
                   strlen(symbols[i].source) < SYMBOLS_TEXT_ROOM);
    }
    return 0;
}
