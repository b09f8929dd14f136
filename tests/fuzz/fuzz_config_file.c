/* A configuration file that is accepted formats to one that parses to the same. */
#include <string.h>

#include "lib/config/config.h"

struct sample {
    char *text;
    uint64_t number;
    uint64_t size_bytes;
    bool flag;
};

static const struct config_key keys[] = {
    {"text", CONFIG_TEXT, offsetof(struct sample, text), "", 0, 64, "A text."},
    {"a.number", CONFIG_UINT, offsetof(struct sample, number), "5", 1, 1000, "A number."},
    {"a.size", CONFIG_SIZE, offsetof(struct sample, size_bytes), "1K", 1, 1 << 30, "A size."},
    {"flag", CONFIG_BOOL, offsetof(struct sample, flag), "false", 0, 0, "A flag."},
};
static const struct config_table table = {keys, COUNT(keys), "FUZZ"};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sample sample;
    struct sample again;
    struct err err;
    AUTO_BUF text;

    buf_init(&text, 4096);
    if (!config_parse(&table, (const char *)data, size, &sample, &err)) {
        ASSERT(err.code == ERR_INVALID || err.code == ERR_LIMIT);
        return 0;
    }
    config_format(&table, &sample, &text);
    ASSERT(config_parse(&table, buf_text(&text), text.len, &again, &err));
    ASSERT(strcmp(sample.text, again.text) == 0 && sample.number == again.number);
    ASSERT(sample.size_bytes == again.size_bytes && sample.flag == again.flag);
    config_done(&table, &sample);
    config_done(&table, &again);
    return 0;
}
